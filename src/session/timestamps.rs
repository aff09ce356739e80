//! When a statement was made, by the client's clock.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives each statement the time it was made at, in microseconds since 1970: of two writes to a cell
/// the later one counts.
pub trait TimestampGenerator: fmt::Debug + Send + Sync {
    /// The time of the next statement; `None` leaves it to the server.
    fn next(&self) -> Option<i64>;
}

/// The system's clock, but each time later than the one before, whatever the clock does: what a
/// session writes later counts. The default.
#[derive(Debug, Default)]
pub struct MonotonicTimestamps(AtomicI64);

/// Leaves it to the server that a statement happens to reach.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerTimestamps;

impl TimestampGenerator for MonotonicTimestamps {
    fn next(&self) -> Option<i64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Some(self.after(i64::try_from(now).unwrap_or(i64::MAX)))
    }
}

impl MonotonicTimestamps {
    /// `now`, or the next microsecond after the last one.
    fn after(&self, now: i64) -> i64 {
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        // It always gives a next one.
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
    fn each_is_later_than_the_one_before() {
        let clock = MonotonicTimestamps::default();
        assert_eq!([5, 5, 3, 9].map(|now| clock.after(now)), [5, 6, 7, 9]);
        assert!(clock.next() > Some(1_700_000_000_000_000));
        assert_eq!(ServerTimestamps.next(), None);
    }
}
