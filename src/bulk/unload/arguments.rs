//! The arguments of `cqlwire unload`.

use std::path::PathBuf;
use std::time::Duration;

use crate::bulk::amount::{Shard, parse_amount, parse_bytes, parse_shard};
use crate::bulk::{CsvArgs, FileCompression, FileFormat};
use crate::cli::{ConnectArgs, parse_seconds};

/// The arguments of `cqlwire unload`.
#[derive(Debug, clap::Args)]
pub struct UnloadArgs {
    /// Table to read, such as k8s_test.users
    #[arg(required_unless_present = "query")]
    pub(super) table: Option<String>,

    /// SELECT to run in place of reading a table; its rows are read one page after the other
    #[arg(
        long,
        value_name = "CQL",
        conflicts_with_all = ["table", "columns", "filter", "shard", "plan", "resume", "dry_run", "rate", "ttl", "writetime", "splits", "memory", "in_flight", "checkpoint_every"]
    )]
    pub(super) query: Option<String>,

    /// File to write; `-` is standard output, and a path that ends with `/` a folder, in which the file is named after
    /// the table; with --shard, the name of the file gets the shard, as in users-0-of-8.csv
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(super) to: String,

    /// Format of the rows: csv, jsonl or parquet [default: that of the file name, or csv]
    #[arg(long)]
    pub(super) format: Option<FileFormat>,

    /// Compression of the file: gzip, zstd or none [default: that of the file name, or none; zstd for the data in a Parquet
    /// file]
    #[arg(long, value_name = "COMPRESSION")]
    pub(super) compress: Option<FileCompression>,

    #[command(flatten)]
    pub(super) csv: CsvArgs,

    /// Columns or other selectors of CQL, separated by commas [default: all columns]
    #[arg(long, value_name = "LIST")]
    pub(super) columns: Option<String>,

    /// Condition of CQL that the rows have to meet, such as "age > 30"
    #[arg(long = "where", value_name = "CONDITION")]
    pub(super) filter: Option<String>,

    /// Also write the time to live of each column that can have one, as ttl(COLUMN)
    #[arg(long)]
    pub(super) ttl: bool,

    /// Also write the write time of each column that has one, as writetime(COLUMN)
    #[arg(long)]
    pub(super) writetime: bool,

    /// Read one part of the table, so that several processes read it without a coordinator: 0/8 to 7/8
    #[arg(long, value_name = "INDEX/COUNT", value_parser = parse_shard)]
    pub(super) shard: Option<Shard>,

    /// Read the splits of this plan, which has the same table, columns and condition; if the file does not exist, it is
    /// written
    #[arg(long, value_name = "FILE")]
    pub(super) plan: Option<PathBuf>,

    /// Continue a run that was interrupted; if there is none, start, and if it was complete, do nothing
    #[arg(long)]
    pub(super) resume: bool,

    /// Replace the file if it exists
    #[arg(long, conflicts_with = "resume")]
    pub(super) overwrite: bool,

    /// Print the plan and its estimates, and read no rows
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Maximum number of rows a second, such as 50k
    #[arg(long, value_name = "ROWS", value_parser = parse_amount)]
    pub(super) rate: Option<f64>,

    /// Number of requests in flight for each node
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    pub(super) in_flight: usize,

    /// Memory for pages that are in flight, such as 64M
    #[arg(long, value_name = "BYTES", default_value = "32M", value_parser = parse_bytes)]
    pub(super) memory: usize,

    /// Number of parts into which the table is cut [default: four for each request in flight]
    #[arg(long, value_name = "NUMBER")]
    pub(super) splits: Option<usize>,

    /// Time between two checkpoints, from which --resume continues. A Parquet file has one only when 4 MiB of rows are new
    #[arg(long, default_value = "2", value_name = "SECONDS", value_parser = parse_seconds)]
    pub(super) checkpoint_every: Duration,

    /// Keyspace of a table that is named without one
    #[arg(short, long, env = "CQLWIRE_KEYSPACE")]
    pub(super) keyspace: Option<String>,

    #[command(flatten)]
    pub(super) connect: ConnectArgs,
}
