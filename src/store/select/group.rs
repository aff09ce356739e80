//! GROUP BY.

use super::restriction::Restriction;
use crate::message::ServerError;
use crate::store::error::invalid;
use crate::store::key::{ClusteringKey, PartitionKey};
use crate::store::schema::{ColumnKind, TableSchema};
use crate::store::source::Row;
use crate::types::Value;

/// The rows that form one row of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    /// Each row by itself.
    None,
    /// All rows.
    All,
    /// The adjacent rows that agree in the partition key and in this number of clustering columns.
    By(usize),
}

impl Grouping {
    /// Returns the group of a row.
    pub(super) fn of(self, row: &Row, table: &TableSchema) -> (PartitionKey, ClusteringKey) {
        let count = if let Self::By(count) = self { count } else { 0 };
        let columns = table.indexes(ColumnKind::Clustering).take(count);
        let values = columns.map(|index| (row.values.get(index).unwrap_or(&Value::Null), false));
        (row.partition.clone(), ClusteringKey::new(values))
    }
}

/// Returns the groups of GROUP BY.
///
/// # Errors
/// Returns the INVALID error of Cassandra if the columns are not the beginning of the primary key.
/// Columns with an `=` can be left out.
pub(super) fn grouping(
    group_by: &[String],
    has_aggregate: bool,
    restrictions: &[Restriction],
    table: &TableSchema,
) -> Result<Grouping, ServerError> {
    if group_by.is_empty() {
        return Ok(if has_aggregate { Grouping::All } else { Grouping::None });
    }
    let key: Vec<usize> = table
        .indexes(ColumnKind::PartitionKey)
        .chain(table.indexes(ColumnKind::Clustering))
        .collect();
    let partition_length = table.indexes(ColumnKind::PartitionKey).count();
    let is_equal =
        |index: usize| restrictions.iter().any(|of| of.is_equal() && of.columns().contains(&index));
    let mut position = 0_usize;
    for name in group_by {
        let index = table.index(name)?;
        if !key.contains(&index) {
            return Err(invalid(format!(
                "Group by is currently only supported on the columns of the PRIMARY KEY, got {name}"
            )));
        }
        loop {
            let next = key.get(position).copied();
            position = position.saturating_add(1);
            match next {
                Some(next) if next == index => break,
                Some(next) if is_equal(next) => {}
                _ => {
                    return Err(invalid(
                        "Group by currently only support groups of columns following their declared \
                         order in the PRIMARY KEY",
                    ));
                }
            }
        }
    }
    if position < partition_length {
        return Err(invalid("Group by is not supported on only a part of the partition key"));
    }
    Ok(Grouping::By(position.saturating_sub(partition_length)))
}
