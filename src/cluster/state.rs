//! A snapshot of a cluster.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::connected_nodes::ConnectedNodes;
use super::node_index::NodeIndex;
use super::replication_map::ReplicationMap;
use super::ring::Ring;
use super::ring_ranges::{ReplicatedRange, RingRanges};
use super::schema::Schema;
use super::topology::{IgnoredRow, NodeInfo};
use super::{Node, Partitioner, ReplicationStrategy, Token};
use crate::sync::atomic::{AtomicU64, Ordering};

/// A snapshot of a cluster: its nodes, its ring and its schema. It never changes;
/// [`Session::cluster`](crate::session::Session::cluster) returns the latest one.
#[derive(Debug, Clone)]
pub struct ClusterState {
    pub(super) name: String,
    pub(super) nodes: Arc<[Arc<Node>]>,
    /// The descriptions of the nodes, in the order of `nodes`.
    pub(super) infos: Arc<[NodeInfo]>,
    pub(super) index: Arc<NodeIndex>,
    pub(super) connected: Arc<ConnectedNodes>,
    /// Number of times that a node has connected or disconnected.
    pub(super) connection_changes: Arc<AtomicU64>,
    /// The rows of the peers table that contradict the nodes.
    pub(super) ignored: Arc<[IgnoredRow]>,
    /// True once one read of the topology found all of its tables.
    pub(super) has_topology_tables: bool,
    pub(super) local_datacenter: Option<String>,
    /// The first local datacenter, configured or chosen.
    pub(super) first_datacenter: Option<String>,
    pub(super) partitioner: Option<Partitioner>,
    /// `None` if the partitioner is unknown.
    pub(super) ring: Option<Arc<Ring>>,
    pub(super) replication: Arc<ReplicationMap>,
    pub(super) schema: Arc<Schema>,
    /// True once the whole schema has been read.
    pub(super) has_schema: bool,
    /// True once one read of the whole schema found all tables that every Cassandra version has.
    pub(super) has_schema_tables: bool,
}

impl ClusterState {
    pub(super) fn empty() -> Self {
        Self {
            name: String::new(),
            nodes: Arc::default(),
            infos: Arc::default(),
            index: Arc::default(),
            connected: Arc::default(),
            connection_changes: Arc::default(),
            ignored: Arc::default(),
            has_topology_tables: false,
            local_datacenter: None,
            first_datacenter: None,
            partitioner: None,
            ring: None,
            replication: Arc::default(),
            schema: Arc::default(),
            has_schema: false,
            has_schema_tables: false,
        }
    }

    /// Returns the cluster's configured name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns every node, connected or not.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Returns the nodes that have an open connection, in the order of [`nodes`](Self::nodes). The
    /// list is cached until a node connects or disconnects, so that a load balancing policy need
    /// not examine every node of a large cluster for each request.
    pub fn connected_nodes(&self) -> Arc<[Arc<Node>]> {
        // Read before the nodes are examined, so that a later change makes the list invalid.
        let changes = self.connection_changes.load(Ordering::Acquire);
        self.connected.get(changes, &self.nodes)
    }

    /// Returns the node with this host id, or `None` if the cluster has none.
    pub fn node(&self, host_id: Uuid) -> Option<&Arc<Node>> {
        self.nodes.get(self.index.with_host_id(host_id)?)
    }

    /// Returns the nodes with this address. There are several if an address translator gives
    /// several nodes the same address.
    pub(super) fn nodes_at(&self, address: SocketAddr) -> impl Iterator<Item = &Arc<Node>> {
        self.index.with_address(address).filter_map(|position| self.nodes.get(position))
    }

    /// Returns the first node with this address, or `None` if the cluster has none.
    pub(crate) fn node_at(&self, address: SocketAddr) -> Option<&Arc<Node>> {
        self.nodes_at(address).next()
    }

    /// Returns the local datacenter: the configured datacenter, or else the datacenter of the first
    /// node that the driver connected to. While a datacenter that the driver chose has no nodes, another
    /// one is used: that of the node of the control connection when the driver noticed it. Returns `None`
    /// if no such node has announced a datacenter.
    pub fn local_datacenter(&self) -> Option<&str> {
        self.local_datacenter.as_deref()
    }

    /// Returns the partitioner, which computes the tokens of partition keys, or `None` if the driver
    /// does not know the cluster's partitioner.
    pub const fn partitioner(&self) -> Option<Partitioner> {
        self.partitioner
    }

    /// Returns the replication strategy of a keyspace, or `None` if there is no such keyspace.
    pub fn replication(&self, keyspace: &str) -> Option<&ReplicationStrategy> {
        self.replication.strategy(keyspace)
    }

    /// Returns the replicas of a token in ring order, the primary replica first: see
    /// [`Replicas::for_token`](super::Replicas::for_token). The iterator is empty if the keyspace, its strategy or the
    /// partitioner is unknown.
    #[expect(clippy::indexing_slicing, reason = "the ring holds indices into `nodes`")]
    pub fn replicas(
        &self,
        keyspace: &str,
        token: Token,
    ) -> impl ExactSizeIterator<Item = &Arc<Node>> + Clone {
        let replicas = self.replication.replicas(keyspace, token);
        replicas.iter().map(|index| &self.nodes[*index as usize])
    }

    /// Returns the token ranges of the ring with the [replicas](Self::replicas) of each, in token order, or
    /// `None` if the driver does not know the keyspace or the partitioner. They contain the token of every
    /// partition key exactly once.
    ///
    /// A range has no replicas if the driver does not know the strategy, and its rows can then be read through
    /// any node; if the strategy is `LocalStrategy`, where each node has rows of its own; and if the replication
    /// factor is 0, or is that of a datacenter without nodes. [`replication`](Self::replication) returns the
    /// strategy. If the nodes announce no tokens, there is one range.
    ///
    /// Transient replicas are not listed, because they do not have all rows. The ring does not describe tables
    /// with tablets (ScyllaDB): their ranges are complete, but the replicas may be other nodes.
    ///
    /// ```no_run
    /// # fn example(session: &cqlwire::Session) -> Option<()> {
    /// let ranges = session.cluster().token_ranges("k8s_test")?;
    /// for split in ranges.shard(0, 4)?.splits(100) {
    ///     println!("{} is on {:?}", split.range(), split.replicas());
    /// }
    /// # Some(())
    /// # }
    /// ```
    #[expect(clippy::indexing_slicing, reason = "the ring holds indices into `nodes`")]
    pub fn token_ranges(&self, keyspace: &str) -> Option<RingRanges> {
        let ring = self.ring.as_ref()?;
        self.replication.strategy(keyspace)?;
        let mut ranges: Vec<ReplicatedRange> = Vec::new();
        let mut previous: &[u32] = &[];
        for range in ring.ranges() {
            let indexes = self.replication.replicas(keyspace, range.end());
            // Neighbours share a list, which is long with `EverywhereStrategy`.
            let replicas = match ranges.last() {
                Some(last) if indexes == previous => Arc::clone(&last.replicas),
                _ => indexes.iter().map(|index| Arc::clone(&self.nodes[*index as usize])).collect(),
            };
            ranges.push(ReplicatedRange { range, replicas });
            previous = indexes;
        }
        Some(RingRanges { partitioner: ring.partitioner(), ranges })
    }

    /// Returns the schema. The driver reads it after connecting, so it is empty at first; wait for it
    /// with [`Session::schema`](crate::session::Session::schema).
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Returns a copy of this state in which a keyspace has another replication strategy, or does not exist if
    /// `strategy` is `None`. Returns `None` if that is so already.
    pub(super) fn with_replication(
        &self,
        keyspace: &str,
        strategy: Option<ReplicationStrategy>,
    ) -> Option<Self> {
        if self.replication.strategy(keyspace) == strategy.as_ref() {
            return None;
        }
        let replication = self.replication.with_keyspace(keyspace, strategy, self.ring.as_ref());
        Some(Self { replication: replication.into(), ..self.clone() })
    }

    /// Returns a copy of this state with these keyspaces.
    pub(super) fn with_all_replication(
        &self,
        strategies: BTreeMap<String, ReplicationStrategy>,
    ) -> Self {
        let replication = ReplicationMap::new(strategies, self.ring.as_ref(), &self.replication);
        Self { replication: replication.into(), ..self.clone() }
    }

    /// Returns a copy of this state with a schema of which a part has been read again.
    pub(super) fn with_schema(&self, schema: Schema) -> Self {
        Self { schema: schema.into(), ..self.clone() }
    }

    /// Returns a copy of this state with a schema that has been read as a whole. `has_tables` is true if no
    /// table was missing that every Cassandra version has.
    pub(super) fn with_whole_schema(&self, schema: Schema, has_tables: bool) -> Self {
        let has_schema_tables = has_tables || self.has_schema_tables;
        Self { has_schema: true, has_schema_tables, ..self.with_schema(schema) }
    }
}
