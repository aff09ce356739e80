//! Scans: the options, and how they start.

use std::collections::VecDeque;
use std::fmt;

use super::rows::{ScanRows, Splits};
use super::source::Source;
use crate::cluster::{ReplicatedRange, TokenRange};
use crate::session::{Error, ExecutionProfile, Session};

/// A read of every row of a table, in no particular order, from all nodes at once: see [`Session::scan`].
///
/// The token ring is cut into *splits*. All rows of a split have the same replicas, and one of these is asked
/// for them, page by page. Many splits are read at the same time.
#[derive(Clone)]
#[must_use = "a scan sends no request before its rows are read"]
pub struct Scan {
    session: Session,
    table: String,
    columns: Vec<String>,
    profile: ExecutionProfile,
    per_node: usize,
    splits: Option<usize>,
}

/// Default number of splits that are read from a node at the same time.
const PER_NODE: usize = 8;

/// Default number of splits for each of those that are read at the same time. The nodes then end at about the
/// same time, although splits differ in size.
const SPLITS_PER_REQUEST: usize = 4;

/// Omits the session.
impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("table", &self.table)
            .field("columns", &self.columns)
            .field("in_flight_per_node", &self.per_node)
            .field("splits", &self.splits)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Reads every row of a table or view, in no particular order, from all nodes at once. The name is CQL text: with the
    /// keyspace, or without it for a table of the session's keyspace.
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
    pub fn scan(&self, table: impl Into<String>) -> Scan {
        Scan {
            session: self.clone(),
            table: table.into(),
            columns: Vec::new(),
            profile: ExecutionProfile::new(),
            per_node: PER_NODE,
            splits: None,
        }
    }
}

impl Scan {
    /// Sets what is read: columns, or other selectors of CQL such as `writetime(password)`. Names that are not
    /// lower case need quotation marks. Default: all columns.
    pub fn columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the profile, which supplies the options of the requests, such as the consistency and the page size.
    /// Default: the session's options.
    pub fn profile(mut self, profile: &ExecutionProfile) -> Self {
        self.profile = profile.clone();
        self
    }

    /// Sets the number of splits that are read at the same time, for each connected node. Each of them has at
    /// most two pages in memory. Default: 8; at least 1.
    pub fn in_flight_per_node(mut self, splits: usize) -> Self {
        self.per_node = splits.max(1);
        self
    }

    /// Sets the number of splits. There are more if fewer would not separate rows with different replicas. Default:
    /// four times the number of splits that are read at the same time.
    pub fn splits(mut self, count: usize) -> Self {
        self.splits = Some(count);
        self
    }

    /// Returns the rows.
    pub fn rows<T>(self) -> ScanRows<T> {
        ScanRows::new(Box::pin(self.start()))
    }

    /// Prepares the statement and cuts the ring into splits.
    async fn start(self) -> Result<Splits, Error> {
        let selection =
            if self.columns.is_empty() { "*".to_owned() } else { self.columns.join(", ") };
        let source = Source::new(&self.table, selection, &self.session)?;
        let key = source.partition_key(&self.session).await?;
        let state = self.session.cluster();
        let limit = self.per_node.saturating_mul(state.connected_nodes().len().max(1));
        let count = self.splits.unwrap_or_else(|| limit.saturating_mul(SPLITS_PER_REQUEST));
        let ranges = state.token_ranges(&source.keyspace).filter(|_| !key.is_empty());
        let splits: Vec<_> = ranges.iter().flat_map(|ranges| ranges.splits(count)).collect();
        // Rows whose replicas are unknown, such as those of `system`, are not distributed by tokens.
        let is_distributed = splits.iter().all(|split| !split.replicas().is_empty());
        let (key, waiting) = match is_distributed && !splits.is_empty() {
            true => (key, in_turns(splits)),
            false => (Vec::new(), [None].into()),
        };
        let statement = self.session.prepare(source.select(&key)).await?.profile(&self.profile);
        Ok(Splits::new(self.session, statement, waiting, limit))
    }
}

/// Returns the ranges in an order in which the primary replicas take turns, so that all nodes are busy.
fn in_turns(splits: Vec<ReplicatedRange>) -> VecDeque<Option<TokenRange>> {
    let mut queues: Vec<(_, VecDeque<TokenRange>)> = Vec::new();
    for split in splits {
        let primary = split.replicas().first().map(|node| node.address());
        match queues.iter_mut().find(|(node, _)| *node == primary) {
            Some((_, queue)) => queue.push_back(split.range()),
            None => queues.push((primary, [split.range()].into())),
        }
    }
    let mut ordered = VecDeque::new();
    while !queues.is_empty() {
        ordered.extend(queues.iter_mut().filter_map(|(_, queue)| queue.pop_front()).map(Some));
        queues.retain(|(_, queue)| !queue.is_empty());
    }
    ordered
}
