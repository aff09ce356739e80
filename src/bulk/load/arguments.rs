//! The arguments of `cqlwire load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::bulk::amount::parse_amount;
use crate::bulk::{CsvArgs, FileFormat};
use crate::cli::{ConnectArgs, parse_seconds, whole_number};

/// The arguments of `cqlwire load`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct LoadArgs {
    /// Table to write to: KEYSPACE.TABLE, or TABLE with --keyspace
    pub(super) table: String,

    /// Files and folders to read; `-` is standard input. Gzip and zstd are detected. A file of Parquet cannot be a pipe.
    /// A last row of CSV without a line break is loaded from a file, with a warning; from standard input or a pipe, which
    /// may have ended early, it is a row that cannot be loaded
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    pub(super) from: Vec<String>,

    /// Format of the input: csv, jsonl or parquet [default: by the name of each file, or by its content]
    #[arg(long, value_name = "csv|jsonl|parquet")]
    pub(super) format: Option<FileFormat>,

    #[command(flatten)]
    pub(super) csv: CsvArgs,

    /// The files were written by cqlsh's COPY TO: resolve its escapes in values, and set --escape to `\`. cqlsh writes the
    /// empty text like null, and no header by default
    #[arg(long, conflicts_with = "escape")]
    pub(super) cqlsh: bool,

    /// Columns of the fields, separated by commas; for JSON and Parquet, the columns to load: the other
    /// columns are skipped
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

    /// Maximum number of rows a second, such as 50k
    #[arg(long, value_name = "ROWS", value_parser = parse_amount)]
    pub(super) rate: Option<f64>,

    /// Number of requests in flight for each node [default: 32]
    #[arg(long, value_name = "NUMBER", value_parser = whole_number::<usize>(1..=32_768))]
    pub(super) in_flight: Option<usize>,

    /// Parse the whole input, but write nothing to the table
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Folder for rows that cannot be loaded: NAME.bad has the rows, NAME.err their places and reasons. Rows of Parquet are
    /// written as JSON lines, to NAME.jsonl.bad and NAME.jsonl.err.
    /// Files of an earlier load are not replaced. With --dry-run, their names end in .dry-run.bad and .dry-run.err
    #[arg(long, default_value = "load-errors", value_name = "FOLDER")]
    pub(super) errors: PathBuf,

    /// Stop when more rows than this cannot be loaded; after --resume, the count begins again
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

    /// Checkpoint file: the position before which every row was acknowledged or rejected
    #[arg(long, value_name = "FILE")]
    pub(super) checkpoint: Option<PathBuf>,

    /// Time between two checkpoints
    #[arg(long, default_value = "2", value_name = "SECONDS", value_parser = parse_seconds)]
    pub(super) checkpoint_every: Duration,

    /// Resume from the file of --checkpoint, with the same arguments and unchanged files; start if there is no such file
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
  zcat old.gz | cqlwire load k8s_test.users --from - --map name=username --map note=";
