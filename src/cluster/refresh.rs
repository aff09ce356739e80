//! Computes the next state of a cluster from the previous one and a newly read topology.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use tracing::warn;

use super::node_index::NodeIndex;
use super::pool_context::PoolContext;
use super::replication_map::ReplicationMap;
use super::ring::{Ring, RingNode};
use super::topology::{IgnoredRow, NodeInfo, Topology};
use super::{
    ClusterState, Distance, LoadBalancing, Node, Partitioner, ReplicationStrategy, Settings,
};

/// Returns the state that follows `previous`, with the nodes of `topology` and the keyspaces of
/// `strategies`. Nodes whose description is unchanged keep their connections.
pub(super) fn with_topology(
    previous: &ClusterState,
    topology: Topology,
    strategies: BTreeMap<String, ReplicationStrategy>,
    settings: &Settings,
    pools: &Arc<PoolContext>,
) -> ClusterState {
    let Topology { cluster_name: name, partitioner, nodes: infos, announced, ignored } = topology;
    log_ignored_rows(previous, &ignored);
    let local_datacenter = local_datacenter(previous, &infos, settings);
    let addresses: HashSet<_> = infos.iter().map(|info| info.address).collect();
    let node = |info: &NodeInfo| {
        let distance = settings.load_balancing.distance(info, local_datacenter.as_deref());
        node(previous, info, distance, &addresses, pools)
    };
    let nodes: Arc<[_]> = infos.iter().map(node).collect();
    // A kept node may have another address than its description, and the queried node may announce
    // a third one. Events name the announced address.
    let index = nodes.iter().zip(&infos).enumerate().map(|(position, (node, info))| {
        let announced = announced.filter(|_| position == 0);
        let addresses = [Some(node.address()), Some(info.address), announced];
        (info.host_id, addresses.into_iter().flatten())
    });
    let index = Arc::new(NodeIndex::new(index));
    let is_same_ring = previous.partitioner == partitioner
        && previous.infos.len() == infos.len()
        && previous.infos.iter().zip(&infos).all(|(before, info)| has_same_place(before, info));
    let ring = match is_same_ring {
        true => previous.ring.clone(),
        false => partitioner.map(|partitioner| Arc::new(ring(previous, partitioner, &infos))),
    };
    let replication = ReplicationMap::new(strategies, ring.as_ref(), &previous.replication);
    let ClusterState { has_topology_tables, has_schema, has_schema_tables, .. } = *previous;
    ClusterState {
        name,
        nodes,
        infos: infos.into(),
        index,
        connected: Arc::default(),
        connection_changes: Arc::clone(pools.attempts.changes()),
        ignored: ignored.into(),
        has_topology_tables,
        first_datacenter: previous.first_datacenter.clone().or_else(|| local_datacenter.clone()),
        local_datacenter,
        partitioner,
        ring,
        replication: replication.into(),
        schema: Arc::clone(&previous.schema),
        has_schema,
        has_schema_tables,
    }
}

/// Returns the local datacenter: the configured one, or else the first of these that has nodes: the one
/// that was chosen first, the previous one, and that of the queried node. If none has nodes, returns the
/// first of them that is known.
fn local_datacenter(
    previous: &ClusterState,
    infos: &[NodeInfo],
    settings: &Settings,
) -> Option<String> {
    if let Some(configured) = &settings.local_datacenter {
        return Some(configured.clone());
    }
    let ClusterState { first_datacenter, local_datacenter: before, .. } = previous;
    let known = [first_datacenter.as_ref(), before.as_ref()];
    let has_nodes = |name: &&String| infos.iter().any(|info| info.datacenter == **name);
    let queried = infos.first().map(|info| &info.datacenter);
    let candidates = known.into_iter().chain([queried]).flatten().filter(|name| !name.is_empty());
    let chosen = candidates.clone().find(has_nodes).or_else(|| candidates.clone().next()).cloned();
    if before.is_some() && chosen != *before {
        warn!(before, chosen, "local datacenter changed");
    }
    chosen
}

/// Returns the previous node if `info` still describes it, or a new node.
fn node(
    previous: &ClusterState,
    info: &NodeInfo,
    distance: Distance,
    addresses: &HashSet<SocketAddr>,
    pools: &Arc<PoolContext>,
) -> Arc<Node> {
    // If another node has taken over this node's address, the open connections lead to that other
    // node.
    let is_replaced =
        |node: &Node| node.address() != info.address && addresses.contains(&node.address());
    match previous.node(info.host_id) {
        Some(node) if node.is_described_by(info, distance) && !is_replaced(node) => {
            Arc::clone(node)
        }
        node => {
            let has_address = |node: &&Arc<Node>| node.address() == info.address;
            let before = node.filter(has_address);
            let before = before.or_else(|| previous.nodes_at(info.address).find(has_address));
            Arc::new(Node::new(info.clone(), distance, before.map(|node| &**node), pools))
        }
    }
}

/// Largest number of ignored rows that are logged for one read.
const MAX_LOGGED_ROWS: usize = 20;

/// Logs the rows that were left out, except those that were left out before.
fn log_ignored_rows(previous: &ClusterState, ignored: &[IgnoredRow]) {
    let known: HashSet<_> = previous.ignored.iter().collect();
    let new = ignored.iter().filter(|row| !known.contains(row));
    for IgnoredRow { host_id, address, reason } in new.take(MAX_LOGGED_ROWS) {
        warn!(%host_id, node = %address, %reason, "row of the peers table ignored");
    }
}

/// Returns true if two descriptions give a node the same place on the ring.
fn has_same_place(one: &NodeInfo, other: &NodeInfo) -> bool {
    one.host_id == other.host_id
        && one.datacenter == other.datacenter
        && one.rack == other.rack
        && one.tokens == other.tokens
}

/// Builds the ring of the nodes. The index of each node is its position in `infos`.
fn ring(previous: &ClusterState, partitioner: Partitioner, infos: &[NodeInfo]) -> Ring {
    let nodes = (0..).zip(infos).map(|(index, info)| RingNode {
        index,
        datacenter: &info.datacenter,
        rack: &info.rack,
        tokens: &info.tokens,
    });
    let Some(ring) = previous.ring.as_ref().filter(|ring| ring.partitioner() == partitioner) else {
        return Ring::new(partitioner, nodes);
    };
    let index_before = |info: &NodeInfo| {
        let index = previous.index.with_host_id(info.host_id)?;
        let before = previous.infos.get(index)?;
        u32::try_from(index).ok().filter(|_| before.tokens == info.tokens)
    };
    Ring::changed(ring, nodes.zip(infos.iter().map(index_before)))
}
