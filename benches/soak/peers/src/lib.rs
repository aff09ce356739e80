//! A load that is the same for each driver. `soak peers` runs it in a process of its own, so that the CPU
//! time and the memory of the drivers can be compared.
//!
//! The arguments are the contact points, the keyspace, the number of tasks, and the requests per second.
//! The program prints `ready` when it is connected. It sends requests until its standard input is closed,
//! and then prints its results in one line of JSON.

use std::{
    collections::BTreeMap,
    env,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, stdin},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Number of rows of a batch, which are in one partition each.
pub const BATCH_ROWS: i64 = 5;

/// One request.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// An idempotent INSERT of a row.
    Insert(i64),
    /// An INSERT that is not marked as idempotent.
    UnmarkedInsert(i64),
    /// A SELECT of a row that was inserted. Returns an error if the row is missing or another one.
    Read(i64),
    /// A counter update.
    Increment(i32),
    /// `UPDATE registers SET v = {to} WHERE k = {key} IF v = {from}`.
    Swap { key: i32, from: i64, to: i64 },
    /// An unlogged, idempotent batch of [`BATCH_ROWS`] inserts into partitions from this one.
    Batch(i64),
}

impl Request {
    pub fn is_idempotent(self) -> bool {
        matches!(self, Self::Insert(_) | Self::Read(_) | Self::Batch(_))
    }
}

/// Returns the text of a row.
pub fn payload(key: i64) -> String {
    format!("row {key} {:016x}", key.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()))
}

/// A driver with its default settings, at LOCAL_QUORUM.
pub trait Driver: Send + Sync + Sized + 'static {
    fn connect(
        contact_points: Vec<String>,
        keyspace: &str,
    ) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Sends a request. The error is a short text without values.
    fn send(&self, request: Request) -> impl Future<Output = Result<(), String>> + Send;
}

/// Runs the load with a driver.
pub fn run<D: Driver>() -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(load::<D>())
}

async fn load<D: Driver>() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [contact_points, keyspace, tasks, rate] = &arguments[..] else {
        return Err("usage: <contact points> <keyspace> <tasks> <rate>".into());
    };
    let (tasks, rate) = (tasks.parse::<u32>()?, rate.parse::<u32>()?);
    let contact_points = contact_points.split(',').map(str::to_owned).collect();
    let driver = Arc::new(D::connect(contact_points, keyspace).await?);
    println!("ready");
    let shared = Arc::new(Shared::default());
    let period = Duration::from_secs(1) * tasks / rate.max(1);
    let mut running = JoinSet::new();
    for task in 0..tasks {
        running.spawn(worker(Arc::clone(&driver), Arc::clone(&shared), task, period));
    }
    stdin().read_to_end(&mut Vec::new()).await?;
    shared.stopped.store(true, Ordering::Relaxed);
    running.join_all().await;
    println!("{}", shared.results());
    Ok(())
}

async fn worker<D: Driver>(driver: Arc<D>, shared: Arc<Shared>, task: u32, period: Duration) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut inserted, mut register) = (None, 0);
    for number in 0_i64.. {
        ticks.tick().await;
        if shared.stopped.load(Ordering::Relaxed) {
            return;
        }
        let key = i64::from(task) << 32 | number;
        let request = match (task % 4, number % 3, inserted) {
            (0 | 1, 0, _) | (0 | 1, _, None) => Request::Insert(key),
            (0 | 1, _, Some(key)) => Request::Read(key),
            (2, 0, _) => Request::Increment(task.cast_signed()),
            (2, 1, _) => Request::Swap { key: task.cast_signed(), from: register, to: number },
            (2, _, _) => Request::UnmarkedInsert(key),
            _ => Request::Batch(key * BATCH_ROWS),
        };
        let begin = Instant::now();
        let result = driver.send(request).await;
        match (request, &result) {
            (Request::Insert(key), Ok(())) => inserted = Some(key),
            (Request::Swap { to, .. }, Ok(())) => register = to,
            _ => {}
        }
        shared.record(request, begin.elapsed(), result);
    }
}

/// The results of all tasks.
#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    results: Mutex<Results>,
}

struct Results {
    succeeded: u64,
    failed_idempotent: u64,
    failed_other: u64,
    /// Latencies of idempotent requests, in microseconds.
    latencies: Histogram<u64>,
    failures: BTreeMap<String, u64>,
}

impl Default for Results {
    fn default() -> Self {
        let latencies =
            Histogram::new_with_bounds(1, 600_000_000, 2).expect("the bounds are valid");
        let (succeeded, failed_idempotent, failed_other) = (0, 0, 0);
        let failures = BTreeMap::new();
        Self { succeeded, failed_idempotent, failed_other, latencies, failures }
    }
}

impl Shared {
    fn record(&self, request: Request, latency: Duration, result: Result<(), String>) {
        let mut results = self.results.lock().expect("no task panics");
        if request.is_idempotent() {
            results.latencies.saturating_record(latency.as_micros() as u64);
        }
        match (result, request.is_idempotent()) {
            (Ok(()), _) => results.succeeded += 1,
            (Err(text), is_idempotent) => {
                *results.failures.entry(text).or_default() += 1;
                match is_idempotent {
                    true => results.failed_idempotent += 1,
                    false => results.failed_other += 1,
                }
            }
        }
    }

    fn results(&self) -> String {
        let results = self.results.lock().expect("no task panics");
        let millis = |quantile| results.latencies.value_at_quantile(quantile) as f64 / 1e3;
        json!({
            "succeeded": results.succeeded,
            "failed_idempotent": results.failed_idempotent,
            "failed_other": results.failed_other,
            "p50": millis(0.5),
            "p99": millis(0.99),
            "max": results.latencies.max() as f64 / 1e3,
            "failures": results.failures,
        })
        .to_string()
    }
}
