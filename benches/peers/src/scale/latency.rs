//! Latencies at a fixed rate.
//!
//! Requests start on a schedule, whether or not earlier ones have been answered. A latency is the time from
//! the scheduled start to the answer, so that a client that falls behind shows it (no coordinated omission).

use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::thread::set_current_timer_slack;
use rustix::time::ClockId;

use super::Servers;
use super::client::{Client, Driver, key};
use super::report::{Bar, Table, pair};
use super::sample::{TURNS, medians_of, runtime};
use super::{ours::Ours, scylla::Scylla};
use crate::driver::load::time;

/// Requests a second, and numbers of connections.
const ROWS: [(u32, usize); 4] = [(5_000, 1), (5_000, 4), (20_000, 1), (20_000, 4)];

/// Duration of a turn. Turns are short, so that many are undisturbed by other processes.
const TURN: Duration = Duration::from_secs(1);

/// Maximum ratio of a percentile of ours to that of scylla. A few percent are noise.
const BAR: f64 = 1.05;

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let name =
        |(rate, connections): (u32, usize)| format!("{rate} a second, connections: {connections}");
    let title = format!(
        "Latency of a SELECT of one row at a fixed rate, from its scheduled start, in microseconds, ours / scylla: the \
         median of {TURNS} turns. Bars are ratios to scylla."
    );
    let columns = ["rate", "p50", "p99", "p999", "CPU, µs a request"];
    let Some(mut table) = Table::new(&title, &columns, filter, ROWS.into_iter().map(name)) else {
        return Ok(0);
    };
    // The sleep of the pacer takes 50 microseconds longer by default.
    set_current_timer_slack(NonZeroU64::new(1)).map_err(|error| error.to_string())?;
    let server = servers.node()?;
    for row in ROWS.into_iter().filter(|row| name(*row).contains(filter)) {
        let (rate, connections) = row;
        let ours = Client::<Ours>::connect(runtime(), server.address(), connections);
        let scylla = Client::<Scylla>::connect(runtime(), server.address(), connections);
        let mut is_ours_first = false;
        let [p50, p99, p999, cpu] = medians_of(TURNS, || {
            is_ours_first = !is_ours_first;
            let first = is_ours_first.then(|| turn(&ours, rate));
            let scylla = turn(&scylla, rate);
            [first.unwrap_or_else(|| turn(&ours, rate)), scylla]
        });
        let cells = [pair(p50, 0), pair(p99, 0), pair(p999, 0), pair(cpu, 2)];
        let bar = |name, [ours, scylla]: [f64; 2]| Bar::new(name, ours / scylla, BAR);
        table.row(&name(row), &cells, &[bar("p50", p50), bar("p99", p99), bar("p999", p999)]);
    }
    Ok(table.missed())
}

/// Sends requests at a rate. Returns p50, p99, p999 and the CPU time a request, in microseconds.
fn turn<D: Driver>(client: &Client<D>, rate: u32) -> [f64; 4] {
    let requests = (TURN.as_secs_f64() * f64::from(rate)) as usize;
    let interval = Duration::from_secs(1) / rate;
    let mut tasks = Vec::with_capacity(requests);
    let cpu = time(ClockId::ProcessCPUTime);
    let (pacer, begin) = (time(ClockId::ThreadCPUTime), Instant::now());
    for number in 0..requests {
        let scheduled = begin + interval * number as u32;
        let wait = scheduled.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            sleep(wait);
        }
        let driver = Arc::clone(&client.driver);
        tasks.push(client.runtime.spawn(async move {
            driver.select(key(number)).await;
            scheduled.elapsed()
        }));
    }
    // The CPU time of this thread is that of the bench.
    let pacer = time(ClockId::ThreadCPUTime) - pacer;
    let mut latencies: Vec<_> = client.runtime.block_on(async {
        let mut latencies = Vec::with_capacity(requests);
        for task in tasks {
            latencies.push(task.await.unwrap());
        }
        latencies
    });
    let cpu = (time(ClockId::ProcessCPUTime) - cpu).saturating_sub(pacer);
    latencies.sort_unstable();
    let percentile = |share: f64| {
        let latency = latencies[(share * (requests - 1) as f64) as usize];
        latency.as_secs_f64() * 1e6
    };
    [
        percentile(0.5),
        percentile(0.99),
        percentile(0.999),
        cpu.as_secs_f64() * 1e6 / requests as f64,
    ]
}
