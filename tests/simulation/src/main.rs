//! Runs cqlwire in a simulated world. A seed decides a schedule of faults, and a model checks what the
//! driver makes of them.

mod arguments;
mod campaign;
mod director;
mod history;
mod network;
mod node;
mod node_event;
mod panics;
mod report;
mod run;
mod schedule;
mod server_fault;
mod shrink;
mod socket;
mod summary;
#[cfg(test)]
mod tests;
mod world;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, Replay};
use schedule::Schedule;

fn main() -> ExitCode {
    let is_passed = match Arguments::parse().command {
        Command::Run(options) => campaign::run(&options),
        Command::Replay(options) => replay(&options),
    };
    if is_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one schedule, and returns true if every promise was kept.
fn replay(options: &Replay) -> bool {
    let mut schedule = Schedule::new(options.seed);
    if let Some(faults) = &options.faults {
        schedule.keep(faults);
    }
    print!("{schedule}");
    let report = run::run(&schedule, options.trace);
    println!("{} events, hash {:016x}", report.events, report.hash);
    for finding in &report.findings {
        println!("BROKEN: {finding}");
    }
    report.findings.is_empty()
}
