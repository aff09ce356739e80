//! The token ranges of a ring, with the replicas of each.

use std::sync::Arc;

use super::{Node, Partitioner, TokenRange};

/// A token range and its replicas.
#[derive(Debug, Clone)]
pub struct ReplicatedRange {
    pub(super) range: TokenRange,
    pub(super) replicas: Arc<[Arc<Node>]>,
}

impl ReplicatedRange {
    /// Returns the tokens of the range.
    pub const fn range(&self) -> TokenRange {
        self.range
    }

    /// Returns the replicas in ring order, the primary replica first. The slice is empty if they are unknown:
    /// see [`ClusterState::token_ranges`](super::ClusterState::token_ranges).
    pub fn replicas(&self) -> &[Arc<Node>] {
        &self.replicas
    }

    /// Returns true if both ranges have the same replicas, in any order.
    pub(super) fn has_replicas_of(&self, other: &Self) -> bool {
        let contains = |node| other.replicas.iter().any(|other| Arc::ptr_eq(node, other));
        Arc::ptr_eq(&self.replicas, &other.replicas)
            || (self.replicas.len() == other.replicas.len() && self.replicas.iter().all(contains))
    }
}

/// The token ranges of a ring or of a part of it, in token order, with the replicas of each.
/// [`ClusterState::token_ranges`](super::ClusterState::token_ranges) returns those of a keyspace.
///
/// The ranges are adjacent. Each one has one list of replicas; neighbours may have the same list.
#[derive(Debug, Clone)]
pub struct RingRanges {
    pub(super) partitioner: Partitioner,
    pub(super) ranges: Vec<ReplicatedRange>,
}

impl RingRanges {
    /// Returns the partitioner of the ring.
    pub const fn partitioner(&self) -> Partitioner {
        self.partitioner
    }

    /// Returns the ranges, in token order.
    pub fn ranges(&self) -> &[ReplicatedRange] {
        &self.ranges
    }

    /// Returns the parts of these ranges that are in `range`. Returns no ranges if none overlap it.
    #[must_use]
    pub fn within(&self, range: TokenRange) -> Self {
        let cut = |whole: &ReplicatedRange| {
            let range = whole.range.intersection(range)?;
            Some(ReplicatedRange { range, replicas: Arc::clone(&whole.replicas) })
        };
        let first = self.ranges.partition_point(|whole| whole.range.end() <= range.start());
        let ranges = self.ranges.iter().skip(first).map_while(cut).collect();
        Self { partitioner: self.partitioner, ranges }
    }

    /// Returns the ranges of one of `shards` equal parts of the ring, or `None` if `index` is not less than
    /// `shards`. The parts are those of the whole ring, also if these ranges are a part of it: to cut a shard, use
    /// [`splits`](Self::splits).
    ///
    /// The part is [`TokenRange::part`] of the whole ring, which does not depend on the cluster's nodes.
    /// Processes that each take one shard of a table therefore read every row exactly once, even if they see
    /// different rings because nodes join or leave meanwhile.
    pub fn shard(&self, index: usize, shards: usize) -> Option<Self> {
        TokenRange::ring(self.partitioner).part(index, shards).map(|part| self.within(part))
    }
}
