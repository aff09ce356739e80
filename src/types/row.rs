//! Rows of a page, decoded lazily into Rust types.

use std::marker::PhantomData;

use bytes::Bytes;

use super::from_cql::read_field;
use super::{Cell, ColumnSpec, FromCql, RowError, TypeError, Value, ValueError};
use crate::wire::Reader;

/// A Rust type that a row decodes to: a tuple, a single native value, a `Vec` of [`Value`]s, or a
/// struct that derives it (feature `derive`), whose fields are found by their names.
///
/// [`plan`](Self::plan) is asked once for a page; it checks every column and may note what the
/// rows then need, such as which field belongs to which column.
#[diagnostic::on_unimplemented(
    message = "no row can be read as a `{Self}`",
    label = "not a type of rows",
    note = "derive `FromRow` for a struct; a value of one column is the tuple `({Self},)`",
    note = "tuples are of 16 columns at most"
)]
pub trait FromRow<'r>: Sized {
    /// What was found out about the columns.
    type Plan: Send + Sync;

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
    /// The columns whose cells have not been asked for.
    ahead: &'r [ColumnSpec],
    /// Whether the bytes ended inside a cell that was asked for.
    is_cut: bool,
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
        self.next().map(|(_, cell)| cell)
    }

    /// Reads the next cell as a `T`.
    ///
    /// # Errors
    /// As [`cell`](Self::cell), and what [`FromCql`] says of it.
    #[inline(always)]
    pub fn value<T: FromCql<'r>>(&mut self) -> Result<T, ValueError> {
        let (column, cell) = match T::SIZE.and_then(|size| self.sized(size)) {
            Some((column, cell)) => (column, Some(cell)),
            None => self.next()?,
        };
        T::from_optional(cell, &column.cql_type)
    }

    /// The same, for the field `path`, which an error of null names.
    #[doc(hidden)]
    pub fn field<T: FromCql<'r>>(&mut self, path: &'static str) -> Result<T, ValueError> {
        let (column, cell) = self.next()?;
        read_field(path, cell, &column.cql_type)
    }

    /// The next cell, if it has this size.
    #[inline(always)]
    fn sized(&mut self, size: usize) -> Option<(&'r ColumnSpec, Cell<'r>)> {
        let (column, ahead) = self.ahead.split_first()?;
        let (cell, rest) = self.rest.split_at_checked(size.checked_add(4)?)?;
        let (length, bytes) = cell.split_first_chunk()?;
        if usize::try_from(u32::from_be_bytes(*length)) != Ok(size) {
            return None;
        }
        (self.ahead, self.rest) = (ahead, rest);
        Some((column, self.cell_of(bytes)))
    }

    #[inline(always)]
    fn next(&mut self) -> Result<(&'r ColumnSpec, Option<Cell<'r>>), ValueError> {
        let (column, ahead) = self.ahead.split_first().ok_or(ValueError::TooShort)?;
        self.ahead = ahead;
        let mut reader = Reader::new(self.rest);
        let Ok(cell) = reader.bytes("cell") else {
            self.is_cut = true;
            return Err(ValueError::TooShort);
        };
        self.rest = reader.rest();
        Ok((column, cell.map(|bytes| self.cell_of(bytes))))
    }

    /// A cell of the `bytes` that were read last.
    #[inline(always)]
    fn cell_of(&self, bytes: &'r [u8]) -> Cell<'r> {
        let end = self.content.len().wrapping_sub(self.rest.len());
        Cell::of_page(bytes, self.text, end.wrapping_sub(bytes.len()), self.content)
    }

    /// Reads the next cells, as many as `columns`, all together.
    ///
    /// It reads a copy of `self` that can live in registers, and asks no more than whether that
    /// goes well. Only if not, the cells are read again, for the first `error`.
    #[inline(always)]
    pub(super) fn values<T>(
        &mut self,
        columns: usize,
        read: impl FnOnce(&mut Self) -> Option<T>,
        error: fn(&mut Self) -> Option<ValueError>,
    ) -> Result<T, ValueError> {
        if self.ahead.len() >= columns {
            let mut copy = self.clone();
            if let Some(values) = read(&mut copy) {
                (self.rest, self.ahead) = (copy.rest, copy.ahead);
                return Ok(values);
            }
        }
        Err(error(self).unwrap_or(ValueError::OutOfRange))
    }

    /// The column of the cell that was asked for last.
    const fn column(&self) -> usize {
        self.columns.len().saturating_sub(self.ahead.len()).saturating_sub(1)
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
///
/// It can be held across an `.await` of a task, whatever its rows borrow. That is what `P` is for,
/// which nobody writes: as a field of its own type, `T::Plan` would have the compiler ask for
/// `FromRow` of any two lifetimes before it believes that the task is `Send`.
#[derive(Debug, Clone)]
pub struct RowIter<'r, T, P = <T as FromRow<'r>>::Plan> {
    row: Row<'r>,
    plan: P,
    count: usize,
    index: usize,
    of: PhantomData<fn() -> T>,
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
        let row = Row { content, text, rest: content, columns, ahead: columns, is_cut: false };
        Ok(Self { row, plan, count, index: 0, of: PhantomData })
    }
}

impl<'r, T: FromRow<'r>> Iterator for RowIter<'r, T> {
    type Item = Result<T, RowError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.count {
            return None;
        }
        self.index = self.index.wrapping_add(1);
        self.row.ahead = self.row.columns;
        match T::from_row(&mut self.row, &self.plan) {
            Ok(row) if self.row.ahead.is_empty() => Some(Ok(row)),
            Ok(row) => Some(self.skip_cells().map(|()| row)),
            Err(cause) => Some(Err(self.fail(cause))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count.saturating_sub(self.index);
        // A row takes at least four bytes a column; whoever reserves for it must not trust `count`.
        let bound = self.row.rest.len().checked_div(4).unwrap_or(0);
        (left.min(bound), Some(left))
    }
}

impl<T, P> RowIter<'_, T, P> {
    /// Goes on to the next row, past the cells that nobody read.
    #[inline(never)]
    fn skip_cells(&mut self) -> Result<(), RowError> {
        while !self.row.ahead.is_empty() {
            self.row.cell().map_err(|cause| self.error(cause))?;
        }
        Ok(())
    }

    /// The same, after a cell that could not be read.
    #[cold]
    fn fail(&mut self, cause: ValueError) -> RowError {
        let error = self.error(cause);
        // What is wrong further on has been said by the first error.
        drop(self.skip_cells());
        error
    }

    #[cold]
    fn error(&mut self, cause: ValueError) -> RowError {
        let (row, column) = (self.index.saturating_sub(1), self.row.column());
        if self.row.is_cut {
            // Past a row that stops half-way nothing can be found any more.
            self.index = self.count;
        }
        RowError::new(row, column, self.row.columns.get(column), cause)
    }
}

impl<'r> FromRow<'r> for Vec<Value> {
    type Plan = ();

    fn plan(_: &[ColumnSpec]) -> Result<(), TypeError> {
        Ok(())
    }

    fn from_row(row: &mut Row<'r>, (): &()) -> Result<Self, ValueError> {
        #[cold]
        fn error(row: &mut Row<'_>) -> Option<ValueError> {
            (0..row.columns.len()).find_map(|_| row.value::<Value>().err())
        }
        let columns = row.columns.len();
        row.values(
            columns,
            |row| {
                // An iterator whose length is known fills the room without looking for more.
                let mut is_whole = true;
                let values = (0..columns).map(|_| {
                    row.value().unwrap_or_else(|_| {
                        is_whole = false;
                        Value::Null
                    })
                });
                let values = values.collect();
                is_whole.then_some(values)
            },
            error,
        )
    }
}

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
