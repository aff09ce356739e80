//! Instructions and allocations of the client, counted by callgrind.

use super::client::{Client, Driver};
use super::report::{Bar, Table, figure};
use super::{Servers, ours::Ours, scylla::Scylla};
use crate::callgrind::{self, Cost};
use crate::workloads::Contender;

/// A load whose cost is counted.
struct Load {
    name: &'static str,
    /// The unit of the table, and the number of units of a request.
    unit: &'static str,
    units: usize,
    /// Numbers of requests of the two runs whose difference is the cost.
    requests: [usize; 2],
    kind: Kind,
    /// Maximum number of instructions of ours.
    bar: f64,
}

enum Kind {
    /// SELECTs of this number of tasks.
    Select { tasks: usize },
    /// Batches of this number of rows.
    Batch { rows: usize },
}

const LOADS: [Load; 3] = [
    Load {
        name: "instructions, SELECT, 1 in flight",
        unit: "request",
        units: 1,
        requests: [100, 1_100],
        kind: Kind::Select { tasks: 1 },
        bar: 8_000.0,
    },
    Load {
        name: "instructions, SELECT, 64 in flight",
        unit: "request",
        units: 1,
        requests: [640, 6_400],
        kind: Kind::Select { tasks: 64 },
        bar: 5_000.0,
    },
    Load {
        name: "instructions, unlogged batch of 100 rows",
        unit: "row",
        units: 100,
        requests: [10, 110],
        kind: Kind::Batch { rows: 100 },
        bar: 900.0,
    },
];

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let title = "Instructions and allocations of the client, which has one thread.";
    let columns = ["work", "unit", "ours", "scylla", "ours to scylla"];
    let names = LOADS.iter().map(|load| load.name.to_owned());
    let Some(mut table) = Table::new(title, &columns, filter, names) else { return Ok(0) };
    callgrind::check_installed()?;
    let server = servers.node()?;
    let address = server.address().to_string();
    for load in LOADS.iter().filter(|load| load.name.contains(filter)) {
        let count = |contender: Contender| -> Result<Cost, String> {
            let [few, more] = load.requests.map(|requests| requests.to_string()).map(|requests| {
                callgrind::run(&["load", load.name, contender.name(), &address, &requests])
            });
            let requests = load.requests[1] - load.requests[0];
            Ok(callgrind::difference(&few?, &more?, (requests * load.units) as f64))
        };
        let (ours, scylla) = (count(Contender::Ours)?, count(Contender::Scylla)?);
        let ratio = ours.instructions / scylla.instructions;
        let cells = [load.unit.to_owned(), ours.to_string(), scylla.to_string(), figure(ratio, 2)];
        table.row(load.name, &cells, &[Bar::new("instructions", ours.instructions, load.bar)]);
    }
    Ok(table.missed())
}

/// Runs a load on a server, under callgrind. Returns `None` if an argument is invalid.
pub fn run(load: &str, contender: &str, address: &str, requests: &str) -> Option<()> {
    let load = LOADS.iter().find(|known| known.name == load)?;
    let (address, requests) = (address.parse().ok()?, requests.parse().ok()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    match contender == Contender::Ours.name() {
        true => send(load, &Client::<Ours>::connect(runtime, address, 1), requests),
        false => send(load, &Client::<Scylla>::connect(runtime, address, 1), requests),
    }
    Some(())
}

fn send<D: Driver>(load: &Load, client: &Client<D>, requests: usize) {
    match load.kind {
        Kind::Select { tasks } => client.select(tasks, requests),
        Kind::Batch { rows } => client.batch(1, requests, rows),
    };
}
