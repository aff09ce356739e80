//! Pages of rows, split into the cells of their columns.

use super::column::RawCell;

/// Maximum number of rows of a block. The cells of a block and the bytes that they refer to then fit into the cache of
/// the CPU. It is not a power of two, because cells of all columns would then share a few lines of the cache.
const MAX_ROWS: usize = 120;

/// The length of rows, in bytes, after which a block ends.
const MAX_BYTES: usize = 64 << 10;

/// Consecutive rows, as the cells of each column.
///
/// Each column reads its cells in one loop. This takes less time than passing each cell to its column, although cells
/// are read twice.
pub(super) struct Block<'r> {
    columns: Vec<[RawCell<'r>; MAX_ROWS]>,
    rows: usize,
}

/// The column of a cell that the page ends in.
pub(super) struct Truncated(pub(super) usize);

impl<'r> Block<'r> {
    pub(super) fn new(columns: usize) -> Self {
        Self { columns: vec![[None; MAX_ROWS]; columns], rows: 0 }
    }

    /// Reads at most `count` rows from the start of `rest`, and removes them from it. The block had other rows
    /// before.
    pub(super) fn read(&mut self, rest: &mut &'r [u8], count: usize) -> Result<(), Truncated> {
        self.rows = 0;
        let end = rest.len().saturating_sub(MAX_BYTES);
        while self.rows < count.min(MAX_ROWS) && (rest.len() >= end || self.rows == 0) {
            for (index, column) in self.columns.iter_mut().enumerate() {
                let cell = read_cell(rest).ok_or(Truncated(index))?;
                if let Some(slot) = column.get_mut(self.rows) {
                    *slot = cell;
                }
            }
            self.rows = self.rows.saturating_add(1);
        }
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

/// Reads a cell, a `[bytes]`. Returns `None` if `rest` ends inside the cell.
#[inline(always)]
fn read_cell<'r>(rest: &mut &'r [u8]) -> Option<RawCell<'r>> {
    let (length, bytes) = rest.split_first_chunk()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *rest = bytes;
        return Some(None);
    };
    let (cell, bytes) = bytes.split_at_checked(length)?;
    *rest = bytes;
    Some(Some(cell))
}
