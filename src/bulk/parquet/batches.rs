//! The record batches of a Parquet file, in bounded memory.

use std::fs::File;
use std::io;
use std::path::Path;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::caught::caught;
use super::cell::LeafKind;
use super::metadata;
use crate::bulk::{FileCompression, FileError};

/// A Parquet file whose footer has been read.
#[derive(Debug)]
pub(super) struct OpenFile {
    name: String,
    file: File,
    metadata: ArrowReaderMetadata,
    /// The kinds of the leaves of each field.
    leaves: Vec<Vec<LeafKind>>,
    /// Number of rows of each row group.
    row_groups: Vec<u64>,
}

impl OpenFile {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened, or is not a Parquet file.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let name = path.display().to_string();
        let failed = |error| FileError::new("read", &name, error);
        let file = File::open(path).map_err(failed)?;
        check_start(&file).map_err(failed)?;
        let read = || {
            let (metadata, leaves) = metadata::load(&file)?;
            let row_groups = metadata.metadata().row_groups().iter();
            let rows = row_groups.map(|group| u64::try_from(group.num_rows()));
            let rows = rows.collect::<Result<Vec<_>, _>>();
            let rows = rows.map_err(|error| ParquetError::External(Box::new(error)))?;
            Ok((metadata, leaves, rows))
        };
        let (metadata, leaves, row_groups) =
            caught(read).map_err(|reason| failed(io::Error::other(reason)))?;
        Ok(Self { name, file, metadata, leaves, row_groups })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Returns the kinds of the leaves of a field, in depth-first order.
    pub(super) fn leaves(&self, field: usize) -> &[LeafKind] {
        self.leaves.get(field).map_or(&[], Vec::as_slice)
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.row_groups.iter().fold(0, |sum, rows| sum.saturating_add(*rows))
    }

    pub(super) fn failed(&self, reason: impl Into<String>) -> FileError {
        FileError::new("read", &self.name, io::Error::other(reason.into()))
    }
}

/// Checks the first bytes of a file, which tell common mistakes apart.
fn check_start(file: &File) -> io::Result<()> {
    use std::io::Read;
    let mut start = Vec::new();
    file.take(FileCompression::MAGIC as u64).read_to_end(&mut start)?;
    match (&*start, FileCompression::of_start(&start)) {
        (b"PAR1", _) => Ok(()),
        (b"PARE", _) => Err(io::Error::other("it is encrypted")),
        (_, FileCompression::None) => Err(io::Error::other("it is not a Parquet file")),
        (_, compression) => Err(io::Error::other(format!(
            "it is compressed by {compression}, and Parquet files are read from their end: decompress it first"
        ))),
    }
}

/// A reader of the record batches of a file. A batch has about [`BYTES`], however long its rows are.
///
/// The reader of the crate parquet has batches with a fixed number of rows. It is opened again with another number if the
/// rows turn out to be longer or shorter.
pub(super) struct Batches {
    file: OpenFile,
    /// The indexes of the fields that are read.
    fields: Vec<usize>,
    reader: Option<ParquetRecordBatchReader>,
    /// The row group that is read, and the number of its rows that have been read.
    group: usize,
    position: u64,
    size: usize,
    /// The position at which the reader was opened.
    opened_at: u64,
}

/// Size of a batch in memory.
const BYTES: usize = 1 << 20;

/// Maximum number of rows of a batch. It bounds the memory if a row is much longer than those before.
const ROWS: usize = 64;

/// Maximum ratio of the sizes of two batches in a row.
const GROWTH: usize = 16;

impl Batches {
    /// Returns a reader of the fields with these indexes, in ascending order, after the first `skipped` rows.
    pub(super) fn new(file: OpenFile, fields: Vec<usize>, skipped: u64) -> Self {
        let mut batches = Self {
            file,
            fields,
            reader: None,
            group: 0,
            position: skipped,
            size: 1,
            opened_at: skipped,
        };
        while let Some(rows) = batches.group_rows().filter(|rows| *rows <= batches.position) {
            batches.position -= rows;
            batches.opened_at = batches.position;
            batches.group += 1;
        }
        batches
    }

    pub(super) fn file(&self) -> &OpenFile {
        &self.file
    }

    fn group_rows(&self) -> Option<u64> {
        self.file.row_groups.get(self.group).copied()
    }

    /// Returns the next batch, or `None` at the end of the file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is damaged.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, FileError> {
        loop {
            match self.group_rows() {
                None => return Ok(None),
                Some(rows) if self.position >= rows => {
                    self.group += 1;
                    (self.position, self.reader, self.opened_at) = (0, None, 0);
                }
                Some(_) => return self.read().map(Some).map_err(|reason| self.file.failed(reason)),
            }
        }
    }

    fn read(&mut self) -> Result<RecordBatch, String> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => caught(|| self.open())?,
        };
        let batch = caught(|| Ok(reader.next().transpose()?))?;
        let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
        let Some(batch) = batch.filter(|_| rows > 0) else {
            return Err("it is damaged: a row group has fewer rows than the footer says".to_owned());
        };
        self.position += rows as u64;
        let per_row = (batch.get_array_memory_size() / rows).max(1);
        let size = (BYTES / per_row).clamp(1, ROWS.min(self.size.saturating_mul(GROWTH)));
        let is_too_long = per_row * self.size > 2 * BYTES && size < self.size;
        // A reader that is opened skips the rows before its position, which takes time. Larger batches are worth it after a
        // fraction of as many rows.
        let may_grow = self.position - self.opened_at >= self.position / 8;
        if is_too_long || (may_grow && size > self.size) {
            (self.size, self.opened_at) = (size, self.position);
        } else {
            self.reader = Some(reader);
        }
        Ok(batch)
    }

    fn open(&self) -> Result<ParquetRecordBatchReader, ParquetError> {
        let (file, metadata) = (self.file.file.try_clone()?, self.file.metadata.clone());
        let fields = ProjectionMask::roots(metadata.parquet_schema(), self.fields.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(vec![self.group])
            .with_projection(fields)
            .with_offset(usize::try_from(self.position)?)
            .with_batch_size(self.size)
            .build()?;
        debug_assert_eq!(reader.schema().fields().len(), self.fields.len());
        Ok(reader)
    }
}
