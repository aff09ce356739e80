//! How long requests took: all of them, and those of the last minutes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A histogram that any number of threads write into without a lock.
#[derive(Debug)]
pub(super) struct Latencies {
    begin: Instant,
    /// The window that is written into, by its number.
    window: AtomicU64,
    /// Of two windows, each is written into in its turn; what is in it then goes to `before`.
    windows: [Buckets; 2],
    before: Buckets,
    shortest: AtomicU64,
    longest: AtomicU64,
}

/// How long a window is open. The windows of the last request and the one before are the recent ones.
const WINDOW: Duration = Duration::from_secs(60);

/// What all requests were like.
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
            before: Buckets::new(),
            shortest: AtomicU64::new(u64::MAX),
            longest: AtomicU64::new(0),
        }
    }

    pub(super) fn record(&self, took: Duration, now: Instant) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.turn(now).add(micros);
        // Nearly always there is nothing to write.
        if micros < self.shortest.load(Ordering::Relaxed) {
            self.shortest.fetch_min(micros, Ordering::Relaxed);
        }
        if micros > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(micros, Ordering::Relaxed);
        }
    }

    /// All requests.
    pub(super) fn summary(&self) -> Summary {
        let [one, other] = &self.windows;
        let counts: Vec<_> = (0..BUCKETS)
            .map(|index| one.count(index) + other.count(index) + self.before.count(index))
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

    /// What the `quantile` of the recent requests took no longer than; `None` if they are fewer than
    /// `least`.
    pub(super) fn recent(&self, quantile: f64, least: u64, now: Instant) -> Option<Duration> {
        self.turn(now);
        let [one, other] = &self.windows;
        let count = |index| one.count(index) + other.count(index);
        let all = (0..BUCKETS).map(count).sum();
        (all >= least).then(|| at(quantile, all, (0..BUCKETS).map(count)))
    }

    /// The window of this time. What is in it of an earlier time goes to the others of before.
    fn turn(&self, now: Instant) -> &Buckets {
        let elapsed = now.saturating_duration_since(self.begin);
        let number = elapsed.as_secs() / WINDOW.as_secs();
        let last = self.window.load(Ordering::Relaxed);
        let [even, odd] = &self.windows;
        let (window, other) = if number.is_multiple_of(2) { (even, odd) } else { (odd, even) };
        let relaxed = Ordering::Relaxed;
        if number > last && self.window.compare_exchange(last, number, relaxed, relaxed).is_ok() {
            window.empty_into(&self.before);
            if number > last + 1 {
                other.empty_into(&self.before);
            }
        }
        window
    }
}

impl Summary {
    /// What this part of the requests took no longer than.
    pub(super) fn at(&self, quantile: f64) -> Duration {
        at(quantile, self.count, self.counts.iter().copied()).min(self.longest)
    }
}

/// How many requests took how many microseconds: below 128 each has its bucket; above that 64
/// share each power of two, so that no bucket is wider than a 64th of what is in it.
#[derive(Debug)]
struct Buckets(Box<[AtomicU64]>);

/// Within a power of two there are so many buckets, as bits.
const FINE: u32 = 6;

/// What took longer, some 19 hours, is as if it had taken this.
const LONGEST: u64 = (1 << 36) - 1;

const BUCKETS: usize = bucket(LONGEST) + 1;

#[expect(clippy::cast_possible_truncation, reason = "the shifted value is below 128")]
const fn bucket(micros: u64) -> usize {
    let micros = if micros < LONGEST { micros } else { LONGEST };
    let power = (u64::BITS - micros.leading_zeros()).saturating_sub(FINE + 1);
    ((power as usize) << FINE) + (micros >> power) as usize
}

/// The longest that is in a bucket.
const fn longest(bucket: usize) -> Duration {
    let power = (bucket >> FINE).saturating_sub(1);
    let fine = bucket - (power << FINE);
    Duration::from_micros(((fine as u64 + 1) << power) - 1)
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

    fn empty_into(&self, other: &Self) {
        for (from, into) in self.0.iter().zip(&other.0) {
            let count = from.swap(0, Ordering::Relaxed);
            if count > 0 {
                into.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}

/// What the `quantile` of these counts is no longer than.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the product is between 0 and `all`"
)]
fn at(quantile: f64, all: u64, counts: impl Iterator<Item = u64>) -> Duration {
    let wanted = (quantile.clamp(0.0, 1.0) * all as f64).ceil().max(1.0) as u64;
    let mut seen = 0;
    let bucket = counts.take_while(|count| {
        seen += count;
        seen < wanted
    });
    longest(bucket.count().min(BUCKETS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut next = 0;
        for index in 0..BUCKETS {
            let last = u64::try_from(longest(index).as_micros()).unwrap();
            assert_eq!((bucket(next), bucket(last)), (index, index));
            assert!(last - next <= last / 64, "{next} to {last} is wide");
            next = last + 1;
        }
        assert_eq!(next, LONGEST + 1);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_of_all_requests_and_of_the_recent_ones() {
        let latencies = Latencies::new();
        let begin = latencies.begin;
        for millis in 1..=100 {
            latencies.record(Duration::from_millis(millis), begin);
        }
        let close = |quantile: Duration, millis: u64| {
            let exact = Duration::from_millis(millis);
            quantile >= exact && quantile <= exact.mul_f64(1.0 + 1.0 / 64.0)
        };
        let all = latencies.summary();
        assert_eq!((all.count, all.longest), (100, Duration::from_millis(100)));
        assert_eq!(all.shortest, Duration::from_millis(1));
        assert!(close(all.at(0.5), 50) && close(all.at(0.99), 99));
        assert_eq!(all.at(1.0), Duration::from_millis(100));
        assert!(close(latencies.recent(0.5, 100, begin).unwrap(), 50));
        assert_eq!(latencies.recent(0.5, 101, begin), None);
        // The window after that: both are recent.
        let later = begin + WINDOW;
        (0..300).for_each(|_| latencies.record(Duration::from_millis(7), later));
        assert!(close(latencies.recent(0.5, 400, later).unwrap(), 7));
        // Two windows on, only the second one is; four on, nothing is. Nothing is lost.
        assert_eq!(latencies.recent(0.5, 301, begin + 2 * WINDOW), None);
        assert!(close(latencies.recent(0.99, 300, begin + 2 * WINDOW).unwrap(), 7));
        assert_eq!(latencies.recent(0.5, 1, begin + 4 * WINDOW), None);
        assert_eq!(latencies.summary().count, 400);
    }

    #[test]
    fn threads_that_write_at_once_lose_nothing() {
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
    fn without_a_request_there_is_nothing() {
        let none = Latencies::new().summary();
        assert_eq!((none.count, none.shortest, none.longest), (0, Duration::ZERO, Duration::ZERO));
        assert_eq!(none.at(0.99), Duration::ZERO);
    }
}
