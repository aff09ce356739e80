//! Instructions and allocations of the client, counted by callgrind.

use super::{Servers, head, ours::Ours, scylla::Scylla};
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
    },
    Load {
        name: "instructions, SELECT, 64 in flight",
        unit: "request",
        units: 1,
        requests: [640, 6_400],
        kind: Kind::Select { tasks: 64 },
    },
    Load {
        name: "instructions, unlogged batch of 100 rows",
        unit: "row",
        units: 100,
        requests: [10, 110],
        kind: Kind::Batch { rows: 100 },
    },
];

pub fn table(filter: &str, servers: &Servers) -> Result<(), String> {
    let title = "Instructions and allocations of the client, which has one thread.";
    let columns = ["work", "unit", "ours", "scylla", "ours to scylla"];
    if !head(title, &columns, filter, LOADS.iter().map(|load| load.name.to_owned())) {
        return Ok(());
    }
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
        println!(
            "| {} | {} | {} | {} | {:.2} |",
            load.name,
            load.unit,
            ours,
            scylla,
            ours.instructions / scylla.instructions
        );
    }
    Ok(())
}

/// Runs a load on a server, under callgrind. Returns `None` if an argument is invalid.
pub fn run(load: &str, contender: &str, address: &str, requests: &str) -> Option<()> {
    let load = LOADS.iter().find(|known| known.name == load)?;
    let (address, requests) = (address.parse().ok()?, requests.parse().ok()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    if contender == Contender::Ours.name() {
        let ours = Ours::connect(runtime, address, 1);
        match load.kind {
            Kind::Select { tasks } => ours.select(tasks, requests),
            Kind::Batch { rows } => ours.batch(1, requests, rows),
        };
    } else {
        let scylla = Scylla::connect(runtime, address, 1);
        match load.kind {
            Kind::Select { tasks } => scylla.select(tasks, requests),
            Kind::Batch { rows } => scylla.batch(1, requests, rows),
        };
    }
    Some(())
}
