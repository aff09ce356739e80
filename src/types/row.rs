//! Rows of a page, decoded one at a time.

use std::marker::PhantomData;

use bytes::Bytes;

use super::from_cql::read_field;
use super::{Cell, ColumnSpec, FromCql, RowError, TypeError, Value, ValueError};
use crate::wire::Reader;

/// A Rust type that a row decodes to.
///
/// Tuples read columns by position. Structs that derive this trait (feature `derive`) read columns
/// by name. A native type, such as `i64` or `String`, reads a row of one column. A `Vec` of
/// [`Value`]s or a [`Record`](super::Record) reads any row.
///
/// [`plan`](Self::plan) is called once for each page. It checks every column, and returns
/// information for reading the rows, such as which field reads which column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a row",
    label = "does not implement `FromRow`",
    note = "read a single column as the tuple `(T,)`, more than 16 as a struct that derives `FromRow`"
)]
pub trait FromRow<'r>: Sized {
    /// Information about the columns that is used to read each row.
    type Plan: Send + Sync;

    /// Checks that this type can read rows with these `columns`, and returns the plan for reading
    /// them.
    ///
    /// # Errors
    /// Returns an error if the number, names or types of the columns do not match the row type.
    fn plan(columns: &[ColumnSpec]) -> Result<Self::Plan, TypeError>;

    /// Reads one row. `plan` is what [`plan`](Self::plan) returned for the columns of the page.
    ///
    /// # Errors
    /// Returns the error of the first cell that cannot be decoded.
    fn from_row(row: &mut Row<'r>, plan: &Self::Plan) -> Result<Self, ValueError>;
}

/// The cells of one row, read from the first column to the last.
#[derive(Debug, Clone)]
pub struct Row<'r> {
    content: &'r Bytes,
    /// The content as text, or empty if the content is not UTF-8 or no column is text.
    text: &'r str,
    rest: &'r [u8],
    columns: &'r [ColumnSpec],
    /// The columns of the cells that have not been read.
    remaining: &'r [ColumnSpec],
    /// True if the page ended inside a cell.
    is_truncated: bool,
}

impl<'r> Row<'r> {
    /// Returns the columns of the row.
    pub const fn columns(&self) -> &'r [ColumnSpec] {
        self.columns
    }

    /// Reads the next cell. Returns `None` if the cell is null.
    ///
    /// # Errors
    /// Returns [`ValueError::TooShort`] if all cells of the row have been read, or if the page ends
    /// inside the cell.
    #[inline]
    pub fn cell(&mut self) -> Result<Option<Cell<'r>>, ValueError> {
        self.next().map(|(_, cell)| cell)
    }

    /// Reads the next cell as a `T`.
    ///
    /// # Errors
    /// Returns the errors of [`cell`](Self::cell), and of decoding the cell with [`FromCql`].
    #[inline(always)]
    pub fn value<T: FromCql<'r>>(&mut self) -> Result<T, ValueError> {
        let (column, cell) = match T::SIZE.and_then(|size| self.sized(size)) {
            Some((column, cell)) => (column, Some(cell)),
            None => self.next()?,
        };
        T::from_optional(cell, &column.cql_type)
    }

    /// Reads the next cell as a `T` for the struct field `path`, such as `User::age`. If the cell
    /// is null and `T` cannot represent null, the error names the field.
    #[doc(hidden)]
    pub fn field<T: FromCql<'r>>(&mut self, path: &'static str) -> Result<T, ValueError> {
        let (column, cell) = self.next()?;
        read_field(path, cell, &column.cql_type)
    }

    /// Reads the next cell if it has `size` bytes. Otherwise reads nothing and returns `None`.
    #[inline(always)]
    fn sized(&mut self, size: usize) -> Option<(&'r ColumnSpec, Cell<'r>)> {
        let (column, remaining) = self.remaining.split_first()?;
        let (cell, rest) = self.rest.split_at_checked(size.checked_add(4)?)?;
        let (length, bytes) = cell.split_first_chunk()?;
        if usize::try_from(u32::from_be_bytes(*length)) != Ok(size) {
            return None;
        }
        (self.remaining, self.rest) = (remaining, rest);
        Some((column, self.cell_of(bytes)))
    }

    #[inline(always)]
    fn next(&mut self) -> Result<(&'r ColumnSpec, Option<Cell<'r>>), ValueError> {
        let (column, remaining) = self.remaining.split_first().ok_or(ValueError::TooShort)?;
        self.remaining = remaining;
        let mut reader = Reader::new(self.rest);
        let Ok(cell) = reader.bytes("cell") else {
            self.is_truncated = true;
            return Err(ValueError::TooShort);
        };
        self.rest = reader.rest();
        Ok((column, cell.map(|bytes| self.cell_of(bytes))))
    }

    /// Returns the cell of `bytes`, which must be the bytes directly before `rest`.
    #[inline(always)]
    fn cell_of(&self, bytes: &'r [u8]) -> Cell<'r> {
        let end = self.content.len().wrapping_sub(self.rest.len());
        Cell::in_page(bytes, self.text, end.wrapping_sub(bytes.len()), self.content)
    }

    /// Reads the next `columns` cells at once.
    ///
    /// `read` gets a copy of `self` that the compiler can keep in registers, and returns `None` on
    /// any error. The cells are then read again by `error`, which returns the first error.
    #[inline(always)]
    pub(super) fn values<T>(
        &mut self,
        columns: usize,
        read: impl FnOnce(&mut Self) -> Option<T>,
        error: fn(&mut Self) -> Option<ValueError>,
    ) -> Result<T, ValueError> {
        if self.remaining.len() >= columns {
            let mut copy = self.clone();
            if let Some(values) = read(&mut copy) {
                (self.rest, self.remaining) = (copy.rest, copy.remaining);
                return Ok(values);
            }
        }
        Err(error(self).unwrap_or(ValueError::OutOfRange))
    }

    /// Returns the index of the column that was read last.
    const fn column(&self) -> usize {
        self.columns.len().saturating_sub(self.remaining.len()).saturating_sub(1)
    }
}

/// An iterator over the rows of a page, decoded as `T`.
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
/// An iterator over rows that borrow from the page can be held across an `.await` in a `Send` task.
/// To allow this, the type of the plan is a parameter `P`, which callers leave at its default. If a
/// field had the type `T::Plan` instead, the compiler could prove that the task is `Send` only if
/// `T` implemented `FromRow` for all lifetimes.
#[derive(Debug, Clone)]
pub struct RowIter<'r, T, P = <T as FromRow<'r>>::Plan> {
    row: Row<'r>,
    plan: P,
    count: usize,
    index: usize,
    marker: PhantomData<fn() -> T>,
}

impl<'r, T: FromRow<'r>> RowIter<'r, T> {
    /// Returns an iterator over the `count` rows in `content`, which have these `columns`.
    ///
    /// # Errors
    /// Returns an error if the columns do not match `T`.
    pub fn new(
        content: &'r Bytes,
        columns: &'r [ColumnSpec],
        count: usize,
    ) -> Result<Self, TypeError> {
        let plan = T::plan(columns)?;
        // Validating the page once is much cheaper than validating every cell. If the page is valid
        // text, a cell that begins and ends at character boundaries is valid text too.
        let has_text = columns.iter().any(|column| column.cql_type.is_text());
        let text = if has_text { std::str::from_utf8(content).unwrap_or("") } else { "" };
        let row =
            Row { content, text, rest: content, columns, remaining: columns, is_truncated: false };
        Ok(Self { row, plan, count, index: 0, marker: PhantomData })
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
        self.row.remaining = self.row.columns;
        match T::from_row(&mut self.row, &self.plan) {
            Ok(row) if self.row.remaining.is_empty() => Some(Ok(row)),
            Ok(row) => Some(self.skip_cells().map(|()| row)),
            Err(cause) => Some(Err(self.fail(cause))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count.saturating_sub(self.index);
        // Callers may reserve memory for the lower bound, so the bound must not rely on `count`,
        // which the server sent. Each row has at least four bytes.
        let bound = self.row.rest.len().checked_div(4).unwrap_or(0);
        (left.min(bound), Some(left))
    }
}

impl<T, P> RowIter<'_, T, P> {
    /// Skips the unread cells of the current row.
    #[inline(never)]
    fn skip_cells(&mut self) -> Result<(), RowError> {
        while !self.row.remaining.is_empty() {
            self.row.cell().map_err(|cause| self.error(cause))?;
        }
        Ok(())
    }

    /// Returns the error of the cell that was read last, and skips the unread cells of the row.
    #[cold]
    fn fail(&mut self, cause: ValueError) -> RowError {
        let error = self.error(cause);
        // Only the first error of a row is reported.
        drop(self.skip_cells());
        error
    }

    #[cold]
    fn error(&mut self, cause: ValueError) -> RowError {
        let (row, column) = (self.index.saturating_sub(1), self.row.column());
        if self.row.is_truncated {
            // The start of the next row is unknown, so this error is the last item.
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
                // An iterator of known length fills the `Vec` without capacity checks. To keep its
                // length, it yields null for a cell that cannot be decoded.
                let mut is_valid = true;
                let values = (0..columns).map(|_| {
                    row.value().unwrap_or_else(|_| {
                        is_valid = false;
                        Value::Null
                    })
                });
                let values = values.collect();
                is_valid.then_some(values)
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
    fn an_unexpected_null_names_its_cell_and_the_next_row_is_read() {
        let page = Bytes::from([&PAGE[13..], &PAGE[..13]].concat());
        let columns = columns();
        let mut rows = RowIter::<(&str, i32)>::new(&page, &columns, 2).unwrap();
        let error = rows.next().unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read row 0, column 1 \"age\" of type `int`: \
             the value is null, but the Rust type is not an `Option`"
        );
        assert_eq!(rows.next().unwrap().unwrap(), ("a", 1));
        assert!(rows.next().is_none());
    }

    #[test]
    fn a_truncated_page_is_one_error_and_then_the_end() {
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
            "column 1 \"age\" of ks.users is `int`, but Rust type `&str` reads `text` or `ascii`"
        );
        let error = RowIter::<(&str,)>::new(&page, &columns, 0).unwrap_err();
        assert_eq!(error, TypeError::ColumnCount { expected: 1, found: 2 });
    }

    #[test]
    fn a_cell_that_splits_a_character_is_an_error_even_in_a_utf8_page() {
        // The page as a whole is valid UTF-8: the length of the second cell is the tail of "é".
        let columns = [columns()[0].clone(), columns()[0].clone()];
        let page = Bytes::from_static(b"\0\0\0\x01\xc3\xa9\0\0\0");
        assert!(std::str::from_utf8(&page).is_ok());
        let mut rows = RowIter::<(&str, &str)>::new(&page, &columns, 1).unwrap();
        assert_eq!(rows.next().unwrap().unwrap_err().cause(), ValueError::InvalidUtf8);
    }
}
