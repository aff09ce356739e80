//! A session without requests: its wakeups, CPU time and memory.

use std::net::SocketAddr;
use std::thread::{scope, sleep};
use std::time::Duration;

use rustix::time::ClockId;

use super::client::{Client, Driver};
use super::process::{figures, memory, voluntary_switches};
use super::report::{Bar, Table, pair};
use super::sample::{median_figures, runtime};
use super::server::Server;
use super::{Servers, ours::Ours, scylla::Scylla};
use crate::driver::load::time;
use crate::workloads::Contender;

/// Numbers of nodes.
const NODES: [usize; 2] = [1, 6];

/// Number of processes of each driver. They run at the same time.
const PROCESSES: usize = 3;

/// Time after the last request before the measurement, and time of the measurement.
const SETTLE: Duration = Duration::from_secs(5);
const MEASURE: Duration = Duration::from_secs(60);

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let name = |nodes: usize| format!("idle, nodes: {nodes}");
    let title = format!(
        "An idle session for {} seconds, ours / scylla: the median of {PROCESSES} processes. Wakeups are voluntary \
         context switches of all threads. Memory is resident, without the pages of the program's file. Bars are ratios to scylla.",
        MEASURE.as_secs()
    );
    let columns = ["session", "wakeups a second", "CPU, µs a second", "memory, kB"];
    let Some(mut table) = Table::new(&title, &columns, filter, NODES.into_iter().map(name)) else {
        return Ok(0);
    };
    for nodes in NODES.into_iter().filter(|nodes| name(*nodes).contains(filter)) {
        let server = match (servers.real_node, nodes) {
            (Some(_), 2..) => continue,
            (_, 1) => servers.node()?,
            _ => Server::start(&format!("cluster {nodes}"))?,
        };
        let address = server.address().to_string();
        let drivers = [Contender::Ours, Contender::Scylla];
        let processes = scope(|scope| {
            let start = |driver: Contender| {
                let arguments = ["idle", driver.name(), &address];
                let processes = (0..PROCESSES).map(|_| scope.spawn(move || figures(&arguments)));
                processes.collect::<Vec<_>>()
            };
            drivers.map(start).map(|processes| {
                let figures = processes.into_iter().map(|process| process.join().unwrap());
                figures.collect::<Result<Vec<[f64; 3]>, _>>()
            })
        });
        let [ours, scylla] = processes;
        let turns: Vec<_> = ours?.into_iter().zip(scylla?).map(<[_; 2]>::from).collect();
        let [wakeups, cpu, memory] = median_figures::<2, 3>(&turns);
        let bar = |name, [ours, scylla]: [f64; 2]| Bar::new(name, ours / scylla, 1.0);
        let bars = [bar("wakeups", wakeups), bar("CPU", cpu), bar("memory", memory)];
        table.row(&name(nodes), &[pair(wakeups, 2), pair(cpu, 0), pair(memory, 0)], &bars);
    }
    Ok(table.missed())
}

/// Connects one driver, sends some requests, and prints the figures of the idle session.
pub fn run(driver: &str, address: &str) -> Result<(), String> {
    let address = address.parse().map_err(|_| format!("invalid address `{address}`"))?;
    match driver == Contender::Ours.name() {
        true => measure::<Ours>(address),
        false => measure::<Scylla>(address),
    }
}

fn measure<D: Driver>(address: SocketAddr) -> Result<(), String> {
    let runtime = runtime();
    let memory_before = memory("RssAnon")?;
    let client = Client::<D>::connect(runtime, address, 1);
    client.select(1, 100);
    sleep(SETTLE);
    let (switches, cpu) = (voluntary_switches()?, time(ClockId::ProcessCPUTime));
    sleep(MEASURE);
    // The main thread's sleep is one of the switches.
    let switches = voluntary_switches()? - switches - 1.0;
    let cpu = (time(ClockId::ProcessCPUTime) - cpu).as_secs_f64() * 1e6;
    let memory = (memory("RssAnon")? - memory_before) * 1.024;
    let seconds = MEASURE.as_secs_f64();
    println!("{} {} {memory}", switches / seconds, cpu / seconds);
    Ok(())
}
