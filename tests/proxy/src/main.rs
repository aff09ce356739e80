//! The program `proxy`.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cqlwire::wire::{Compression, Version};
use cqlwire_faults::Plan;
use cqlwire_model::SecretLog;
use cqlwire_proxy::{Plans, SeedRun, Server, Settings, run_seeds, shrink};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

/// Number of failed seeds that are shrunk.
const MAX_SHRUNK: usize = 5;

/// Runs cqlwire through a proxy with faults, and checks every answer and every write.
///
/// Exits with 0 if every promise was kept, with 1 if one was broken, and with 2 if the run could not be
/// completed.
#[derive(Parser)]
#[command(name = "proxy")]
struct Arguments {
    /// The seeds, as `0..1000` or as one number
    #[arg(long, value_parser = parse_range, default_value = "0..100")]
    seeds: Range<u64>,

    /// `mock`, or a version of Cassandra
    #[arg(long, default_value = "mock")]
    server: String,

    /// Protocol version
    #[arg(long, default_value = "v4")]
    protocol: Version,

    /// Compression: `lz4` or `snappy`
    #[arg(long)]
    compression: Option<Compression>,

    /// Uses TLS, under which faults change bytes only
    #[arg(long)]
    tls: bool,

    /// Number of seeds that run at the same time
    #[arg(long, default_value_t = 64)]
    concurrently: usize,

    /// Every seed that is divisible by this number lies to the client. 0: none
    #[arg(long, default_value_t = 5)]
    lies_every: u64,

    /// Faults of one connection, instead of those of the seed, as `0: responses@f3 drop 2`. Can be
    /// repeated
    #[arg(long = "plan", value_parser = Plans::parse_numbered)]
    plans: Vec<(usize, Plan)>,

    /// Prints the driver's log
    #[arg(long)]
    log: bool,

    /// Does not shrink the plans of seeds with violations
    #[arg(long)]
    no_shrink: bool,

    /// Number of times that each seed runs
    #[arg(long, default_value_t = 1)]
    times: usize,
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    match text.split_once("..") {
        Some((first, end)) => Ok(number(first)?..number(end)?),
        None => number(text).map(|seed| seed..seed + 1),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let log = SecretLog::new(LevelFilter::DEBUG);
    let print = arguments
        .log
        .then(|| tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false));
    let subscriber = tracing_subscriber::registry().with(log.clone()).with(print);
    tracing::subscriber::set_global_default(subscriber)?;
    let mut settings = Settings::new(arguments.protocol);
    settings.compression = arguments.compression;
    settings.tls = arguments.tls;
    settings.lies_every = arguments.lies_every;
    settings.trusts_lz4 = arguments.server != "mock";
    let server = Arc::new(match arguments.server.as_str() {
        "mock" => Server::mock(&settings).await?,
        version => Server::real(&settings, version).await?,
    });
    let fixed = arguments.plans.into_iter().collect();
    let runs = arguments.seeds.flat_map(|seed| {
        let plans = match &fixed {
            fixed if !std::collections::BTreeMap::is_empty(fixed) => Plans::Fixed(fixed.clone()),
            _ => settings.plans(seed),
        };
        std::iter::repeat_n(SeedRun { seed, plans }, arguments.times)
    });
    let summary = run_seeds(runs, arguments.concurrently, &settings, &server, Some(&log)).await;
    for failure in &summary.failures {
        println!("seed {} broke promises:", failure.seed);
        for violation in &failure.violations {
            println!("  {violation}");
        }
        println!("  replay: --seeds {}{}", failure.seed, failure.plans);
    }
    if !arguments.no_shrink {
        for failure in summary.failures.iter().take(MAX_SHRUNK) {
            match shrink(failure, &settings, &server).await {
                Some(smaller) => println!(
                    "seed {} shrunk:{}\n  {}",
                    failure.seed,
                    smaller.plans,
                    smaller.violations.join("\n  ")
                ),
                None => println!("seed {} did not fail again", failure.seed),
            }
        }
    }
    println!("{summary}");
    Ok(ExitCode::from(u8::from(!summary.failures.is_empty())))
}
