//! The programs `cqlwire shell`, `add_users` and `list_users` on `cqlwire serve`.

use crate::program::{ADD_USERS, LIST_USERS, Output, run};
use crate::server::{CQLWIRE, Server};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("the_shell_prints_what_it_prints_on_cassandra", the_shell_prints_what_it_prints_on_cassandra),
    ("lists_users_in_token_order", lists_users_in_token_order),
    ("lists_several_pages", lists_several_pages),
    ("runs_a_schema_before_it_is_ready", runs_a_schema_before_it_is_ready),
    ("nodes_share_their_rows", nodes_share_their_rows),
];

/// The output of `cqlwire shell -f cql/users.cql` on Cassandra 5.0.6.
const ON_CASSANDRA: &str = include_str!("users.txt");

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cql/users.cql");

/// Runs a program, which must succeed.
fn run_at(address: &str, program: &str, arguments: &[&str]) -> Output {
    let output = run(program, &[arguments, &["--host", address]].concat());
    assert_eq!((output.code, &*output.stderr), (0, ""), "{output:?}");
    output
}

fn the_shell_prints_what_it_prints_on_cassandra() {
    let server = Server::start(&[]);
    // The script can be run twice.
    for _ in 0..2 {
        let output = run_at(server.address(), CQLWIRE, &["shell", "-f", SCHEMA]);
        assert_eq!(output.stdout, ON_CASSANDRA);
    }
}

fn lists_users_in_token_order() {
    let server = Server::start(&["--schema", SCHEMA]);
    for arguments in [
        &[][..],
        &["--compression", "lz4"],
        &["--compression", "snappy"],
        &["--protocol-version", "3"],
        &["--protocol-version", "5", "--compression", "lz4"],
    ] {
        run_at(server.address(), CQLWIRE, &["shell", "-e", "TRUNCATE k8s_test.users"]);
        let added = run_at(server.address(), ADD_USERS, arguments);
        assert_eq!(added.stdout, "10 users added\n");
        let row = |user| format!("Row(username='user_{user}', password='password_{user}')\n");
        let expected = [7, 6, 1, 2, 4, 9, 3, 8, 5, 0].map(row).concat();
        let listed = run_at(server.address(), LIST_USERS, arguments);
        assert_eq!(listed.stdout, expected, "{arguments:?}");
        let some = run_at(server.address(), LIST_USERS, &["--limit", "3", "--page-size", "2"]);
        assert_eq!(some.stdout, [7, 6, 1].map(row).concat());
    }
}

fn lists_several_pages() {
    let server = Server::start(&["--schema", SCHEMA]);
    let added = run_at(server.address(), ADD_USERS, &["--count", "5001"]);
    assert!(added.stdout.starts_with("5001 users added\n"), "{added:?}");
    let listed = run_at(server.address(), LIST_USERS, &[]);
    let distinct: std::collections::HashSet<_> = listed.stdout.lines().collect();
    assert_eq!((distinct.len(), listed.stdout.lines().count()), (5_001, 5_001));
}

fn runs_a_schema_before_it_is_ready() {
    let mut server = Server::start(&["--schema", SCHEMA, "--auth", "ada:secret", "--log", "json"]);
    let user = ["-u", "ada", "-p", "secret"];
    assert_eq!(run_at(server.address(), LIST_USERS, &user).stdout, "");
    // The log begins after the schema.
    for expected in ["USE \"k8s_test\"", "SELECT username, password FROM users"] {
        let logged: serde_json::Value = serde_json::from_str(&server.log_line()).unwrap();
        assert_eq!(logged["statement"], expected);
    }
}

fn nodes_share_their_rows() {
    let server = Server::start(&["--schema", SCHEMA, "--nodes", "2"]);
    run_at(&server.addresses[0], ADD_USERS, &["--count", "1"]);
    let listed = run_at(&server.addresses[1], LIST_USERS, &[]);
    assert_eq!(listed.stdout, "Row(username='user_0', password='password_0')\n");
}
