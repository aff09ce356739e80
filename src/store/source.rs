//! The source of the rows that a SELECT reads.

use std::ops::Bound;
use std::sync::Arc;

use super::key::{ClusteringKey, PartitionKey};
use super::schema::{ColumnKind, TableSchema};
use crate::types::Value;

/// A source of schemas and rows.
pub(crate) trait Database {
    /// Returns true if there is a keyspace of this name.
    fn has_keyspace(&self, keyspace: &str) -> bool;

    /// Returns the schema of a table, or `None` if there is no such table.
    fn table(&self, keyspace: &str, table: &str) -> Option<Arc<TableSchema>>;

    /// Returns the rows that `scan` selects, in its order. The cost is that of the rows that the
    /// caller takes, and the logarithm of the size of the table.
    fn scan<'d>(
        &'d self,
        table: &'d TableSchema,
        scan: &'d Scan,
    ) -> Box<dyn Iterator<Item = Row> + 'd>;
}

/// The rows that are read from a table.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    pub(crate) partitions: Partitions,
    /// The range of the rows of each partition. A partition without rows in a table with static
    /// columns has a row of its static values, which is left out if a bound is given.
    pub(crate) rows: (Bound<ClusteringKey>, Bound<ClusteringKey>),
    /// True to return the rows of each partition in reverse clustering order. The order of partitions
    /// is not affected.
    pub(crate) is_reversed: bool,
    /// The time of the read, in seconds since 1970. Expired cells are left out.
    pub(crate) seconds: i64,
}

/// The partitions that are read from a table.
#[derive(Debug, Clone)]
pub(crate) enum Partitions {
    /// These partitions, in this order.
    Keys(Vec<PartitionKey>),
    /// The partitions between two positions on the ring, in token order.
    Range(Bound<PartitionKey>, Bound<PartitionKey>),
}

impl Scan {
    /// Returns the scan of all rows of a table in token order.
    pub(crate) const fn all(seconds: i64) -> Self {
        Self {
            partitions: Partitions::Range(Bound::Unbounded, Bound::Unbounded),
            rows: (Bound::Unbounded, Bound::Unbounded),
            is_reversed: false,
            seconds,
        }
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) partition: PartitionKey,
    /// The key of the row, or `None` if the row has only the partition key and static values. In a
    /// table without clustering columns, the key is empty.
    pub(crate) clustering: Option<ClusteringKey>,
    /// The values, in the order of [`TableSchema::columns`].
    pub(crate) values: Vec<Value>,
    /// The times of the values, in the order of [`TableSchema::columns`]. Key columns have no times.
    pub(crate) times: Vec<CellTimes>,
}

/// The times of the value in a column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum CellTimes {
    /// The column is null, or belongs to the primary key.
    #[default]
    Absent,
    /// The value is one cell.
    Cell(CellTime),
    /// Each element of the collection, or each field of the user-defined type, is a cell. The times
    /// are in the order of the elements. Fields that are null have `None`.
    Elements(Vec<Option<CellTime>>),
}

/// The time at which a cell was written, and the time after which it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellTime {
    /// The time of the write, in microseconds since 1970.
    pub(crate) written: i64,
    /// The remaining time to live, in seconds. `None` if the cell does not expire.
    pub(crate) ttl: Option<i32>,
}

impl Row {
    /// Returns a row of these values, all written at the same time. The values are in the order of
    /// [`TableSchema::columns`].
    pub(crate) fn written_at(written: i64, table: &TableSchema, values: Vec<Value>) -> Self {
        let of_kind = |kind| {
            let columns = table.columns.iter().zip(&values);
            columns.filter(move |(column, _)| column.kind == kind)
        };
        let partition: Vec<_> = of_kind(ColumnKind::PartitionKey)
            .map(|(column, value)| (value, &column.cql_type))
            .collect();
        let partition =
            PartitionKey::new(&partition).unwrap_or_else(|_| PartitionKey::from_bytes([]));
        let clustering = ClusteringKey::new(
            of_kind(ColumnKind::Clustering).map(|(column, value)| (value, column.is_descending)),
        );
        let times = table.columns.iter().zip(&values).map(|(column, value)| match value {
            _ if column.kind.is_key() => CellTimes::Absent,
            Value::Null => CellTimes::Absent,
            _ => CellTimes::Cell(CellTime { written, ttl: None }),
        });
        let times = times.collect();
        Self { partition, clustering: Some(clustering), values, times }
    }
}

/// Returns those of all rows of a table that a scan selects, in its order.
pub(crate) fn select_rows(mut rows: Vec<Row>, scan: &Scan) -> Vec<Row> {
    let is_within = |row: &Row| match &row.clustering {
        Some(key) => std::ops::RangeBounds::contains(&scan.rows, key),
        None => matches!(scan.rows, (Bound::Unbounded, Bound::Unbounded)),
    };
    rows.retain(is_within);
    rows.sort_by(|a, b| {
        let by_row = a.clustering.cmp(&b.clustering);
        let by_row = if scan.is_reversed { by_row.reverse() } else { by_row };
        a.partition.cmp(&b.partition).then(by_row)
    });
    match &scan.partitions {
        Partitions::Keys(keys) => keys
            .iter()
            .flat_map(|key| rows.iter().filter(move |row| row.partition == *key).cloned())
            .collect(),
        Partitions::Range(from, to) => {
            let range = (from.as_ref(), to.as_ref());
            rows.retain(|row| std::ops::RangeBounds::contains(&range, &row.partition));
            rows
        }
    }
}
