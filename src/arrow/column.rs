//! The interface of the builders of all columns.

use arrow_array::ArrayRef;
use arrow_schema::ArrowError;

use crate::types::ValueError;

/// The bytes of a value, or `None` for null.
pub(super) type RawCell<'r> = Option<&'r [u8]>;

/// A builder of the array of one column, or of the array of a part of nested values.
pub(super) trait Column: Send + Sync {
    /// Appends values.
    ///
    /// # Errors
    /// Returns an error if a value is invalid, or if the array would be too large. The column may then contain some
    /// of the values, until the caller truncates it to its former length.
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure>;

    /// Appends values that follow each other without their lengths. Returns false, and appends nothing, if the
    /// column has no values of a fixed size.
    fn extend_packed(&mut self, _values: &[u8]) -> bool {
        false
    }

    /// Appends nulls below nulls of the parent. The caller has counted them with [`Limits::add_fillers`].
    fn extend_nulls(&mut self, count: usize);

    /// Returns the length of a null in the buffers, in bytes, rounded up.
    fn null_len(&self) -> usize;

    /// Reserves memory for `count` more values, and at most `budget` bytes for those of variable length. Deducts these
    /// bytes from `budget`, which all columns share.
    fn reserve(&mut self, _count: usize, _budget: &mut usize) {}

    /// Returns the number of values.
    fn len(&self) -> usize;

    /// Removes the values after the first `len`.
    fn truncate(&mut self, len: usize);

    /// Returns the length of the buffers in bytes, without spare capacity.
    fn byte_len(&self) -> usize;

    /// Returns the array, and leaves the column empty.
    fn finish(&mut self) -> Result<ArrayRef, ArrowError>;
}

/// A reason why values cannot be appended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Failure {
    /// The bytes of a value are invalid for its type.
    Value(ValueError),
    /// The array would be too large.
    TooLarge,
    /// The fillers of the page would be too large.
    FillersTooLarge,
}

impl From<ValueError> for Failure {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

/// Maximum length of the [fillers](Limits::add_fillers) of an empty page, in bytes. It is 4 times that of 5,000 null
/// vectors of 1,536 floats.
const MAX_FILLER_BYTES: usize = 128 << 20;

/// Bytes of fillers that are allowed for each byte of a page, in addition to [`MAX_FILLER_BYTES`].
const FILLERS_PER_BYTE: usize = 16;

/// The limits of a batch and of the current page, and the number of empty values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Maximum length of the text or bytes of one column, and maximum number of elements in its lists.
    pub(super) max_offset: usize,
    /// Number of empty values that became null.
    pub(super) empty_values: usize,
    /// Bytes of fillers that the rest of the page may add.
    filler_budget: usize,
}

impl Limits {
    pub(super) const fn new() -> Self {
        Self { max_offset: 0x7fff_ffff, empty_values: 0, filler_budget: 0 }
    }

    /// Resets the budget of fillers for a page of `length` bytes.
    pub(super) const fn start_page(&mut self, length: usize) {
        self.filler_budget =
            MAX_FILLER_BYTES.saturating_add(length.saturating_mul(FILLERS_PER_BYTE));
    }

    /// Counts `count` fillers of `length` bytes each: elements below a null, and absent fields, which take memory in
    /// Arrow but no bytes in the page. Without a limit, a null of four bytes could take any amount of memory.
    pub(super) fn add_fillers(&mut self, count: usize, length: usize) -> Result<(), Failure> {
        let rest =
            count.checked_mul(length).and_then(|bytes| self.filler_budget.checked_sub(bytes));
        self.filler_budget = rest.ok_or(Failure::FillersTooLarge)?;
        Ok(())
    }
}
