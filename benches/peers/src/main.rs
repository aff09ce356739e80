//! cqlwire beside the other Cassandra codecs and drivers for Rust, on the same bytes.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- check           # the bars
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- time [filter]   # nanoseconds
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- driver [filter] # whole drivers
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- list
//! ```
//!
//! `driver --contact-point 127.0.0.1:9042 [filter]` asks a real node instead of a server of this
//! program; it makes the keyspace `bench` there.

mod callgrind;
mod cdrs;
mod data;
mod driver;
mod floor;
mod ours;
mod scylla;
mod table;
mod works;

use std::process::ExitCode;

use works::{WORKS, Who, Work};

const USAGE: &str = "usage: peers check [filter] | time [filter] | \
                     driver [--contact-point IP:PORT] [filter] | list";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["check"] => check(""),
        ["check", filter] => check(filter),
        ["driver"] => driver::table("", None),
        ["driver", "--contact-point", address] => driver::table("", Some(address)),
        ["driver", "--contact-point", address, filter] => driver::table(filter, Some(address)),
        ["driver", filter] => driver::table(filter, None),
        // For a profiler.
        ["driver-profile", filter, requests] => requests
            .parse()
            .map(|requests| driver::profile(filter, requests))
            .map_err(|_| USAGE.to_owned()),
        ["time"] => table::time(""),
        ["time", filter] => table::time(filter),
        ["list"] => {
            WORKS.iter().for_each(|work| println!("{}", work.name));
            Ok(())
        }
        // What `check` has callgrind run.
        ["run", work, who, iterations] => run(work, who, iterations),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Both tables, whatever the first one says.
fn check(filter: &str) -> Result<(), String> {
    let codec = table::check(filter);
    println!();
    codec.and(driver::table(filter, None))
}

fn run(work: &str, who: &str, iterations: &str) -> Result<(), String> {
    let find = || {
        let work = WORKS.iter().find(|known| known.name == work)?;
        let (_, run) = work.runs.iter().find(|(known, _)| known.name() == who)?;
        Some(run(iterations.parse().ok()?))
    };
    find().map(|_| ()).ok_or_else(|| USAGE.to_owned())
}

/// The works whose name contains `filter`, after everybody has shown to come to the same result.
fn chosen(filter: &str) -> impl Iterator<Item = &'static Work> {
    WORKS.iter().filter(move |work| work.name.contains(filter)).inspect(|work| (work.agree)())
}

/// What `measure` says of everybody who does `work`.
fn everybody<T>(work: &Work, mut measure: impl FnMut(Who) -> T) -> Vec<(Who, T)> {
    work.runs.iter().map(|&(who, _)| (who, measure(who))).collect()
}
