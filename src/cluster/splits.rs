//! Splits: parts of the ring that are read one by one, and whose rows are on one set of replicas.

use std::sync::Arc;

use super::{ReplicatedRange, RingRanges, TokenRange};

impl RingRanges {
    /// Cuts the ranges into splits, in token order. They contain the tokens of the ranges exactly once, and all
    /// keys of a split have the same replicas.
    ///
    /// Neighbours with the same set of replicas are cut as one range. There are at most `count` splits, and the
    /// widest one is as narrow as this allows; but each range is at least one split. 1,000 nodes with 256 tokens
    /// each have about 256,000 ranges: to send fewer requests there, read
    /// [parts](TokenRange::part) of the ring, each of which has many sets of replicas.
    ///
    /// The replicas of a split are in ring order from its last token. If ranges with different primary
    /// replicas are cut as one, the primary replicas of the splits differ, too.
    pub fn splits(&self, count: usize) -> impl Iterator<Item = ReplicatedRange> {
        let neighbours = |one: &_, next: &_| ReplicatedRange::has_replicas_of(one, next);
        let groups = self.ranges.chunk_by(neighbours);
        let groups: Vec<_> = groups.filter_map(|group| Some((whole(group)?, group))).collect();
        let widths: Vec<_> = groups.iter().map(|(range, _)| range.width()).collect();
        let width = split_width(&widths, count);
        groups.into_iter().flat_map(move |(range, group)| {
            let parts = usize::try_from(range.width().div_ceil(width)).unwrap_or(usize::MAX);
            range.split(parts).filter_map(|part| with_replicas(part, group))
        })
    }
}

/// Returns the range of adjacent ranges, or `None` if there are none.
fn whole(group: &[ReplicatedRange]) -> Option<TokenRange> {
    TokenRange::new(group.first()?.range.start(), group.last()?.range.end())
}

/// Returns a part of adjacent ranges with the replicas of its last token, or `None` if it is not one.
fn with_replicas(part: TokenRange, group: &[ReplicatedRange]) -> Option<ReplicatedRange> {
    let last = group.partition_point(|range| range.range.end() < part.end());
    Some(ReplicatedRange { range: part, replicas: Arc::clone(&group.get(last)?.replicas) })
}

/// Returns the smallest width of splits with which ranges of these widths need at most `count` splits. If there are
/// at least `count` ranges, returns the width of the widest.
fn split_width(widths: &[u128], count: usize) -> u128 {
    let mut high = widths.iter().copied().max().unwrap_or(1);
    if widths.len() >= count {
        return high;
    }
    let splits = |width| {
        widths.iter().map(|of_range| of_range.div_ceil(width)).fold(0, u128::saturating_add)
    };
    let mut low = 1;
    while low < high {
        let middle = low + (high - low) / 2;
        match splits(middle) <= count as u128 {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    high
}

#[cfg(test)]
mod random_ring;
#[cfg(test)]
mod tests;
