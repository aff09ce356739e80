//! `cqlwire unload` and `cqlwire load` with Parquet files, on mock nodes.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use cqlwire::bulk::ParquetFile;
use cqlwire::message::ErrorCode;
use cqlwire::session::Session;
use cqlwire::testing::{Fault, MockCluster};
use cqlwire::types::Record;
use tokio::runtime::Runtime;

use crate::program::{Output, run, run_with_input};

const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// Runs the servers while a test waits for a program.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

/// Starts a node that has executed statements.
fn start(statements: &[&str]) -> MockCluster {
    RUNTIME.block_on(async {
        let cluster = MockCluster::start(1).await.unwrap();
        let session = Session::builder().contact_points(cluster.contact_points());
        let session = session.connect().await.unwrap();
        let keyspace = "CREATE KEYSPACE ks WITH replication = \
                        {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}";
        for statement in [&[keyspace], statements].concat() {
            session.execute(statement, ()).await.unwrap();
        }
        cluster
    })
}

/// Returns the rows of a query as text, sorted.
fn rows(cluster: &MockCluster, query: &str) -> Vec<String> {
    RUNTIME.block_on(async {
        let session = Session::builder().contact_points(cluster.contact_points());
        let session = session.connect().await.unwrap();
        let mut stream = session.stream::<Record>(query, ());
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await.unwrap() {
            rows.push(row.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join("|"));
        }
        rows.sort();
        rows
    })
}

/// Runs a tool of `cqlwire` on a cluster.
fn tool(name: &str, cluster: &MockCluster, arguments: &[&str]) -> Output {
    let host = cluster.contact_points()[0].to_string();
    run(CQLWIRE, &[&[name, "--host", &host], arguments].concat())
}

fn succeed(output: Output) -> Output {
    assert_eq!(output.code, 0, "{output:?}");
    output
}

fn fail(output: &Output, expected: &str) {
    assert_ne!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains(expected), "{expected}: {output:?}");
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/offline/parquet");
    folder.join(name).to_str().unwrap().to_owned()
}

const COLUMNS: &str = "id int PRIMARY KEY, a ascii, b bigint, bl blob, bo boolean, d date, de decimal, do double, \
     du duration, f float, i inet, \"Si\" smallint, t text, ti time, tu timeuuid, ts timestamp, tn tinyint, u uuid, \
     v varint, l list<frozen<tuple<int, text>>>, s set<uuid>, m map<text, frozen<list<duration>>>, \
     p frozen<place>, vec vector<float, 2>, fl frozen<list<int>>";

const ROWS: [&str; 3] = [
    "id: 1, a: 'a', b: -9223372036854775808, bl: 0x, bo: false, d: '-5877641-06-23', \
     de: -1.20, do: -0.0, du: -1mo2d3ns, f: Infinity, i: '::1', \"Si\": -32768, t: '', ti: '23:59:59.999999999', \
     tu: 00000000-0000-1000-8000-000000000000, ts: -9223372036854775808, tn: -128, \
     u: ffffffff-ffff-ffff-ffff-ffffffffffff, v: -170141183460469231731687303715884105729, \
     l: [(1, null), (null, 'x')], s: {00000000-0000-0000-0000-000000000000}, m: {'a': [1mo, 1ns], 'b': []}, \
     p: {street: null, nos: [1, 2]}, vec: [1.5, -0.0], fl: []",
    "id: 2, do: NaN, de: 1E+400, t: 'it''s \"é\"', d: '5881580-07-11', ts: 9223372036854775807, bl: 0x00ff",
    "id: 3",
];

#[test]
fn every_type_survives_unload_and_load() {
    let create = ["t", "copy"].map(|name| format!("CREATE TABLE ks.{name} ({COLUMNS})"));
    let inserts = ROWS.map(|row| {
        let cells: Vec<_> = split_cells(row);
        let names: Vec<_> = cells.iter().map(|(name, _)| *name).collect();
        let values: Vec<_> = cells.iter().map(|(_, value)| *value).collect();
        format!("INSERT INTO ks.t ({}) VALUES ({})", names.join(", "), values.join(", "))
    });
    let mut statements = vec!["CREATE TYPE ks.place (street text, nos frozen<list<int>>)"];
    statements.extend(create.iter().map(String::as_str));
    statements.extend(inserts.iter().map(String::as_str));
    let cluster = start(&statements);
    let folder = tempfile::tempdir().unwrap();
    let expected = rows(&cluster, "SELECT * FROM ks.t");
    for (index, more) in
        [&[][..], &["--compress", "gzip"], &["--compress", "none"]].iter().enumerate()
    {
        let file = folder.path().join(format!("t{index}.parquet"));
        let file = file.to_str().unwrap();
        let output = succeed(tool("unload", &cluster, &[&["ks.t", "--to", file], *more].concat()));
        assert!(output.stderr.contains("wrote 3 rows of ks.t to"), "{output:?}");
        succeed(tool("load", &cluster, &["ks.copy", "--from", file]));
        assert_eq!(rows(&cluster, "SELECT * FROM ks.copy"), expected);
        RUNTIME.block_on(async {
            let session = Session::builder().contact_points(cluster.contact_points());
            session.connect().await.unwrap().execute("TRUNCATE ks.copy", ()).await.unwrap();
        });
    }
    // Standard output, and a folder.
    let host = cluster.contact_points()[0].to_string();
    let arguments = ["unload", "--host", &host, "ks.t", "--format", "parquet"];
    let output = std::process::Command::new(CQLWIRE).args(arguments).output().unwrap();
    let file = folder.path().join("stdout");
    fs::write(&file, output.stdout).unwrap();
    succeed(tool("load", &cluster, &["ks.copy", "--from", file.to_str().unwrap()]));
    assert_eq!(rows(&cluster, "SELECT * FROM ks.copy"), expected);
    let to = format!("{}/out/", folder.path().display());
    succeed(tool(
        "unload",
        &cluster,
        &["ks.t", "--to", &to, "--format", "parquet", "--shard", "0/1"],
    ));
    succeed(tool("load", &cluster, &["ks.copy", "--from", &to]));
    assert!(folder.path().join("out/ks.t-0-of-1.parquet").exists());
    assert_eq!(rows(&cluster, "SELECT * FROM ks.copy"), expected);
}

/// Splits `name: value, name: value` at the names, which are followed by a colon and are not in brackets.
fn split_cells(row: &str) -> Vec<(&str, &str)> {
    let (mut depth, mut in_text, mut start, mut cells) = (0, false, 0, Vec::new());
    for (index, c) in row.char_indices().chain([(row.len(), ',')]) {
        match c {
            '\'' => in_text = !in_text,
            '[' | '{' | '(' if !in_text => depth += 1,
            ']' | '}' | ')' if !in_text => depth -= 1,
            ',' if !in_text && depth == 0 => {
                cells.push(row[start..index].trim().split_once(": ").unwrap());
                start = index + 1;
            }
            _ => {}
        }
    }
    cells
}

const PEOPLE: &str = "CREATE TABLE ks.people (id int PRIMARY KEY, n smallint, name text, at timestamp, day date, kind text)";

#[test]
fn rows_that_cannot_be_loaded_are_written_as_json_lines() {
    let cluster = start(&[PEOPLE]);
    let folder = tempfile::tempdir().unwrap();
    let errors = folder.path().join("errors");
    let pandas = fixture("pandas.parquet");
    let load = |from: &str, more: &[&str]| {
        let errors = ["ks.people", "--from", from, "--errors", errors.to_str().unwrap()];
        tool("load", &cluster, &[&errors, more].concat())
    };
    let insert = Fault::error(ErrorCode::Invalid, "out of order").statement("INSERT INTO%");
    let fault = cluster.nodes()[0].add_fault(insert);
    fail(
        &load(&pandas, &["--map", "kind=name", "--map", "name=kind"]),
        "error: 4 rows could not be loaded",
    );
    cluster.nodes()[0].remove_fault(fault);
    let read = |name: &str| fs::read_to_string(errors.join(name)).unwrap();
    let reasons = read("pandas.parquet.jsonl.err");
    assert_eq!(reasons.lines().count(), 4, "{reasons}");
    let first = format!(
        "{pandas}: row 3: column \"n\" of type `smallint`: 3.5 is not a value: it has a fraction"
    );
    assert!(reasons.contains(&first), "{reasons}");
    let bad = read("pandas.parquet.jsonl.bad");
    // The file is loaded with the same options once it is corrected.
    let bad = bad
        .replace("3.5", "3")
        .replace("00.000100000", "00")
        .replace("2024-01-01 12:00:00.000000000+0000", "2024-01-01");
    let corrected = folder.path().join("corrected.jsonl.bad");
    fs::write(&corrected, bad).unwrap();
    succeed(load(corrected.to_str().unwrap(), &["--map", "kind=name", "--map", "name=kind"]));
    assert_eq!(
        rows(&cluster, "SELECT id, n, name, kind, day FROM ks.people"),
        [
            "1|1|'x'|'a'|'2024-02-29'",
            "2|null|'y'|null|null",
            "3|3|null|'c'|'1960-01-01'",
            "4|4|'x'|'d'|'2024-01-01'"
        ]
    );
}

#[test]
fn a_load_resumes_at_the_row_of_its_checkpoint() {
    let cluster = start(&[PEOPLE]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (errors, checkpoint, pandas) =
        (path("errors"), path("checkpoint"), fixture("pandas.parquet"));
    let load = |more: &[&str]| {
        let arguments = [
            "ks.people",
            "--from",
            &pandas,
            "--errors",
            &errors,
            "--checkpoint",
            &checkpoint,
            "--resume",
        ];
        tool("load", &cluster, &[&arguments, more].concat())
    };
    fail(&load(&["--max-errors", "0"]), "stopped, because more than 0 rows could not be loaded");
    assert_eq!(rows(&cluster, "SELECT id FROM ks.people"), ["1", "2"]);
    fail(&load(&[]), "4 rows read, 2 acknowledged, 2 failed");
    let reasons =
        fs::read_to_string(folder.path().join("errors/pandas.parquet.jsonl.err")).unwrap();
    assert_eq!(reasons.matches(": row ").count(), 2, "{reasons}");
}

#[test]
fn options_choose_the_columns() {
    let cluster = start(&[PEOPLE, "CREATE TABLE ks.narrow (id int PRIMARY KEY, name text)"]);
    let pandas = fixture("pandas.parquet");
    let load =
        |more: &[&str]| tool("load", &cluster, &[&["ks.people", "--from", &pandas], more].concat());
    fail(&load(&["--columns", "id,age", "--dry-run"]), "there is no column \"age\"");
    let lacks =
        ["ks.people", "--from", &fixture("int96.parquet"), "--columns", "id,n", "--dry-run"];
    fail(&tool("load", &cluster, &lacks), "no field for the column \"n\" of --columns");
    let wrong = ["--columns", "id", "--map", "day=dya", "--dry-run"];
    fail(&load(&wrong), "--map day=dya: there is no column \"dya\"");
    let twice = ["--columns", "id", "--map", "n=id", "--dry-run"];
    fail(&load(&twice), "two fields are for the column of field \"n\"");
    // The table has no column for the field `at` of this file.
    let fields = ["ks.narrow", "--from", &fixture("int96.parquet"), "--columns", "id,name"];
    succeed(tool("load", &cluster, &fields));
    assert_eq!(rows(&cluster, "SELECT * FROM ks.narrow"), ["1|'bytes'", "2|'text'"]);
    succeed(load(&["--columns", "id,name"]));
    succeed(load(&[
        "--columns",
        "id,name",
        "--unset-nulls",
        "--ttl",
        "1000",
        "--map",
        "day=[timestamp]",
    ]));
    assert_eq!(
        rows(&cluster, "SELECT id, n, name FROM ks.people"),
        ["1|null|'a'", "2|null|null", "3|null|'c'", "4|null|'d'"]
    );
}

#[test]
fn arguments_that_do_not_fit_parquet_are_refused() {
    let cluster = start(&[PEOPLE, "INSERT INTO ks.people (id, name) VALUES (1, 'a')"]);
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (arguments, expected) in [
        (
            &["ks.people", "--format", "parquet", "--no-header"][..],
            "--no-header: is an option of CSV",
        ),
        (&["ks.people", "--to", &to("p.parquet.gz")], "choose with --compress"),
        (&["ks.people", "--format", "parquet", "--resume"], "cannot be continued"),
        (
            &["--query", "SELECT id, id FROM ks.people", "--to", &to("d.parquet")],
            "two columns have the name \"id\"",
        ),
    ] {
        fail(&tool("unload", &cluster, arguments), expected);
    }
    let host = cluster.contact_points()[0].to_string();
    let arguments = ["load", "--host", &host, "ks.people", "--from", "-"];
    let content = fs::read(fixture("pandas.parquet")).unwrap();
    let output = run_with_input(CQLWIRE, &arguments, content);
    fail(&output, "standard input: Parquet is read from its end");
    let file = to("q.parquet");
    let query = "SELECT id, name, writetime(name), ttl(name) FROM ks.people";
    succeed(tool("unload", &cluster, &["--query", query, "--to", &file]));
    let fields: Vec<_> =
        ParquetFile::open(Path::new(&file)).unwrap().fields().map(str::to_owned).collect();
    assert_eq!(fields, ["id", "name", "writetime(name)", "ttl(name)"]);
    let map = ["--map", "writetime(name)=[timestamp]", "--map", "ttl(name)=[ttl]"];
    succeed(tool("load", &cluster, &[&["ks.people", "--from", &file], &map[..]].concat()));
}
