//! Rows for numbers of connections and of tasks.

use std::net::SocketAddr;

use super::{Sample, ours::Ours, scylla::Scylla};
use crate::driver::{ROUNDS, median};

/// Numbers of connections and of tasks.
const ROWS: [(usize, usize); 8] =
    [(1, 1), (1, 64), (1, 256), (1, 2_048), (4, 1), (4, 64), (4, 256), (4, 2_048)];

/// Number of requests of a turn for each task, and at least and at most in total.
const PER_TASK: usize = 500;
const REQUESTS: [usize; 2] = [4_000, 40_000];

/// Prints the table of the rows whose names contain `filter`.
pub fn table(filter: &str, address: SocketAddr) {
    println!("CPU time of the client for a SELECT of one row: the median of {ROUNDS} turns.\n");
    println!(
        "| tasks, connections | ours, µs | scylla, µs | ours to scylla | ours, /s | scylla, /s |"
    );
    println!("|---|---|---|---|---|---|");
    for (connections, tasks) in ROWS {
        let name = format!("{tasks} tasks, {connections} connections");
        if name.contains(filter) {
            let [ours, scylla] = measure(address, connections, tasks);
            let ratio = ours.micros / scylla.micros;
            println!(
                "| {name} | {:.2} | {:.2} | {ratio:.2} | {:.0} | {:.0} |",
                ours.micros, scylla.micros, ours.rate, scylla.rate
            );
        }
    }
}

/// Returns the medians of both drivers.
fn measure(address: SocketAddr, connections: usize, tasks: usize) -> [Sample; 2] {
    let requests = (tasks * PER_TASK).clamp(REQUESTS[0], REQUESTS[1]);
    let ours = Ours::connect(address, connections);
    let scylla = Scylla::connect(address, connections);
    let mut samples = [Vec::new(), Vec::new()];
    // The first turn is a warm-up.
    for round in 0..=ROUNDS {
        let turn = [ours.select(tasks, requests), scylla.select(tasks, requests)];
        if round > 0 {
            samples.iter_mut().zip(turn).for_each(|(samples, sample)| samples.push(sample));
        }
    }
    samples.map(|samples| {
        let of = |value: fn(&Sample) -> f64| {
            median(samples.iter().map(value).collect()).unwrap_or(f64::NAN)
        };
        Sample { micros: of(|sample| sample.micros), rate: of(|sample| sample.rate) }
    })
}
