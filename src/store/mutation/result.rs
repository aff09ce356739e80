//! The result of a conditional statement.

use std::ops::Bound;

use crate::store::data::{Partition, RowRange, StoredRow};
use crate::store::key::ClusteringKey;
use crate::store::schema::{ColumnKind, TableSchema};
use crate::types::{ColumnSpec, NativeType, Value};

/// The columns and the rows of a conditional statement.
pub(in crate::store) type Conditional = (Vec<ColumnSpec>, Vec<Vec<Value>>);

/// Returns the column that says whether a conditional statement was applied.
pub(in crate::store) fn applied_columns(table: &TableSchema) -> Vec<ColumnSpec> {
    vec![table.spec("[applied]", NativeType::Boolean)]
}

/// Returns the result of a statement that was applied.
pub(super) fn applied(table: &TableSchema) -> Conditional {
    (applied_columns(table), vec![vec![Value::Boolean(true)]])
}

const ALL_ROWS: RowRange = (Bound::Unbounded, Bound::Unbounded);

/// Returns the result of a statement that was not applied: the current values of `columns` in the rows
/// that exist. `None` stands for all columns.
///
/// If none of the rows exists, but a static column has a value and `reads_static` is true, the result
/// has one row of the static values. If all conditions are on static columns, the partition needs any
/// live row.
pub(super) fn refused(
    table: &TableSchema,
    columns: Option<Vec<usize>>,
    partition: Option<&Partition>,
    rows: &[Option<ClusteringKey>],
    reads_static: bool,
    seconds: i64,
) -> Conditional {
    let mut specs = applied_columns(table);
    let is_regular = |index: &usize| {
        table.column(*index).is_some_and(|column| column.kind == ColumnKind::Regular)
    };
    let has_regular = columns.as_ref().is_none_or(|columns| columns.iter().any(is_regular));
    let columns = columns.unwrap_or_else(|| (0..table.columns.len()).collect());
    let mut found = Vec::new();
    if let Some(partition) = partition {
        let is_live = |row: &&StoredRow| row.is_live(seconds);
        let mut keys: Vec<_> = rows.iter().flatten().collect();
        keys.sort_unstable();
        let live: Vec<&StoredRow> = match has_regular {
            true => keys.iter().filter_map(|key| partition.row(key)).filter(is_live).collect(),
            false => {
                partition.rows(&ALL_ROWS).map(|(_, row)| row).find(is_live).into_iter().collect()
            }
        };
        let has_static = reads_static && is_live(&&partition.static_row);
        let of_row = |row| values(table, &columns, partition, row, seconds);
        found.extend(live.into_iter().map(Some).map(of_row));
        if found.is_empty() && has_static {
            found.push(of_row(None));
        }
    }
    if found.is_empty() {
        return (specs, vec![vec![Value::Boolean(false)]]);
    }
    let spec = |index: &usize| {
        table.column(*index).map(|column| table.spec(&column.name, column.cql_type.clone()))
    };
    specs.extend(columns.iter().filter_map(spec));
    let with_flag =
        |values: Vec<Value>| std::iter::once(Value::Boolean(false)).chain(values).collect();
    (specs, found.into_iter().map(with_flag).collect())
}

fn values(
    table: &TableSchema,
    columns: &[usize],
    partition: &Partition,
    row: Option<&StoredRow>,
    seconds: i64,
) -> Vec<Value> {
    let position = |index: usize, kind| table.indexes(kind).position(|known| known == index);
    let value = |index: &usize| {
        let Some(column) = table.column(*index) else { return Value::Null };
        let cells = |row: &StoredRow| row.value(*index, &column.cql_type, seconds);
        let value = match column.kind {
            ColumnKind::PartitionKey => {
                position(*index, column.kind).and_then(|at| partition.key(at).cloned())
            }
            ColumnKind::Clustering => {
                let at = position(*index, column.kind);
                at.and_then(|at| row?.clustering(at).cloned())
            }
            ColumnKind::Static => Some(cells(&partition.static_row)),
            ColumnKind::Regular => row.map(cells),
        };
        value.unwrap_or(Value::Null)
    };
    columns.iter().map(value).collect()
}
