//! Everything against real Cassandra, of every generation.
//!
//! A node starts when the first test needs it, and all of them end with this program. To run the
//! tests of one version: `cargo test --test live 4.1.9`.

#[path = "../support/child.rs"]
mod child;
mod cluster;
mod everyday;
mod examples;
mod fleet;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/hex.rs"]
mod hex;
#[path = "../support/install.rs"]
mod install;
#[path = "../support/interpreter.rs"]
mod interpreter;
#[path = "../support/plain.rs"]
mod plain;
#[path = "../support/program.rs"]
mod program;
mod programs;
#[path = "../support/proxy.rs"]
mod proxy;
mod schema;
mod security;
mod session;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/strategies.rs"]
mod strategies;
#[path = "../support/tcp_server.rs"]
mod tcp_server;
mod values;

use std::process::ExitCode;
use std::sync::Arc;

use fleet::{Fleet, Node};
use libtest_mimic::{Arguments, Failed, Trial};

/// A test, and the node that it runs against.
type Test = fn(&Node) -> Result<(), Failed>;

/// The tests that every version passes.
const EVERY_VERSION: &[(&str, Test)] = &[
    ("programs::the_main_job", programs::the_main_job),
    ("programs::compressed_frames_cross_the_wire", programs::compressed_frames_cross_the_wire),
    ("programs::what_is_not_there", programs::what_is_not_there),
    ("programs::more_replicas_than_nodes", programs::more_replicas_than_nodes),
    ("everyday::an_altered_table", everyday::an_altered_table),
    ("everyday::batches", everyday::batches),
    ("everyday::conditions", everyday::conditions),
    ("everyday::custom_payload", everyday::custom_payload),
    ("everyday::keyspace_and_time_of_a_statement", everyday::keyspace_and_time_of_a_statement),
    ("everyday::pages_by_hand", everyday::pages_by_hand),
    ("everyday::throttle", everyday::throttle),
    ("everyday::traces", everyday::traces),
    ("everyday::warnings", everyday::warnings),
    ("schema::what_is_printed_creates_the_same", schema::what_is_printed_creates_the_same),
    ("schema::the_keyspaces_of_the_server", schema::the_keyspaces_of_the_server),
    ("session::verbs", session::verbs),
    ("session::pages", session::pages),
    ("session::batches_and_conditions", session::batches_and_conditions),
    ("session::errors_of_the_server", session::errors_of_the_server),
    ("session::a_cut_connection_is_opened_again", session::a_cut_connection_is_opened_again),
    ("session::a_forgotten_statement", session::a_forgotten_statement),
    ("security::tls_to_a_plain_port", security::tls_to_a_plain_port),
];

fn main() -> ExitCode {
    let fleet = Arc::new(Fleet::new());
    let mut trials = Vec::new();
    let mut add = |version: &str, name: &str, test: values::Test, authentication| {
        let (fleet, version) = (Arc::clone(&fleet), version.to_owned());
        let name = format!("{version}::{name}");
        trials.push(Trial::test(name, move || test(&fleet.node(&version, authentication)?)));
    };
    let missing = interpreter::missing();
    for version in fleet::versions() {
        for (name, test) in EVERY_VERSION {
            add(version, name, Box::new(test), false);
        }
        for (name, test) in values::tests(version, missing.is_none()) {
            add(version, &name, test, false);
        }
    }
    let newest = fleet::versions().last().copied().unwrap_or_default();
    add(newest, "examples::print_what_they_say", Box::new(examples::print_what_they_say), false);
    add(newest, "programs::many_users", Box::new(programs::many_users), false);
    if fleet::can_choose() {
        add(newest, "programs::logging_in", Box::new(programs::logging_in), true);
        trials.extend(security::tests(newest));
    }
    match missing {
        None => {}
        Some(missing) if std::env::var_os("CI").is_some() => {
            let lacks = format!("there is no {missing} here, and CI has to have it");
            trials.push(Trial::test("python", move || Err(lacks.into())));
        }
        Some(missing) => eprintln!("nothing goes to and from Python: there is no {missing} here"),
    }
    trials.extend(cluster::trials());
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    // The nodes end before this program does.
    drop(fleet);
    conclusion.exit_code()
}
