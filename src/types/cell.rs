//! The bytes of a value, and of its parts.

use bytes::Bytes;

use super::ValueError;
use crate::wire::Reader;

/// The bytes of one value, on their way to a Rust type.
///
/// Text costs next to nothing: the page that a cell belongs to has usually been found to be UTF-8
/// as a whole, so a cell is only cut out of it.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'r> {
    bytes: &'r [u8],
    /// The whole page as text, or nothing when it is not; and where the cell begins in it.
    page: &'r str,
    start: usize,
    shared: Option<&'r Bytes>,
}

impl<'r> Cell<'r> {
    /// A value that is not part of a page.
    pub const fn new(bytes: &'r [u8]) -> Self {
        Self { bytes, page: "", start: 0, shared: None }
    }

    /// A value that begins at `start` of `page`, which is the text of `shared` or empty.
    #[inline]
    pub(super) const fn of_page(
        bytes: &'r [u8],
        page: &'r str,
        start: usize,
        shared: &'r Bytes,
    ) -> Self {
        Self { bytes, page, start, shared: Some(shared) }
    }

    /// A value inside of this one, with its `bytes`.
    pub(super) const fn part(self, bytes: &'r [u8]) -> Self {
        Self { bytes, page: "", start: 0, shared: self.shared }
    }

    /// The value's bytes.
    #[inline]
    pub const fn bytes(self) -> &'r [u8] {
        self.bytes
    }

    /// The value's bytes, shared with the response they came in where there is one.
    pub fn share(self) -> Bytes {
        match self.shared {
            Some(page) => page.slice_ref(self.bytes),
            None => Bytes::copy_from_slice(self.bytes),
        }
    }

    /// The value's bytes as text.
    ///
    /// # Errors
    /// [`ValueError::InvalidUtf8`].
    #[inline(always)]
    pub fn text(self) -> Result<&'r str, ValueError> {
        if !self.page.is_empty()
            && let Some(text) = self.page.get(self.start..self.start.wrapping_add(self.bytes.len()))
        {
            return Ok(text);
        }
        std::str::from_utf8(self.bytes).map_err(|_| ValueError::InvalidUtf8)
    }

    /// The value as exactly `N` bytes.
    ///
    /// # Errors
    /// [`ValueError::Empty`] for no bytes at all, [`ValueError::Size`] for another number.
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

/// The elements of a list or set, or the keys and values of a map: `[bytes]` after `[bytes]`, as
/// many as the `[int]` before them says (v4 §6.12).
#[derive(Debug, Clone)]
pub(super) struct Parts<'r> {
    whole: Cell<'r>,
    reader: Reader<'r>,
    left: usize,
}

impl<'r> Parts<'r> {
    /// The parts of a value that has `each` of them, times its count.
    pub(super) fn new(whole: Cell<'r>, each: usize) -> Result<Self, ValueError> {
        if whole.bytes.is_empty() {
            return Err(ValueError::Empty);
        }
        let mut reader = Reader::new(whole.bytes);
        let claimed = reader.int("count").map_err(|_| ValueError::TooShort)?;
        // Every part takes at least the four bytes of its length.
        let limit = reader.rest().len() / 4;
        let left = usize::try_from(claimed)
            .ok()
            .and_then(|count| count.checked_mul(each))
            .filter(|parts| *parts <= limit)
            .ok_or(ValueError::Count(claimed))?;
        if left == 0 && !reader.is_empty() {
            return Err(ValueError::TooLong);
        }
        Ok(Self { whole, reader, left })
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

/// The fields of a tuple or a user-defined type, `[bytes]` after `[bytes]` (v4 §6.22, §6.23); the
/// last ones may be missing, which is null.
#[derive(Debug, Clone)]
pub(super) struct Fields<'r> {
    whole: Cell<'r>,
    reader: Reader<'r>,
}

impl<'r> Fields<'r> {
    pub(super) fn new(whole: Cell<'r>) -> Result<Self, ValueError> {
        if whole.bytes.is_empty() {
            return Err(ValueError::Empty);
        }
        Ok(Self { whole, reader: Reader::new(whole.bytes) })
    }

    /// Whether no more fields were sent.
    pub(super) fn is_done(&self) -> bool {
        self.reader.is_empty()
    }

    /// The next field; `None` is null.
    #[inline]
    pub(super) fn read(&mut self) -> Result<Option<Cell<'r>>, ValueError> {
        if self.is_done() {
            return Ok(None);
        }
        let field = self.reader.bytes("field").map_err(|_| ValueError::TooShort)?;
        Ok(field.map(|bytes| self.whole.part(bytes)))
    }

    /// Whether the value ends here, as it must after the last field of its type.
    pub(super) fn end(&self) -> Result<(), ValueError> {
        if self.is_done() { Ok(()) } else { Err(ValueError::TooLong) }
    }
}
