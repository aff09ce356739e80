//! What a session has done, in numbers.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::latencies::Latencies;
use super::throttle::Gate;
use crate::cluster::{Cluster, Counter, FailureKind, Node, Timer};

/// What a session has done so far: see [`Session::metrics`](super::Session::metrics).
///
/// With the feature `metrics-024` these numbers also go to the recorder of the crate [`metrics`](https://docs.rs/metrics/0.24)
/// that is installed when the session connects, under the names that the Java driver 4 gives them:
///
/// | metric | kind | what | label |
/// |---|---|---|---|
/// | `cassandra.session.bytes-sent` | counter | bytes sent, headers included | `session` |
/// | `cassandra.session.bytes-received` | counter | bytes received, headers included | `session` |
/// | `cassandra.session.connected-nodes` | gauge | nodes that a connection is open to | `session` |
/// | `cassandra.session.cql-requests` | histogram, s | how long requests took, failed ones too | `session` |
/// | `cassandra.session.cql-client-timeouts` | counter | requests that were given up because their time was over | `session` |
/// | `cassandra.session.cql-prepared-cache-size` | gauge | prepared statements that are kept | `session` |
/// | `cassandra.session.throttling.delay` | histogram, s | how long requests waited for the throttle | `session` |
/// | `cassandra.session.throttling.queue-size` | gauge | requests that wait for the throttle | `session` |
/// | `cassandra.session.throttling.errors` | counter | requests that the throttle did not let through | `session` |
/// | `cassandra.nodes.pool.open-connections` | gauge | open connections | `session`, `node` |
/// | `cassandra.nodes.pool.available-streams` | gauge | requests that could be sent at once | `session`, `node` |
/// | `cassandra.nodes.pool.in-flight` | gauge | requests that wait for an answer | `session`, `node` |
/// | `cassandra.nodes.pool.orphaned-streams` | gauge | answers that nobody waits for any more | `session`, `node` |
/// | `cassandra.nodes.bytes-sent` | counter | bytes sent to the node | `session`, `node` |
/// | `cassandra.nodes.bytes-received` | counter | bytes received from it | `session`, `node` |
/// | `cassandra.nodes.cql-messages` | histogram, s | how long its answers took, errors too | `session`, `node` |
/// | `cassandra.nodes.errors.request.unsent` | counter | attempts of which nothing was written | `session`, `node` |
/// | `cassandra.nodes.errors.request.aborted` | counter | attempts without an answer: it was late, or the connection ended | `session`, `node` |
/// | `cassandra.nodes.errors.request.write-timeouts` | counter | attempts answered with a write timeout | `session`, `node` |
/// | `cassandra.nodes.errors.request.read-timeouts` | counter | attempts answered with a read timeout | `session`, `node` |
/// | `cassandra.nodes.errors.request.unavailables` | counter | attempts answered with "unavailable" | `session`, `node` |
/// | `cassandra.nodes.errors.request.others` | counter | attempts answered with another error | `session`, `node` |
/// | `cassandra.nodes.retries.total` | counter | attempts after which the policy had the request made again | `session`, `node` |
/// | `cassandra.nodes.retries.aborted` | counter | of those, after no answer, or none of it was written | `session`, `node` |
/// | `cassandra.nodes.retries.read-timeout` | counter | after a read timeout | `session`, `node` |
/// | `cassandra.nodes.retries.write-timeout` | counter | after a write timeout | `session`, `node` |
/// | `cassandra.nodes.retries.unavailable` | counter | after "unavailable" | `session`, `node` |
/// | `cassandra.nodes.retries.other` | counter | after another error | `session`, `node` |
/// | `cassandra.nodes.speculative-executions` | counter | requests that another node was asked for because this one took its time | `session`, `node` |
/// | `cassandra.nodes.errors.connection.init` | counter | connections that could not be opened | `session`, `node` |
/// | `cassandra.nodes.errors.connection.auth` | counter | connections that the node refused for who the client is | `session`, `node` |
///
/// `session` is the [name of the session](super::SessionBuilder::name), `node` the address of the
/// node. A recorder that allows fewer characters, as Prometheus' does, writes `_` for the others. A
/// statement that a node has forgotten is no error here. The Java driver's `ignores.*` are missing
/// since no retry policy here can ignore an error.
///
/// Histograms are told of each request. Counters and gauges are brought up to date once a second and
/// when the session ends, so that a request has nothing to do with them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests that were answered or given up, PREPAREs included.
    pub requests: u64,
    /// Of those, the ones that failed in the end.
    pub errors: u64,
    /// Of those, the ones that were given up because their time was over.
    pub client_timeouts: u64,
    /// Requests that were made once more, those included whose statement a node had forgotten.
    pub retries: u64,
    /// Requests that another node was asked for, before the first had answered.
    pub speculative_executions: u64,
    /// Requests that the throttle did not let through.
    pub throttling_errors: u64,
    /// Requests that wait for the throttle now.
    pub throttling_queue: usize,
    /// Prepared statements that are kept now.
    pub prepared_statements: usize,
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
    /// The nodes that the cluster has now.
    pub nodes: Vec<NodeMetrics>,
}

/// What a session has done with one node so far.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeMetrics {
    /// The id of the node.
    pub host_id: Uuid,
    /// Where it is reached.
    pub address: SocketAddr,
    /// Connections that are open now.
    pub open_connections: usize,
    /// Requests that could be sent now on the streams that are free.
    pub available_streams: usize,
    /// Requests that wait for its answer now.
    pub in_flight: usize,
    /// Streams that wait for an answer which nobody waits for any more.
    pub orphaned_streams: usize,
    /// Bytes sent to it, headers included.
    pub bytes_sent: u64,
    /// Bytes received from it, headers included.
    pub bytes_received: u64,
    /// Requests that it has answered, with errors too.
    pub messages: u64,
    /// How long its answers take, lately; `None` before the first.
    pub latency: Option<Duration>,
    /// Attempts that have failed at it.
    pub errors: FailureCounts,
    /// Those after which the retry policy had the request made again.
    pub retries: FailureCounts,
    /// Requests that another node was asked for, because this one took its time.
    pub speculative_executions: u64,
    /// Connections that could not be opened, but for the next.
    pub connection_errors: u64,
    /// Connections that it refused because of who the client is, or is not.
    pub authentication_errors: u64,
}

/// Attempts that have failed, by why. A statement that the node had forgotten is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureCounts {
    /// Nothing was written: the connection had ended, or the request waited too long to be sent.
    pub unsent: u64,
    /// No answer came: it was late, or the connection ended.
    pub aborted: u64,
    /// Too few replicas had written in time.
    pub write_timeouts: u64,
    /// Too few replicas had read in time.
    pub read_timeouts: u64,
    /// Too few replicas were alive.
    pub unavailables: u64,
    /// The node said something else.
    pub others: u64,
}

impl FailureCounts {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.unsent
            + self.aborted
            + self.write_timeouts
            + self.read_timeouts
            + self.unavailables
            + self.others
    }

    fn read(of: impl Fn(FailureKind) -> u64) -> Self {
        Self {
            unsent: of(FailureKind::Unsent),
            aborted: of(FailureKind::Aborted),
            write_timeouts: of(FailureKind::WriteTimeout),
            read_timeouts: of(FailureKind::ReadTimeout),
            unavailables: of(FailureKind::Unavailable),
            others: of(FailureKind::Other),
        }
    }
}

impl NodeMetrics {
    /// What has happened at `node`, whose connections have `streams` streams each.
    pub(super) fn of(node: &Node, streams: usize) -> Self {
        let counts = node.counters();
        let (bytes_sent, bytes_received) = node.traffic();
        let (in_use, orphaned_streams) = node.streams();
        let open_connections = node.open_connections();
        Self {
            host_id: node.info().host_id,
            address: node.address(),
            open_connections,
            available_streams: (streams * open_connections).saturating_sub(in_use),
            in_flight: node.in_flight(),
            orphaned_streams,
            bytes_sent,
            bytes_received,
            messages: counts.messages.value(),
            latency: node.latency(),
            errors: FailureCounts::read(|kind| counts.errors.of(kind).value()),
            retries: FailureCounts::read(|kind| counts.retries.of(kind).value()),
            speculative_executions: counts.speculative_executions.value(),
            connection_errors: counts.init_errors.value(),
            authentication_errors: counts.auth_errors.value(),
        }
    }
}

/// Counts while the session works.
#[derive(Debug)]
pub(super) struct Recorder {
    latencies: Latencies,
    /// A quantile of the recent latencies, what it was, and until when it is good enough.
    recent: Mutex<Option<(f64, Duration, Instant)>>,
    cql_requests: Timer,
    throttling_delay: Timer,
    errors: Counter,
    client_timeouts: Counter,
    pub(super) retries: Counter,
    pub(super) speculations: Counter,
    pub(super) throttled: Counter,
}

/// For so long nobody looks through all buckets again.
const GOOD_ENOUGH: Duration = Duration::from_secs(1);

impl Recorder {
    /// The recorder of a session of this name.
    pub(super) fn new(session: &str) -> Self {
        Self {
            latencies: Latencies::new(),
            recent: Mutex::default(),
            cql_requests: Timer::for_session("cassandra.session.cql-requests", session),
            throttling_delay: Timer::for_session("cassandra.session.throttling.delay", session),
            errors: Counter::default(),
            client_timeouts: Counter::default(),
            retries: Counter::default(),
            speculations: Counter::default(),
            throttled: Counter::default(),
        }
    }

    /// A request that began then is over: with an answer, or with this error.
    pub(super) fn request(&self, begin: Instant, end: Instant, error: Option<&super::Error>) {
        let took = end.saturating_duration_since(begin);
        self.latencies.record(took, end);
        self.cql_requests.record(took);
        if let Some(error) = error {
            self.errors.add();
            if error.kind() == super::ErrorKind::Timeout {
                self.client_timeouts.add();
            }
        }
    }

    /// The throttle has let a request through that came then.
    pub(super) fn let_through(&self, begin: Instant) {
        self.throttling_delay.record(begin.elapsed());
    }

    /// What this part of the recent requests took no longer than; `None` if they are too few to say.
    pub(super) fn recent(&self, quantile: f64) -> Option<Duration> {
        let now = Instant::now();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        match *recent {
            Some((known, took, until)) if known == quantile && now < until => Some(took),
            _ => {
                let took = self.latencies.recent(quantile, ENOUGH, now);
                // Too few may be enough soon.
                *recent = took.map(|took| (quantile, took, now + GOOD_ENOUGH));
                took
            }
        }
    }

    pub(super) fn snapshot(
        &self,
        cluster: &Cluster,
        gate: Option<&Gate>,
        prepared_statements: usize,
    ) -> Metrics {
        let (state, (bytes_sent, bytes_received)) = (cluster.state(), cluster.traffic());
        let streams = cluster.settings().connector.options.stream_limit();
        let nodes: Vec<_> =
            state.nodes().iter().map(|node| NodeMetrics::of(node, streams)).collect();
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

/// A percentile of fewer requests says little.
const ENOUGH: u64 = 1_000;
