//! Rows as text, formatted and compressed.

use std::io::{self, Write};

use flate2::write::GzEncoder;

use super::sink::Sink;
use crate::bulk::{CsvDialect, FileCompression, Format, RawRow, RowWriter};
use crate::cli::Failure;
use crate::session::QueryResult;
use crate::types::ColumnSpec;

/// A file of rows as text.
pub(super) struct TextOutput {
    format: Format,
    dialect: CsvDialect,
    encoder: Encoder,
    /// `None` before the first page.
    rows: Option<RowWriter>,
    block: Vec<u8>,
}

/// Number of bytes that are formatted before they are compressed and written.
const BLOCK: usize = 256 * 1024;

impl TextOutput {
    pub(super) fn new(
        sink: Sink,
        format: Format,
        compression: FileCompression,
        dialect: CsvDialect,
    ) -> Self {
        let encoder = Encoder { stream: Some(Stream::Plain(sink)), compression };
        Self { format, dialect, encoder, rows: None, block: Vec::new() }
    }

    /// Writes the header, unless the file has one. `written` is the number of rows in the file.
    pub(super) fn start(&mut self, columns: &[ColumnSpec], written: u64) {
        if self.rows.is_none() {
            let rows = RowWriter::new(self.format, &self.dialect, columns);
            // The first page wrote the header.
            if written == 0 {
                rows.write_header(&mut self.block);
            }
            self.rows = Some(rows);
        }
    }

    /// Writes the rows of a page, and adds their number to `written`.
    ///
    /// # Errors
    /// Returns an error if a cell is not a value, or the error of the file, for which `failed` returns the failure.
    pub(super) fn write_page(
        &mut self,
        page: &QueryResult,
        written: &mut u64,
        failed: impl Fn(&io::Error) -> Failure,
    ) -> Result<(), Failure> {
        self.start(page.columns(), *written);
        for row in page.rows::<RawRow<'_>>()? {
            let Some(rows) = &self.rows else { break };
            rows.write_row(&row?, &mut self.block).map_err(|error| {
                Failure::Text(format!("cannot write row {}: {error}", *written + 1))
            })?;
            *written += 1;
            if self.block.len() >= BLOCK {
                self.write_block().map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    }

    /// Writes all rows to the disk. Returns the length of the file.
    ///
    /// # Errors
    /// Returns the error of the file.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        self.write_block()?;
        self.encoder.sync()
    }

    fn write_block(&mut self) -> io::Result<()> {
        self.encoder.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }
}

/// Compresses what is written. Each stream of compressed data begins with the first bytes after the last one.
struct Encoder {
    /// `None` only after an error.
    stream: Option<Stream>,
    compression: FileCompression,
}

enum Stream {
    Plain(Sink),
    Gzip(GzEncoder<Sink>),
    Zstd(zstd::Encoder<'static, Sink>),
}

impl Encoder {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let stream = match (self.stream.take().ok_or_else(failed)?, self.compression) {
            (Stream::Plain(sink), FileCompression::Gzip) => {
                Stream::Gzip(GzEncoder::new(sink, flate2::Compression::default()))
            }
            (Stream::Plain(sink), FileCompression::Zstd) => {
                Stream::Zstd(zstd::Encoder::new(sink, zstd::DEFAULT_COMPRESSION_LEVEL)?)
            }
            (stream, _) => stream,
        };
        match self.stream.insert(stream) {
            Stream::Plain(sink) => sink.write_all(bytes),
            Stream::Gzip(stream) => stream.write_all(bytes),
            Stream::Zstd(stream) => stream.write_all(bytes),
        }
    }

    /// Ends the stream of compressed data, so that the file is valid, and writes it to the disk. Returns the length of the
    /// file.
    fn sync(&mut self) -> io::Result<u64> {
        let mut sink = match self.stream.take().ok_or_else(failed)? {
            Stream::Plain(sink) => sink,
            Stream::Gzip(stream) => stream.finish()?,
            Stream::Zstd(stream) => stream.finish()?,
        };
        let length = sink.sync()?;
        self.stream = Some(Stream::Plain(sink));
        Ok(length)
    }
}

fn failed() -> io::Error {
    io::Error::other("an earlier write failed")
}
