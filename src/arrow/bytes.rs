//! Columns of text and of bytes.

use std::fmt::Display;
use std::io::Write;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::types::{BinaryType, ByteArrayType, Utf8Type};
use arrow_array::{ArrayRef, GenericByteArray};
use arrow_schema::ArrowError;

use super::column::{Column, Failure, Limits, RawCell};
use super::offsets::Offsets;
use super::validity::Validity;
use crate::types::{Cell, CqlType, FromCql, NativeType, ValueError};

/// The values of a column, one after the other.
#[derive(Default)]
pub(super) struct Values {
    bytes: Vec<u8>,
    ends: Offsets,
    validity: Validity,
}

impl Values {
    /// Appends the bytes of the cells. Returns the bytes.
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &Limits) -> Result<&[u8], Failure> {
        let (start, mut nulls) = (self.bytes.len(), 0_usize);
        let lengths = cells.iter().map(|cell| {
            nulls = nulls.wrapping_add(usize::from(cell.is_none()));
            cell.map_or(0, <[u8]>::len)
        });
        let end = self.ends.extend(start, lengths, limits)?;
        self.bytes.reserve(end.saturating_sub(start));
        for cell in cells.iter().flatten() {
            self.bytes.extend_from_slice(cell);
        }
        match nulls {
            0 => self.validity.extend_valid(cells.len()),
            _ => self.validity.extend(cells, |_| true),
        }
        Ok(self.bytes.get(start..).unwrap_or_default())
    }

    fn extend_nulls(&mut self, count: usize) {
        self.ends.extend_empty(count);
        self.validity.extend_nulls(count);
    }

    /// Reserves memory for `count` values of the average length of the present ones, and at most `budget` bytes for
    /// their contents. Deducts these from `budget`.
    fn reserve(&mut self, count: usize, budget: &mut usize) {
        let estimate = self.bytes.len().saturating_mul(count).checked_div(self.ends.len());
        let bytes = estimate.unwrap_or(0).min(*budget);
        *budget = budget.saturating_sub(bytes);
        self.bytes.reserve(bytes);
        self.ends.reserve(count);
        self.validity.reserve(count);
    }

    fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.ends.truncate(len));
        self.validity.truncate(len);
    }

    fn byte_len(&self) -> usize {
        let values = self.bytes.len().saturating_add(self.ends.byte_len());
        values.saturating_add(self.validity.byte_len())
    }

    fn finish<T: ByteArrayType<Offset = i32>>(&mut self) -> Result<ArrayRef, ArrowError> {
        let bytes = std::mem::take(&mut self.bytes).into();
        let (ends, nulls) = (self.ends.finish(), self.validity.finish());
        Ok(Arc::new(GenericByteArray::<T>::try_new(ends, bytes, nulls)?))
    }
}

/// Appends the cells of a column to its values.
pub(super) trait Append: Send + Sync {
    /// The type of the array.
    type Array: ByteArrayType<Offset = i32>;

    /// Appends cells, as [`Column::extend`] does.
    fn append(
        &self,
        values: &mut Values,
        cells: &[RawCell<'_>],
        limits: &mut Limits,
    ) -> Result<(), Failure>;
}

/// A column of values of variable length.
pub(super) struct BytesColumn<A> {
    values: Values,
    append: A,
}

impl<A: Append> BytesColumn<A> {
    pub(super) fn new(append: A) -> Self {
        Self { values: Values::default(), append }
    }
}

impl<A: Append> Column for BytesColumn<A> {
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        self.append.append(&mut self.values, cells, limits)
    }

    fn extend_nulls(&mut self, count: usize) {
        self.values.extend_nulls(count);
    }

    fn null_len(&self) -> usize {
        Offsets::SIZE
    }

    fn reserve(&mut self, count: usize, budget: &mut usize) {
        self.values.reserve(count, budget);
    }

    fn len(&self) -> usize {
        self.values.ends.len()
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
    }

    fn byte_len(&self) -> usize {
        self.values.byte_len()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        self.values.finish::<A::Array>()
    }
}

/// Blobs, or values of custom types.
pub(super) struct Blobs;

impl Append for Blobs {
    type Array = BinaryType;

    fn append(
        &self,
        values: &mut Values,
        cells: &[RawCell<'_>],
        limits: &mut Limits,
    ) -> Result<(), Failure> {
        values.extend(cells, limits).map(drop)
    }
}

/// Text.
pub(super) struct Texts {
    /// True if the text is US-ASCII, false if it is UTF-8.
    pub(super) is_ascii: bool,
}

impl Append for Texts {
    type Array = Utf8Type;

    fn append(
        &self,
        values: &mut Values,
        cells: &[RawCell<'_>],
        limits: &mut Limits,
    ) -> Result<(), Failure> {
        // Most text is ASCII, and then need not be validated value by value.
        if values.extend(cells, limits)?.is_ascii() {
            return Ok(());
        }
        let is_utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        match cells.iter().flatten().all(|bytes| is_utf8(bytes)) {
            false => Err(ValueError::InvalidUtf8.into()),
            true if self.is_ascii => Err(ValueError::InvalidAscii.into()),
            true => Ok(()),
        }
    }
}

/// Values that are decoded as `T`, and written as its `Display` text.
pub(super) struct Displayed<T> {
    cql_type: CqlType,
    marker: PhantomData<fn() -> T>,
}

impl<T> Displayed<T> {
    pub(super) fn new(native: NativeType) -> Self {
        Self { cql_type: native.into(), marker: PhantomData }
    }
}

impl<T: Display + for<'r> FromCql<'r>> Append for Displayed<T> {
    type Array = Utf8Type;

    fn append(
        &self,
        values: &mut Values,
        cells: &[RawCell<'_>],
        limits: &mut Limits,
    ) -> Result<(), Failure> {
        for cell in cells {
            if let Some(bytes) = cell.filter(|bytes| !bytes.is_empty()) {
                let value = T::from_cell(Cell::new(bytes), &self.cql_type)?;
                write!(values.bytes, "{value}").map_err(|_| ValueError::OutOfRange)?;
            }
            values.ends.push(values.bytes.len(), limits)?;
        }
        values.validity.extend_non_empty(cells, limits);
        Ok(())
    }
}
