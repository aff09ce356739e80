//! `cqlwire shell` against scripted servers: exit codes, error lines, and what runs after an error.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;
use cqlwire::message::{ErrorCode, Request, ResultMessage, Rows, RowsMetadata};
use cqlwire::testing::{Fault, MockServer, Reply};
use cqlwire::types::{ColumnSpec, NativeType};
use cqlwire::wire::Version;
use tempfile::TempDir;

use crate::mock_server::start_server;
use crate::program::{Output, command, run, run_with_input};
use crate::tcp_server::start_tcp_server;

const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// The output of `SELECT k FROM t` on [`Server`].
const ONE_ROW: &str = "\n k\n---\n 1\n\n(1 rows)\n";

/// The error of a statement with the word `nope` on [`Server`], without the file and the line.
const NOPE: &str = "InvalidRequest: Error from server: code=2200 [Invalid query] \
                    message=\"table nope does not exist\"\n";

/// A server with one row, which refuses statements with the word `nope`.
struct Server {
    host: String,
    statements: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let statements: Arc<Mutex<Vec<String>>> = Arc::default();
        let received = Arc::clone(&statements);
        let address = start_server(Version::V4, move |request, _| {
            let Request::Query(query) = request else { return ResultMessage::Void.into() };
            received.lock().unwrap().push(query.text.to_string());
            match &*query.text {
                text if text.contains("nope") => {
                    Reply::error(ErrorCode::Invalid, "table nope does not exist")
                }
                text if text.starts_with("USE ") => {
                    let keyspace = text.trim_start_matches("USE ").trim_end_matches(';');
                    ResultMessage::SetKeyspace(keyspace.trim_matches('"').to_owned()).into()
                }
                text if text.starts_with("SELECT") => {
                    let column = ColumnSpec::new("ks", "t", "k", NativeType::Int);
                    let metadata = RowsMetadata::new(vec![column]);
                    let (count, content) = match text.contains("undecodable") {
                        true => (3, Bytes::from([0, 0, 0, 1, 1].repeat(3))),
                        false => (1, Bytes::from_static(&[0, 0, 0, 4, 0, 0, 0, 1])),
                    };
                    ResultMessage::Rows(Rows { metadata, count, content }).into()
                }
                _ => ResultMessage::Void.into(),
            }
        });
        Self { host: address.to_string(), statements, folder: TempDir::new().unwrap() }
    }

    /// Writes a file, and returns its path.
    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let file = self.folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    fn shell(&self, arguments: &[&str]) -> Output {
        run(CQLWIRE, &[&["shell", "--host", &self.host], arguments].concat())
    }

    /// Runs a script in a file, and returns its path and the output.
    fn script(&self, text: impl AsRef<[u8]>) -> (String, Output) {
        let file = self.file("script.cql", text);
        let output = self.shell(&["-f", &file]);
        (file, output)
    }

    fn statements(&self) -> Vec<String> {
        self.statements.lock().unwrap().clone()
    }
}

#[test]
fn errors_name_the_line_of_their_statement_and_the_rest_runs() {
    let server = Server::start();
    let script =
        "SELECT k FROM t;\n\nSELECT *\n  FROM nope\n;\n# it's a remark\nSELECT k FROM t;\n";
    let (file, output) = server.script(script);
    assert_eq!((output.code, output.stdout), (2, ONE_ROW.repeat(2)));
    let invalid = "Invalid syntax at line 1, char 1\n";
    let expected =
        format!("{file}:3:{NOPE}{file}:6:{invalid}{file}:6:  # it's a remark\n{file}:6:  ^\n");
    assert_eq!(output.stderr, expected);
    // The server gets what was written, with the semicolon.
    assert!(server.statements().contains(&"SELECT *\n  FROM nope\n;".to_owned()));
}

#[test]
fn nothing_runs_after_what_is_not_terminated() {
    let server = Server::start();
    let (file, output) = server.script("SELECT k FROM t;\nINSERT 'x;\nSELECT k FROM t;\n");
    assert_eq!((output.code, output.stdout.as_str()), (2, ONE_ROW));
    assert_eq!(output.stderr, format!("{file}:2:Incomplete statement at end of file\n"));
}

#[test]
fn reads_what_editors_write() {
    let server = Server::start();
    let text = "\u{feff}-- it's a note\r\r\nCONSISTENCY\r\nSELECT k FROM t;";
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for script in [text.as_bytes(), &utf_16] {
        let (_, output) = server.script(script);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        let expected = format!("Current consistency level is ONE.\n{ONE_ROW}");
        assert_eq!(output.stdout, expected);
    }
}

#[test]
fn arguments_and_standard_input_are_scripts_too() {
    let server = Server::start();
    let output = server.shell(&["-e", "SELECT k FROM t -- the keys"]);
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (0, ONE_ROW, ""));
    let arguments = ["shell", "--host", &server.host];
    let output = run_with_input(CQLWIRE, &arguments, b"EXPAND\nSELECT nope;\n".to_vec());
    assert_eq!((output.code, output.stdout.as_str()), (2, "EXPAND is OFF\n"));
    assert_eq!(output.stderr, format!("<stdin>:2:{NOPE}"));
}

#[test]
fn no_connection_and_no_file_exit_with_code_1() {
    let missing = run(CQLWIRE, &["shell", "-f", "no/such.cql"]);
    let expected = "Can't open 'no/such.cql': [Errno 2] No such file or directory: 'no/such.cql'\n";
    assert_eq!((missing.code, missing.stderr.as_str()), (1, expected));
    let port = start_tcp_server(drop).port().to_string();
    let refused = run(CQLWIRE, &["shell", "127.255.255.254", &port, "-e", "SELECT 1"]);
    let expected = format!(
        "Connection error: ('Unable to connect to any servers', {{'127.255.255.254:{port}': \
         ConnectionRefusedError(111, \"Tried connecting to [('127.255.255.254', {port})]. Last \
         error: Connection refused\")}})\n"
    );
    assert_eq!((refused.code, refused.stderr), (1, expected));
}

#[test]
fn a_sourced_script_inherits_the_settings_and_its_changes_end_with_it() {
    let server = Server::start();
    let inner = server.file("inner.cql", "CONSISTENCY\nEXPAND ON\nUSE other;\nSELECT nope;\n");
    let script = format!("USE ks;\nCONSISTENCY TWO\nSOURCE '{inner}'\nEXPAND\nCONSISTENCY\n");
    let (_, output) = server.script(script);
    assert_eq!(output.code, 2);
    let expected = "Consistency level set to TWO.\nCurrent consistency level is TWO.\nEXPAND set to \
                    ON\nEXPAND is OFF\nCurrent consistency level is TWO.\n";
    assert_eq!(output.stdout, expected);
    assert_eq!(output.stderr, format!("{inner}:4:{NOPE}"));
}

/// A script without a keyspace has none after SOURCE either.
#[tokio::test(flavor = "multi_thread")]
async fn the_keyspace_of_a_sourced_script_ends_with_it() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let host = server.address().to_string();
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    let keyspaces = ["a", "b"].map(|name| {
        format!(
            "CREATE KEYSPACE {name} WITH replication = {replication};\n\
             CREATE TABLE {name}.t (k text PRIMARY KEY); INSERT INTO {name}.t (k) VALUES ('{name}');\n"
        )
    });
    let inner = file("inner.cql", "SELECT k FROM t; USE b; TRACING ON\nSELECT k FROM t;\n");
    let script = format!(
        "{}SOURCE '{inner}'\nSELECT k FROM t;\nUSE a;\nSOURCE '{inner}'\nSELECT k FROM t;\n",
        keyspaces.concat()
    );
    let script = file("script.cql", &script);
    let output = run(CQLWIRE, &["shell", "--host", &host, "--format", "csv", "-f", &script]);
    let rows = |text: &str| text.lines().filter(|line| line.len() == 1).collect::<String>();
    // Of the first script: an error, b, an error. Of the second: a, b, a.
    assert_eq!(rows(&output.stdout).replace('k', ""), "baba", "{output:?}");
    let errors = output.stderr.lines().filter(|line| line.contains("eyspace"));
    assert_eq!((output.code, errors.count()), (2, 2), "{output:?}");
}

#[test]
fn a_login_or_exit_that_is_malformed_ends_the_script() {
    let server = Server::start();
    for unit in ["LOGIN bob secret", "LOGIN bob \u{201c}x\u{201d}", "LOGIN bob 'x' # c", "QUIT # c"]
    {
        let (_, output) = server.script(format!("{unit}\nSELECT nope;\n"));
        assert_eq!(output.code, 2, "{unit}");
        assert!(output.stderr.ends_with("the rest of the script was not run\n"), "{output:?}");
    }
    assert!(!server.statements().contains(&"SELECT nope;".to_owned()));
}

#[test]
fn errors_do_not_contain_passwords() {
    let server = Server::start();
    let (_, output) = server.script(
        "CREATE ROLE a WITH PASSWORD = \u{2018}s3cret\u{2019};\n\
         CREATE ROLE nope WITH PASSWORD = 's3cret';\n",
    );
    assert_eq!((output.code, output.stderr.lines().count()), (2, 3), "{output:?}");
    for secret in ["s3cret", "does not exist"] {
        assert!(!output.stderr.contains(secret), "{output:?}");
    }
}

#[test]
fn exit_ends_all_scripts() {
    let server = Server::start();
    let inner = server.file("inner.cql", "SELECT k FROM t;\nEXIT\nSELECT nope;\n");
    let (_, output) = server.script(format!("USE ks;\nSOURCE '{inner}'\nSELECT nope;\n"));
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (0, ONE_ROW, ""));
    assert_eq!(server.statements().last().map(String::as_str), Some("SELECT k FROM t;"));
}

#[test]
fn stops_at_the_first_error_if_asked() {
    let server = Server::start();
    let output = server.shell(&["--stop-on-error", "-e", "SELECT nope; SELECT k FROM t"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    let inner = server.file("inner.cql", "USE ${ks};\n");
    let script = format!("SOURCE '{inner}'\nSELECT k FROM t;\n");
    let output = server.shell(&["--stop-on-error", "-e", &script]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
}

/// Cassandra before 4.0 does not know the statement DESCRIBE.
#[tokio::test(flavor = "multi_thread")]
async fn describes_the_schema_of_a_server_that_does_not_know_describe() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let host = server.address().to_string();
    let refuse = |statement: &str, message: &str| {
        server.add_fault(Fault::error(ErrorCode::Syntax, message).statement(statement));
    };
    let unknown =
        |word: &str| format!("line 1:0 no viable alternative at input '{word}' ([{word}]...)");
    refuse("DESCRIBE KEYSPACES%", &unknown("DESCRIBE"));
    refuse("desc keyspaces%", &unknown("desc"));
    refuse("DESCRIBE TYPES%", "line 1:9 mismatched input 'TYPES'");
    let describe = |command| run(CQLWIRE, &["shell", "--host", &host, "-e", command]);
    for command in ["DESCRIBE KEYSPACES", "desc keyspaces"] {
        let output = describe(command);
        assert!(output.code == 0 && output.stdout.contains("system"), "{output:?}");
    }
    let output = describe("DESCRIBE TYPES");
    let expected = "<stdin>:1:line 1:9 mismatched input 'TYPES'\n";
    assert_eq!((output.code, output.stderr.as_str()), (2, expected));
}

#[test]
fn capture_appends_results_to_a_file_until_it_ends() {
    let server = Server::start();
    let file = server.file("out.txt", "before\n");
    let select = "SELECT k FROM t;";
    let (_, output) =
        server.script(format!("CAPTURE '{file}'\n{select}\nPAGING\nCAPTURE OFF\n{select}\n"));
    let expected =
        format!("Now capturing query output to '{file}'.\nPAGING is ON\nPage size: 100\n{ONE_ROW}");
    assert_eq!((output.code, output.stdout, output.stderr.as_str()), (0, expected, ""));
    assert_eq!(fs::read_to_string(file).unwrap(), format!("before\n{ONE_ROW}"));
}

#[test]
fn captured_results_have_no_colour() {
    let server = Server::start();
    let file = server.file("out.txt", "");
    let script = format!("CAPTURE '{file}'\nSELECT k FROM t;\nCAPTURE OFF\nSELECT k FROM t;\n");
    let output = server.shell(&["--color", "-e", &script]);
    assert!(output.stdout.contains("\u{1b}["), "{output:?}");
    assert_eq!(fs::read_to_string(file).unwrap(), ONE_ROW);
}

/// The rest of the script is not run, and the error names the target.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_ends_the_script() {
    let server = Server::start();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let run = |script: &str, stdout: Stdio, stderr: Stdio| {
        let script = format!("{script}\nSELECT later;");
        let arguments = ["shell", "--host", &server.host, "-e", &script];
        let mut command = command(CQLWIRE, &arguments);
        let output = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let failed = |target: &str, reason: &str| {
        let error = format!("error: cannot write to {target}: {reason}");
        (Some(1), format!("{error}; the rest of the script was not run\n"))
    };
    let (no_space, broken) = ("No space left on device (os error 28)", "Broken pipe (os error 32)");
    let output = run("SELECT k FROM t;", full().into(), Stdio::piped());
    assert_eq!(output, failed("standard output", no_space));
    let (_, closed) = std::io::pipe().unwrap();
    let output = run("SELECT k FROM t;", closed.into(), Stdio::piped());
    assert_eq!(output, failed("standard output", broken));
    let output = run("CAPTURE '/dev/full'\nSELECT k FROM t;", Stdio::piped(), Stdio::piped());
    assert_eq!(output, failed("the file of CAPTURE, '/dev/full'", no_space));
    let (_, closed) = std::io::pipe().unwrap();
    for stderr in [full().into(), closed.into()] {
        assert_eq!(run("SELECT nope;", Stdio::piped(), stderr), (Some(1), String::new()));
    }
    assert!(!server.statements().contains(&"SELECT later;".to_owned()));
}

/// The second SELECT is not answered before the test has read the rows of the first.
#[test]
fn results_are_visible_before_the_next_statement_ends() {
    let (resume, resumed) = mpsc::channel::<()>();
    let resumed = Mutex::new(resumed);
    let address = start_server(Version::V4, move |request, _| {
        if matches!(request, Request::Query(query) if query.text.contains("second")) {
            resumed.lock().unwrap().recv().unwrap();
        }
        ResultMessage::Void.into()
    });
    let host = address.to_string();
    let script = "EXPAND\nSELECT second;";
    let mut child = command(CQLWIRE, &["shell", "--host", &host, "-e", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "EXPAND is OFF\n");
    resume.send(()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn counts_values_that_cannot_be_decoded() {
    let server = Server::start();
    let fault = "Failed to decode value 0x01 (for column 'k') : ";
    for (format, is_stderr) in
        [("table", false), ("vertical", false), ("json", true), ("csv", true)]
    {
        let output = server.shell(&["--format", format, "-e", "SELECT undecodable FROM t"]);
        let text = if is_stderr { output.stderr } else { output.stdout };
        assert_eq!(text.matches(fault).count(), 2, "{text}");
        assert!(text.ends_with("1 more decoding errors suppressed.\n"), "{text}");
    }
}

#[test]
fn reads_the_configuration_of_cqlsh() {
    let server = Server::start();
    let (host, port) = server.host.rsplit_once(':').unwrap();
    let text = format!("[connection]\nhostname = {host}\nport = {port}\n[ui]\ncolor = on\n");
    let cqlshrc = server.file("cqlshrc", text);
    let output = run(CQLWIRE, &["shell", "--cqlshrc", &cqlshrc, "-e", "SELECT k FROM t"]);
    let expected = "\n \u{1b}[0;1;35mk\u{1b}[0m\n---\n \u{1b}[0;1;32m1\u{1b}[0m\n\n(1 rows)\n";
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (0, expected, ""));
    let named = format!(
        "[connection]\nhostname = {host}\nport = {port}\n[authentication]\nusername = ada\n"
    );
    let named = server.file("named", named);
    let arguments = ["shell", "--cqlshrc", &named, "-p", "s3cret", "-e", "EXPAND"];
    let output = run(CQLWIRE, &arguments);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let invalid = server.file("invalid", "[connection]\nport = x\n");
    let output = run(CQLWIRE, &["shell", "--cqlshrc", &invalid, "-e", "SELECT k FROM t"]);
    let expected = "error: cqlshrc: [connection] port = x is not valid\n";
    assert_eq!((output.code, output.stderr.as_str()), (2, expected));
}
