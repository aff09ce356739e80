//! A limit of rows a second.

use std::time::Duration;

use tokio::time::Instant;

/// Spaces requests so that no more than a number of rows is requested a second.
#[derive(Debug)]
pub(super) struct Rate {
    rows_per_second: f64,
    /// The time at which the next request may be sent.
    next: Instant,
}

impl Rate {
    pub(super) const fn new(rows_per_second: f64, now: Instant) -> Self {
        Self { rows_per_second, next: now }
    }

    /// Returns the time until the next request may be sent, or `None` if it may be sent now.
    pub(super) fn delay(&self, now: Instant) -> Option<Duration> {
        Some(self.next.saturating_duration_since(now)).filter(|delay| !delay.is_zero())
    }

    /// Counts the rows of a request that is sent. Time in which no request was sent is not made up for.
    pub(super) fn spend(&mut self, rows: i32, now: Instant) {
        self.next = self.next.max(now);
        // Without the bound, the sum could be later than an `Instant` can be.
        let time = self.time(rows.into()).min(MAX_TIME);
        self.next = self.next.checked_add(time).unwrap_or(self.next);
    }

    /// Counts off the rows that were requested but did not arrive.
    #[expect(clippy::cast_precision_loss, reason = "pages have fewer rows")]
    pub(super) fn refund(&mut self, requested: i32, arrived: usize) {
        let time = self.time(f64::from(requested) - arrived as f64);
        self.next = self.next.checked_sub(time).unwrap_or(self.next);
    }

    /// Returns the time that rows take; zero if the number is negative.
    fn time(&self, rows: f64) -> Duration {
        Duration::try_from_secs_f64((rows / self.rows_per_second).max(0.0)).unwrap_or(MAX_TIME)
    }
}

const MAX_TIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_for_the_rows_before_them() {
        let start = Instant::now();
        let mut rate = Rate::new(100.0, start);
        assert_eq!(rate.delay(start), None);
        rate.spend(50, start);
        assert_eq!(rate.delay(start), Some(Duration::from_millis(500)));
        rate.refund(50, 30);
        assert_eq!(rate.delay(start), Some(Duration::from_millis(300)));
        rate.refund(50, 70);
        assert_eq!(rate.delay(start), Some(Duration::from_millis(300)));
        let later = start + Duration::from_secs(10);
        assert_eq!(rate.delay(later), None);
        rate.spend(10, later);
        assert_eq!(rate.delay(later), Some(Duration::from_millis(100)));
    }

    #[test]
    fn a_tiny_rate_does_not_overflow() {
        let start = Instant::now();
        let mut rate = Rate::new(f64::MIN_POSITIVE, start);
        rate.spend(i32::MAX, start);
        assert_eq!(rate.delay(start), Some(MAX_TIME));
    }
}
