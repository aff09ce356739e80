//! The bytes of an input that belong to the current record.

use std::io::{self, ErrorKind, Read};

use memchr::memchr_iter;

/// The place of a record in its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct InputPlace {
    /// Number of the line in which the record begins, from 1; in Parquet, the number of the row.
    pub line: u64,
    /// Offset of the record in the decompressed input, in bytes; in Parquet, 0.
    pub offset: u64,
}

/// A buffer that holds the current record and the bytes after it.
#[derive(Debug)]
pub(super) struct InputBuffer<R> {
    input: R,
    bytes: Vec<u8>,
    /// Start of the current record, the first byte that has not been parsed, and the end of the bytes read.
    start: usize,
    position: usize,
    end: usize,
    place: InputPlace,
}

/// Number of bytes that are read at once.
const CHUNK: usize = 256 << 10;

impl<R: Read> InputBuffer<R> {
    pub(super) fn new(input: R) -> Self {
        let place = InputPlace { line: 1, offset: 0 };
        Self { input, bytes: Vec::new(), start: 0, position: 0, end: 0, place }
    }

    /// Returns the place of the current record.
    pub(super) const fn place(&self) -> InputPlace {
        self.place
    }

    /// Returns the bytes of the current record that have been parsed.
    pub(super) fn record(&self) -> &[u8] {
        self.bytes.get(self.start..self.position).unwrap_or_default()
    }

    /// Returns the byte that was parsed last.
    pub(super) fn last_byte(&self) -> Option<u8> {
        self.bytes.get(self.position.checked_sub(1)?).copied()
    }

    /// Returns the bytes that have been read, but not parsed.
    pub(super) fn buffered(&self) -> &[u8] {
        self.bytes.get(self.position..self.end).unwrap_or_default()
    }

    /// Returns the bytes that have not been parsed. Reads more if there are none; an empty slice is the end of the
    /// input.
    ///
    /// # Errors
    /// Returns the errors of the input.
    pub(super) fn unparsed(&mut self) -> io::Result<&[u8]> {
        if self.position == self.end {
            self.fill()?;
        }
        Ok(self.buffered())
    }

    /// Reads until `count` bytes have not been parsed, or the input ends.
    ///
    /// # Errors
    /// Returns the errors of the input.
    pub(super) fn at_least(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.position < count && self.fill()? > 0 {}
        self.unparsed()
    }

    /// Marks `count` bytes as parsed.
    pub(super) fn advance(&mut self, count: usize) {
        self.position = self.end.min(self.position + count);
    }

    /// Starts a new record with the first byte that has not been parsed.
    pub(super) fn start_record(&mut self) {
        let lines = memchr_iter(b'\n', self.record()).count();
        self.place.line += lines as u64;
        self.place.offset += (self.position - self.start) as u64;
        self.start = self.position;
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.position -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() < self.end + CHUNK {
            // Doubled, so that a long record is moved a few times only.
            self.bytes.resize((self.end + CHUNK).max(2 * self.end), 0);
        }
        let free = self.bytes.get_mut(self.end..).unwrap_or_default();
        let count = loop {
            match self.input.read(free) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.end += count;
        Ok(count)
    }
}
