//! A lock-free histogram of latencies: of all requests, and of the recent ones.

use std::time::Duration;

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
    windows: [Buckets; 2],
    /// Counts of all windows that are no longer recent.
    older: Buckets,
    shortest: AtomicU64,
    longest: AtomicU64,
}

/// The length of a window. A request is recent if it ended in the current or the previous window.
const WINDOW: Duration = Duration::from_secs(60);

/// A snapshot of the latencies of all requests.
#[derive(Debug)]
pub(super) struct Summary {
    counts: Vec<u64>,
    pub(super) count: u64,
    pub(super) shortest: Duration,
    pub(super) longest: Duration,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self {
            begin: Instant::now(),
            window: AtomicU64::new(0),
            windows: [Buckets::new(), Buckets::new()],
            older: Buckets::new(),
            shortest: AtomicU64::new(u64::MAX),
            longest: AtomicU64::new(0),
        }
    }

    pub(super) fn record(&self, elapsed: Duration, now: Instant) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.window_at(now).add(micros);
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
        let counts: Vec<_> = (0..BUCKETS)
            .map(|index| one.count(index) + other.count(index) + self.older.count(index))
            .collect();
        let longest = self.longest.load(Ordering::Relaxed);
        let shortest = self.shortest.load(Ordering::Relaxed).min(longest);
        Summary {
            count: counts.iter().sum(),
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
        let count = |index| one.count(index) + other.count(index);
        let total = (0..BUCKETS).map(count).sum();
        (total >= min_count).then(|| latency_at(quantile, total, (0..BUCKETS).map(count)))
    }

    /// Returns the buckets of the window that contains `now`. The first call in a window also moves
    /// the counts of windows that are no longer recent to `older`.
    fn window_at(&self, now: Instant) -> &Buckets {
        let elapsed = now.saturating_duration_since(self.begin);
        let number = elapsed.as_secs() / WINDOW.as_secs();
        let last = self.window.load(Ordering::Relaxed);
        let [even, odd] = &self.windows;
        let (window, other) = if number.is_multiple_of(2) { (even, odd) } else { (odd, even) };
        let relaxed = Ordering::Relaxed;
        if number > last && self.window.compare_exchange(last, number, relaxed, relaxed).is_ok() {
            window.move_into(&self.older);
            if number > last + 1 {
                other.move_into(&self.older);
            }
        }
        window
    }
}

impl Summary {
    /// Returns the latency at `quantile` (0 to 1); zero if there were no requests.
    pub(super) fn at(&self, quantile: f64) -> Duration {
        latency_at(quantile, self.count, self.counts.iter().copied()).min(self.longest)
    }
}

/// Counts of requests by latency, in microseconds. Below 128 µs, each microsecond has its own
/// bucket. Above, the range from each power of two to the next is divided into 64 buckets. The
/// width of a bucket is therefore at most 1/64 of the latencies in it.
#[derive(Debug)]
struct Buckets(Box<[AtomicU64]>);

/// Binary logarithm of the number of buckets from one power of two to the next.
const BUCKET_BITS: u32 = 6;

/// The upper bound of the last bucket, in microseconds: about 19 hours. The last bucket also counts
/// all longer latencies.
const LONGEST: u64 = (1 << 36) - 1;

const BUCKETS: usize = bucket(LONGEST) + 1;

/// Returns the index of the bucket that counts this latency.
#[expect(clippy::cast_possible_truncation, reason = "the shifted value is below 128")]
const fn bucket(micros: u64) -> usize {
    let micros = if micros < LONGEST { micros } else { LONGEST };
    let power = (u64::BITS - micros.leading_zeros()).saturating_sub(BUCKET_BITS + 1);
    ((power as usize) << BUCKET_BITS) + (micros >> power) as usize
}

/// Returns the upper bound of a bucket: the longest latency that belongs to it.
const fn longest(bucket: usize) -> Duration {
    let power = (bucket >> BUCKET_BITS).saturating_sub(1);
    let offset = bucket - (power << BUCKET_BITS);
    Duration::from_micros(((offset as u64 + 1) << power) - 1)
}

impl Buckets {
    fn new() -> Self {
        Self((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }

    fn add(&self, micros: u64) {
        if let Some(count) = self.0.get(bucket(micros)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count(&self, bucket: usize) -> u64 {
        self.0.get(bucket).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Adds all counts to those of `other`, and resets the counts of `self` to zero.
    fn move_into(&self, other: &Self) {
        for (from, into) in self.0.iter().zip(&other.0) {
            let count = from.swap(0, Ordering::Relaxed);
            if count > 0 {
                into.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}

/// Returns the latency at `quantile` (0 to 1). `counts` is the number of requests in each bucket,
/// and `total` the sum of `counts`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the product is between 0 and `total`"
)]
fn latency_at(quantile: f64, total: u64, counts: impl Iterator<Item = u64>) -> Duration {
    let rank = (quantile.clamp(0.0, 1.0) * total as f64).ceil().max(1.0) as u64;
    let mut seen = 0;
    let below = counts.take_while(|count| {
        seen += count;
        seen < rank
    });
    longest(below.count().min(BUCKETS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_narrow() {
        let mut next = 0;
        for index in 0..BUCKETS {
            let last = u64::try_from(longest(index).as_micros()).unwrap();
            assert_eq!((bucket(next), bucket(last)), (index, index));
            assert!(last - next <= last / 64, "the bucket from {next} to {last} is too wide");
            next = last + 1;
        }
        assert_eq!(next, LONGEST + 1);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

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
    fn without_requests_all_latencies_are_zero() {
        let none = Latencies::new().summary();
        assert_eq!((none.count, none.shortest, none.longest), (0, Duration::ZERO, Duration::ZERO));
        assert_eq!(none.at(0.99), Duration::ZERO);
    }
}
