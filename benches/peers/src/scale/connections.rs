//! Numbers of connections and of tasks.

use super::sample::{medians, runtime};
use super::{Servers, head, ours::Ours, scylla::Scylla};
use crate::driver::ROUNDS;

/// Numbers of connections and of tasks.
const ROWS: [(usize, usize); 8] =
    [(1, 1), (1, 64), (1, 256), (1, 2_048), (4, 1), (4, 64), (4, 256), (4, 2_048)];

/// Number of requests of a turn for each task, and at least and at most in total.
const PER_TASK: usize = 500;
const REQUESTS: [usize; 2] = [4_000, 40_000];

pub fn table(filter: &str, servers: &Servers) -> Result<(), String> {
    let name =
        |(connections, tasks): (usize, usize)| format!("{tasks} tasks, {connections} connections");
    let title = format!("CPU time for a SELECT of one row: the median of {ROUNDS} turns.");
    let columns = [
        "tasks, connections",
        "ours, µs",
        "scylla, µs",
        "ours to scylla",
        "ours, /s",
        "scylla, /s",
    ];
    if !head(&title, &columns, filter, ROWS.into_iter().map(name)) {
        return Ok(());
    }
    let server = servers.node()?;
    for row in ROWS.into_iter().filter(|row| name(*row).contains(filter)) {
        let (connections, tasks) = row;
        let requests = (tasks * PER_TASK).clamp(REQUESTS[0], REQUESTS[1]);
        let ours = Ours::connect(runtime(), server.address(), connections);
        let scylla = Scylla::connect(runtime(), server.address(), connections);
        let [ours, scylla] =
            medians(|| [ours.select(tasks, requests), scylla.select(tasks, requests)]);
        let ratio = ours.micros / scylla.micros;
        println!(
            "| {} | {:.2} | {:.2} | {ratio:.2} | {:.0} | {:.0} |",
            name(row),
            ours.micros,
            scylla.micros,
            ours.rate,
            scylla.rate
        );
    }
    Ok(())
}
