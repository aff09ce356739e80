//! End offsets of variable-length values.

use arrow_buffer::{OffsetBuffer, ScalarBuffer};

use super::column::{Failure, Limits};

/// The end of each value, counted in bytes or elements. The first value begins at 0.
#[derive(Default)]
pub(super) struct Offsets(Vec<i32>);

impl Offsets {
    /// Length of an offset, in bytes.
    pub(super) const SIZE: usize = size_of::<i32>();

    pub(super) fn reserve(&mut self, values: usize) {
        self.0.reserve(values);
    }

    /// Appends values of these lengths. The first one begins at `start`. Returns the end of the last one.
    #[inline]
    pub(super) fn extend(
        &mut self,
        start: usize,
        lengths: impl ExactSizeIterator<Item = usize>,
        limits: &Limits,
    ) -> Result<usize, Failure> {
        let mut end = start;
        self.0.extend(lengths.map(|length| {
            end = end.saturating_add(length);
            i32::try_from(end).unwrap_or(i32::MAX)
        }));
        if end > limits.max_offset { Err(Failure::TooLarge) } else { Ok(end) }
    }

    /// Appends a value that ends at `end`.
    #[inline]
    pub(super) fn push(&mut self, end: usize, limits: &Limits) -> Result<(), Failure> {
        let offset = i32::try_from(end).ok().filter(|_| end <= limits.max_offset);
        self.0.push(offset.ok_or(Failure::TooLarge)?);
        Ok(())
    }

    /// Appends `count` values without bytes or elements.
    pub(super) fn extend_empty(&mut self, count: usize) {
        let end = self.0.last().copied().unwrap_or(0);
        self.0.resize(self.0.len().saturating_add(count), end);
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Removes the values after the first `len`. Returns the end of the last one that is left.
    pub(super) fn truncate(&mut self, len: usize) -> usize {
        self.0.truncate(len);
        self.0.last().map_or(0, |end| usize::try_from(*end).unwrap_or(0))
    }

    pub(super) fn byte_len(&self) -> usize {
        size_of_val(self.0.as_slice())
    }

    /// Returns the offsets with the leading 0, and leaves no values.
    pub(super) fn finish(&mut self) -> OffsetBuffer<i32> {
        let mut ends = std::mem::take(&mut self.0);
        ends.insert(0, 0);
        OffsetBuffer::new(ScalarBuffer::from(ends))
    }
}
