//! The input of an execution, beside the plan of the statement.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::message::ServerError;
use crate::store::catalog::Table;
use crate::store::clock::Clock;
use crate::store::data::Path;
use crate::store::term::CompiledTerm;
use crate::store::variables::{BoundValues, TermValue};
use crate::types::Value;

/// The input of an execution, beside the plan of the statement.
pub(in crate::store) struct Context<'c> {
    pub(in crate::store) bound: &'c BoundValues,
    pub(in crate::store) clock: Clock<'c>,
    /// The timestamp of the written cells, if the statement has none, in microseconds since 1970.
    pub(in crate::store) timestamp: i64,
    /// The table that the statement writes.
    pub(in crate::store) table: &'c Table,
    pub(in crate::store) positions: &'c Positions,
}

/// The source of the positions of list elements. Positions are unique in a store.
#[derive(Debug, Default)]
pub(in crate::store) struct Positions {
    last: AtomicI64,
    first: AtomicI64,
}

impl Positions {
    /// Returns the position after all positions so far.
    pub(super) fn append(&self) -> Path {
        Path::Position(self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1))
    }

    /// Returns `count` positions in ascending order, before all positions so far.
    pub(super) fn prepend(&self, count: usize) -> impl Iterator<Item = Path> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let before = self.first.fetch_sub(count, Ordering::Relaxed);
        (before.saturating_sub(count)..before).map(Path::Position)
    }
}

impl Context<'_> {
    /// Returns the time that decides which cells have expired, in seconds since 1970.
    pub(super) const fn seconds(&self) -> i64 {
        self.clock.seconds
    }

    /// Returns the value of a term, or `None` if it is unset.
    pub(super) fn value(&self, term: &CompiledTerm) -> Result<Option<Value>, ServerError> {
        Ok(match term.evaluate(self.bound, &self.clock)? {
            TermValue::Value(value) => Some(value),
            TermValue::Unset => None,
        })
    }
}
