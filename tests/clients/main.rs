//! Runs clients in other languages against `MockServer`. See README.md.

mod client;
mod cqlsh;
mod double;
mod gocql;
#[path = "../support/install.rs"]
mod install;
#[path = "../support/interpreter.rs"]
mod interpreter;
mod java;
mod node;
mod python;
mod rust;
#[path = "../support/setup.rs"]
mod setup;
mod toolchain;

use std::env;
use std::process::ExitCode;

use client::Client;
use libtest_mimic::Arguments;

const CLIENTS: &[Client] = &[
    cqlsh::CLIENT,
    gocql::CLIENT_1,
    gocql::CLIENT_2,
    java::CLIENT,
    node::CLIENT,
    python::CLIENT,
    rust::CDRS,
    rust::SCYLLA,
];

fn main() -> ExitCode {
    let is_forced = env::var_os("CI").is_some();
    let trials = CLIENTS.iter().flat_map(|client| client.trials(is_forced)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
