//! Rows that are written once and read many times.

use cqlwire::session::Session;

use super::payload::{payload, pick};
use crate::{
    outcome::{Kind, Outcome, Outcomes},
    tables::Tables,
    tally::Tally,
    violation::Violation,
};

/// The rows of one worker.
pub(crate) struct Rows {
    worker: u32,
    outcomes: Outcomes,
    /// Number of reads, from which the next row to read is computed.
    reads: u64,
}

impl Rows {
    pub(super) fn new(worker: u32) -> Self {
        Self { worker, outcomes: Outcomes::default(), reads: 0 }
    }

    /// Returns the keys of all rows that the worker has tried to insert, with the outcomes.
    pub(crate) fn expected(&self) -> impl Iterator<Item = (i64, Outcome)> {
        self.outcomes.iter().map(|(number, outcome)| (self.key(number), outcome))
    }

    /// Inserts the next row.
    pub(super) async fn insert(
        &mut self,
        kind: Kind,
        session: &Session,
        tables: &Tables,
        tally: &mut Tally,
    ) {
        let number = self.outcomes.begin();
        tally.begin(kind);
        let key = self.key(number);
        let statement = match kind {
            Kind::Insert => &tables.insert,
            _ => &tables.unmarked_insert,
        };
        let result = session.execute(statement, (key, payload(key, 0))).await;
        let outcome = tally.end(kind, &result);
        self.outcomes.end(outcome);
        if result.is_ok_and(|result| result.has_rows()) {
            tally
                .violation(Violation::MalformedAnswer, || format!("insert of {key} returned rows"));
        }
    }

    /// Reads an acknowledged row, and checks that the answer is that row.
    pub(super) async fn read(&mut self, session: &Session, tables: &Tables, tally: &mut Tally) {
        let Some(number) = self.pick() else { return };
        let key = self.key(number);
        tally.begin(Kind::Read);
        let result = session.execute(&tables.read, (key,)).await;
        tally.end(Kind::Read, &result);
        let Ok(result) = result else { return };
        match result.first::<(i64, &str)>() {
            Ok(None) => tally.violation(Violation::Lost, || format!("row {key} is missing")),
            Ok(Some((k, text))) if k == key && text == payload(key, 0) => {}
            Err(error) => {
                tally.violation(Violation::MalformedAnswer, || format!("row {key}: {error}"));
            }
            Ok(Some(other)) => tally.violation(Violation::ForeignAnswer, || {
                format!("read of row {key} returned {other:?}")
            }),
        }
    }

    /// Picks one of the acknowledged rows, in an order that jumps.
    fn pick(&mut self) -> Option<u32> {
        self.reads += 1;
        let count = self.outcomes.len();
        let first = pick(self.reads, count)?;
        let mut numbers = (first..count).chain(0..first);
        numbers.find(|number| self.outcomes.get(*number) == Outcome::Acknowledged)
    }

    fn key(&self, number: u32) -> i64 {
        i64::from(self.worker) << 32 | i64::from(number)
    }
}
