//! Unlogged batches of prepared statements.

use super::sample::{medians, runtime};
use super::{Servers, head, ours::Ours, scylla::Scylla};
use crate::driver::ROUNDS;

/// Numbers of rows of a batch, and of batches of a turn.
const ROWS: [(usize, usize); 3] = [(10, 10_000), (100, 2_000), (1_000, 200)];

/// Number of tasks.
const TASKS: usize = 16;

pub fn table(filter: &str, servers: &Servers) -> Result<(), String> {
    let name = |(rows, _): (usize, usize)| format!("batch of {rows} rows");
    let title = format!(
        "CPU time for a row of an unlogged batch, {TASKS} tasks: the median of {ROUNDS} turns."
    );
    let columns = ["batch", "ours, µs", "scylla, µs", "ours to scylla"];
    if !head(&title, &columns, filter, ROWS.into_iter().map(name)) {
        return Ok(());
    }
    let server = servers.node()?;
    let ours = Ours::connect(runtime(), server.address(), 1);
    let scylla = Scylla::connect(runtime(), server.address(), 1);
    for row in ROWS.into_iter().filter(|row| name(*row).contains(filter)) {
        let (rows, batches) = row;
        let [ours, scylla] =
            medians(|| [ours.batch(TASKS, batches, rows), scylla.batch(TASKS, batches, rows)]);
        let [ours, scylla] = [ours, scylla].map(|sample| sample.micros / rows as f64);
        println!("| {} | {ours:.3} | {scylla:.3} | {:.2} |", name(row), ours / scylla);
    }
    Ok(())
}
