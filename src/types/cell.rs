//! The encoded bytes of a value and of its parts.

use bytes::Bytes;

use super::ValueError;
use crate::wire::Reader;

/// The encoded bytes of one value.
///
/// A page of rows with text columns is validated as UTF-8 once, as a whole. [`text`](Self::text)
/// then usually only checks that the cell begins and ends at character boundaries.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'r> {
    bytes: &'r [u8],
    /// The page that contains the cell, as text. Empty if the cell belongs to no page, or if the
    /// page is not known to be UTF-8.
    page: &'r str,
    /// Offset of the cell in `page`, in bytes.
    start: usize,
    /// The bytes of the page, whose memory [`share`](Self::share) shares. `None` if the cell does
    /// not belong to a page.
    shared: Option<&'r Bytes>,
}

impl<'r> Cell<'r> {
    /// Returns a cell that does not belong to a page.
    pub const fn new(bytes: &'r [u8]) -> Self {
        Self { bytes, page: "", start: 0, shared: None }
    }

    /// Returns the cell with `bytes` at offset `start` of the page `shared`. `page` is `shared` as
    /// text, or empty if `shared` is not known to be UTF-8.
    #[inline]
    pub(super) const fn in_page(
        bytes: &'r [u8],
        page: &'r str,
        start: usize,
        shared: &'r Bytes,
    ) -> Self {
        Self { bytes, page, start, shared: Some(shared) }
    }

    /// Returns the cell of a part of this value. `bytes` must be a slice of this cell's bytes.
    pub(super) const fn part(self, bytes: &'r [u8]) -> Self {
        Self { bytes, page: "", start: 0, shared: self.shared }
    }

    /// Returns the bytes of the value.
    #[inline]
    pub const fn bytes(self) -> &'r [u8] {
        self.bytes
    }

    /// Returns the bytes of the value as [`Bytes`]. They share the memory of the page if the cell
    /// belongs to a page, and are copied otherwise.
    pub fn share(self) -> Bytes {
        match self.shared {
            Some(page) => page.slice_ref(self.bytes),
            None => Bytes::copy_from_slice(self.bytes),
        }
    }

    /// Returns the bytes of the value as text.
    ///
    /// # Errors
    /// Returns [`ValueError::InvalidUtf8`] if the bytes are not UTF-8.
    #[inline(always)]
    pub fn text(self) -> Result<&'r str, ValueError> {
        if !self.page.is_empty()
            && let Some(text) = self.page.get(self.start..self.start.wrapping_add(self.bytes.len()))
        {
            return Ok(text);
        }
        std::str::from_utf8(self.bytes).map_err(|_| ValueError::InvalidUtf8)
    }

    /// Returns the bytes of the value as an array of `N` bytes.
    ///
    /// # Errors
    /// Returns [`ValueError::Empty`] if the value has no bytes, or [`ValueError::Size`] if its
    /// length is neither 0 nor `N`.
    #[inline(always)]
    pub fn array<const N: usize>(self) -> Result<[u8; N], ValueError> {
        self.bytes.try_into().map_err(|_| wrong_size(N, self.bytes.len()))
    }
}

#[inline]
const fn wrong_size(expected: usize, found: usize) -> ValueError {
    match found {
        0 => ValueError::Empty,
        found => ValueError::Size { expected, found },
    }
}

/// An iterator over the elements of a list or set, or over the alternating keys and values of a
/// map. A collection is an `[int]` count, followed by that many elements or key-value pairs, each
/// part as `[bytes]` (v4 §6.11 to §6.13). A null part is `None`.
#[derive(Debug, Clone)]
pub(super) struct Parts<'r> {
    whole: Cell<'r>,
    reader: Reader<'r>,
    left: usize,
}

impl<'r> Parts<'r> {
    /// Returns the parts of the collection `whole`. Each of its entries has `parts_per_entry`
    /// parts: 1 in lists and sets, 2 in maps.
    pub(super) fn new(whole: Cell<'r>, parts_per_entry: usize) -> Result<Self, ValueError> {
        if whole.bytes.is_empty() {
            return Err(ValueError::Empty);
        }
        let mut reader = Reader::new(whole.bytes);
        let claimed = reader.int("count").map_err(|_| ValueError::TooShort)?;
        // Each part begins with a length of four bytes, so the remaining bytes bound the number of
        // parts.
        let limit = reader.rest().len() / 4;
        let left = usize::try_from(claimed)
            .ok()
            .and_then(|count| count.checked_mul(parts_per_entry))
            .filter(|parts| *parts <= limit)
            .ok_or(ValueError::Count(claimed))?;
        if left == 0 && !reader.is_empty() {
            return Err(ValueError::TooLong);
        }
        Ok(Self { whole, reader, left })
    }

    /// Returns the bytes of all remaining parts if they have `size` bytes each, `None` if their length
    /// differs.
    pub(super) fn sized(&self, size: usize) -> Option<&'r [u8]> {
        let length = size.checked_add(4)?.checked_mul(self.left)?;
        Some(self.reader.rest()).filter(|bytes| bytes.len() == length)
    }

    fn read(&mut self) -> Result<Option<Cell<'r>>, ValueError> {
        let part = self.reader.bytes("element").map_err(|_| ValueError::TooShort)?;
        self.left = self.left.wrapping_sub(1);
        if self.left == 0 && !self.reader.is_empty() {
            return Err(ValueError::TooLong);
        }
        Ok(part.map(|bytes| self.whole.part(bytes)))
    }
}

impl<'r> Iterator for Parts<'r> {
    type Item = Result<Option<Cell<'r>>, ValueError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let part = self.read();
        if part.is_err() {
            self.left = 0;
        }
        Some(part)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Largest number of elements for which memory is allocated before they are decoded.
const MAX_RESERVED: usize = 4_096;

/// Collects `elements`, which `cell` contains. Their number comes from the server, and may be wrong. The
/// first allocation is therefore limited to [`MAX_RESERVED`] elements, because the collections around this
/// one have allocated theirs too, and to eight times the memory of the cell.
pub(super) fn collect<T>(
    elements: impl Iterator<Item = Result<T, ValueError>>,
    cell: Cell<'_>,
) -> Result<Vec<T>, ValueError> {
    let count = elements.size_hint().0.min(MAX_RESERVED);
    let limit = cell.bytes.len().saturating_mul(8).checked_div(size_of::<T>());
    let mut all = Vec::with_capacity(limit.map_or(count, |limit| limit.min(count)));
    for element in elements {
        all.push(element?);
    }
    Ok(all)
}

/// A reader of the fields of a tuple or a user-defined type, each encoded as `[bytes]` (v4 §6.20,
/// §7). Trailing fields may be missing, and are then null.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'r> {
    whole: Cell<'r>,
    reader: Reader<'r>,
}

impl<'r> Fields<'r> {
    pub(crate) fn new(whole: Cell<'r>) -> Result<Self, ValueError> {
        if whole.bytes.is_empty() {
            return Err(ValueError::Empty);
        }
        Ok(Self { whole, reader: Reader::new(whole.bytes) })
    }

    /// Returns true if all fields that the value contains have been read.
    pub(crate) fn is_done(&self) -> bool {
        self.reader.is_empty()
    }

    /// Returns the next field, or `None` if the field is null or missing.
    ///
    /// # Errors
    /// Returns an error if the value ends inside the field.
    #[inline]
    pub(crate) fn read(&mut self) -> Result<Option<Cell<'r>>, ValueError> {
        if self.is_done() {
            return Ok(None);
        }
        let field = self.reader.bytes("field").map_err(|_| ValueError::TooShort)?;
        Ok(field.map(|bytes| self.whole.part(bytes)))
    }

    /// Checks that the value ends after the field that was read last.
    ///
    /// # Errors
    /// Returns [`ValueError::TooLong`] if more bytes follow.
    pub(crate) fn end(&self) -> Result<(), ValueError> {
        if self.is_done() { Ok(()) } else { Err(ValueError::TooLong) }
    }
}
