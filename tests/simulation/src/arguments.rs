//! The program's arguments.

use clap::{Args, Parser, Subcommand};

/// Runs cqlwire in a simulated world: one seed is one history, with faults, and a model checks it.
///
/// Exits with 0 if every promise was kept, and with 1 if one was broken.
#[derive(Parser)]
#[command(name = "simulate")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the schedules of many seeds
    Run(Run),
    /// Run the schedule of one seed
    Replay(Replay),
}

#[derive(Args)]
pub(crate) struct Run {
    /// Number of schedules
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) schedules: u64,

    /// The seed of the first schedule; each further one has the next seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) first: u64,

    /// Number of threads. Each runs one schedule at a time
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) threads: usize,

    /// Number of failing schedules after which the run ends
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) failures: u64,
}

#[derive(Args)]
pub(crate) struct Replay {
    /// The seed
    pub(crate) seed: u64,

    /// The numbers of the faults to keep, counted from 0. Default: all
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub(crate) faults: Option<Vec<usize>>,

    /// Print what the nodes send and receive
    #[arg(long)]
    pub(crate) trace: bool,
}
