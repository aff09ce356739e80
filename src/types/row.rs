//! Rows of a page, decoded lazily into Rust types.

use bytes::Bytes;

use super::error::ColumnMismatch;
use super::{Cell, ColumnSpec, FromCql, RowError, TypeError, Value, ValueError};
use crate::wire::Reader;

/// A Rust type that a row decodes to: a tuple, a single native value, a `Vec` of [`Value`]s, or a
/// struct that says how.
///
/// [`plan`](Self::plan) is asked once for a page; it checks every column and may note what the
/// rows then need, such as which field belongs to which column.
pub trait FromRow<'r>: Sized {
    /// What was found out about the columns.
    type Plan;

    /// Checks the columns of a page.
    ///
    /// # Errors
    /// The first column that does not fit, and what would.
    fn plan(columns: &[ColumnSpec]) -> Result<Self::Plan, TypeError>;

    /// Reads one row of a page whose columns have been checked.
    ///
    /// # Errors
    /// The first cell that cannot be read.
    fn from_row(row: &mut Row<'r>, plan: &Self::Plan) -> Result<Self, ValueError>;
}

/// The cells of one row, read from the first column to the last.
#[derive(Debug, Clone)]
pub struct Row<'r> {
    content: &'r Bytes,
    /// The content as text, if it is all UTF-8.
    text: &'r str,
    rest: &'r [u8],
    columns: &'r [ColumnSpec],
    /// The column of the cell that was asked for last.
    column: usize,
    /// The column of the next cell, if that one could be read.
    next: usize,
}

impl<'r> Row<'r> {
    /// The columns of the row.
    pub const fn columns(&self) -> &'r [ColumnSpec] {
        self.columns
    }

    /// Reads the next cell; `None` is null.
    ///
    /// # Errors
    /// No cell left in the row, or in the bytes.
    #[inline]
    pub fn cell(&mut self) -> Result<Option<Cell<'r>>, ValueError> {
        self.column = self.next;
        let mut reader = Reader::new(self.rest);
        let cell = reader.bytes("cell").map_err(|_| ValueError::TooShort)?;
        self.rest = reader.rest();
        self.next = self.next.wrapping_add(1);
        Ok(cell.map(|bytes| {
            let end = self.content.len().wrapping_sub(self.rest.len());
            Cell::of_page(bytes, self.text, end.wrapping_sub(bytes.len()), self.content)
        }))
    }

    /// Reads the next cell as a `T`.
    ///
    /// # Errors
    /// As [`cell`](Self::cell), and what [`FromCql`] says of it.
    #[inline]
    pub fn value<T: FromCql<'r>>(&mut self) -> Result<T, ValueError> {
        let column = self.columns.get(self.next).ok_or(ValueError::TooShort)?;
        T::from_optional(self.cell()?, &column.cql_type)
    }

    /// Goes on to the next row, past the cells that nobody read.
    #[inline]
    fn finish(&mut self) -> Result<(), ValueError> {
        while self.next < self.columns.len() {
            self.cell()?;
        }
        self.next = 0;
        Ok(())
    }
}

/// The rows of a page as `T`s.
///
/// ```
/// use bytes::Bytes;
/// use cqlwire::types::{ColumnSpec, NativeType, RowIter};
///
/// let columns = [
///     ColumnSpec::new("ks", "users", "username", NativeType::Text),
///     ColumnSpec::new("ks", "users", "age", NativeType::Int),
/// ];
/// let page = Bytes::from_static(b"\0\0\0\x03ada\0\0\0\x04\0\0\0\x24");
/// let rows = RowIter::<(&str, Option<i32>)>::new(&page, &columns, 1)?;
/// assert_eq!(rows.collect::<Result<Vec<_>, _>>()?, [("ada", Some(36))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RowIter<'r, T: FromRow<'r>> {
    row: Row<'r>,
    plan: T::Plan,
    count: usize,
    index: usize,
}

impl<'r, T: FromRow<'r>> RowIter<'r, T> {
    /// The `count` rows of `content`, whose cells belong to `columns`.
    ///
    /// # Errors
    /// Columns that do not fit `T`.
    pub fn new(
        content: &'r Bytes,
        columns: &'r [ColumnSpec],
        count: usize,
    ) -> Result<Self, TypeError> {
        let plan = T::plan(columns)?;
        // One look at the whole page is much cheaper than one at every cell. A cell that begins
        // and ends between two characters of valid text is valid text.
        let has_text = columns.iter().any(|column| column.cql_type.is_text());
        let text = if has_text { std::str::from_utf8(content).unwrap_or("") } else { "" };
        let row = Row { content, text, rest: content, columns, column: 0, next: 0 };
        Ok(Self { row, plan, count, index: 0 })
    }
}

impl<'r, T: FromRow<'r>> Iterator for RowIter<'r, T> {
    type Item = Result<T, RowError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.count {
            return None;
        }
        let row = T::from_row(&mut self.row, &self.plan);
        let column = self.row.column;
        let whole = self.row.finish();
        let index = self.index;
        // Past a row that stops half-way nothing can be found any more.
        self.index = if whole.is_ok() { index.wrapping_add(1) } else { self.count };
        Some(match (row, whole) {
            (Ok(row), Ok(())) => Ok(row),
            (Err(cause), _) => Err(self.error(index, column, cause)),
            (Ok(_), Err(cause)) => Err(self.error(index, self.row.column, cause)),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count.saturating_sub(self.index);
        // A row takes at least four bytes a column; whoever reserves for it must not trust `count`.
        let bound = self.row.rest.len().checked_div(4).unwrap_or(0);
        (left.min(bound), Some(left))
    }
}

impl<'r, T: FromRow<'r>> RowIter<'r, T> {
    #[cold]
    fn error(&self, row: usize, column: usize, cause: ValueError) -> RowError {
        RowError::new(row, column, self.row.columns.get(column), cause)
    }
}

/// Whether column `index` decodes to a `T`.
fn check<'r, T: FromCql<'r>>(columns: &[ColumnSpec], index: usize) -> Result<(), TypeError> {
    columns.get(index).map_or(Ok(()), |column| {
        T::check(&column.cql_type).map_err(|mismatch| {
            TypeError::Column(Box::new(ColumnMismatch {
                index,
                name: column.name.to_string(),
                table: column.table.to_string(),
                cql_type: column.cql_type.clone(),
                mismatch,
            }))
        })
    })
}

impl<'r> FromRow<'r> for Vec<Value> {
    type Plan = ();

    fn plan(_: &[ColumnSpec]) -> Result<(), TypeError> {
        Ok(())
    }

    fn from_row(row: &mut Row<'r>, (): &()) -> Result<Self, ValueError> {
        (0..row.columns().len()).map(|_| row.value()).collect()
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<'r, $first: FromCql<'r>, $($rest: FromCql<'r>),*> FromRow<'r> for ($first, $($rest,)*) {
            type Plan = ();

            fn plan(columns: &[ColumnSpec]) -> Result<(), TypeError> {
                let checks = [check::<$first>, $(check::<$rest>),*];
                if columns.len() != checks.len() {
                    let (expected, found) = (checks.len(), columns.len());
                    return Err(TypeError::ColumnCount { expected, found });
                }
                checks.iter().enumerate().try_for_each(|(index, check)| check(columns, index))
            }

            #[inline]
            fn from_row(row: &mut Row<'r>, (): &()) -> Result<Self, ValueError> {
                Ok((row.value::<$first>()?, $(row.value::<$rest>()?,)*))
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}
tuples!(A B C D E F G H I J K L M N O P);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NativeType;

    const PAGE: &[u8] = b"\0\0\0\x01a\0\0\0\x04\0\0\0\x01\0\0\0\x02\xc3\xa9\xff\xff\xff\xff";

    fn columns() -> [ColumnSpec; 2] {
        [("name", NativeType::Text), ("age", NativeType::Int)]
            .map(|(name, native)| ColumnSpec::new("ks", "users", name, native))
    }

    #[test]
    fn rows_are_read_as_tuples_of_borrowed_types() {
        let (page, columns) = (Bytes::from_static(PAGE), columns());
        let rows = RowIter::<(&str, Option<i32>)>::new(&page, &columns, 2).unwrap();
        assert_eq!(rows.map(Result::unwrap).collect::<Vec<_>>(), [("a", Some(1)), ("é", None)]);
    }

    #[test]
    fn a_null_without_an_option_names_its_row_and_column_and_the_rest_goes_on() {
        let page = Bytes::from([&PAGE[13..], &PAGE[..13]].concat());
        let columns = columns();
        let mut rows = RowIter::<(&str, i32)>::new(&page, &columns, 2).unwrap();
        let error = rows.next().unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read row 0, column 1 \"age\" of type `int`: \
             the value is null, and the Rust type is not an Option"
        );
        assert_eq!(rows.next().unwrap().unwrap(), ("a", 1));
        assert!(rows.next().is_none());
    }

    #[test]
    fn a_page_cut_short_is_one_error_and_then_the_end() {
        let columns = columns();
        for end in 0..PAGE.len() {
            let page = Bytes::from_static(&PAGE[..end]);
            let rows = RowIter::<(&str, Option<i32>)>::new(&page, &columns, 2).unwrap();
            let rows: Vec<_> = rows.collect();
            assert!(rows.len() <= 2);
            assert_eq!(rows.iter().filter(|row| row.is_err()).count(), 1, "{end}");
            assert!(rows.last().unwrap().is_err());
        }
    }

    #[test]
    fn columns_are_checked_before_any_row_is_read() {
        let (page, columns) = (Bytes::new(), columns());
        let error = RowIter::<(&str, &str)>::new(&page, &columns, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read column 1 \"age\" of ks.users: the server sends `int`, \
             a Rust `&str` goes with `text` or `ascii`"
        );
        let error = RowIter::<(&str,)>::new(&page, &columns, 0).unwrap_err();
        assert_eq!(error, TypeError::ColumnCount { expected: 1, found: 2 });
    }

    #[test]
    fn text_that_is_cut_inside_a_character_is_an_error_even_on_a_page_of_text() {
        // The page as a whole is valid UTF-8: the length of the second cell is the tail of "é".
        let columns = [columns()[0].clone(), columns()[0].clone()];
        let page = Bytes::from_static(b"\0\0\0\x01\xc3\xa9\0\0\0");
        assert!(std::str::from_utf8(&page).is_ok());
        let mut rows = RowIter::<(&str, &str)>::new(&page, &columns, 1).unwrap();
        assert_eq!(rows.next().unwrap().unwrap_err().cause(), ValueError::InvalidUtf8);
    }
}
