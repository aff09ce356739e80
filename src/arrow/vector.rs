//! Columns of vectors.

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray};
use arrow_schema::{ArrowError, FieldRef};

use super::column::{Column, Failure, Limits, RawCell};
use super::raw_value::RawValue;
use super::validity::Validity;
use crate::types::{Cell, CqlType, FromCql, VectorType};

/// A column of vectors with one number of elements.
pub(super) struct VectorColumn {
    cql_type: CqlType,
    dimensions: i32,
    /// The number of elements of each vector.
    size: usize,
    /// The length of a vector in bytes, if its elements follow each other without their lengths.
    packed_len: Option<usize>,
    field: FieldRef,
    elements: Box<dyn Column>,
    len: usize,
    validity: Validity,
}

impl VectorColumn {
    /// Returns a column of vectors whose elements are described by `field`.
    pub(super) fn new(
        vector: &VectorType,
        dimensions: i32,
        field: FieldRef,
        elements: Box<dyn Column>,
    ) -> Self {
        let cql_type = CqlType::Vector(Box::new(vector.clone()));
        let (size, validity) = (vector.dimensions, Validity::default());
        let packed_len = cql_type.fixed_size_in_vector();
        Self { cql_type, dimensions, size, packed_len, field, elements, len: 0, validity }
    }

    /// Appends the elements of vectors. The elements of a null vector are null.
    fn extend_elements(
        &mut self,
        cells: &[RawCell<'_>],
        limits: &mut Limits,
    ) -> Result<(), Failure> {
        let mut elements = Vec::new();
        for cell in cells {
            match cell.filter(|bytes| !bytes.is_empty()) {
                Some(bytes) => {
                    let values = Vec::from_cell(Cell::new(bytes), &self.cql_type)?;
                    elements.extend(values.into_iter().map(|RawValue(element)| element));
                }
                None => {
                    limits.add_fillers(self.size)?;
                    elements.extend(std::iter::repeat_n(None, self.size));
                }
            }
        }
        self.elements.extend(&elements, limits)
    }
}

impl Column for VectorColumn {
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        for cell in cells {
            let packed = cell.filter(|bytes| self.packed_len == Some(bytes.len()));
            if !packed.is_some_and(|bytes| self.elements.extend_packed(bytes)) {
                self.extend_elements(std::slice::from_ref(cell), limits)?;
            }
        }
        self.validity.extend_non_empty(cells, limits);
        self.len = self.len.saturating_add(cells.len());
        Ok(())
    }

    fn extend_packed(&mut self, values: &[u8]) -> bool {
        let Some(length) = self.packed_len.filter(|length| *length > 0) else { return false };
        let count = values.len().checked_div(length).unwrap_or(0);
        if !values.len().is_multiple_of(length) || !self.elements.extend_packed(values) {
            return false;
        }
        self.len = self.len.saturating_add(count);
        self.validity.extend_valid(count);
        true
    }

    fn len(&self) -> usize {
        self.len
    }

    fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.elements.truncate(self.len.saturating_mul(self.size));
        self.validity.truncate(len);
    }

    fn byte_len(&self) -> usize {
        self.elements.byte_len().saturating_add(self.validity.byte_len())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let (elements, nulls) = (self.elements.finish()?, self.validity.finish());
        let (field, len) = (Arc::clone(&self.field), std::mem::take(&mut self.len));
        let array =
            FixedSizeListArray::try_new_with_length(field, self.dimensions, elements, nulls, len)?;
        Ok(Arc::new(array))
    }
}
