//! Counters of the requests and connections of one node.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::timer::Timer;
use crate::connection::ConnectionWatch;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Counters of one node. They continue when the node's description changes, unless its address
/// changes.
#[derive(Debug)]
pub(crate) struct NodeCounters {
    /// Failed attempts to execute a request on this node.
    pub(crate) errors: FailureCounters,
    /// Failed attempts that were retried, on this node or on another.
    pub(crate) retries: FailureCounters,
    /// Failed attempts that show that the node has too much load: it responded OVERLOADED or WRITE_TIMEOUT, or it
    /// did not respond in time.
    pub(crate) overloads: Counter,
    /// Speculative executions started on other nodes because this node was slow or stopped answering.
    pub(crate) speculative_executions: Counter,
    /// Connections that could not be opened because authentication failed.
    pub(crate) auth_errors: Counter,
    /// Connections that could not be opened for other reasons.
    pub(crate) init_errors: Counter,
    /// Attempts that were in flight when the node closed the connection, or the connection failed.
    pub(crate) disconnected: Counter,
    /// Connections drained because the node said that it was shutting down.
    pub(crate) drains: Counter,
    /// Responses received, including error responses.
    pub(crate) messages: Counter,
    /// Errors of the node that named no request.
    pub(super) unattributed_errors: Counter,
    latency: Timer,
    /// Bytes sent and received on connections to this node, as far as they were collected.
    pub(super) traffic: Traffic,
    /// Bytes sent and received on all connections, as far as they were collected.
    all_traffic: Arc<Traffic>,
}

/// A counter that never decreases.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// Bytes sent and received.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// No byte of the request was written.
    Unsent,
    /// The request was written, at least in part, but no response arrived.
    Aborted,
    WriteTimeout,
    ReadTimeout,
    Unavailable,
    /// The node responded with an error of any other kind.
    Other,
}

/// One counter for each [`FailureKind`].
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
            overloads: Counter::default(),
            speculative_executions: Counter::default(),
            auth_errors: Counter::default(),
            init_errors: Counter::default(),
            disconnected: Counter::default(),
            drains: Counter::default(),
            messages: Counter::default(),
            unattributed_errors: Counter::default(),
            latency: Timer::for_node("cassandra.nodes.cql-messages", session, node),
            traffic: Traffic::default(),
            all_traffic: Arc::clone(all_traffic),
        }
    }

    /// Counts a response and records its latency.
    pub(crate) fn record_response(&self, latency: Duration) {
        self.messages.add();
        self.latency.record(latency);
    }

    /// Adds the bytes and the errors that a connection to this node has counted since the last call for
    /// this connection. Concurrent calls count nothing twice.
    pub(super) fn collect(&self, connection: &ConnectionWatch) {
        let traffic = connection.take_traffic();
        self.traffic.add(traffic);
        self.all_traffic.add(traffic);
        self.unattributed_errors.add_all(connection.take_unattributed_errors());
    }
}

impl Counter {
    pub(crate) fn add(&self) {
        self.add_all(1);
    }

    pub(super) fn add_all(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Traffic {
    pub(super) fn add(&self, (sent, received): (u64, u64)) {
        self.sent.fetch_add(sent, Ordering::Relaxed);
        self.received.fetch_add(received, Ordering::Relaxed);
    }

    /// Returns the bytes `(sent, received)`.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }
}
