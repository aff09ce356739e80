//! Writes pages of rows to a Parquet file.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader,
    ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::schema_depth::check_arrow_depth;
use super::text_durations::TextDurations;
use crate::arrow::{AsRows, RecordBatchBuilder};
use crate::bulk::FileCompression;
use crate::types::ColumnSpec;

/// A writer of a Parquet file.
///
/// The rows since the last row group are in memory, about 16 MiB at most. After each row group, the footer of a file that
/// ends there can be kept apart, so that a run that was interrupted can be continued.
pub struct ParquetWriter<W: Write + Send> {
    /// The rows that have not been passed to `writer`.
    builder: RecordBatchBuilder,
    durations: TextDurations,
    /// The offsets of its row groups do not count the bytes before `start`.
    writer: ArrowWriter<Gate<W>>,
    /// The length of the file before this writer, and the row groups in it.
    start: u64,
    earlier: Vec<RowGroupMetaData>,
    /// The metadata of a file without rows.
    empty: FileMetaData,
}

/// The output of the crate parquet. It discards what is written after the last row group, which would be a footer that lacks
/// the row groups of earlier runs.
struct Gate<W> {
    out: W,
    is_closed: bool,
}

/// Size of a batch in memory, in bytes, and of a slice of it that the pages of the file are made of.
const BATCH: usize = 1 << 20;

/// Size of a row group in memory, in bytes.
const GROUP: usize = 16 << 20;

/// Size of a row group in memory below which a checkpoint is not worth one, in bytes.
const SHORT_GROUP: usize = 4 << 20;

impl<W: Write + Send> ParquetWriter<W> {
    /// Starts a file.
    ///
    /// # Errors
    /// Returns an error if two columns have the same name, if a type nests too deep, or if `out` cannot be written.
    pub fn new(out: W, columns: &[ColumnSpec], compression: FileCompression) -> io::Result<Self> {
        if let Some(name) = duplicate(columns) {
            return Err(io::Error::other(format!(
                "two columns have the name \"{name}\": give one of them another name with AS"
            )));
        }
        let builder = RecordBatchBuilder::new(columns).map_err(io::Error::other)?;
        let durations = TextDurations::new(builder.schema());
        let compression = match compression {
            FileCompression::None => Compression::UNCOMPRESSED,
            FileCompression::Gzip => Compression::GZIP(GzipLevel::default()),
            FileCompression::Zstd => Compression::ZSTD(ZstdLevel::default()),
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_created_by(concat!("cqlwire ", env!("CARGO_PKG_VERSION")).to_owned())
            // Without page indexes, the bytes of a file are those of its row groups and its footer.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_max_row_group_row_count(None)
            .build();
        let schema = durations.schema();
        check_arrow_depth(schema).map_err(io::Error::other)?;
        let empty = ArrowWriter::try_new(io::sink(), schema.clone(), Some(properties.clone()));
        let empty = empty.and_then(ArrowWriter::close).map_err(into_io)?;
        let empty = empty.file_metadata().clone();
        let out = Gate { out, is_closed: false };
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties));
        let writer = writer.map_err(into_io)?;
        Ok(Self { builder, durations, writer, start: 0, earlier: Vec::new(), empty })
    }

    /// Continues a file of `length` bytes, whose `footer` was kept apart. The next byte of `out` is the first after them.
    ///
    /// # Errors
    /// Returns an error if the footer is invalid, or belongs to a file with other columns.
    pub fn resume(
        out: W,
        columns: &[ColumnSpec],
        compression: FileCompression,
        length: u64,
        footer: &[u8],
    ) -> io::Result<Self> {
        let mut writer = Self::new(out, columns, compression)?;
        let metadata = ParquetMetaDataReader::decode_metadata(footer).map_err(into_io)?;
        if metadata.file_metadata().schema() != writer.empty.schema() {
            return Err(io::Error::other("the columns have changed: start again with --overwrite"));
        }
        (writer.start, writer.earlier) = (length, metadata.row_groups().to_vec());
        Ok(writer)
    }

    /// Writes the rows of a page.
    ///
    /// # Errors
    /// Returns an error if a cell is invalid for its type, or if the output cannot be written.
    pub fn write_page(&mut self, page: &impl AsRows) -> io::Result<()> {
        self.builder.append(page).map_err(io::Error::other)?;
        match self.builder.byte_len() >= BATCH {
            true => self.write_batch(),
            false => Ok(()),
        }
    }

    /// Returns the number of empty values that became null. See [`arrow`](crate::arrow#empty-values).
    pub fn empty_values(&self) -> usize {
        self.builder.empty_values()
    }

    /// Returns true if there are rows in memory, but few for a row group.
    pub fn has_short_group(&self) -> bool {
        let rows = self.builder.len() + self.writer.in_progress_rows();
        rows > 0 && self.builder.byte_len() + self.writer.memory_size() < SHORT_GROUP
    }

    /// Writes the rows in memory as a row group.
    ///
    /// # Errors
    /// Returns an error if the output cannot be written.
    pub fn end_group(&mut self) -> io::Result<()> {
        self.write_batch()?;
        self.writer.flush().map_err(into_io)?;
        self.writer.sync()
    }

    /// Returns the footer of a file that ends after the last row group, without the length and the mark that end a file.
    ///
    /// # Errors
    /// Returns an error if the metadata is too large.
    pub fn footer(&self) -> io::Result<Vec<u8>> {
        let mut footer = self.file_end()?;
        // Four bytes of length, and `PAR1`.
        footer.truncate(footer.len().saturating_sub(8));
        Ok(footer)
    }

    /// Returns the output. Bytes that are written to it directly are lost.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer.inner_mut().out
    }

    /// Writes the rows in memory and the footer, and returns the output.
    ///
    /// # Errors
    /// Returns an error if the output cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_group()?;
        let end = self.file_end()?;
        self.writer.inner_mut().is_closed = true;
        let Gate { mut out, .. } = self.writer.into_inner().map_err(into_io)?;
        out.write_all(&end)?;
        Ok(out)
    }

    fn write_batch(&mut self) -> io::Result<()> {
        if self.builder.is_empty() {
            return Ok(());
        }
        let batch = self.builder.finish().map_err(io::Error::other)?;
        let batch = self.durations.batch(&batch).map_err(io::Error::other)?;
        let rows = batch.num_rows();
        // The data pages of the file are cut between slices only.
        let per_slice = (BATCH * rows / batch.get_array_memory_size().max(1)).max(1);
        for start in (0..rows).step_by(per_slice) {
            self.write_slice(&batch.slice(start, per_slice.min(rows - start)))?;
        }
        Ok(())
    }

    fn write_slice(&mut self, slice: &RecordBatch) -> io::Result<()> {
        self.writer.write(slice).map_err(into_io)?;
        match self.writer.memory_size() >= GROUP {
            true => self.writer.flush().map_err(into_io),
            false => Ok(()),
        }
    }

    /// Returns the footer of the row groups so far, its length, and the mark that ends a file.
    fn file_end(&self) -> io::Result<Vec<u8>> {
        let own = self.writer.flushed_row_groups().iter().map(|group| moved(group, self.start));
        let groups = self.earlier.iter().cloned().map(Ok).chain(own);
        let groups = groups.enumerate().map(|(index, group)| {
            let index = i32::try_from(index)?;
            group?.into_builder().set_ordinal(index).build()
        });
        let groups = groups.collect::<Result<Vec<_>, ParquetError>>().map_err(into_io)?;
        let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
        let empty = &self.empty;
        let file = FileMetaData::new(
            empty.version(),
            rows,
            empty.created_by().map(str::to_owned),
            empty.key_value_metadata().cloned(),
            empty.schema_descr_ptr(),
            empty.column_orders().cloned(),
        );
        let metadata = ParquetMetaData::new(file, groups);
        let mut end = Vec::new();
        ParquetMetaDataWriter::new(&mut end, &metadata).finish().map_err(into_io)?;
        Ok(end)
    }
}

impl<W: Write> Write for Gate<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.is_closed {
            true => Ok(bytes.len()),
            false => self.out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write + Send> std::fmt::Debug for ParquetWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetWriter").field("start", &self.start).finish_non_exhaustive()
    }
}

/// Returns a name that two columns have.
fn duplicate(columns: &[ColumnSpec]) -> Option<&str> {
    let mut names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first().copied())
}

/// Returns a row group that begins `start` bytes later in the file.
fn moved(group: &RowGroupMetaData, start: u64) -> Result<RowGroupMetaData, ParquetError> {
    let start = i64::try_from(start)?;
    let column = |column: &ColumnChunkMetaData| {
        let dictionary = column.dictionary_page_offset().map(|offset| offset + start);
        column
            .clone()
            .into_builder()
            .set_data_page_offset(column.data_page_offset() + start)
            .set_dictionary_page_offset(dictionary)
            .build()
    };
    let columns = group.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let mut builder = group.clone().into_builder();
    if let Some(offset) = group.file_offset() {
        builder = builder.set_file_offset(offset + start);
    }
    builder.set_column_metadata(columns).build()
}

fn into_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(cause) => io::Error::other(cause),
        },
        error => io::Error::other(error),
    }
}
