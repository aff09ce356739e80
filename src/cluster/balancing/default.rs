//! Replicas first, near ones first, and of two the one with less to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{LatencyAwareness, LoadBalancing, Routing};
use crate::cluster::topology::NodeInfo;
use crate::cluster::{ClusterState, Distance, Node};
use crate::wire::Consistency;

/// The policy of a session that was not given another.
///
/// A request goes to a node that is connected, in this order of preference:
///
/// 1. a replica of the row in the local rack, if one was [named](Self::rack);
/// 2. a replica in the local datacenter;
/// 3. any node in the local rack, then in the local datacenter;
/// 4. where that is [allowed](Self::remote_datacenters), a replica and then any node elsewhere.
///
/// Among equals each gets its turn, and of two in a row the one with fewer requests under way.
///
/// ```
/// use cqlwire::cluster::DefaultBalancing;
///
/// let balancing = DefaultBalancing::new().rack("rack1").remote_datacenters(true);
/// ```
#[derive(Debug, Default)]
pub struct DefaultBalancing {
    rack: Option<String>,
    ignores_tokens: bool,
    goes_abroad: bool,
    latency: Option<LatencyAwareness>,
    turn: AtomicUsize,
}

impl DefaultBalancing {
    /// The policy described above, without a rack, within the local datacenter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Prefers the nodes of this rack of the local datacenter.
    #[must_use]
    pub fn rack(mut self, rack: impl Into<String>) -> Self {
        self.rack = Some(rack.into());
        self
    }

    /// Whether replicas are preferred. Default: yes. Without it, this is a round robin.
    #[must_use]
    pub const fn token_aware(mut self, aware: bool) -> Self {
        self.ignores_tokens = !aware;
        self
    }

    /// Whether a request may leave the local datacenter when nothing in it answers; those at a
    /// local consistency never do. Default: no. Each node elsewhere then has one connection.
    #[must_use]
    pub const fn remote_datacenters(mut self, allowed: bool) -> Self {
        self.goes_abroad = allowed;
        self
    }

    /// Passes over nodes that answer much slower than others. Default: no.
    #[must_use]
    pub const fn latency_aware(mut self, awareness: LatencyAwareness) -> Self {
        self.latency = Some(awareness);
        self
    }

    /// Of the nodes that `is_wanted`, the best of the local rack, or else of all.
    fn best_by_rack<'a>(
        &self,
        turn: usize,
        nodes: impl ExactSizeIterator<Item = &'a Arc<Node>> + Clone,
        is_wanted: impl Fn(&Arc<Node>) -> bool,
    ) -> Option<&'a Arc<Node>> {
        let in_rack = self.rack.as_deref().and_then(|rack| {
            let is_there =
                |node: &Arc<Node>| node.distance() == Distance::Local && node.rack() == rack;
            Self::best(turn, nodes.clone(), |node| is_there(node) && is_wanted(node))
        });
        in_rack.or_else(|| Self::best(turn, nodes, is_wanted))
    }

    /// Of the nodes that `is_wanted`, the best from this turn on.
    fn best<'a>(
        turn: usize,
        nodes: impl ExactSizeIterator<Item = &'a Arc<Node>> + Clone,
        is_wanted: impl Fn(&Arc<Node>) -> bool,
    ) -> Option<&'a Arc<Node>> {
        let first = turn.checked_rem(nodes.len())?;
        let mut wanted =
            nodes.clone().skip(first).chain(nodes.take(first)).filter(|node| is_wanted(node));
        let one = wanted.next()?;
        match wanted.next() {
            Some(other) if other.in_flight() < one.in_flight() => Some(other),
            _ => Some(one),
        }
    }
}

impl LoadBalancing for DefaultBalancing {
    fn distance(&self, node: &NodeInfo, local_datacenter: Option<&str>) -> Distance {
        match local_datacenter.is_none_or(|local| node.datacenter == local) {
            true => Distance::Local,
            false if self.goes_abroad => Distance::Remote,
            false => Distance::Ignored,
        }
    }

    fn pick(
        &self,
        request: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let nodes = cluster.nodes();
        let limit = match &self.latency {
            Some(latency) => latency.limit(nodes.iter(), turn),
            None => Duration::MAX,
        };
        let is_free = |node: &Arc<Node>| {
            node.is_connected() && tried.iter().all(|tried| !Arc::ptr_eq(tried, node))
        };
        let is_fast =
            |node: &Arc<Node>| limit == Duration::MAX || node.latency().is_none_or(|l| l <= limit);
        let is_near = |node: &Arc<Node>| node.distance() == Distance::Local;
        let replicas = || {
            let (keyspace, token) = request.keyspace.zip(request.token)?;
            (!self.ignores_tokens).then(|| cluster.replicas(keyspace, token))
        };
        let best = |is_wanted: &dyn Fn(&Arc<Node>) -> bool| {
            let replica = replicas().and_then(|nodes| self.best_by_rack(turn, nodes, is_wanted));
            replica.or_else(|| self.best_by_rack(turn, nodes.iter(), is_wanted))
        };
        let near = best(&|node| is_free(node) && is_near(node) && is_fast(node))
            .or_else(|| best(&|node| is_free(node) && is_near(node)));
        let abroad = || {
            let may = self.goes_abroad && !is_local(request.consistency);
            may.then(|| best(&|node| is_free(node) && !is_near(node))).flatten()
        };
        near.or_else(abroad).cloned()
    }
}

/// Whether only replicas of the coordinator's datacenter count.
const fn is_local(consistency: Consistency) -> bool {
    matches!(
        consistency,
        Consistency::LocalOne | Consistency::LocalQuorum | Consistency::LocalSerial
    )
}
