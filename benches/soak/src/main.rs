//! Runs the driver against a real Cassandra under faults, and checks every answer and every write.

mod arguments;
mod connection_log;
mod cpu;
mod long;
mod nodes;
#[path = "../../../tests/support/only.rs"]
mod only;
mod peers;
mod report;
mod scenarios;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use report::Verdict;

/// The result of a step of a soak. An error means that the soak itself cannot go on, for example
/// because a node does not start.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    connection_log::install();
    let verdict = match Arguments::parse().command {
        Command::StreamZero(options) => scenarios::stream_zero::run(&options),
        Command::Soak(options) => long::run(&options),
        Command::Peers(options) => peers::run(&options),
        Command::Drain(options) => scenarios::drain::run(&options),
        Command::Freeze(options) => scenarios::freeze::run(&options),
        Command::Counters(options) => scenarios::counters::run(&options),
        Command::Kill(options) => scenarios::kill::run(&options),
    };
    match verdict {
        Ok(Verdict::Passed) => ExitCode::SUCCESS,
        Ok(Verdict::Broken) => ExitCode::FAILURE,
        Ok(Verdict::NothingProven) => {
            eprintln!("soak: nothing proven, because the faults did not occur");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::from(2)
        }
    }
}
