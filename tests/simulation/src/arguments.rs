//! The program's arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs cqlwire in a simulated world: one seed is one history, with faults, and a model checks it.
///
/// Exits with 0 if every promise was kept, with 1 if one was broken, and with 2 if a schedule cannot be read.
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
    /// Run one schedule
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

    /// Do not look for the faults that matter in a failing schedule
    #[arg(long)]
    pub(crate) no_shrink: bool,

    /// The directory in which failing schedules are stored
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) save: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Replay {
    /// A seed, or a file with a schedule
    #[arg(value_name = "SEED|FILE")]
    pub(crate) schedule: String,

    /// The numbers of the faults to keep, counted from 0. Default: all
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub(crate) faults: Option<Vec<usize>>,

    /// Print what the nodes send and receive
    #[arg(long)]
    pub(crate) trace: bool,
}
