//! Splits: parts of the ring that are read one by one, and whose rows are on one set of replicas.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::{ReplicatedRange, RingRanges, TokenRange};

impl RingRanges {
    /// Cuts the ranges into splits, and returns them in token order. The splits contain the tokens of the
    /// ranges exactly once, and all keys of a split have the same replicas.
    ///
    /// Neighbours with the same set of replicas are cut as one range. If at least `count` ranges remain, each
    /// is one split. Otherwise there are `count` splits (fewer if the ranges do not have that many tokens), and
    /// the widest split is as narrow as possible.
    ///
    /// The replicas of a split are listed in the order of its last token. If ranges with different primary
    /// replicas are cut as one, the primary replicas of the splits differ, too.
    pub fn splits(&self, count: usize) -> Vec<ReplicatedRange> {
        let neighbours = |one: &_, next: &_| ReplicatedRange::has_replicas_of(one, next);
        let groups: Vec<_> = self.ranges.chunk_by(neighbours).collect();
        let parts = parts(groups.iter().copied().filter_map(whole), count);
        groups.into_iter().zip(parts).flat_map(|(group, parts)| split(group, parts)).collect()
    }
}

/// Returns the range of adjacent ranges, or `None` if there are none.
fn whole(group: &[ReplicatedRange]) -> Option<TokenRange> {
    TokenRange::new(group.first()?.range.start(), group.last()?.range.end())
}

/// Cuts adjacent ranges with the same set of replicas into `parts` splits.
fn split(group: &[ReplicatedRange], parts: usize) -> impl Iterator<Item = ReplicatedRange> {
    let splits = whole(group).into_iter().flat_map(move |range| range.split(parts));
    splits.filter_map(|range| {
        let last = group.partition_point(|of_ring| of_ring.range.end() < range.end());
        Some(ReplicatedRange { range, replicas: Arc::clone(&group.get(last)?.replicas) })
    })
}

/// A range that is cut. The order is by the width of the widest part.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    /// Width of the widest part.
    widest: u128,
    /// Position of the range. Of equally wide parts, those of the first range are cut first.
    index: Reverse<usize>,
    /// Width of the range.
    width: u128,
    parts: usize,
}

/// Returns the number of parts of each range, so that there are `count` parts and the widest part is as narrow
/// as possible. Each range has at least one part, and at most as many as it has tokens.
fn parts(ranges: impl Iterator<Item = TokenRange>, count: usize) -> Vec<usize> {
    let cut = |(index, range): (usize, TokenRange)| {
        let width = range.width();
        Cut { widest: width, index: Reverse(index), width, parts: 1 }
    };
    let mut cuts: BinaryHeap<_> = ranges.enumerate().map(cut).collect();
    for _ in cuts.len()..count {
        let Some(mut cut) = cuts.peek_mut().filter(|cut| cut.widest > 1) else { break };
        cut.parts += 1;
        cut.widest = cut.width.div_ceil(cut.parts as u128);
    }
    let mut cuts = cuts.into_vec();
    cuts.sort_unstable_by_key(|cut| Reverse(cut.index));
    cuts.into_iter().map(|cut| cut.parts).collect()
}

#[cfg(test)]
mod random_ring;
#[cfg(test)]
mod tests;
