//! The arguments of `cqlwire load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::bulk::{CsvArgs, Format};
use crate::cli::{ConnectArgs, whole_number};

/// The arguments of `cqlwire load`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct LoadArgs {
    /// Table to write to: KEYSPACE.TABLE, or TABLE with --keyspace
    pub(super) table: String,

    /// Files and folders to read; `-` is standard input. Gzip and zstd are detected
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    pub(super) from: Vec<String>,

    /// Format of the input: csv or jsonl [default: by the name of each file]
    #[arg(long, value_name = "csv|jsonl")]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) csv: CsvArgs,

    /// Columns of the fields, separated by commas; for JSON, the columns to load
    /// [default: the header, or all columns of the table]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) columns: Vec<String>,

    /// Column of a field with another name; without a column, the field is skipped. The columns `[timestamp]` and
    /// `[ttl]` are the write time in microseconds and the time to live in seconds of the row
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub(super) map: Vec<String>,

    /// Leave columns unset where the input has null. Null would delete values of existing rows
    #[arg(long)]
    pub(super) unset_nulls: bool,

    /// Most rows to write in a second, such as 5000 or 50k [default: no limit]
    #[arg(long, value_name = "ROWS", value_parser = parse_rate)]
    pub(super) rate: Option<u64>,

    /// Most requests in flight to each node [default: 32]
    #[arg(long, value_name = "REQUESTS", value_parser = whole_number::<usize>(1..=32_768))]
    pub(super) in_flight: Option<usize>,

    /// Parse the whole input, but write nothing to the table
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Folder for rows that cannot be loaded: NAME.bad has the rows, NAME.err their places and reasons
    #[arg(long, default_value = "load-errors", value_name = "FOLDER")]
    pub(super) errors: PathBuf,

    /// Stop when more rows than this cannot be loaded
    #[arg(
        long,
        default_value_t = 100,
        value_name = "ROWS",
        value_parser = whole_number::<u64>(0..=u64::MAX)
    )]
    pub(super) max_errors: u64,

    /// Write time of the first row in microseconds since 1970; each further row has one more [default: now]
    #[arg(long, value_name = "MICROSECONDS", allow_negative_numbers = true)]
    pub(super) timestamp: Option<i64>,

    /// Time to live of the rows in seconds [default: that of the table]
    #[arg(long, value_name = "SECONDS", value_parser = whole_number::<i32>(0..=630_720_000))]
    pub(super) ttl: Option<i32>,

    /// File in which to note up to which place all rows are loaded
    #[arg(long, value_name = "FILE")]
    pub(super) checkpoint: Option<PathBuf>,

    /// Time between two notes in the file of --checkpoint
    #[arg(long, default_value = "5", value_name = "SECONDS", value_parser = parse_seconds)]
    pub(super) checkpoint_interval: Duration,

    /// Go on after the place in the file of --checkpoint, if it exists
    #[arg(long, requires = "checkpoint")]
    pub(super) resume: bool,

    /// Keyspace of the table
    #[arg(short, long, env = "CQLWIRE_KEYSPACE")]
    pub(super) keyspace: Option<String>,

    #[command(flatten)]
    pub(super) connect: ConnectArgs,
}

const EXAMPLES: &str = "\
Examples:
  cqlwire load k8s_test.users --from users.csv
  cqlwire load k8s_test.users --from users/ --rate 50k --checkpoint users.checkpoint --resume
  zcat old.gz | cqlwire load k8s_test.users --from - --format csv --map name=username --map note=";

/// Parses a number of rows a second, such as `5000`, `50k` or `1m`.
fn parse_rate(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.to_ascii_lowercase().strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with(['k', 'K']) => (digits.to_owned(), 1_000),
        Some(digits) => (digits.to_owned(), 1_000_000),
        None => (text.to_owned(), 1),
    };
    let rate = digits.parse::<u64>().ok().and_then(|rate| rate.checked_mul(factor));
    rate.filter(|rate| *rate > 0)
        .ok_or_else(|| "not a number of rows such as 5000 or 50k".to_owned())
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "not a number of seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_may_have_a_factor() {
        assert_eq!(parse_rate("5000"), Ok(5_000));
        assert_eq!(parse_rate("50k"), Ok(50_000));
        assert_eq!(parse_rate("2M"), Ok(2_000_000));
        for text in ["", "0", "k", "1g", "1.5k", "-1", "99999999999999999999m"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }
}
