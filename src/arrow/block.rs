//! Pages of rows, split into the cells of their columns.

use super::column::RawCell;

/// Maximum number of rows of a block. The cells of a block and the bytes that they refer to then fit into the cache of
/// the CPU. It is not a power of two, because cells of all columns would then share a few lines of the cache.
const MAX_ROWS: usize = 120;

/// Maximum number of cells of a block, unless a row has more. It keeps the memory of many columns small.
const MAX_CELLS: usize = 16_000;

/// The length of rows, in bytes, after which a block ends.
const MAX_BYTES: usize = 64 << 10;

/// Consecutive rows, as the cells of each column.
///
/// Each column reads its cells in one loop. This takes less time than passing each cell to its column, although cells
/// are read twice.
pub(super) struct Block<'r> {
    /// The cells of each column, which has `max_rows` of them.
    cells: Vec<RawCell<'r>>,
    max_rows: usize,
    rows: usize,
}

/// Index of the column whose cell is truncated.
pub(super) struct Truncated(pub(super) usize);

impl<'r> Block<'r> {
    /// Returns a block without rows, for a page of `count` rows.
    pub(super) fn new(columns: usize, count: usize) -> Self {
        let max_rows = MAX_CELLS.checked_div(columns).unwrap_or(MAX_ROWS);
        let max_rows = max_rows.min(MAX_ROWS).min(count).max(1);
        Self { cells: vec![None; columns.saturating_mul(max_rows)], max_rows, rows: 0 }
    }

    /// Reads at most `count` rows from the start of `rest`, and removes them from it. They replace the rows of the
    /// block.
    pub(super) fn read(&mut self, rest: &mut &'r [u8], count: usize) -> Result<(), Truncated> {
        self.rows = 0;
        // A local copy, which the compiler can keep in registers.
        let mut bytes = *rest;
        let end = bytes.len().saturating_sub(MAX_BYTES);
        while self.rows < count.min(self.max_rows) && bytes.len() >= end {
            let row = self.rows;
            for (index, column) in self.cells.chunks_exact_mut(self.max_rows).enumerate() {
                let (cell, after) = split_cell(bytes).ok_or(Truncated(index))?;
                bytes = after;
                if let Some(slot) = column.get_mut(row) {
                    *slot = cell;
                }
            }
            self.rows = row.saturating_add(1);
        }
        *rest = bytes;
        Ok(())
    }

    /// Returns the number of rows that have been read.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the cells of each column.
    pub(super) fn columns(&self) -> impl Iterator<Item = &[RawCell<'r>]> {
        let columns = self.cells.chunks_exact(self.max_rows);
        columns.map(|column| column.get(..self.rows).unwrap_or_default())
    }
}

/// Splits a cell, a `[bytes]`, from the bytes after it. Returns `None` if `bytes` ends inside the cell.
#[inline(always)]
fn split_cell(bytes: &[u8]) -> Option<(RawCell<'_>, &[u8])> {
    let (length, bytes) = bytes.split_first_chunk()?;
    let length = i32::from_be_bytes(*length);
    match usize::try_from(length) {
        Ok(length) => bytes.split_at_checked(length).map(|(cell, after)| (Some(cell), after)),
        Err(_) => Some((None, bytes)),
    }
}
