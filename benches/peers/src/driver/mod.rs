//! The comparison of whole drivers: the CPU time of the client's thread for one request.
//!
//! Each driver has one connection and a runtime of one thread. The server is a stub in other threads,
//! or a real node. The drivers take turns, so that load from other processes affects all of them.

pub mod cdrs;
mod floor;
pub mod load;
mod ours;
mod scylla;
pub mod stub;

use std::net::SocketAddr;

use crate::workloads::Contender;
use load::{Kind, Load, Sample};

/// A connected driver that has prepared the statements of every [`Kind`].
trait Client {
    /// Runs a load. Returns `None` if the driver does not support it.
    fn run(&mut self, load: Load) -> Option<Sample>;
}

/// A load, its bar, and the reference times that were measured with the bar.
struct Workload {
    name: &'static str,
    load: Load,
    /// Maximum time for ours on the reference machine, in microseconds of the client's thread.
    bar: f64,
    /// Time of the floor on the reference machine. If the floor or scylla is slower here, the bar is
    /// raised in proportion.
    floor: f64,
    /// Time of scylla on the reference machine.
    scylla: f64,
}

const WORKLOADS: [Workload; 5] = [
    Workload {
        name: "driver, SELECT, 1 in flight",
        load: Load { kind: Kind::Read, in_flight: 1, requests: 3_000 },
        bar: 8.0,
        floor: 5.8,
        scylla: 12.1,
    },
    Workload {
        name: "driver, SELECT, 64 in flight",
        load: Load { kind: Kind::Read, in_flight: 64, requests: 20_000 },
        bar: 1.0,
        floor: 0.11,
        scylla: 3.13,
    },
    Workload {
        name: "driver, SELECT, 512 in flight",
        load: Load { kind: Kind::Read, in_flight: 512, requests: 20_000 },
        bar: 0.9,
        floor: 0.03,
        scylla: 4.23,
    },
    Workload {
        name: "driver, INSERT, 64 in flight",
        load: Load { kind: Kind::Write, in_flight: 64, requests: 20_000 },
        bar: 1.0,
        floor: 0.11,
        scylla: 3.13,
    },
    Workload {
        name: "driver, page of 5,000 rows, Vec<(String, String)>",
        load: Load { kind: Kind::Scan, in_flight: 1, requests: 50 },
        bar: 450.0,
        floor: f64::NAN,
        scylla: 1_256.0,
    },
];

/// Number of measured turns of each driver.
pub const ROUNDS: usize = 9;

/// Prints the time of one request for each driver. Returns an error if ours misses a bar.
pub fn table(filter: &str, contact_point: Option<&str>) -> Result<(), String> {
    let workloads: Vec<_> =
        WORKLOADS.iter().filter(|workload| workload.name.contains(filter)).collect();
    if workloads.is_empty() {
        return Ok(());
    }
    let address = match contact_point {
        Some(address) => real_node(address)?,
        None => stub::start(),
    };
    println!("Microseconds of the client's thread for a request: the median of {ROUNDS} turns.\n");
    let contenders = Contender::ALL.map(Contender::name).join(" | ");
    println!("| work | {contenders} | bar | bar here | ours to scylla | |");
    println!("|---|{}---|---|---|---|", "---|".repeat(Contender::ALL.len()));
    let mut clients = clients(address);
    let is_real = contact_point.is_some();
    let missed =
        workloads.into_iter().filter(|workload| !row(workload, is_real, &mut clients)).count();
    match missed {
        0 => Ok(()),
        _ => Err(format!("{missed} bars are missed")),
    }
}

/// Fills the tables of a real node, and returns its address.
pub fn real_node(address: &str) -> Result<SocketAddr, String> {
    let invalid = |_| format!("invalid contact point `{address}`; use IP:PORT");
    let address = address.parse().map_err(invalid)?;
    ours::fill(address);
    Ok(address)
}

/// Runs `requests` requests of ours for each workload that `filter` matches, for use with a profiler.
pub fn profile(filter: &str, requests: usize) {
    let mut ours = ours::Ours::connect(stub::start());
    for workload in WORKLOADS.iter().filter(|workload| workload.name.contains(filter)) {
        ours.run(Load { requests, ..workload.load });
    }
}

fn clients(address: SocketAddr) -> [(Contender, Box<dyn Client>); 4] {
    [
        (Contender::Floor, Box::new(floor::Floor::connect(address))),
        (Contender::Ours, Box::new(ours::Ours::connect(address))),
        (Contender::Scylla, Box::new(scylla::Scylla::connect(address))),
        (Contender::Cdrs, Box::new(cdrs::Cdrs::connect(address))),
    ]
}

/// Prints the row of one workload. Returns false if ours misses the bar. Bars do not apply to a real
/// node, because the size of its batches affects the times.
fn row(
    workload: &Workload,
    is_real: bool,
    clients: &mut [(Contender, Box<dyn Client>); 4],
) -> bool {
    // A real node is slower, so fewer requests keep the total time short.
    let requests = if is_real { workload.load.requests / 10 } else { workload.load.requests };
    let load = Load { requests, ..workload.load };
    let mut times = Contender::ALL.map(|contender| (contender, Vec::new()));
    // The first turn is a warm-up.
    for round in 0..=ROUNDS {
        let mut results = Vec::new();
        for ((_, client), (_, times)) in clients.iter_mut().zip(&mut times) {
            let Some(sample) = client.run(load) else { continue };
            results.push(sample.result);
            if round > 0 {
                times.push(sample.micros);
            }
        }
        assert!(
            results.iter().all(|result| *result == results[0]),
            "{}: {results:?}",
            workload.name
        );
    }
    let medians = times.map(|(contender, times)| (contender, median(times)));
    let median_of = |wanted| {
        medians.iter().find(|(contender, _)| *contender == wanted).and_then(|(_, time)| *time)
    };
    let print = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
    let cells = medians.map(|(_, time)| print(time)).join(" | ");
    let (Some(ours), Some(scylla)) = (median_of(Contender::Ours), median_of(Contender::Scylla))
    else {
        return false;
    };
    // A missing reference is NaN, which `max` ignores.
    let slowdown = (median_of(Contender::Floor).unwrap_or(f64::NAN) / workload.floor)
        .max(scylla / workload.scylla);
    let bar_here = workload.bar * slowdown.max(1.0);
    let verdict = match (ours <= workload.bar, ours <= bar_here) {
        _ if is_real => "",
        (true, _) => "ok",
        (false, true) => "ok here",
        (false, false) => "MISSED",
    };
    let ratio = ours / scylla;
    let Workload { name, bar, .. } = workload;
    println!("| {name} | {cells} | {bar} | {bar_here:.2} | {ratio:.2} | {verdict} |");
    is_real || ours <= bar_here
}

pub fn median(mut times: Vec<f64>) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
