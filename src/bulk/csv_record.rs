//! Splits CSV records into fields.

use std::io::{self, Read};

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use memchr::{memchr, memchr2, memchr3};

use super::csv_dialect::CsvDialect;
use super::input_buffer::InputBuffer;

/// The progress of parsing a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordEnd {
    /// The record continues after the bytes that have been read.
    NotYet,
    Complete,
    /// The input ends inside of quotes.
    OpenQuote,
}

/// A parser of CSV records, and the fields of the current record.
#[derive(Debug)]
pub(super) struct CsvRecords {
    reader: Reader,
    delimiter: u8,
    quote: u8,
    /// `None` if quotes in a field are doubled.
    escape: Option<u8>,
    /// The text of the fields that csv-core has parsed, one after the other, without quotes; its first `length` bytes.
    text: Vec<u8>,
    length: usize,
    fields: Vec<FieldSpan>,
    /// True if the fields are parts of the record itself instead of `text`.
    is_plain: bool,
    /// True if the current field began with a quote. `None` before its first byte.
    is_quoted: Option<bool>,
    is_complete: bool,
}

#[derive(Debug, Clone, Copy)]
struct FieldSpan {
    start: usize,
    end: usize,
    is_quoted: bool,
}

/// The fields of a CSV record.
#[derive(Debug, Clone, Copy)]
pub(super) struct CsvFields<'b> {
    text: &'b [u8],
    spans: &'b [FieldSpan],
}

/// A field of a CSV record, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) is_quoted: bool,
}

/// Least number of bytes for the text of the fields of a record.
const MIN_TEXT: usize = 4 << 10;

impl CsvRecords {
    pub(super) fn new(dialect: &CsvDialect) -> Self {
        let escape = dialect.separate_escape();
        let mut reader = ReaderBuilder::new();
        reader.delimiter(dialect.delimiter).quote(dialect.quote);
        reader.escape(escape).double_quote(escape.is_none());
        let mut reader = reader.build();
        // At its first bytes, csv-core skips a byte order mark, which the record reader has skipped already.
        reader.read_field(b"\n", &mut []);
        Self {
            reader,
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            escape,
            text: Vec::new(),
            length: 0,
            fields: Vec::new(),
            is_plain: false,
            is_quoted: None,
            is_complete: true,
        }
    }

    /// Parses bytes of the current record until it ends, or until more bytes must be read.
    ///
    /// # Errors
    /// Returns the errors of the input.
    pub(super) fn parse<R: Read>(&mut self, buffer: &mut InputBuffer<R>) -> io::Result<RecordEnd> {
        let unparsed = buffer.unparsed()?;
        if std::mem::take(&mut self.is_complete) {
            self.length = 0;
            self.fields.clear();
            self.is_quoted = None;
            let length = self.split_plain(unparsed);
            self.is_plain = length.is_some();
            if let Some(length) = length {
                buffer.advance(length);
                self.is_complete = true;
                return Ok(RecordEnd::Complete);
            }
            self.fields.clear();
        }
        // A line break after the end of the input ends the record, or becomes part of a field in quotes.
        let is_at_end = unparsed.is_empty();
        let unparsed = if is_at_end { b"\n" } else { unparsed };
        let mut end = if is_at_end { RecordEnd::OpenQuote } else { RecordEnd::NotYet };
        let mut parsed = 0;
        while let Some((first, _)) = unparsed.get(parsed..).and_then(<[u8]>::split_first) {
            let is_quoted = *self.is_quoted.get_or_insert(*first == self.quote);
            if self.text.len() == self.length {
                self.text.resize((2 * self.length).max(MIN_TEXT), 0);
            }
            let input = unparsed.get(parsed..).unwrap_or_default();
            let free = self.text.get_mut(self.length..).unwrap_or_default();
            let (result, read, written) = self.reader.read_field(input, free);
            parsed += read;
            self.length += written;
            if let ReadFieldResult::Field { record_end } = result {
                let start = self.fields.last().map_or(0, |field| field.end);
                self.fields.push(FieldSpan { start, end: self.length, is_quoted });
                self.is_quoted = None;
                if record_end {
                    end = RecordEnd::Complete;
                    break;
                }
            }
        }
        let parsed = if is_at_end { 0 } else { parsed };
        buffer.advance(parsed);
        self.is_complete = end != RecordEnd::NotYet;
        Ok(end)
    }

    /// Splits the record at the start of `bytes` into fields that are parts of it, as csv-core would. Returns its length with
    /// the first byte of its line break.
    ///
    /// Returns `None` if the record goes on after `bytes`, or if one of its fields contains a quote or an escape.
    /// `fields` may then have some of its fields.
    ///
    /// csv-core takes five times as long, because it looks at each byte.
    fn split_plain(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut start = 0;
        loop {
            let rest = bytes.get(start..)?;
            let is_quoted = rest.first() == Some(&self.quote);
            let (length, after) = if is_quoted {
                start += 1;
                let rest = bytes.get(start..)?;
                let length = match self.escape {
                    Some(escape) => memchr2(self.quote, escape, rest)?,
                    None => memchr(self.quote, rest)?,
                };
                if rest.get(length) != Some(&self.quote) {
                    return None;
                }
                (length, start + length + 1)
            } else {
                let length = memchr3(self.delimiter, b'\r', b'\n', rest)?;
                (length, start + length)
            };
            self.fields.push(FieldSpan { start, end: start + length, is_quoted });
            match *bytes.get(after)? {
                byte if byte == self.delimiter => start = after + 1,
                b'\r' | b'\n' => return Some(after + 1),
                _ => return None,
            }
        }
    }

    /// Discards the fields of the current record.
    pub(super) fn clear(&mut self) {
        self.length = 0;
        self.fields = Vec::new();
        self.text.truncate(MIN_TEXT);
        self.text.shrink_to_fit();
    }

    /// Returns true if text follows the closing quote of a field. csv-core adds it to the field. `record` contains the
    /// bytes of the record that was parsed last.
    pub(super) fn has_text_after_quote(&self, record: &[u8]) -> bool {
        if self.is_plain || !self.fields.iter().any(|field| field.is_quoted) {
            return false;
        }
        let mut rest = record;
        loop {
            if let Some(quoted) = rest.strip_prefix(&[self.quote]) {
                rest = self.after_quote(quoted);
                match rest.first() {
                    Some(b'\r' | b'\n') | None => return false,
                    Some(byte) if *byte == self.delimiter => {}
                    Some(_) => return true,
                }
            }
            match rest.iter().position(|byte| *byte == self.delimiter) {
                Some(index) => rest = rest.get(index + 1..).unwrap_or_default(),
                None => return false,
            }
        }
    }

    /// Returns the bytes after the closing quote of a field. `quoted` begins after its opening quote.
    fn after_quote<'r>(&self, quoted: &'r [u8]) -> &'r [u8] {
        let mut bytes = quoted.iter();
        while let Some(&byte) = bytes.next() {
            if Some(byte) == self.escape {
                bytes.next();
            } else if byte == self.quote {
                match self.escape.is_none() && bytes.as_slice().first() == Some(&self.quote) {
                    true => bytes.next(),
                    false => break,
                };
            }
        }
        bytes.as_slice()
    }

    /// Returns the fields of the record that was parsed last, whose bytes `record` contains.
    pub(super) fn fields<'b>(&'b self, record: &'b [u8]) -> CsvFields<'b> {
        let text = if self.is_plain { record } else { &self.text };
        CsvFields { text, spans: &self.fields }
    }
}

impl<'b> CsvFields<'b> {
    /// Returns the number of fields.
    pub(super) const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns a field by its index.
    pub(super) fn get(self, index: usize) -> Option<Field<'b>> {
        self.spans.get(index).map(|span| self.field(*span))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Field<'b>> {
        self.spans.iter().map(move |span| self.field(*span))
    }

    fn field(self, FieldSpan { start, end, is_quoted }: FieldSpan) -> Field<'b> {
        Field { bytes: self.text.get(start..end).unwrap_or_default(), is_quoted }
    }
}
