//! The rows of batches: each is there if and only if the outcome of its batch allows it, and an atomic
//! batch is there as a whole or not at all.

use std::collections::BTreeMap;

use cqlwire::session::Error;
use tokio::time::{Instant, sleep};

use super::reader::{DELAY, Reader};
use crate::{
    outcome::Outcome,
    tally::Tally,
    violation::Violation,
    worker::{Batches, RowKey, Worker, check_row, payload},
};

/// Checks the rows of all batches.
pub(super) async fn check(
    reader: &Reader<'_>,
    workers: &[Worker],
    tally: &mut Tally,
) -> Result<(), Error> {
    let mut found = read(reader, workers, tally).await?;
    let batches = workers.iter().flat_map(|worker| [&worker.logged, &worker.unlogged]);
    for batch in batches.flat_map(Batches::expected) {
        let mut rows = 0;
        for &row in &batch.rows {
            let times = found.remove(&row).unwrap_or(0);
            rows += times.min(1);
            check_row(row, batch.outcome, times, tally);
        }
        let is_partial = 0 < rows && rows < batch.rows.len();
        if is_partial && batch.is_atomic && batch.outcome == Outcome::Uncertain {
            wait_until_complete(reader, &batch.rows, tally).await?;
        }
    }
    for row in found.into_keys() {
        tally.violation(Violation::ForeignAnswer, || format!("row {row:?} was never written"));
    }
    Ok(())
}

/// Returns all rows of the table, with the number of times that each was read.
async fn read(
    reader: &Reader<'_>,
    workers: &[Worker],
    tally: &mut Tally,
) -> Result<BTreeMap<RowKey, usize>, Error> {
    let mut found = BTreeMap::new();
    let batches = workers.iter().flat_map(|worker| [&worker.logged, &worker.unlogged]);
    let own = batches.flat_map(Batches::expected).flat_map(|batch| batch.rows).map(|row| row.0);
    reader
        .pages("p, c, payload FROM {}.wide", "p", own, |page| {
            for row in page.rows::<(i64, i32, &str)>()? {
                let (p, c, text) = row?;
                if text != payload(p, c.into()) {
                    let example = || format!("row {:?} is {text:?}", (p, c));
                    tally.violation(Violation::ForeignAnswer, example);
                }
                *found.entry((p, c)).or_insert(0) += 1;
            }
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Reads the rows of a batch until all of them are there. A server may apply the rest of a logged batch
/// much later, and may have applied the batch while its partition was read.
async fn wait_until_complete(
    reader: &Reader<'_>,
    rows: &[RowKey],
    tally: &mut Tally,
) -> Result<(), Error> {
    let deadline = Instant::now() + reader.wait;
    loop {
        let mut missing = Vec::new();
        for &row in rows {
            let select = reader.select("c FROM {}.wide WHERE p = ? AND c = ?");
            if reader.execute(select, row).await?.first::<i32>()?.is_none() {
                missing.push(row);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            tally.violation(Violation::TornBatch, || {
                format!("of {rows:?}, {missing:?} are missing")
            });
            return Ok(());
        }
        sleep(DELAY).await;
    }
}
