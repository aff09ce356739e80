//! Schemas of many tables: reading them, and what they take.

use std::env;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::ClockId;
use tokio::runtime::Builder;
use tokio::time::sleep;

use super::server::Server;
use super::{Servers, head};
use crate::driver::load::time;
use crate::driver::median;

/// Numbers of tables, with ten columns each.
const TABLES: [usize; 4] = [10, 100, 1_000, 10_000];

/// Number of turns of each driver.
const TURNS: usize = 5;

const DRIVERS: [&str; 2] = ["ours", "scylla"];

/// The figures of a turn.
struct Turn {
    /// CPU time to connect and to read the schema, in milliseconds.
    cpu: f64,
    /// Memory of the process above that before, in MB.
    kept: f64,
    peak: f64,
    /// The longest time for which the only thread ran no other task, in milliseconds.
    hold: f64,
}

pub fn table(filter: &str, servers: &Servers) -> Result<(), String> {
    let name = |tables: usize| format!("{tables} tables");
    let title = format!(
        "Reading a schema on one thread, ours / scylla: the median of {TURNS} turns, each in a process of its own. \
         Memory is resident. Scylla does not read options, indexes and functions."
    );
    let columns = ["schema", "CPU, ms", "kept, MB", "peak, MB", "longest hold, ms"];
    if servers.real_node.is_some() || !head(&title, &columns, filter, TABLES.into_iter().map(name))
    {
        return Ok(());
    }
    for tables in TABLES.into_iter().filter(|tables| name(*tables).contains(filter)) {
        let server = Server::start(&format!("schema {tables}"))?;
        let mut turns = Vec::new();
        for _ in 0..TURNS {
            turns.push(DRIVERS.map(|driver| measure(driver, &server)));
        }
        let cell = |value: fn(&Turn) -> f64| {
            let of = |driver: usize| {
                let values =
                    turns.iter().filter_map(|turn| Some(value(turn[driver].as_ref().ok()?)));
                median(values.collect()).unwrap_or(f64::NAN)
            };
            format!("{:.2} / {:.2}", of(0), of(1))
        };
        println!(
            "| {} | {} | {} | {} | {} |",
            name(tables),
            cell(|turn| turn.cpu),
            cell(|turn| turn.kept),
            cell(|turn| turn.peak),
            cell(|turn| turn.hold)
        );
    }
    Ok(())
}

/// Runs a turn of a driver.
fn measure(driver: &str, server: &Server) -> Result<Turn, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let run = |mode: &str| {
        let mut command = Command::new(&program);
        command.args(["schema", driver, &server.address().to_string(), mode]);
        let output = command.output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let figures = text.split_whitespace().filter_map(|figure| figure.parse().ok());
        Ok(figures.collect::<Vec<f64>>())
    };
    let (read, held): (_, Result<_, String>) = (run("read")?, run("hold"));
    match (&read[..], &held?[..]) {
        (&[cpu, kept, peak, _], &[_, _, _, hold]) => Ok(Turn { cpu, kept, peak, hold }),
        _ => Err(format!("a turn of {driver} failed")),
    }
}

/// Reads a schema with one driver, and prints the figures of a [`Turn`]. In the mode `hold`, another task
/// measures how long it waits for the thread; otherwise it does not run.
pub fn run(driver: &str, address: &str, mode: &str) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (held, has_ticks) = (Arc::new(AtomicU64::new(0)), mode == "hold");
    let longest = Arc::clone(&held);
    let (memory, begin) = (resident("VmRSS")?, time(ClockId::ProcessCPUTime));
    let (cpu, kept) = runtime.block_on(async {
        let ticks = tokio::spawn(async move {
            // CPU time, since other processes may run in between.
            let now = || time(ClockId::ThreadCPUTime);
            let mut last = now();
            while has_ticks {
                tokio::task::yield_now().await;
                let elapsed = now().saturating_sub(last);
                longest.fetch_max(u64::try_from(elapsed.as_nanos()).unwrap(), Ordering::Relaxed);
                last = now();
            }
        });
        let session: Box<dyn Send> = match driver {
            "ours" => {
                use cqlwire::session::Session;
                let session = Session::builder().contact_points([address]).connect().await.unwrap();
                let schema = session.schema().await.unwrap();
                Box::new((session, schema))
            }
            _ => {
                use scylla::client::session_builder::SessionBuilder;
                Box::new(SessionBuilder::new().known_node(address).build().await.unwrap())
            }
        };
        let cpu = time(ClockId::ProcessCPUTime).saturating_sub(begin);
        // The thread may have other tasks to run after the last one of the read.
        sleep(Duration::from_millis(100)).await;
        ticks.abort();
        let kept = resident("VmRSS");
        drop(session);
        (cpu, kept)
    });
    let above = |kilobytes: f64| (kilobytes - memory) * 1024.0 / 1e6;
    println!(
        "{} {} {} {}",
        cpu.as_secs_f64() * 1e3,
        above(kept?),
        above(resident("VmHWM")?),
        held.load(Ordering::Relaxed) as f64 / 1e6
    );
    Ok(())
}

/// Returns a figure of the memory of this process, in kilobytes.
fn resident(name: &str) -> Result<f64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| format!("no {name} in the status of the process"))
}
