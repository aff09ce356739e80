//! The cells of a page of rows, row by row and not decoded.

use std::sync::Arc;

use bytes::Bytes;

use super::stored_row::decode;
use crate::message::Rows;
use crate::types::{ColumnSpec, CqlType, NativeType, Record};
use crate::wire::{DecodeError, Reader};

/// A page of rows, and the position up to which it has been read.
#[derive(Debug)]
pub(super) struct Page<'p> {
    pub(super) columns: &'p Arc<[ColumnSpec]>,
    reader: Reader<'p>,
    /// Number of rows that have not been read.
    left: usize,
    /// The cells of the current row. `None` is null.
    cells: Vec<Option<&'p [u8]>>,
    /// The cells of the current row, with their lengths.
    row: &'p [u8],
}

impl<'p> Page<'p> {
    /// Returns a page before its first row, or `None` if the page has no rows or no columns.
    pub(super) fn new(rows: &'p Rows) -> Option<Self> {
        if rows.count == 0 {
            return None;
        }
        let columns = rows.metadata.columns.as_ref().filter(|columns| !columns.is_empty())?;
        let reader = Reader::new(&rows.content);
        Some(Self { columns, reader, left: rows.count, cells: Vec::new(), row: &[] })
    }

    /// Moves to the next row. Returns false at the end of the page.
    ///
    /// # Errors
    /// Returns an error if the page ends inside the row. The page then has no further rows.
    pub(super) fn next(&mut self) -> Result<bool, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(false) };
        self.left = 0;
        let start = self.reader.rest();
        self.cells.clear();
        for _ in &**self.columns {
            self.cells.push(self.reader.bytes("cell")?);
        }
        self.left = left;
        let length = start.len().saturating_sub(self.reader.rest().len());
        self.row = start.get(..length).unwrap_or_default();
        Ok(true)
    }

    /// Returns the cells of the current row with their lengths, as the page has them.
    pub(super) const fn row(&self) -> &'p [u8] {
        self.row
    }

    /// Returns the columns and cells of the current row.
    pub(super) fn cells(&self) -> impl Iterator<Item = (&'p ColumnSpec, Option<&'p [u8]>)> {
        self.columns.iter().zip(self.cells.iter().copied())
    }

    /// Returns the values of the current row.
    ///
    /// # Errors
    /// Returns a text if a cell cannot be decoded.
    pub(super) fn record(&self) -> Result<Record, String> {
        decode(self.columns, &Bytes::copy_from_slice(self.row))
    }

    /// Returns the text of a cell of the current row. Returns `None` if there is no such column, if it
    /// is no text, or if the cell is null or no UTF-8.
    pub(super) fn text(&self, column: TextColumn) -> Option<&'p str> {
        std::str::from_utf8((*self.cells.get(column.0?)?)?).ok()
    }

    /// Returns the integer of a cell of the current row, or `None` if there is none.
    pub(super) fn int(&self, column: IntColumn) -> Option<i32> {
        let cell = (*self.cells.get(column.0?)?)?;
        Some(i32::from_be_bytes(cell.try_into().ok()?))
    }

    /// Finds a column of type `text` or `ascii`.
    pub(super) fn text_column(&self, name: &str) -> TextColumn {
        TextColumn(self.column(name, CqlType::is_text))
    }

    /// Finds a column of type `int`.
    pub(super) fn int_column(&self, name: &str) -> IntColumn {
        IntColumn(self.column(name, |cql_type| *cql_type == NativeType::Int.into()))
    }

    fn column(&self, name: &str, is_type: impl Fn(&CqlType) -> bool) -> Option<usize> {
        let named = self.columns.iter().position(|column| *column.name == *name)?;
        self.columns.get(named).filter(|column| is_type(&column.cql_type)).map(|_| named)
    }
}

/// The index of a column of text, if a page has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextColumn(Option<usize>);

/// The index of a column of integers, if a page has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct IntColumn(Option<usize>);
