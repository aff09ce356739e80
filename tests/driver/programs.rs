//! The command-line programs against faulty servers. Each program must end with exit code 1 and one
//! clear line on stderr.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use cqlwire::message::{
    ErrorCode, Request, ResponseFrame, ResultMessage, Rows, RowsMetadata, ServerError,
};
use cqlwire::testing::Reply;
use cqlwire::types::{ColumnSpec, NativeType};
use cqlwire::wire::{FrameEncoder, Stream, Version};

use crate::mock_server::start_server;
use crate::program::{ADD_USERS, LIST_USERS, run};
use crate::tcp_server::start_tcp_server;

const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// Runs `list_users` against `address` and returns its error line.
fn run_expecting_error(address: SocketAddr, arguments: &[&str]) -> String {
    let host = address.to_string();
    let output = run(LIST_USERS, &[&["--host", &host, "--timeout", "1"], arguments].concat());
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(output.stdout, "");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.contains(&host), "{output:?}");
    output.stderr
}

/// Returns the response to `USE`.
fn keyspace_set() -> Reply {
    ResultMessage::SetKeyspace("k8s_test".into()).into()
}

/// Keeps a connection open, without sending anything, until the client closes it.
fn wait_for_the_client_to_go(mut socket: TcpStream) {
    let _gone = std::io::copy(&mut socket, &mut std::io::sink());
}

#[test]
fn reports_a_refused_connection() {
    let free = start_tcp_server(drop);
    let unused = SocketAddr::new([127, 255, 255, 254].into(), free.port());
    assert!(
        run_expecting_error(unused, &[])
            .contains("connection refused (is Cassandra still starting?")
    );
}

#[test]
fn reports_an_unknown_host_name() {
    let output = run(LIST_USERS, &["--host", "no-such-host.invalid"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("no-such-host.invalid:9042: name not found"), "{output:?}");
}

#[test]
fn reports_that_the_server_speaks_http() {
    let address = start_tcp_server(|mut socket| {
        thread::spawn(move || {
            let _gone = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            wait_for_the_client_to_go(socket);
        });
    });
    let error = run_expecting_error(address, &[]);
    assert!(error.contains("the server is not a Cassandra node"), "{error}");
    assert!(error.contains("like that of an HTTP server"), "{error}");
}

#[test]
fn reports_an_invalid_response() {
    let address = start_tcp_server(|mut socket| {
        thread::spawn(move || {
            let _gone = socket.write_all(&[0x84; 64]);
            wait_for_the_client_to_go(socket);
        });
    });
    let error = run_expecting_error(address, &[]);
    assert!(error.contains("the server violated the protocol: length at byte 5"), "{error}");
}

#[test]
fn reports_a_server_that_closes_at_once() {
    let error = run_expecting_error(start_tcp_server(drop), &[]);
    assert!(
        error.contains("the server closed the connection") || error.contains("reset"),
        "{error}"
    );
}

#[test]
fn reports_a_response_that_is_cut_off() {
    let half = |end: fn(TcpStream)| {
        start_tcp_server(move |mut socket| {
            thread::spawn(move || {
                // Read the request first: closing with unread bytes would reset the connection.
                let mut options = [0; 9];
                std::io::Read::read_exact(&mut socket, &mut options).unwrap();
                socket.write_all(&[0x84, 0, 0, 0, 6, 0, 0, 0, 50, 0]).unwrap();
                end(socket);
            });
        })
    };
    let error = run_expecting_error(half(drop), &[]);
    assert!(error.contains("closed the connection in the middle of a frame"), "{error}");
    let error = run_expecting_error(half(wait_for_the_client_to_go), &[]);
    assert!(error.contains("the server did not complete the handshake in time"), "{error}");
}

#[test]
fn reports_a_server_that_never_answers() {
    let address = start_tcp_server(|socket| {
        thread::spawn(move || wait_for_the_client_to_go(socket));
    });
    let error = run_expecting_error(address, &[]);
    assert!(error.contains("the server did not complete the handshake in time"), "{error}");
}

#[test]
fn reports_a_query_that_times_out() {
    let address = start_server(Version::V4, |request, _| match request {
        Request::Query(query) if query.text.starts_with("USE") => keyspace_set(),
        _ => Reply::silence(),
    });
    let error = run_expecting_error(address, &[]);
    assert!(error.contains("SELECT username, password FROM users failed on "), "{error}");
    assert!(error.contains("no response within the timeout"), "{error}");
}

#[test]
fn reports_a_server_that_closes_at_every_query() {
    let address = start_server(Version::V4, |request, _| match request {
        Request::Query(query) if query.text.starts_with("USE") => keyspace_set(),
        _ => Reply::close(),
    });
    let error = run_expecting_error(address, &[]);
    assert!(error.contains("the server closed the connection"), "{error}");
}

#[test]
fn reports_a_compressed_body_with_a_wrong_length() {
    let address = start_server(Version::V4, |_, stream| {
        let [high, low] = stream.0.to_be_bytes();
        // A RESULT with the compressed flag, which claims 1,000 bytes and decompresses to one.
        let lie = [0, 0, 3, 0xe8, 0x10, 0x41];
        let header = [0x84, 0x01, high, low, 0x08, 0, 0, 0, 6];
        Reply::bytes([&header[..], &lie].concat())
    });
    let error = run_expecting_error(address, &["--compression", "lz4"]);
    assert!(error.contains("does not decompress to the length it claims"), "{error}");
}

#[test]
fn reports_a_response_on_an_unused_stream() {
    let address = start_server(Version::V4, |_, _| {
        Reply::bytes(vec![0x84, 0, 0x12, 0x34, 0x08, 0, 0, 0, 4, 0, 0, 0, 1])
    });
    let error = run_expecting_error(address, &[]);
    assert!(error.contains("response on stream 4660, which has no request"), "{error}");
}

#[test]
fn reports_a_column_of_another_type() {
    let address = start_server(Version::V4, |request, _| match request {
        Request::Query(query) if query.text.starts_with("USE") => keyspace_set(),
        _ => {
            let columns = [("username", NativeType::Text), ("password", NativeType::Int)];
            let columns =
                columns.map(|(name, cql)| ColumnSpec::new("k8s_test", "users", name, cql));
            let metadata = RowsMetadata::new(columns.to_vec());
            ResultMessage::Rows(Rows { metadata, count: 0, content: bytes::Bytes::new() }).into()
        }
    });
    let output = run(LIST_USERS, &["--host", &address.to_string()]);
    assert_eq!(output.code, 1);
    assert_eq!(
        output.stderr,
        "error: cannot read the result of SELECT username, password FROM users: \
         column 1 \"password\" of k8s_test.users is `int`, but Rust type `&str` reads `text` \
         or `ascii`\n"
    );
}

#[test]
fn invalid_arguments_exit_with_code_2() {
    for arguments in [
        &["--consistency", "MOST"][..],
        &["--compression", "zip"],
        &["--protocol-version", "9"],
        &["--timeout", "soon"],
        &["--timeout", "0"],
        &["--wait", "1e300"],
        &["--port", "0"],
        &["--password", "secret"],
        &["--authenticator", "org.example.Login"],
        &["--compression", "snappy", "--protocol-version", "5"],
        &["--host", "db:70000"],
        &["--host", ""],
        &["--tls-server-name", "a b"],
        &["--no-such-flag"],
    ] {
        for program in [ADD_USERS, LIST_USERS] {
            let output = run(program, arguments);
            assert_eq!(output.code, 2, "{arguments:?} {output:?}");
            assert!(output.stderr.contains(arguments[0]), "{output:?}");
        }
    }
    assert_eq!(run(ADD_USERS, &["--concurrency", "0"]).code, 2);
}

#[test]
fn the_error_of_an_invalid_timeout_explains_it() {
    let output = run(LIST_USERS, &["--timeout", "0"]);
    let expected = "every request would fail; use a number above 0";
    assert!(output.stderr.contains(expected), "{output:?}");
}

#[test]
fn the_error_after_a_failed_wait_gives_its_time() {
    let free = start_tcp_server(drop);
    let unused = SocketAddr::new([127, 255, 255, 254].into(), free.port());
    let error = run_expecting_error(unused, &["--wait", "0.2"]);
    let expected = "(gave up after --wait 0.2; check that Cassandra runs and listens at --host and \
                    --port, or wait longer)";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_user_name_without_a_password_fails_without_a_terminal() {
    for program in [&[LIST_USERS][..], &[ADD_USERS], &[CQLWIRE, "shell"]] {
        let arguments = [&program[1..], &["-u", "ada"]].concat();
        let output = run(program[0], &arguments);
        assert_eq!((output.code, output.stderr.lines().count()), (2, 1), "{output:?}");
        for part in ["`ada`", "--password", "CQLWIRE_PASSWORD"] {
            assert!(output.stderr.contains(part), "{output:?}");
        }
    }
}

#[test]
fn only_the_example_programs_give_the_hint_at_their_schema() {
    let address = start_server(Version::V4, |_, _| {
        Reply::error(ErrorCode::Invalid, "unconfigured table users")
    });
    let host = address.to_string();
    for program in [LIST_USERS, ADD_USERS] {
        let output = run(program, &["--host", &host]);
        let hint = "(`cqlwire shell -f cql/users.cql` creates k8s_test.users)\n";
        assert!(output.stderr.ends_with(hint), "{output:?}");
    }
    let shell = run(CQLWIRE, &["shell", "--host", &host, "-e", "SELECT * FROM users"]);
    assert!(shell.stderr.contains("unconfigured table users"), "{shell:?}");
    assert!(!shell.stderr.contains("users.cql"), "{shell:?}");
}

#[test]
fn the_shell_says_which_consistency_it_uses_and_what_to_set_for_transactions() {
    let address = start_server(Version::V4, |_, _| {
        let message = "ConsistencyLevel LOCAL_ONE is unsupported with Accord for write/commit, \
                       supported are [ANY, ONE, QUORUM, ALL, SERIAL]";
        Reply::error(ErrorCode::Invalid, message)
    });
    let host = address.to_string();
    let script = "CONSISTENCY; DELETE FROM t WHERE k = 1; CONSISTENCY QUORUM; CONSISTENCY";
    let shell = run(CQLWIRE, &["shell", "--host", &host, "-e", script]);
    let lines: Vec<_> = shell.stdout.lines().collect();
    let expected = [
        "Current consistency level is ONE.",
        "Consistency level set to QUORUM.",
        "Current consistency level is QUORUM.",
    ];
    assert_eq!(lines, expected, "{shell:?}");
    let hint = "(set one of these, such as QUORUM, with CONSISTENCY or --consistency)";
    assert!(shell.stderr.contains(hint), "{shell:?}");
}

#[test]
fn logs_in_a_pipe_contain_no_escape_codes() {
    let address = start_server(Version::V4, |_, _| keyspace_set());
    let host = address.to_string();
    let shell = run(CQLWIRE, &["shell", "--host", &host, "-vvv", "-e", "USE k8s_test"]);
    assert!(shell.stderr.contains("TRACE") || shell.stderr.contains("DEBUG"), "{shell:?}");
    assert!(!shell.stderr.contains('\u{1b}'), "{shell:?}");
}

#[test]
fn every_program_has_a_version_and_a_summary() {
    for (program, summary) in [
        (&[LIST_USERS][..], "List the users"),
        (&[ADD_USERS], "Add users"),
        (&[CQLWIRE], "Run CQL scripts"),
        (&[CQLWIRE, "shell"], "Run CQL statements"),
        (&[CQLWIRE, "decode"], "Decode frames"),
    ] {
        let run = |argument| run(program[0], &[&program[1..], &[argument]].concat());
        let version = run("--version");
        assert_eq!(version.code, 0, "{version:?}");
        assert!(version.stdout.trim_end().ends_with(env!("CARGO_PKG_VERSION")), "{version:?}");
        let help = run("--help");
        assert_eq!(help.code, 0, "{help:?}");
        assert!(help.stdout.starts_with(summary), "{help:?}");
    }
}

#[test]
fn falls_back_to_the_protocol_version_of_an_older_server() {
    let old = start_server(Version::V3, |request, _| match request {
        Request::Query(query) if query.text.starts_with("USE") => keyspace_set(),
        _ => ResultMessage::Void.into(),
    });
    // Forwards v3 connections, and refuses v4 like Cassandra 2.1, with a v3 error.
    let address = start_tcp_server(move |mut socket| {
        thread::spawn(move || {
            let mut first = [0; 1];
            std::io::Read::read_exact(&mut socket, &mut first).unwrap();
            if first == [3] {
                let mut server = TcpStream::connect(old).unwrap();
                server.write_all(&first).unwrap();
                let (mut from, mut to) = (socket.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut from, &mut to));
                let _gone = std::io::copy(&mut server, &mut socket);
                return;
            }
            let message = "Invalid or unsupported protocol version: 4";
            let error = ServerError::new(ErrorCode::Protocol, message);
            let mut bytes = Vec::new();
            let frame = ResponseFrame::new(Stream(0), error);
            frame.encode(&mut FrameEncoder::new(Version::V3), &mut bytes).unwrap();
            socket.write_all(&bytes).unwrap();
            wait_for_the_client_to_go(socket);
        });
    });
    let output = run(LIST_USERS, &["--host", &address.to_string(), "-vv"]);
    assert!(output.stderr.contains("protocol version not supported"), "{output:?}");
    assert!(output.stderr.contains("the statement returns no rows"), "{output:?}");
}

#[test]
fn succeeds_when_the_reader_of_its_output_stops() {
    let address = start_server(Version::V4, |request, _| match request {
        Request::Query(query) if query.text.starts_with("USE") => keyspace_set(),
        // Far more than the pipe buffer between two programs holds.
        _ => users(100_000).into(),
    });
    let mut child = Command::new(LIST_USERS)
        .args(["--host", &address.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
}

/// Returns a page of `count` users without a password.
fn users(count: usize) -> ResultMessage {
    let columns = ["username", "password"]
        .map(|name| ColumnSpec::new("k8s_test", "users", name, NativeType::Text));
    let content = b"\0\0\0\x03ada\xff\xff\xff\xff".repeat(count).into();
    let metadata = RowsMetadata::new(columns.to_vec());
    ResultMessage::Rows(Rows { metadata, count, content })
}
