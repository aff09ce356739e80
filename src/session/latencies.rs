//! A lock-free histogram of latencies: of all requests, and of the recent ones.

use std::time::Duration;

use histogram::{AtomicHistogram, Config, Histogram};
use tokio::time::Instant;

use crate::sync::atomic::{AtomicU64, Ordering};

/// A histogram of latencies. Any number of threads can record into it without a lock.
#[derive(Debug)]
pub(super) struct Latencies {
    begin: Instant,
    /// Number of the current window. Window 0 starts at `begin`.
    window: AtomicU64,
    /// The counts of the current and the previous window. A window with an even number uses the
    /// first element, one with an odd number the second. Before an element is reused, its counts
    /// move to `older`.
    windows: [AtomicHistogram; 2],
    /// Counts of all windows that are no longer recent.
    older: AtomicHistogram,
    shortest: AtomicU64,
    longest: AtomicU64,
}

/// The length of a window. A request is recent if it ended in the current or the previous window.
const WINDOW: Duration = Duration::from_secs(60);

/// Binary logarithm of the upper bound of the last bucket, in microseconds: about 19 hours.
const LONGEST_POWER: u8 = 36;

/// The upper bound of the last bucket, in microseconds. The last bucket also counts all longer
/// latencies.
const LONGEST: u64 = (1 << LONGEST_POWER) - 1;

/// The buckets, in microseconds. Below 128 µs, each microsecond has its own bucket. Above, the range
/// from each power of two to the next is divided into 64 buckets. The width of a bucket is therefore
/// at most 1/64 of the latencies in it.
const BUCKETS: Config = match Config::new(6, LONGEST_POWER) {
    Ok(buckets) => buckets,
    Err(_) => panic!("the buckets are valid"),
};

/// A snapshot of the latencies of all requests.
#[derive(Debug)]
pub(super) struct Summary {
    counts: Histogram,
    pub(super) count: u64,
    pub(super) shortest: Duration,
    pub(super) longest: Duration,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self {
            begin: Instant::now(),
            window: AtomicU64::new(0),
            windows: [(); 2].map(|()| AtomicHistogram::with_config(&BUCKETS)),
            older: AtomicHistogram::with_config(&BUCKETS),
            shortest: AtomicU64::new(u64::MAX),
            longest: AtomicU64::new(0),
        }
    }

    pub(super) fn record(&self, elapsed: Duration, now: Instant) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        add(self.window_at(now), micros, 1);
        // A plain load is cheaper than `fetch_min`, and a new minimum or maximum is rare.
        if micros < self.shortest.load(Ordering::Relaxed) {
            self.shortest.fetch_min(micros, Ordering::Relaxed);
        }
        if micros > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(micros, Ordering::Relaxed);
        }
    }

    /// Returns a snapshot of the latencies of all requests.
    pub(super) fn summary(&self) -> Summary {
        let [one, other] = &self.windows;
        let counts = sum(&[one, other, &self.older]);
        let longest = self.longest.load(Ordering::Relaxed);
        let shortest = self.shortest.load(Ordering::Relaxed).min(longest);
        Summary {
            count: counts.as_slice().iter().sum(),
            counts,
            shortest: Duration::from_micros(shortest),
            longest: Duration::from_micros(longest),
        }
    }

    /// Returns the latency at `quantile` (0 to 1) of the recent requests; `None` if there are fewer
    /// than `min_count` recent requests.
    pub(super) fn recent(&self, quantile: f64, min_count: u64, now: Instant) -> Option<Duration> {
        self.window_at(now);
        let [one, other] = &self.windows;
        let counts = sum(&[one, other]);
        let total: u64 = counts.as_slice().iter().sum();
        (total >= min_count).then(|| latency_at(quantile, &counts))
    }

    /// Returns the counts of the window that contains `now`. The first call in a window also moves
    /// the counts of windows that are no longer recent to `older`.
    fn window_at(&self, now: Instant) -> &AtomicHistogram {
        let elapsed = now.saturating_duration_since(self.begin);
        let number = elapsed.as_secs() / WINDOW.as_secs();
        let last = self.window.load(Ordering::Relaxed);
        let [even, odd] = &self.windows;
        let (window, other) = if number.is_multiple_of(2) { (even, odd) } else { (odd, even) };
        let relaxed = Ordering::Relaxed;
        if number > last && self.window.compare_exchange(last, number, relaxed, relaxed).is_ok() {
            move_counts(window, &self.older);
            if number > last + 1 {
                move_counts(other, &self.older);
            }
        }
        window
    }
}

impl Summary {
    /// Returns the latency at `quantile` (0 to 1); zero if there were no requests.
    pub(super) fn at(&self, quantile: f64) -> Duration {
        latency_at(quantile, &self.counts).min(self.longest)
    }
}

/// Adds `count` to the bucket that counts this latency.
fn add(histogram: &AtomicHistogram, micros: u64, count: u64) {
    // Only values above `LONGEST` are errors.
    let _ = histogram.add(micros.min(LONGEST), count);
}

/// Adds all counts of `from` to those of `into`, and resets the counts of `from` to zero.
fn move_counts(from: &AtomicHistogram, into: &AtomicHistogram) {
    for bucket in from.drain().iter().filter(|bucket| bucket.count() > 0) {
        add(into, bucket.start(), bucket.count());
    }
}

/// Returns the sum of the counts in each bucket.
fn sum(histograms: &[&AtomicHistogram]) -> Histogram {
    let mut sum = Histogram::with_config(&BUCKETS);
    for histogram in histograms {
        // Only other buckets, or counts above 2^64, are errors.
        let _ = sum.checked_add_assign(&histogram.load());
    }
    sum
}

/// Returns the latency at `quantile` (0 to 1); zero if there were no requests.
fn latency_at(quantile: f64, counts: &Histogram) -> Duration {
    let bucket = counts.quantile_bucket(quantile.clamp(0.0, 1.0)).ok().flatten();
    bucket.map_or(Duration::ZERO, |bucket| Duration::from_micros(bucket.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_quantiles_of_all_and_of_recent_requests() {
        let latencies = Latencies::new();
        let begin = latencies.begin;
        for millis in 1..=100 {
            latencies.record(Duration::from_millis(millis), begin);
        }
        let is_close = |quantile: Duration, millis: u64| {
            let exact = Duration::from_millis(millis);
            quantile >= exact && quantile <= exact.mul_f64(1.0 + 1.0 / 64.0)
        };
        let all = latencies.summary();
        assert_eq!((all.count, all.longest), (100, Duration::from_millis(100)));
        assert_eq!(all.shortest, Duration::from_millis(1));
        assert!(is_close(all.at(0.5), 50) && is_close(all.at(0.99), 99));
        assert_eq!(all.at(1.0), Duration::from_millis(100));
        assert!(is_close(latencies.recent(0.5, 100, begin).unwrap(), 50));
        assert_eq!(latencies.recent(0.5, 101, begin), None);
        // In the next window, the requests of both windows are recent.
        let later = begin + WINDOW;
        (0..300).for_each(|_| latencies.record(Duration::from_millis(7), later));
        assert!(is_close(latencies.recent(0.5, 400, later).unwrap(), 7));
        // In the third window, only the requests of the second are recent; in the fifth, none are.
        // The summary still counts all requests.
        assert_eq!(latencies.recent(0.5, 301, begin + 2 * WINDOW), None);
        assert!(is_close(latencies.recent(0.99, 300, begin + 2 * WINDOW).unwrap(), 7));
        assert_eq!(latencies.recent(0.5, 1, begin + 4 * WINDOW), None);
        assert_eq!(latencies.summary().count, 400);
    }

    #[test]
    fn concurrent_writers_lose_no_counts() {
        let latencies = Latencies::new();
        std::thread::scope(|scope| {
            for thread in 0..4_u32 {
                let latencies = &latencies;
                scope.spawn(move || {
                    for n in 0..1_000 {
                        let now = latencies.begin + WINDOW * (n / 100 + thread);
                        latencies.record(Duration::from_micros(n.into()), now);
                    }
                });
            }
        });
        assert_eq!(latencies.summary().count, 4_000);
    }

    #[test]
    fn a_latency_above_the_last_bucket_counts_in_it() {
        let latencies = Latencies::new();
        let longest = Duration::from_secs(1_000_000);
        latencies.record(longest, latencies.begin);
        latencies.record(Duration::MAX, latencies.begin);
        assert_eq!(latencies.summary().count, 2);
        assert_eq!(latencies.summary().at(1.0), Duration::from_micros(LONGEST));
    }

    #[test]
    fn without_requests_all_latencies_are_zero() {
        let none = Latencies::new().summary();
        assert_eq!((none.count, none.shortest, none.longest), (0, Duration::ZERO, Duration::ZERO));
        assert_eq!(none.at(0.99), Duration::ZERO);
    }
}
