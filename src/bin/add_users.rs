//! Adds users to the table `users`: with one prepared statement, many at a time.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use cqlwire::cli::{ConnectArgs, Failure, run};
use cqlwire::session::{Error, PreparedStatement, Session};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

/// Add users to Cassandra: user_0 with password_0, user_1 with password_1, ...
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// How many users to add
    #[arg(long, default_value_t = 10)]
    count: u64,

    /// How many requests to have under way at a time
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,

    /// Keyspace of the table
    #[arg(short, long, default_value = "k8s_test", env = "CQLWIRE_KEYSPACE")]
    keyspace: String,

    #[command(flatten)]
    connect: ConnectArgs,
}

const INSERT: &str = "INSERT INTO users (username, password) VALUES (?, ?)";

/// From this many users on, the program says how fast it was.
const MANY: u64 = 1_000;

fn main() -> ExitCode {
    run(add_users(Arguments::parse()))
}

async fn add_users(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { count, concurrency, keyspace, connect } = arguments;
    let session = connect.connect(|builder| builder.keyspace(keyspace)).await?;
    // The same user is the same row, however often it is added.
    let insert = session.prepare(INSERT).await?.idempotent(true);
    let begin = Instant::now();
    let progress = Progress::begin(count);

    let mut workers = JoinSet::new();
    for _ in 0..count.min(concurrency.into()) {
        let (session, insert, next) = (session.clone(), insert.clone(), Arc::clone(&progress.next));
        workers.spawn(add_until(session, insert, next, count));
    }
    let mut added = 0;
    let mut failure = None;
    while let Some(worker) = workers.join_next().await {
        let (by_worker, outcome) = worker.map_err(|stopped| Failure::Text(stopped.to_string()))?;
        added += by_worker;
        if let Err(error) = outcome {
            // Nobody starts another one; what is under way is waited for, so that the count is right.
            progress.next.store(count, Ordering::Relaxed);
            failure.get_or_insert(error);
        }
    }
    progress.end();

    let mut out = stdout().lock();
    writeln!(out, "{added} users added").map_err(Failure::Io)?;
    if added >= MANY {
        let took = begin.elapsed().as_secs_f64();
        writeln!(out, "{took:.1} s, {:.0} users/s", added as f64 / took).map_err(Failure::Io)?;
    }
    connect.report(&session);
    failure.map_or(Ok(()), |error| Err(error.into()))
}

/// Adds the next user, and the next, until all are added. How many it were, and why it stopped.
async fn add_until(
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

/// The number of the next user, and a bar that shows it when there are many and somebody looks.
struct Progress {
    next: Arc<AtomicU64>,
    bar: Option<(ProgressBar, tokio::task::JoinHandle<()>)>,
}

impl Progress {
    fn begin(count: u64) -> Self {
        let next = Arc::new(AtomicU64::new(0));
        if count < MANY || !stderr().is_terminal() {
            return Self { next, bar: None };
        }
        let template = "{wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left";
        let style = ProgressStyle::with_template(template);
        let bar = ProgressBar::new(count)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (seen, shown) = (Arc::clone(&next), bar.clone());
        let painter = tokio::spawn(async move {
            loop {
                shown.set_position(seen.load(Ordering::Relaxed).min(count));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { next, bar: Some((bar, painter)) }
    }

    fn end(self) {
        if let Some((bar, painter)) = self.bar {
            painter.abort();
            bar.finish_and_clear();
        }
    }
}
