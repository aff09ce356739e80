//! The measurement of a turn, and of several turns of drivers.

use std::array::from_fn;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use rustix::time::ClockId;
use tokio::runtime::{Builder, Runtime};

use crate::driver::load::time;
use crate::driver::median;

/// Number of turns of each driver in the sections whose turns are short.
pub const TURNS: usize = 25;

/// The measurement of one turn.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// CPU time of the client for each request, in microseconds.
    pub micros: f64,
    /// Requests per second.
    pub rate: f64,
}

impl Sample {
    /// The sample of a driver that does not take part.
    pub const ABSENT: Self = Self { micros: f64::NAN, rate: f64::NAN };
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

/// Returns the medians of drivers that take turns, after a turn that warms up.
pub fn medians<const D: usize>(turns: usize, mut turn: impl FnMut() -> [Sample; D]) -> [Sample; D] {
    let [micros, rates] = medians_of(turns, || turn().map(|sample| [sample.micros, sample.rate]));
    from_fn(|driver| Sample { micros: micros[driver], rate: rates[driver] })
}

/// Runs the turns of drivers, and returns the median of each figure for each driver. `turn` runs a turn of each
/// driver.
pub fn medians_of<const D: usize, const F: usize>(
    turns: usize,
    mut turn: impl FnMut() -> [[f64; F]; D],
) -> [[f64; D]; F] {
    // The first turn is a warm-up.
    turn();
    median_figures(&(0..turns).map(|_| turn()).collect::<Vec<_>>())
}

/// Returns the median of each figure for each driver. A turn has the figures of each driver.
pub fn median_figures<const D: usize, const F: usize>(turns: &[[[f64; F]; D]]) -> [[f64; D]; F] {
    from_fn(|figure| {
        from_fn(|driver| {
            median(turns.iter().map(|turn| turn[driver][figure]).collect()).unwrap_or(f64::NAN)
        })
    })
}
