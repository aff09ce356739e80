//! Generators of write timestamps.

use std::fmt;

use crate::environment;
use crate::sync::atomic::{AtomicI64, Ordering};

/// Generates the timestamps of writes. Of two writes to a cell, the server keeps the one with the
/// later timestamp.
pub trait TimestampGenerator: fmt::Debug + Send + Sync {
    /// Returns the timestamp of the next statement, in microseconds since 1970; `None` lets the
    /// server choose it.
    fn next(&self) -> Option<i64>;
}

/// Timestamps from the system clock. Each is later than the previous timestamp, even if the clock
/// stands still or goes back. Of two writes by one session, the later one therefore takes effect.
/// This is the default generator.
#[derive(Debug, Default)]
pub struct MonotonicTimestamps(AtomicI64);

/// No client timestamps: the coordinator assigns its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerTimestamps;

impl TimestampGenerator for MonotonicTimestamps {
    fn next(&self) -> Option<i64> {
        let now = environment::time_since_1970().as_micros();
        Some(self.after(i64::try_from(now).unwrap_or(i64::MAX)))
    }
}

impl MonotonicTimestamps {
    /// Returns `now` or the microsecond after the last timestamp, whichever is later.
    fn after(&self, now: i64) -> i64 {
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        // The update never fails, because `next` always returns `Some`.
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(last) | Err(last) => now.max(last.saturating_add(1)),
        }
    }
}

impl TimestampGenerator for ServerTimestamps {
    fn next(&self) -> Option<i64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timestamp_is_later_than_the_one_before() {
        let clock = MonotonicTimestamps::default();
        assert_eq!([5, 5, 3, 9].map(|now| clock.after(now)), [5, 6, 7, 9]);
        assert!(clock.next() > Some(1_700_000_000_000_000));
        assert_eq!(ServerTimestamps.next(), None);
    }
}
