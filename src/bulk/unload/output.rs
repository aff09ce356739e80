//! The thread that formats, compresses and writes the rows.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Stdout, Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flate2::write::GzEncoder;
use tokio::sync::mpsc;

use super::checkpoint::{Checkpoint, OutputLength, remove_checkpoint};
use super::target::{self, Place, Target};
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
    /// `None` once it has been joined.
    thread: Option<JoinHandle<Result<OutputLength, Failure>>>,
    checkpoint_micros: Arc<AtomicU64>,
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
        resumed: Option<OutputLength>,
    ) -> Result<Self, Failure> {
        let sink = open(target, resumed).map_err(|error| write_error(target, &error))?;
        let (messages, received) = mpsc::channel(QUEUE);
        let checkpoint_micros = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            target: target.clone(),
            run: run.to_owned(),
            dialect,
            encoder: Encoder { stream: Some(Stream::Plain(sink)), compression: target.compression },
            rows: None,
            block: Vec::new(),
            written: resumed.unwrap_or_default(),
            checkpoint_micros: Arc::clone(&checkpoint_micros),
        };
        let thread = thread::Builder::new().name("cqlwire output".to_owned());
        let thread = thread.spawn(move || writer.run(received)).map_err(Failure::Io)?;
        Ok(Self { messages, thread: Some(thread), checkpoint_micros })
    }

    /// Returns the time that the last checkpoint took.
    pub(super) fn checkpoint_time(&self) -> Duration {
        Duration::from_micros(self.checkpoint_micros.load(Ordering::Relaxed))
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
    pub(super) async fn finish(
        mut self,
        columns: Vec<ColumnSpec>,
    ) -> Result<OutputLength, Failure> {
        self.send(Message::End(columns)).await?;
        self.join().await
    }

    /// Records what `plan` has read, and ends the thread before all rows have been written.
    ///
    /// # Errors
    /// Returns an error that names the file.
    pub(super) async fn interrupt(mut self, plan: ScanPlan) -> Result<(), Failure> {
        self.checkpoint(plan).await?;
        let (closed, _) = mpsc::channel(QUEUE);
        self.messages = closed;
        self.join().await.map(drop)
    }

    async fn send(&mut self, message: Message) -> Result<(), Failure> {
        match self.messages.send(message).await {
            Ok(()) => Ok(()),
            // The thread has stopped.
            Err(_) => self.join().await.map(drop),
        }
    }

    /// Waits for the end of the thread.
    async fn join(&mut self) -> Result<OutputLength, Failure> {
        let stopped = || Failure::Text("the thread that writes the rows has stopped".to_owned());
        let thread = self.thread.take().ok_or_else(stopped)?;
        let joined = tokio::task::spawn_blocking(|| thread.join()).await;
        joined.ok().and_then(Result::ok).unwrap_or_else(|| Err(stopped()))
    }
}

/// Formats the rows, and compresses and writes them.
struct Writer {
    target: Target,
    run: String,
    dialect: CsvDialect,
    encoder: Encoder,
    /// `None` before the first page.
    rows: Option<RowWriter>,
    block: Vec<u8>,
    written: OutputLength,
    checkpoint_micros: Arc<AtomicU64>,
}

impl Writer {
    fn run(mut self, mut messages: mpsc::Receiver<Message>) -> Result<OutputLength, Failure> {
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
            // The first page wrote the header.
            if self.written.rows == 0 {
                rows.write_header(&mut self.block);
            }
            self.rows = Some(rows);
        }
    }

    fn write_block(&mut self) -> Result<(), Failure> {
        self.encoder.write_all(&self.block).map_err(|error| write_error(&self.target, &error))?;
        self.block.clear();
        Ok(())
    }

    fn checkpoint(&mut self, plan: ScanPlan) -> Result<(), Failure> {
        let start = Instant::now();
        self.write_block()?;
        let Some(file) = self.target.file().map(Path::to_owned) else { return Ok(()) };
        let save = || {
            self.written.bytes = self.encoder.sync()?;
            let (run, written) = (self.run.clone(), self.written);
            Checkpoint { run, written, plan }.write(&target::checkpoint(&file))
        };
        save().map_err(|error| write_error(&self.target, &error))?;
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.checkpoint_micros.store(micros, Ordering::Relaxed);
        Ok(())
    }

    fn end(mut self, columns: &[ColumnSpec]) -> Result<OutputLength, Failure> {
        self.start_rows(columns);
        self.write_block()?;
        let mut close = || {
            self.written.bytes = self.encoder.sync()?;
            let Some(file) = self.target.file() else { return Ok(()) };
            std::fs::rename(target::part(file), file)?;
            sync_folder(file)?;
            remove_checkpoint(file)
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

/// Opens the file that has the rows of a run that has not ended, and locks it against other processes.
fn open(target: &Target, resumed: Option<OutputLength>) -> io::Result<Sink> {
    let file = match &target.place {
        Place::Stdout => return Ok(Sink::Stdout(stdout())),
        Place::Device(device) => {
            return OpenOptions::new().write(true).open(device).map(Sink::Device);
        }
        Place::File(file) => file,
    };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let length = resumed.map_or(0, |resumed| resumed.bytes);
    let options = OpenOptions::new().write(true).create(length == 0).truncate(false).to_owned();
    let mut part = options.open(target::part(file))?;
    match part.try_lock() {
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::other("another process writes it"));
        }
        // Some file systems have no locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    if !target::part(file).exists() {
        return Err(io::Error::other("another process has just completed it"));
    }
    if part.metadata()?.len() < length {
        let text = "it is shorter than its checkpoint says; start again with --overwrite";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    if resumed.is_none() {
        remove_checkpoint(file)?;
    }
    part.set_len(length)?;
    part.seek(SeekFrom::End(0))?;
    Ok(Sink::File(part))
}

/// Returns the failure of a write, which says where the program was writing and what to do.
fn write_error(target: &Target, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe && matches!(target.place, Place::Stdout) {
        return Failure::Io(io::ErrorKind::BrokenPipe.into());
    }
    let name = target.name();
    let hint = match (error.kind(), target.file()) {
        (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, Some(_)) => {
            " (free some space; --resume continues from the last checkpoint, if there is one)"
        }
        _ => "",
    };
    Failure::Text(format!("cannot write {name}: {error}{hint}"))
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

/// The file or standard output.
enum Sink {
    File(File),
    Device(File),
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
            Self::Device(device) => device.flush().map(|()| 0),
            Self::Stdout(stdout) => stdout.flush().map(|()| 0),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) | Self::Device(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) | Self::Device(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}
