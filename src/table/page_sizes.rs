//! The sizes of pages, which keep the memory of a scan within its bound.

/// Chooses the number of rows of each page from the sizes of the rows so far.
///
/// The server counts rows, not bytes. The first pages are as small as rows of 1 MiB need; a page has at most 16
/// times as many rows as the largest one that has arrived.
#[derive(Debug)]
pub(super) struct PageSizes {
    /// Maximum number of rows in a page, and the part of it that applies after timeouts.
    max_rows: i32,
    limit: i32,
    /// Number of bytes that a page may have.
    page_bytes: f64,
    /// Number of bytes that all pages in flight may have.
    memory: f64,
    /// Number of pages in flight, and their bytes, which are expected until they have arrived.
    pages: usize,
    reserved: f64,
    /// Number of rows that a page may have because smaller ones have arrived.
    proven_rows: i32,
    /// Moving average of the size of a row in bytes, which rises at once and falls slowly.
    row_size: f64,
}

/// The expected size of a row before one has arrived, in bytes.
const ASSUMED_ROW_SIZE: f64 = 1024.0 * 1024.0;

/// Maximum ratio of the rows of a page to those of the largest page so far.
const GROWTH: i32 = 16;

/// Maximum size of a page in bytes. Larger ones take longer to arrive, and save nothing.
const MAX_PAGE_BYTES: f64 = 1024.0 * 1024.0;

/// A page that is requested.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reservation {
    pub(super) rows: i32,
    bytes: f64,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "sizes are estimated; a conversion to i32 saturates"
)]
impl PageSizes {
    /// `memory` is the bound of all pages in flight in bytes, of which there are at most `in_flight`.
    pub(super) fn new(max_rows: i32, memory: usize, in_flight: usize) -> Self {
        let memory = memory as f64;
        let page_bytes = (memory / in_flight.max(1) as f64).min(MAX_PAGE_BYTES);
        let row_size = ASSUMED_ROW_SIZE;
        let max_rows = max_rows.max(1);
        let limit = max_rows;
        Self {
            max_rows,
            limit,
            page_bytes,
            memory,
            pages: 0,
            reserved: 0.0,
            proven_rows: 1,
            row_size,
        }
    }

    /// Reserves memory for a page of a split whose rows have this mean size; 0 if it is unknown. Returns `None` if the
    /// page has to wait until another one has arrived.
    pub(super) fn reserve(&mut self, row_size: f64) -> Option<Reservation> {
        let row_size = row_size.max(self.row_size);
        let fitting = (self.page_bytes / row_size) as i32;
        let rows = fitting.min(self.proven_rows).min(self.limit).max(1);
        let bytes = f64::from(rows) * row_size;
        if self.pages > 0 && self.reserved + bytes > self.memory {
            return None;
        }
        self.pages += 1;
        self.reserved += bytes;
        Some(Reservation { rows, bytes })
    }

    /// Releases the memory of a page that has arrived, or whose request has failed.
    pub(super) fn release(&mut self, page: Reservation) {
        self.pages -= 1;
        // The sum is rounded.
        self.reserved = if self.pages == 0 { 0.0 } else { (self.reserved - page.bytes).max(0.0) };
    }

    /// Notes the size of a page that has arrived. Returns the mean size of its rows, or `None` if it has none.
    pub(super) fn arrived(
        &mut self,
        page: &mut Reservation,
        rows: usize,
        bytes: usize,
    ) -> Option<f64> {
        let bytes = bytes as f64;
        self.reserved += bytes - page.bytes;
        page.bytes = bytes;
        let arrived = i32::try_from(rows).unwrap_or(i32::MAX);
        self.proven_rows = self.proven_rows.max(arrived.saturating_mul(GROWTH));
        if arrived >= self.limit {
            self.limit = self.limit.saturating_add(self.limit / 8 + 1).min(self.max_rows);
        }
        if rows == 0 {
            return None;
        }
        let mean = bytes / rows as f64;
        let is_first = self.row_size.to_bits() == ASSUMED_ROW_SIZE.to_bits();
        let falling = if is_first { mean } else { 0.9 * self.row_size + 0.1 * mean };
        self.row_size = falling.max(mean).max(1.0);
        Some(mean)
    }

    /// Halves the pages after a timeout. They grow again slowly.
    pub(super) fn shrink(&mut self, page: Reservation) {
        self.limit = (page.rows / 2).max(1).min(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn request(sizes: &mut PageSizes, row_size: usize) -> i32 {
        let mut page = sizes.reserve(0.0).unwrap();
        let rows = usize::try_from(page.rows).unwrap();
        sizes.arrived(&mut page, rows, rows * row_size);
        sizes.release(page);
        page.rows
    }

    fn requests(sizes: &mut PageSizes, pages: usize, row_size: usize) -> Vec<i32> {
        (0..pages).map(|_| request(sizes, row_size)).collect()
    }

    #[test]
    fn pages_of_small_rows_grow_to_the_maximum() {
        let mut sizes = PageSizes::new(5_000, 32 * MIB, 8);
        let pages = requests(&mut sizes, 5, 100);
        assert_eq!(pages, [1, 16, 256, 4_096, 5_000]);
    }

    #[test]
    fn pages_of_large_rows_have_at_most_one_mebibyte() {
        let mut sizes = PageSizes::new(5_000, 32 * MIB, 8);
        let pages = requests(&mut sizes, 4, 10_240);
        assert_eq!(pages, [1, 16, 102, 102]);
        assert_eq!(request(&mut sizes, 4 * MIB), 102);
        assert_eq!(request(&mut sizes, 4 * MIB), 1, "the rows have become larger");
    }

    #[test]
    fn pages_in_flight_are_bounded_together() {
        let mut sizes = PageSizes::new(5_000, 32 * MIB, 1_000);
        let pages: Vec<_> = std::iter::from_fn(|| sizes.reserve(0.0)).collect();
        assert_eq!(pages.len(), 32, "rows of 1 MiB are assumed");
        sizes.release(pages[0]);
        assert!(sizes.reserve(0.0).is_some() && sizes.reserve(0.0).is_none());
    }

    #[test]
    fn a_row_above_the_bound_is_read_alone() {
        let mut sizes = PageSizes::new(5_000, MIB, 8);
        request(&mut sizes, 5 * MIB);
        for _ in 0..1_000 {
            let page = sizes.reserve(0.1).unwrap();
            assert_eq!(page.rows, 1);
            assert!(sizes.reserve(0.0).is_none());
            sizes.release(page);
        }
    }

    #[test]
    fn a_split_with_larger_rows_has_smaller_pages() {
        let mut sizes = PageSizes::new(5_000, 32 * MIB, 8);
        requests(&mut sizes, 4, 100);
        assert_eq!(sizes.reserve(100.0).unwrap().rows, 5_000);
        assert_eq!(sizes.reserve(100_000.0).unwrap().rows, 10);
    }

    #[test]
    fn timeouts_halve_the_pages() {
        let mut sizes = PageSizes::new(1_000, 32 * MIB, 8);
        requests(&mut sizes, 4, 10);
        let page = sizes.reserve(0.0).unwrap();
        sizes.shrink(page);
        sizes.release(page);
        assert_eq!(requests(&mut sizes, 3, 10), [500, 563, 634]);
        sizes.shrink(Reservation { rows: 1, bytes: 0.0 });
        assert_eq!(requests(&mut sizes, 20, 10)[..4], [1, 2, 3, 4]);
        assert_eq!(*requests(&mut sizes, 50, 10).last().unwrap(), 1_000);
    }
}
