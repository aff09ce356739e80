//! Scans: the options, and how they start.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::rows::{Queue, ScanRows, Splits};
use super::source::Source;
use crate::cluster::{
    ClusterState, Distance, LoadBalancing, Node, ReplicationStrategy, Routing, TokenRange,
};
use crate::session::{Error, ExecutionProfile, Session};

/// A read of every row of a table, in no particular order, from all nodes at once: see [`Session::scan`].
///
/// The token ring is cut into *splits*. All rows of a split have the same replicas, and are read from one of
/// these, page by page. Many splits are read at the same time.
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

/// Default number of splits for each of those that are read at the same time. The requests to a node then end at
/// about the same time, although splits differ in size.
const SPLITS_PER_REQUEST: usize = 4;

/// Maximum number of splits, unless there are more sets of replicas. Those that wait need 32 bytes each.
const MAX_SPLITS: usize = 1 << 20;

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
    /// Reads every row of a table or view, in no particular order, from all nodes at once. The name is CQL text:
    /// with the keyspace, or without it for a table of the session's keyspace.
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

    /// Sets the number of splits that are read at the same time, for each node: those of which it is the first
    /// replica in the local datacenter. For each of them, one page may be in memory. Default: 8; at least 1.
    pub fn in_flight_per_node(mut self, splits: usize) -> Self {
        self.per_node = splits.max(1);
        self
    }

    /// Sets the maximum number of splits. There are more if fewer would not separate rows with different
    /// replicas. Default: 32 for each node of the local datacenter, or four times the
    /// [number that is read at the same time](Self::in_flight_per_node). At most 1,048,576.
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
        // Each node has rows of its own in virtual tables, which have no key here, and in tables such as those of
        // `system`.
        let differs_by_node = key.is_empty()
            || state.replication(&source.keyspace) == Some(&ReplicationStrategy::Local);
        let queues = if differs_by_node { None } else { self.queues(&source, &state) };
        let text = source.select(if queues.is_some() { &key } else { &[] });
        let mut statement = self.session.prepare(text).await?.profile(&self.profile);
        if differs_by_node {
            statement = statement.load_balancing(OneNode::new(&state));
        }
        let queues = queues.unwrap_or_else(|| vec![Queue::whole_table()]);
        Ok(Splits::new(self.session, statement, queues))
    }

    /// Returns the splits in queues, one for each node, or `None` if the partitioner is unknown.
    fn queues(&self, source: &Source, state: &ClusterState) -> Option<Vec<Queue>> {
        let partitioner = state.partitioner()?;
        let nodes = state.nodes().iter().filter(|node| is_local(node)).count().max(1);
        let limit = self.per_node.saturating_mul(nodes);
        let count = self.splits.unwrap_or_else(|| limit.saturating_mul(SPLITS_PER_REQUEST));
        let count = count.min(MAX_SPLITS);
        let Some(ranges) = state.token_ranges(&source.keyspace) else {
            // The keyspace was created a moment ago.
            let splits = TokenRange::ring(partitioner).split(count);
            return Some(vec![Queue::new(splits.collect(), limit)]);
        };
        let mut by_node: HashMap<Option<SocketAddr>, VecDeque<TokenRange>> = HashMap::new();
        for split in ranges.splits(count) {
            let replicas = split.replicas();
            let first = replicas.iter().find(|node| is_local(node)).or_else(|| replicas.first());
            by_node.entry(first.map(|node| node.address())).or_default().push_back(split.range());
        }
        let limit_of = |node: Option<_>| if node.is_some() { self.per_node } else { limit };
        let queues = by_node.into_iter();
        Some(queues.map(|(node, splits)| Queue::new(splits, limit_of(node))).collect())
    }
}

fn is_local(node: &Node) -> bool {
    node.distance() == Distance::Local
}

/// Picks the same node for every request.
#[derive(Debug)]
struct OneNode(Option<Arc<Node>>);

impl OneNode {
    /// Chooses a node that is connected.
    fn new(state: &ClusterState) -> Self {
        Self(state.connected_nodes().first().cloned())
    }
}

impl LoadBalancing for OneNode {
    fn pick(&self, _: &Routing<'_>, _: &ClusterState, tried: &[Arc<Node>]) -> Option<Arc<Node>> {
        self.0.clone().filter(|node| tried.iter().all(|tried| !Arc::ptr_eq(tried, node)))
    }
}
