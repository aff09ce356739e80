//! Peers that lie. A session talks to two nodes; one of its frames is changed on the way, and the session
//! or the nodes must bear it: within their bounds of time and memory, and without a panic.

mod arguments;
#[path = "../../simulation/src/backlogs.rs"]
mod backlogs;
mod campaign;
mod catalog;
mod change;
#[path = "../../support/crc.rs"]
mod crc;
mod field;
mod lie;
mod messages;
mod network;
#[path = "../../simulation/src/panics.rs"]
mod panics;
mod run;
mod segments;
mod session;
mod setup;
mod socket;
mod tap;
#[cfg(test)]
mod tests;
mod walk;
mod watchdog;

use std::process::ExitCode;

use clap::Parser;
use peak_alloc::PeakAlloc;

use arguments::{Arguments, Command};

/// Counts the bytes of this process. One run at a time is therefore measured.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    watchdog::start();
    let is_passed = match Arguments::parse().command {
        Command::Positions(options) => {
            campaign::print_positions(&options);
            true
        }
        Command::Run(options) => {
            let summary = campaign::run_all(&options);
            print!("{summary}");
            summary.broken == 0
        }
        Command::Replay(options) => campaign::replay(&options),
    };
    if is_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
