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
pub(super) fn refused(
    table: &TableSchema,
    columns: Option<Vec<usize>>,
    partition: Option<&Partition>,
    rows: &[Option<ClusteringKey>],
    seconds: i64,
) -> Conditional {
    let mut specs = applied_columns(table);
    let checks_existence = columns.is_none();
    let columns = columns.unwrap_or_else(|| (0..table.columns.len()).collect());
    let mut found = Vec::new();
    if let Some(partition) = partition {
        for row in rows {
            let row = match row {
                Some(key) => partition.row(key).filter(|row| row.is_live(seconds)).map(Some),
                None => partition.static_row.is_live(seconds).then_some(None),
            };
            // A condition on a static column returns its value even if the row does not exist. The
            // partition must have a row or a static value.
            let has_static = || {
                let is_static = |index: &usize| {
                    table.column(*index).is_some_and(|of| of.kind == ColumnKind::Static)
                };
                !checks_existence
                    && columns.iter().any(is_static)
                    && (partition.static_row.is_live(seconds)
                        || partition.rows(&ALL_ROWS).any(|(_, row)| row.is_live(seconds)))
            };
            let row = row.or_else(|| has_static().then_some(None));
            found.extend(row.map(|row| values(table, &columns, partition, row, seconds)));
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
