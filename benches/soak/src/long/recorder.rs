//! Latencies and failures of the requests.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cqlwire_model::{Kind, Observer, Outcome};
use hdrhistogram::Histogram;

use super::record::Latencies;

/// Longest latency that the histogram distinguishes, in microseconds.
const MAX_MICROS: u64 = 120_000_000;

/// A recorder of all requests of a stage.
pub(crate) struct Recorder(Mutex<Recorded>);

struct Recorded {
    /// Latencies of idempotent requests, in microseconds, without reads in pages, which are several
    /// requests.
    idempotent: Histogram<u64>,
    /// Latencies of all other requests.
    other: Histogram<u64>,
    interval: Interval,
    /// Latency of the slowest idempotent request since the last call of [`Recorder::take_slowest`].
    slowest: Duration,
}

/// The requests since the last call of [`Recorder::take_interval`].
pub(crate) struct Interval {
    /// Latencies of idempotent requests, in microseconds.
    pub(crate) latencies: Histogram<u64>,
    pub(crate) succeeded: u64,
    pub(crate) failed_idempotent: u64,
    pub(crate) failed_other: u64,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Recorded {
            idempotent: histogram(),
            other: histogram(),
            interval: Interval::new(),
            slowest: Duration::ZERO,
        }))
    }

    /// Returns the requests since the last call.
    pub(crate) fn take_interval(&self) -> Interval {
        mem::replace(&mut self.lock().interval, Interval::new())
    }

    /// Returns the latency of the slowest idempotent request since the last call.
    pub(crate) fn take_slowest(&self) -> Duration {
        mem::take(&mut self.lock().slowest)
    }

    /// Returns the latencies of the idempotent requests, and those of the others.
    pub(crate) fn latencies(&self) -> (Latencies, Latencies) {
        let recorded = self.lock();
        (Latencies::of(&recorded.idempotent), Latencies::of(&recorded.other))
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn request_ended(&self, kind: Kind, outcome: Outcome, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(MAX_MICROS);
        let mut recorded = self.lock();
        let Recorded { idempotent, other, interval, slowest } = &mut *recorded;
        if kind.is_idempotent() && !matches!(kind, Kind::ReadPartition | Kind::ReadTable) {
            idempotent.saturating_record(micros);
            interval.latencies.saturating_record(micros);
            *slowest = latency.max(*slowest);
        } else {
            other.saturating_record(micros);
        }
        match (outcome, kind.is_idempotent()) {
            (Outcome::Acknowledged, _) => interval.succeeded += 1,
            (_, true) => interval.failed_idempotent += 1,
            (_, false) => interval.failed_other += 1,
        }
    }
}

impl Interval {
    fn new() -> Self {
        Self { latencies: histogram(), succeeded: 0, failed_idempotent: 0, failed_other: 0 }
    }
}

impl Latencies {
    /// Returns the latencies of a histogram in microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| millis(histogram.value_at_quantile(quantile));
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: millis(histogram.max()) }
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}

/// Returns an empty histogram with a resolution of 1 %.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_MICROS, 2).expect("the bounds are valid")
}
