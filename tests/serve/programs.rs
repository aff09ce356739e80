//! The program itself.

use std::fs;
use std::time::Duration;

use cassandra_harness::Certificates;
use cqlwire::message::{ErrorCode, ErrorDetails, WriteType};
use cqlwire::session::{Error, Session, SessionBuilder};
use cqlwire::types::Value;
use cqlwire::wire::Consistency;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::program::run;
use crate::server::{CQLWIRE, Server};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("says_where_its_nodes_listen", says_where_its_nodes_listen),
    ("answers_as_its_script_says", answers_as_its_script_says),
    ("changes_faults_while_it_runs", changes_faults_while_it_runs),
    ("answers_an_invalid_command_with_an_error", answers_an_invalid_command_with_an_error),
    (
        "returns_and_logs_statements_with_their_values",
        returns_and_logs_statements_with_their_values,
    ),
    ("ends_when_its_input_closes_or_on_command", ends_when_its_input_closes_or_on_command),
    ("users_have_to_log_in", users_have_to_log_in),
    ("clients_have_to_use_tls", clients_have_to_use_tls),
    ("stops_and_starts_a_node", stops_and_starts_a_node),
    ("refuses_invalid_arguments_and_files", refuses_invalid_arguments_and_files),
    ("runs_the_script_of_the_documentation", runs_the_script_of_the_documentation),
];

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn builder(server: &Server) -> SessionBuilder {
    Session::builder().contact_points([server.address()])
}

/// Writes a script, and returns its folder and its path.
fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// Returns the server error of a statement that fails.
async fn failure(session: &Session, statement: &str) -> Error {
    session.execute(statement, ()).await.expect_err(statement)
}

fn says_where_its_nodes_listen() {
    let server = Server::start(&["--nodes", "3"]);
    let parts: Vec<_> = server.addresses.iter().map(|of| of.split_once(':').unwrap()).collect();
    let (ips, ports): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    assert_eq!(ips, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    assert!(ports.iter().all(|port| *port == ports[0] && *port != "0"), "{ports:?}");
    runtime().block_on(async {
        let session = builder(&server).connect().await.unwrap();
        let mut known: Vec<_> =
            session.cluster().nodes().iter().map(|node| node.address().to_string()).collect();
        known.sort();
        assert_eq!(known, server.addresses);
    });
}

fn answers_as_its_script_says() {
    let script = r#"
# The answer is a page of two rows.
{"on": "SELECT % FROM shop.items %", "variables": {"id": "int"},
 "columns": {"name": "text", "price": "decimal", "tags": "set<text>"},
 "rows": [["tea", "3.50", ["hot"]], {"name": "salt"}]}
{"on": "INSERT INTO shop.items %", "void": true}
{"on": "UPDATE %", "error": "write_timeout", "times": 1, "write_type": "COUNTER", "block_for": 3}
"#;
    let (_folder, script) = file("shop.json", script);
    let server = Server::start(&["--script", &script]);
    runtime().block_on(async {
        let session = builder(&server).connect().await.unwrap();
        session.execute("INSERT INTO shop.items (id) VALUES (1)", ()).await.unwrap();
        let select = "SELECT name, price, tags FROM shop.items WHERE id = ?";
        let result = session.execute(select, (5,)).await.unwrap();
        let rows: Vec<_> = result.rows::<Vec<Value>>().unwrap().map(Result::unwrap).collect();
        let shown: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(shown, [["'tea'", "3.50", "{'hot'}"], ["'salt'", "null", "null"]]);

        let update = "UPDATE shop.items SET name = 'x' WHERE id = 1";
        let error = failure(&session, update).await;
        assert_eq!(
            error.server_error().unwrap().details,
            ErrorDetails::WriteTimeout {
                consistency: Consistency::LocalQuorum,
                received: 1,
                block_for: 3,
                write_type: WriteType::Counter,
                contentions: None,
            }
        );
        let error = failure(&session, update).await;
        assert_ne!(error.server_error().unwrap().code, ErrorCode::WriteTimeout);
    });
}

fn changes_faults_while_it_runs() {
    let mut server = Server::start(&[]);
    server.control(&json!({"on": "INSERT %", "void": true}));
    runtime().block_on(async {
        let insert = "INSERT INTO shop.items (id) VALUES (1)";
        let session = builder(&server).connect().await.unwrap();
        session.execute(insert, ()).await.unwrap();

        let fault =
            server.control(&json!({"on": "INSERT %", "error": "unauthorized", "message": "no"}));
        assert_eq!(fault, json!({"fault": 1}));
        let error = failure(&session, insert).await;
        assert_eq!(error.server_error().unwrap().message, "no");
        server.control(&json!({"remove": 1}));
        session.execute(insert, ()).await.unwrap();

        server.control(&json!({"on": "INSERT %", "silence": true}));
        let short = builder(&server).timeout(Duration::from_millis(50)).connect().await.unwrap();
        assert_eq!(failure(&short, insert).await.kind(), cqlwire::session::ErrorKind::Timeout);
        server.control(&json!({"clear_faults": true}));
        session.execute(insert, ()).await.unwrap();

        server.control(&json!({"on": "INSERT %", "delay_ms": 1, "times": 1}));
        session.execute(insert, ()).await.unwrap();

        server.control(&json!({"on": "INSERT %", "close": true, "times": 1}));
        assert_eq!(failure(&session, insert).await.kind(), cqlwire::session::ErrorKind::Connection);

        let fault = server.control(&json!({"on": "%", "error": "server", "times": 1}));
        let error = failure(&session, insert).await;
        assert_eq!(error.server_error().unwrap().code, ErrorCode::Server, "{fault}");

        server.control(&json!({"close_connections": true}));
        server.control(&json!({"forget_prepared": true}));
        server.control(&json!({"refuse_version": 5}));
        let session = builder(&server).protocol_version(cqlwire::wire::Version::V5);
        let session = session.connect().await.unwrap();
        session.execute(insert, ()).await.unwrap();
    });
}

fn answers_an_invalid_command_with_an_error() {
    let mut server = Server::start(&[]);
    for (line, expected) in [
        ("{", "invalid JSON: EOF"),
        ("{\"on\": \"%\"}", "\"on\" has no effect; add one of rows"),
        ("{\"remove\": 7}", "there is no fault 7"),
        ("{\"on\": \"%\", \"close\": true, \"node\": 2}", "there is no node 2; --nodes"),
    ] {
        let answer = server.send(line);
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains(expected), "{line}: {answer}");
    }
    assert_eq!(server.control(&json!({"received": true})), json!([]));
}

fn returns_and_logs_statements_with_their_values() {
    let mut server = Server::start(&["--log", "json"]);
    server.control(
        &json!({"on": "INSERT %", "void": true, "variables": {"id": "int", "at": "date"}}),
    );
    runtime().block_on(async {
        let session = builder(&server).connect().await.unwrap();
        let insert = "INSERT INTO shop.items (id, at) VALUES (?, ?)";
        let date = Value::parse(&"date".parse().unwrap(), "'2024-02-29'").unwrap();
        session.execute(insert, vec![Value::Int(1), date]).await.unwrap();
        let received = server.control(&json!({"received": "insert into SHOP.items %"}));
        let statement = &received[0];
        assert_eq!(statement["statement"], insert);
        assert_eq!(statement["values"], json!({"id": 1, "at": "2024-02-29"}));
        assert_eq!(statement["types"], json!({"id": "int", "at": "date"}));
        assert_eq!(statement["node"], server.address());
        assert_eq!(statement["consistency"], "LOCAL_ONE");
        assert!(statement["timestamp"].is_number() && statement["connection"].is_number());
        let logged: serde_json::Value = serde_json::from_str(&server.log_line()).unwrap();
        assert_eq!(logged, *statement);
        assert_eq!(server.control(&json!({"received": "UPDATE %"})), json!([]));
        server.control(&json!({"clear_received": true}));
        assert_eq!(server.control(&json!({"received": true})), json!([]));
    });
}

fn ends_when_its_input_closes_or_on_command() {
    let mut server = Server::start(&[]);
    server.close_input();
    assert_eq!(server.wait(), 0);
    let mut server = Server::start(&[]);
    server.control(&json!({"stop": true}));
    assert_eq!(server.wait(), 0);
}

fn users_have_to_log_in() {
    let server = Server::start(&["--auth", "ada:se:cret", "--auth", "bob:b"]);
    let list = |arguments: &[&str]| {
        let host = ["shell", "-e", "SELECT key FROM system.local", "--host", server.address()];
        run(CQLWIRE, &[&host[..], arguments].concat())
    };
    for user in [["-u", "ada", "-p", "se:cret"], ["-u", "bob", "-p", "b"]] {
        let output = list(&user);
        assert_eq!((output.code, &*output.stderr), (0, ""), "{output:?}");
    }
    for user in [&["-u", "ada", "-p", "b"][..], &[]] {
        assert_eq!(list(user).code, 1);
    }
    let login = |password: &str| {
        let script = format!("LOGIN bob '{password}'\nSELECT key FROM system.local");
        let user = ["-u", "ada", "-p", "se:cret"];
        let host = ["shell", "-e", &script, "--host", server.address()];
        run(CQLWIRE, &[&host[..], &user[..]].concat())
    };
    let output = login("b");
    assert_eq!((output.code, &*output.stderr), (0, ""), "{output:?}");
    // Nothing runs as the user before.
    let output = login("wrong");
    assert_eq!((output.code, &*output.stdout), (2, ""), "{output:?}");
    assert!(output.stderr.starts_with("<stdin>:1:('Unable to connect to any"), "{output:?}");
}

fn clients_have_to_use_tls() {
    let certificates = Certificates::new().unwrap();
    let server = certificates.issue(&["127.0.0.1"]).unwrap();
    let client = certificates.issue(&[]).unwrap();
    let (_folder, ca) = file("ca.pem", &certificates.ca());
    let (_folder, cert) = file("server.pem", &server.certificate);
    let (_folder, key) = file("server.key", &server.key);
    let (_folder, client_cert) = file("client.pem", &client.certificate);
    let (_folder, client_key) = file("client.key", &client.key);
    let server = Server::start(&["--tls-cert", &cert, "--tls-key", &key, "--tls-ca", &ca]);
    let list = |arguments: &[&str]| {
        let host = ["shell", "-e", "SELECT key FROM system.local", "--host", server.address()];
        run(CQLWIRE, &[&host[..], arguments].concat())
    };
    let trusting = ["--tls-ca", &ca];
    let own = ["--tls-cert", &client_cert, "--tls-key", &client_key];
    let output = list(&[&trusting[..], &own].concat());
    assert_eq!((output.code, &*output.stderr), (0, ""), "{output:?}");
    for refused in [&trusting[..], &[]] {
        assert_eq!(list(refused).code, 1);
    }
}

fn stops_and_starts_a_node() {
    let mut server = Server::start(&["--nodes", "2"]);
    runtime().block_on(async {
        let session = builder(&server).connect().await.unwrap();
        for (command, connected) in [("start_node", 2), ("stop_node", 1), ("start_node", 2)] {
            server.control(&json!({command: 2}));
            while session.metrics().connected_nodes != connected {
                tokio::task::yield_now().await;
            }
        }
    });
}

fn refuses_invalid_arguments_and_files() {
    let (_folder, script) = file("bad.json", "\n{\"on\": \"%\", \"colums\": 1, \"close\": true}\n");
    let (_folder, node) = file("node.json", "{\"on\": \"%\", \"close\": true, \"node\": 2}");
    let (_folder, schema) = file("bad.cql", "\n\nCREATE KEYSPAC shop;\n");
    let serve = |arguments: &[&str]| {
        let free_port = ["--listen", "127.0.0.1:0"];
        let listen = if arguments.contains(&"--listen") { &[][..] } else { &free_port };
        run(CQLWIRE, &[&["serve"], arguments, listen].concat())
    };
    for (arguments, code, expected) in [
        (&["--script", &*script][..], 2, format!("{script}:2: unknown field \"colums\"; use on, ")),
        (&["--script", &node], 2, format!("{node}:1: there is no node 2")),
        (&["--script", "missing.json"], 2, "cannot read missing.json: ".to_owned()),
        (&["--schema", "missing.cql"], 2, "cannot read missing.cql: ".to_owned()),
        (&["--schema", &schema], 1, format!("{schema}:3:")),
        (&["--auth", "ada:b", "--listen", "localhost"], 2, "such as 127.0.0.1:9042".to_owned()),
        (&["--auth", "ada"], 2, "write it as USER:PASSWORD".to_owned()),
        (&["--tls-cert", "x"], 2, "--tls-key".to_owned()),
        (&["--nodes", "0"], 2, "not a whole number from 1 to 100".to_owned()),
    ] {
        let output = serve(arguments);
        assert_eq!((output.code, &*output.stdout), (code, ""), "{arguments:?} {output:?}");
        assert!(output.stderr.contains(&expected), "{arguments:?} {output:?}");
    }
}

fn runs_the_script_of_the_documentation() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/serve/shop.json");
    let server = Server::start(&["--script", script]);
    runtime().block_on(async {
        let session = builder(&server).connect().await.unwrap();
        let select = "SELECT name, price, tags FROM shop.items WHERE id = ?";
        let result = session.execute(select, (1,)).await.unwrap();
        assert_eq!(result.rows::<Vec<Value>>().unwrap().count(), 2);
        let error = failure(&session, "TRUNCATE shop.items").await;
        assert_eq!(error.server_error().unwrap().code, ErrorCode::Overloaded);
    });
}
