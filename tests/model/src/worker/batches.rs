//! Batches of inserts, into one partition or into several, and reads of wide partitions.

use std::collections::BTreeMap;

use cqlwire::session::{Batch, Error, Session};

use super::payload::{payload, pick};
use crate::{
    outcome::{Kind, Outcome, Outcomes},
    tables::Tables,
    tally::Tally,
    violation::Violation,
};

/// Number of rows of a batch.
const ROWS: i32 = 5;

/// Number of consecutive batches that write to the same partitions.
const BATCHES: u32 = 128;

/// The partition key and the clustering key of a row.
pub(crate) type RowKey = (i64, i32);

/// The batches of one worker that are logged, or those that are not.
pub(crate) struct Batches {
    worker: u32,
    kind: Kind,
    outcomes: Outcomes,
    /// Number of reads, from which the next partition to read is computed.
    reads: u64,
}

/// What is expected of a batch's rows in the table.
pub(crate) struct Expected {
    pub(crate) rows: Vec<RowKey>,
    pub(crate) outcome: Outcome,
    /// True if the batch is applied as a whole or not at all.
    pub(crate) is_atomic: bool,
}

impl Batches {
    pub(super) fn new(worker: u32, kind: Kind) -> Self {
        Self { worker, kind, outcomes: Outcomes::default(), reads: 0 }
    }

    /// Returns true if no batch was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.outcomes.len() == 0
    }

    /// Returns the expectations of all batches.
    pub(crate) fn expected(&self) -> impl Iterator<Item = Expected> {
        self.outcomes.iter().map(|(number, outcome)| Expected {
            rows: self.rows(number),
            outcome,
            is_atomic: self.kind == Kind::LoggedBatch || is_in_one_partition(number),
        })
    }

    /// Writes the next batch.
    pub(super) async fn write(&mut self, session: &Session, tables: &Tables, tally: &mut Tally) {
        let number = self.outcomes.begin();
        tally.begin(self.kind);
        let batch = match self.kind {
            Kind::LoggedBatch => Batch::logged(),
            _ => Batch::unlogged().idempotent(true),
        };
        let mut batch = tables.batch_options(batch);
        for (p, c) in self.rows(number) {
            batch = batch.statement(&tables.insert_wide, (p, c, payload(p, c.into())));
        }
        tally.check_text(|| format!("{batch:?}"));
        let result = session.batch(&batch).await;
        self.outcomes.end(tally.end(self.kind, &result));
        if result.is_ok_and(|result| result.has_rows()) {
            tally.violation(Violation::MalformedAnswer, || {
                format!("batch {number} of {:?} returned rows", self.rows(number))
            });
        }
    }

    /// Reads one of the partitions, and checks that it has the rows that the outcomes allow, in the
    /// order of the table.
    pub(super) async fn read(&mut self, session: &Session, tables: &Tables, tally: &mut Tally) {
        let Some((partition, numbers)) = self.pick() else { return };
        tally.begin(Kind::ReadPartition);
        let result = read_partition(session, tables, partition, tally).await;
        tally.end(Kind::ReadPartition, &result);
        let Ok(mut found) = result else { return };
        for number in numbers {
            let outcome = self.outcomes.get(number);
            for row in self.rows(number).into_iter().filter(|row| row.0 == partition) {
                check_row(row, outcome, found.remove(&row.1).unwrap_or(0), tally);
            }
        }
        for c in found.into_keys() {
            tally.violation(Violation::ForeignAnswer, || {
                format!("row {:?} was never written", (partition, c))
            });
        }
    }

    /// Picks the key of a partition, with the numbers of the batches that may have written to it.
    fn pick(&mut self) -> Option<(i64, std::ops::Range<u32>)> {
        self.reads += 1;
        let number = pick(self.reads, self.outcomes.len())?;
        let rows = self.rows(number);
        let index = pick(self.reads ^ 1 << 63, u32::try_from(rows.len()).ok()?)?;
        let first = number - number % BATCHES;
        Some((rows.get(index as usize)?.0, first..first + BATCHES))
    }

    /// Returns the rows of a batch.
    fn rows(&self, number: u32) -> Vec<RowKey> {
        let kind = i64::from(self.kind == Kind::LoggedBatch) << 31;
        let (block, place) = (i64::from(number / BATCHES), (number % BATCHES / 2).cast_signed());
        let partition = |index: i64| i64::from(self.worker) << 32 | kind | index;
        let row = |i: i32| match is_in_one_partition(number) {
            true => (partition(block), place * ROWS + i),
            false => (partition((1 << 30) + block * i64::from(ROWS) + i64::from(i)), place),
        };
        (0..ROWS).map(row).collect()
    }
}

/// Returns true if all rows of the batch with this number are in one partition.
const fn is_in_one_partition(number: u32) -> bool {
    number.is_multiple_of(2)
}

/// Counts a row that was found this number of times, against the outcome of its batch.
pub(crate) fn check_row(row: RowKey, outcome: Outcome, times: usize, tally: &mut Tally) {
    let violation = match times {
        2.. => Some(Violation::RepeatedRow),
        _ => Violation::of(outcome, times),
    };
    if let Some(violation) = violation {
        let example = || format!("row {row:?} of a batch: {outcome:?}, found {times} times");
        tally.violation(violation, example);
    }
}

/// Reads a partition in pages. Returns its clustering keys, with the number of times that each was
/// found.
async fn read_partition(
    session: &Session,
    tables: &Tables,
    partition: i64,
    tally: &mut Tally,
) -> Result<BTreeMap<i32, usize>, Error> {
    let mut found = BTreeMap::new();
    let mut last = None;
    let mut rows = session.stream::<(i64, i32, String)>(&tables.read_wide, (partition,));
    while let Some((p, c, text)) = rows.try_next().await? {
        if p != partition || text != payload(p, c.into()) {
            tally.violation(Violation::ForeignAnswer, || {
                format!("read of partition {partition} returned row {:?}: {text}", (p, c))
            });
            continue;
        }
        if last.is_some_and(|last| c > last) {
            tally.violation(Violation::OutOfOrder, || {
                format!("partition {partition}: row {c} after row {last:?}")
            });
        }
        last = Some(c);
        *found.entry(c).or_default() += 1;
    }
    Ok(found)
}
