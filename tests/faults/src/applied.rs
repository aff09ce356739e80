//! The record of the faults that were applied.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Direction, FaultCounts, Framing, Honesty, PlannedFault};

/// The record of the faults that were applied to any number of connections. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    counts: FaultCounts,
    requests: Option<Honesty>,
    responses: Option<Honesty>,
}

impl Applied {
    /// Creates an empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of applied faults by kind.
    pub fn counts(&self) -> FaultCounts {
        self.with(|record| record.counts.clone())
    }

    /// Returns true if a client received a lie. The contents of all later responses can be wrong, and
    /// those of later requests: the statement id of an EXECUTE can be that of another statement.
    pub fn lied_to_client(&self) -> bool {
        self.with(|record| record.responses == Some(Honesty::Lying))
    }

    /// Returns true if a server received a lie. The contents of the database can be wrong.
    pub fn lied_to_server(&self) -> bool {
        self.with(|record| record.requests == Some(Honesty::Lying))
    }

    /// Returns the least honest of the faults in this direction, or `None` if there was none.
    pub fn honesty(&self, direction: Direction) -> Option<Honesty> {
        self.with(|record| *record.of(direction))
    }

    pub(crate) fn record(&self, planned: &PlannedFault, framing: Framing) {
        let honesty = planned.fault.honesty(planned.direction, framing);
        self.with(|record| {
            record.counts.add(planned.fault.kind());
            let worst = record.of(planned.direction);
            *worst = (*worst).max(Some(honesty));
        });
    }

    fn with<T>(&self, use_record: impl FnOnce(&mut Record) -> T) -> T {
        use_record(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Record {
    const fn of(&mut self, direction: Direction) -> &mut Option<Honesty> {
        match direction {
            Direction::Requests => &mut self.requests,
            Direction::Responses => &mut self.responses,
        }
    }
}
