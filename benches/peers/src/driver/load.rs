//! What a client is asked to do, and how that is measured.

use std::future::Future;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rustix::time::{ClockId, clock_gettime};

/// The statements, the same for all.
pub const SELECT: &str = "SELECT v FROM bench.kv WHERE k = ?";
pub const INSERT: &str = "INSERT INTO bench.kv (k, v) VALUES (?, ?)";
pub const SCAN: &str = "SELECT username, password FROM bench.users";

/// The value of every key, and how many keys there are.
pub const VALUE: &str = "abcdefghijklmnopqrstuvwx";
pub const KEYS: i64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A row by its key.
    Read,
    /// A row written.
    Write,
    /// A page of 5,000 rows.
    Scan,
}

/// So many requests, so many of them at once.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub kind: Kind,
    pub in_flight: usize,
    pub requests: usize,
}

/// What doing them took of the client's thread, for each, and what came out.
pub struct Sample {
    pub micros: f64,
    pub result: usize,
}

/// Makes the requests that `one` makes of their numbers, as many at once as the load says.
pub async fn run<F: Future<Output = usize>>(load: Load, one: impl Fn(i64) -> F) -> Sample {
    let begin = cpu_time();
    let result = stream::iter(0..load.requests)
        .map(|number| one(number as i64 % KEYS))
        .buffer_unordered(load.in_flight)
        .fold(0, |sum, result| async move { sum + result })
        .await;
    load.sample(begin, result)
}

impl Load {
    pub fn sample(&self, begin: Duration, result: usize) -> Sample {
        let took = cpu_time().saturating_sub(begin);
        Sample { micros: took.as_secs_f64() * 1e6 / self.requests as f64, result }
    }
}

/// How long this thread has worked so far.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
