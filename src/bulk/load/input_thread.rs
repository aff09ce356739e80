//! The thread that reads and parses the inputs.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::input_row::{BufferedRow, RowBuffer};
use super::planned_input::{InputContent, PlannedInput, TextInput};
use crate::bulk::column_map::TTL;
use crate::bulk::parquet::{InvalidRow, ParquetReader, ParquetRow};
use crate::bulk::row_parser::encode_row;
use crate::bulk::{FileError, Format, InputPlace, InputSource};
use crate::types::{ColumnSpec, MaybeUnset, NativeType, Value};
use crate::wire::Writer;

/// Parsed records of one input, in the order of the input.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The index of the input.
    pub(super) input: usize,
    pub(super) items: Vec<Item>,
    /// The rows of the items.
    pub(super) rows: RowBuffer,
}

#[derive(Debug)]
pub(super) enum Item {
    Row(BufferedRow),
    Invalid(InvalidRecord),
    /// The last record of a CSV file had no line break after it.
    Unterminated,
    Failed(FileError),
    /// All inputs have been read to their ends. If the thread panics, the channel closes without it.
    End,
}

/// A record that does not parse as a row.
#[derive(Debug)]
pub(super) struct InvalidRecord {
    pub(super) place: InputPlace,
    /// `None` if the record is longer than the limit.
    pub(super) record: Option<Box<[u8]>>,
    pub(super) is_open: bool,
    pub(super) reason: String,
}

/// The position at which a load resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ReadPosition {
    /// The index of the input.
    pub(super) input: usize,
    /// The place of the last record that was read in this input, or `None` if there is none.
    pub(super) last: Option<InputPlace>,
}

/// Maximum number of records in a chunk, and of bytes, which the last record may exceed.
const RECORDS: usize = 512;
const BYTES: usize = 256 << 10;

/// Reads the records after `start` until the end of the inputs, or until the receiver is dropped. The last item is
/// [`Item::End`] or [`Item::Failed`]. Appends `ttl` to each row if it is given.
pub(super) fn read_inputs(
    inputs: Vec<PlannedInput>,
    start: ReadPosition,
    ttl: Option<i32>,
    read: &Arc<AtomicU64>,
    chunks: &mpsc::Sender<Chunk>,
) {
    for (index, input) in inputs.into_iter().enumerate().skip(start.input) {
        let last = start.last.filter(|_| index == start.input);
        let PlannedInput { source, content } = input;
        let mut sender = ChunkSender::new(chunks, index, columns(&content, ttl));
        let result = match content {
            InputContent::Text(text) => read_text(*text, &source, last, ttl, read, &mut sender),
            InputContent::Parquet(reader) => {
                read_parquet(reader, &source, last, ttl, read, &mut sender)
            }
        };
        let failed = match result {
            Ok(()) => false,
            Err(error) => {
                sender.items.push(Item::Failed(error));
                true
            }
        };
        if sender.send().is_err() || failed {
            return;
        }
    }
    // A receiver that was dropped needs no end.
    let rows = RowBuffer::new(Arc::default());
    _ = chunks.blocking_send(Chunk { input: 0, items: vec![Item::End], rows });
}

/// Returns the columns of the rows of an input.
fn columns(input: &InputContent, ttl: Option<i32>) -> Arc<[ColumnSpec]> {
    let columns = match input {
        InputContent::Text(text) => text.parser.columns(),
        InputContent::Parquet(reader) => reader.columns(),
    };
    let ttl = ttl.map(|_| ColumnSpec::new("", "", TTL, NativeType::Int));
    columns.iter().cloned().chain(ttl).collect()
}

fn read_text(
    mut input: TextInput,
    source: &InputSource,
    last: Option<InputPlace>,
    ttl: Option<i32>,
    read: &Arc<AtomicU64>,
    sender: &mut ChunkSender<'_>,
) -> Result<(), FileError> {
    let failed = |error| FileError::new("read", source, error);
    let mut records = input.open(source, read)?;
    // A pipe also ends when the program that writes to it is killed. Many files lack the last line break, and a JSON
    // object that is cut off does not parse.
    let is_csv = input.format == Format::Csv;
    let is_pipe = !source.is_regular();
    let mut is_terminated = true;
    while let Some(record) = records.next_record().map_err(failed)? {
        if last.is_some_and(|last| record.place <= last) {
            continue;
        }
        is_terminated = record.is_terminated;
        let place = record.place;
        let parsed = sender.rows.push(place, record.raw, |values| {
            input.parser.encode(&record, values)?;
            if let Some(ttl) = ttl {
                let mut writer = Writer::new(values);
                writer.int(4);
                writer.int(ttl);
            }
            Ok(())
        });
        if is_pipe && !record.is_terminated && (is_csv || parsed.is_err()) {
            let text = format!("its last record, at line {}, has no line break", place.line);
            return Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, text)));
        }
        let item = match parsed {
            Ok(row) => Item::Row(row),
            Err(reason) => {
                let is_open = record.is_open();
                let record = (!record.is_too_long()).then(|| record.raw.into());
                Item::Invalid(InvalidRecord { place, record, is_open, reason })
            }
        };
        // A slow input does not delay the rows that have arrived.
        if sender.push(item, records.is_drained()).is_err() {
            return Ok(());
        }
    }
    if !is_terminated && is_csv && !is_pipe {
        sender.items.push(Item::Unterminated);
    }
    Ok(())
}

/// Reads the rows of a Parquet file. Their places are their numbers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a count for the progress bar"
)]
fn read_parquet(
    reader: ParquetReader,
    source: &InputSource,
    last: Option<InputPlace>,
    ttl: Option<i32>,
    read: &Arc<AtomicU64>,
    sender: &mut ChunkSender<'_>,
) -> Result<(), FileError> {
    let size = source.size().unwrap_or_default() as f64;
    let columns = Arc::clone(sender.rows.columns());
    let lines = reader.json().clone();
    let mut rows = reader.rows_after(last.map_or(0, |last| last.line))?;
    let mut counted = 0;
    let mut push = |row: ParquetRow| {
        let place = InputPlace { line: row.number, offset: 0 };
        let encoded = row.values.and_then(|mut values| {
            values.extend(ttl.map(|ttl| MaybeUnset::Set(Value::Int(ttl))));
            let encode = |out: &mut Vec<u8>| encode_row(&columns, &values, out);
            let row = sender.rows.push(place, &[], encode);
            row.map_err(|reason| InvalidRow { reason, json: lines.line(&values) })
        });
        let item = match encoded {
            Ok(row) => Item::Row(row),
            Err(InvalidRow { reason, json }) => {
                let record = Some(json.into());
                Item::Invalid(InvalidRecord { place, record, is_open: false, reason })
            }
        };
        match sender.push(item, false) {
            Ok(()) => ControlFlow::Continue(()),
            Err(Stopped) => ControlFlow::Break(()),
        }
    };
    while rows.read_batch(&mut push)? {
        let count = (rows.progress() * size) as u64;
        read.fetch_add(count.saturating_sub(counted), Ordering::Relaxed);
        counted = count;
    }
    Ok(())
}

/// Collects the records of an input in chunks.
struct ChunkSender<'s> {
    chunks: &'s mpsc::Sender<Chunk>,
    input: usize,
    items: Vec<Item>,
    rows: RowBuffer,
    bytes: usize,
}

/// The receiver was dropped.
struct Stopped;

impl<'s> ChunkSender<'s> {
    fn new(chunks: &'s mpsc::Sender<Chunk>, input: usize, columns: Arc<[ColumnSpec]>) -> Self {
        let rows = RowBuffer::new(columns);
        Self { chunks, input, items: Vec::new(), rows, bytes: 0 }
    }

    /// Adds a record, and sends the chunk if it is full or `is_due`.
    fn push(&mut self, item: Item, is_due: bool) -> Result<(), Stopped> {
        self.bytes += match &item {
            Item::Row(row) => row.size(),
            Item::Invalid(invalid) => invalid.record.as_ref().map_or(0, |record| record.len()),
            Item::Unterminated | Item::Failed(_) | Item::End => 0,
        };
        self.items.push(item);
        if self.items.len() < RECORDS && self.bytes < BYTES && !is_due {
            return Ok(());
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), Stopped> {
        self.bytes = 0;
        let next = Vec::with_capacity(self.items.len());
        let items = std::mem::replace(&mut self.items, next);
        if items.is_empty() && !self.chunks.is_closed() {
            return Ok(());
        }
        let rows = self.rows.take(2 * BYTES);
        self.chunks.blocking_send(Chunk { input: self.input, items, rows }).map_err(|_| Stopped)
    }
}
