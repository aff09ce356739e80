//! Numbers of nodes, connections and tasks.

use super::client::Client;
use super::curves::{self, Point};
use super::report::{Bar, Table, figure};
use super::sample::{medians, runtime};
use super::server::Server;
use super::{Servers, cdrs::Cdrs, ours::Ours, scylla::Scylla};

/// Numbers of tasks.
const TASKS: [usize; 4] = [1, 64, 256, 2_048];

/// Numbers of nodes, and of connections to each.
const CLUSTERS: [(usize, usize); 3] = [(1, 1), (1, 4), (6, 1)];

/// Number of turns of each driver.
const TURNS: usize = 25;

/// Number of requests of a turn for each task, and at least and at most in total.
const PER_TASK: usize = 500;
const REQUESTS: [usize; 2] = [4_000, 40_000];

/// Maximum ratio of ours to scylla.
const BAR: f64 = 0.6;

#[derive(Debug, Clone, Copy)]
struct Row {
    nodes: usize,
    connections: usize,
    tasks: usize,
}

impl Row {
    fn all() -> impl Iterator<Item = Self> {
        CLUSTERS.into_iter().flat_map(|(nodes, connections)| {
            TASKS.into_iter().map(move |tasks| Self { nodes, connections, tasks })
        })
    }

    fn name(&self) -> String {
        match self.nodes {
            1 => format!("{} tasks, {} connections", self.tasks, self.connections),
            nodes => format!("{} tasks, {nodes} nodes", self.tasks),
        }
    }
}

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let title = format!("CPU time for a SELECT of one row: the median of {TURNS} turns.");
    let columns = [
        "tasks, connections",
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
        let Row { nodes, connections, tasks } = row;
        let server = match (servers.real_node, nodes) {
            (Some(_), 2..) => continue,
            (_, 1) => servers.node()?,
            _ => Server::start(&format!("cluster {nodes}"))?,
        };
        let requests = (tasks * PER_TASK).clamp(REQUESTS[0], REQUESTS[1]);
        let ours = Client::<Ours>::connect(runtime(), server.address(), connections);
        let scylla = Client::<Scylla>::connect(runtime(), server.address(), connections);
        let cdrs = Client::<Cdrs>::connect(runtime(), server.address(), connections);
        let samples = medians(TURNS, || {
            [
                ours.select(tasks, requests),
                scylla.select(tasks, requests),
                cdrs.select(tasks, requests),
            ]
        });
        let [ours, scylla, _] = samples.map(|sample| sample.micros);
        let micros = samples.map(|sample| figure(sample.micros, 2)).join(" | ");
        let rates = samples.map(|sample| figure(sample.rate, 0)).join(" | ");
        let ratio = ours / scylla;
        table.row(&row.name(), &[micros, figure(ratio, 2), rates], &[Bar::ratio(ratio, BAR)]);
        if (nodes, connections) == (1, 1) {
            curve.push(Point::new(tasks, [ours, scylla].map(|micros| micros * tasks as f64)));
        }
    }
    if filter.is_empty() && servers.real_node.is_none() {
        curves::write("tasks", &curve)?;
    }
    Ok(table.missed())
}
