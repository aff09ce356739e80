//! Compares cqlwire with other Cassandra codecs and drivers for Rust, on the same bytes.
//!
//! Contenders are cqlwire (`ours`), `scylla`, `cdrs`, and the `floor`: hand-written code that does the
//! least work possible. A *bar* is the maximum cost that is allowed for `ours`.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- check           # the bars
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- time [filter]   # nanoseconds
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- driver [filter] # whole drivers
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- scale [filter]  # scale, by section
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- list
//! ```
//!
//! `driver --contact-point 127.0.0.1:9042 [filter]` sends requests to a real node instead of the
//! built-in stub server, and so does `scale`. They create the keyspace `bench` there.

mod arrow;
mod callgrind;
mod cdrs;
mod data;
mod driver;
mod floor;
mod ours;
mod scale;
mod scylla;
mod table;
mod workloads;

use std::process::ExitCode;

use workloads::{Contender, WORKLOADS, Workload};

const USAGE: &str = "usage: peers check [filter] | time [filter] | \
                     driver [--contact-point IP:PORT] [filter] | \
                     scale [--contact-point IP:PORT] [filter] | list";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["check"] => check(""),
        ["check", filter] => check(filter),
        ["driver"] => driver::table("", None),
        ["driver", "--contact-point", address] => driver::table("", Some(address)),
        ["driver", "--contact-point", address, filter] => driver::table(filter, Some(address)),
        ["driver", filter] => driver::table(filter, None),
        ["scale"] => scale::table("", None),
        ["scale", "--contact-point", address] => scale::table("", Some(address)),
        ["scale", "--contact-point", address, filter] => scale::table(filter, Some(address)),
        ["scale", filter] => scale::table(filter, None),
        // `scale` runs these: the second one under callgrind. A profiler can run it with a row of `connections`.
        ["serve", kind] => scale::serve(kind),
        ["load", load, contender, address, requests] => {
            scale::run(load, contender, address, requests).ok_or_else(|| USAGE.to_owned())
        }
        // For a profiler.
        ["driver-profile", filter, requests] => requests
            .parse()
            .map(|requests| driver::profile(filter, requests))
            .map_err(|_| USAGE.to_owned()),
        // `scale` runs these in processes of their own.
        ["schema", driver, address, mode] => scale::read_schema(driver, address, mode),
        ["idle", driver, address] => scale::run_idle(driver, address),
        ["time"] => table::time(""),
        ["time", filter] => table::time(filter),
        ["list"] => {
            WORKLOADS.iter().for_each(|workload| println!("{}", workload.name));
            Ok(())
        }
        // `check` runs this under callgrind.
        ["run", workload, contender, iterations] => run(workload, contender, iterations),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints both tables. Returns an error if a bar is missed in either.
fn check(filter: &str) -> Result<(), String> {
    let codec = table::check(filter);
    println!();
    codec.and(driver::table(filter, None))
}

/// Runs one workload of one contender.
fn run(workload: &str, contender: &str, iterations: &str) -> Result<(), String> {
    let find = || {
        let workload = WORKLOADS.iter().find(|known| known.name == workload)?;
        let (_, run) = workload.runs.iter().find(|(known, _)| known.name() == contender)?;
        Some(run(iterations.parse().ok()?))
    };
    find().map(|_| ()).ok_or_else(|| USAGE.to_owned())
}

/// Returns the workloads whose name contains `filter`, after checking that all contenders compute the
/// same result.
fn select(filter: &str) -> impl Iterator<Item = &'static Workload> {
    WORKLOADS
        .iter()
        .filter(move |workload| workload.name.contains(filter))
        .inspect(|workload| (workload.assert_same_results)())
}

/// Calls `measure` for each contender of `workload`.
fn measure_all<T>(
    workload: &Workload,
    mut measure: impl FnMut(Contender) -> T,
) -> Vec<(Contender, T)> {
    workload.runs.iter().map(|&(contender, _)| (contender, measure(contender))).collect()
}
