//! The thread that reads and parses the inputs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::mpsc;

use super::input_plan::PlannedInput;
use super::input_row::{BufferedRow, RowBuffer};
use crate::bulk::column_map::TTL;
use crate::bulk::{FileError, Format, InputPlace};
use crate::types::{ColumnSpec, NativeType};
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
    for (index, mut input) in inputs.into_iter().enumerate().skip(start.input) {
        let last = start.last.filter(|_| index == start.input);
        let mut sender = ChunkSender::new(chunks, index, columns(&input, ttl));
        let failed = match read_input(&mut input, last, ttl, read, &mut sender) {
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
fn columns(input: &PlannedInput, ttl: Option<i32>) -> Arc<[ColumnSpec]> {
    let ttl = ttl.map(|_| ColumnSpec::new("", "", TTL, NativeType::Int));
    input.parser.columns().iter().cloned().chain(ttl).collect()
}

fn read_input(
    input: &mut PlannedInput,
    last: Option<InputPlace>,
    ttl: Option<i32>,
    read: &Arc<AtomicU64>,
    sender: &mut ChunkSender<'_>,
) -> Result<(), FileError> {
    let mut records = input.open(read)?;
    // A pipe also ends when the program that writes to it is killed. Many files lack the last line break, and a JSON
    // object that is cut off does not parse.
    let is_csv = input.format == Format::Csv;
    let is_pipe = !input.source.is_regular();
    let mut is_terminated = true;
    while let Some(record) = records.next_record().map_err(|error| input.failed(error))? {
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
            return Err(input.failed(io::Error::new(io::ErrorKind::UnexpectedEof, text)));
        }
        let item = match parsed {
            Ok(row) => Item::Row(row),
            Err(reason) => {
                let is_open = record.is_open();
                let record = (!record.is_too_long()).then(|| record.raw.into());
                Item::Invalid(InvalidRecord { place, record, is_open, reason })
            }
        };
        let size = record.raw.len();
        // A slow input does not delay the rows that have arrived.
        if sender.push(item, size, records.is_drained()).is_err() {
            return Ok(());
        }
    }
    if !is_terminated && is_csv && !is_pipe {
        sender.items.push(Item::Unterminated);
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
    fn push(&mut self, item: Item, bytes: usize, is_due: bool) -> Result<(), Stopped> {
        self.items.push(item);
        self.bytes += bytes;
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
