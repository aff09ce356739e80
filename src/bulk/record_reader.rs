//! Reads the records of an input, before their fields are parsed as values.

use std::fmt;
use std::io::{self, Read};

use super::csv_dialect::CsvDialect;
use super::csv_field::BYTE_ORDER_MARK;
use super::csv_record::{CsvFields, CsvRecords, RecordEnd};
use super::format::Format;
use super::input_buffer::{InputBuffer, InputPlace};

/// A reader of the records of an input in a [`Format`]: of CSV records, or of lines of JSON.
///
/// It returns every record with its place. A record that is cut off, too long or malformed is followed by the next one.
/// Empty lines are skipped and not counted as records, also in a file of one column: a null or an empty text in it
/// needs another form, such as `""`.
#[derive(Debug)]
pub struct RecordReader<R> {
    buffer: InputBuffer<R>,
    framing: Framing,
    limit: usize,
    is_at_start: bool,
    /// The start of the current record, if it is longer than the limit.
    kept: Vec<u8>,
}

#[derive(Debug)]
enum Framing {
    Csv(Box<CsvRecords>),
    Lines,
}

/// A record of an input.
#[derive(Debug)]
pub struct InputRecord<'b> {
    /// The place of the record.
    pub place: InputPlace,
    /// The bytes of the record, without the line break at its end.
    pub raw: &'b [u8],
    /// False if the input ends without a line break after the record: it may have been cut off.
    pub is_terminated: bool,
    pub(super) content: RecordContent<'b>,
}

/// The parts of a record.
#[derive(Debug)]
pub(super) enum RecordContent<'b> {
    Fields(CsvFields<'b>),
    Line(&'b [u8]),
    Invalid(RecordFault),
}

/// The reason why a record cannot be split into fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordFault {
    OpenQuote,
    TextAfterQuote,
    TooLong { limit: usize },
}

/// Default of [`RecordReader::limit`].
const DEFAULT_LIMIT: usize = 16 << 20;

/// Number of bytes of a record beyond the limit that are kept, for the error file.
const KEPT: usize = 64 << 10;

impl InputRecord<'_> {
    /// Returns true if the input ends inside of quotes.
    pub const fn is_open(&self) -> bool {
        matches!(self.content, RecordContent::Invalid(RecordFault::OpenQuote))
    }

    /// Returns true if the record is longer than the [limit](RecordReader::limit), so that `raw` is only its start.
    pub const fn is_too_long(&self) -> bool {
        matches!(self.content, RecordContent::Invalid(RecordFault::TooLong { .. }))
    }
}

impl<R: Read> RecordReader<R> {
    /// Returns a reader of the records of `input`, which is not compressed. `dialect` applies to CSV only.
    pub fn new(input: R, format: Format, dialect: &CsvDialect) -> Self {
        let framing = match format {
            Format::Csv => Framing::Csv(Box::new(CsvRecords::new(dialect))),
            Format::JsonLines => Framing::Lines,
        };
        let buffer = InputBuffer::new(input);
        Self { buffer, framing, limit: DEFAULT_LIMIT, is_at_start: true, kept: Vec::new() }
    }

    /// Sets the length in bytes above which a record is invalid. Default: 16 MiB.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Returns the place of the first record that has not been read.
    pub const fn place(&self) -> InputPlace {
        self.buffer.place()
    }

    /// Returns true if the next record has not been read from the input, so that reading it may take long.
    pub fn is_drained(&self) -> bool {
        self.buffer.buffered().iter().all(|byte| b"\r\n".contains(byte))
    }

    /// Reads the next record. Returns `None` at the end of the input.
    ///
    /// # Errors
    /// Returns the errors of the input.
    pub fn next_record(&mut self) -> io::Result<Option<InputRecord<'_>>> {
        if std::mem::take(&mut self.is_at_start)
            && self.buffer.at_least(BYTE_ORDER_MARK.len())?.starts_with(BYTE_ORDER_MARK)
        {
            self.buffer.advance(BYTE_ORDER_MARK.len());
        }
        // The line break of the record before this one, and empty lines.
        let blanks: &[u8] = match self.framing {
            Framing::Csv(_) => b"\r\n",
            Framing::Lines => b" \t\r\n",
        };
        loop {
            let unparsed = self.buffer.unparsed()?;
            if unparsed.is_empty() {
                return Ok(None);
            }
            match unparsed.iter().take_while(|byte| blanks.contains(byte)).count() {
                0 => break,
                breaks => self.buffer.advance(breaks),
            }
            self.buffer.start_record();
        }
        self.buffer.start_record();
        let place = self.buffer.place();
        let mut start = Vec::new();
        let fault = loop {
            let end = match &mut self.framing {
                Framing::Csv(csv) => csv.parse(&mut self.buffer)?,
                Framing::Lines => parse_line(&mut self.buffer)?,
            };
            let is_too_long = self.buffer.record().len() > self.limit || !start.is_empty();
            let fault = RecordFault::TooLong { limit: self.limit };
            if is_too_long {
                // Drop what has been read, so that memory stays bounded.
                if start.is_empty() {
                    start.extend_from_slice(up_to(self.buffer.record(), KEPT.min(self.limit)));
                }
                self.buffer.start_record();
                if let Framing::Csv(csv) = &mut self.framing {
                    csv.clear();
                }
            }
            match end {
                RecordEnd::NotYet => {}
                _ if is_too_long => break Some(fault),
                RecordEnd::Complete => match &self.framing {
                    Framing::Csv(csv) if csv.has_text_after_quote(self.buffer.record()) => {
                        break Some(RecordFault::TextAfterQuote);
                    }
                    _ => break None,
                },
                RecordEnd::OpenQuote => break Some(RecordFault::OpenQuote),
            }
        };
        self.kept = start;
        let raw = match fault {
            Some(RecordFault::TooLong { .. }) => &self.kept,
            _ => without_line_break(self.buffer.record()),
        };
        let content = match (&self.framing, fault) {
            (_, Some(fault)) => RecordContent::Invalid(fault),
            (Framing::Csv(csv), None) => RecordContent::Fields(csv.fields(self.buffer.record())),
            (Framing::Lines, None) => RecordContent::Line(raw),
        };
        let is_terminated = self.buffer.last_byte().is_some_and(|byte| b"\r\n".contains(&byte));
        Ok(Some(InputRecord { place, raw, is_terminated, content }))
    }
}

fn parse_line<R: Read>(buffer: &mut InputBuffer<R>) -> io::Result<RecordEnd> {
    let unparsed = buffer.unparsed()?;
    let (count, end) = match unparsed.iter().position(|byte| *byte == b'\n') {
        Some(index) => (index + 1, RecordEnd::Complete),
        None if unparsed.is_empty() => (0, RecordEnd::Complete),
        None => (unparsed.len(), RecordEnd::NotYet),
    };
    buffer.advance(count);
    Ok(end)
}

fn up_to(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}

fn without_line_break(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    record.strip_suffix(b"\r").unwrap_or(record)
}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenQuote => f.write_str("the file ends before the closing quote of a field"),
            Self::TextAfterQuote => f.write_str("text follows the closing quote of a field"),
            Self::TooLong { limit } => {
                write!(f, "the record is longer than {limit} bytes")
            }
        }
    }
}
