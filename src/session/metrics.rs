//! Metrics of a session: the counters and histograms that requests update, and snapshots of these.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::latencies::Latencies;
use super::metric_list::{node_metrics, session_metrics};
use super::throttle::Gate;
use crate::cluster::{Cluster, Counter, FailureKind, Node, Timer};

/// Expands to the rows of the documentation's table for a list of metrics, all with the same
/// labels.
macro_rules! rows {
    ($labels:literal $($kind:ident $name:literal $description:literal $(=> $get:expr)?;)+) => {
        concat!($("| `", $name, "` | ", stringify!($kind), " | ", $description, " | ", $labels, " |\n",)+)
    };
}

macro_rules! session_rows {
    ($($metrics:tt)+) => { rows!("`session`" $($metrics)+) };
}

macro_rules! node_rows {
    ($($metrics:tt)+) => { rows!("`session`, `node`" $($metrics)+) };
}

/// A snapshot of a session's counters and latencies since it connected: see
/// [`Session::metrics`](super::Session::metrics).
///
/// With the feature `metrics-024`, the driver also reports to the recorder of the crate
/// [`metrics`](https://docs.rs/metrics/0.24) that is installed when the session connects. The
/// metrics are named as in the Java driver 4:
///
#[doc = concat!(
    "| metric | kind | description | labels |\n|---|---|---|---|\n",
    session_metrics!(session_rows),
    node_metrics!(node_rows),
)]
///
/// `session` is the [name of the session](super::SessionBuilder::name), `node` the address of the
/// node. A recorder that allows only some characters in names, such as the one for Prometheus,
/// replaces each other character by `_`. The eviction of a prepared statement by a node does not
/// count as an error. The Java driver's `ignores.*` do not exist here, because a retry policy
/// cannot ignore an error.
///
/// Histograms are updated by each request, counters and gauges once a second and when the session
/// ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests that have returned a result or an error. A PREPARE counts as a request, unless it
    /// was sent because a node had evicted the statement. Requests that the throttle rejected do
    /// not count.
    pub requests: u64,
    /// The number of [`requests`](Self::requests) that failed.
    pub errors: u64,
    /// Requests that failed because their timeout expired.
    pub client_timeouts: u64,
    /// Retries, including those after a node had evicted a prepared statement. Speculative
    /// executions do not count.
    pub retries: u64,
    /// Speculative executions, including those that started because a node stopped answering.
    pub speculative_executions: u64,
    /// Requests that the throttle rejected.
    pub throttling_errors: u64,
    /// Requests that are waiting for the throttle now.
    pub throttling_queue: usize,
    /// Prepared statements in the cache now.
    pub prepared_statements: usize,
    /// Nodes that have an open connection now.
    pub connected_nodes: usize,
    /// Open connections now, not counting the control connection.
    pub open_connections: usize,
    /// Requests that are waiting for a response now.
    pub in_flight: usize,
    /// Bytes sent, including frame headers.
    pub bytes_sent: u64,
    /// Bytes received, including frame headers.
    pub bytes_received: u64,
    /// The shortest latency of a request. A latency ends when the driver has read the response, or when
    /// the request has failed. Like the other latencies, zero before the first request.
    pub latency_min: Duration,
    /// The median latency of requests.
    pub latency_p50: Duration,
    /// The 95th percentile of latency.
    pub latency_p95: Duration,
    /// The 99th percentile of latency.
    pub latency_p99: Duration,
    /// The longest latency of a request.
    pub latency_max: Duration,
    /// The nodes that are members of the cluster now.
    pub nodes: Vec<NodeMetrics>,
}

/// A snapshot of a session's counters for one node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeMetrics {
    /// Host id of the node.
    pub host_id: Uuid,
    /// Address at which the driver reaches the node.
    pub address: SocketAddr,
    /// Open connections now.
    pub open_connections: usize,
    /// Requests that could be sent now without waiting for a stream id.
    pub available_streams: usize,
    /// Requests that are waiting for a response now.
    pub in_flight: usize,
    /// Stream ids still in use by requests that their callers have abandoned.
    pub orphaned_streams: usize,
    /// Bytes sent to the node, including frame headers.
    pub bytes_sent: u64,
    /// Bytes received from the node, including frame headers.
    pub bytes_received: u64,
    /// Responses received, including error responses.
    pub messages: u64,
    /// Moving average of the latency; `None` before the first response. An attempt that timed out
    /// counts as a response that arrived at its timeout.
    pub latency: Option<Duration>,
    /// Failed attempts by cause.
    pub errors: FailureCounts,
    /// Failed attempts after which the retry policy decided to retry, by cause.
    pub retries: FailureCounts,
    /// Speculative executions started because this node was slow or stopped answering.
    pub speculative_executions: u64,
    /// Attempts that were in flight when the node closed their connection, or the connection
    /// failed. They are a part of the attempts counted as [`aborted`](FailureCounts::aborted).
    pub disconnected: u64,
    /// Connections drained because the node said that it was shutting down: they got no new
    /// requests, and closed after their last response.
    pub graceful_disconnects: u64,
    /// Connections that could not be opened for a reason other than authentication.
    pub connection_errors: u64,
    /// Connections that failed to authenticate.
    pub authentication_errors: u64,
    /// Errors of the node that named no request. Cassandra before 4.1.12 and 5.0.9 sends them under
    /// overload instead of the responses to requests that waited too long (CASSANDRA-21508). These
    /// requests time out.
    pub unattributed_errors: u64,
}

/// Failed attempts by cause. An attempt that failed because the node had evicted the prepared
/// statement does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureCounts {
    /// Attempts of which no byte was written: the connection had closed, or the attempt timed out
    /// before the request was sent.
    pub unsent: u64,
    /// Attempts that were written but got no response: the attempt timed out, or the connection
    /// closed.
    pub aborted: u64,
    /// Attempts that failed with a write timeout of the server.
    pub write_timeouts: u64,
    /// Attempts that failed with a read timeout of the server.
    pub read_timeouts: u64,
    /// Attempts that failed because too few replicas were alive.
    pub unavailables: u64,
    /// Attempts that failed with another error of the server.
    pub others: u64,
}

impl FailureCounts {
    /// Returns the number of all failed attempts.
    pub const fn total(&self) -> u64 {
        self.unsent
            + self.aborted
            + self.write_timeouts
            + self.read_timeouts
            + self.unavailables
            + self.others
    }

    fn read(count: impl Fn(FailureKind) -> u64) -> Self {
        Self {
            unsent: count(FailureKind::Unsent),
            aborted: count(FailureKind::Aborted),
            write_timeouts: count(FailureKind::WriteTimeout),
            read_timeouts: count(FailureKind::ReadTimeout),
            unavailables: count(FailureKind::Unavailable),
            others: count(FailureKind::Other),
        }
    }
}

impl NodeMetrics {
    /// Takes a snapshot of `node`, whose connections have `streams` stream ids each.
    pub(super) fn new(node: &Node, streams: usize) -> Self {
        let counters = node.counters();
        let (bytes_sent, bytes_received) = node.traffic();
        let (in_use, orphaned_streams) = node.streams();
        let open_connections = node.open_connections();
        Self {
            host_id: node.info().host_id,
            address: node.address(),
            open_connections,
            available_streams: (streams * open_connections).saturating_sub(in_use),
            in_flight: node.waiting_requests(),
            orphaned_streams,
            bytes_sent,
            bytes_received,
            messages: counters.messages.value(),
            latency: node.latency(),
            errors: FailureCounts::read(|kind| counters.errors.of(kind).value()),
            retries: FailureCounts::read(|kind| counters.retries.of(kind).value()),
            speculative_executions: counters.speculative_executions.value(),
            disconnected: counters.disconnected.value(),
            graceful_disconnects: counters.drains.value(),
            connection_errors: counters.init_errors.value(),
            authentication_errors: counters.auth_errors.value(),
            unattributed_errors: node.unattributed_errors(),
        }
    }
}

/// The counters and histograms of a running session.
#[derive(Debug)]
pub(super) struct Recorder {
    latencies: Latencies,
    /// The last quantile computed from recent latencies; `None` if no quantile is cached.
    cached: Mutex<Option<CachedQuantile>>,
    cql_requests: Timer,
    throttling_delay: Timer,
    errors: Counter,
    client_timeouts: Counter,
    pub(super) retries: Counter,
    pub(super) speculations: Counter,
    pub(super) throttled: Counter,
}

#[derive(Debug, Clone, Copy)]
struct CachedQuantile {
    quantile: f64,
    latency: Duration,
    expires: Instant,
}

/// Lifetime of a cached quantile. Quantiles are cached because computing one reads every bucket of
/// the histogram.
const CACHE_TIME: Duration = Duration::from_secs(1);

impl Recorder {
    pub(super) fn new(session: &str) -> Self {
        Self {
            latencies: Latencies::new(),
            cached: Mutex::default(),
            cql_requests: Timer::for_session("cassandra.session.cql-requests", session),
            throttling_delay: Timer::for_session("cassandra.session.throttling.delay", session),
            errors: Counter::default(),
            client_timeouts: Counter::default(),
            retries: Counter::default(),
            speculations: Counter::default(),
            throttled: Counter::default(),
        }
    }

    /// Records the latency of a request that has returned, and its error if it failed.
    pub(super) fn record_request(
        &self,
        begin: Instant,
        end: Instant,
        error: Option<&super::Error>,
    ) {
        let elapsed = end.saturating_duration_since(begin);
        self.latencies.record(elapsed, end);
        self.cql_requests.record(elapsed);
        if let Some(error) = error {
            self.errors.add();
            if error.kind() == super::ErrorKind::Timeout {
                self.client_timeouts.add();
            }
        }
    }

    /// Records that the throttle admitted a request that had waited since `begin`.
    pub(super) fn record_throttle_delay(&self, begin: Instant) {
        self.throttling_delay.record(begin.elapsed());
    }

    /// Returns the latency at `quantile` (0 to 1) of recent requests, or `None` if there are fewer
    /// than `MIN_REQUESTS` recent requests. The returned value may be up to a second old.
    pub(super) fn recent_latency(&self, quantile: f64) -> Option<Duration> {
        let now = Instant::now();
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        match *cached {
            Some(cached) if cached.quantile == quantile && now < cached.expires => {
                Some(cached.latency)
            }
            _ => {
                let latency = self.latencies.recent(quantile, MIN_REQUESTS, now);
                // `None` is not cached: there may be enough requests soon.
                *cached = latency.map(|latency| CachedQuantile {
                    quantile,
                    latency,
                    expires: now + CACHE_TIME,
                });
                latency
            }
        }
    }

    /// Takes a snapshot of the session and its nodes.
    pub(super) fn snapshot(
        &self,
        cluster: &Cluster,
        gate: Option<&Gate>,
        prepared_statements: usize,
    ) -> Metrics {
        let (state, (bytes_sent, bytes_received)) = (cluster.state(), cluster.traffic());
        let streams = cluster.settings().connector.options.stream_limit();
        let nodes: Vec<_> =
            state.nodes().iter().map(|node| NodeMetrics::new(node, streams)).collect();
        let latencies = self.latencies.summary();
        Metrics {
            requests: latencies.count,
            errors: self.errors.value(),
            client_timeouts: self.client_timeouts.value(),
            retries: self.retries.value(),
            speculative_executions: self.speculations.value(),
            throttling_errors: self.throttled.value(),
            throttling_queue: gate.map_or(0, Gate::waiting),
            prepared_statements,
            connected_nodes: nodes.iter().filter(|node| node.open_connections > 0).count(),
            open_connections: nodes.iter().map(|node| node.open_connections).sum(),
            in_flight: nodes.iter().map(|node| node.in_flight).sum(),
            bytes_sent,
            bytes_received,
            latency_min: latencies.shortest,
            latency_p50: latencies.at(0.50),
            latency_p95: latencies.at(0.95),
            latency_p99: latencies.at(0.99),
            latency_max: latencies.longest,
            nodes,
        }
    }
}

/// Minimum number of recent requests from which a quantile is computed.
const MIN_REQUESTS: u64 = 1_000;
