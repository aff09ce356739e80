//! Columns of values of a fixed size: numbers, dates, times and UUIDs.

use std::sync::Arc;

use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::ArrowError;

use super::column::{Column, Failure, Limits, RawCell};
use super::validity::Validity;
use crate::types::ValueError;

struct FixedColumn<const N: usize, T, D, F> {
    values: Vec<T>,
    validity: Validity,
    decode: D,
    finish: F,
}

/// Returns a column of values of `N` bytes. `decode` returns a value from its bytes, or `None` if they are out of
/// range. `finish` returns the array of the values.
pub(super) fn fixed<const N: usize, T, D, F>(decode: D, finish: F) -> Box<dyn Column>
where
    T: Copy + Default + Send + Sync + 'static,
    D: Fn([u8; N]) -> Option<T> + Send + Sync + 'static,
    F: Fn(Vec<T>, Option<NullBuffer>) -> Result<ArrayRef, ArrowError> + Send + Sync + 'static,
{
    Box::new(FixedColumn { values: Vec::new(), validity: Validity::default(), decode, finish })
}

/// Returns the array of the values of a primitive type.
pub(super) fn primitive<A: ArrowPrimitiveType>(
    values: Vec<A::Native>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(PrimitiveArray::<A>::try_new(values.into(), nulls)?))
}

impl<const N: usize, T, D, F> Column for FixedColumn<N, T, D, F>
where
    T: Copy + Default + Send + Sync + 'static,
    D: Fn([u8; N]) -> Option<T> + Send + Sync + 'static,
    F: Fn(Vec<T>, Option<NullBuffer>) -> Result<ArrayRef, ArrowError> + Send + Sync + 'static,
{
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        let mut invalid = 0_usize;
        // An iterator of known length fills the `Vec` without capacity checks. Nulls are the default value.
        self.values.extend(cells.iter().map(|cell| {
            let bytes = cell.and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
            bytes.and_then(&self.decode).unwrap_or_else(|| {
                invalid = invalid.wrapping_add(1);
                T::default()
            })
        }));
        if invalid == 0 {
            self.validity.extend_valid(cells.len());
            return Ok(());
        }
        let valid = self.validity.extend_non_empty(cells, limits);
        if valid.saturating_add(invalid) == cells.len() {
            Ok(())
        } else {
            Err(self.error(cells).into())
        }
    }

    fn extend_packed(&mut self, values: &[u8]) -> bool {
        let (values, rest) = values.as_chunks();
        let (len, mut is_valid) = (self.values.len(), rest.is_empty());
        self.values.extend(values.iter().map(|bytes| {
            (self.decode)(*bytes).unwrap_or_else(|| {
                is_valid = false;
                T::default()
            })
        }));
        if !is_valid {
            self.values.truncate(len);
            return false;
        }
        self.validity.extend_valid(values.len());
        true
    }

    fn extend_nulls(&mut self, count: usize) {
        self.values.resize(self.values.len().saturating_add(count), T::default());
        self.validity.extend_nulls(count);
    }

    fn null_len(&self) -> usize {
        size_of::<T>()
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
        size_of_val(self.values.as_slice()).saturating_add(self.validity.byte_len())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        (self.finish)(std::mem::take(&mut self.values), self.validity.finish())
    }
}

impl<const N: usize, T, D, F> FixedColumn<N, T, D, F> {
    /// Returns the error of the first invalid value.
    #[cold]
    fn error(&self, cells: &[RawCell<'_>]) -> ValueError {
        let size = |bytes: &&[u8]| ![0, N].contains(&bytes.len());
        match cells.iter().flatten().copied().find(size) {
            Some(bytes) => ValueError::Size { expected: N, found: bytes.len() },
            None => ValueError::OutOfRange,
        }
    }
}
