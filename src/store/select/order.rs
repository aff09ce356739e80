//! ORDER BY.

use super::restriction::Restriction;
use crate::cql::{Direction, Ordering};
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::schema::{ColumnKind, TableSchema};

/// Returns true if ORDER BY reverses the clustering order of the table.
///
/// # Errors
/// Returns an INVALID error if Cassandra refuses the order, or if the statement reads several
/// partitions, whose rows this server does not sort.
pub(super) fn is_reversed(
    order_by: &[Ordering],
    restrictions: &[Restriction],
    table: &TableSchema,
) -> Result<bool, ServerError> {
    if order_by.is_empty() {
        return Ok(false);
    }
    let mut key = table.indexes(ColumnKind::PartitionKey);
    if !key.all(|index| restrictions.iter().any(|of| of.column == index && of.is_exact())) {
        let message =
            "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.";
        return Err(invalid(message));
    }
    let mut clustering = table.indexes(ColumnKind::Clustering);
    let mut is_reversed = None;
    for Ordering { column, direction } in order_by {
        let is_descending = match direction {
            Direction::Ascending => false,
            Direction::Descending => true,
            Direction::NearestTo(_) => return Err(unsupported("ANN OF")),
        };
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
    }
    let reads_one_partition = restrictions.iter().all(|of| {
        table.column(of.column).is_none_or(|column| column.kind != ColumnKind::PartitionKey)
            || of.is_equal()
    });
    match reads_one_partition {
        true => Ok(is_reversed.unwrap_or_default()),
        false => Err(unsupported("ORDER BY with IN on the partition key")),
    }
}
