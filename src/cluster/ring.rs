//! The token ring, and the replicas of each token range.

use std::collections::BTreeMap;
use std::mem::replace;
use std::sync::Arc;

use super::walk::{Step, Walk};
use super::{Partitioner, ReplicationStrategy, Token, TokenRange};

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
    owners: Box<[u32]>,
    /// True if several nodes have the same token.
    has_shared_tokens: bool,
    nodes: Box<[Node]>,
    datacenters: Box<[Datacenter]>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    index: u32,
    /// The datacenter, as an index into the ring's datacenters.
    datacenter: u32,
    /// The number of the rack, which is unique across datacenters.
    rack: u32,
}

/// A datacenter of a ring.
#[derive(Debug)]
struct Datacenter {
    name: Box<str>,
    /// Number of nodes that own a token.
    nodes: usize,
    /// Number of racks in which a node owns a token.
    racks: usize,
}

impl Ring {
    /// Builds the ring of `nodes`. If several nodes have the same token, the first one owns it.
    pub fn new<'a>(
        partitioner: Partitioner,
        nodes: impl IntoIterator<Item = RingNode<'a>>,
    ) -> Self {
        Self::build(partitioner, nodes.into_iter().map(|node| (node, None)), None)
    }

    /// Builds the ring of `nodes`, as [`new`](Self::new) does. Each node comes with its index in the ring
    /// `previous` if it has the same tokens there, which are then not sorted again.
    pub(super) fn changed<'a>(
        previous: &Self,
        nodes: impl IntoIterator<Item = (RingNode<'a>, Option<u32>)>,
    ) -> Self {
        // A ring keeps one owner per token, so it cannot restore the other owners of a shared token.
        let usable = Some(previous).filter(|previous| !previous.has_shared_tokens);
        Self::build(previous.partitioner, nodes, usable)
    }

    fn build<'a>(
        partitioner: Partitioner,
        all: impl IntoIterator<Item = (RingNode<'a>, Option<u32>)>,
        previous: Option<&Self>,
    ) -> Self {
        let (mut datacenters, mut racks) = (BTreeMap::new(), BTreeMap::new());
        let (mut owned, mut nodes) = (Vec::new(), Vec::new());
        // The owners of the tokens that are sorted already, by their numbers in the previous ring.
        let mut kept = vec![None; previous.map_or(0, |previous| previous.nodes.len())];
        for (owner, (node, index_before)) in (0_u32..).zip(all) {
            let RingNode { index, datacenter, rack, tokens } = node;
            let before = index_before.and_then(|index| kept.get_mut(index as usize));
            match before {
                Some(before) => *before = Some(owner),
                None => owned.extend(tokens.iter().map(|token| (*token, owner))),
            }
            let rack = number(&mut racks, (datacenter, rack));
            nodes.push(Node { index, datacenter: number(&mut datacenters, datacenter), rack });
        }
        owned.sort_unstable();
        let mut sorted = SortedTokens::with_capacity(
            owned.len().saturating_add(previous.map_or(0, |previous| previous.tokens.len())),
        );
        let mut owned = owned.into_iter().peekable();
        if let Some(previous) = previous {
            for (token, owner) in previous.tokens.iter().zip(&previous.owners) {
                let Some(Some(owner)) = kept.get(*owner as usize) else { continue };
                while let Some(smaller) = owned.next_if(|next| *next < (*token, *owner)) {
                    sorted.push(smaller);
                }
                sorted.push((*token, *owner));
            }
        }
        owned.for_each(|next| sorted.push(next));
        let SortedTokens { tokens, owners, has_shared } = sorted;
        let mut by_number: Vec<_> = datacenters.into_iter().collect();
        by_number.sort_unstable_by_key(|(_, number)| *number);
        let unused = |(name, _): (&str, _)| Datacenter { name: name.into(), nodes: 0, racks: 0 };
        let mut ring = Self {
            partitioner,
            tokens: tokens.into(),
            owners: owners.into(),
            has_shared_tokens: has_shared,
            nodes: nodes.into(),
            datacenters: by_number.into_iter().map(unused).collect(),
        };
        ring.count_owners(racks.len());
        ring
    }

    /// Counts the nodes and racks of each datacenter that own a token.
    fn count_owners(&mut self, racks: usize) {
        let (mut nodes, mut racks) = (vec![false; self.nodes.len()], vec![false; racks]);
        for owner in &self.owners {
            let owner = *owner as usize;
            let is_new = |seen: &mut [bool], number: usize| {
                seen.get_mut(number).is_some_and(|seen| !replace(seen, true))
            };
            if is_new(&mut nodes, owner)
                && let Some(node) = self.nodes.get(owner)
                && let Some(datacenter) = self.datacenters.get_mut(node.datacenter as usize)
            {
                datacenter.nodes += 1;
                datacenter.racks += usize::from(is_new(&mut racks, node.rack as usize));
            }
        }
    }

    /// Returns the partitioner, which computes the tokens of partition keys.
    pub const fn partitioner(&self) -> Partitioner {
        self.partitioner
    }

    /// Returns the ranges between the tokens, in token order. They cover the whole ring, and do not wrap
    /// around: the range that ends with the first token is cut in two by the ends of the ring.
    pub(super) fn ranges(&self) -> impl Iterator<Item = TokenRange> {
        let ring = TokenRange::ring(self.partitioner);
        let tokens = self.tokens.iter().copied().filter(move |token| ring.contains(*token));
        let mut start = ring.start();
        let range = move |end| TokenRange::new(replace(&mut start, end), end);
        tokens.chain([ring.end()]).filter_map(range)
    }

    /// Computes the replicas of every token range for a replication strategy. This takes
    /// milliseconds in a large cluster, so keep the result and share it between keyspaces with
    /// equal strategies.
    pub fn replicas(&self, strategy: &ReplicationStrategy) -> Replicas {
        match strategy {
            ReplicationStrategy::Simple { factor } => {
                // Datacenters and racks are ignored: each node counts as a rack of its own.
                let nodes = self.datacenters.iter().map(|datacenter| datacenter.nodes).sum();
                let place = |number, _: &Node| (0, number);
                self.table(vec![Some(Walk::new(*factor, nodes, nodes))], place)
            }
            ReplicationStrategy::NetworkTopology { factors } => {
                let walk = |Datacenter { name, nodes, racks }: &Datacenter| {
                    factors.get(&**name).map(|factor| Walk::new(*factor, *nodes, *racks))
                };
                let place = |_, node: &Node| (node.datacenter as usize, node.rack);
                self.table(self.datacenters.iter().map(walk).collect(), place)
            }
            ReplicationStrategy::Everywhere => {
                let nodes: Arc<[u32]> = self.nodes.iter().map(|node| node.index).collect();
                Replicas { tokens: Arc::default(), length: nodes.len(), nodes }
            }
            ReplicationStrategy::Local | ReplicationStrategy::Other(_) => Replicas::default(),
        }
    }

    /// Computes the replicas of every range. `place` returns the walk and the rack of a node.
    ///
    /// The walks pass the ring backwards. Each walk first passes the ring's first tokens, because the ranges at the
    /// end wrap around to them. The time is therefore in proportion to the tokens, however rare a rack is.
    fn table(
        &self,
        mut walks: Vec<Option<Walk>>,
        place: impl Fn(u32, &Node) -> (usize, u32),
    ) -> Replicas {
        let length = walks.iter().flatten().map(|walk| walk.replicas).sum();
        let count = self.tokens.len();
        let mut nodes = vec![0; count.saturating_mul(length)];
        let mut found = Vec::with_capacity(length);
        if length == 0 {
            return Replicas { tokens: Arc::clone(&self.tokens), length, nodes: nodes.into() };
        }
        let meet = |walks: &mut [Option<Walk>], position, owner: u32| {
            let Some(node) = self.nodes.get(owner as usize) else { return };
            let (walk, rack) = place(owner, node);
            if let Some(Some(walk)) = walks.get_mut(walk) {
                walk.meet(owner, rack, Step { position, index: node.index });
            }
        };
        let mut ahead = walks.clone();
        let needed = self.owners.iter().position(|owner| {
            meet(&mut ahead, 0, *owner);
            ahead.iter().flatten().all(Walk::is_full)
        });
        let needed = needed.map_or(count, |last| last.saturating_add(1));
        for (position, owner) in self.owners.iter().enumerate().take(needed).rev() {
            meet(&mut walks, count.saturating_add(position), *owner);
        }
        let ranges = nodes.chunks_exact_mut(length).rev();
        for ((position, owner), replicas) in self.owners.iter().enumerate().rev().zip(ranges) {
            meet(&mut walks, position, *owner);
            found.clear();
            walks.iter().flatten().for_each(|walk| walk.collect_into(&mut found));
            if walks.len() > 1 {
                found.sort_unstable_by_key(|step| step.position);
            }
            for (replica, step) in replicas.iter_mut().zip(&found) {
                *replica = step.index;
            }
        }
        Replicas { tokens: Arc::clone(&self.tokens), length, nodes: nodes.into() }
    }
}

/// The tokens of a ring and their owners, in the order of the tokens.
struct SortedTokens {
    tokens: Vec<Token>,
    owners: Vec<u32>,
    /// True if several nodes have the same token.
    has_shared: bool,
}

impl SortedTokens {
    fn with_capacity(tokens: usize) -> Self {
        let (tokens, owners) = (Vec::with_capacity(tokens), Vec::with_capacity(tokens));
        Self { tokens, owners, has_shared: false }
    }

    /// Appends a token, which belongs to the first of its owners.
    fn push(&mut self, (token, owner): (Token, u32)) {
        if self.tokens.last() == Some(&token) {
            self.has_shared = true;
            return;
        }
        self.tokens.push(token);
        self.owners.push(owner);
    }
}

/// Returns the number of `key`, and numbers it if it is new.
fn number<K: Ord>(numbers: &mut BTreeMap<K, u32>, key: K) -> u32 {
    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    *numbers.entry(key).or_insert(next)
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
        fn a_changed_ring_equals_one_that_is_built_anew(
            before in vec((prop::sample::select(vec!["a", "b"]), vec(-50_i64..50, 0..6)), 0..10),
            // For each node of the changed ring: the node before, if it keeps its tokens.
            after in vec((any::<prop::sample::Index>(), any::<bool>(), vec(-50_i64..50, 0..6)), 0..10),
        ) {
            let before: Vec<NodeSpec<'_>> =
                before.into_iter().map(|(datacenter, tokens)| (datacenter, "r", tokens)).collect();
            let mut kept = Vec::new();
            let after: Vec<(NodeSpec<'_>, Option<u32>)> = after.into_iter().map(|(index, keeps, tokens)| {
                let index = if before.is_empty() { 0 } else { index.index(before.len()) };
                let old = before.get(index).filter(|_| keeps && !kept.contains(&index));
                kept.push(index);
                match old {
                    Some((_, _, tokens)) => (("a", "s", tokens.clone()), Some(index as u32)),
                    None => (("b", "r", tokens), None),
                }
            }).collect();
            let specs: Vec<_> = after.iter().map(|(spec, _)| spec.clone()).collect();
            let tokens: Vec<Vec<Token>> =
                specs.iter().map(|spec| spec.2.iter().copied().map(token).collect()).collect();
            let nodes = (0..).zip(&specs).zip(&tokens).map(|((index, (datacenter, rack, _)), tokens)| {
                RingNode { index, datacenter, rack, tokens }
            });
            let indexes = after.iter().map(|(_, index_before)| *index_before);
            let changed = Ring::changed(&ring(&before), nodes.zip(indexes));
            prop_assert_eq!(format!("{:?}", changed), format!("{:?}", ring(&specs)));
        }

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
