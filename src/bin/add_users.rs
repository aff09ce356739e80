//! Adds users to the table `users` with one prepared statement, and with many requests in flight.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use cqlwire::cli::{ConnectArgs, Failure, run, whole_number};
use cqlwire::session::{Error, PreparedStatement, Session};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

/// Add users to the table `users`: user_0 with password_0, user_1 with password_1, ...
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Number of users to add
    #[arg(
        long,
        default_value_t = 10,
        value_parser = whole_number::<u64>(0..=u64::MAX),
        allow_negative_numbers = true
    )]
    count: u64,

    /// Number of requests in flight at once
    #[arg(
        long,
        default_value_t = 128,
        value_parser = whole_number::<u16>(1..=65_535),
        allow_negative_numbers = true
    )]
    concurrency: u16,

    /// Keyspace of the table
    #[arg(short, long, default_value = "k8s_test", env = "CQLWIRE_KEYSPACE")]
    keyspace: String,

    #[command(flatten)]
    connect: ConnectArgs,
}

const INSERT: &str = "INSERT INTO users (username, password) VALUES (?, ?)";

/// Smallest number of users for which the program shows a progress bar and prints its throughput.
const MANY: u64 = 1_000;

fn main() -> ExitCode {
    run(async { add_users(Arguments::parse()).await.map_err(Failure::with_users_hint) })
}

async fn add_users(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { count, concurrency, keyspace, mut connect } = arguments;
    let session = connect.connect(|builder| builder.keyspace(keyspace)).await?;
    // Retries are safe: adding a user twice writes the same row.
    let insert = session.prepare(INSERT).await?.idempotent(true);
    let start = Instant::now();
    let progress = Progress::start(count);

    let mut workers = JoinSet::new();
    for _ in 0..count.min(concurrency.into()) {
        let (session, insert, next) = (session.clone(), insert.clone(), Arc::clone(&progress.next));
        workers.spawn(add_remaining(session, insert, next, count));
    }
    let mut added = 0;
    let mut failure = None;
    while let Some(worker) = workers.join_next().await {
        let (by_worker, outcome) = worker.map_err(|panic| Failure::Text(panic.to_string()))?;
        added += by_worker;
        if let Err(error) = outcome {
            // Stop the other workers, but let each complete its current request, so that `added`
            // includes every user that was written.
            progress.next.store(count, Ordering::Relaxed);
            failure.get_or_insert(error);
        }
    }
    progress.finish();

    let mut out = stdout().lock();
    let users = if added == 1 { "user" } else { "users" };
    writeln!(out, "{added} {users} added").map_err(Failure::Io)?;
    if added >= MANY {
        let seconds = start.elapsed().as_secs_f64();
        writeln!(out, "{seconds:.1} s, {:.0} users/s", added as f64 / seconds)
            .map_err(Failure::Io)?;
    }
    connect.print_metrics(&session);
    failure.map_or(Ok(()), |error| Err(error.into()))
}

/// Adds users until all `count` users are taken or a request fails. Returns the number of users that
/// this call added, and the error if a request failed.
async fn add_remaining(
    session: Session,
    insert: PreparedStatement,
    next: Arc<AtomicU64>,
    count: u64,
) -> (u64, Result<(), Error>) {
    let mut added = 0;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return (added, Ok(()));
        }
        let user = (format!("user_{number}"), format!("password_{number}"));
        if let Err(error) = session.execute(&insert, user).await {
            return (added, Err(error));
        }
        added += 1;
    }
}

/// The number of the next user to add. A progress bar shows it if there are at least [`MANY`] users,
/// and if stderr is a terminal.
struct Progress {
    next: Arc<AtomicU64>,
    bar: Option<(ProgressBar, tokio::task::JoinHandle<()>)>,
}

impl Progress {
    fn start(count: u64) -> Self {
        let next = Arc::new(AtomicU64::new(0));
        if count < MANY || !stderr().is_terminal() {
            return Self { next, bar: None };
        }
        let template = "{wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left";
        let style = ProgressStyle::with_template(template);
        let bar = ProgressBar::new(count)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (position, shown) = (Arc::clone(&next), bar.clone());
        let painter = tokio::spawn(async move {
            loop {
                shown.set_position(position.load(Ordering::Relaxed).min(count));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { next, bar: Some((bar, painter)) }
    }

    fn finish(self) {
        if let Some((bar, painter)) = self.bar {
            painter.abort();
            bar.finish_and_clear();
        }
    }
}
