//! Pages of rows, split into the cells of their columns.

use super::column::RawCell;

/// Maximum number of rows of a block of few columns. The cells of a block and the bytes that they refer to then fit into
/// the cache of the CPU. It is not a power of two, because cells of all columns would then share a few lines of the cache.
pub(super) const MAX_ROWS: usize = 120;

/// Maximum number of rows of a block of more than [`FEW_COLUMNS`] columns, whose cells would take too much memory.
pub(super) const FEW_ROWS: usize = 8;

/// Maximum number of columns for blocks of [`MAX_ROWS`] rows.
pub(super) const FEW_COLUMNS: usize = 128;

/// The length of rows, in bytes, after which a block ends.
const MAX_BYTES: usize = 64 << 10;

/// Consecutive rows, as the cells of each column.
///
/// Each column reads its cells in one loop. This takes less time than passing each cell to its column, although cells
/// are read twice. The number of rows is a constant, because the loops are then faster.
pub(super) struct Block<'r, const ROWS: usize> {
    columns: Vec<[RawCell<'r>; ROWS]>,
    rows: usize,
}

/// Index of the column whose cell is truncated.
pub(super) struct Truncated(pub(super) usize);

impl<'r, const ROWS: usize> Block<'r, ROWS> {
    /// Returns a block without rows.
    pub(super) fn new(columns: usize) -> Self {
        Self { columns: vec![[None; ROWS]; columns], rows: 0 }
    }

    /// Reads at most `count` rows from the start of `rest`, and removes them from it. They replace the rows of the
    /// block.
    pub(super) fn read(&mut self, rest: &mut &'r [u8], count: usize) -> Result<(), Truncated> {
        self.rows = 0;
        // A local copy, which the compiler can keep in registers.
        let mut bytes = *rest;
        let end = bytes.len().saturating_sub(MAX_BYTES);
        while self.rows < count.min(ROWS) && bytes.len() >= end {
            let row = self.rows;
            for (index, column) in self.columns.iter_mut().enumerate() {
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
        self.columns.iter().map(|column| column.get(..self.rows).unwrap_or_default())
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
