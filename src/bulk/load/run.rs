//! Connects, and passes the rows of the inputs to a sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use std::{fmt, thread};

use tokio::sync::mpsc;

use super::arguments::LoadArgs;
use super::checkpoint::{Checkpoint, Counts, Job};
use super::error_files::ErrorFiles;
use super::input_plan::{InputOptions, InputPlan, TIMESTAMP, TTL};
use super::input_thread::{Chunk, InputRow, Item, ReadPosition, read_inputs};
use super::progress::Progress;
use crate::bulk::{FileError, InputSource, Renames};
use crate::cli::Failure;
use crate::session::{Session, Statement};
use crate::table::LoadSink;
use crate::types::{ColumnSpec, CqlType, NativeType, Quoted};
use crate::wire::Counted;

/// Runs `cqlwire load`.
///
/// # Errors
/// Returns an error if an argument is wrong, if an input cannot be read, if the session fails, or if rows could not be
/// loaded.
pub async fn run(mut arguments: LoadArgs) -> Result<(), Failure> {
    let options = InputOptions {
        format: arguments.format,
        dialect: arguments.csv.dialect()?,
        fields: arguments.columns.clone(),
        renames: Renames::parse(arguments.map.iter().map(String::as_str))
            .map_err(Failure::Arguments)?,
        nulls_unset: arguments.unset_nulls,
    };
    let sources = InputSource::list(arguments.from.iter().map(String::as_str))
        .map_err(FileError::into_failure)?;
    if sources.iter().filter(|source| **source == InputSource::Stdin).count() > 1 {
        return Err(Failure::Arguments("standard input can be read only once".to_owned()));
    }
    let keyspace = arguments.keyspace.clone();
    let session = arguments
        .connect
        .connect(|builder| {
            // The schema has the replicas of each keyspace.
            let builder = builder.fetch_schema(true);
            match keyspace {
                Some(keyspace) => builder.keyspace(keyspace),
                None => builder,
            }
        })
        .await?;
    let table = read_columns(&session, &arguments.table).await?;
    let bytes_read = Arc::new(AtomicU64::new(0));
    let plan = InputPlan::new(sources, &options, &table, &bytes_read)?;
    if plan.has(TTL) && arguments.ttl.is_some() {
        return Err(Failure::Arguments(format!("a field has the column {TTL}: leave out --ttl")));
    }
    let load = Run::start(&arguments, &session, plan, bytes_read).await?;
    let Some(load) = load else { return Ok(()) };
    let outcome = load.run(&arguments).await;
    arguments.connect.print_metrics(&session);
    outcome
}

/// Returns the columns of a table.
async fn read_columns(session: &Session, table: &str) -> Result<Vec<ColumnSpec>, Failure> {
    let select = Statement::new(format!("SELECT * FROM {table} LIMIT 1"));
    Ok(session.execute(select, ()).await?.columns().to_vec())
}

/// A load that has started.
struct Run {
    /// `None` with `--dry-run`.
    sink: Option<LoadSink<InputRow>>,
    chunks: mpsc::Receiver<Chunk>,
    bytes_read: Arc<AtomicU64>,
    errors: ErrorFiles,
    checkpoint: Checkpoint,
    /// The counts of earlier loads, after whose checkpoint this load goes on.
    before: Counts,
    progress: Progress,
}

/// Number of chunks that wait for the sink.
const CHUNKS: usize = 4;

/// Why a load ends.
enum End {
    /// The inputs have been read to their ends.
    Complete,
    TooManyErrors,
    Failed(Failure),
}

impl Run {
    /// Starts the load. Returns `None` if an earlier load is complete.
    async fn start(
        arguments: &LoadArgs,
        session: &Session,
        plan: InputPlan,
        bytes_read: Arc<AtomicU64>,
    ) -> Result<Option<Self>, Failure> {
        let columns = plan.columns.iter();
        let names = columns.filter(|column| ![TIMESTAMP, TTL].contains(&&*column.name));
        let names: Vec<String> = names.map(|column| Quoted(&column.name).to_string()).collect();
        let checkpoint = checkpoint(arguments, &plan, &names)?;
        if checkpoint.is_complete {
            eprintln!("the load is complete: {}", Totals(checkpoint.counts));
            return Ok(None);
        }
        let sink = match arguments.dry_run {
            true => None,
            false => {
                let mut load = session
                    .load(&arguments.table, names)
                    .timestamp(checkpoint.timestamp)
                    .first_number(checkpoint.counts.sent)
                    .row_timestamps(plan.has(TIMESTAMP))
                    .row_ttls(plan.has(TTL) || arguments.ttl.is_some());
                if let Some(rate) = arguments.rate {
                    load = load.rate(rate);
                }
                if let Some(requests) = arguments.in_flight {
                    load = load.in_flight_per_node(requests);
                }
                Some(load.start().await?)
            }
        };
        let errors = ErrorFiles::new(&arguments.errors, &plan, &checkpoint.bad)?;
        let progress = Progress::start(plan.size());
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let (position, ttl, read) = (checkpoint.position, arguments.ttl, Arc::clone(&bytes_read));
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || read_inputs(plan.inputs, position, ttl, &read, &sender))
            .map_err(Failure::Io)?;
        let before = checkpoint.counts;
        Ok(Some(Self { sink, chunks, bytes_read, errors, checkpoint, before, progress }))
    }

    async fn run(mut self, arguments: &LoadArgs) -> Result<(), Failure> {
        let end = match self.load(arguments).await {
            Ok(end) => end,
            Err(failure) => End::Failed(failure),
        };
        // The thread stops at its next record.
        self.chunks.close();
        let is_complete = matches!(end, End::Complete);
        let noted = self.checkpoint(arguments, true, is_complete).await;
        let seconds = self.progress.finish().as_secs_f64();
        self.print_summary(seconds, arguments.dry_run);
        noted?;
        let failed = self.checkpoint.counts.failed;
        match end {
            End::Failed(failure) => Err(failure),
            End::TooManyErrors => Err(Failure::Text(format!(
                "stopped, because more than {} could not be loaded; see {}, and set --max-errors to go on",
                Counted(usize::try_from(arguments.max_errors).unwrap_or(usize::MAX), "row"),
                arguments.errors.display()
            ))),
            End::Complete if failed > 0 => Err(Failure::Text(format!(
                "{} could not be loaded; correct and load the .bad files in {}",
                Counted(usize::try_from(failed).unwrap_or(usize::MAX), "row"),
                arguments.errors.display()
            ))),
            End::Complete => Ok(()),
        }
    }

    async fn load(&mut self, arguments: &LoadArgs) -> Result<End, Failure> {
        let mut noted = Instant::now();
        while let Some(Chunk { input, items }) = self.chunks.recv().await {
            for item in items {
                let (place, outcome) = match item {
                    Item::Row(row) => (row.place, self.send(row).await),
                    Item::Invalid(record) => {
                        self.checkpoint.counts.failed += 1;
                        (record.place, self.errors.write_invalid(input, &record))
                    }
                    Item::Unterminated => {
                        let name = self.checkpoint.job.inputs.get(input).map_or("", |name| name);
                        self.progress.print(&format!(
                            "warning: {name} has no line break at its end: its last row may be cut off"
                        ));
                        continue;
                    }
                    Item::Failed(error) => return Err(error.into_failure()),
                };
                self.checkpoint.counts.read += 1;
                self.checkpoint.position = ReadPosition { input, last: Some(place) };
                outcome?;
                if self.checkpoint.counts.failed > arguments.max_errors {
                    return Ok(End::TooManyErrors);
                }
            }
            self.take_failures()?;
            if self.checkpoint.counts.failed > arguments.max_errors {
                return Ok(End::TooManyErrors);
            }
            let is_due = noted.elapsed() >= arguments.checkpoint_interval;
            if arguments.checkpoint.is_some() && is_due {
                self.checkpoint(arguments, false, false).await?;
                noted = Instant::now();
            }
            let bytes = self.bytes_read.load(Ordering::Relaxed);
            let rows = self.checkpoint.counts.read - self.before.read;
            self.progress.update(bytes, rows);
        }
        Ok(End::Complete)
    }

    async fn send(&mut self, row: InputRow) -> Result<(), Failure> {
        self.checkpoint.counts.sent += 1;
        match &mut self.sink {
            Some(sink) => Ok(sink.send(row).await?),
            None => Ok(()),
        }
    }

    /// Writes the rows that have failed to their files.
    fn take_failures(&mut self) -> Result<(), Failure> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let failures = sink.take_failures();
        self.checkpoint.counts.acknowledged =
            self.before.acknowledged + sink.progress().acknowledged;
        for failed in failures {
            self.checkpoint.counts.failed += 1;
            self.errors.write_failed(&failed.row, &failed.error)?;
        }
        Ok(())
    }

    /// Waits until no row is in flight, and writes the checkpoint.
    async fn checkpoint(
        &mut self,
        arguments: &LoadArgs,
        is_end: bool,
        is_complete: bool,
    ) -> Result<(), Failure> {
        if let Some(sink) = &mut self.sink {
            sink.flush().await;
        }
        self.take_failures()?;
        self.checkpoint.bad = self.errors.sync(is_end)?;
        self.checkpoint.is_complete = is_complete;
        match &arguments.checkpoint {
            Some(path) if !arguments.dry_run => self.checkpoint.write(path),
            _ => Ok(()),
        }
    }

    fn print_summary(&self, seconds: f64, is_dry_run: bool) {
        let counts = self.checkpoint.counts;
        let rate = (counts.read - self.before.read) as f64 / seconds.max(0.001);
        match is_dry_run {
            true => {
                let Counts { read, failed, .. } = counts;
                eprintln!("{read} rows read, {failed} failed, nothing written; {seconds:.1} s");
            }
            false => eprintln!("{}; {seconds:.1} s, {rate:.0} rows/s", Totals(counts)),
        }
        if self.before.read > 0 {
            eprintln!("of these, before this load went on: {}", Totals(self.before));
        }
        for rows in self.errors.non_empty() {
            eprintln!("failed rows and their reasons: {}", rows.reasons().display());
        }
    }
}

/// Returns the checkpoint from which the load starts.
fn checkpoint(
    arguments: &LoadArgs,
    plan: &InputPlan,
    names: &[String],
) -> Result<Checkpoint, Failure> {
    let job = Job {
        table: arguments.table.clone(),
        columns: names.to_vec(),
        inputs: plan.inputs.iter().map(|input| input.source.to_string()).collect(),
    };
    if let Some(path) = &arguments.checkpoint {
        let is_counter =
            |column: &ColumnSpec| column.cql_type == CqlType::Native(NativeType::Counter);
        if plan.columns.iter().any(is_counter) {
            return Err(Failure::Arguments(
                "--checkpoint: the table has counters, to which a load that goes on could add rows twice".to_owned(),
            ));
        }
        let earlier = Checkpoint::read(path, &job)?;
        match (earlier, arguments.resume) {
            (Some(earlier), true) => return Ok(earlier),
            (Some(_), false) => {
                return Err(Failure::Arguments(format!(
                    "the checkpoint {} exists: add --resume to go on, or remove it",
                    path.display()
                )));
            }
            (None, _) => {}
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    Ok(Checkpoint {
        job,
        timestamp: arguments.timestamp.unwrap_or(i64::try_from(now).unwrap_or(i64::MAX)),
        position: ReadPosition::default(),
        counts: Counts::default(),
        bad: Vec::new(),
        is_complete: false,
    })
}

/// Displays numbers of rows.
struct Totals(Counts);

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { read, acknowledged, failed, .. } = self.0;
        write!(f, "{read} rows read, {acknowledged} acknowledged, {failed} failed")
    }
}
