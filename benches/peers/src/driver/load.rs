//! The loads of the drivers, and their measurement.

use std::future::Future;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rustix::time::{ClockId, clock_gettime};

// The statements of all drivers.
pub const SELECT: &str = "SELECT v FROM bench.kv WHERE k = ?";
pub const INSERT: &str = "INSERT INTO bench.kv (k, v) VALUES (?, ?)";
pub const SCAN: &str = "SELECT username, password FROM bench.users";

/// The value of every key.
pub const VALUE: &str = "abcdefghijklmnopqrstuvwx";

/// Number of keys.
pub const KEYS: i64 = 1_000;

/// The request of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reads a row by its key.
    Read,
    /// Writes a row.
    Write,
    /// Reads a page of 5,000 rows.
    Scan,
}

/// A number of requests, and how many of them are in flight at a time.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub kind: Kind,
    pub in_flight: usize,
    pub requests: usize,
}

/// The measurement of one turn.
pub struct Sample {
    /// CPU time of the client's thread for each request, in microseconds.
    pub micros: f64,
    /// Sum of the results of all requests, which has to be the same for all drivers.
    pub result: usize,
}

/// Runs a load. `request` sends the request for a key and returns its result.
pub async fn run<F: Future<Output = usize>>(load: Load, request: impl Fn(i64) -> F) -> Sample {
    let begin = cpu_time();
    let result = stream::iter(0..load.requests)
        .map(|number| request(number as i64 % KEYS))
        .buffer_unordered(load.in_flight)
        .fold(0, |sum, result| async move { sum + result })
        .await;
    load.sample(begin, result)
}

impl Load {
    /// Returns the sample of a turn that began at the CPU time `begin`.
    pub fn sample(&self, begin: Duration, result: usize) -> Sample {
        let took = cpu_time().saturating_sub(begin);
        Sample { micros: took.as_secs_f64() * 1e6 / self.requests as f64, result }
    }
}

/// Returns the CPU time of this thread.
pub fn cpu_time() -> Duration {
    time(ClockId::ThreadCPUTime)
}

/// Returns the time of a clock.
pub fn time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
