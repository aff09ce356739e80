//! A cluster at one moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::ring::{Replicas, Ring, RingNode};
use super::schema::Schema;
use super::shared::Shared;
use super::topology::{NodeInfo, Topology};
use super::{Node, Partitioner, ReplicationStrategy, Token};

/// The nodes, the ring and the schema of a cluster at one moment. It does not change: ask the
/// session for another.
#[derive(Debug, Clone)]
pub struct ClusterState {
    name: String,
    nodes: Vec<Arc<Node>>,
    infos: Vec<NodeInfo>,
    local_datacenter: Option<String>,
    partitioner: Option<Partitioner>,
    strategies: BTreeMap<String, ReplicationStrategy>,
    replicas: HashMap<String, Arc<Replicas>>,
    schema: Arc<Schema>,
}

impl ClusterState {
    pub(super) fn empty() -> Self {
        Self {
            name: String::new(),
            nodes: Vec::new(),
            infos: Vec::new(),
            local_datacenter: None,
            partitioner: None,
            strategies: BTreeMap::new(),
            replicas: HashMap::new(),
            schema: Arc::default(),
        }
    }

    /// The name that the cluster was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every node, whether it answers or not.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The node of this id.
    pub fn node(&self, host_id: Uuid) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.info().host_id == host_id)
    }

    /// The datacenter that requests go to: the one that was asked for, or that of the first node.
    pub fn local_datacenter(&self) -> Option<&str> {
        self.local_datacenter.as_deref()
    }

    /// What makes tokens of partition keys; `None` if it is one that is not known here.
    pub const fn partitioner(&self) -> Option<Partitioner> {
        self.partitioner
    }

    /// How a keyspace is replicated.
    pub fn replication(&self, keyspace: &str) -> Option<&ReplicationStrategy> {
        self.strategies.get(keyspace)
    }

    /// The nodes that have the rows of this token, in the cluster's order; none if that is not
    /// known.
    pub fn replicas(
        &self,
        keyspace: &str,
        token: Token,
    ) -> impl ExactSizeIterator<Item = &Arc<Node>> + Clone {
        let replicas = self.replicas.get(keyspace).map(|replicas| replicas.of(token));
        replicas.unwrap_or_default().iter().map(|index| &self.nodes[*index as usize])
    }

    /// What keyspaces there are, and what is in them. It is read after the session has connected,
    /// and may be empty before.
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The same cluster, with other nodes or other keyspaces.
    pub(super) fn with_topology(
        &self,
        topology: Topology,
        strategies: BTreeMap<String, ReplicationStrategy>,
        shared: &Arc<Shared>,
    ) -> Self {
        let Topology { cluster_name: name, partitioner, nodes: infos } = topology;
        let known = self.local_datacenter.clone();
        let first = || infos.first().map(|info| info.datacenter.clone());
        let local_datacenter = known.or_else(|| shared.settings.local_datacenter.clone());
        let local_datacenter = local_datacenter.or_else(first).filter(|name| !name.is_empty());
        let node = |info: &NodeInfo| {
            let balancing = &shared.settings.load_balancing;
            let distance = balancing.distance(info, local_datacenter.as_deref());
            // Where it was, another may be by now, and be the one that its connections go to.
            let is_replaced = |node: &Node| {
                let is_other = |other: &NodeInfo| other.address == node.address();
                node.address() != info.address && infos.iter().any(is_other)
            };
            match self.node(info.host_id) {
                Some(node) if node.is_described_by(info, distance) && !is_replaced(node) => {
                    Arc::clone(node)
                }
                before => {
                    let before = before.map(|node| &**node);
                    Arc::new(Node::new(info.clone(), distance, before, shared))
                }
            }
        };
        let nodes = infos.iter().map(node).collect();
        let is_same_ring = self.partitioner == partitioner
            && self.strategies == strategies
            && self.infos.iter().map(ring_position).eq(infos.iter().map(ring_position));
        let replicas = match (is_same_ring, partitioner) {
            (true, _) => self.replicas.clone(),
            (false, Some(partitioner)) => replicas(partitioner, &infos, &strategies),
            (false, None) => HashMap::new(),
        };
        let schema = Arc::clone(&self.schema);
        Self { name, nodes, infos, local_datacenter, partitioner, strategies, replicas, schema }
    }

    /// The same cluster, with another schema.
    pub(super) fn with_schema(&self, schema: Schema) -> Self {
        Self { schema: Arc::new(schema), ..self.clone() }
    }
}

/// What the ring is made of.
fn ring_position(info: &NodeInfo) -> (Uuid, &str, &str, &[Token]) {
    (info.host_id, &info.datacenter, &info.rack, &info.tokens)
}

/// Who has what, for each keyspace; keyspaces that are replicated alike share it.
fn replicas(
    partitioner: Partitioner,
    infos: &[NodeInfo],
    strategies: &BTreeMap<String, ReplicationStrategy>,
) -> HashMap<String, Arc<Replicas>> {
    let nodes = (0..).zip(infos).map(|(index, info)| RingNode {
        index,
        datacenter: &info.datacenter,
        rack: &info.rack,
        tokens: &info.tokens,
    });
    let ring = Ring::new(partitioner, nodes);
    let mut known: BTreeMap<&ReplicationStrategy, Arc<Replicas>> = BTreeMap::new();
    let of = |(keyspace, strategy): (&String, _)| {
        let replicas = known.entry(strategy).or_insert_with(|| Arc::new(ring.replicas(strategy)));
        (keyspace.clone(), Arc::clone(replicas))
    };
    strategies.iter().map(of).collect()
}
