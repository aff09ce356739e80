//! Numbers of nodes, connections and tasks.

use super::client::Client;
use super::curves::{self, Point};
use super::report::{Bar, Table, figure};
use super::sample::{Sample, TURNS, medians, runtime};
use super::server::Server;
use super::{Servers, cdrs::Cdrs, ours::Ours, scylla::Scylla};
use crate::workloads::Contender;

/// Numbers of tasks.
const TASKS: [usize; 4] = [1, 64, 256, 2_048];

/// Kinds of servers, numbers of nodes, and of connections to each.
const SERVERS: [(&str, usize, usize); 4] =
    [("stub", 1, 1), ("stub", 1, 4), ("cluster 6", 6, 1), (TLS, 1, 4)];

/// The server with TLS.
const TLS: &str = "stub-tls";

/// Number of requests of a turn for each task, and at least and at most in total.
const PER_TASK: usize = 500;
const REQUESTS: [usize; 2] = [4_000, 40_000];

/// Maximum ratio of ours to scylla.
const BAR: f64 = 0.6;

#[derive(Debug, Clone, Copy)]
struct Row {
    server: &'static str,
    nodes: usize,
    connections: usize,
    tasks: usize,
}

impl Row {
    fn all() -> impl Iterator<Item = Self> {
        SERVERS.into_iter().flat_map(|(server, nodes, connections)| {
            TASKS.into_iter().map(move |tasks| Self { server, nodes, connections, tasks })
        })
    }

    fn name(&self) -> String {
        let Self { server, nodes, connections, tasks } = self;
        match (*server, nodes) {
            (TLS, _) => format!("tasks: {tasks}, connections: {connections}, TLS"),
            (_, 1) => format!("tasks: {tasks}, connections: {connections}"),
            _ => format!("tasks: {tasks}, nodes: {nodes}"),
        }
    }

    /// Returns true if the row is a point of the cost curve.
    fn is_on_curve(&self) -> bool {
        (self.server, self.connections) == ("stub", 1)
    }
}

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let title = format!("CPU time for a SELECT of one row: the median of {TURNS} turns.");
    let columns = [
        "work",
        "ours, µs",
        "scylla, µs",
        "cdrs, µs",
        "ours to scylla",
        "ours, /s",
        "scylla, /s",
        "cdrs, /s",
    ];
    let names = Row::all().map(|row| row.name());
    let Some(mut table) = Table::new(&title, &columns, filter, names) else { return Ok(0) };
    let mut curve = Vec::new();
    for row in Row::all().filter(|row| row.name().contains(filter)) {
        let Row { server, nodes, connections, tasks } = row;
        let has_tls = server == TLS;
        let server = match servers.real_node {
            Some(_) if has_tls || nodes > 1 => continue,
            Some(address) => Server::at(address),
            None => Server::start(server)?,
        };
        let requests = (tasks * PER_TASK).clamp(REQUESTS[0], REQUESTS[1]);
        // A real node is slower, so fewer requests keep the total time short.
        let requests = if servers.real_node.is_some() { requests / 10 } else { requests };
        let ours = Client::<Ours>::connect_to(runtime(), &server, connections);
        let scylla = Client::<Scylla>::connect_to(runtime(), &server, connections);
        let cdrs = (!has_tls).then(|| Client::<Cdrs>::connect_to(runtime(), &server, connections));
        let samples = medians(TURNS, || {
            [
                ours.select(tasks, requests),
                scylla.select(tasks, requests),
                cdrs.as_ref().map_or(Sample::ABSENT, |cdrs| cdrs.select(tasks, requests)),
            ]
        });
        let [ours, scylla, _] = samples.map(|sample| sample.micros);
        let micros = samples.map(|sample| figure(sample.micros, 2)).join(" | ");
        let rates = samples.map(|sample| figure(sample.rate, 0)).join(" | ");
        let ratio = ours / scylla;
        table.row(&row.name(), &[micros, figure(ratio, 2), rates], &[Bar::ratio(ratio, BAR)]);
        if row.is_on_curve() {
            curve.push(Point::new(tasks, [ours, scylla].map(|micros| micros * tasks as f64)));
        }
    }
    if filter.is_empty() && servers.real_node.is_none() {
        curves::write("tasks", &curve)?;
    }
    Ok(table.missed())
}

/// Runs a row on a server, for a profiler. Returns `None` if an argument is invalid.
pub fn run(row: &str, contender: &str, address: &str, requests: &str) -> Option<()> {
    let row = Row::all().find(|known| known.name() == row)?;
    let (address, requests) = (address.parse().ok()?, requests.parse().ok()?);
    match contender == Contender::Ours.name() {
        true => {
            Client::<Ours>::connect(runtime(), address, row.connections).select(row.tasks, requests)
        }
        false => Client::<Scylla>::connect(runtime(), address, row.connections)
            .select(row.tasks, requests),
    };
    Some(())
}
