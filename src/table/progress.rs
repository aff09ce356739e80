//! The progress of a scan.

use std::time::Duration;

use crate::cluster::TokenRange;

/// The progress of a [`Scan`](super::Scan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ScanProgress {
    /// Number of splits. 0 before the first row or page has been awaited. It grows if splits are halved.
    pub splits: usize,
    /// Number of splits whose last page has been returned, those that the plan had completed included.
    pub completed: usize,
    /// Number of rows of the pages that have been returned. `try_next` may not have returned all of them yet.
    pub rows: u64,
    /// Number of bytes of these rows, in the encoding of the protocol.
    pub bytes: u64,
    /// Time since the first request.
    pub elapsed: Duration,
    /// Number of tokens of all splits, and of those that this scan has completed.
    pub(super) tokens: u128,
    pub(super) completed_tokens: u128,
}

#[expect(clippy::cast_precision_loss, reason = "rates and fractions are approximations")]
impl ScanProgress {
    /// Returns the part of the splits' tokens that this scan has read, from 0 to 1. Splits that the plan had completed
    /// before do not count.
    pub fn fraction(&self) -> f64 {
        match self.tokens {
            0 if self.splits > 0 && self.completed == self.splits => 1.0,
            0 => 0.0,
            all => self.completed_tokens as f64 / all as f64,
        }
    }

    /// Returns the mean number of rows a second.
    pub fn rows_per_second(&self) -> f64 {
        match self.elapsed.as_secs_f64() {
            0.0 => 0.0,
            seconds => self.rows as f64 / seconds,
        }
    }

    /// Returns the expected time until the scan ends, or `None` before the first split has been read.
    pub fn time_left(&self) -> Option<Duration> {
        let fraction = self.fraction();
        if fraction <= 0.0 {
            return None;
        }
        let left = self.elapsed.as_secs_f64() * (1.0 - fraction) / fraction;
        Duration::try_from_secs_f64(left).ok()
    }

    pub(super) fn start_split(&mut self, range: Option<TokenRange>) {
        self.splits += 1;
        self.tokens += range.map_or(0, TokenRange::width);
    }

    pub(super) fn complete_split(&mut self, range: Option<TokenRange>) {
        self.completed += 1;
        self.completed_tokens += range.map_or(0, TokenRange::width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_tokens() {
        let range = |start: i64, end: i64| TokenRange::new(start.into(), end.into());
        let mut progress = ScanProgress::default();
        progress.start_split(range(0, 30));
        progress.start_split(range(30, 40));
        assert_eq!((progress.fraction(), progress.time_left()), (0.0, None));
        progress.elapsed = Duration::from_secs(2);
        progress.rows = 10;
        progress.complete_split(range(30, 40));
        assert_eq!((progress.fraction(), progress.rows_per_second()), (0.25, 5.0));
        assert_eq!(progress.time_left(), Some(Duration::from_secs(6)));
    }

    #[test]
    fn a_table_without_tokens_is_read_or_not() {
        let mut progress = ScanProgress::default();
        assert_eq!(progress.fraction(), 0.0);
        progress.start_split(None);
        assert_eq!(progress.fraction(), 0.0);
        progress.complete_split(None);
        assert_eq!(progress.fraction(), 1.0);
    }
}
