//! Cells, deletions, and which of two writes wins.

use std::cmp::Ordering;

use crate::types::{CqlType, NativeType, Value};
use crate::wire::Writer;

/// The time of a write or a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Moment {
    /// The timestamp of the written cells, in microseconds since 1970.
    pub(in crate::store) timestamp: i64,
    /// The time at which the store executes the statement, in seconds since 1970.
    pub(in crate::store) seconds: i64,
}

/// A cell of a row, or of an element of a collection.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Cell {
    pub(in crate::store) timestamp: i64,
    pub(in crate::store) expiry: Option<Expiry>,
    /// `None` if the cell was deleted.
    pub(in crate::store) value: Option<Value>,
    /// The time of the write on the clock of the store, in seconds since 1970.
    pub(in crate::store) written: i64,
}

/// The end of a cell that was written with a time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Expiry {
    /// The first second, since 1970, in which the cell is not live.
    pub(in crate::store) at: i64,
}

/// The deletion of a partition, of rows, or of the elements of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Deletion {
    /// Cells with this timestamp or an older one are deleted.
    pub(in crate::store) timestamp: i64,
    /// The time of the deletion on the clock of the store, in seconds since 1970.
    pub(in crate::store) seconds: i64,
}

impl From<Moment> for Deletion {
    fn from(moment: Moment) -> Self {
        Self { timestamp: moment.timestamp, seconds: moment.seconds }
    }
}

impl Expiry {
    /// Returns the expiry of a cell written at `seconds`. A time to live of zero is none.
    pub(in crate::store) fn after(ttl: i32, seconds: i64) -> Option<Self> {
        (ttl > 0).then(|| Self { at: seconds.saturating_add(ttl.into()) })
    }

    /// Returns the remaining time to live in seconds, or `None` if it has passed.
    pub(in crate::store) fn remaining(self, seconds: i64) -> Option<i32> {
        let remaining = self.at.saturating_sub(seconds);
        (remaining > 0).then(|| i32::try_from(remaining).unwrap_or(i32::MAX))
    }
}

impl Cell {
    /// Returns a cell with a value, or a deleted cell for `None`, which does not expire.
    pub(in crate::store) fn new(value: Option<Value>, expiry: Option<Expiry>, at: Moment) -> Self {
        let expiry = expiry.filter(|_| value.is_some());
        Self { timestamp: at.timestamp, expiry, value, written: at.seconds }
    }

    /// Returns the value, or `None` if the cell was deleted or has expired.
    pub(in crate::store) fn live(&self, seconds: i64) -> Option<&Value> {
        let is_expired = self.expiry.is_some_and(|expiry| expiry.remaining(seconds).is_none());
        self.value.as_ref().filter(|_| !is_expired)
    }

    /// Returns true if the cell hides the other one. The higher timestamp wins. Of cells with the same
    /// timestamp, a deleted one wins over one that expires, and that one over one that does not. Then
    /// the later expiry wins, then the greater value. Of counters, a deleted one wins whatever its
    /// timestamp is, and of two live ones the new one, which is this cell.
    pub(in crate::store) fn supersedes(&self, other: &Self, cql_type: &CqlType) -> bool {
        let is_counter = matches!(cql_type, CqlType::Native(NativeType::Counter));
        if is_counter {
            // A live counter is the sum of all increments before it.
            return self.value.is_none() || other.value.is_some();
        }
        let rank = |cell: &Self| match (&cell.value, cell.expiry) {
            (None, _) => 2,
            (Some(_), Some(_)) => 1,
            (Some(_), None) => 0,
        };
        let order = self.timestamp.cmp(&other.timestamp);
        let order = order.then_with(|| rank(self).cmp(&rank(other)));
        let order = order.then_with(|| self.expiry.cmp(&other.expiry));
        let order = order.then_with(|| compare_bytes(&self.value, &other.value, cql_type));
        order != Ordering::Less
    }

    /// Returns true if the cell is deleted or expired, and has been for so long that it need not be
    /// kept.
    pub(in crate::store) fn is_purgeable(&self, seconds: i64, gc_grace: i64) -> bool {
        self.live(seconds).is_none() && is_past_grace(self.written, seconds, gc_grace)
    }
}

/// Returns true if a deletion at `deleted` need not be kept at `seconds`.
pub(super) const fn is_past_grace(deleted: i64, seconds: i64, gc_grace: i64) -> bool {
    deleted.saturating_add(gc_grace) < seconds
}

/// Compares two values as the bytes that encode them.
fn compare_bytes(a: &Option<Value>, b: &Option<Value>, cql_type: &CqlType) -> Ordering {
    let bytes = |value: &Option<Value>| {
        let mut bytes = Vec::new();
        if let Some(value) = value {
            // Values of another type than the column are not stored.
            let _ = value.encode(cql_type, &mut Writer::new(&mut bytes));
        }
        bytes.split_off(bytes.len().min(4))
    };
    match a == b {
        true => Ordering::Equal,
        false => bytes(a).cmp(&bytes(b)),
    }
}
