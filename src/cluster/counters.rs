//! What has happened to the requests and connections of one node, in numbers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::timer::Timer;

/// Counters of one node. They survive changes of the node's description.
#[derive(Debug)]
pub(crate) struct NodeCounters {
    /// Attempts that have failed, by why.
    pub(crate) errors: FailureCounters,
    /// Of those, the ones after which the retry policy had the request made again.
    pub(crate) retries: FailureCounters,
    /// Requests that another node was asked for, because this one took its time.
    pub(crate) speculative_executions: Counter,
    /// Connections that could not be opened, because of the credentials and for other reasons.
    pub(crate) auth_errors: Counter,
    pub(crate) init_errors: Counter,
    /// Requests that were answered, with errors too, and how long that took.
    pub(crate) messages: Counter,
    latency: Timer,
    /// The bytes of connections that have ended, of this node and of all.
    pub(super) traffic: Traffic,
    all_traffic: Arc<Traffic>,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// What connections that have ended have sent and received.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
}

/// Why an attempt has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Nothing of it was written.
    Unsent,
    /// No answer came.
    Aborted,
    WriteTimeout,
    ReadTimeout,
    Unavailable,
    /// The node said something else.
    Other,
}

/// A count for each kind of failure.
#[derive(Debug, Default)]
pub(crate) struct FailureCounters {
    unsent: Counter,
    aborted: Counter,
    write_timeouts: Counter,
    read_timeouts: Counter,
    unavailables: Counter,
    others: Counter,
}

impl FailureCounters {
    pub(crate) const fn of(&self, kind: FailureKind) -> &Counter {
        match kind {
            FailureKind::Unsent => &self.unsent,
            FailureKind::Aborted => &self.aborted,
            FailureKind::WriteTimeout => &self.write_timeouts,
            FailureKind::ReadTimeout => &self.read_timeouts,
            FailureKind::Unavailable => &self.unavailables,
            FailureKind::Other => &self.others,
        }
    }
}

impl NodeCounters {
    pub(super) fn new(session: &str, node: SocketAddr, all_traffic: &Arc<Traffic>) -> Self {
        Self {
            errors: FailureCounters::default(),
            retries: FailureCounters::default(),
            speculative_executions: Counter::default(),
            auth_errors: Counter::default(),
            init_errors: Counter::default(),
            messages: Counter::default(),
            latency: Timer::for_node("cassandra.nodes.cql-messages", session, node),
            traffic: Traffic::default(),
            all_traffic: Arc::clone(all_traffic),
        }
    }

    /// It has answered a request, which took so long.
    pub(crate) fn record_response(&self, took: Duration) {
        self.messages.add();
        self.latency.record(took);
    }

    /// A connection has ended that has sent and received so much.
    pub(super) fn record_closed_connection(&self, traffic: (u64, u64)) {
        self.traffic.add(traffic);
        self.all_traffic.add(traffic);
    }
}

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Traffic {
    /// Adds what was sent and received.
    pub(super) fn add(&self, (sent, received): (u64, u64)) {
        self.sent.fetch_add(sent, Ordering::Relaxed);
        self.received.fetch_add(received, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }
}
