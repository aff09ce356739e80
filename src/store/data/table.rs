//! The partitions of a table.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::partition::{Partition, is_range};
use super::row::StoredRow;
use crate::store::key::{ClusteringKey, PartitionKey};
use crate::store::schema::{ColumnKind, TableSchema};
use crate::store::source::{CellTimes, Partitions, Row, Scan};
use crate::types::Value;

/// The least number of writes between two searches for what need not be kept.
const WRITES_BEFORE_PURGE: usize = 10_000;

/// The partitions of a table.
#[derive(Debug, Default)]
pub(in crate::store) struct TableData {
    partitions: BTreeMap<PartitionKey, Partition>,
    /// The number of writes since the last purge.
    writes: usize,
    /// The number of rows that the last purge left.
    kept: usize,
}

impl TableData {
    /// Returns a partition, or `None` if nothing is stored for its key.
    pub(in crate::store) fn partition(&self, key: &PartitionKey) -> Option<&Partition> {
        self.partitions.get(key)
    }

    /// Returns a partition, which is created if nothing is stored for its key.
    pub(in crate::store) fn partition_mut(
        &mut self,
        key: &PartitionKey,
        values: &[Value],
    ) -> &mut Partition {
        self.writes = self.writes.saturating_add(1);
        self.partitions.entry(key.clone()).or_insert_with(|| Partition::new(values.into()))
    }

    /// Returns the number of partitions and rows, with those that only hide older writes.
    #[cfg(test)]
    pub(in crate::store) fn size(&self) -> usize {
        self.partitions.values().map(|partition| partition.len().saturating_add(1)).sum()
    }

    /// Removes all rows.
    pub(in crate::store) fn truncate(&mut self) {
        self.partitions.clear();
        self.writes = 0;
        self.kept = 0;
    }

    /// Removes what need not be kept, if there have been half as many writes as the last purge left
    /// rows. The cost of a write is therefore constant on average.
    pub(in crate::store) fn purge(&mut self, seconds: i64, gc_grace: i64) {
        if self.writes < WRITES_BEFORE_PURGE.max(self.kept.div_euclid(2)) {
            return;
        }
        self.writes = 0;
        self.partitions.retain(|_, partition| partition.purge(seconds, gc_grace));
        let rows = self.partitions.values().map(|partition| partition.len().saturating_add(1));
        self.kept = rows.sum();
    }

    /// Gives the cells of all rows new column indexes. Cells for which `index` returns `None` are
    /// removed.
    pub(in crate::store) fn reindex(&mut self, index: impl Fn(usize) -> Option<usize>) {
        for partition in self.partitions.values_mut() {
            partition.for_each_row(|row| row.reindex(&index));
        }
    }

    /// Returns the rows that a scan selects, in its order.
    pub(in crate::store) fn scan<'d>(
        &'d self,
        table: &'d TableSchema,
        scan: &'d Scan,
    ) -> Box<dyn Iterator<Item = Row> + 'd> {
        let rows = |(key, partition)| rows_of(table, key, partition, scan);
        match &scan.partitions {
            Partitions::Keys(keys) => {
                let partitions = keys.iter().filter_map(|key| self.partitions.get_key_value(key));
                Box::new(partitions.flat_map(rows))
            }
            Partitions::Range(from, to) => {
                let range = (from.clone(), to.clone());
                let partitions = is_range(&range).then(|| self.partitions.range(range));
                Box::new(partitions.into_iter().flatten().flat_map(rows))
            }
        }
    }
}

/// Returns the rows of a partition that a scan selects. A partition that has only static values has
/// one row, unless the scan selects some of the rows.
fn rows_of<'d>(
    table: &'d TableSchema,
    key: &'d PartitionKey,
    partition: &'d Partition,
    scan: &'d Scan,
) -> impl Iterator<Item = Row> + 'd {
    let seconds = scan.seconds;
    let live = partition.rows(&scan.rows).filter(move |(_, row)| row.is_live(seconds));
    let live: Box<dyn Iterator<Item = _>> =
        if scan.is_reversed { Box::new(live.rev()) } else { Box::new(live) };
    let mut live = live.peekable();
    let is_whole = matches!(scan.rows, (Bound::Unbounded, Bound::Unbounded));
    let only_static = is_whole && live.peek().is_none() && partition.static_row.is_live(seconds);
    let static_row = only_static.then_some(None);
    let rows = live.map(Some).chain(static_row);
    rows.map(move |row| build(table, key, partition, row, seconds))
}

/// Builds a row from the partition key, the static columns and the cells of the row.
fn build(
    table: &TableSchema,
    key: &PartitionKey,
    partition: &Partition,
    row: Option<(&ClusteringKey, &StoredRow)>,
    seconds: i64,
) -> Row {
    let mut partition_key = partition.key.iter();
    let mut clustering = row.map(|(_, row)| row.clustering.iter());
    let mut values = Vec::with_capacity(table.columns.len());
    let mut times = Vec::with_capacity(table.columns.len());
    for (index, column) in table.columns.iter().enumerate() {
        let cells = match column.kind {
            ColumnKind::PartitionKey => {
                values.push(partition_key.next().cloned().unwrap_or(Value::Null));
                times.push(CellTimes::Absent);
                continue;
            }
            ColumnKind::Clustering => {
                let value = clustering.as_mut().and_then(Iterator::next);
                values.push(value.cloned().unwrap_or(Value::Null));
                times.push(CellTimes::Absent);
                continue;
            }
            ColumnKind::Static => partition.static_row.column(index),
            ColumnKind::Regular => row.and_then(|(_, row)| row.column(index)),
        };
        values.push(cells.map_or(Value::Null, |of| of.value(&column.cql_type, seconds)));
        times.push(cells.map_or(CellTimes::Absent, |of| of.times(&column.cql_type, seconds)));
    }
    Row { partition: key.clone(), clustering: row.map(|(key, _)| key.clone()), values, times }
}
