//! The default load balancing policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::RngExt;

use super::{LatencyAwareness, LoadBalancing, Routing};
use crate::cluster::topology::NodeInfo;
use crate::cluster::{ClusterState, Distance, Node};
use crate::environment;

/// The default load balancing policy.
///
/// A request goes to a connected node, in this order of preference:
///
/// 1. a replica of the partition in the local rack, if a local rack is [configured](Self::rack);
/// 2. a replica in the local datacenter;
/// 3. any node in the local rack, and then any node in the local datacenter;
/// 4. if [allowed](Self::remote_datacenters), a remote replica, and then any remote node; never at
///    a local consistency, unless that is [allowed](Self::local_consistency_failover), too.
///
/// Among equally preferred nodes, the policy rotates: it compares the next two and picks the node
/// that owes fewer [responses](Node::in_flight). A node that has stopped answering is used last.
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
    allows_remote: bool,
    allows_remote_local: bool,
    latency: Option<LatencyAwareness>,
    next: AtomicUsize,
}

impl DefaultBalancing {
    /// Creates the policy without a local rack and without remote datacenters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Prefers the nodes in this rack of the local datacenter. Default: no rack. An empty name
    /// counts as no rack.
    #[must_use]
    pub fn rack(mut self, rack: impl Into<String>) -> Self {
        self.rack = Some(rack.into()).filter(|rack| !rack.is_empty());
        self
    }

    /// Sets whether replicas are preferred. Default: true. With false, the policy rotates through the
    /// eligible nodes, whatever the partition.
    #[must_use]
    pub const fn token_aware(mut self, aware: bool) -> Self {
        self.ignores_tokens = !aware;
        self
    }

    /// Sets whether requests may go to a remote datacenter when no node of the local datacenter is
    /// available. Default: false. With true, the driver opens one connection to each remote node.
    ///
    /// Statements can be prepared in a remote datacenter. Requests at `LOCAL_ONE`, the default
    /// consistency, at `LOCAL_QUORUM` or at `LOCAL_SERIAL` stay in the local datacenter and fail
    /// without it: use another consistency, such as `ONE`, or allow their
    /// [fail-over](Self::local_consistency_failover).
    #[must_use]
    pub const fn remote_datacenters(mut self, allowed: bool) -> Self {
        self.allows_remote = allowed;
        self
    }

    /// Sets whether requests at `LOCAL_ONE`, `LOCAL_QUORUM` and `LOCAL_SERIAL` may go to a remote
    /// datacenter, too, when no node of the local datacenter is available. Default: false. With true,
    /// this also allows [remote datacenters](Self::remote_datacenters) for all other requests.
    ///
    /// The server counts the replicas of the coordinator's own datacenter. After a fail-over,
    /// `LOCAL_QUORUM` is therefore a quorum of the remote datacenter:
    ///
    /// - A read may miss writes that were acknowledged at `LOCAL_QUORUM` before the fail-over, and
    ///   have not reached the remote datacenter yet. After the return, a read may miss the writes
    ///   of the fail-over in the same way.
    /// - Conditional statements at `LOCAL_SERIAL` are linearizable within one datacenter only. While
    ///   clients use several, both of two conflicting conditional writes can succeed.
    /// - If the keyspace has no replicas in the remote datacenter, the request fails as unavailable.
    ///
    /// The Java driver's name for this option is `allow-for-local-consistency-levels`.
    #[must_use]
    pub const fn local_consistency_failover(mut self, allowed: bool) -> Self {
        self.allows_remote_local = allowed;
        self.allows_remote |= allowed;
        self
    }

    /// Avoids nodes that are much slower than others. Default: latencies are ignored.
    #[must_use]
    pub const fn latency_aware(mut self, awareness: LatencyAwareness) -> Self {
        self.latency = Some(awareness);
        self
    }

    /// Returns the best eligible node: a replica if possible.
    fn best_node<'a>(
        &self,
        turn: usize,
        replicas: Option<impl ExactSizeIterator<Item = &'a Arc<Node>> + Clone>,
        cluster: &ClusterState,
        is_eligible: impl Fn(&Arc<Node>) -> bool,
    ) -> Option<Arc<Node>> {
        let is_eligible = &is_eligible;
        let in_rack = self.rack.as_deref().map(|rack| {
            move |node: &Arc<Node>| {
                node.distance() == Distance::Local && node.rack() == rack && is_eligible(node)
            }
        });
        let replica = replicas.and_then(|replicas| {
            let in_rack =
                in_rack.as_ref().and_then(|in_rack| Self::best(turn, replicas.clone(), in_rack));
            in_rack.or_else(|| Self::best(turn, replicas, is_eligible))
        });
        replica
            .or_else(|| Self::best_of_all(turn, cluster, in_rack.as_ref()?))
            .or_else(|| Self::best_of_all(turn, cluster, is_eligible))
    }

    /// Returns the best eligible node of the cluster, or `None` if no node is eligible.
    fn best_of_all(
        turn: usize,
        cluster: &ClusterState,
        is_eligible: impl Fn(&Arc<Node>) -> bool,
    ) -> Option<Arc<Node>> {
        let nodes = cluster.nodes();
        if nodes.len() <= MAX_COUNTED_NODES {
            return Self::best(turn, nodes.iter(), is_eligible);
        }
        let sampled = Self::sample(&nodes.iter(), &is_eligible);
        let sampled = sampled.map(|(one, other)| Arc::clone(Self::less_loaded(one, other)));
        // Few nodes are eligible. In a large cluster, most of the others may be down.
        sampled.or_else(|| Self::best(turn, cluster.connected_nodes().iter(), is_eligible))
    }

    /// Finds the eligible node whose turn it is and another one, and returns the node with fewer
    /// requests in flight. Returns `None` if no node is eligible.
    fn best<'a>(
        turn: usize,
        nodes: impl ExactSizeIterator<Item = &'a Arc<Node>> + Clone,
        is_eligible: impl Fn(&Arc<Node>) -> bool,
    ) -> Option<Arc<Node>> {
        let (one, other) = Self::next_two(turn, nodes.filter(|node| is_eligible(node)))?;
        Some(Arc::clone(Self::less_loaded(one, other)))
    }

    /// Returns the node that has fewer requests in flight, or `one` if they are equal.
    fn less_loaded<'a>(one: &'a Arc<Node>, other: Option<&'a Arc<Node>>) -> &'a Arc<Node> {
        other.filter(|other| other.in_flight() < one.in_flight()).unwrap_or(one)
    }

    /// Returns the node at the position `turn`, modulo the number of nodes, and the node after it.
    /// All of `nodes` are eligible, so that their shares of the requests are equal.
    fn next_two<'a>(
        turn: usize,
        nodes: impl Iterator<Item = &'a Arc<Node>> + Clone,
    ) -> Option<(&'a Arc<Node>, Option<&'a Arc<Node>>)> {
        let first = turn.checked_rem(nodes.clone().count())?;
        let mut from_first = nodes.clone().skip(first).chain(nodes.take(first));
        Some((from_first.next()?, from_first.next()))
    }

    /// Returns two eligible nodes from random positions. Returns `None` if [`SAMPLES`]
    /// positions do not have two: few nodes are eligible, if any.
    fn sample<'a>(
        nodes: &(impl ExactSizeIterator<Item = &'a Arc<Node>> + Clone),
        is_eligible: impl Fn(&Arc<Node>) -> bool,
    ) -> Option<(&'a Arc<Node>, Option<&'a Arc<Node>>)> {
        let mut random = environment::random();
        let positions = (0..SAMPLES).map(|_| random.random_range(0..nodes.len()));
        let sample = positions.filter_map(|position| nodes.clone().nth(position));
        let mut eligible = sample.filter(|node| is_eligible(node));
        let one = eligible.next()?;
        let other = eligible.find(|other| !Arc::ptr_eq(one, other))?;
        Some((one, Some(other)))
    }
}

/// Largest number of nodes that are all examined for a request. In a larger cluster, examining
/// them would take longer than the rest of the request, and a sample gives almost equal shares.
const MAX_COUNTED_NODES: usize = 64;

/// Number of nodes in the sample of a larger cluster.
const SAMPLES: usize = 16;

impl LoadBalancing for DefaultBalancing {
    fn distance(&self, node: &NodeInfo, local_datacenter: Option<&str>) -> Distance {
        match local_datacenter.is_none_or(|local| node.datacenter == local) {
            true => Distance::Local,
            false if self.allows_remote => Distance::Remote,
            false => Distance::Ignored,
        }
    }

    fn pick(
        &self,
        request: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let limit = match &self.latency {
            Some(latency) => latency.limit(&cluster.connected_nodes(), turn),
            None => Duration::MAX,
        };
        let is_available = |node: &Arc<Node>| {
            node.is_connected() && tried.iter().all(|tried| !Arc::ptr_eq(tried, node))
        };
        let is_fast =
            |node: &Arc<Node>| limit == Duration::MAX || node.latency().is_none_or(|l| l <= limit);
        let is_local = |node: &Arc<Node>| node.distance() == Distance::Local;
        let replicas = match request.keyspace.zip(request.token) {
            Some((keyspace, token)) if !self.ignores_tokens => {
                Some(cluster.replicas(keyspace, token))
            }
            _ => None,
        };
        let local = self
            .best_node(turn, replicas.clone(), cluster, |node| {
                is_available(node) && is_local(node) && is_fast(node)
            })
            .or_else(|| {
                self.best_node(turn, replicas.clone(), cluster, |node| {
                    is_available(node) && is_local(node)
                })
            });
        let remote = || {
            let is_allowed = self.allows_remote
                && (self.allows_remote_local || request.local_consistency().is_none());
            let is_remote = |node: &Arc<Node>| is_available(node) && !is_local(node);
            is_allowed.then(|| self.best_node(turn, replicas, cluster, is_remote)).flatten()
        };
        local.or_else(remote)
    }
}
