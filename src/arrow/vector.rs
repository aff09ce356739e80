//! Columns of vectors.

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray};
use arrow_schema::{ArrowError, FieldRef};

use super::column::{Column, Failure, Limits, RawCell};
use super::raw_value::{RAW_TYPE, RawValue};
use super::validity::Validity;
use crate::types::{Cell, CqlType, FromCql, NativeType, VectorType};

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
        let (size, validity) = (vector.dimensions, Validity::default());
        // Only the size of the elements matters, and a vector of `n` booleans has the size `n`.
        let element_len = vector.element.fixed_size_in_vector();
        let packed_len = element_len.and_then(|length| length.checked_mul(size));
        let element = match element_len.filter(|_| packed_len.is_some()) {
            Some(length) => CqlType::vector(NativeType::Boolean.into(), length),
            None => RAW_TYPE,
        };
        let cql_type = CqlType::vector(element, size);
        Self { cql_type, dimensions, size, packed_len, field, elements, len: 0, validity }
    }

    /// Appends the elements of a vector. Those of a null vector are null.
    fn extend_elements(&mut self, cell: RawCell<'_>, limits: &mut Limits) -> Result<(), Failure> {
        let Some(bytes) = cell.filter(|bytes| !bytes.is_empty()) else {
            limits.add_fillers(self.size, self.elements.null_len())?;
            self.elements.extend_nulls(self.size);
            return Ok(());
        };
        let values = Vec::from_cell(Cell::new(bytes), &self.cql_type)?;
        let elements: Vec<_> = values.into_iter().map(|RawValue(element)| element).collect();
        self.elements.extend(&elements, limits)
    }
}

impl Column for VectorColumn {
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        for cell in cells {
            let packed = cell.filter(|bytes| self.packed_len == Some(bytes.len()));
            if !packed.is_some_and(|bytes| self.elements.extend_packed(bytes)) {
                self.extend_elements(*cell, limits)?;
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

    fn extend_nulls(&mut self, count: usize) {
        self.elements.extend_nulls(count.saturating_mul(self.size));
        self.len = self.len.saturating_add(count);
        self.validity.extend_nulls(count);
    }

    fn null_len(&self) -> usize {
        self.elements.null_len().saturating_mul(self.size)
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
        // All parts become empty, also if one of them fails.
        let (elements, nulls) = (self.elements.finish(), self.validity.finish());
        let (field, len) = (Arc::clone(&self.field), std::mem::take(&mut self.len));
        let array =
            FixedSizeListArray::try_new_with_length(field, self.dimensions, elements?, nulls, len)?;
        Ok(Arc::new(array))
    }
}
