//! The thread that formats, compresses and writes the rows.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::checkpoint::{Checkpoint, OutputLength, remove_checkpoint};
use super::parquet_output::ParquetOutput;
use super::sink::{open, sync_folder, write_error};
use super::target::{self, Target};
use super::text_output::TextOutput;
use crate::bulk::{CsvDialect, FileFormat};
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
    /// The plan, after the pages before this message. The thread may put off a checkpoint that is not the last.
    Checkpoint {
        plan: Box<ScanPlan>,
        is_last: bool,
    },
    /// No rows follow. The columns are those of a table without rows, too.
    End(Vec<ColumnSpec>),
}

/// Number of pages that wait for the thread.
const QUEUE: usize = 2;

impl Output {
    /// Opens the file and starts the thread. `run` names the arguments, for checkpoints. `resumed` is the checkpoint of the run
    /// that is continued; without it, the file is created.
    ///
    /// # Errors
    /// Returns an error that names the file.
    pub(super) fn start(
        target: &Target,
        run: &str,
        dialect: CsvDialect,
        resumed: Option<&Checkpoint>,
    ) -> Result<Self, Failure> {
        let sink = open(target, resumed).map_err(|error| write_error(target, &error))?;
        let written = resumed.map(|resumed| resumed.written).unwrap_or_default();
        let rows = match target.format {
            FileFormat::Text(format) => {
                let output = TextOutput::new(sink, format, target.compression, dialect);
                Rows::Text(Box::new(output))
            }
            FileFormat::Parquet => {
                let footer = resumed.and_then(|resumed| resumed.footer.as_deref());
                let output = ParquetOutput::new(sink, target.compression, written.bytes, footer);
                Rows::Parquet(Box::new(output))
            }
        };
        let (messages, received) = mpsc::channel(QUEUE);
        let checkpoint_micros = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            target: target.clone(),
            run: run.to_owned(),
            rows,
            written,
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
        self.send(Message::Checkpoint { plan: Box::new(plan), is_last: false }).await
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
        self.send(Message::Checkpoint { plan: Box::new(plan), is_last: true }).await?;
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
    rows: Rows,
    written: OutputLength,
    checkpoint_micros: Arc<AtomicU64>,
}

/// The file in its format.
enum Rows {
    Text(Box<TextOutput>),
    Parquet(Box<ParquetOutput>),
}

impl Writer {
    fn run(mut self, mut messages: mpsc::Receiver<Message>) -> Result<OutputLength, Failure> {
        while let Some(message) = messages.blocking_recv() {
            match message {
                Message::Page(page) => self.write_page(&page)?,
                Message::Checkpoint { plan, is_last } => self.checkpoint(*plan, is_last)?,
                Message::End(columns) => return self.end(&columns),
            }
        }
        // The program has failed. What follows the last checkpoint is written again when the run is resumed.
        Ok(self.written)
    }

    fn write_page(&mut self, page: &QueryResult) -> Result<(), Failure> {
        let failed = |error: &io::Error| write_error(&self.target, error);
        match &mut self.rows {
            Rows::Text(rows) => rows.write_page(page, &mut self.written.rows, failed),
            Rows::Parquet(rows) => {
                rows.write_page(page).map_err(|error| failed(&error))?;
                self.written.rows += page.row_count() as u64;
                Ok(())
            }
        }
    }

    fn checkpoint(&mut self, plan: ScanPlan, is_last: bool) -> Result<(), Failure> {
        let start = Instant::now();
        let is_early = match &self.rows {
            Rows::Text(_) => false,
            Rows::Parquet(rows) => !is_last && rows.has_short_group(),
        };
        let Some(file) = self.target.file().filter(|_| !is_early) else { return Ok(()) };
        let save = || {
            let mut footer = None;
            self.written.bytes = match &mut self.rows {
                Rows::Text(rows) => rows.sync()?,
                Rows::Parquet(rows) => {
                    footer = rows.end_group()?;
                    rows.sync()?
                }
            };
            let (run, written) = (self.run.clone(), self.written);
            Checkpoint { run, written, footer, plan }.write(&target::checkpoint(file))
        };
        save().map_err(|error| write_error(&self.target, &error))?;
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.checkpoint_micros.store(micros, Ordering::Relaxed);
        Ok(())
    }

    fn end(mut self, columns: &[ColumnSpec]) -> Result<OutputLength, Failure> {
        let mut close = || {
            self.written.bytes = match &mut self.rows {
                Rows::Text(rows) => {
                    rows.start(columns, self.written.rows);
                    rows.sync()?
                }
                Rows::Parquet(rows) => {
                    rows.finish(columns)?;
                    rows.sync()?
                }
            };
            let Some(file) = self.target.file() else { return Ok(()) };
            std::fs::rename(target::part(file), file)?;
            sync_folder(file)?;
            remove_checkpoint(file)
        };
        close().map_err(|error| write_error(&self.target, &error))?;
        Ok(self.written)
    }
}
