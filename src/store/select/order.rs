//! ORDER BY.

use super::check::has_whole_key;
use super::restriction::Restriction;
use crate::cql::{Direction, Ordering};
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::key::ClusteringKey;
use crate::store::schema::{ColumnKind, TableSchema};
use crate::store::source::Row;
use crate::types::Value;

/// The order of the rows of a result.
#[derive(Debug, Default)]
pub(super) struct RowOrder {
    /// True if the rows of each partition are read in reverse clustering order.
    pub(super) is_reversed: bool,
    /// The columns by which the rows of several partitions are sorted, each with true if it is in
    /// descending order. Empty if the rows are returned as they are read.
    sorted_by: Vec<(usize, bool)>,
}

/// The position of a row among sorted rows: for each column, false if it is null, and its value. As in
/// Cassandra, nulls are first in both directions.
pub(super) type SortKey = Vec<(bool, ClusteringKey)>;

impl RowOrder {
    /// Returns true if the rows are sorted after all of them are read.
    pub(super) fn is_sorted(&self) -> bool {
        !self.sorted_by.is_empty()
    }

    /// Returns the position of a row among the sorted rows.
    pub(super) fn sort_key(&self, row: &Row) -> SortKey {
        let key = |(index, is_descending): &(usize, bool)| {
            let value = row.values.get(*index).unwrap_or(&Value::Null);
            (*value != Value::Null, ClusteringKey::new([(value, *is_descending)]))
        };
        self.sorted_by.iter().map(key).collect()
    }
}

/// Returns the order of the rows.
///
/// # Errors
/// Returns an INVALID error if Cassandra refuses the order.
pub(super) fn row_order(
    order_by: &[Ordering],
    restrictions: &[Restriction],
    table: &TableSchema,
) -> Result<RowOrder, ServerError> {
    if order_by.is_empty() {
        return Ok(RowOrder::default());
    }
    if order_by.iter().any(|ordering| matches!(ordering.direction, Direction::NearestTo(_))) {
        return Err(unsupported("ANN OF"));
    }
    if !has_whole_key(restrictions.iter(), table) {
        let message =
            "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.";
        return Err(invalid(message));
    }
    let mut clustering = table.indexes(ColumnKind::Clustering);
    let mut is_reversed = None;
    let mut sorted_by = Vec::new();
    for Ordering { column, direction } in order_by {
        let is_descending = matches!(direction, Direction::Descending);
        let index = table.index(column)?;
        let known = table.column(index).filter(|known| known.kind == ColumnKind::Clustering);
        let Some(known) = known else {
            return Err(invalid(format!(
                "Order by is currently only supported on the clustered columns of the PRIMARY KEY, \
                 got {column}"
            )));
        };
        if clustering.next() != Some(index) {
            let message = "Order by currently only supports the ordering of columns following their \
                           declared order in the PRIMARY KEY";
            return Err(invalid(message));
        }
        let reverses = is_descending != known.is_descending;
        if is_reversed.is_some_and(|is_reversed| is_reversed != reverses) {
            return Err(invalid("Unsupported order by relation"));
        }
        is_reversed = Some(reverses);
        sorted_by.push((index, is_descending));
    }
    let reads_one_partition = table
        .indexes(ColumnKind::PartitionKey)
        .all(|index| restrictions.iter().any(|of| of.columns().contains(&index) && of.is_equal()));
    if reads_one_partition {
        sorted_by.clear();
    }
    Ok(RowOrder { is_reversed: is_reversed.unwrap_or_default(), sorted_by })
}
