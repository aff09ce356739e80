//! Columns of tuples and user-defined types.

use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::{ArrowError, Fields};

use super::column::{Column, Failure, Limits, RawCell};
use super::validity::Validity;
use crate::types::{Cell, Fields as CellFields};

/// A column of tuples or of values of a user-defined type.
pub(super) struct StructColumn {
    fields: Fields,
    columns: Vec<Box<dyn Column>>,
    len: usize,
    validity: Validity,
}

impl StructColumn {
    /// Returns a column of values with these fields, and a column for each field.
    pub(super) fn new(fields: Fields, columns: Vec<Box<dyn Column>>) -> Self {
        Self { fields, columns, len: 0, validity: Validity::default() }
    }
}

impl Column for StructColumn {
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        let mut columns: Vec<_> = self.columns.iter().map(|_| Vec::new()).collect();
        for cell in cells {
            let mut missing = 0_usize;
            let mut fields = match cell.filter(|bytes| !bytes.is_empty()) {
                Some(bytes) => Some(CellFields::new(Cell::new(bytes))?),
                None => None,
            };
            for column in &mut columns {
                match fields.as_mut().filter(|fields| !fields.is_done()) {
                    Some(fields) => column.push(fields.read()?.map(Cell::bytes)),
                    None => {
                        missing = missing.saturating_add(1);
                        column.push(None);
                    }
                }
            }
            fields.map_or(Ok(()), |fields| fields.end())?;
            // Nulls in the buffers are no longer than their cells; vectors count those of their elements.
            limits.add_fillers(missing, size_of::<RawCell<'_>>())?;
        }
        self.validity.extend_non_empty(cells, limits);
        self.len = self.len.saturating_add(cells.len());
        for (column, cells) in self.columns.iter_mut().zip(&columns) {
            column.extend(cells, limits)?;
        }
        Ok(())
    }

    fn extend_nulls(&mut self, count: usize) {
        self.columns.iter_mut().for_each(|column| column.extend_nulls(count));
        self.len = self.len.saturating_add(count);
        self.validity.extend_nulls(count);
    }

    fn null_len(&self) -> usize {
        self.columns.iter().map(|column| column.null_len()).fold(1, usize::saturating_add)
    }

    fn len(&self) -> usize {
        self.len
    }

    fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.columns.iter_mut().for_each(|column| column.truncate(len));
        self.validity.truncate(len);
    }

    fn byte_len(&self) -> usize {
        let columns = self.columns.iter().map(|column| column.byte_len());
        columns.fold(self.validity.byte_len(), usize::saturating_add)
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        // All parts become empty, also if one of them fails.
        let arrays: Vec<_> = self.columns.iter_mut().map(|column| column.finish()).collect();
        let (len, nulls) = (std::mem::take(&mut self.len), self.validity.finish());
        let arrays = arrays.into_iter().collect::<Result<_, _>>()?;
        Ok(Arc::new(StructArray::try_new_with_length(self.fields.clone(), arrays, nulls, len)?))
    }
}
