//! What a session has done, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::throttle::Gate;
use crate::cluster::{Cluster, Node};

/// What a session has done so far.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests that were answered or given up, PREPAREs included.
    pub requests: u64,
    /// Of those, the ones that failed in the end.
    pub errors: u64,
    /// Requests that were made once more.
    pub retries: u64,
    /// Requests that another node was asked for, before the first had answered.
    pub speculative_executions: u64,
    /// Requests that the throttle did not let through.
    pub throttling_errors: u64,
    /// Requests that wait for the throttle now.
    pub throttling_queue: usize,
    /// Nodes that a connection is open to now.
    pub connected_nodes: usize,
    /// Connections to nodes that are open now, without the one that watches the cluster.
    pub open_connections: usize,
    /// Requests that wait for an answer now.
    pub in_flight: usize,
    /// Bytes sent, headers included.
    pub bytes_sent: u64,
    /// Bytes received, headers included.
    pub bytes_received: u64,
    /// How long the quickest request took.
    pub latency_min: Duration,
    /// Half of the requests took no longer than this.
    pub latency_p50: Duration,
    /// 95 of 100 requests took no longer than this.
    pub latency_p95: Duration,
    /// 99 of 100 requests took no longer than this.
    pub latency_p99: Duration,
    /// How long the slowest request took.
    pub latency_max: Duration,
}

/// Counts while the session works.
#[derive(Debug)]
pub(super) struct Recorder {
    /// In microseconds, to two digits.
    latencies: Mutex<Histogram<u64>>,
    errors: AtomicU64,
    retries: AtomicU64,
    speculations: AtomicU64,
    throttled: AtomicU64,
}

impl Recorder {
    pub(super) fn new() -> Self {
        // Two digits are one of the resolutions that always exist; it grows as it needs to.
        let latencies = Histogram::new(2).map(Mutex::new);
        Self {
            latencies: latencies.unwrap_or_else(|error| unreachable!("{error}")),
            errors: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            speculations: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
        }
    }

    pub(super) fn request(&self, took: Duration, succeeded: bool) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // It grows for every latency that a u64 of microseconds can say.
        let _recorded =
            self.latencies.lock().unwrap_or_else(PoisonError::into_inner).record(micros);
        if !succeeded {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn speculation(&self) {
        self.speculations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self, cluster: &Cluster, gate: Option<&Gate>) -> Metrics {
        let (state, (bytes_sent, bytes_received)) = (cluster.state(), cluster.traffic());
        let sum = |of: fn(&Node) -> usize| state.nodes().iter().map(|node| of(node)).sum();
        let latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |quantile| Duration::from_micros(latencies.value_at_quantile(quantile));
        Metrics {
            requests: latencies.len(),
            errors: self.errors.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            speculative_executions: self.speculations.load(Ordering::Relaxed),
            throttling_errors: self.throttled.load(Ordering::Relaxed),
            throttling_queue: gate.map_or(0, Gate::waiting),
            connected_nodes: sum(|node| usize::from(node.is_connected())),
            open_connections: sum(Node::open_connections),
            in_flight: sum(Node::in_flight),
            bytes_sent,
            bytes_received,
            latency_min: Duration::from_micros(latencies.min()),
            latency_p50: at(0.50),
            latency_p95: at(0.95),
            latency_p99: at(0.99),
            latency_max: Duration::from_micros(latencies.max()),
        }
    }
}
