//! Rows as Parquet.

use std::io;

use super::sink::Sink;
use crate::bulk::FileCompression;
use crate::bulk::parquet::ParquetWriter;
use crate::session::QueryResult;
use crate::types::ColumnSpec;

/// A Parquet file. The rows since the last row group are in memory.
pub(super) struct ParquetOutput {
    state: State,
    compression: FileCompression,
    /// The length of the file, and the footer in hexadecimal digits, if a run is continued.
    resumed: Option<(u64, String)>,
}

enum State {
    /// No page has been written, so that the columns are unknown.
    New(Sink),
    Open(Box<ParquetWriter<Sink>>),
    Finished(Sink),
    /// Only after an error.
    Failed,
}

impl ParquetOutput {
    pub(super) fn new(
        sink: Sink,
        compression: FileCompression,
        length: u64,
        footer: Option<&str>,
    ) -> Self {
        let resumed = footer.map(|footer| (length, footer.to_owned()));
        Self { state: State::New(sink), compression, resumed }
    }

    pub(super) fn write_page(&mut self, page: &QueryResult) -> io::Result<()> {
        self.start(page.columns())?.write_page(page)
    }

    /// Returns true if the rows in memory are too few for a row group.
    pub(super) fn has_short_group(&self) -> bool {
        matches!(&self.state, State::Open(writer) if writer.has_short_group())
    }

    /// Writes the rows in memory as a row group. Returns the footer of a file that ends here, in hexadecimal digits, or `None`
    /// if nothing has been written.
    pub(super) fn end_group(&mut self) -> io::Result<Option<String>> {
        match &mut self.state {
            State::Open(writer) => {
                writer.end_group()?;
                Ok(Some(base16ct::lower::encode_string(&writer.footer()?)))
            }
            _ => Ok(self.resumed.as_ref().map(|(_, footer)| footer.clone())),
        }
    }

    /// Writes the footer. No rows follow.
    pub(super) fn finish(&mut self, columns: &[ColumnSpec]) -> io::Result<()> {
        self.start(columns)?;
        if let State::Open(writer) = std::mem::replace(&mut self.state, State::Failed) {
            let empty = writer.empty_values();
            if empty > 0 {
                eprintln!(
                    "note: {empty} empty values, which Parquet cannot hold, were written as null"
                );
            }
            self.state = State::Finished(writer.finish()?);
        }
        Ok(())
    }

    /// Writes what has been written to the disk. Returns the length of the file.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        match &mut self.state {
            State::New(sink) | State::Finished(sink) => sink.sync(),
            State::Open(writer) => writer.get_mut().sync(),
            State::Failed => Err(failed()),
        }
    }

    fn start(&mut self, columns: &[ColumnSpec]) -> io::Result<&mut ParquetWriter<Sink>> {
        if matches!(self.state, State::New(_))
            && let State::New(sink) = std::mem::replace(&mut self.state, State::Failed)
        {
            let writer = match &self.resumed {
                None => ParquetWriter::new(sink, columns, self.compression)?,
                Some((length, footer)) => {
                    let footer = base16ct::lower::decode_vec(footer).map_err(io::Error::other)?;
                    ParquetWriter::resume(sink, columns, self.compression, *length, &footer)?
                }
            };
            self.state = State::Open(Box::new(writer));
        }
        match &mut self.state {
            State::Open(writer) => Ok(writer),
            _ => Err(failed()),
        }
    }
}

fn failed() -> io::Error {
    io::Error::other("an earlier write failed")
}
