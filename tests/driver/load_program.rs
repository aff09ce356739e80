//! `cqlwire load` on a server in memory: files of every kind, rows that cannot be loaded, and loads that are resumed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cqlwire::Session;
use cqlwire::message::{ErrorCode, Request, ServerError};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::types::{FromRow, Record};
use cqlwire::wire::RawValue;

use crate::program::{Output, run, run_with_input};

const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

const CREATE: [&str; 4] = [
    "CREATE KEYSPACE ks WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
    "CREATE TABLE ks.users (id int PRIMARY KEY, name text, \"Tags\" set<text>)",
    "CREATE TABLE ks.counts (id int PRIMARY KEY, n counter)",
    "CREATE TABLE ks.times (id int PRIMARY KEY, d decimal, at timestamp, v vector<float, 2>)",
];

/// A server, and a folder for the files of the test.
struct Fixture {
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Fixture {
    /// Starts a server. It refuses the INSERT of a user with the name `refused`.
    fn start() -> Self {
        let (sender, address) = mpsc::channel();
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let server = MockServer::bind("127.0.0.1:0").await.unwrap();
                let session = Session::builder().contact_points([server.address()]);
                let session = session.connect().await.unwrap();
                for statement in CREATE {
                    session.execute(statement, ()).await.unwrap();
                }
                let server = server.on_request(|frame| {
                    let Request::Execute(execute) = &frame.request else { return None };
                    let mut values = execute.parameters.values.iter();
                    let is_refused = values.any(|of| of.value == RawValue::Bytes(b"refused"));
                    let error = ServerError::new(ErrorCode::Invalid, "refused by the test");
                    is_refused.then(|| Reply::from(error))
                });
                sender.send(server.address()).unwrap();
                // The server runs until the test process ends.
                std::future::pending::<()>().await;
            });
        });
        let address = address.recv().unwrap();
        Self { address, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let errors = self.path("errors");
        let (host, errors) = (self.address.to_string(), errors.to_str().unwrap());
        let all = [&["load", "--host", &host, "--errors", errors], arguments].concat();
        all.into_iter().map(str::to_owned).collect()
    }

    fn load(&self, arguments: &[&str]) -> Output {
        let arguments = self.arguments(arguments);
        run(CQLWIRE, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn execute(&self, statement: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let session =
                Session::builder().contact_points([self.address]).connect().await.unwrap();
            session.execute(statement, ()).await.unwrap();
        });
    }

    /// Returns the rows of a query, which have the types of `T`.
    fn rows<T: for<'r> FromRow<'r>>(&self, query: &str) -> Vec<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let session =
                Session::builder().contact_points([self.address]).connect().await.unwrap();
            let mut stream = session.stream::<T>(query, ());
            let mut rows = Vec::new();
            while let Some(row) = stream.try_next().await.unwrap() {
                rows.push(row);
            }
            rows
        })
    }

    /// Returns the users as text, by id.
    fn users(&self) -> BTreeMap<String, String> {
        let rows = self.rows::<Record>("SELECT * FROM ks.users");
        let user = |row: &Record| {
            let text = |name: &str| row.get(name).unwrap().to_string();
            (text("id"), format!("{} {}", text("name"), text("Tags")))
        };
        rows.iter().map(user).collect()
    }

    fn error_file(&self, name: &str) -> String {
        fs::read_to_string(self.path("errors").join(name)).unwrap()
    }
}

fn assert_ok(output: &Output) {
    assert_eq!((output.code, output.stdout.as_str()), (0, ""), "{output:?}");
}

fn users<const N: usize>(users: [(&str, &str); N]) -> BTreeMap<String, String> {
    users.into_iter().map(|(id, rest)| (id.to_owned(), rest.to_owned())).collect()
}

#[test]
fn loads_files_of_every_kind() {
    let fixture = Fixture::start();
    let expected = users([("1", "'a,\n\"b\"' {'x', 'y'}"), ("2", "'' null"), ("3", "null null")]);
    let csv = "id,name,Tags\n1,\"a,\n\"\"b\"\"\",\"{'x', 'y'}\"\n2,\"\",\n3,,\n";
    let json = "{\"id\":1,\"name\":\"a,\\n\\\"b\\\"\",\"\\\"Tags\\\"\":[\"x\",\"y\"]}\n{\"id\":2,\"name\":\"\"}\n{\"id\":3}\n";
    let other = "3|\\N|\\N\n1|'a,\n\"b\"'|{'x', 'y'}\n2||\\N\n";
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(csv.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = zstd::encode_all(json.as_bytes(), 0).unwrap();
    let files = [
        (fixture.write("users.csv", csv), vec![]),
        (fixture.write("users.csv.gz", &gzip), vec![]),
        (fixture.write("unnamed", &gzip), vec![]),
        (fixture.write("users.jsonl", json), vec![]),
        (fixture.write("users.jsonl.zst", zstd), vec![]),
        (
            fixture.write("other.csv", other),
            vec![
                "--delimiter",
                "|",
                "--quote",
                "'",
                "--null",
                "\\N",
                "--no-header",
                "--columns",
                "id,name,rest",
                "--map",
                "rest=Tags",
                "--max-errors",
                "0",
            ],
        ),
    ];
    for (index, (file, arguments)) in files.iter().enumerate() {
        let output = fixture.load(&[&["ks.users", "--from", file], arguments.as_slice()].concat());
        assert_ok(&output);
        assert!(
            output.stderr.starts_with("3 rows read, 3 acknowledged, 0 failed in "),
            "{output:?}"
        );
        assert_eq!(fixture.users(), expected, "{index}");
        fixture.execute("TRUNCATE ks.users");
    }
    assert!(!fixture.path("errors").join("users.csv.err").exists());
    let arguments = fixture.arguments(&["--from", "-", "-k", "ks", "users"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    for input in [csv, &format!("\u{feff}\n{json}")] {
        fixture.execute("TRUNCATE ks.users");
        assert_ok(&run_with_input(CQLWIRE, &arguments, input.into()));
        assert_eq!(fixture.users(), expected);
    }
    fixture.execute("TRUNCATE ks.users");
    let headless = [&arguments[..], &["--no-header", "--columns", "id,name"]].concat();
    assert_ok(&run_with_input(CQLWIRE, &headless, b"7,a\n".to_vec()));
    assert_eq!(fixture.users(), users([("7", "'a' null")]));
}

#[test]
fn rows_are_written_while_standard_input_stays_open() {
    let fixture = Fixture::start();
    let rows: String = (0..3).map(|id| format!("{id},a\n")).collect();
    let arguments = fixture.arguments(&["ks.users", "--from", "-", "--format", "csv"]);
    let mut child = Command::new(CQLWIRE)
        .args(&arguments)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("id,name\n{rows}").as_bytes()).unwrap();
    until_blocking("all rows are written", || fixture.users().len() == 3);
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// The columns of a table with each type.
const EVERY_TYPE: &str = "id int PRIMARY KEY, a ascii, b bigint, bl blob, bo boolean, d date, de decimal, \
    dou double, du duration, f float, i inet, s smallint, t text, ti time, tu timeuuid, ts timestamp, \
    tn tinyint, u uuid, v varint, l list<text>, se set<int>, m map<text, frozen<list<double>>>, \
    tup frozen<tuple<int, text, date>>, udt frozen<pair>, vec vector<float, 2>, \"Odd, name\" text";

/// Rows of the table, as the columns and values of INSERTs.
const ROWS_OF_EVERY_TYPE: [&str; 6] = [
    r#"(id, a, b, bl, bo, d, de, dou)
       VALUES (1, 'a"b', -9223372036854775808, 0xcafe, true, '2024-02-29', 1.10, 0.1)"#,
    "(id, bl, d, de, dou, f, t) VALUES (2, 0x, 0, -1E+3, NaN, -Infinity, '')",
    "(id, du, f, i, s, ti, ts, tn)
     VALUES (3, -1mo2d3ns, 3.4028235E38, '2001:db8::1', -32768, '23:59:59.999999999', 9223372036854775807, -128)",
    "(id, t, tu, u, v, ts, dou)
     VALUES (4, ' it''s,\n\"\\\r\t\u{feff}', 50554d6e-29bb-11e5-b345-feff819cdc9f, \
             123e4567-e89b-12d3-a456-426655440000, -123456789012345678901234567890, \
             '1969-12-31 23:59:59.999Z', -0.0)",
    r#"(id, l, se, m, tup, udt, vec)
       VALUES (5, ['', 'a,''b'''], {3, 1}, {'k"': [1.5, -0.0], '': []}, (1, null, '9999-12-31'),
               {first: 'x', "Second": {1: [0x00]}}, [0.1, -2])"#,
    r#"(id, "Odd, name", tup, udt, i) VALUES (6, '\N', (null, '}', null), {first: null}, '127.0.0.1')"#,
];

#[test]
fn every_type_survives_unload_and_load() {
    let fixture = Fixture::start();
    fixture.execute("CREATE TYPE ks.pair (first text, \"Second\" map<int, frozen<list<blob>>>)");
    fixture.execute(
        &format!("CREATE TABLE ks.original ({EVERY_TYPE})").replace("<pair>", "<ks.pair>"),
    );
    for row in ROWS_OF_EVERY_TYPE {
        fixture.execute(&format!("INSERT INTO ks.original {row}"));
    }
    let sorted = |table: &str| {
        let mut rows = fixture.rows::<Record>(&format!("SELECT * FROM ks.{table}"));
        rows.sort_by_key(|row| row.get("id").and_then(cqlwire::Value::as_i64));
        // JSON writes fields that a value lacks.
        let shown = |row: &Record| row.to_string().replace(", \"Second\": null", "");
        rows.iter().map(shown).collect::<Vec<_>>()
    };
    let expected = sorted("original");
    let formats: [(&str, &[&str]); 5] = [
        ("csv", &[]),
        ("csv.gz", &["--delimiter", "tab", "--escape", "\\"]),
        ("csv.zst", &["--no-header", "--null", "NULL", "--quote", "'"]),
        ("jsonl", &[]),
        ("jsonl.zst", &[]),
    ];
    for (index, (extension, options)) in formats.into_iter().enumerate() {
        let path = fixture.path(&format!("original.{extension}"));
        let (path, host) = (path.to_str().unwrap(), fixture.address.to_string());
        let unload = ["unload", "--host", &host, "ks.original", "--to", path];
        let output = run(CQLWIRE, &[&unload[..], options].concat());
        assert_eq!(output.code, 0, "{output:?}");
        let table = format!("copy{index}");
        fixture.execute(
            &format!("CREATE TABLE ks.{table} ({EVERY_TYPE})").replace("<pair>", "<ks.pair>"),
        );
        let target = format!("ks.{table}");
        assert_ok(&fixture.load(&[&[target.as_str(), "--from", path], options].concat()));
        assert_eq!(sorted(&table), expected, "{extension}");
    }
}

#[test]
fn a_folder_is_loaded_as_a_whole() {
    let fixture = Fixture::start();
    fixture.write("in/a.csv", "id,name\n1,a\n");
    fixture.write("in/b.csv", "name,id\nb,2");
    fixture.write("in/notes.txt", "none");
    let folder = fixture.path("in");
    let output = fixture.load(&["ks.users", "--from", folder.to_str().unwrap()]);
    assert_ok(&output);
    assert!(output.stderr.contains("b.csv has no line break at its end"), "{output:?}");
    assert_eq!(fixture.users(), users([("1", "'a' null"), ("2", "'b' null")]));
    fixture.write("in/c.csv", "id,Tags\n1,{}\n");
    let output = fixture.load(&["ks.users", "--from", folder.to_str().unwrap()]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("its columns are id, Tags, but those of"), "{output:?}");
}

#[test]
fn rows_that_cannot_be_loaded_are_in_the_error_files() {
    let fixture = Fixture::start();
    let file = fixture.write("users.csv", "id,name\n1,a\nx,b\n3\n4,refused\n5,e\n,f\n7,\"g\n");
    let output = fixture.load(&["ks.users", "--from", &file]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.starts_with("7 rows read, 2 acknowledged, 5 failed in "), "{output:?}");
    assert!(
        output
            .stderr
            .contains("error: 5 rows could not be loaded; correct and load the .bad files in ")
    );
    assert_eq!(fixture.users(), users([("1", "'a' null"), ("5", "'e' null")]));
    let bad = fixture.error_file("users.csv.bad");
    let mut lines: Vec<&str> = bad.lines().collect();
    assert_eq!((lines[0], lines[5]), ("id,name", "7,\"g"));
    lines.sort_unstable();
    assert_eq!(lines, [",f", "3", "4,refused", "7,\"g", "id,name", "x,b"]);
    let reasons = fixture.error_file("users.csv.err");
    for expected in [
        ":3: byte 12: column \"id\" of type `int`: \"x\" is not a value",
        ":4: byte 16: 1 field instead of 2",
        ":5: byte 18: ",
        "refused by the test",
        ":7: byte 32: ",
        ":8: byte 35: the file ends before the closing quote of a field",
    ] {
        assert!(reasons.contains(expected), "{expected}: {reasons}");
    }
    // The corrected rows of the error file are loaded like any other file.
    let corrected = bad
        .replace('x', "2")
        .replace("\n3\n", "\n3,c\n")
        .replace(",refused", ",d")
        .replace("\n,f", "\n6,f");
    let file = fixture.write("corrected.csv", corrected.replace("\"g", "\"g\""));
    assert_ok(&fixture.load(&["ks.users", "--from", &file]));
    assert_eq!(fixture.users().len(), 7);
}

#[test]
fn a_load_stops_after_too_many_errors() {
    let fixture = Fixture::start();
    let rows: String = (0..5_000).map(|id| format!("{id},a,b\n")).collect();
    let file = fixture.write("users.csv", format!("id,name\n{rows}"));
    let output = fixture.load(&["ks.users", "--from", &file, "--max-errors", "10"]);
    assert_eq!(output.code, 1);
    let expected = "error: stopped, because more than 10 rows could not be loaded";
    assert!(output.stderr.contains(expected), "{output:?}");
    assert_eq!(fixture.error_file("users.csv.err").lines().count(), 11);
}

#[test]
fn a_dry_run_writes_nothing() {
    let fixture = Fixture::start();
    let file = fixture.write("users.csv", "id,name\n1,a\nx,b\n");
    let output = fixture.load(&["ks.users", "--from", &file, "--dry-run"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.starts_with("2 rows read, 1 failed, nothing written in "), "{output:?}");
    assert!(fixture.users().is_empty());
}

#[test]
fn a_load_resumes_from_its_checkpoint() {
    let fixture = Fixture::start();
    let rows: String = (0..2_000).map(|id| format!("{id},name {id}\n")).collect();
    let file = fixture.write("users.csv", format!("id,name\n{rows}x,y\n5000,z\n"));
    let checkpoint = fixture.path("checkpoint");
    let checkpoint = checkpoint.to_str().unwrap();
    let load = |more: &[&str]| {
        let first =
            ["ks.users", "--from", &file, "--checkpoint", checkpoint, "--timestamp", "1000000"];
        fixture.load(&[&first, more].concat())
    };
    // The load stops after the row that is none.
    let output = load(&["--max-errors", "0", "--resume"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(fixture.users().len(), 2_000);
    assert_eq!(load(&[]).code, 2, "the checkpoint exists");
    let output = load(&["--resume"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.starts_with("2,002 rows read, 2,001 acknowledged, 1 failed in "),
        "{output:?}"
    );
    let before = "in the runs before: 2,001 rows read, 2,000 acknowledged, 1 failed";
    assert!(output.stderr.contains(before), "{output:?}");
    assert_eq!(fixture.error_file("users.csv.bad"), "id,name\nx,y\n");
    let written = fixture.rows::<(i32, i64)>("SELECT id, writetime(name) FROM ks.users");
    let written: BTreeMap<i32, i64> = written.into_iter().collect();
    assert_eq!(written.len(), 2_001);
    assert_eq!((written[&0], written[&1_999], written[&5_000]), (1_000_000, 1_001_999, 1_002_000));
    let output = load(&["--resume"]);
    assert!(output.stderr.starts_with("the load is complete: "), "{output:?}");
    assert_eq!(output.code, 1, "a row failed");
    assert!(output.stderr.contains("error: 1 row could not be loaded"), "{output:?}");
    let other = fixture.load(&[
        "ks.counts",
        "--from",
        &file,
        "--checkpoint",
        checkpoint,
        "--map",
        "name=n",
    ]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.stderr.contains("the table has counters"), "{other:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn no_checkpoint_skips_rows_that_the_error_files_lack() {
    let fixture = Fixture::start();
    let file = fixture.write("users.csv", "id,name\n1,a\n2,refused\nx,b\n4,d\n");
    let checkpoint = fixture.path("checkpoint");
    let checkpoint = checkpoint.to_str().unwrap();
    let arguments = ["ks.users", "--from", &file, "--checkpoint", checkpoint, "--resume"];
    fs::create_dir(fixture.path("errors")).unwrap();
    // A disk that is full.
    std::os::unix::fs::symlink("/dev/full", fixture.path("errors/users.csv.bad")).unwrap();
    let output = fixture.load(&arguments);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("free space on the disk"), "{output:?}");
    let output = fixture.load(&arguments);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("4 rows read, 2 acknowledged, 2 failed"), "{output:?}");
    let bad = fixture.error_file("users.csv.bad");
    assert!(bad.contains("2,refused\n") && bad.contains("x,b\n"), "{bad}");
    assert_eq!(fixture.users().len(), 2);
}

#[test]
fn error_files_of_an_earlier_load_are_kept() {
    let fixture = Fixture::start();
    let file = fixture.write("users.csv", "id,name\nx,a\n");
    let load = |more: &[&str]| fixture.load(&[&["ks.users", "--from", &file], more].concat());
    for _ in 0..2 {
        assert_eq!(load(&["--dry-run"]).code, 1);
        assert_eq!(fixture.error_file("users.csv.dry-run.bad"), "id,name\nx,a\n");
    }
    assert_eq!(load(&[]).code, 1);
    fixture.write("users.csv", "id,name\n1,a\n");
    let output = load(&[]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("has rows of an earlier load: move or remove it"), "{output:?}");
    assert_eq!(fixture.error_file("users.csv.bad"), "id,name\nx,a\n");
    assert!(fixture.users().is_empty());
}

#[test]
fn a_checkpoint_is_resumed_only_with_the_same_files_and_arguments() {
    let fixture = Fixture::start();
    let file = fixture.write("users.csv", "id,name\n1,a\n");
    let checkpoint = fixture.path("checkpoint");
    let checkpoint = checkpoint.to_str().unwrap();
    let paths = ["--from", &file, "--checkpoint", checkpoint, "--resume"];
    let load = |more: &[&str]| fixture.load(&[&paths[..], more].concat());
    assert_ok(&load(&["ks.users", "--timestamp", "7"]));
    assert_ok(&load(&["users", "-k", "ks"]));
    fixture.execute("CREATE TABLE ks.users2 (id int PRIMARY KEY, name text)");
    for (arguments, expected) in [
        (vec!["ks.users2"], "it loads the table ks.users"),
        (vec!["ks.users", "--timestamp", "8"], "has --timestamp 7"),
        (vec!["ks.users", "--ttl", "60"], "it has no options"),
        (vec!["ks.users", "--map", "name="], "it has no options"),
    ] {
        let output = load(&arguments);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(expected), "{output:?}");
    }
    fixture.write("users.csv", "id,name\n1,a\n2,b\n");
    let output = load(&["ks.users"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("users.csv has changed since"), "{output:?}");
}

#[test]
fn a_pipe_that_ends_within_a_record_is_an_incomplete_load() {
    let fixture = Fixture::start();
    let checkpoint = fixture.path("progress");
    let checkpoint = checkpoint.to_str().unwrap();
    let arguments = ["ks.users", "--from", "-", "--resume", "--checkpoint", checkpoint];
    let arguments = fixture.arguments(&arguments);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run_with_input(CQLWIRE, &arguments, b"id,name\n1,a\n2,b".to_vec());
    assert_eq!(output.code, 1, "{output:?}");
    let expected = "its last record, at line 3, has no line break";
    assert!(output.stderr.contains(expected), "{output:?}");
    // The writer had more to say.
    let output = run_with_input(CQLWIRE, &arguments, b"id,name\n1,a\n2,bob\n3,c\n".to_vec());
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("3 acknowledged"), "{output:?}");
}

#[test]
fn files_named_tsv_have_tabs() {
    let fixture = Fixture::start();
    let file = fixture.write("users.tsv", "id\tname\n1\ta,b\n");
    assert_ok(&fixture.load(&["ks.users", "--from", &file]));
    assert_eq!(fixture.users(), users([("1", "'a,b' null")]));
    let comma = fixture.write("comma.tsv", "id,name\n2,c\n");
    assert_ok(&fixture.load(&["ks.users", "--from", &comma, "--delimiter", ","]));
    let (host, copy) = (fixture.address.to_string(), fixture.path("copy.tsv"));
    let columns = ["--columns", "id,name"];
    let unload = ["unload", "--host", &host, "ks.users", "--to", copy.to_str().unwrap()];
    assert_eq!(run(CQLWIRE, &[&unload[..], &columns].concat()).code, 0);
    assert!(fs::read_to_string(copy).unwrap().starts_with("id\tname\n"));
}

#[test]
fn json_keys_of_columns_that_are_not_listed_are_skipped() {
    let fixture = Fixture::start();
    let lines = "{\"id\": 1, \"name\": \"a\", \"\\\"Tags\\\"\": [\"x\"]}\n";
    let file = fixture.write("users.jsonl", lines);
    assert_ok(&fixture.load(&["ks.users", "--from", &file, "--columns", "id,name"]));
    assert_eq!(fixture.users(), users([("1", "'a' null")]));
    let file = fixture.write("other.jsonl", "{\"id\": 1, \"city\": \"a\"}\n");
    assert_eq!(fixture.load(&["ks.users", "--from", &file, "--columns", "id"]).code, 1);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_opened_only_once() {
    const ROWS: usize = 40_000;
    let fixture = Fixture::start();
    let pipe = fixture.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = thread::spawn({
        let pipe = pipe.clone();
        move || {
            let rows: String = (0..ROWS).map(|id| format!("{id},name {id}\n")).collect();
            fs::write(pipe, format!("id,name\n{rows}")).unwrap();
        }
    });
    let output = fixture.load(&["ks.users", "--from", pipe.to_str().unwrap()]);
    assert_ok(&output);
    assert!(output.stderr.starts_with("40,000 rows read, 40,000 acknowledged"), "{output:?}");
    writer.join().unwrap();
    assert_eq!(fixture.users().len(), ROWS);
}

#[cfg(unix)]
#[test]
fn a_broken_link_in_a_folder_is_an_error() {
    let fixture = Fixture::start();
    fixture.write("in/a.csv", "id,name\n1,a\n");
    std::os::unix::fs::symlink("none.csv", fixture.path("in/b.csv")).unwrap();
    let folder = fixture.path("in");
    let output = fixture.load(&["ks.users", "--from", folder.to_str().unwrap()]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("No such file"), "{output:?}");
}

#[test]
fn a_load_that_is_killed_resumes_without_losing_or_repeating_a_row() {
    const ROWS: i32 = 4_000;
    let fixture = Fixture::start();
    let rows: String = (0..ROWS).map(|id| format!("{id},name {id}\n")).collect();
    let file = fixture.write("users.csv", format!("id,name\n{rows}"));
    let checkpoint = fixture.path("checkpoint");
    let options =
        ["--timestamp", "1000000", "--checkpoint-every", "0.05", "--rate", "4k", "--resume"];
    let paths = ["ks.users", "--from", &file, "--checkpoint", checkpoint.to_str().unwrap()];
    let arguments = fixture.arguments(&[&paths[..], &options].concat());
    let sent = || {
        let text = fs::read_to_string(&checkpoint).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        (json["sent"].as_i64().unwrap_or(0), json["complete"] == true)
    };
    for _ in 0..3 {
        let (before, _) = sent();
        let mut child =
            Command::new(CQLWIRE).args(&arguments).stderr(Stdio::null()).spawn().unwrap();
        until_blocking("the checkpoint has more rows", || sent().0 > before || sent().1);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = fixture.load(&[&paths[..], &options].concat());
    assert_ok(&output);
    let expected = "4,000 rows read, 4,000 acknowledged, 0 failed";
    assert!(output.stderr.contains(expected), "{output:?}");
    let mut written = fixture.rows::<(i32, i64)>("SELECT id, writetime(name) FROM ks.users");
    written.sort_unstable();
    let expected: Vec<(i32, i64)> = (0..ROWS).map(|id| (id, 1_000_000 + i64::from(id))).collect();
    assert!(written == expected, "{} rows", written.len());
}

/// Waits until `condition` is true.
fn until_blocking(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} should be true in time");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn rows_may_have_their_own_write_times_and_times_to_live() {
    let fixture = Fixture::start();
    let file = fixture.write("users.csv", "id,name,written,[ttl]\n1,a,1000,\n2,b,2000,5000\n");
    let output = fixture.load(&["ks.users", "--from", &file, "--map", "written=[timestamp]"]);
    assert_ok(&output);
    let mut rows = fixture
        .rows::<(i32, i64, Option<i32>)>("SELECT id, writetime(name), ttl(name) FROM ks.users");
    rows.sort_unstable();
    assert_eq!((rows[0].0, rows[0].1, rows[0].2), (1, 1_000, None));
    assert_eq!((rows[1].0, rows[1].1), (2, 2_000));
    assert!(rows[1].2.is_some_and(|ttl| (4_000..=5_000).contains(&ttl)));
    // Without a write time, each retry would write at another time.
    let untimed = fixture.write(
        "untimed.jsonl",
        "{\"id\": 4, \"name\": \"d\"}\n{\"id\": 5, \"written\": null}\n{\"id\": 6, \"written\": 7}\n",
    );
    let arguments =
        ["ks.users", "--from", &untimed, "--map", "written=[timestamp]", "--unset-nulls"];
    let output = fixture.load(&arguments);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("2 rows could not be loaded"), "{output:?}");
    let lines = fixture.write("users.jsonl", "{\"id\": 3, \"name\": \"c\"}\n");
    assert_ok(&fixture.load(&["ks.users", "--from", &lines, "--ttl", "5000", "--timestamp", "7"]));
    let rows = fixture
        .rows::<(i64, Option<i32>)>("SELECT writetime(name), ttl(name) FROM ks.users WHERE id = 3");
    assert_eq!(rows[0].0, 7);
    assert!(rows[0].1.is_some());
}

#[test]
fn counters_are_added() {
    let fixture = Fixture::start();
    let file = fixture.write("counts.csv", "id,n\n1,5\n2,-1\n1,2\n");
    assert_ok(&fixture.load(&["ks.counts", "--from", &file]));
    let mut rows = fixture.rows::<(i32, i64)>("SELECT id, n FROM ks.counts");
    rows.sort_unstable();
    assert_eq!(rows, [(1, 7), (2, -1)]);
}

#[test]
fn wrong_arguments_and_files_are_clear_errors() {
    let fixture = Fixture::start();
    let file = fixture.write("users.csv", "id,city\n1,a\n");
    let times = fixture.write("times.csv", "id,name,writetime(name)\n1,a,1\n");
    let empty = fixture.write("empty.csv", "");
    let zstd = zstd::encode_all(&[b'1'; 100_000][..], 0).unwrap();
    let cut = fixture.write("cut.csv.zst", &zstd[..zstd.len() - 3]);
    for (arguments, code, expected) in [
        (vec!["ks.users", "--from", "none.csv"], 1, "cannot read none.csv: No such file"),
        (vec!["ks.users", "--from", &file], 2, "there is no column \"city\" among id, Tags, name"),
        (
            vec!["ks.users", "--from", &times],
            2,
            "use --map writetime(name)=[timestamp], or --map writetime(name)= to",
        ),
        (vec!["ks.users", "--from", &file, "--delimiter", "ab"], 2, "not one ASCII character"),
        (vec!["ks.users", "--from", &file, "--delimiter", "-"], 2, "the delimiter cannot be '-'"),
        (vec!["ks.users", "--from", &file, "--map", "city"], 2, "FIELD=COLUMN"),
        (
            vec!["ks.users", "--from", &file, "--map", "city=town"],
            2,
            "--map city=town: there is no column",
        ),
        (vec!["ks.users", "--from", &file, "--columns", "name"], 2, "--columns has 1 names"),
        (
            vec!["ks.users", "--from", &file, "--columns", "name,Tags"],
            2,
            "the column \"id\" of the primary key",
        ),
        (vec!["ks.users", "--from", &cut], 1, "it is cut off; copy or create it again"),
        (vec!["ks.none", "--from", &file], 1, "none"),
        (vec!["ks.users", "--from", &file, "--resume"], 2, "--checkpoint"),
    ] {
        let output = fixture.load(&arguments);
        assert_eq!(output.code, code, "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(expected), "{arguments:?}: {output:?}");
    }
    assert_ok(&fixture.load(&["ks.users", "--from", &empty]));
    assert!(!Path::new("load-errors").exists());
}
