//! Random clusters: rings of both partitioners, and a keyspace on them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::super::interleavings::{node, pool_context};
use super::super::replication_map::ReplicationMap;
use crate::cluster::{
    ClusterState, Distance, Node, Partitioner, ReplicationStrategy, Ring, RingNode, Token,
};

/// The keyspace of the clusters.
pub(super) const KEYSPACE: &str = "k8s_test";

const DATACENTERS: [&str; 3] = ["dc1", "dc2", "dc3"];
const RACKS: [&str; 4] = ["r1", "r2", "r3", "r4"];
const MAX_NODES: usize = 24;

/// Nodes without connections. Their descriptions are not those of the rings.
static NODES: LazyLock<Arc<[Arc<Node>]>> = LazyLock::new(|| {
    let pools = pool_context();
    (0..MAX_NODES).map(|_| node(Distance::Ignored, &pools)).collect()
});

/// The datacenter, rack and tokens of a node.
pub(super) type NodeSpec = (&'static str, &'static str, Vec<Token>);

/// Returns the state of a cluster of these nodes. The keyspace [`KEYSPACE`] has the given strategy.
pub(super) fn cluster(
    partitioner: Partitioner,
    nodes: &[NodeSpec],
    strategy: ReplicationStrategy,
) -> ClusterState {
    let nodes = (0..).zip(nodes).map(|(index, node)| {
        let (datacenter, rack, tokens) = node;
        RingNode { index, datacenter, rack, tokens }
    });
    let ring = Some(Arc::new(Ring::new(partitioner, nodes)));
    let strategies = BTreeMap::from([(KEYSPACE.to_owned(), strategy)]);
    ClusterState {
        nodes: Arc::clone(&NODES),
        partitioner: Some(partitioner),
        replication: ReplicationMap::new(strategies, ring.as_ref(), &Default::default()).into(),
        ring,
        ..ClusterState::empty()
    }
}

/// A cluster with random nodes.
pub(super) struct RandomCluster {
    pub(super) state: ClusterState,
    /// The tokens of all nodes, in their order.
    pub(super) tokens: Vec<Token>,
}

/// A generator of pseudorandom choices (SplitMix64). Equal seeds yield equal choices on every machine.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Returns a number from 0 to `end - 1`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Returns one of the tokens after `start`, up to `end`.
    pub(super) fn token(&mut self, start: Token, end: Token) -> Token {
        let number = u128::from(self.next()) << 64 | u128::from(self.next());
        let width = end.value().abs_diff(start.value());
        Token::new(start.value().wrapping_add_unsigned(number % width + 1))
    }

    pub(super) fn partitioner(&mut self) -> Partitioner {
        self.pick(&[Partitioner::Murmur3, Partitioner::Random])
    }

    /// Returns a random cluster with 1 to 24 nodes, of 1 to 256 tokens each. Some nodes have no tokens. The
    /// tokens of some clusters are close to each other, shared, or at the ends of the ring.
    pub(super) fn cluster(&mut self, partitioner: Partitioner) -> RandomCluster {
        let tokens_per_node = 1 << self.below(9);
        // Large rings are rare, because the time of a test grows with its ring.
        let tokens = if self.below(128) == 0 { 6_144 } else { 512 };
        let max_nodes = (tokens / tokens_per_node).min(MAX_NODES);
        let nodes = 1 + self.below(max_nodes);
        let (min, max) = (partitioner.min_token(), partitioner.max_token());
        let end = match self.below(4) {
            0 => Token::new(min.value() + 1 + (nodes * tokens_per_node) as i128),
            _ => max,
        };
        let at_ends = self.below(2) == 0;
        let racks = 1 + self.below(RACKS.len());
        let token = |random: &mut Self| match random.below(16) {
            0 if at_ends => min,
            1 if at_ends => max,
            2 if at_ends => Token::new(min.value() + 1),
            3 if at_ends => Token::new(max.value() - 1),
            _ => random.token(min, end),
        };
        let node = |random: &mut Self| {
            let tokens = if random.below(16) == 0 { 0 } else { tokens_per_node };
            let tokens = (0..tokens).map(|_| token(random)).collect();
            (random.pick(&DATACENTERS), random.pick(&RACKS[..racks]), tokens)
        };
        let nodes: Vec<NodeSpec> = (0..nodes).map(|_| node(self)).collect();
        let mut tokens: Vec<_> = nodes.iter().flat_map(|(_, _, tokens)| tokens).copied().collect();
        tokens.sort_unstable();
        RandomCluster { state: cluster(partitioner, &nodes, self.strategy()), tokens }
    }

    fn strategy(&mut self) -> ReplicationStrategy {
        match self.below(16) {
            0 => ReplicationStrategy::Everywhere,
            1 => ReplicationStrategy::Local,
            2..8 => ReplicationStrategy::Simple { factor: self.below(6) },
            _ => {
                let factor = |name: &str| (name.to_owned(), self.below(5));
                ReplicationStrategy::NetworkTopology { factors: DATACENTERS.map(factor).into() }
            }
        }
    }
}
