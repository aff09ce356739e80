//! The nulls of a column.

use arrow_buffer::{BooleanBufferBuilder, NullBuffer};

use super::column::{Limits, RawCell};

/// A bit for each value of a column: 0 for null. It takes no memory before the first null.
#[derive(Default)]
pub(super) struct Validity {
    len: usize,
    /// `None` if there is no null.
    bits: Option<BooleanBufferBuilder>,
}

impl Validity {
    /// Appends `count` values that are not null.
    pub(super) fn extend_valid(&mut self, count: usize) {
        self.len = self.len.saturating_add(count);
        if let Some(bits) = &mut self.bits {
            bits.append_n(count, true);
        }
    }

    /// Appends the validity of each cell: `is_valid` of its bytes, false for null.
    pub(super) fn extend(
        &mut self,
        cells: &[RawCell<'_>],
        mut is_valid: impl FnMut(&[u8]) -> bool,
    ) {
        append_bits(self.bits(cells.len()), cells, |cell| cell.is_some_and(&mut is_valid));
        self.len = self.len.saturating_add(cells.len());
    }

    /// Appends `count` nulls.
    pub(super) fn extend_nulls(&mut self, count: usize) {
        self.bits(count).append_n(count, false);
        self.len = self.len.saturating_add(count);
    }

    /// Returns the bits. If there are none yet, creates those of the present values, with capacity for `count` more.
    fn bits(&mut self, count: usize) -> &mut BooleanBufferBuilder {
        self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(self.len.saturating_add(count));
            bits.append_n(self.len, true);
            bits
        })
    }

    /// Appends the validity of cells whose empty values are null, and counts these. Returns the number of cells that
    /// are not null.
    #[inline(never)]
    pub(super) fn extend_non_empty(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> usize {
        let (mut present, mut valid) = (0_usize, 0_usize);
        self.extend(cells, |bytes| {
            present = present.wrapping_add(1);
            valid = valid.wrapping_add(usize::from(!bytes.is_empty()));
            !bytes.is_empty()
        });
        let empty = present.saturating_sub(valid);
        limits.empty_values = limits.empty_values.saturating_add(empty);
        valid
    }

    /// Reserves memory for `count` values.
    pub(super) fn reserve(&mut self, count: usize) {
        if let Some(bits) = &mut self.bits {
            bits.reserve(count);
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        if let Some(bits) = &mut self.bits {
            bits.truncate(len);
        }
    }

    pub(super) fn byte_len(&self) -> usize {
        self.bits.as_ref().map_or(0, |bits| bits.len().div_ceil(8))
    }

    /// Returns the bits, or `None` if no value is null. The validity is then empty.
    pub(super) fn finish(&mut self) -> Option<NullBuffer> {
        self.len = 0;
        let bits = self.bits.take()?;
        Some(NullBuffer::new(bits.build())).filter(|nulls| nulls.null_count() > 0)
    }
}

/// Appends a bit for each cell.
#[inline(always)]
pub(super) fn append_bits(
    bits: &mut BooleanBufferBuilder,
    cells: &[RawCell<'_>],
    mut is_set: impl FnMut(RawCell<'_>) -> bool,
) {
    // Bits are collected in a register: appending each of them to the buffer takes three times as long.
    for cells in cells.chunks(64) {
        let word = cells.iter().rev().fold(0, |word, cell| word << 1 | u64::from(is_set(*cell)));
        bits.append_word(word, cells.len());
    }
}
