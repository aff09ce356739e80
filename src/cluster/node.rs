//! One node of the cluster.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::NodeError;
use super::counters::NodeCounters;
use super::pool::Pool;
use super::shared::Shared;
use super::topology::NodeInfo;
use crate::connection::Connection;

/// How near a node is, as a [`LoadBalancing`](super::LoadBalancing) sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Distance {
    /// It has as many connections as were asked for.
    Local,
    /// It has one connection, for when nothing that is nearer answers.
    Remote,
    /// It has none.
    Ignored,
}

/// A node of the cluster, and what this client knows of it.
pub struct Node {
    info: NodeInfo,
    distance: Distance,
    pool: Pool,
    counters: Arc<NodeCounters>,
    in_flight: AtomicUsize,
    /// How long its answers take, in nanoseconds, the newer the weightier; 0 before the first.
    latency: AtomicU64,
}

impl Node {
    /// The node that `info` describes; `before` is what it was known as.
    pub(super) fn new(
        info: NodeInfo,
        distance: Distance,
        before: Option<&Self>,
        shared: &Arc<Shared>,
    ) -> Self {
        let size = match distance {
            Distance::Local => shared.settings.connections_per_node,
            Distance::Remote => 1,
            Distance::Ignored => 0,
        };
        // Its metrics are named by its address.
        let known = before.filter(|before| before.address() == info.address);
        let new = || NodeCounters::new(&shared.settings.name, info.address, &shared.traffic);
        let counters = known.map_or_else(|| Arc::new(new()), |known| Arc::clone(&known.counters));
        let pool = Pool::open(&info, size, &counters, shared);
        let (in_flight, latency) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self { info, distance, pool, counters, in_flight, latency }
    }

    /// What the cluster says of it.
    pub const fn info(&self) -> &NodeInfo {
        &self.info
    }

    /// Where its native protocol is reached.
    pub const fn address(&self) -> SocketAddr {
        self.info.address
    }

    /// The datacenter that it says it is in.
    pub fn datacenter(&self) -> &str {
        &self.info.datacenter
    }

    /// The rack that it says it is in.
    pub fn rack(&self) -> &str {
        &self.info.rack
    }

    /// How near it is.
    pub const fn distance(&self) -> Distance {
        self.distance
    }

    /// Whether a connection to it is open.
    pub fn is_connected(&self) -> bool {
        self.open_connections() > 0
    }

    /// How many connections to it are open.
    pub fn open_connections(&self) -> usize {
        self.pool.len()
    }

    /// How many requests wait for its answer.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How many streams of its open connections are in use, and how many of them wait for an
    /// answer that nobody waits for any more.
    pub(crate) fn streams(&self) -> (usize, usize) {
        let streams = self.connections().map(|connection| connection.streams());
        streams.fold((0, 0), |(in_use, orphans), (i, o)| (in_use + i, orphans + o))
    }

    /// How many bytes it was sent, and has sent.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let open = self.connections().map(|connection| connection.traffic());
        open.fold(self.counters.traffic.bytes(), |(sent, received), (s, r)| {
            (sent + s, received + r)
        })
    }

    /// What has happened at it.
    pub(crate) const fn counters(&self) -> &Arc<NodeCounters> {
        &self.counters
    }

    /// How long its answers take, lately; `None` before the first.
    pub fn latency(&self) -> Option<Duration> {
        match self.latency.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// A connection that is open.
    #[inline]
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        self.pool.connection()
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        self.pool.connections()
    }

    /// How many tries to connect have failed.
    pub(crate) fn failures(&self) -> u64 {
        self.pool.failures()
    }

    /// Why no connection is open, if a try has failed since one was.
    pub(crate) fn last_failure(&self) -> Option<NodeError> {
        self.pool.last_failure()
    }

    /// Somebody says that it is up.
    pub(super) fn reconnect_now(&self) {
        self.pool.reconnect_now();
    }

    /// It is no part of the cluster any more, or the session has ended.
    pub(super) fn close(&self) {
        self.pool.close();
    }

    /// Whether the node is still the one that this describes. It may be known by several addresses;
    /// the one that works is good enough.
    pub(super) fn is_described_by(&self, info: &NodeInfo, distance: Distance) -> bool {
        self.distance == distance
            && (self.info.address == info.address || self.is_connected())
            && self.info.datacenter == info.datacenter
            && self.info.rack == info.rack
            && self.info.release_version == info.release_version
    }

    /// Counts a request as in flight until the returned guard is dropped.
    pub(crate) fn start_request(&self) -> InFlightGuard<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(self)
    }

    /// An answer took so long.
    pub(crate) fn record_latency(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        let before = self.latency.load(Ordering::Relaxed);
        // A sample that is lost when two come at once is no loss.
        let now = match before {
            0 => took,
            before => before - before / WEIGHT + took / WEIGHT,
        };
        self.latency.store(now.max(1), Ordering::Relaxed);
    }
}

/// A new answer weighs one part in so many.
const WEIGHT: u64 = 8;

/// A request that is under way.
pub(crate) struct InFlightGuard<'a>(&'a Node);

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

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
