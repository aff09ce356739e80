//! Schemas of many tables: reading them, and what they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::ClockId;
use tokio::runtime::Builder;
use tokio::time::sleep;

use super::Servers;
use super::curves::{self, Point};
use super::process::{figures, memory};
use super::report::{Bar, Table, pair};
use super::sample::median_figures;
use super::server::Server;
use crate::driver::load::time;

/// Numbers of tables, with ten columns each.
const TABLES: [usize; 4] = [10, 100, 1_000, 10_000];

/// Number of turns of each driver.
const TURNS: usize = 5;

const DRIVERS: [&str; 2] = ["ours", "scylla"];

/// Maximum figures of ours for the largest schema: CPU, kept memory, peak memory and longest hold.
const BARS: [(&str, f64); 4] =
    [("CPU", 80.0), ("kept", 15.0), ("peak", f64::INFINITY), ("hold", 1.0)];

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let name = |tables: usize| format!("{tables} tables");
    let title = format!(
        "Reading a schema on one thread, ours / scylla: the median of {TURNS} turns, each in a process of its own. \
         Memory is resident. Scylla does not read options, indexes and functions."
    );
    let columns = ["schema", "CPU, ms", "kept, MB", "peak, MB", "longest hold, ms"];
    if servers.real_node.is_some() {
        return Ok(0);
    }
    let Some(mut table) = Table::new(&title, &columns, filter, TABLES.into_iter().map(name)) else {
        return Ok(0);
    };
    let mut curve = Vec::new();
    for tables in TABLES.into_iter().filter(|tables| name(*tables).contains(filter)) {
        let server = Server::start(&format!("schema {tables}"))?;
        let mut turns = Vec::new();
        for _ in 0..TURNS {
            let [ours, scylla] = DRIVERS.map(|driver| measure(driver, &server));
            turns.push([ours?, scylla?]);
        }
        let figures = median_figures(&turns);
        let cells = figures.map(|figures| pair(figures, 2));
        table.row(&name(tables), &cells, &Bar::of_ours(BARS, figures));
        curve.push(Point::new(tables, figures[0]));
    }
    if filter.is_empty() {
        curves::write("tables", &curve)?;
    }
    Ok(table.missed())
}

/// Runs a turn of a driver. Returns the CPU time to connect and to read the schema, in milliseconds, the memory
/// that the process keeps and its peak, in MB, and the longest time for which the only thread ran no other task,
/// in milliseconds.
fn measure(driver: &str, server: &Server) -> Result<[f64; 4], String> {
    let address = server.address().to_string();
    let [cpu, kept, peak, _] = figures(&["schema", driver, &address, "read"])?;
    let [_, _, _, hold] = figures(&["schema", driver, &address, "hold"])?;
    Ok([cpu, kept, peak, hold])
}

/// Reads a schema with one driver, and prints the figures of [`measure`]. In the mode `hold`, another task
/// measures how long it waits for the thread; otherwise it does not run.
pub fn run(driver: &str, address: &str, mode: &str) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (held, has_ticks) = (Arc::new(AtomicU64::new(0)), mode == "hold");
    let longest = Arc::clone(&held);
    let (before, begin) = (memory("VmRSS")?, time(ClockId::ProcessCPUTime));
    let (cpu, kept) = runtime.block_on(async {
        let ticks = tokio::spawn(async move {
            // CPU time, since other processes may run in between.
            let now = || time(ClockId::ThreadCPUTime);
            let mut last = now();
            if !has_ticks {
                return;
            }
            loop {
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
        let kept = memory("VmRSS");
        drop(session);
        (cpu, kept)
    });
    let above = |kilobytes: f64| (kilobytes - before) * 1024.0 / 1e6;
    println!(
        "{} {} {} {}",
        cpu.as_secs_f64() * 1e3,
        above(kept?),
        above(memory("VmHWM")?),
        held.load(Ordering::Relaxed) as f64 / 1e6
    );
    Ok(())
}
