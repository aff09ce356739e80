//! The program's arguments.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{lie::Direction, setup::Setup};

/// Mutates every response to a live session and every request to MockServer, one at a time.
///
/// Exits with 0 if every promise was kept, and with 1 if one was broken.
#[derive(Parser)]
#[command(name = "hostile")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the frames of the session, which are the positions
    Positions(Options),
    /// Mutate the frames of many positions
    Run(Run),
    /// Run one mutation
    Replay(Replay),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Versions and compressions, such as v4-lz4. Default: all
    #[arg(long, value_name = "SETUP,...", value_delimiter = ',')]
    pub(crate) setups: Vec<Setup>,

    /// The direction of the mutated frames. Default: both
    #[arg(long)]
    pub(crate) direction: Option<Side>,
}

/// The direction of the mutated frames.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Side {
    Request,
    Response,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) options: Options,

    /// The first position
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) first: usize,

    /// Number of positions in each setup and direction. Default: all
    #[arg(long, value_name = "N", default_value_t = usize::MAX)]
    pub(crate) positions: usize,

    #[command(flatten)]
    pub(crate) sample: Sample,

    /// Only each N-th mutation, counted over all positions
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) every: usize,

    /// Only mutations whose names contain this text, such as `replaced by` or `always`
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) named: String,

    /// Number of failing cases after which the run ends
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) failures: u64,
}

/// The choice among the mutations of fields.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Number of mutations of fields of each frame
    #[arg(long, value_name = "N", default_value_t = 80)]
    pub(crate) fields: usize,

    /// The seed of this choice
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The version and compression
    pub(crate) setup: Setup,

    /// The direction of the mutated frame
    pub(crate) side: Side,

    /// The position of the frame
    pub(crate) position: usize,

    /// The number of the mutation
    pub(crate) mutation: usize,

    #[command(flatten)]
    pub(crate) sample: Sample,
}

impl Options {
    pub(crate) fn setups(&self) -> Vec<Setup> {
        if self.setups.is_empty() { Setup::all() } else { self.setups.clone() }
    }

    pub(crate) fn directions(&self) -> Vec<Direction> {
        match self.direction {
            Some(side) => vec![side.into()],
            None => vec![Direction::Response, Direction::Request],
        }
    }
}

impl From<Side> for Direction {
    fn from(side: Side) -> Self {
        match side {
            Side::Request => Self::Request,
            Side::Response => Self::Response,
        }
    }
}
