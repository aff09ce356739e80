//! The ring, and the replicas of each of its ranges.

use std::collections::BTreeMap;
use std::mem::replace;
use std::sync::Arc;

use super::{Partitioner, ReplicationStrategy, Token};

/// A node, as the ring is made of.
#[derive(Debug, Clone, Copy)]
pub struct RingNode<'a> {
    /// What [`Replicas::of`] calls it.
    pub index: u32,
    /// Its datacenter; empty if that is not known.
    pub datacenter: &'a str,
    /// Its rack there; nodes whose racks are not known are in one.
    pub rack: &'a str,
    /// Where on the ring it is: the ends of the ranges that are its own.
    pub tokens: &'a [Token],
}

/// The ring of a cluster, which does not change: a cluster that changes has another.
#[derive(Debug)]
pub struct Ring {
    partitioner: Partitioner,
    tokens: Arc<[Token]>,
    /// For each token, whose it is: a place in `nodes`.
    owners: Box<[usize]>,
    nodes: Box<[Node]>,
}

#[derive(Debug)]
struct Node {
    index: u32,
    datacenter: Box<str>,
    /// Its rack's number among those of all datacenters.
    rack: usize,
}

impl Ring {
    /// The ring of `nodes`. A token that several have is of the first of them.
    pub fn new<'a>(
        partitioner: Partitioner,
        nodes: impl IntoIterator<Item = RingNode<'a>>,
    ) -> Self {
        let mut racks = BTreeMap::new();
        let mut owned: Vec<(Token, usize)> = Vec::new();
        let mut all = Vec::new();
        for RingNode { index, datacenter, rack, tokens } in nodes {
            owned.extend(tokens.iter().map(|token| (*token, all.len())));
            let unmet = racks.len();
            let rack = *racks.entry((datacenter, rack)).or_insert(unmet);
            all.push(Node { index, datacenter: datacenter.into(), rack });
        }
        owned.sort_unstable();
        owned.dedup_by_key(|(token, _)| *token);
        let (tokens, owners): (Vec<_>, Vec<_>) = owned.into_iter().unzip();
        Self { partitioner, tokens: tokens.into(), owners: owners.into(), nodes: all.into() }
    }

    /// What makes the tokens of keys.
    pub const fn partitioner(&self) -> Partitioner {
        self.partitioner
    }

    /// Who has what, in keyspaces of this strategy. That takes milliseconds in a large cluster: keep
    /// it, for all of these keyspaces.
    pub fn replicas(&self, strategy: &ReplicationStrategy) -> Replicas {
        match strategy {
            ReplicationStrategy::Simple { factor } => {
                // Racks play no part: each node is as one of its own.
                let steps = self.steps().map(|(_, step)| Step { rack: step.node, ..step });
                self.table(vec![Walk::new(steps, *factor)])
            }
            ReplicationStrategy::NetworkTopology { factors } => {
                let walk = |(datacenter, factor): (&String, &usize)| {
                    let here = self.steps().filter(|(node, _)| *node.datacenter == **datacenter);
                    Walk::new(here.map(|(_, step)| step), *factor)
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

    /// The whole ring, from the smallest token on.
    fn steps(&self) -> impl Iterator<Item = (&Node, Step)> {
        self.owners.iter().enumerate().filter_map(|(position, &place)| {
            let node = self.nodes.get(place)?;
            Some((node, Step { position, node: place, rack: node.rack, index: node.index }))
        })
    }

    /// What the walks meet, from each token on.
    fn table(&self, mut walks: Vec<Walk>) -> Replicas {
        let length = walks.iter().map(|walk| walk.wanted).sum();
        let mut nodes = Vec::with_capacity(self.tokens.len().saturating_mul(length));
        let mut seen = Seen::new(self.nodes.len());
        let mut met = Vec::with_capacity(length);
        for start in 0..self.tokens.len() {
            met.clear();
            for walk in &mut walks {
                walk.from(start, &mut seen, &mut met);
            }
            met.sort_unstable_by_key(|step| (step.position < start, step.position));
            nodes.extend(met.iter().map(|step| step.index));
        }
        Replicas { tokens: Arc::clone(&self.tokens), length, nodes: nodes.into() }
    }
}

/// The replicas of every range of a [`Ring`], for keyspaces of one strategy. A clone shares them.
///
/// Of each datacenter no more than 32 are listed: nobody asks more of them for one partition, and
/// with hundreds the table would be large.
#[derive(Debug, Clone, Default)]
pub struct Replicas {
    /// The ends of the ranges; none if there is but one, the whole ring.
    tokens: Arc<[Token]>,
    /// How many replicas each range has.
    length: usize,
    /// The replicas of the first range, then those of the second, and so on.
    nodes: Arc<[u32]>,
}

/// How many replicas of a datacenter are listed.
const LISTED: usize = 32;

impl Replicas {
    /// The indexes of the nodes that have the partitions of this token: the primary replica first,
    /// the others as they follow on the ring, whichever datacenter they are in.
    ///
    /// None if nothing is known of the ring, of its strategy, or of the strategy's datacenters, and
    /// where each node has data of its own.
    #[inline]
    pub fn of(&self, token: Token) -> &[u32] {
        let range = self.tokens.partition_point(|end| *end < token);
        let range = if range == self.tokens.len() { 0 } else { range };
        let first = range.saturating_mul(self.length);
        self.nodes.get(first..first.saturating_add(self.length)).unwrap_or_default()
    }
}

/// The walk along a part of the ring (a datacenter, or all of it) that meets one factor.
///
/// As Cassandra walks: a node is taken if its rack is new. Where there are fewer racks
/// than replicas, as many nodes as that leaves are taken from racks that are not new, the first ones
/// that come.
#[derive(Debug)]
struct Walk {
    steps: Vec<Step>,
    /// The first step that is not before the walk's start.
    first: usize,
    /// How many nodes are taken: there are that many.
    wanted: usize,
    /// How many of them may be of racks that others are of.
    repeats: usize,
}

/// A token of the ring.
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
        let wanted = factor.min(nodes).min(LISTED);
        Self { steps, first: 0, wanted, repeats: factor.saturating_sub(racks) }
    }

    /// Takes the nodes from the position `start` on, which is one not walked from before, and behind
    /// those that were.
    fn from(&mut self, start: usize, seen: &mut Seen, met: &mut Vec<Step>) {
        while self.steps.get(self.first).is_some_and(|step| step.position < start) {
            self.first += 1;
        }
        let (before, after) = self.steps.split_at_checked(self.first).unwrap_or_default();
        let (mut wanted, mut repeats) = (self.wanted, self.repeats);
        for step in after.iter().chain(before) {
            if wanted == 0 {
                break;
            }
            let is_new_rack = is_new(&mut seen.racks, step.rack, start);
            let is_new_node = is_new(&mut seen.nodes, step.node, start);
            if is_new_rack || (is_new_node && repeats > 0) {
                met.push(*step);
                wanted -= 1;
                repeats -= usize::from(!is_new_rack);
            }
        }
    }
}

fn distinct(of: impl Iterator<Item = usize>) -> usize {
    let mut all: Vec<_> = of.collect();
    all.sort_unstable();
    all.dedup();
    all.len()
}

/// From where each node and each rack was met last.
#[derive(Debug)]
struct Seen {
    nodes: Vec<usize>,
    racks: Vec<usize>,
}

impl Seen {
    /// There are no more racks than nodes.
    fn new(nodes: usize) -> Self {
        Self { nodes: vec![usize::MAX; nodes], racks: vec![usize::MAX; nodes] }
    }
}

/// Whether this is met for the first time on the way from `start`.
fn is_new(seen: &mut [usize], this: usize, start: usize) -> bool {
    seen.get_mut(this).is_some_and(|last| replace(last, start) != start)
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

    /// A datacenter, a rack and tokens.
    type Place<'a> = (&'a str, &'a str, Vec<i64>);

    /// Nodes are called by their place in the list.
    fn ring(places: &[Place<'_>]) -> Ring {
        let tokens = |place: &Place<'_>| place.2.iter().copied().map(token).collect();
        let tokens: Vec<Vec<Token>> = places.iter().map(tokens).collect();
        let mut nodes = Vec::new();
        for ((index, (datacenter, rack, _)), tokens) in (0..).zip(places).zip(&tokens) {
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

    /// One node a token, 0, 10, 20 and so on, in these datacenters and racks.
    fn one_token_each(places: &[(&'static str, &'static str)]) -> Ring {
        let place = |((datacenter, rack), at): (&(&'static str, &'static str), i64)| {
            (*datacenter, *rack, vec![at * 10])
        };
        ring(&places.iter().zip(0..).map(place).collect::<Vec<_>>())
    }

    #[test]
    fn a_range_ends_with_its_token_and_the_last_goes_on_at_the_first() {
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
            assert_eq!(replicas.of(token(at)), expected, "{at}");
        }
    }

    #[test]
    fn simple_strategy_takes_the_next_nodes_wherever_they_are() {
        let ring = ring(&[
            ("a", "r", vec![0, 10, 40]),
            ("b", "r", vec![20, 50]),
            ("a", "s", vec![30, 60]),
        ]);
        let of = |factor, at| ring.replicas(&simple(factor)).of(token(at)).to_vec();
        assert_eq!(of(2, 0), [0, 1]);
        assert_eq!(of(3, 25), [2, 0, 1]);
        assert_eq!(of(3, 70), [0, 1, 2]);
        assert_eq!(of(9, 20), [1, 2, 0]);
        assert_eq!(of(0, 20), [0; 0]);
    }

    #[test]
    fn topology_strategy_prefers_racks_that_have_none_yet() {
        let racks = ["r", "r", "r", "s", "s", "t"].map(|rack| ("a", rack));
        let ring = one_token_each(&racks);
        let of = |factor| ring.replicas(&topology(&[("a", factor)])).of(token(0)).to_vec();
        assert_eq!(of(1), [0]);
        assert_eq!(of(2), [0, 3]);
        assert_eq!(of(3), [0, 3, 5]);
        // Where racks are too few, the first that come again, in the order of the ring.
        assert_eq!(of(4), [0, 1, 3, 5]);
        assert_eq!(of(5), [0, 1, 2, 3, 5]);
        assert_eq!(of(6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(of(7), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn topology_strategy_fills_every_datacenter_in_the_order_of_the_ring() {
        // Racks of one name in two datacenters are two racks.
        let ring = one_token_each(&[("a", "r"), ("a", "s"), ("b", "r"), ("b", "r"), ("a", "r")]);
        let of = |factors: &[_], at| ring.replicas(&topology(factors)).of(token(at)).to_vec();
        assert_eq!(of(&[("a", 2), ("b", 1)], 0), [0, 1, 2]);
        assert_eq!(of(&[("a", 2), ("b", 1)], 15), [2, 4, 1]);
        assert_eq!(of(&[("a", 2), ("b", 2)], 25), [3, 4, 1, 2]);
        assert_eq!(of(&[("b", 1)], 35), [2]);
        assert_eq!(of(&[("a", 0), ("b", 1)], 0), [2]);
        assert_eq!(of(&[("a", 1), ("nowhere", 3)], 0), [0]);
        assert_eq!(of(&[("nowhere", 3)], 0), [0; 0]);
        assert_eq!(of(&[], 0), [0; 0]);
    }

    #[test]
    fn the_other_strategies_have_all_nodes_or_none() {
        let ring = ring(&[("a", "r", vec![0]), ("b", "r", vec![]), ("a", "r", vec![5])]);
        let other = ReplicationStrategy::Other("MyStrategy".to_owned());
        for at in [-1, 3, 9] {
            let of = |strategy| ring.replicas(strategy).of(token(at)).to_vec();
            assert_eq!(of(&ReplicationStrategy::Everywhere), [0, 1, 2]);
            assert_eq!(of(&ReplicationStrategy::Local), [0; 0]);
            assert_eq!(of(&other), [0; 0]);
        }
    }

    #[test]
    fn rings_may_be_empty_and_tokens_be_of_several_nodes() {
        for places in [&[][..], &[("a", "r", vec![])]] {
            for strategy in [simple(3), topology(&[("a", 3)])] {
                assert_eq!(ring(places).replicas(&strategy).of(token(0)), [0; 0]);
            }
        }
        // The first has it; the second is nowhere, and its rack is waited for by nobody.
        let ring = ring(&[("a", "r", vec![0, 0]), ("a", "s", vec![0]), ("a", "r", vec![10])]);
        assert_eq!(ring.replicas(&simple(3)).of(token(0)), [0, 2]);
        assert_eq!(ring.replicas(&topology(&[("a", 2)])).of(token(0)), [0, 2]);
    }

    #[test]
    fn of_hundreds_of_replicas_the_first_are_listed() {
        let ring = one_token_each(&[("a", "r"); 300]);
        for strategy in [simple(usize::MAX), topology(&[("a", usize::MAX)])] {
            let replicas = ring.replicas(&strategy);
            assert_eq!(replicas.of(token(2_900)), (290..300).chain(0..22).collect::<Vec<_>>());
            assert_eq!(replicas.of(token(11)), (2..34).collect::<Vec<_>>());
        }
    }

    /// The nodes in the order in which one meets them from `at` on.
    fn met(places: &[Place<'_>], at: i64) -> Vec<u32> {
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

    /// What the strategy says, word by word: one of each rack, and then whoever comes.
    fn expected(places: &[Place<'_>], factors: &BTreeMap<&str, usize>, at: i64) -> Vec<u32> {
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
        fn replicas_are_those_of_the_slow_walk(
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
                prop_assert_eq!(by_topology.of(token(at)), expected(&places, &factors, at));
                let nearest: Vec<_> = met(&places, at).into_iter().take(factor).collect();
                prop_assert_eq!(by_ring.of(token(at)), nearest);
            }
        }
    }
}
