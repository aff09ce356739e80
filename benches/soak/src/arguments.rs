//! The program's arguments.

use std::path::PathBuf;

use cassandra_harness::{DEFAULT_VERSION, Options};
use clap::{Args, Parser, Subcommand};

/// Runs cqlwire against a real Cassandra under faults, and checks every answer and every write.
///
/// Exits with 0 if every promise was kept, with 1 if one was broken, and with 2 if the run could not
/// be completed or the faults did not occur. benches/soak/README.md says what it cannot detect.
#[derive(Parser)]
#[command(name = "soak")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Three nodes, disturbed in all ways for an hour, on one version of Cassandra after another
    Soak(Long),
    /// The same load and faults through cqlwire, scylla and the Java driver, one after another
    Peers(Peers),
    /// One overloaded node, which sends some of its errors on stream 0
    #[command(name = "stream-0")]
    StreamZero(StreamZero),
    /// Three nodes, each in turn drained, stopped and restarted
    Drain(Drain),
    /// Three nodes, one of which is frozen repeatedly
    Freeze(Freeze),
    /// Three nodes, killed and restarted in turn
    Kill(Kill),
    /// Three nodes, killed and restarted in turn just after counter updates were acknowledged
    Counters(Kill),
}

/// The arguments of all commands.
#[derive(Args)]
pub(crate) struct Common {
    /// Version of Cassandra
    #[arg(long, value_name = "VERSION", default_value = DEFAULT_VERSION)]
    pub(crate) cassandra: String,

    /// Setting of `cassandra.yaml`, such as `commitlog_sync=batch`. Can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Options::parse_setting)]
    pub(crate) settings: Vec<(String, String)>,
}

impl Common {
    /// Returns the cluster to start: the scenario's `settings`, followed by those of the command
    /// line, which replace them.
    pub(crate) fn cluster(&self, nodes: u8, settings: &[(&str, &str)]) -> Options {
        cluster(&self.cassandra, nodes, settings, &self.settings)
    }
}

/// Returns a cluster with `settings`, except those that `overrides` contain, and with the `overrides`.
fn cluster(
    version: &str,
    nodes: u8,
    settings: &[(&str, &str)],
    overrides: &[(String, String)],
) -> Options {
    let mut options = Options::new(version).nodes(nodes);
    for &(key, value) in settings {
        let (key, value) = setting_of(version, key, value);
        if overrides.iter().all(|(other, _)| *other != key) {
            options = options.set(key, value);
        }
    }
    options.settings.extend_from_slice(overrides);
    options
}

/// Returns a setting of Cassandra 5 as the harness writes it for this version. Before 5.0, the harness uses
/// the names of timeouts with their unit, and a node refuses two names of one setting.
fn setting_of(version: &str, key: &str, value: &str) -> (String, String) {
    let is_old = matches!(version.split('.').next(), Some("3" | "4"));
    match value.strip_suffix("ms") {
        Some(millis) if is_old && key.ends_with("_request_timeout") => {
            (format!("{key}_in_ms"), millis.to_owned())
        }
        _ => (key.to_owned(), value.to_owned()),
    }
}

#[derive(Args)]
pub(crate) struct Long {
    /// Versions of Cassandra, each of which gets an equal part of the time
    #[arg(
        long,
        value_name = "VERSION,...",
        value_delimiter = ',',
        default_value = "5.0.6,5.0.9,4.1.9"
    )]
    pub(crate) cassandra: Vec<String>,

    /// Duration of the load on all versions together, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 60.0)]
    pub(crate) minutes: f64,

    #[command(flatten)]
    pub(crate) load: Rate,

    /// Take the results of versions that an interrupted run with the same duration has completed
    #[arg(long)]
    pub(crate) resume: bool,

    /// Folder of the results
    #[arg(long, value_name = "FOLDER", default_value = "target/soak")]
    pub(crate) directory: PathBuf,

    /// File of the plot. Default: `soak.svg` in the folder of the results
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Setting of `cassandra.yaml`, such as `commitlog_sync=periodic`. Can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Options::parse_setting)]
    pub(crate) settings: Vec<(String, String)>,
}

impl Long {
    /// Returns the cluster of three nodes to start.
    pub(crate) fn cluster(&self, version: &str, settings: &[(&str, &str)]) -> Options {
        cluster(version, 3, settings, &self.settings)
    }
}

/// The load of the commands with three nodes.
#[derive(Args)]
pub(crate) struct Rate {
    /// Number of tasks that send requests concurrently
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) tasks: u32,

    /// Requests per second of all tasks together
    #[arg(long, value_name = "N", default_value_t = 800)]
    pub(crate) rate: u32,
}

#[derive(Args)]
pub(crate) struct StreamZero {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Number of requests for each combination of protocol version and number of threads
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) requests: u64,

    /// Protocol versions
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values_t = [4, 5])]
    pub(crate) protocol: Vec<u8>,

    /// Numbers of threads of the runtime; 1 is a `current_thread` runtime
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_values_t = [1, 4])]
    pub(crate) threads: Vec<usize>,

    /// Number of tasks that send requests concurrently
    #[arg(long, value_name = "N", default_value_t = 4_000)]
    pub(crate) tasks: u32,

    /// Number of connections
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) connections: usize,
}

#[derive(Args)]
pub(crate) struct Peers {
    #[command(flatten)]
    pub(crate) common: Common,

    #[command(flatten)]
    pub(crate) load: Rate,

    /// Duration of the load through each driver, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    pub(crate) minutes: f64,

    /// Drivers: `cqlwire`, `scylla` and `java`
    #[arg(
        long,
        value_name = "DRIVER,...",
        value_delimiter = ',',
        default_value = "cqlwire,scylla,java"
    )]
    pub(crate) drivers: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    pub(crate) common: Common,

    #[command(flatten)]
    pub(crate) rate: Rate,

    /// Number of times that each node is drained
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) rounds: u32,
}

#[derive(Args)]
pub(crate) struct Freeze {
    #[command(flatten)]
    pub(crate) common: Common,

    #[command(flatten)]
    pub(crate) rate: Rate,

    /// Number of times that a node is frozen; the nodes take turns
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) rounds: u32,

    /// Time that a node is frozen, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) seconds: u64,
}

#[derive(Args)]
pub(crate) struct Kill {
    #[command(flatten)]
    pub(crate) common: Common,

    #[command(flatten)]
    pub(crate) rate: Rate,

    /// Number of short soaks, each with a load of its own
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(crate) soaks: u32,

    /// Number of kills in a soak; the nodes take turns
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) kills: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_their_names_of_the_version() {
        let setting = |version| setting_of(version, "read_request_timeout", "5000ms");
        let old = ("read_request_timeout_in_ms".to_owned(), "5000".to_owned());
        assert_eq!(setting("4.1.9"), old);
        assert_eq!(setting("5.0.6"), ("read_request_timeout".to_owned(), "5000ms".to_owned()));
        let (key, value) = setting_of("4.1.9", "commitlog_sync", "batch");
        assert_eq!((key.as_str(), value.as_str()), ("commitlog_sync", "batch"));
    }
}
