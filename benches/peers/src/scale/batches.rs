//! Unlogged batches of prepared statements.

use super::client::Client;
use super::report::{Bar, Table, figure};
use super::sample::{TURNS, medians, runtime};
use super::{Servers, cdrs::Cdrs, ours::Ours, scylla::Scylla};

/// Numbers of rows of a batch, and of batches of a turn.
const ROWS: [(usize, usize); 3] = [(10, 10_000), (100, 2_000), (1_000, 200)];

/// Number of tasks.
const TASKS: usize = 16;

/// Maximum ratio of ours to scylla.
const BAR: f64 = 0.6;

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
    let name = |(rows, _): (usize, usize)| format!("batch of {rows} rows");
    let title = format!(
        "CPU time for a row of an unlogged batch, {TASKS} tasks: the median of {TURNS} turns."
    );
    let columns = ["batch", "ours, µs", "scylla, µs", "cdrs, µs", "ours to scylla"];
    let Some(mut table) = Table::new(&title, &columns, filter, ROWS.into_iter().map(name)) else {
        return Ok(0);
    };
    let server = servers.node()?;
    let ours = Client::<Ours>::connect(runtime(), server.address(), 1);
    let scylla = Client::<Scylla>::connect(runtime(), server.address(), 1);
    let cdrs = Client::<Cdrs>::connect(runtime(), server.address(), 1);
    for row in ROWS.into_iter().filter(|row| name(*row).contains(filter)) {
        let (rows, batches) = row;
        let samples = medians(TURNS, || {
            [
                ours.batch(TASKS, batches, rows),
                scylla.batch(TASKS, batches, rows),
                cdrs.batch(TASKS, batches, rows),
            ]
        });
        let [ours, scylla, cdrs] = samples.map(|sample| sample.micros / rows as f64);
        let ratio = ours / scylla;
        let cells = [figure(ours, 3), figure(scylla, 3), figure(cdrs, 3), figure(ratio, 2)];
        table.row(&name(row), &cells, &[Bar::ratio(ratio, BAR)]);
    }
    Ok(table.missed())
}
