//! The measurement of a turn, and of several turns of two drivers.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use rustix::time::ClockId;
use tokio::runtime::{Builder, Runtime};

use crate::driver::load::time;
use crate::driver::{ROUNDS, median};

/// The measurement of one turn.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// CPU time of the client for each request, in microseconds.
    pub micros: f64,
    /// Requests per second.
    pub rate: f64,
}

/// A runtime of two threads.
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs `tasks` tasks, which send `requests` requests together, each one after the other.
pub async fn run<F, R>(tasks: usize, requests: usize, request: F) -> Sample
where
    F: Fn(usize) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send,
{
    let request = Arc::new(request);
    // The CPU time of this process.
    let cpu_time = || time(ClockId::ProcessCPUTime);
    let (cpu, begin) = (cpu_time(), Instant::now());
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let request = Arc::clone(&request);
            tokio::spawn(async move {
                for number in (task..requests).step_by(tasks) {
                    request(number).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (cpu, took) = (cpu_time().saturating_sub(cpu), begin.elapsed());
    Sample {
        micros: cpu.as_secs_f64() * 1e6 / requests as f64,
        rate: requests as f64 / took.as_secs_f64(),
    }
}

/// Returns the medians of two drivers, which take turns.
pub fn medians(mut turn: impl FnMut() -> [Sample; 2]) -> [Sample; 2] {
    // The first turn is a warm-up.
    turn();
    let turns: Vec<_> = (0..ROUNDS).map(|_| turn()).collect();
    [0, 1].map(|driver| {
        let of = |value: fn(&Sample) -> f64| {
            median(turns.iter().map(|turn| value(&turn[driver])).collect()).unwrap_or(f64::NAN)
        };
        Sample { micros: of(|sample| sample.micros), rate: of(|sample| sample.rate) }
    })
}
