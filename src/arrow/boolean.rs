//! Columns of booleans.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::ArrowError;

use super::column::{Column, Failure, Limits, RawCell};
use super::validity::{Validity, append_bits};
use crate::types::ValueError;

pub(super) struct BooleanColumn {
    values: BooleanBufferBuilder,
    validity: Validity,
}

impl BooleanColumn {
    pub(super) fn new() -> Self {
        Self { values: BooleanBufferBuilder::new(0), validity: Validity::default() }
    }
}

impl Column for BooleanColumn {
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        let (mut has_other, mut too_long) = (false, None);
        append_bits(&mut self.values, cells, |cell| match cell.unwrap_or_default() {
            [byte] => *byte != 0,
            other => {
                has_other = true;
                too_long = (!other.is_empty()).then_some(other.len()).or(too_long);
                false
            }
        });
        if let Some(found) = too_long {
            return Err(ValueError::Size { expected: 1, found }.into());
        }
        if has_other {
            self.validity.extend_non_empty(cells, limits);
        } else {
            self.validity.extend_valid(cells.len());
        }
        Ok(())
    }

    fn extend_nulls(&mut self, count: usize) {
        self.values.append_n(count, false);
        self.validity.extend_nulls(count);
    }

    fn null_len(&self) -> usize {
        1
    }

    fn reserve(&mut self, count: usize, _: &mut usize) {
        self.values.reserve(count);
        self.validity.reserve(count);
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.validity.truncate(len);
    }

    fn byte_len(&self) -> usize {
        self.values.len().div_ceil(8).saturating_add(self.validity.byte_len())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let values = std::mem::replace(&mut self.values, BooleanBufferBuilder::new(0)).build();
        Ok(Arc::new(BooleanArray::new(values, self.validity.finish())))
    }
}
