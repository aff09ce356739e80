//! The ranges, splits and shards of a keyspace: each token is in exactly one, with its replicas.

use std::env;

use proptest::collection::vec;
use proptest::prelude::*;

use super::random_ring::{KEYSPACE, NodeSpec, Random, RandomCluster, cluster};
use super::*;
use crate::cluster::{ClusterState, Node, Partitioner, ReplicationStrategy, Token};

/// Number of random rings, if the environment variable [`RINGS`] is not set.
const DEFAULT_RINGS: u64 = 1_000;

/// The environment variable with the number of random rings.
const RINGS: &str = "CQLWIRE_RINGS";

/// Checks random rings. This command checks a million:
///
/// ```sh
/// CQLWIRE_RINGS=1000000 cargo test --release --lib every_token_is_in_one_range_split_and_shard
/// ```
#[test]
fn every_token_is_in_one_range_split_and_shard() {
    let rings = env::var(RINGS).map_or(DEFAULT_RINGS, |number| {
        number.parse().unwrap_or_else(|_| panic!("{RINGS} is not a number: {number}"))
    });
    (0..rings).for_each(check_ring);
}

/// Checks the ring of a seed, and the shards of processes of which some see another ring.
fn check_ring(seed: u64) {
    let mut random = Random::new(seed);
    let partitioner = random.partitioner();
    let [cluster, changed] = [(); 2].map(|()| random.cluster(partitioner));
    let whole = TokenRange::ring(partitioner);
    let ranges = cluster.state.token_ranges(KEYSPACE).unwrap();
    check_ranges(&mut random, ranges.ranges(), whole, &cluster, seed);

    let count = random.below(500);
    let splits: Vec<_> = ranges.splits(count).collect();
    check_ranges(&mut random, &splits, whole, &cluster, seed);
    let groups = ranges.ranges().chunk_by(ReplicatedRange::has_replicas_of).count();
    let most = count.max(groups);
    assert!((groups..=most).contains(&splits.len()), "seed {seed}: {} splits", splits.len());

    let shards = 1 + random.below(9);
    let mut all = Vec::new();
    for index in 0..shards {
        let cluster = if random.below(2) == 0 { &cluster } else { &changed };
        let shard = cluster.state.token_ranges(KEYSPACE).unwrap().shard(index, shards).unwrap();
        let splits: Vec<_> = shard.splits(random.below(100)).collect();
        let part = whole.part(index, shards).unwrap();
        check_ranges(&mut random, &splits, part, cluster, seed);
        all.extend(splits);
    }
    assert_covers(&all, whole, seed);
}

/// Asserts that the ranges cover `whole` exactly, and that each has the replicas of its tokens.
fn check_ranges(
    random: &mut Random,
    ranges: &[ReplicatedRange],
    whole: TokenRange,
    cluster: &RandomCluster,
    seed: u64,
) {
    assert_covers(ranges, whole, seed);
    let mut tokens = &cluster.tokens[..];
    for found in ranges {
        let range = found.range();
        let of_token = |token| cluster.state.replicas(KEYSPACE, token);
        assert!(have_same_order(of_token(range.end()), found), "seed {seed}: replicas of {range}");
        // The replicas of the ring change after each of its tokens.
        let before = tokens.iter().take_while(|token| **token <= range.start()).count();
        tokens = &tokens[before..];
        let inside = tokens.iter().take_while(|token| **token < range.end()).copied();
        let first = Token::new(range.start().value() + 1);
        let other = random.token(range.start(), range.end());
        for token in inside.chain([first, other]) {
            let nodes = of_token(token);
            let is_replica = |node| found.replicas().iter().any(|other| Arc::ptr_eq(node, other));
            let are_same = have_same_order(nodes.clone(), found)
                || (nodes.len() == found.replicas().len() && nodes.clone().all(is_replica));
            assert!(are_same, "seed {seed}: replicas of token {token} in {range}");
        }
    }
}

fn have_same_order<'n>(
    nodes: impl Iterator<Item = &'n Arc<Node>>,
    range: &ReplicatedRange,
) -> bool {
    nodes.map(Arc::as_ptr).eq(range.replicas().iter().map(Arc::as_ptr))
}

/// Asserts that the ranges are adjacent, from the start to the end of `whole`.
fn assert_covers(ranges: &[ReplicatedRange], whole: TokenRange, seed: u64) {
    let mut end = whole.start();
    for range in ranges.iter().map(ReplicatedRange::range) {
        assert_eq!(range.start(), end, "seed {seed}: start of {range}");
        end = range.end();
    }
    assert_eq!(end, whole.end(), "seed {seed}: last range");
}

fn simple(factor: usize) -> ReplicationStrategy {
    ReplicationStrategy::Simple { factor }
}

/// Returns the state of a cluster of nodes in one rack with these tokens.
fn murmur3(tokens: &[&[i64]], strategy: ReplicationStrategy) -> ClusterState {
    let node = |tokens: &&[i64]| ("dc1", "r1", tokens.iter().copied().map(Token::from).collect());
    let nodes: Vec<NodeSpec> = tokens.iter().map(node).collect();
    cluster(Partitioner::Murmur3, &nodes, strategy)
}

/// Formats ranges and the positions of their replicas. The ends of the ring are `min` and `max`.
fn text(state: &ClusterState, ranges: &[ReplicatedRange]) -> Vec<String> {
    let position =
        |node: &Arc<Node>| state.nodes().iter().position(|other| Arc::ptr_eq(node, other));
    let line = |range: &ReplicatedRange| {
        let text = range.range().to_string();
        let text = text.replace(&i64::MIN.to_string(), "min").replace(&i64::MAX.to_string(), "max");
        let replicas = range.replicas().iter().filter_map(position).map(|index| index.to_string());
        format!("{text} {}", replicas.collect::<String>())
    };
    ranges.iter().map(line).collect()
}

/// Returns splits as text.
fn splits(ranges: &RingRanges, state: &ClusterState, count: usize) -> Vec<String> {
    text(state, &ranges.splits(count).collect::<Vec<_>>())
}

/// Returns the ranges of [`KEYSPACE`] as text.
fn ranges(state: &ClusterState) -> Vec<String> {
    text(state, state.token_ranges(KEYSPACE).unwrap().ranges())
}

#[test]
fn the_range_that_wraps_around_is_two_ranges() {
    let state = murmur3(&[&[0], &[10], &[20]], simple(2));
    assert_eq!(ranges(&state), ["(min, 0] 01", "(0, 10] 12", "(10, 20] 20", "(20, max] 01"]);
    let state = murmur3(&[&[5]], simple(3));
    assert_eq!(ranges(&state), ["(min, 5] 0", "(5, max] 0"]);
}

#[test]
fn tokens_at_the_ends_of_the_ring_make_no_empty_range() {
    let state = murmur3(&[&[i64::MIN], &[0]], simple(1));
    assert_eq!(ranges(&state), ["(min, 0] 1", "(0, max] 0"]);
    let state = murmur3(&[&[i64::MAX], &[0]], simple(1));
    assert_eq!(ranges(&state), ["(min, 0] 1", "(0, max] 0"]);
    let state = murmur3(&[&[i64::MAX], &[i64::MIN]], simple(1));
    assert_eq!(ranges(&state), ["(min, max] 0"]);
}

#[test]
fn a_shared_token_belongs_to_the_first_of_its_nodes() {
    let state = murmur3(&[&[7], &[7], &[9]], simple(1));
    assert_eq!(ranges(&state), ["(min, 7] 0", "(7, 9] 2", "(9, max] 0"]);
}

#[test]
fn ranges_without_known_replicas_have_none() {
    let tokens: [&[i64]; 2] = [&[0], &[10]];
    let unknown = ["(min, 0] ", "(0, 10] ", "(10, max] "];
    for strategy in
        [ReplicationStrategy::Local, ReplicationStrategy::Other("Own".into()), simple(0)]
    {
        assert_eq!(ranges(&murmur3(&tokens, strategy)), unknown);
    }
    let state = murmur3(&tokens, simple(0));
    assert_eq!(splits(&state.token_ranges(KEYSPACE).unwrap(), &state, 1), ["(min, max] "]);
    assert_eq!(ranges(&murmur3(&[], simple(1))), ["(min, max] "]);
    assert!(state.token_ranges("missing").is_none());
    assert!(ClusterState::empty().token_ranges(KEYSPACE).is_none());
}

#[test]
fn neighbours_with_the_same_replicas_are_cut_as_one_range() {
    // Every node is a replica of every token.
    let state = murmur3(&[&[0, 20], &[10]], simple(2));
    let ranges = state.token_ranges(KEYSPACE).unwrap();
    assert_eq!(ranges.ranges().len(), 4);
    for count in [0, 1] {
        assert_eq!(splits(&ranges, &state, count), ["(min, max] 01"]);
    }
    assert_eq!(splits(&ranges, &state, 2), ["(min, -1] 01", "(-1, max] 01"]);
    let inner = ranges.within(TokenRange::new(Token::from(0), Token::from(20)).unwrap());
    let halves = splits(&inner, &state, 2);
    assert_eq!(halves, ["(0, 10] 10", "(10, 20] 01"], "in the order of the last token");
    let state = murmur3(&[&[0, 10], &[20]], simple(1));
    let splits = splits(&state.token_ranges(KEYSPACE).unwrap(), &state, 1);
    assert_eq!(splits, ["(min, 10] 0", "(10, 20] 1", "(20, max] 0"]);
}

#[test]
fn everywhere_every_node_is_a_replica() {
    let state = murmur3(&[&[0], &[10]], ReplicationStrategy::Everywhere);
    assert_eq!(ranges(&state), ["(min, 0] 01", "(0, 10] 01", "(10, max] 01"]);
    assert_eq!(state.token_ranges(KEYSPACE).unwrap().splits(5).count(), 5);
}

#[test]
fn only_shards_below_the_number_of_shards_exist() {
    let ranges = murmur3(&[&[0]], simple(1)).token_ranges(KEYSPACE).unwrap();
    for (index, shards) in [(0, 0), (1, 1), (8, 8), (usize::MAX, usize::MAX)] {
        assert!(ranges.shard(index, shards).is_none(), "{index} of {shards}");
    }
    let last = ranges.shard(usize::MAX - 1, usize::MAX).unwrap();
    assert_eq!(last.ranges()[0].range().width(), 1);
    assert_eq!(last.splits(9).count(), 1);
}

#[test]
fn splits_are_cut_when_they_are_needed() {
    let ranges = murmur3(&[&[0], &[10]], simple(1)).token_ranges(KEYSPACE).unwrap();
    let mut splits = ranges.splits(usize::MAX);
    assert_eq!(splits.next().unwrap().range().start(), Token::from(i64::MIN));
    assert!(splits.next().is_some_and(|split| split.range().width() <= 2));
}

#[test]
fn a_shard_is_a_part_of_the_ring_and_not_of_a_shard() {
    let ranges = murmur3(&[&[0]], simple(1)).token_ranges(KEYSPACE).unwrap();
    let first = ranges.shard(0, 4).unwrap();
    assert!(first.shard(1, 4).unwrap().ranges().is_empty());
    assert_eq!(first.shard(0, 4).unwrap().ranges().len(), first.ranges().len());
}

proptest! {
    #[test]
    fn the_widest_part_is_as_narrow_as_possible(widths in vec(1..40_i64, 1..8), count in 0..60_usize) {
        let mut end = 0;
        let ranges: Vec<_> = widths.iter().map(|width| {
            let start = end;
            end += width;
            TokenRange::new(start.into(), end.into()).unwrap()
        }).collect();
        let found: Vec<_> = ranges.iter().map(|range| range.width()).collect();
        let widest = split_width(&found, count) as i64;
        let ceil = |width: i64, parts: i64| (width + parts - 1) / parts;
        // With parts of at most `limit` tokens, this many are needed.
        let needed = |limit: i64| widths.iter().map(|width| ceil(*width, limit)).sum::<i64>() as usize;
        let narrowest = (1..=40).find(|limit| needed(*limit) <= count);
        prop_assert_eq!(widest, narrowest.unwrap_or(*widths.iter().max().unwrap()));
    }
}
