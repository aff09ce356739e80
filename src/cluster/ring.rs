//! The token ring, and the replicas of each token range.

use std::collections::BTreeMap;
use std::mem::replace;
use std::sync::Arc;

use super::{Partitioner, ReplicationStrategy, Token};

/// The description of a node for [`Ring::new`].
#[derive(Debug, Clone, Copy)]
pub struct RingNode<'a> {
    /// The index by which [`Replicas::for_token`] identifies the node.
    pub index: u32,
    /// The datacenter, or an empty string if it is unknown.
    pub datacenter: &'a str,
    /// The rack within the datacenter, or an empty string if it is unknown. Nodes of one datacenter
    /// are in the same rack if their texts are equal.
    pub rack: &'a str,
    /// The tokens that the node owns. Each token is the end of a range, and the node is the primary
    /// replica of that range.
    pub tokens: &'a [Token],
}

/// The token ring of a cluster. It is immutable; when the cluster changes, build another one.
#[derive(Debug)]
pub struct Ring {
    partitioner: Partitioner,
    tokens: Arc<[Token]>,
    /// The owner of each token, as an index into `nodes`.
    owners: Box<[usize]>,
    nodes: Box<[Node]>,
}

#[derive(Debug)]
struct Node {
    index: u32,
    datacenter: Box<str>,
    /// The number of the rack, which is unique across datacenters.
    rack: usize,
}

impl Ring {
    /// Builds the ring of `nodes`. If several nodes have the same token, the first one owns it.
    pub fn new<'a>(
        partitioner: Partitioner,
        nodes: impl IntoIterator<Item = RingNode<'a>>,
    ) -> Self {
        let mut racks = BTreeMap::new();
        let mut owned: Vec<(Token, usize)> = Vec::new();
        let mut all = Vec::new();
        for RingNode { index, datacenter, rack, tokens } in nodes {
            owned.extend(tokens.iter().map(|token| (*token, all.len())));
            let next_rack = racks.len();
            let rack = *racks.entry((datacenter, rack)).or_insert(next_rack);
            all.push(Node { index, datacenter: datacenter.into(), rack });
        }
        owned.sort_unstable();
        owned.dedup_by_key(|(token, _)| *token);
        let (tokens, owners): (Vec<_>, Vec<_>) = owned.into_iter().unzip();
        Self { partitioner, tokens: tokens.into(), owners: owners.into(), nodes: all.into() }
    }

    /// Returns the partitioner, which computes the tokens of partition keys.
    pub const fn partitioner(&self) -> Partitioner {
        self.partitioner
    }

    /// Computes the replicas of every token range for a replication strategy. This takes
    /// milliseconds in a large cluster, so keep the result and share it between keyspaces with
    /// equal strategies.
    pub fn replicas(&self, strategy: &ReplicationStrategy) -> Replicas {
        match strategy {
            ReplicationStrategy::Simple { factor } => {
                // Racks are ignored: each node counts as a rack of its own.
                let steps = self.steps().map(|(_, step)| Step { rack: step.node, ..step });
                self.table(vec![Walk::new(steps, *factor)])
            }
            ReplicationStrategy::NetworkTopology { factors } => {
                let walk = |(datacenter, factor): (&String, &usize)| {
                    let steps = self.steps().filter(|(node, _)| *node.datacenter == **datacenter);
                    Walk::new(steps.map(|(_, step)| step), *factor)
                };
                self.table(factors.iter().map(walk).collect())
            }
            ReplicationStrategy::Everywhere => {
                let nodes: Arc<[u32]> = self.nodes.iter().map(|node| node.index).collect();
                Replicas { tokens: Arc::default(), length: nodes.len(), nodes }
            }
            ReplicationStrategy::Local | ReplicationStrategy::Other(_) => Replicas::default(),
        }
    }

    /// Returns the tokens of the ring in ascending order, each with the node that owns it.
    fn steps(&self) -> impl Iterator<Item = (&Node, Step)> {
        self.owners.iter().enumerate().filter_map(|(position, &owner)| {
            let node = self.nodes.get(owner)?;
            Some((node, Step { position, node: owner, rack: node.rack, index: node.index }))
        })
    }

    /// Computes the replicas of every range. For each range, starts every walk at the end of the
    /// range and lists the replicas that the walks find, in ring order.
    fn table(&self, mut walks: Vec<Walk>) -> Replicas {
        let length = walks.iter().map(|walk| walk.replicas).sum();
        let mut nodes = Vec::with_capacity(self.tokens.len().saturating_mul(length));
        let mut seen = Seen::new(self.nodes.len());
        let mut found = Vec::with_capacity(length);
        for start in 0..self.tokens.len() {
            found.clear();
            for walk in &mut walks {
                walk.collect_from(start, &mut seen, &mut found);
            }
            found.sort_unstable_by_key(|step| (step.position < start, step.position));
            nodes.extend(found.iter().map(|step| step.index));
        }
        Replicas { tokens: Arc::clone(&self.tokens), length, nodes: nodes.into() }
    }
}

/// The replicas of every token range of a [`Ring`], for one replication strategy. Cloning is cheap.
///
/// To bound memory, `NetworkTopologyStrategy` lists at most 32 replicas per datacenter, and
/// `SimpleStrategy` at most 32 in total. `EverywhereStrategy` lists every node.
#[derive(Debug, Clone, Default)]
pub struct Replicas {
    /// The ends of the ranges. Empty if the whole ring is one range.
    tokens: Arc<[Token]>,
    /// Number of replicas of each range.
    length: usize,
    /// The indexes of the replicas: `length` for the first range, then `length` for the second, and
    /// so on.
    nodes: Arc<[u32]>,
}

/// Maximum number of replicas that are listed for one datacenter with `NetworkTopologyStrategy`, or
/// in total with `SimpleStrategy`.
const MAX_LISTED: usize = 32;

impl Replicas {
    /// Returns the indexes of the replicas of a token, in ring order across datacenters: the
    /// primary replica comes first. With `EverywhereStrategy`, returns all nodes in the order of
    /// [`Ring::new`].
    ///
    /// The slice is empty if the ring is empty, if the strategy is `LocalStrategy` or unknown, or
    /// if the replication factor is zero for every datacenter that has nodes.
    #[inline]
    pub fn for_token(&self, token: Token) -> &[u32] {
        let range = self.tokens.partition_point(|end| *end < token);
        let range = if range == self.tokens.len() { 0 } else { range };
        let first = range.saturating_mul(self.length);
        self.nodes.get(first..first.saturating_add(self.length)).unwrap_or_default()
    }
}

/// A walk along the tokens of one datacenter, or of the whole ring, that collects the replicas for
/// one replication factor.
///
/// The algorithm is Cassandra's: a node becomes a replica if its rack has no replica yet. If the
/// replication factor exceeds the number of racks, the first nodes met in racks that already have a
/// replica make up the difference.
#[derive(Debug)]
struct Walk {
    steps: Vec<Step>,
    /// Index of the first step at or after the start of the walk.
    first: usize,
    /// Number of replicas to collect, at most the number of nodes in `steps`.
    replicas: usize,
    /// Number of replicas that may be in a rack that already has a replica.
    repeats: usize,
}

/// A token of the ring, by its position, and the node that owns the token.
#[derive(Debug, Clone, Copy)]
struct Step {
    position: usize,
    node: usize,
    rack: usize,
    index: u32,
}

impl Walk {
    fn new(steps: impl Iterator<Item = Step>, factor: usize) -> Self {
        let steps: Vec<_> = steps.collect();
        let racks = distinct(steps.iter().map(|step| step.rack));
        let nodes = distinct(steps.iter().map(|step| step.node));
        let replicas = factor.min(nodes).min(MAX_LISTED);
        Self { steps, first: 0, replicas, repeats: factor.saturating_sub(racks) }
    }

    /// Appends the replicas that the walk finds from the position `start` to `found`. `start` must
    /// increase from call to call.
    fn collect_from(&mut self, start: usize, seen: &mut Seen, found: &mut Vec<Step>) {
        while self.steps.get(self.first).is_some_and(|step| step.position < start) {
            self.first += 1;
        }
        let (before, after) = self.steps.split_at_checked(self.first).unwrap_or_default();
        let (mut missing, mut repeats) = (self.replicas, self.repeats);
        for step in after.iter().chain(before) {
            if missing == 0 {
                break;
            }
            let is_new_rack = is_new(&mut seen.racks, step.rack, start);
            let is_new_node = is_new(&mut seen.nodes, step.node, start);
            if is_new_rack || (is_new_node && repeats > 0) {
                found.push(*step);
                missing -= 1;
                repeats -= usize::from(!is_new_rack);
            }
        }
    }
}

/// Returns the number of distinct items.
fn distinct(items: impl Iterator<Item = usize>) -> usize {
    let mut all: Vec<_> = items.collect();
    all.sort_unstable();
    all.dedup();
    all.len()
}

/// For each node and each rack, the start of the last walk that met it.
#[derive(Debug)]
struct Seen {
    nodes: Vec<usize>,
    racks: Vec<usize>,
}

impl Seen {
    /// Creates entries for `nodes` nodes and for as many racks, since there are never more racks
    /// than nodes.
    fn new(nodes: usize) -> Self {
        Self { nodes: vec![usize::MAX; nodes], racks: vec![usize::MAX; nodes] }
    }
}

/// Records that the walk from `start` met the node or rack `number`. Returns true if this walk met
/// it for the first time.
fn is_new(seen: &mut [usize], number: usize, start: usize) -> bool {
    seen.get_mut(number).is_some_and(|last| replace(last, start) != start)
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    const PARTITIONER: Partitioner = Partitioner::Murmur3;

    fn token(number: i64) -> Token {
        PARTITIONER.parse(&number.to_string()).unwrap()
    }

    /// The datacenter, rack and tokens of a node.
    type NodeSpec<'a> = (&'a str, &'a str, Vec<i64>);

    /// Builds a ring in which the index of each node is its position in `specs`.
    fn ring(specs: &[NodeSpec<'_>]) -> Ring {
        let tokens = |spec: &NodeSpec<'_>| spec.2.iter().copied().map(token).collect();
        let tokens: Vec<Vec<Token>> = specs.iter().map(tokens).collect();
        let mut nodes = Vec::new();
        for ((index, (datacenter, rack, _)), tokens) in (0..).zip(specs).zip(&tokens) {
            nodes.push(RingNode { index, datacenter, rack, tokens });
        }
        Ring::new(PARTITIONER, nodes)
    }

    fn simple(factor: usize) -> ReplicationStrategy {
        ReplicationStrategy::Simple { factor }
    }

    fn topology(factors: &[(&str, usize)]) -> ReplicationStrategy {
        let factors = factors.iter().map(|(name, factor)| ((*name).to_owned(), *factor)).collect();
        ReplicationStrategy::NetworkTopology { factors }
    }

    /// Builds a ring of nodes with one token each (0, 10, 20, ...) in these datacenters and racks.
    fn one_token_each(places: &[(&'static str, &'static str)]) -> Ring {
        let spec = |((datacenter, rack), at): (&(&'static str, &'static str), i64)| {
            (*datacenter, *rack, vec![at * 10])
        };
        ring(&places.iter().zip(0..).map(spec).collect::<Vec<_>>())
    }

    #[test]
    fn a_range_ends_with_its_token_and_the_ring_wraps_around() {
        let replicas = one_token_each(&[("a", "r"); 3]).replicas(&simple(2));
        for (at, expected) in [
            (i64::MIN, [0, 1]),
            (-1, [0, 1]),
            (0, [0, 1]),
            (1, [1, 2]),
            (10, [1, 2]),
            (11, [2, 0]),
            (20, [2, 0]),
            (21, [0, 1]),
            (i64::MAX, [0, 1]),
        ] {
            assert_eq!(replicas.for_token(token(at)), expected, "{at}");
        }
    }

    #[test]
    fn simple_strategy_takes_the_next_nodes_in_any_datacenter() {
        let ring = ring(&[
            ("a", "r", vec![0, 10, 40]),
            ("b", "r", vec![20, 50]),
            ("a", "s", vec![30, 60]),
        ]);
        let replicas_of = |factor, at| ring.replicas(&simple(factor)).for_token(token(at)).to_vec();
        assert_eq!(replicas_of(2, 0), [0, 1]);
        assert_eq!(replicas_of(3, 25), [2, 0, 1]);
        assert_eq!(replicas_of(3, 70), [0, 1, 2]);
        assert_eq!(replicas_of(9, 20), [1, 2, 0]);
        assert_eq!(replicas_of(0, 20), [0; 0]);
    }

    #[test]
    fn topology_strategy_prefers_racks_without_a_replica() {
        let racks = ["r", "r", "r", "s", "s", "t"].map(|rack| ("a", rack));
        let ring = one_token_each(&racks);
        let replicas_of =
            |factor| ring.replicas(&topology(&[("a", factor)])).for_token(token(0)).to_vec();
        assert_eq!(replicas_of(1), [0]);
        assert_eq!(replicas_of(2), [0, 3]);
        assert_eq!(replicas_of(3), [0, 3, 5]);
        // If there are more replicas than racks, the missing replicas are the first nodes in ring
        // order.
        assert_eq!(replicas_of(4), [0, 1, 3, 5]);
        assert_eq!(replicas_of(5), [0, 1, 2, 3, 5]);
        assert_eq!(replicas_of(6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(replicas_of(7), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn topology_strategy_fills_every_datacenter_in_ring_order() {
        // Racks with the same name in two datacenters are different racks.
        let ring = one_token_each(&[("a", "r"), ("a", "s"), ("b", "r"), ("b", "r"), ("a", "r")]);
        let replicas_of =
            |factors: &[_], at| ring.replicas(&topology(factors)).for_token(token(at)).to_vec();
        assert_eq!(replicas_of(&[("a", 2), ("b", 1)], 0), [0, 1, 2]);
        assert_eq!(replicas_of(&[("a", 2), ("b", 1)], 15), [2, 4, 1]);
        assert_eq!(replicas_of(&[("a", 2), ("b", 2)], 25), [3, 4, 1, 2]);
        assert_eq!(replicas_of(&[("b", 1)], 35), [2]);
        assert_eq!(replicas_of(&[("a", 0), ("b", 1)], 0), [2]);
        assert_eq!(replicas_of(&[("a", 1), ("nowhere", 3)], 0), [0]);
        assert_eq!(replicas_of(&[("nowhere", 3)], 0), [0; 0]);
        assert_eq!(replicas_of(&[], 0), [0; 0]);
    }

    #[test]
    fn other_strategies_return_all_nodes_or_none() {
        let ring = ring(&[("a", "r", vec![0]), ("b", "r", vec![]), ("a", "r", vec![5])]);
        let other = ReplicationStrategy::Other("MyStrategy".to_owned());
        for at in [-1, 3, 9] {
            let replicas_of = |strategy| ring.replicas(strategy).for_token(token(at)).to_vec();
            assert_eq!(replicas_of(&ReplicationStrategy::Everywhere), [0, 1, 2]);
            assert_eq!(replicas_of(&ReplicationStrategy::Local), [0; 0]);
            assert_eq!(replicas_of(&other), [0; 0]);
        }
    }

    #[test]
    fn rings_may_be_empty_and_nodes_may_share_tokens() {
        for places in [&[][..], &[("a", "r", vec![])]] {
            for strategy in [simple(3), topology(&[("a", 3)])] {
                assert_eq!(ring(places).replicas(&strategy).for_token(token(0)), [0; 0]);
            }
        }
        // The first node owns the token 0. The second node owns no token, so its rack is ignored.
        let ring = ring(&[("a", "r", vec![0, 0]), ("a", "s", vec![0]), ("a", "r", vec![10])]);
        assert_eq!(ring.replicas(&simple(3)).for_token(token(0)), [0, 2]);
        assert_eq!(ring.replicas(&topology(&[("a", 2)])).for_token(token(0)), [0, 2]);
    }

    #[test]
    fn at_most_32_replicas_are_listed() {
        let ring = one_token_each(&[("a", "r"); 300]);
        for strategy in [simple(usize::MAX), topology(&[("a", usize::MAX)])] {
            let replicas = ring.replicas(&strategy);
            assert_eq!(
                replicas.for_token(token(2_900)),
                (290..300).chain(0..22).collect::<Vec<_>>()
            );
            assert_eq!(replicas.for_token(token(11)), (2..34).collect::<Vec<_>>());
        }
    }

    /// Returns the nodes in ring order from the token `at`.
    fn met(places: &[NodeSpec<'_>], at: i64) -> Vec<u32> {
        let mut owners = BTreeMap::new();
        for (index, (_, _, tokens)) in (0..).zip(places) {
            for token in tokens {
                owners.entry(*token).or_insert(index);
            }
        }
        let mut order = Vec::new();
        for index in owners.range(at..).chain(owners.range(..at)).map(|(_, index)| *index) {
            if !order.contains(&index) {
                order.push(index);
            }
        }
        order
    }

    /// A slow reference implementation: the first node of each rack, then the other nodes.
    fn expected(places: &[NodeSpec<'_>], factors: &BTreeMap<&str, usize>, at: i64) -> Vec<u32> {
        let order = met(places, at);
        let mut replicas = Vec::new();
        for (datacenter, factor) in factors {
            let here = order.iter().filter(|i| places[**i as usize].0 == *datacenter);
            let (mut first_of_rack, mut others, mut racks) = (vec![], vec![], vec![]);
            for &index in here {
                let rack = places[index as usize].1;
                if racks.contains(&rack) {
                    others.push(index);
                } else {
                    racks.push(rack);
                    first_of_rack.push(index);
                }
            }
            replicas.extend(first_of_rack.iter().chain(&others).take(*factor));
        }
        order.into_iter().filter(|index| replicas.contains(index)).collect()
    }

    proptest! {
        #[test]
        fn replicas_equal_those_of_the_reference_implementation(
            places in vec(
                (
                    prop::sample::select(vec!["a", "b", "c"]),
                    prop::sample::select(vec!["r", "s", "t", "u"]),
                    vec(-20_i64..20, 0..5),
                ),
                0..16,
            ),
            factors in btree_map(prop::sample::select(vec!["a", "b", "c", "d"]), 0..8_usize, 0..4),
            factor in 0..20_usize,
        ) {
            let ring = ring(&places);
            let factors_of: Vec<_> = factors.iter().map(|(name, factor)| (*name, *factor)).collect();
            let by_topology = ring.replicas(&topology(&factors_of));
            let by_ring = ring.replicas(&simple(factor));
            for at in -21..=21 {
                prop_assert_eq!(by_topology.for_token(token(at)), expected(&places, &factors, at));
                let nearest: Vec<_> = met(&places, at).into_iter().take(factor).collect();
                prop_assert_eq!(by_ring.for_token(token(at)), nearest);
            }
        }
    }
}
