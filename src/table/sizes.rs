//! The sizes of a table's parts, as the nodes estimate them.

use std::sync::Arc;

use futures_util::future::join_all;

use super::one_node::OneNode;
use super::plan::{PlannedSplit, SizeEstimate, of_fraction};
use super::table_name::TableName;
use crate::cluster::{ClusterState, Node, Partitioner, TokenRange};
use crate::session::{Error, Session, Statement};
use crate::wire::Consistency;

/// The estimated sizes of a table in ranges of tokens. Each node knows those of its primary ranges, and updates them
/// every five minutes from what it has written to disk.
#[derive(Debug, Clone, Default)]
pub(super) struct TableSizes {
    /// Sorted by the start of the range.
    ranges: Vec<(TokenRange, SizeEstimate)>,
}

impl TableSizes {
    /// Reads the estimates of all nodes to which the session is connected. Those of other nodes are missing, and so
    /// are those of a node whose request fails.
    pub(super) async fn read(
        name: &TableName,
        partitioner: Partitioner,
        session: &Session,
        state: &ClusterState,
    ) -> Self {
        let nodes = state.connected_nodes();
        let reads = nodes.iter().map(|node| read_from(node, name, partitioner, session));
        let mut ranges = Vec::new();
        for estimates in join_all(reads).await {
            match estimates {
                Ok(estimates) => ranges.extend(estimates),
                Err(error) => tracing::debug!(%error, "a node did not return its size estimates"),
            }
        }
        ranges.sort_unstable_by_key(|(range, _)| *range);
        Self { ranges }
    }

    /// Returns the sizes of the whole table.
    pub(super) fn total(&self) -> SizeEstimate {
        sum(self.ranges.iter().map(|(_, estimate)| *estimate))
    }

    /// Returns the size of a split in proportion to its tokens, or `None` if there are no estimates.
    pub(super) fn of(&self, split: &PlannedSplit) -> Option<SizeEstimate> {
        let range = split.range().filter(|_| !self.ranges.is_empty())?;
        let first = self.ranges.partition_point(|(known, _)| known.end() <= range.start());
        let overlapping = self.ranges.iter().skip(first);
        let overlapping = overlapping.take_while(|(known, _)| known.start() < range.end());
        Some(sum(overlapping.filter_map(|(known, estimate)| {
            let part =
                |of| Some(of_fraction(of, known.intersection(range)?.width(), known.width()));
            Some(SizeEstimate {
                bytes: part(estimate.bytes)?,
                partitions: part(estimate.partitions)?,
            })
        })))
    }
}

fn sum(estimates: impl Iterator<Item = SizeEstimate>) -> SizeEstimate {
    estimates.fold(SizeEstimate::default(), |sum, estimate| SizeEstimate {
        bytes: sum.bytes.saturating_add(estimate.bytes),
        partitions: sum.partitions.saturating_add(estimate.partitions),
    })
}

async fn read_from(
    node: &Arc<Node>,
    name: &TableName,
    partitioner: Partitioner,
    session: &Session,
) -> Result<Vec<(TokenRange, SizeEstimate)>, Error> {
    let select = "SELECT range_start, range_end, mean_partition_size, partitions_count \
                  FROM system.size_estimates WHERE keyspace_name = ? AND table_name = ?";
    let select = Statement::new(select).consistency(Consistency::LocalOne);
    let select = select.load_balancing(OneNode::new(Arc::clone(node)));
    let names = (name.keyspace.as_str(), name.table.as_str());
    let mut rows = session.stream::<(String, String, i64, i64)>(select, names);
    let mut estimates = Vec::new();
    while let Some((start, end, partition_size, partitions)) = rows.try_next().await? {
        let partitions = u64::try_from(partitions).unwrap_or_default();
        let partition_size = u64::try_from(partition_size).unwrap_or_default();
        let bytes = partitions.saturating_mul(partition_size);
        if let Some(range) = parse_range(partitioner, &start, &end) {
            estimates.push((range, SizeEstimate { bytes, partitions }));
        }
    }
    Ok(estimates)
}

/// Returns the range between two tokens, without the part that wraps around the ring. There is only one such range in
/// a cluster, and Cassandra writes it in two parts, the second of which begins with the minimum token.
fn parse_range(partitioner: Partitioner, start: &str, end: &str) -> Option<TokenRange> {
    let (start, end) = (partitioner.parse(start)?, partitioner.parse(end)?);
    // The minimum token as an end is the end of the ring.
    let end = if end == partitioner.min_token() { partitioner.max_token() } else { end };
    TokenRange::new(start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: i64, end: i64) -> TokenRange {
        TokenRange::new(start.into(), end.into()).unwrap()
    }

    fn estimate(bytes: u64, partitions: u64) -> SizeEstimate {
        SizeEstimate { bytes, partitions }
    }

    #[test]
    fn a_split_has_its_part_of_the_estimates() {
        let ranges = vec![
            (range(-100, 0), estimate(1_000, 10)),
            (range(0, 100), estimate(4_000, 2)),
            (range(200, 300), estimate(1, 1)),
        ];
        let sizes = TableSizes { ranges };
        assert_eq!(sizes.total(), estimate(5_001, 13));
        let of = |start, end| sizes.of(&PlannedSplit::new(Some(range(start, end)), &[])).unwrap();
        assert_eq!(of(-100, 0), estimate(1_000, 10));
        assert_eq!(of(-50, 50), estimate(2_500, 6));
        assert_eq!(of(-1_000, 1_000), estimate(5_001, 13));
        assert_eq!(of(100, 200), estimate(0, 0));
        assert_eq!(sizes.of(&PlannedSplit::new(None, &[])), None);
        let unknown = TableSizes::default();
        assert_eq!(unknown.of(&PlannedSplit::new(Some(range(0, 1)), &[])), None);
    }

    #[test]
    fn the_minimum_token_ends_the_ring() {
        let min = i64::MIN.to_string();
        let parse = |start: &str, end: &str| parse_range(Partitioner::Murmur3, start, end);
        assert_eq!(parse("5", &min), Some(range(5, i64::MAX)));
        assert_eq!(parse(&min, "5"), Some(range(i64::MIN, 5)));
        assert_eq!(parse(&min, &min), Some(range(i64::MIN, i64::MAX)));
        assert_eq!(parse("7", "5"), None);
        assert_eq!(parse("x", "5"), None);
    }
}
