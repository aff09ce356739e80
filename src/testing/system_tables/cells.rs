//! Rows that are built from the names of their columns.

use crate::store::{Row, TableSchema};
use crate::types::Value;

/// The cells of a row that are not null, each with the name of its column.
pub(super) type Cells = Vec<(&'static str, Value)>;

/// The time at which all cells were written, in microseconds since 1970. It is constant, so that the
/// rows of two runs are equal.
const WRITE_TIME: i64 = 1_577_836_800_000_000;

/// Returns a row with the given cells and nulls.
pub(super) fn row(table: &TableSchema, mut cells: Cells) -> Row {
    let mut value = |name: &str| {
        let index = cells.iter().position(|(column, _)| *column == name);
        index.map_or(Value::Null, |index| cells.swap_remove(index).1)
    };
    let values = table.columns.iter().map(|column| value(&column.name)).collect();
    debug_assert!(cells.is_empty(), "{} has no such columns: {cells:?}", table.name);
    Row::written_at(WRITE_TIME, table, values)
}

/// Returns a cell of text.
pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
