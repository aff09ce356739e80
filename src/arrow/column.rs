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
    /// Returns an error if a value is invalid, or if the array would be too large. The caller then truncates the
    /// column to its former length: it may have any part of the values.
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure>;

    /// Appends values that follow each other without their lengths. Returns false, and appends nothing, if the
    /// column has no values of a fixed size.
    fn extend_packed(&mut self, _values: &[u8]) -> bool {
        false
    }

    /// Reserves memory for `count` more values, whose bytes are at most `max_bytes` altogether.
    fn reserve(&mut self, _count: usize, _max_bytes: usize) {}

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
}

impl From<ValueError> for Failure {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

/// Maximum number of [fillers](Limits::add_fillers) of one page.
const MAX_FILLERS: usize = 1 << 24;

/// The limits of a batch, and what is counted while values are appended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Maximum length of the text or bytes of one column, and maximum number of elements in its lists.
    pub(super) max_offset: usize,
    /// Number of empty values that became null.
    pub(super) empty_values: usize,
    fillers: usize,
}

impl Limits {
    pub(super) const fn new() -> Self {
        Self { max_offset: 0x7fff_ffff, empty_values: 0, fillers: 0 }
    }

    /// Forgets the fillers of the page before.
    pub(super) const fn start_page(&mut self) {
        self.fillers = 0;
    }

    /// Counts elements below a null, or absent fields, which take memory in Arrow but no bytes in the page. Without
    /// a limit, a null of four bytes could take any amount of memory.
    pub(super) fn add_fillers(&mut self, count: usize) -> Result<(), Failure> {
        self.fillers = self.fillers.saturating_add(count);
        if self.fillers > MAX_FILLERS { Err(Failure::TooLarge) } else { Ok(()) }
    }
}
