//! Runs cqlwire in a simulated world. A seed decides a schedule of faults, and a model checks what the
//! driver makes of them.

mod arguments;
mod backlogs;
mod campaign;
mod checks;
mod director;
mod history;
mod load;
mod network;
mod node;
mod node_event;
mod panics;
mod report;
mod run;
mod schedule;
mod server_fault;
mod session;
mod settings;
mod shrink;
mod socket;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod world;

use std::{fs, process::ExitCode, sync::Arc};

use clap::Parser;

use arguments::{Arguments, Command, Replay};
use schedule::Schedule;

fn main() -> ExitCode {
    let is_passed = match Arguments::parse().command {
        Command::Run(options) => Ok(campaign::run(&options)),
        Command::Replay(options) => replay(&options),
    };
    match is_passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Runs one schedule, and returns true if every promise was kept.
///
/// # Errors
/// Returns an error if there is no such schedule.
fn replay(options: &Replay) -> Result<bool, String> {
    let mut schedule = read_schedule(&options.schedule)?;
    if let Some(faults) = &options.faults {
        schedule.keep(faults);
    }
    println!("{schedule}");
    let report = run::run(&Arc::new(schedule), options.trace);
    for finding in &report.findings {
        println!("BROKEN: {finding}");
    }
    println!("{} events, hash {:016x}", report.events, report.hash);
    Ok(report.findings.is_empty())
}

/// Returns the schedule of a seed, or that of a file.
fn read_schedule(seed_or_file: &str) -> Result<Schedule, String> {
    if let Ok(seed) = seed_or_file.parse() {
        return Ok(Schedule::new(seed));
    }
    let text = fs::read_to_string(seed_or_file);
    let text = text.map_err(|error| format!("cannot read {seed_or_file}: {error}"))?;
    text.parse().map_err(|error| format!("{seed_or_file} has no schedule: {error}"))
}
