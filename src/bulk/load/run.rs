//! Connects, and passes the rows of the inputs to a sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fmt, thread};

use tokio::sync::mpsc;

use super::arguments::LoadArgs;
use super::checkpoint::{Checkpoint, Counts, Job, JobInput};
use super::error_files::ErrorFiles;
use super::input_options::InputOptions;
use super::input_plan::InputPlan;
use super::input_row::InputRow;
use super::input_thread::{Chunk, Item, ReadPosition, read_inputs};
use crate::bulk::column_map::{TIMESTAMP, TTL};
use crate::bulk::progress_bar::{ProgressBar, show_duration, show_number};
use crate::bulk::{FileError, InputSource, Renames};
use crate::cli::{Failure, with_keyspace};
use crate::session::{Session, SessionBuilder, Statement};
use crate::table::{LoadSink, TableName};
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
        csv: arguments.csv.clone(),
        is_cqlsh: arguments.cqlsh,
        fields: arguments.columns.clone(),
        renames: Renames::parse(arguments.map.iter().map(String::as_str))
            .map_err(Failure::Arguments)?,
        nulls_unset: arguments.unset_nulls,
    };
    options.dialect(None)?;
    let sources = InputSource::list(arguments.from.iter().map(String::as_str))
        .map_err(FileError::into_failure)?;
    if sources.iter().filter(|source| **source == InputSource::Stdin).count() > 1 {
        return Err(Failure::Arguments("standard input can be read only once".to_owned()));
    }
    let keyspace = arguments.keyspace.as_deref();
    // The schema has the replicas of each keyspace.
    let connect = |builder: SessionBuilder| with_keyspace(builder.fetch_schema(true), keyspace);
    let session = arguments.connect.connect(connect).await?;
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
    /// True if the rows do not have the timestamps of the load.
    has_own_timestamps: bool,
    errors: ErrorFiles,
    checkpoint: Checkpoint,
    /// True if error files could not be written. A checkpoint would skip the rows that they lack.
    errors_incomplete: bool,
    /// The counts of the checkpoint from which this load resumes.
    earlier_counts: Counts,
    /// Number of failed rows that were taken from the sink.
    failures_taken: u64,
    started: Instant,
    last_checkpoint: Instant,
    last_bar_update: Instant,
    /// Size of all inputs in bytes, or `None` if it is unknown.
    size: Option<u64>,
    bar: ProgressBar,
    /// Lines that are printed at the end.
    warnings: Vec<String>,
}

/// Time between two updates of the bar.
const BAR_INTERVAL: Duration = Duration::from_millis(100);

/// Number of rows after which the clock is read for the bar.
const ROWS_PER_CLOCK: u64 = 16;

/// Maximum size of the encoded values in memory. Each row also has its record and a copy of its values.
const MEMORY: usize = 6 << 20;

/// Number of chunks that wait for the sink.
const CHUNKS: usize = 2;

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
        let name = TableName::parse(&arguments.table, session)?;
        let name = format!("{}.{}", name.keyspace, name.table);
        let mut checkpoint = checkpoint(arguments, &plan, name)?;
        let has_own_timestamps = plan.has(TIMESTAMP) || has_counters(&plan);
        if checkpoint.is_complete {
            eprintln!("the load is complete: {}", Totals(checkpoint.counts));
            return match failed_rows(arguments, &checkpoint, has_own_timestamps) {
                Some(failure) => Err(failure),
                None => Ok(None),
            };
        }
        let sink = match arguments.dry_run {
            true => None,
            false => {
                let mut load = session
                    .load(&arguments.table, names)
                    .timestamp(checkpoint.timestamp)
                    .first_number(checkpoint.counts.sent)
                    .row_timestamps(plan.has(TIMESTAMP))
                    .memory(MEMORY)
                    .row_ttls(plan.has(TTL) || arguments.ttl.is_some());
                if let Some(rate) = arguments.rate {
                    load = load.rows_per_second(whole(rate));
                }
                if let Some(requests) = arguments.in_flight {
                    load = load.in_flight_per_node(requests);
                }
                Some(load.start().await?)
            }
        };
        let dry_run = arguments.dry_run;
        let mut errors = ErrorFiles::new(&arguments.errors, &plan, &checkpoint.bad, dry_run)?;
        // A load that is killed at once leaves a checkpoint too, so that the next one may replace its error files.
        checkpoint.bad = errors.flush()?;
        if let Some(path) = arguments.checkpoint.as_deref().filter(|_| !dry_run) {
            checkpoint.write(path)?;
        }
        let size = plan.size();
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let (position, ttl, read) = (checkpoint.position, arguments.ttl, Arc::clone(&bytes_read));
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || read_inputs(plan.inputs, position, ttl, &read, &sender))
            .map_err(Failure::Io)?;
        let earlier_counts = checkpoint.counts;
        Ok(Some(Self {
            sink,
            chunks,
            bytes_read,
            has_own_timestamps,
            errors,
            checkpoint,
            errors_incomplete: false,
            earlier_counts,
            failures_taken: 0,
            started: Instant::now(),
            last_checkpoint: Instant::now(),
            last_bar_update: Instant::now(),
            size,
            bar: ProgressBar::new(arguments.table.clone()),
            warnings: Vec::new(),
        }))
    }

    async fn run(mut self, arguments: &LoadArgs) -> Result<(), Failure> {
        let end = match self.load(arguments).await {
            Ok(end) => end,
            Err(failure) => End::Failed(failure),
        };
        // The thread stops at its next record.
        self.chunks.close();
        let is_complete = matches!(end, End::Complete);
        let written = self.write_checkpoint(arguments, is_complete).await;
        self.bar.finish();
        self.print_summary(arguments.dry_run);
        match (end, written) {
            (End::Failed(failure), written) => {
                if let Err(error) = written {
                    eprintln!("error: {error}");
                }
                Err(failure)
            }
            (_, Err(failure)) => Err(failure),
            (End::TooManyErrors, Ok(())) => Err(Failure::Text(format!(
                "stopped, because more than {} could not be loaded; see {}, then {} a larger --max-errors",
                Counted(usize::try_from(arguments.max_errors).unwrap_or(usize::MAX), "row"),
                arguments.errors.display(),
                match arguments.checkpoint {
                    Some(_) => "continue with --resume and",
                    None => "move it away and start again with",
                }
            ))),
            (End::Complete, Ok(())) => {
                let own = self.has_own_timestamps;
                failed_rows(arguments, &self.checkpoint, own).map_or(Ok(()), Err)
            }
        }
    }

    async fn load(&mut self, arguments: &LoadArgs) -> Result<End, Failure> {
        while let Some(Chunk { input, items, rows }) = self.next_chunk().await {
            for item in items {
                let (place, outcome) = match item {
                    // A row that the sink refuses is one of its failures.
                    Item::Row(row) => (row.place, self.send(rows.row(input, row)).await),
                    Item::Invalid(record) => {
                        self.write_errors(|errors| errors.write_invalid(input, &record))?;
                        self.checkpoint.counts.failed += 1;
                        (record.place, Ok(()))
                    }
                    Item::Unterminated => {
                        let name =
                            self.checkpoint.job.inputs.get(input).map_or("", |input| &input.name);
                        self.warnings.push(format!(
                            "warning: {name} has no line break at its end: its last row may be cut off"
                        ));
                        continue;
                    }
                    Item::Failed(error) => return Err(error.into_failure()),
                    Item::End => return Ok(End::Complete),
                };
                self.checkpoint.counts.read += 1;
                self.checkpoint.position = ReadPosition { input, last: Some(place) };
                outcome?;
                if self
                    .sink
                    .as_ref()
                    .is_some_and(|sink| sink.progress().failed > self.failures_taken)
                {
                    self.take_failures()?;
                }
                if self.checkpoint.counts.failed - self.earlier_counts.failed > arguments.max_errors
                {
                    return Ok(End::TooManyErrors);
                }
                let is_due = arguments.checkpoint.is_some()
                    && self.last_checkpoint.elapsed() >= arguments.checkpoint_every;
                if is_due {
                    self.write_checkpoint(arguments, false).await?;
                    self.last_checkpoint = Instant::now();
                }
                let is_slow = arguments.rate.is_some();
                let reads_clock = self.checkpoint.counts.read.is_multiple_of(ROWS_PER_CLOCK);
                if (is_slow || reads_clock) && self.last_bar_update.elapsed() >= BAR_INTERVAL {
                    self.update_bar();
                }
            }
        }
        Err(Failure::Text("the thread that reads the inputs has stopped".to_owned()))
    }

    /// Returns the next chunk, or `None` if the thread of the inputs has stopped. Requests in flight make progress meanwhile.
    async fn next_chunk(&mut self) -> Option<Chunk> {
        if let Some(sink) = &mut self.sink {
            tokio::select! {
                biased;
                chunk = self.chunks.recv() => return chunk,
                () = sink.flush() => {}
            }
        }
        self.chunks.recv().await
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
            self.earlier_counts.acknowledged + sink.progress().acknowledged;
        for failed in failures {
            self.failures_taken += 1;
            self.checkpoint.counts.failed += 1;
            self.write_errors(|errors| errors.write_failed(&failed.row, &failed.error))?;
        }
        Ok(())
    }

    /// Writes to the error files. After an error, no checkpoint is written.
    fn write_errors<T>(
        &mut self,
        write: impl FnOnce(&mut ErrorFiles) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let result = write(&mut self.errors);
        self.errors_incomplete |= result.is_err();
        result
    }

    /// Waits until no row is in flight, and writes the checkpoint. Writes none if the error files lack rows.
    async fn write_checkpoint(
        &mut self,
        arguments: &LoadArgs,
        is_complete: bool,
    ) -> Result<(), Failure> {
        if let Some(sink) = &mut self.sink {
            sink.flush().await;
        }
        self.take_failures()?;
        self.checkpoint.bad = self.write_errors(ErrorFiles::flush)?;
        self.checkpoint.is_complete = is_complete;
        match &arguments.checkpoint {
            Some(path) if !arguments.dry_run && !self.errors_incomplete => {
                self.checkpoint.write(path)
            }
            _ => Ok(()),
        }
    }

    fn update_bar(&mut self) {
        self.last_bar_update = Instant::now();
        let seconds = self.started.elapsed().as_secs_f64();
        let rows = self.checkpoint.counts.read - self.earlier_counts.read;
        let read = self.bytes_read.load(Ordering::Relaxed) as f64;
        let fraction = self.size.map(|size| read / size.max(1) as f64);
        let left = fraction.and_then(|fraction| {
            Duration::try_from_secs_f64(seconds * (1.0 - fraction) / fraction).ok()
        });
        self.bar.set(fraction.unwrap_or_default(), rows, rows as f64 / seconds, left);
    }

    fn print_summary(&self, is_dry_run: bool) {
        self.warnings.iter().for_each(|warning| eprintln!("{warning}"));
        let (counts, time) = (self.checkpoint.counts, self.started.elapsed());
        let seconds = time.as_secs_f64().max(0.001);
        let rate = (counts.read - self.earlier_counts.read) as f64 / seconds;
        let summary = match is_dry_run {
            true => {
                let (read, failed) = (show_number(counts.read), show_number(counts.failed));
                format!("{read} rows read, {failed} failed, nothing written")
            }
            false => Totals(counts).to_string(),
        };
        eprintln!("{summary} in {}, {rate:.0} rows/s", show_duration(time));
        if self.earlier_counts.read > 0 {
            eprintln!("of these, in the runs before: {}", Totals(self.earlier_counts));
        }
        for rows in self.errors.non_empty() {
            eprintln!("failed rows and their reasons: {}", rows.reasons().display());
        }
    }
}

/// Returns the error of a load that read its inputs to their ends, if rows could not be loaded.
fn failed_rows(
    arguments: &LoadArgs,
    checkpoint: &Checkpoint,
    has_own_timestamps: bool,
) -> Option<Failure> {
    let failed = usize::try_from(checkpoint.counts.failed).unwrap_or(usize::MAX);
    let (rows, folder) = (Counted(failed, "row"), arguments.errors.display());
    if failed == 0 {
        return None;
    }
    if arguments.dry_run {
        return Some(Failure::Text(format!(
            "{rows} cannot be loaded; see the .err files in {folder}"
        )));
    }
    // Newer rows keep their values, because the rows of the .bad files are as old as this load.
    let option = match has_own_timestamps {
        true => String::new(),
        false => format!(" with --timestamp {}", checkpoint.timestamp),
    };
    Some(Failure::Text(format!(
        "{rows} could not be loaded; correct and load the .bad files in {folder}{option}"
    )))
}

/// Returns the checkpoint from which the load starts.
fn checkpoint(
    arguments: &LoadArgs,
    plan: &InputPlan,
    table: String,
) -> Result<Checkpoint, Failure> {
    let job = Job {
        table,
        columns: plan.columns.iter().map(|column| column.name.to_string()).collect(),
        inputs: plan.inputs.iter().map(|input| JobInput::of(&input.source)).collect(),
        options: row_options(arguments),
    };
    if let Some(path) = &arguments.checkpoint {
        if has_counters(plan) {
            return Err(Failure::Arguments(
                "--checkpoint: the table has counters, to which a load that is resumed could add rows twice".to_owned(),
            ));
        }
        let earlier = Checkpoint::read(path, &job)?;
        match (earlier, arguments.resume) {
            (Some(earlier), true) => {
                if arguments.timestamp.is_some_and(|timestamp| timestamp != earlier.timestamp) {
                    return Err(Failure::Arguments(format!(
                        "the load of the checkpoint {} has --timestamp {}: give the same or none",
                        path.display(),
                        earlier.timestamp
                    )));
                }
                return Ok(earlier);
            }
            (Some(_), false) => {
                return Err(Failure::Arguments(format!(
                    "the checkpoint {} exists: add --resume, or remove it",
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

/// Returns the arguments that decide how records become rows.
fn row_options(arguments: &LoadArgs) -> String {
    let LoadArgs { format, csv, cqlsh, columns, map, unset_nulls, ttl, .. } = arguments;
    let mut options: Vec<String> = Vec::new();
    options.extend(format.map(|format| format!("--format {format}")));
    options.push(csv.to_string().trim_end().to_owned());
    options.extend(cqlsh.then(|| "--cqlsh".to_owned()));
    options.extend((!columns.is_empty()).then(|| format!("--columns {}", columns.join(","))));
    options.extend(map.iter().map(|map| format!("--map {map}")));
    options.extend(unset_nulls.then(|| "--unset-nulls".to_owned()));
    options.extend(ttl.map(|ttl| format!("--ttl {ttl}")));
    options.retain(|option| !option.is_empty());
    options.join(" ")
}

fn has_counters(plan: &InputPlan) -> bool {
    let counter = CqlType::Native(NativeType::Counter);
    plan.columns.iter().any(|column| column.cql_type == counter)
}

/// Returns the whole number that is nearest to a positive number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is positive and saturates"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// Displays numbers of rows.
struct Totals(Counts);

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { read, acknowledged, failed, .. } = self.0;
        let [read, acknowledged, failed] = [read, acknowledged, failed].map(show_number);
        write!(f, "{read} rows read, {acknowledged} acknowledged, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        arguments: LoadArgs,
    }

    fn dry_run(chunks: mpsc::Receiver<Chunk>) -> Run {
        let job = Job {
            table: "ks.t".to_owned(),
            columns: Vec::new(),
            inputs: Vec::new(),
            options: String::new(),
        };
        let plan = InputPlan { inputs: Vec::new(), columns: Vec::new() };
        Run {
            sink: None,
            chunks,
            bytes_read: Arc::default(),
            has_own_timestamps: false,
            errors: ErrorFiles::new(Path::new(""), &plan, &[], true).unwrap(),
            checkpoint: Checkpoint {
                job,
                timestamp: 0,
                position: ReadPosition::default(),
                counts: Counts::default(),
                bad: Vec::new(),
                is_complete: false,
            },
            errors_incomplete: false,
            earlier_counts: Counts::default(),
            failures_taken: 0,
            started: Instant::now(),
            last_checkpoint: Instant::now(),
            last_bar_update: Instant::now(),
            size: None,
            bar: ProgressBar::new("ks.t".to_owned()),
            warnings: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_load_whose_input_thread_panics_fails() {
        let arguments = ["load", "ks.t", "--from", "a.csv", "--dry-run"];
        let arguments = Program::parse_from(arguments).arguments;
        let (sender, chunks) = mpsc::channel(1);
        let read = Arc::default();
        let start = ReadPosition::default();
        thread::spawn(move || read_inputs(Vec::new(), start, None, &read, &sender));
        assert!(dry_run(chunks).run(&arguments).await.is_ok());
        let (sender, chunks) = mpsc::channel(1);
        // A thread that panics drops its sender.
        drop(sender);
        let failure = dry_run(chunks).run(&arguments).await.unwrap_err();
        assert!(failure.to_string().contains("the thread that reads the inputs has stopped"));
    }
}
