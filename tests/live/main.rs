//! Everything against real Cassandra, of every generation.
//!
//! A node starts when the first test needs it, and all of them end with this program. To run the
//! tests of one version: `cargo test --test live 4.1.9`.

mod fleet;
#[path = "../support/listen.rs"]
mod listen;
#[path = "../support/program.rs"]
mod program;
mod programs;
#[path = "../support/proxy.rs"]
mod proxy;
mod session;
mod values;

use std::process::ExitCode;
use std::sync::Arc;

use fleet::Fleet;
use libtest_mimic::{Arguments, Failed, Trial};

/// A test, and the node that it runs against.
type Test = fn(&fleet::Node) -> Result<(), Failed>;

/// The tests that every version passes.
const EVERY_VERSION: &[(&str, Test)] = &[
    ("programs::the_main_job", programs::the_main_job),
    ("programs::compressed_frames_cross_the_wire", programs::compressed_frames_cross_the_wire),
    ("programs::what_is_not_there", programs::what_is_not_there),
    ("programs::more_replicas_than_nodes", programs::more_replicas_than_nodes),
    ("session::verbs", session::verbs),
    ("session::pages", session::pages),
    ("session::batches_and_conditions", session::batches_and_conditions),
    ("session::errors_of_the_server", session::errors_of_the_server),
    ("session::a_cut_connection_is_opened_again", session::a_cut_connection_is_opened_again),
    ("session::a_forgotten_statement", session::a_forgotten_statement),
    ("values::every_type", values::every_type),
];

fn main() -> ExitCode {
    let fleet = Arc::new(Fleet::new());
    let mut trials = Vec::new();
    let mut add = |name: String, version: &str, test: Test, authentication| {
        let (fleet, version) = (Arc::clone(&fleet), version.to_owned());
        trials.push(Trial::test(name, move || test(&fleet.node(&version, authentication)?)));
    };
    for version in fleet::versions() {
        for (name, test) in EVERY_VERSION {
            add(format!("{version}::{name}"), version, *test, false);
        }
    }
    let newest = fleet::versions().last().copied().unwrap_or_default();
    add(format!("{newest}::programs::many_users"), newest, programs::many_users, false);
    if fleet::can_choose() {
        add(format!("{newest}::programs::logging_in"), newest, programs::logging_in, true);
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    // The nodes end before this program does.
    drop(fleet);
    conclusion.exit_code()
}
