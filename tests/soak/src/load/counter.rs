//! A counter.

use std::ops::RangeInclusive;

use cqlwire::session::Session;

use super::Tables;
use crate::{
    outcome::{Kind, Outcome, Violation},
    tally::Tally,
};

/// The counter of one task.
pub(crate) struct Counter {
    pub(crate) key: i32,
    acknowledged: i64,
    uncertain: i64,
}

impl Counter {
    pub(super) const fn new(task: u32) -> Self {
        Self { key: task.cast_signed(), acknowledged: 0, uncertain: 0 }
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
        let result = session.execute(&tables.increment, (self.key,)).await;
        match tally.record(Kind::Increment, &result) {
            Outcome::Acknowledged => self.acknowledged += 1,
            Outcome::Uncertain => self.uncertain += 1,
            Outcome::NotApplied => {}
        }
        if result.is_ok_and(|result| result.has_rows()) {
            let key = self.key;
            tally.violation(Violation::ForeignAnswer, || format!("counter {key} returned rows"));
        }
    }
}
