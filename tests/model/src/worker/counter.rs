//! A counter.

use std::ops::RangeInclusive;

use cqlwire::session::Session;

use crate::{
    outcome::{Kind, Outcome},
    tables::Tables,
    tally::Tally,
    violation::Violation,
};

/// The counter of one task.
pub(crate) struct Counter {
    pub(crate) key: i32,
    acknowledged: i64,
    uncertain: i64,
}

impl Counter {
    pub(super) const fn new(worker: u32) -> Self {
        Self { key: worker.cast_signed(), acknowledged: 0, uncertain: 0 }
    }

    /// Returns the values that the counter may have.
    pub(crate) const fn expected(&self) -> RangeInclusive<i64> {
        self.acknowledged..=self.acknowledged + self.uncertain
    }

    pub(super) async fn increment(
        &mut self,
        session: &Session,
        tables: &Tables,
        tally: &mut Tally,
    ) {
        tally.begin(Kind::Increment);
        // A request that is cancelled stays uncertain.
        self.uncertain += 1;
        let result = session.execute(&tables.increment, (self.key,)).await;
        match tally.end(Kind::Increment, &result) {
            Outcome::Acknowledged => {
                self.uncertain -= 1;
                self.acknowledged += 1;
            }
            Outcome::Uncertain => {}
            Outcome::NotApplied => self.uncertain -= 1,
        }
        if result.is_ok_and(|result| result.has_rows()) {
            let key = self.key;
            tally.violation(Violation::MalformedAnswer, || format!("counter {key} returned rows"));
        }
    }
}
