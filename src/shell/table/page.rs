//! A page of rows, formatted.

use bytes::Bytes;

use super::faults::Faults;
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
    /// The values that could not be decoded.
    pub(in crate::shell) faults: Faults,
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
                        page.faults.add(bytes, &column.name, error);
                        format.cell(&Value::Blob(bytes.clone()))
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
    /// Returns the values of these columns. A value that cannot be decoded is a blob of its bytes, and is
    /// added to `faults`.
    pub(super) fn into_values(self, columns: &[ColumnSpec], faults: &mut Faults) -> Vec<Value> {
        let mut value = |(read, column): (Result<_, (Bytes, _)>, &ColumnSpec)| {
            read.unwrap_or_else(|(bytes, error)| {
                faults.add(&bytes, &column.name, &error);
                Value::Blob(bytes)
            })
        };
        self.0.into_iter().zip(columns).map(&mut value).collect()
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
