//! The thread that formats, compresses and writes the rows.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Stdout, Write, stdout};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use flate2::write::GzEncoder;
use tokio::sync::mpsc;

use super::checkpoint::{Checkpoint, Written};
use super::target::{self, Target};
use crate::bulk::{CsvDialect, FileCompression, RawRow, RowWriter};
use crate::cli::Failure;
use crate::session::QueryResult;
use crate::table::ScanPlan;
use crate::types::ColumnSpec;

/// The thread that formats, compresses and writes the rows. Pages wait for it in a queue of two, so that the scan pauses
/// if the file system is slower.
#[derive(Debug)]
pub(super) struct Output {
    messages: mpsc::Sender<Message>,
    thread: JoinHandle<Result<Written, Failure>>,
}

#[derive(Debug)]
enum Message {
    Page(QueryResult),
    /// The plan, after the pages before this message.
    Checkpoint(Box<ScanPlan>),
    /// No rows follow. The columns are those of a table without rows, too.
    End(Vec<ColumnSpec>),
}

/// Number of pages that wait for the thread.
const QUEUE: usize = 2;

/// Number of bytes that are formatted before they are compressed and written.
const BLOCK: usize = 256 * 1024;

impl Output {
    /// Opens the file and starts the thread. `run` names the arguments, for checkpoints. `resumed` is what the file has already; without it, the file is created.
    ///
    /// # Errors
    /// Returns an error that names the file.
    pub(super) fn start(
        target: &Target,
        run: &str,
        dialect: CsvDialect,
        resumed: Option<Written>,
    ) -> Result<Self, Failure> {
        let sink = open(target, resumed).map_err(|error| write_error(target, &error))?;
        let (messages, received) = mpsc::channel(QUEUE);
        let writer = Writer {
            target: target.clone(),
            run: run.to_owned(),
            dialect,
            encoder: Some(
                Encoder::new(sink, target.compression)
                    .map_err(|error| write_error(target, &error))?,
            ),
            rows: None,
            block: Vec::new(),
            written: resumed.unwrap_or_default(),
        };
        let thread = thread::Builder::new().name("cqlwire output".to_owned());
        let thread = thread.spawn(move || writer.run(received)).map_err(Failure::Io)?;
        Ok(Self { messages, thread })
    }

    /// Writes the rows of a page.
    ///
    /// # Errors
    /// Returns the error of the thread if it has stopped.
    pub(super) async fn write(&mut self, page: QueryResult) -> Result<(), Failure> {
        self.send(Message::Page(page)).await
    }

    /// Records that the pages so far are those that `plan` has read.
    ///
    /// # Errors
    /// Returns the error of the thread if it has stopped.
    pub(super) async fn checkpoint(&mut self, plan: ScanPlan) -> Result<(), Failure> {
        self.send(Message::Checkpoint(Box::new(plan))).await
    }

    /// Writes what is left and closes the file.
    ///
    /// # Errors
    /// Returns an error that names the file.
    pub(super) async fn finish(mut self, columns: Vec<ColumnSpec>) -> Result<Written, Failure> {
        self.send(Message::End(columns)).await?;
        self.join().await
    }

    /// Records what `plan` has read, and ends the thread before all rows have been written.
    ///
    /// # Errors
    /// Returns an error that names the file.
    pub(super) async fn interrupt(mut self, plan: ScanPlan) -> Result<(), Failure> {
        self.checkpoint(plan).await?;
        self.join().await.map(drop)
    }

    async fn send(&mut self, message: Message) -> Result<(), Failure> {
        if self.messages.send(message).await.is_ok() {
            return Ok(());
        }
        let (messages, _) = mpsc::channel(QUEUE);
        let stopped = Self { messages, thread: thread::spawn(|| Ok(Written::default())) };
        std::mem::replace(self, stopped).join().await.map(drop)
    }

    async fn join(self) -> Result<Written, Failure> {
        drop(self.messages);
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        match joined {
            Ok(Ok(written)) => written,
            _ => Err(Failure::Text("the thread that writes the rows has panicked".to_owned())),
        }
    }
}

/// Formats the rows, and compresses and writes them.
struct Writer {
    target: Target,
    run: String,
    dialect: CsvDialect,
    /// `None` only while a checkpoint is written.
    encoder: Option<Encoder>,
    /// `None` before the first page.
    rows: Option<RowWriter>,
    block: Vec<u8>,
    written: Written,
}

impl Writer {
    fn run(mut self, mut messages: mpsc::Receiver<Message>) -> Result<Written, Failure> {
        while let Some(message) = messages.blocking_recv() {
            match message {
                Message::Page(page) => self.write_page(&page)?,
                Message::Checkpoint(plan) => self.checkpoint(*plan)?,
                Message::End(columns) => return self.end(&columns),
            }
        }
        // The program has failed. What follows the last checkpoint is written again when the run is resumed.
        Ok(self.written)
    }

    fn write_page(&mut self, page: &QueryResult) -> Result<(), Failure> {
        self.start_rows(page.columns());
        for row in page.rows::<RawRow<'_>>()? {
            let Some(rows) = &self.rows else { break };
            rows.write_row(&row?, &mut self.block).map_err(|error| {
                Failure::Text(format!("cannot write row {}: {error}", self.written.rows + 1))
            })?;
            self.written.rows += 1;
            if self.block.len() >= BLOCK {
                self.write_block()?;
            }
        }
        Ok(())
    }

    /// Writes the header, unless the file has one.
    fn start_rows(&mut self, columns: &[ColumnSpec]) {
        if self.rows.is_none() {
            let rows = RowWriter::new(self.target.format, &self.dialect, columns);
            if self.written == Written::default() {
                rows.write_header(&mut self.block);
            }
            self.rows = Some(rows);
        }
    }

    fn write_block(&mut self) -> Result<(), Failure> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        encoder.write_all(&self.block).map_err(|error| write_error(&self.target, &error))?;
        self.block.clear();
        Ok(())
    }

    fn checkpoint(&mut self, plan: ScanPlan) -> Result<(), Failure> {
        self.write_block()?;
        let Some(file) = self.target.file.clone() else { return Ok(()) };
        let save = || {
            self.flush()?;
            let (run, written) = (self.run.clone(), self.written);
            Checkpoint { run, written, plan }.write(&target::checkpoint(&file))
        };
        save().map_err(|error| write_error(&self.target, &error))
    }

    /// Ends the compressed data, so that the file is valid, and writes it to the disk.
    fn flush(&mut self) -> io::Result<()> {
        let Some(encoder) = self.encoder.take() else { return Ok(()) };
        let mut sink = encoder.finish()?;
        self.written.bytes = sink.sync()?;
        self.encoder = Some(Encoder::new(sink, self.target.compression)?);
        Ok(())
    }

    fn end(mut self, columns: &[ColumnSpec]) -> Result<Written, Failure> {
        self.start_rows(columns);
        self.write_block()?;
        let mut close = || {
            self.flush()?;
            if let Some(file) = &self.target.file {
                std::fs::rename(target::part(file), file)?;
                sync_folder(file)?;
                match std::fs::remove_file(target::checkpoint(file)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        };
        close().map_err(|error| write_error(&self.target, &error))?;
        Ok(self.written)
    }
}

/// Makes the new name of a file survive a loss of power.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    // Not all systems can open a folder.
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

/// Opens the file that has the rows of a run that has not ended.
fn open(target: &Target, resumed: Option<Written>) -> io::Result<Sink> {
    let Some(file) = &target.file else { return Ok(Sink::Stdout(stdout())) };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = target::part(file);
    let Some(Written { bytes, .. }) = resumed else { return File::create(part).map(Sink::File) };
    let mut part = OpenOptions::new().write(true).open(part)?;
    if part.metadata()?.len() < bytes {
        let text = "it is shorter than its checkpoint says; remove both, and start again";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    part.set_len(bytes)?;
    part.seek(SeekFrom::End(0))?;
    Ok(Sink::File(part))
}

/// Returns the failure of a write, which says where the program was writing and what to do.
fn write_error(target: &Target, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::Io(io::ErrorKind::BrokenPipe.into());
    }
    let name = target.name();
    let hint = match (error.kind(), &target.file) {
        (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, Some(_)) => {
            " (free some space, then continue with --resume)"
        }
        _ => "",
    };
    Failure::Text(format!("cannot write {name}: {error}{hint}"))
}

/// Compresses what is written.
enum Encoder {
    None(Sink),
    Gzip(GzEncoder<Sink>),
    Zstd(zstd::stream::write::Encoder<'static, Sink>),
}

impl Encoder {
    fn new(sink: Sink, compression: FileCompression) -> io::Result<Self> {
        Ok(match compression {
            FileCompression::None => Self::None(sink),
            FileCompression::Gzip => {
                Self::Gzip(GzEncoder::new(sink, flate2::Compression::default()))
            }
            FileCompression::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(sink, 0)?),
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::None(sink) => sink.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    /// Ends the gzip member or the Zstandard frame. Files may have several of them.
    fn finish(self) -> io::Result<Sink> {
        match self {
            Self::None(sink) => Ok(sink),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// The file or standard output.
enum Sink {
    File(File),
    Stdout(Stdout),
}

impl Sink {
    /// Writes the data to the disk, and returns the length of the file; 0 for standard output.
    fn sync(&mut self) -> io::Result<u64> {
        match self {
            Self::File(file) => {
                file.sync_data()?;
                file.stream_position()
            }
            Self::Stdout(stdout) => stdout.flush().map(|()| 0),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}
