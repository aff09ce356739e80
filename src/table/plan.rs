//! Plans: the splits of a scan, and how far each of them has been read.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::source::Source;
use crate::cluster::{ClusterState, Node, Partitioner, RingRanges, TokenRange};

/// The splits of a [`Scan`](super::Scan), and how far each of them has been read.
///
/// A plan can be cut into [shards](Self::shard), one for each of several processes. With the feature `serde-1` it can
/// be stored, and sent to other machines: it implements `Serialize` and `Deserialize`.
/// [`Session::scan`](crate::session::Session::scan) reads what is left of it, and
/// [`ScanRows::checkpoint`](super::ScanRows::checkpoint) returns it with the progress that the scan has made.
///
/// ```no_run
/// # async fn example(session: cqlwire::Session) -> Result<(), cqlwire::Error> {
/// let plan = session.scan("k8s_test.users").plan().await?;
/// let mine = plan.shard(3, 8).unwrap(); // the fourth of eight processes
/// let mut pages = session.scan(mine).rows::<(String, Option<String>)>();
/// while let Some(page) = pages.next_page().await? {
///     println!("{} users", page.row_count());
///     let _resumable = pages.checkpoint();
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Changes of the ring
///
/// The splits are ranges of tokens, so that a plan stays complete while nodes join or leave. When a scan starts, it
/// cuts the splits that have not been started at the boundaries of the current ring, and sends their requests to
/// the current replicas.
///
/// # JSON
///
/// Tokens are texts, because they exceed the integers that JavaScript represents. Spark, Ray or other schedulers can
/// run `statement` for the `start` and the `end` of each split, on one of its `replicas`.
///
/// ```json
/// {
///   "version": 1,
///   "keyspace": "k8s_test",
///   "table": "users",
///   "partition_key": ["username"],
///   "selection": ["\"username\"", "\"password\""],
///   "filter": null,
///   "statement": "SELECT \"username\", \"password\" FROM \"k8s_test\".\"users\" WHERE token(\"username\") > ? AND token(\"username\") <= ?",
///   "partitioner": "Murmur3Partitioner",
///   "splits": [
///     {
///       "start": "-9223372036854775808",
///       "end": "-4611686018427387905",
///       "replicas": ["127.0.0.1:9042"],
///       "estimated_bytes": 12000,
///       "estimated_partitions": 250,
///       "state": "reading",
///       "paging_state": "0004616461f07fffffff",
///       "rows": 100
///     }
///   ]
/// }
/// ```
///
/// The `state` is `waiting`, `reading` or `complete`. `start` and `end` are `null` in a plan whose only split is a
/// whole table that is read without tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct ScanPlan {
    pub(super) source: Source,
    /// `None` if the table is read without tokens.
    pub(super) partitioner: Option<Partitioner>,
    pub(super) splits: Vec<PlannedSplit>,
}

/// A part of the token ring that a [`ScanPlan`] reads, and how far it has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSplit {
    pub(super) range: Option<TokenRange>,
    pub(super) replicas: Arc<[SocketAddr]>,
    pub(super) estimate: Option<SizeEstimate>,
    pub(super) position: Position,
    pub(super) rows: u64,
}

/// The estimated size of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SizeEstimate {
    pub(super) bytes: u64,
    pub(super) partitions: u64,
}

/// The part of a split that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// Nothing.
    Start,
    /// The pages before the one with this paging state.
    Page(Bytes),
    /// Everything.
    End,
}

impl ScanPlan {
    /// Returns the keyspace of the table.
    pub fn keyspace(&self) -> &str {
        &self.source.name.keyspace
    }

    /// Returns the name of the table.
    pub fn table(&self) -> &str {
        &self.source.name.table
    }

    /// Returns the splits. [`shard`](Self::shard) and a scan may cut them into smaller ones.
    pub fn splits(&self) -> &[PlannedSplit] {
        &self.splits
    }

    /// Returns the statement that reads a split. Its bind variables are the start and the end of the split. It has no
    /// bind variables if the table is virtual or each node has its own rows.
    pub fn statement(&self) -> String {
        self.source.select(self.partitioner.is_some())
    }

    /// Returns true if nothing is left to read.
    pub fn is_complete(&self) -> bool {
        self.splits.iter().all(PlannedSplit::is_complete)
    }

    /// Returns the plan of one of `shards` processes, or `None` if `index` is not less than `shards`.
    ///
    /// The shards are equal parts of the token ring, which depend on the partitioner and on `shards` only. Processes
    /// that each take one shard therefore read every row exactly once, even if each of them makes its own plan
    /// while nodes join or leave. A split that has been read in part is not cut: it belongs to the shard that contains
    /// its end.
    pub fn shard(&self, index: usize, shards: usize) -> Option<Self> {
        if index >= shards {
            return None;
        }
        let part = self.partitioner.map(TokenRange::ring);
        let part = part.and_then(|ring| ring.part(index, shards));
        let cut = |split: &PlannedSplit| match (split.range, part) {
            (Some(range), Some(part)) if split.position == Position::Start => {
                Some(split.with_range(range.intersection(part)?))
            }
            (Some(range), Some(part)) => part.contains(range.end()).then(|| split.clone()),
            // The whole table is one split.
            _ => (index == 0).then(|| split.clone()),
        };
        let splits = self.splits.iter().filter_map(cut).collect();
        Some(Self { source: self.source.clone(), partitioner: self.partitioner, splits })
    }

    /// Returns true if the replicas of a split that is not complete are not those of the ring as it is now. The scan
    /// of such a plan is complete nevertheless: see [Changes of the ring](Self#changes-of-the-ring).
    pub fn is_ring_changed(&self, state: &ClusterState) -> bool {
        let Some(ranges) = state.token_ranges(&self.source.name.keyspace) else { return false };
        let has_other_replicas = |split: &PlannedSplit, range| {
            let current = ranges.within(range);
            let mut replicas = current.ranges().iter().map(|range| addresses(range.replicas()));
            !split.replicas.is_empty()
                && replicas.any(|replicas| !is_same_set(&replicas, &split.replicas))
        };
        let open = self.splits.iter().filter(|split| !split.is_complete());
        open.filter_map(|split| Some((split, split.range?)))
            .any(|(split, range)| has_other_replicas(split, range))
    }

    /// Cuts the splits that have not been started at the boundaries of the current ring.
    pub(super) fn fit_to(&mut self, ranges: &RingRanges) {
        let cut = |split: PlannedSplit| match split.range {
            Some(range) if split.position == Position::Start => {
                let parts = ranges.within(range);
                let parts = parts.splits(1).map(|part| PlannedSplit {
                    replicas: addresses(part.replicas()),
                    ..split.with_range(part.range())
                });
                parts.collect()
            }
            _ => vec![split],
        };
        self.splits = std::mem::take(&mut self.splits).into_iter().flat_map(cut).collect();
    }
}

impl PlannedSplit {
    /// Creates a split that has not been started.
    pub(super) fn new(range: Option<TokenRange>, replicas: &[Arc<Node>]) -> Self {
        let replicas = addresses(replicas);
        Self { range, replicas, estimate: None, position: Position::Start, rows: 0 }
    }

    /// Returns the tokens of the split, or `None` if it is a whole table that is read without tokens.
    pub const fn range(&self) -> Option<TokenRange> {
        self.range
    }

    /// Returns the addresses of the replicas when the plan was made, the primary replica first. Empty if they are
    /// unknown.
    pub fn replicas(&self) -> &[SocketAddr] {
        &self.replicas
    }

    /// Returns the size of the split's data on disk on one replica in bytes, as the nodes estimate it, or `None` if
    /// the plan has no estimates.
    pub fn estimated_bytes(&self) -> Option<u64> {
        self.estimate.map(|estimate| estimate.bytes)
    }

    /// Returns the number of the split's partitions, as the nodes estimate it, or `None` if the plan has no
    /// estimates.
    pub fn estimated_partitions(&self) -> Option<u64> {
        self.estimate.map(|estimate| estimate.partitions)
    }

    /// Returns the number of rows that have been read.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns true if all rows have been read.
    pub fn is_complete(&self) -> bool {
        self.position == Position::End
    }

    /// Returns the paging state of the next page. `None` if the split has not been started or is complete.
    pub const fn paging_state(&self) -> Option<&Bytes> {
        match &self.position {
            Position::Page(state) => Some(state),
            Position::Start | Position::End => None,
        }
    }

    /// Returns a part of the split, with its part of the estimates.
    pub(super) fn with_range(&self, range: TokenRange) -> Self {
        let part = |of: u64| match self.range {
            Some(whole) => of_fraction(of, range.width(), whole.width()),
            None => of,
        };
        let estimate = self.estimate.map(|SizeEstimate { bytes, partitions }| SizeEstimate {
            bytes: part(bytes),
            partitions: part(partitions),
        });
        Self { range: Some(range), estimate, ..self.clone() }
    }
}

/// Returns `number * part / whole`, rounded.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, of a number that is not negative"
)]
pub(super) fn of_fraction(number: u64, part: u128, whole: u128) -> u64 {
    (number as f64 * (part as f64 / whole as f64)).round() as u64
}

/// Returns the addresses of nodes.
pub(super) fn addresses(nodes: &[Arc<Node>]) -> Arc<[SocketAddr]> {
    nodes.iter().map(|node| node.address()).collect()
}

fn is_same_set(one: &[SocketAddr], other: &[SocketAddr]) -> bool {
    one.len() == other.len() && one.iter().all(|address| other.contains(address))
}

/// Shows the statement and the number of splits.
impl fmt::Debug for ScanPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let complete = self.splits.iter().filter(|split| split.is_complete()).count();
        f.debug_struct("ScanPlan")
            .field("statement", &self.statement())
            .field("splits", &self.splits.len())
            .field("complete", &complete)
            .finish()
    }
}
