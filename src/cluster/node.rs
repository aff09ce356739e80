//! One node of the cluster.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::NodeError;
use super::counters::NodeCounters;
use super::in_flight::{InFlight, InFlightGuard};
use super::pool::Pool;
use super::pool_context::PoolContext;
use super::topology::NodeInfo;
use crate::connection::Connection;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The distance that the [`LoadBalancing`](super::LoadBalancing) policy assigns to a node. It
/// determines how many connections the node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Distance {
    /// The node has the configured number of connections.
    Local,
    /// The node has one connection, for use when no local node is available.
    Remote,
    /// The node has no connections.
    Ignored,
}

/// A node of the cluster, and its connections.
pub struct Node {
    info: NodeInfo,
    distance: Distance,
    pool: Pool,
    counters: Arc<NodeCounters>,
    in_flight: InFlight,
    /// Moving average of the latency in nanoseconds. 0: no response yet.
    latency: AtomicU64,
}

impl Node {
    /// Creates the node that `info` describes and starts opening its connections. `previous` is the
    /// node that had this address before: the same node with its previous description, or a node
    /// that was replaced. The new node continues its counters.
    pub(super) fn new(
        info: NodeInfo,
        distance: Distance,
        previous: Option<&Self>,
        context: &Arc<PoolContext>,
    ) -> Self {
        let size = match distance {
            Distance::Local => context.connections_per_node,
            Distance::Remote => 1,
            Distance::Ignored => 0,
        };
        // Metrics are labelled with the address, so the counters belong to the address.
        let counters = match previous {
            Some(previous) => Arc::clone(&previous.counters),
            None => {
                let session = &context.session_name;
                Arc::new(NodeCounters::new(session, info.address, &context.traffic))
            }
        };
        let pool = Pool::open(&info, size, &counters, context);
        let (in_flight, latency) = (InFlight::default(), AtomicU64::new(0));
        Self { info, distance, pool, counters, in_flight, latency }
    }

    /// Returns the cluster's description of the node.
    pub const fn info(&self) -> &NodeInfo {
        &self.info
    }

    /// Returns the address of the node's native protocol port.
    pub const fn address(&self) -> SocketAddr {
        self.info.address
    }

    /// Returns the node's datacenter.
    pub fn datacenter(&self) -> &str {
        &self.info.datacenter
    }

    /// Returns the node's rack.
    pub fn rack(&self) -> &str {
        &self.info.rack
    }

    /// Returns the node's distance.
    pub const fn distance(&self) -> Distance {
        self.distance
    }

    /// Returns true if a connection to the node is open.
    pub fn is_connected(&self) -> bool {
        self.open_connections() > 0
    }

    /// Returns the number of open connections to the node.
    pub fn open_connections(&self) -> usize {
        self.pool.slots().len()
    }

    /// Returns true if the node is expected to answer: a connection is open and
    /// [responsive](Connection::is_responsive).
    ///
    /// The driver sends requests to a node that is not responsive only if the load balancing policy
    /// picks no other node.
    pub fn is_responsive(&self) -> bool {
        self.connections().any(|connection| connection.is_responsive())
    }

    /// Returns the number of responses that the node owes to this session: for requests in flight, and
    /// for requests that timed out or were cancelled. The latter count until their response arrives or
    /// their connection ends, so that a node that has stopped answering does not appear to be idle.
    pub fn in_flight(&self) -> usize {
        self.waiting_requests().saturating_add(self.pool.orphans())
    }

    /// Returns the number of this session's requests that wait for a response of the node. Requests
    /// that timed out or were cancelled do not count.
    pub(crate) fn waiting_requests(&self) -> usize {
        self.in_flight.count()
    }

    /// Returns the number of streams in use on all connections, and how many of them are orphaned.
    pub(crate) fn streams(&self) -> (usize, usize) {
        let streams = self.connections().map(|connection| connection.streams());
        streams.fold((0, 0), |(in_use, orphans), (i, o)| (in_use + i, orphans + o))
    }

    /// Returns the number of bytes sent to and received from the node, on open and on ended
    /// connections.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        self.collect_counts();
        self.counters.traffic.bytes()
    }

    /// Returns the number of the node's errors that named no request.
    pub(crate) fn unattributed_errors(&self) -> u64 {
        self.collect_counts();
        self.counters.unattributed_errors.value()
    }

    /// Adds the bytes and errors of the open connections to the node's counters.
    pub(super) fn collect_counts(&self) {
        self.pool.collect_counts();
    }

    /// Returns the node's counters.
    pub(crate) const fn counters(&self) -> &Arc<NodeCounters> {
        &self.counters
    }

    /// Returns a moving average of the node's latency, or `None` before its first response.
    pub fn latency(&self) -> Option<Duration> {
        match self.latency.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Returns the open connection for the next request, or `None` if none is open. Prefers responsive
    /// connections.
    #[inline]
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        self.pool.slots().connection()
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        self.pool.slots().connections()
    }

    /// Returns why no connection to the node is open: why the last open connection ended or was
    /// released, or why an attempt to connect has failed since. Returns `None` while a connection is
    /// open, and before the first attempt has failed.
    pub(crate) fn last_error(&self) -> Option<NodeError> {
        self.pool.slots().last_error()
    }

    /// Sends no new requests to the node until a new connection is open, because the node refused
    /// a request on `connection` as shutting down. Requests in flight are still answered.
    pub(crate) fn drain(&self, connection: &Arc<Connection>) {
        self.pool.drain(connection);
    }

    /// Sends no new requests on `connection`, because of `error`, and opens another one. Requests in
    /// flight are still answered. Does nothing if the connection is not in the pool any more.
    pub(crate) fn release(&self, connection: &Connection, error: &NodeError) {
        self.pool.slots().release(connection, error);
    }

    /// Reconnects without waiting for the backoff to expire.
    pub(super) fn reconnect_now(&self) {
        self.pool.reconnect_now();
    }

    /// Closes each connection as soon as its requests have been answered, because the node was
    /// removed from the cluster or the session was closed.
    pub(super) fn close(&self) {
        self.pool.close();
    }

    /// Returns true once [`close`](Self::close) was called.
    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        self.pool.slots().is_closed()
    }

    /// Waits until no request waits for a response of the node. Does not wait for the responses to
    /// requests that timed out or were cancelled, which may never arrive.
    pub(super) async fn wait_drained(&self) {
        self.in_flight.wait_drained().await;
    }

    /// Returns true if this node still matches `info` and `distance`, and can be kept with its
    /// connections. While the node is responsive, its address may differ from that in `info`, because a
    /// node may have several addresses.
    pub(super) fn is_described_by(&self, info: &NodeInfo, distance: Distance) -> bool {
        self.distance == distance
            && (self.info.address == info.address || self.is_responsive())
            && self.info.datacenter == info.datacenter
            && self.info.rack == info.rack
            && self.info.release_version == info.release_version
    }

    /// Counts a request as in flight until the returned guard is dropped.
    #[inline]
    pub(crate) fn start_request(&self) -> InFlightGuard<'_> {
        self.in_flight.start()
    }

    /// Adds the latency of a response to the moving average.
    pub(crate) fn record_latency(&self, latency: Duration) {
        let latency = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1);
        let before = self.latency.load(Ordering::Relaxed);
        // Concurrent calls may drop a sample, which the average tolerates.
        let average = match before {
            0 => latency,
            before => before - before / WEIGHT + latency / WEIGHT,
        };
        self.latency.store(average.max(1), Ordering::Relaxed);
    }
}

/// Divisor for the weight of a new sample: 8 means that it contributes one eighth of the average.
const WEIGHT: u64 = 8;

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("host_id", &self.info.host_id)
            .field("address", &self.info.address)
            .field("datacenter", &self.info.datacenter)
            .field("rack", &self.info.rack)
            .field("distance", &self.distance)
            .field("connections", &self.open_connections())
            .finish_non_exhaustive()
    }
}
