//! A page of rows, formatted.

use bytes::Bytes;

use crate::session::{Error, QueryResult};
use crate::shell::format::{Formatted, Style, ValueFormat};
use crate::types::{ColumnSpec, FromRow, Row, TypeError, Value, ValueError};

/// The names and the values of a page.
#[derive(Debug, Clone, Default)]
pub(in crate::shell) struct Page {
    /// The names of the columns.
    pub(in crate::shell) names: Vec<Formatted>,
    /// The values of each row.
    pub(in crate::shell) rows: Vec<Vec<Formatted>>,
    /// For each value that could not be decoded: what is wrong.
    pub(in crate::shell) faults: Vec<String>,
}

impl Page {
    /// Formats the rows of a result. `style_of` returns the colour of the name of a column.
    ///
    /// # Errors
    /// Returns an error if the page is shorter than its rows.
    pub(in crate::shell) fn new(
        result: &QueryResult,
        format: &ValueFormat,
        style_of: impl Fn(&ColumnSpec) -> Style,
    ) -> Result<Self, Error> {
        let columns = result.columns();
        let names = columns.iter().map(|column| format.name(style_of(column), &column.name));
        let mut page = Self { names: names.collect(), ..Self::default() };
        for row in result.rows::<ReadRow>()? {
            let mut cells = Vec::with_capacity(columns.len());
            for (cell, column) in row?.0.iter().zip(columns) {
                cells.push(match cell {
                    Ok(value) => format.cell(value),
                    Err((bytes, error)) => {
                        let bytes = Value::Blob(bytes.clone());
                        let name = &column.name;
                        let fault = format!(
                            "Failed to decode value {bytes} (for column '{name}') : {error}"
                        );
                        page.faults.push(fault);
                        format.cell(&bytes)
                    }
                });
            }
            page.rows.push(cells);
        }
        Ok(page)
    }
}

/// A row whose values are decoded one by one, so that a value that cannot be decoded does not hide
/// the others.
pub(super) struct ReadRow(Vec<Result<Value, (Bytes, ValueError)>>);

impl ReadRow {
    /// Returns the values. A value that cannot be decoded is a blob of its bytes.
    pub(super) fn into_values(self) -> Vec<Value> {
        let value =
            |read: Result<_, (Bytes, _)>| read.unwrap_or_else(|(bytes, _)| Value::Blob(bytes));
        self.0.into_iter().map(value).collect()
    }
}

impl<'r> FromRow<'r> for ReadRow {
    type Plan = ();

    fn plan(_columns: &[ColumnSpec]) -> Result<(), TypeError> {
        Ok(())
    }

    fn from_row(row: &mut Row<'r>, _plan: &()) -> Result<Self, ValueError> {
        let columns = row.columns();
        let read = |column: &ColumnSpec| {
            Ok(match row.cell()? {
                None => Ok(Value::Null),
                Some(cell) => Value::decode(&column.cql_type, cell.bytes())
                    .map_err(|error| (Bytes::copy_from_slice(cell.bytes()), error)),
            })
        };
        columns.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}
