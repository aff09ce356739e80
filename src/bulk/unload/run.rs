//! Reads the pages, and writes the summary.

use std::io::{self, Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use super::arguments::UnloadArgs;
use super::checkpoint::{Checkpoint, OutputLength, create_json, read_json, remove_checkpoint};
use super::output::Output;
use super::target::{self, Target};
use crate::bulk::parquet::check_parquet_is_built;
use crate::bulk::progress_bar::{ProgressBar, show_bytes, show_duration, show_number};
use crate::bulk::{FileCompression, FileFormat};
use crate::cli::Failure;
use crate::cql::is_read_only;
use crate::session::{Session, Statement};
use crate::table::{PlannedSplit, ScanPlan, TableColumns, TableName};

/// Minimum ratio of the time between two checkpoints to the time that one takes.
const CHECKPOINT_RATIO: u32 = 20;

/// Writes a table, or the result of a query, to a file.
///
/// # Errors
/// Returns an error if the arguments are wrong, if the table cannot be read, or if the file cannot be written.
pub async fn unload(mut arguments: UnloadArgs) -> Result<(), Failure> {
    let dialect = arguments.csv.dialect(Some(Path::new(&arguments.to)))?;
    if arguments.query.as_deref().is_some_and(|query| !is_read_only(query)) {
        return Err(Failure::Arguments("--query is not a SELECT".to_owned()));
    }
    let target = Target::new(&arguments);
    if target.format == FileFormat::Parquet {
        check_parquet(&arguments)?;
    }
    let run = arguments.run_key(&target);
    let earlier = match arguments.dry_run {
        true => EarlierRun::None,
        false => EarlierRun::find(&target, &run, &arguments)?,
    };
    let resumed = match earlier {
        EarlierRun::Complete => {
            // The process may have been killed before it removed them.
            target.file().map_or(Ok(()), remove_checkpoint).map_err(Failure::Io)?;
            eprintln!("{} is complete, nothing was read", target.name());
            return Ok(());
        }
        EarlierRun::Checkpoint(checkpoint) => Some(*checkpoint),
        EarlierRun::None => None,
    };
    let session = arguments.connect.connect_to(arguments.keyspace.as_deref()).await?;
    if let Some(query) = &arguments.query {
        let output = Output::start(&target, &run, dialect, None)?;
        unload_query(query, &session, output, &target).await?;
    } else {
        let plan = match &resumed {
            Some(checkpoint) => checkpoint.plan.clone(),
            None => arguments.plan(&session).await?,
        };
        if arguments.dry_run {
            return print_plan(&plan, &mut stdout().lock()).map_err(Failure::Io);
        }
        if plan.is_ring_changed(&session.cluster()) {
            eprintln!(
                "note: the token ring has changed since the plan was made; no row is lost or repeated"
            );
        }
        let output = Output::start(&target, &run, dialect, resumed.as_ref())?;
        unload_table(plan, &arguments, &session, output, &target).await?;
    }
    arguments.connect.print_metrics(&session);
    Ok(())
}

/// Checks that the arguments fit Parquet.
///
/// # Errors
/// Returns an error that says which argument to leave out.
fn check_parquet(arguments: &UnloadArgs) -> Result<(), Failure> {
    check_parquet_is_built()?;
    let csv = arguments.csv.to_string();
    if !csv.is_empty() {
        return Err(Failure::Arguments(format!(
            "{}: is an option of CSV, not of Parquet",
            csv.trim_end()
        )));
    }
    if FileCompression::of_file(Path::new(&arguments.to)) != FileCompression::None {
        return Err(Failure::Arguments(format!(
            "{}: the data in a Parquet file is compressed, not the file: name it *.parquet, and choose with --compress",
            arguments.to
        )));
    }
    Ok(())
}

/// The state in which an earlier run has left the file.
enum EarlierRun {
    None,
    /// A run that has not ended, and can be continued.
    Checkpoint(Box<Checkpoint>),
    /// The complete file.
    Complete,
}

impl EarlierRun {
    /// Looks for the files of an earlier run.
    ///
    /// # Errors
    /// Returns an error if there are some, and neither `--resume` nor `--overwrite` is given.
    fn find(target: &Target, run: &str, arguments: &UnloadArgs) -> Result<Self, Failure> {
        let Some(file) = target.file() else {
            return match arguments.resume {
                true => Err(Failure::Arguments(format!(
                    "{} cannot be continued: name a file, or leave out --resume",
                    target.name()
                ))),
                false => Ok(Self::None),
            };
        };
        if arguments.overwrite {
            return Ok(Self::None);
        }
        let name = target.name();
        let is_interrupted = target::part(file).exists() && target::checkpoint(file).exists();
        if !arguments.resume {
            return match (file.exists(), is_interrupted) {
                (_, true) => Err(Failure::Arguments(format!(
                    "a run that writes {name} was interrupted: continue it with --resume, or start again with \
                     --overwrite"
                ))),
                (true, _) => Err(Failure::Arguments(format!(
                    "{name} exists: replace it with --overwrite, or choose another file"
                ))),
                (false, false) => Ok(Self::None),
            };
        }
        if !is_interrupted {
            // A run without a checkpoint starts again, also one that replaces a file.
            let is_complete = file.exists() && !target::part(file).exists();
            return Ok(if is_complete { Self::Complete } else { Self::None });
        }
        match Checkpoint::read(&target::checkpoint(file)).map_err(Failure::Text)? {
            None => Ok(Self::None),
            Some(found) if found.run == run => Ok(Self::Checkpoint(Box::new(found))),
            Some(found) => Err(Failure::Arguments(format!(
                "the run that was interrupted had other arguments ({}): use the same, or start again with --overwrite",
                found.run
            ))),
        }
    }
}

impl UnloadArgs {
    /// Returns the arguments that decide what a file contains. A run is only continued with the same.
    fn run_key(&self, target: &Target) -> String {
        let mut key = Vec::new();
        key.extend(self.table.clone());
        let mut add = |name: &str, value: Option<String>| {
            key.extend(value.map(|value| format!("--{name} {value}")));
        };
        add("keyspace", self.keyspace.clone());
        add("columns", self.columns.clone());
        add("where", self.filter.clone());
        add("shard", self.shard.map(|shard| format!("{}/{}", shard.index, shard.count)));
        add("plan", self.plan.as_ref().map(|plan| plan.display().to_string()));
        add("format", Some(target.format.to_string()));
        add("compress", Some(target.compression.to_string()));
        add("ttl", self.ttl.then(String::new));
        add("writetime", self.writetime.then(String::new));
        key.push(self.csv.to_string());
        key.join(" ").trim_end().to_owned()
    }

    /// Makes the plan, or reads it from its file.
    async fn plan(&self, session: &Session) -> Result<ScanPlan, Failure> {
        let mut plan = self.make_plan(session).await?;
        if let Some(file) = &self.plan {
            let stored = match read_json(file).map_err(Failure::Text)? {
                None if self.create_plan(file, &plan)? => None,
                // Another process may have created the file meanwhile.
                None => read_json(file).map_err(Failure::Text)?,
                stored => stored,
            };
            if let Some(stored) = stored {
                if ScanPlan::statement(&stored) != plan.statement() {
                    return Err(Failure::Arguments(format!(
                        "the plan in {} is of another table or of other columns: {}",
                        file.display(),
                        stored.statement()
                    )));
                }
                plan = stored;
            }
        }
        let shard = self.shard.and_then(|shard| plan.shard(shard.index, shard.count));
        Ok(shard.unwrap_or(plan))
    }

    /// Stores the plan. Returns false if the file exists.
    fn create_plan(&self, file: &Path, plan: &ScanPlan) -> Result<bool, Failure> {
        create_json(file, plan)
            .map_err(|error| Failure::Text(format!("cannot write {}: {error}", file.display())))
    }

    async fn make_plan(&self, session: &Session) -> Result<ScanPlan, Failure> {
        let table = self.table.as_deref().unwrap_or_default();
        let mut scan = session.scan(table).in_flight_per_node(self.in_flight);
        let mut columns: Vec<String> = self.columns.clone().into_iter().collect();
        if self.ttl || self.writetime {
            let table = TableColumns::read(&TableName::parse(table, session)?, session).await?;
            if columns.is_empty() {
                columns = table.all();
            }
            let functions = [("ttl", self.ttl), ("writetime", self.writetime)];
            for (function, _) in functions.into_iter().filter(|(_, is_wanted)| *is_wanted) {
                columns
                    .extend(table.with_write_time().map(|column| format!("{function}({column})")));
            }
        }
        if !columns.is_empty() {
            scan = scan.columns(columns);
        }
        if let Some(filter) = &self.filter {
            scan = scan.filter(filter);
        }
        if let Some(splits) = self.splits {
            scan = scan.splits(splits);
        }
        Ok(scan.plan().await?)
    }
}

async fn unload_table(
    plan: ScanPlan,
    arguments: &UnloadArgs,
    session: &Session,
    mut output: Output,
    target: &Target,
) -> Result<(), Failure> {
    let start = Instant::now();
    let table = arguments.table.as_deref().unwrap_or_default();
    // A table without tokens is read from one node, and a later run may choose another one.
    let has_tokens = plan.splits().iter().all(|split| split.range().is_some());
    let has_checkpoints = has_tokens && target.file().is_some();
    let mut scan =
        session.scan(plan).in_flight_per_node(arguments.in_flight).memory(arguments.memory);
    if let Some(rate) = arguments.rate {
        scan = scan.rows_per_second(rate);
    }
    let mut pages = scan.rows::<()>();
    let bar = ProgressBar::new(table.to_owned());
    let mut saved = Instant::now();
    let min_interval = arguments.checkpoint_every;
    let mut interval = min_interval;
    loop {
        let page = match pages.next_page().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(error) => {
                bar.finish();
                let failure = Failure::from(error);
                if let (true, Some(plan)) = (has_checkpoints, pages.checkpoint()) {
                    match output.interrupt(plan).await {
                        Ok(()) => eprintln!(
                            "{} rows were written; continue with --resume",
                            show_number(pages.progress().rows)
                        ),
                        Err(also) => eprintln!("error: {also}"),
                    }
                }
                return Err(failure);
            }
        };
        output.write(page).await?;
        bar.show_scan(pages.progress());
        if has_checkpoints && saved.elapsed() >= interval {
            if let Some(plan) = pages.checkpoint() {
                output.checkpoint(plan).await?;
            }
            interval = min_interval.max(output.checkpoint_time() * CHECKPOINT_RATIO);
            saved = Instant::now();
        }
    }
    if pages.checkpoint().is_none_or(|plan| !plan.is_complete()) {
        return Err(Failure::Text("the scan ended before all splits were read".to_owned()));
    }
    let written = output.finish(pages.columns().to_vec()).await?;
    bar.finish();
    print_summary(table, pages.progress().rows, written, start.elapsed(), target);
    Ok(())
}

async fn unload_query(
    query: &str,
    session: &Session,
    mut output: Output,
    target: &Target,
) -> Result<(), Failure> {
    let start = Instant::now();
    let mut pages = session.stream::<()>(Statement::new(query), ());
    let mut columns = Vec::new();
    while let Some(page) = pages.next_page().await? {
        columns = page.columns().to_vec();
        output.write(page).await?;
    }
    let written = output.finish(columns).await?;
    print_summary("the query", written.rows, written, start.elapsed(), target);
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate"
)]
fn print_summary(table: &str, rows: u64, written: OutputLength, time: Duration, target: &Target) {
    let per_second = (rows as f64 / time.as_secs_f64().max(1e-3)) as u64;
    let mut summary = format!(
        "wrote {} rows of {table} to {} in {} ({}/s)",
        show_number(rows),
        target.name(),
        show_duration(time),
        show_number(per_second)
    );
    if target.file().is_some() {
        summary.push_str(&format!(", {}", show_bytes(written.bytes)));
    }
    if rows < written.rows {
        summary.push_str(&format!(
            "; with the rows of the runs before, {}",
            show_number(written.rows)
        ));
    }
    eprintln!("{summary}");
}

fn print_plan(plan: &ScanPlan, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", plan.statement())?;
    let open = plan.splits().iter().filter(|split| !split.is_complete());
    writeln!(out, "{} splits, {} to read", plan.splits().len(), open.count())?;
    let bytes: Option<u64> = plan.splits().iter().map(PlannedSplit::estimated_bytes).sum();
    let partitions: Option<u64> =
        plan.splits().iter().map(PlannedSplit::estimated_partitions).sum();
    match (bytes, partitions) {
        (Some(bytes), Some(partitions)) => writeln!(
            out,
            "about {} partitions, {} on the disk of one replica",
            show_number(partitions),
            show_bytes(bytes)
        ),
        _ => writeln!(
            out,
            "the nodes have no estimates of the size; they make them every five minutes"
        ),
    }
}
