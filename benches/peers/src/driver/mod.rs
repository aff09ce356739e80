//! Whole drivers, beside each other: what one request costs the client's thread.
//!
//! Each has one connection, to a server of hand-written bytes in a thread of its own or to a real
//! node, and a runtime of one thread. They take turns, so that a busy moment hits all.

mod cdrs;
mod floor;
mod load;
mod ours;
mod scylla;
mod stub;

use std::net::SocketAddr;

use crate::works::Who;
use load::{Kind, Load, Sample};

/// A driver that is connected and has prepared what [`Kind`] names.
trait Client {
    /// Does so many requests. `None` where it cannot.
    fn run(&mut self, load: Load) -> Option<Sample>;
}

/// What is measured, and what ours may take.
struct Work {
    name: &'static str,
    load: Load,
    /// In microseconds of the client's thread, on the machine where the bars were set.
    bar: f64,
    /// What the floor and scylla took there. Where both or one of them is slower, so is the bar.
    floor: f64,
    scylla: f64,
}

const WORKS: [Work; 5] = [
    Work {
        name: "driver, SELECT, 1 in flight",
        load: Load { kind: Kind::Read, in_flight: 1, requests: 3_000 },
        bar: 8.0,
        floor: 5.8,
        scylla: 12.1,
    },
    Work {
        name: "driver, SELECT, 64 in flight",
        load: Load { kind: Kind::Read, in_flight: 64, requests: 20_000 },
        bar: 1.0,
        floor: 0.11,
        scylla: 3.13,
    },
    Work {
        name: "driver, SELECT, 512 in flight",
        load: Load { kind: Kind::Read, in_flight: 512, requests: 20_000 },
        bar: 0.9,
        floor: 0.03,
        scylla: 4.23,
    },
    Work {
        name: "driver, INSERT, 64 in flight",
        load: Load { kind: Kind::Write, in_flight: 64, requests: 20_000 },
        bar: 1.0,
        floor: 0.11,
        scylla: 3.13,
    },
    Work {
        name: "driver, page of 5,000 rows, Vec<(String, String)>",
        load: Load { kind: Kind::Scan, in_flight: 1, requests: 50 },
        bar: 450.0,
        floor: f64::NAN,
        scylla: 1_256.0,
    },
];

/// How often everybody takes a turn.
const ROUNDS: usize = 9;

/// Prints what a request takes of each driver; an error when ours takes more than its bar.
pub fn table(filter: &str, contact_point: Option<&str>) -> Result<(), String> {
    let works: Vec<_> = WORKS.iter().filter(|work| work.name.contains(filter)).collect();
    if works.is_empty() {
        return Ok(());
    }
    let address = match contact_point {
        Some(address) => {
            let address = address.parse().map_err(|_| format!("{address} is no IP:PORT"))?;
            ours::fill(address);
            address
        }
        None => stub::start(),
    };
    println!("Microseconds of the client's thread for a request: the median of {ROUNDS} turns.\n");
    let who = Who::ALL.map(Who::name).join(" | ");
    println!("| work | {who} | bar | bar here | ours to scylla | |");
    println!("|---|{}---|---|---|---|", "---|".repeat(Who::ALL.len()));
    let mut clients = clients(address);
    let is_real = contact_point.is_some();
    let missed = works.into_iter().filter(|work| !row(work, is_real, &mut clients)).count();
    match missed {
        0 => Ok(()),
        _ => Err(format!("{missed} bars are missed")),
    }
}

/// Has ours do `requests` of the works that `filter` names, for a profiler to look at.
pub fn profile(filter: &str, requests: usize) {
    let mut ours = ours::Ours::connect(stub::start());
    for work in WORKS.iter().filter(|work| work.name.contains(filter)) {
        ours.run(Load { requests, ..work.load });
    }
}

fn clients(address: SocketAddr) -> [(Who, Box<dyn Client>); 4] {
    [
        (Who::Floor, Box::new(floor::Floor::connect(address))),
        (Who::Ours, Box::new(ours::Ours::connect(address))),
        (Who::Scylla, Box::new(scylla::Scylla::connect(address))),
        (Who::Cdrs, Box::new(cdrs::Cdrs::connect(address))),
    ]
}

/// Prints what everybody takes for a work. Whether ours takes no more than it may, which is not
/// asked of a real node: what it sends at once is its own matter.
fn row(work: &Work, is_real: bool, clients: &mut [(Who, Box<dyn Client>); 4]) -> bool {
    // It also takes longer for all of them than one would wait.
    let requests = if is_real { work.load.requests / 10 } else { work.load.requests };
    let load = Load { requests, ..work.load };
    let mut times = Who::ALL.map(|who| (who, Vec::new()));
    // The first turn is for warming up.
    for round in 0..=ROUNDS {
        let mut results = Vec::new();
        for ((_, client), (_, times)) in clients.iter_mut().zip(&mut times) {
            let Some(sample) = client.run(load) else { continue };
            results.push(sample.result);
            if round > 0 {
                times.push(sample.micros);
            }
        }
        assert!(results.iter().all(|result| *result == results[0]), "{}: {results:?}", work.name);
    }
    let medians = times.map(|(who, times)| (who, median(times)));
    let of = |wanted| medians.iter().find(|(who, _)| *who == wanted).and_then(|(_, time)| *time);
    let print = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
    let cells = medians.map(|(_, time)| print(time)).join(" | ");
    let (Some(ours), Some(scylla)) = (of(Who::Ours), of(Who::Scylla)) else { return false };
    // A yardstick that is missing is NaN, which `max` passes over.
    let slower = (of(Who::Floor).unwrap_or(f64::NAN) / work.floor).max(scylla / work.scylla);
    let bar_here = work.bar * slower.max(1.0);
    let verdict = match (ours <= work.bar, ours <= bar_here) {
        _ if is_real => "",
        (true, _) => "ok",
        (false, true) => "ok here",
        (false, false) => "MISSED",
    };
    let ratio = ours / scylla;
    let Work { name, bar, .. } = work;
    println!("| {name} | {cells} | {bar} | {bar_here:.2} | {ratio:.2} | {verdict} |");
    is_real || ours <= bar_here
}

fn median(mut times: Vec<f64>) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
