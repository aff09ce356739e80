//! Scans: the options, and how they start.

use std::fmt;

use super::one_node::OneNode;
use super::plan::{PlannedSplit, ScanPlan};
use super::reader::{Limits, Reader};
use super::rows::ScanRows;
use super::sizes::TableSizes;
use super::source::Source;
use super::table_name::TableName;
use crate::cluster::{ClusterState, Distance, ReplicationStrategy, RingRanges, TokenRange};
use crate::session::{Error, ErrorKind, ExecutionProfile, Session};

/// A read of every row of a table, in no particular order, from all nodes at once: see [`Session::scan`].
///
/// The token ring is cut into *splits*. All rows of a split have the same replicas, and are read from one of
/// these, page by page. Many splits are read at the same time.
///
/// A page whose request fails is requested again, after 0.1 to 6.4 seconds. The scan adapts to errors:
///
/// - After a timeout, a split of which nothing has been read is cut in half, and so are all that are as wide. In
///   other splits, pages have half as many rows.
/// - A node that times out or reports that it is overloaded gets half as many requests at the same time, and then
///   slowly more.
///
/// The number of rows in a page follows the size of the rows, so that the pages in memory stay within a
/// [bound](Self::memory).
#[derive(Clone)]
#[must_use = "a scan sends no request before its rows are read"]
pub struct Scan {
    session: Session,
    source: ScanSource,
    columns: Vec<String>,
    filter: Option<String>,
    profile: ExecutionProfile,
    splits: SplitSize,
    per_node: usize,
    memory: usize,
    rows_per_second: Option<f64>,
}

/// The source of a [`Scan`]: the name of a table, or a [`ScanPlan`].
#[derive(Debug, Clone)]
pub struct ScanSource(Inner);

#[derive(Debug, Clone)]
enum Inner {
    Table(String),
    Plan(Box<ScanPlan>),
}

/// The size of splits.
#[derive(Debug, Clone, Copy)]
enum SplitSize {
    Default,
    Count(usize),
    Bytes(u64),
    Partitions(u64),
}

/// Default number of splits that are read from a node at the same time.
const PER_NODE: usize = 8;

/// Default number of splits per request in flight. The requests to a node then end at about the same time, although
/// splits differ in size.
const SPLITS_PER_REQUEST: usize = 4;

/// Maximum number of splits, unless there are more sets of replicas. Each needs about 150 bytes.
const MAX_SPLITS: usize = 1 << 18;

/// Default bound of the pages in memory, in bytes.
const MEMORY: usize = 32 * 1024 * 1024;

/// Maximum number of rows in a page if paging is off.
const MAX_PAGE_SIZE: i32 = 5_000;

impl From<&str> for ScanSource {
    fn from(table: &str) -> Self {
        Self(Inner::Table(table.to_owned()))
    }
}

impl From<String> for ScanSource {
    fn from(table: String) -> Self {
        Self(Inner::Table(table))
    }
}

impl From<&String> for ScanSource {
    fn from(table: &String) -> Self {
        Self(Inner::Table(table.clone()))
    }
}

impl From<ScanPlan> for ScanSource {
    fn from(plan: ScanPlan) -> Self {
        Self(Inner::Plan(Box::new(plan)))
    }
}

/// Omits the session.
impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("source", &self.source)
            .field("columns", &self.columns)
            .field("in_flight_per_node", &self.per_node)
            .field("splits", &self.splits)
            .field("memory", &self.memory)
            .field("rows_per_second", &self.rows_per_second)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Reads every row of a table or view, in no particular order, from all nodes at once. The name is CQL text:
    /// with the keyspace, or without it for a table of the session's keyspace. In place of a name, a [`ScanPlan`]
    /// reads what is left of the plan.
    ///
    /// Each node has rows of its own in virtual tables, and in tables whose keyspace is not replicated, such as
    /// `system`. Of those, the rows of one node are read.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::Session) -> Result<(), cqlwire::Error> {
    /// let scan = session.scan("k8s_test.users").columns(["username", "password"]);
    /// let mut users = scan.rows::<(String, Option<String>)>();
    /// while let Some((username, password)) = users.try_next().await? {
    ///     println!("{username}: {password:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn scan(&self, source: impl Into<ScanSource>) -> Scan {
        Scan {
            session: self.clone(),
            source: source.into(),
            columns: Vec::new(),
            filter: None,
            profile: ExecutionProfile::new(),
            splits: SplitSize::Default,
            per_node: PER_NODE,
            memory: MEMORY,
            rows_per_second: None,
        }
    }
}

impl Scan {
    /// Sets what is read: columns, or other selectors of CQL such as `writetime(password)`. Names that are not
    /// lower case need quotation marks. Default: all columns. A [`ScanPlan`] has columns of its own.
    pub fn columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a condition of CQL that the rows have to meet, such as `age > 30 AND city = 'Paris'`. The nodes read
    /// every row and return those that meet it (`ALLOW FILTERING`). The text is part of the statement: it must not
    /// come from an untrusted source. Default: none. A [`ScanPlan`] has a condition of its own.
    pub fn filter(mut self, condition: impl Into<String>) -> Self {
        self.filter = Some(condition.into());
        self
    }

    /// Sets the profile, which supplies the options of the requests, such as the consistency and the maximum page
    /// size. Default: the session's options.
    pub fn profile(mut self, profile: &ExecutionProfile) -> Self {
        self.profile = profile.clone();
        self
    }

    /// Sets the number of splits that are read at the same time, for each node: those of which it is the first
    /// replica in the local datacenter. Default: 8; at least 1.
    pub fn in_flight_per_node(mut self, splits: usize) -> Self {
        self.per_node = splits.max(1);
        self
    }

    /// Sets the maximum number of splits. There are more if fewer would not separate rows with different
    /// replicas. Default: 32 for each node of the local datacenter, or four times the
    /// [number that is read at the same time](Self::in_flight_per_node). At most 262,144.
    pub fn splits(mut self, count: usize) -> Self {
        self.splits = SplitSize::Count(count);
        self
    }

    /// Sets the size of the splits in bytes on the disk of one replica, as the nodes estimate it. A node that has not
    /// written the table to disk has no estimates; the number of splits is then the default. The number is at most
    /// 262,144.
    pub fn bytes_per_split(mut self, bytes: u64) -> Self {
        self.splits = SplitSize::Bytes(bytes.max(1));
        self
    }

    /// Sets the size of the splits in partitions, as the nodes estimate it: see
    /// [`bytes_per_split`](Self::bytes_per_split).
    pub fn partitions_per_split(mut self, partitions: u64) -> Self {
        self.splits = SplitSize::Partitions(partitions.max(1));
        self
    }

    /// Sets the bound of the pages in memory in bytes: those that are requested or have arrived, and those that
    /// [`for_each_page`](ScanRows::for_each_page) processes. Default: 32 MiB.
    ///
    /// The server counts the rows of a page, not its bytes, so that the driver has to expect rows of the sizes it has
    /// seen. The bound may be exceeded if rows suddenly become larger, and by one row if that is larger than the
    /// bound.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets the maximum number of rows that are read each second, at least 1. Default: no limit.
    pub fn rows_per_second(mut self, rows: f64) -> Self {
        self.rows_per_second = Some(rows.max(1.0));
        self
    }

    /// Returns the rows.
    pub fn rows<T>(self) -> ScanRows<T> {
        ScanRows::new(Box::pin(self.start()))
    }

    /// Cuts the table into splits, with estimates of their sizes, and reads no rows.
    ///
    /// # Errors
    /// Returns an error if the name of the table is invalid, and the errors of [`Session::execute`].
    pub async fn plan(&self) -> Result<ScanPlan, Error> {
        let plan = self.make_plan(true).await?;
        // Finds out whether the table and its columns exist.
        self.session.prepare(plan.statement()).await?;
        Ok(plan)
    }

    /// Prepares the statement.
    async fn start(self) -> Result<Reader, Error> {
        let estimate = matches!(self.splits, SplitSize::Bytes(_) | SplitSize::Partitions(_));
        let mut plan = self.make_plan(estimate).await?;
        let state = self.session.cluster();
        if plan.partitioner.is_some() && plan.partitioner != state.partitioner() {
            let text = "the plan is of a cluster with another partitioner: make a new plan";
            return Err(Error::new(ErrorKind::Config, text));
        }
        if let Some(ranges) = state.token_ranges(&plan.source.name.keyspace) {
            plan.fit_to(&ranges);
        }
        let mut statement = self.session.prepare(plan.statement()).await?.profile(&self.profile);
        if plan.partitioner.is_none() {
            statement = statement.load_balancing(OneNode::any(&state));
        }
        let limits = Limits {
            per_node: self.per_node,
            memory: self.memory,
            page_size: self.session.page_size(&self.profile).unwrap_or(MAX_PAGE_SIZE),
            rows_per_second: self.rows_per_second,
        };
        Ok(Reader::new(self.session, statement, plan, limits))
    }

    /// Returns the plan. `estimate` is true if the sizes of the splits are to be estimated.
    async fn make_plan(&self, estimate: bool) -> Result<ScanPlan, Error> {
        let name = match &self.source.0 {
            Inner::Plan(plan) if self.columns.is_empty() && self.filter.is_none() => {
                return Ok(ScanPlan::clone(plan));
            }
            Inner::Plan(_) => {
                let text = "a plan has columns and a condition of its own: set them on the scan that makes the plan";
                return Err(Error::new(ErrorKind::Config, text));
            }
            Inner::Table(name) => TableName::parse(name, &self.session)?,
        };
        let (columns, filter) = (self.columns.clone(), self.filter.clone());
        let source = Source::read(name, columns, filter, &self.session).await?;
        let state = self.session.cluster();
        // Each node has rows of its own in virtual tables, which have no key here, and in tables such as those of
        // `system`.
        let differs_by_node = source.key.is_empty()
            || state.replication(&source.name.keyspace) == Some(&ReplicationStrategy::Local);
        let Some(partitioner) = state.partitioner().filter(|_| !differs_by_node) else {
            let splits = vec![PlannedSplit::new(None, &[])];
            return Ok(ScanPlan { source, partitioner: None, splits });
        };
        let sizes = match estimate {
            true => TableSizes::read(&source.name, partitioner, &self.session, &state).await,
            false => TableSizes::default(),
        };
        let count = self.split_count(&sizes, &state);
        let mut splits: Vec<PlannedSplit> = match state.token_ranges(&source.name.keyspace) {
            Some(ranges) => splits(&ranges, count),
            // The keyspace was created a moment ago.
            None => {
                let ring = TokenRange::ring(partitioner).split(count);
                ring.map(|range| PlannedSplit::new(Some(range), &[])).collect()
            }
        };
        for split in &mut splits {
            split.estimate = sizes.of(split);
        }
        Ok(ScanPlan { source, partitioner: Some(partitioner), splits })
    }

    fn split_count(&self, sizes: &TableSizes, state: &ClusterState) -> usize {
        let nodes = state.nodes().iter().filter(|node| node.distance() == Distance::Local).count();
        let limit = self.per_node.saturating_mul(nodes.max(1));
        let default = limit.saturating_mul(SPLITS_PER_REQUEST);
        let total = sizes.total();
        let by_size = |all: u64, size: u64| match all {
            0 => default,
            all => usize::try_from(all.div_ceil(size)).unwrap_or(MAX_SPLITS),
        };
        let count = match self.splits {
            SplitSize::Default => default,
            SplitSize::Count(count) => count,
            SplitSize::Bytes(bytes) => by_size(total.bytes, bytes),
            SplitSize::Partitions(partitions) => by_size(total.partitions, partitions),
        };
        count.min(MAX_SPLITS)
    }
}

fn splits(ranges: &RingRanges, count: usize) -> Vec<PlannedSplit> {
    let splits = ranges.splits(count);
    splits.map(|split| PlannedSplit::new(Some(split.range()), split.replicas())).collect()
}
