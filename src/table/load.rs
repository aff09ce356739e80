//! Loads: the options, and how they start.

use std::fmt;

use super::insert::{RowOptions, Target};
use super::row_batches::BatchLimits;
use super::row_rate::RowRate;
use super::sink::{LoadSink, SinkOptions};
use crate::cluster::{ClusterState, Distance};
use crate::environment;
use crate::session::{Error, ExecutionProfile, Session};
use crate::types::ToValues;

/// A write of many rows to a table, from one task to all nodes at once: see [`Session::load`].
///
/// # Timestamps
/// Each row has one write timestamp, which all of its retries use: the [base](Self::timestamp) of the load plus the
/// number of the row, in microseconds. Of several rows with the same primary key, the last one therefore takes
/// effect, in whatever order the nodes write them.
///
/// A load that was interrupted can start again with the base of the first run. It then never overwrites values
/// that are newer than those of the first run. If it skips the rows that the first run has written, it sets the
/// number of its [first row](Self::first_number).
///
/// # Counters
/// In a table with counters, the values of a row are added to the counters. They have no timestamps, and a load
/// that starts again adds them twice. A request that may have been applied is not sent again: its rows are
/// failures for which [`Error::may_have_been_applied`] returns true.
///
/// # Memory
/// The rows that wait or are in flight are in memory, with their encoded values. Their number is limited to full
/// batches in all requests that may be in flight, and their size by [`memory`](Self::memory).
/// Failed rows are in memory until they are [taken](LoadSink::take_failures).
#[derive(Clone)]
#[must_use = "a load writes no row before it is started"]
pub struct Load {
    session: Session,
    table: String,
    columns: Vec<String>,
    profile: ExecutionProfile,
    per_node: usize,
    batch: BatchLimits,
    memory: usize,
    rate: Option<u64>,
    timestamp: Option<i64>,
    first_number: u64,
    row: RowOptions,
    max_failures: u64,
}

/// Default number of requests in flight to a node.
const PER_NODE: usize = 64;

/// Default maximum number of rows in a batch.
const BATCH_ROWS: usize = 100;

/// Default maximum number of partitions in a batch. Cassandra warns of more by default
/// (`unlogged_batch_across_partitions_warn_threshold`).
const BATCH_PARTITIONS: usize = 10;

/// Maximum size of the values in a batch of one partition. Since 3.6, Cassandra does not warn of such batches.
const BATCH_BYTES: usize = 16 * 1024;

/// Maximum size of a batch of several partitions, as Cassandra counts it. Cassandra warns of more by default
/// (`batch_size_warn_threshold`).
const BATCH_SERVER_BYTES: usize = 5 * 1024;

/// Default maximum size of the rows in memory.
const MEMORY: usize = 16 * 1024 * 1024;

/// Omits the session.
impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load")
            .field("table", &self.table)
            .field("columns", &self.columns)
            .field("in_flight_per_node", &self.per_node)
            .field("batch_rows", &self.batch.rows)
            .field("batch_partitions", &self.batch.partitions)
            .field("memory", &self.memory)
            .field("rate", &self.rate)
            .field("timestamp", &self.timestamp)
            .field("first_number", &self.first_number)
            .field("row", &self.row)
            .field("max_failures", &self.max_failures)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Writes many rows to a table, to all nodes at once. The names of the table and of its columns are CQL text: names
    /// that are not lower case need quotation marks. A table without a keyspace is one of the session's keyspace.
    ///
    /// The values of each row are those of the columns, in this order. A struct that derives
    /// [`ToValues`] has them by name.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::Session) -> Result<(), cqlwire::Error> {
    /// let mut users = session.load("k8s_test.users", ["username", "password"]).start().await?;
    /// for number in 0..1_000_000 {
    ///     users.send((format!("user{number}"), "secret")).await?;
    /// }
    /// let loaded = users.finish().await;
    /// for failed in &loaded.failures {
    ///     println!("row {}, {}: {}", failed.number, failed.row.0, failed.error);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn load<S: Into<String>>(
        &self,
        table: impl Into<String>,
        columns: impl IntoIterator<Item = S>,
    ) -> Load {
        Load {
            session: self.clone(),
            table: table.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            profile: ExecutionProfile::new(),
            per_node: PER_NODE,
            batch: BatchLimits {
                rows: BATCH_ROWS,
                partitions: BATCH_PARTITIONS,
                bytes: BATCH_BYTES,
                server_bytes: BATCH_SERVER_BYTES,
            },
            memory: MEMORY,
            rate: None,
            timestamp: None,
            first_number: 0,
            row: RowOptions::default(),
            max_failures: u64::MAX,
        }
    }
}

impl Load {
    /// Sets the profile, which supplies the options of the requests, such as the consistency and the timeout.
    /// Default: the session's options.
    pub fn profile(mut self, profile: &ExecutionProfile) -> Self {
        self.profile = profile.clone();
        self
    }

    /// Sets the maximum number of requests in flight, for each node: those of partitions of which it is the first
    /// replica in the local datacenter. Default: 64; at least 1.
    ///
    /// The number is halved when the node responds OVERLOADED or WRITE_TIMEOUT, or does not respond in time. It then
    /// grows by one each time that as many requests have succeeded.
    pub fn in_flight_per_node(mut self, requests: usize) -> Self {
        self.per_node = requests.max(1);
        self
    }

    /// Sets the maximum number of rows that one request writes; 1 means no batches. While a node has enough requests
    /// in flight, rows are collected for an unlogged batch: those of one partition, and those of [several
    /// partitions](Self::batch_partitions) with the same replicas. The values of several rows have at most 16 KiB.
    /// Default: 100; at least 1.
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch.rows = rows.clamp(1, usize::from(u16::MAX));
        self
    }

    /// Sets the maximum number of partitions that one request writes; 1 means that each batch has one partition.
    /// Cassandra counts at most 5 KiB for a batch of several partitions. It does not warn of batches of this size, nor of up
    /// to 10 partitions, unless its thresholds were lowered. Batches of counters always have one partition. Default:
    /// 10; at least 1.
    pub fn batch_partitions(mut self, partitions: usize) -> Self {
        self.batch.partitions = partitions.max(1);
        self
    }

    /// Sets the maximum size of the rows that wait or are in flight, in bytes. The last one of these rows may exceed
    /// it. Default: 16 MiB.
    ///
    /// The size of a row is that of its encoded values and of its type, plus 200 bytes for its request. Memory that
    /// a row owns, such as the text of a `String`, is not counted.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets the maximum number of rows a second; at least 1. Default: no limit.
    pub fn rows_per_second(mut self, rows: u64) -> Self {
        self.rate = Some(rows.max(1));
        self
    }

    /// Sets the timestamp of the row with the number 0, in microseconds since 1970. Default: the time when the load
    /// starts.
    pub fn timestamp(mut self, micros: i64) -> Self {
        self.timestamp = Some(micros);
        self
    }

    /// Sets the number of the first row, for a load that continues another one. Default: 0.
    pub fn first_number(mut self, number: u64) -> Self {
        self.first_number = number;
        self
    }

    /// Sets whether each row has its own write timestamp, instead of that of the load. It is a `bigint` after the
    /// values of the columns, or a value with the name `[timestamp]`: the microseconds since 1970. A row
    /// whose timestamp is null or unset is a failure. Default: false.
    pub fn row_timestamps(mut self, has_timestamps: bool) -> Self {
        self.row.timestamps = has_timestamps;
        self
    }

    /// Sets whether each row has its own time to live. It is an `int` after the values of the columns and after the
    /// [timestamp](Self::row_timestamps) of the row if there is one, or a value with the name `[ttl]`: the time in
    /// seconds. Null and 0 mean that the row does not expire. If the value is unset, the row has the table's default time
    /// to live. Default: false.
    pub fn row_ttls(mut self, has_ttls: bool) -> Self {
        self.row.ttls = has_ttls;
        self
    }

    /// Sets the number of failed rows after which [`LoadSink::send`] returns an error. Default: no limit.
    pub fn max_failures(mut self, rows: u64) -> Self {
        self.max_failures = rows;
        self
    }

    /// Reads the columns of the table and prepares the statement that writes a row. The rows must be of one type.
    ///
    /// # Errors
    /// Returns an error of kind [`Config`](crate::ErrorKind::Config) if a name is invalid, if the table lacks a column,
    /// or if the columns do not include the primary key and, in a table with counters, a counter. Also returns the errors of [`Session::prepare`].
    pub async fn start<T: ToValues + Send + Sync + 'static>(self) -> Result<LoadSink<T>, Error> {
        let target = Target::new(&self.table, &self.columns, &self.session)?;
        let insert = target.prepare(&self.session, self.row, &self.profile).await?;
        let now = environment::time_since_1970().as_micros();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        // A batch that may have been applied in part is not repeated.
        let partitions = if insert.is_idempotent() { self.batch.partitions } else { 1 };
        let options = SinkOptions {
            per_node: self.per_node,
            nodes: local_nodes(&self.session.cluster()),
            batch: BatchLimits { partitions, ..self.batch },
            memory: self.memory,
            rate: self.rate.map(RowRate::new),
            timestamp: self.timestamp.unwrap_or(now),
            first_number: self.first_number,
            max_failures: self.max_failures,
        };
        Ok(LoadSink::new(self.session, insert, target.name.keyspace, options))
    }
}

/// Returns the number of nodes in the local datacenter, at least 1.
fn local_nodes(state: &ClusterState) -> usize {
    state.nodes().iter().filter(|node| node.distance() == Distance::Local).count().max(1)
}
