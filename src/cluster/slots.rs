//! The connections in a pool, and their departures.

use std::collections::HashMap;
use std::ptr;
use std::sync::{Arc, PoisonError};

use super::NodeError;
use super::attempts::PoolId;
use super::counters::NodeCounters;
use super::pool_context::PoolContext;
use crate::connection::Connection;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, Notify, RwLock};

/// The slots of a pool, each with at most one open connection.
///
/// A connection leaves its slot when it ends, or when it is released: it then gets no new requests,
/// and closes as soon as its requests have been answered.
#[derive(Debug)]
pub(super) struct Slots {
    id: PoolId,
    context: Arc<PoolContext>,
    counters: Arc<NodeCounters>,
    connections: Box<[RwLock<Option<Arc<Connection>>>]>,
    /// Round-robin counter that selects the slot of the current connection.
    turn: AtomicUsize,
    /// Number of open connections.
    open: AtomicUsize,
    /// Slots change only while this is locked.
    departures: Mutex<Departures>,
    /// Notified after connections were released.
    released: Notify,
}

/// The departure of a connection from its slot.
#[derive(Debug)]
pub(super) struct Departure {
    /// Why the connection ended or was released.
    pub(super) error: NodeError,
    /// True if the connection was released.
    pub(super) is_released: bool,
}

/// The departures of connections from their slots.
#[derive(Debug, Default)]
struct Departures {
    /// True once the pool is closed. No connection is put into a closed pool.
    is_closed: bool,
    /// Why connections were released, by slot, until the slots' tasks collect them.
    released: HashMap<usize, NodeError>,
    /// The result of [`Slots::last_error`].
    last_error: Option<NodeError>,
}

impl Slots {
    /// Creates empty slots.
    pub(super) fn new(
        id: PoolId,
        size: usize,
        counters: &Arc<NodeCounters>,
        context: &Arc<PoolContext>,
    ) -> Self {
        Self {
            id,
            context: Arc::clone(context),
            counters: Arc::clone(counters),
            connections: (0..size).map(|_| RwLock::default()).collect(),
            turn: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            departures: Mutex::default(),
            released: Notify::new(),
        }
    }

    /// Returns an open connection, or `None` if none is open. Prefers connections that are
    /// [responsive](Connection::is_responsive).
    ///
    /// The connections take turns per write, not per request: a request joins those that wait to be sent over
    /// the current connection, while they are few. Otherwise it is the next connection's turn.
    #[inline]
    pub(super) fn connection(&self) -> Option<Arc<Connection>> {
        let count = self.connections.len();
        if count <= 1 {
            return self.get(0);
        }
        let turn = self.turn.load(Ordering::Relaxed);
        let joined = self.connections.get(turn % count).and_then(|slot| {
            let slot = slot.read().unwrap_or_else(PoisonError::into_inner);
            slot.as_ref().filter(|connection| can_join(connection)).cloned()
        });
        if joined.is_some() {
            return joined;
        }
        // If other threads do the same at this moment, they advance to the same connection.
        let next = turn.wrapping_add(1);
        let advanced = self.turn.compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed);
        let first = advanced.map_or_else(|other| other, |_| next) % count;
        let (before, from) = self.connections.split_at_checked(first)?;
        let mut connections = from.iter().chain(before).filter_map(open);
        let first = connections.next()?;
        match first.is_responsive() {
            true => Some(first),
            false => Some(connections.find(|other| other.is_responsive()).unwrap_or(first)),
        }
    }

    /// Returns the number of open connections.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Returns every open connection.
    pub(super) fn connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        self.connections.iter().filter_map(open)
    }

    /// Returns the open connection in a slot.
    pub(super) fn get(&self, index: usize) -> Option<Arc<Connection>> {
        self.connections.get(index).and_then(open)
    }

    /// Returns why no connection is open: why the last open connection ended or was released, or why
    /// an attempt to connect has failed since. Returns `None` while a connection is open, and before
    /// the first attempt has failed.
    pub(super) fn last_error(&self) -> Option<NodeError> {
        self.departures().last_error.clone()
    }

    /// Records why an attempt to connect failed. Does nothing if another connection is open.
    pub(super) fn set_error(&self, error: &NodeError) {
        self.set_error_if_empty(&mut self.departures(), error);
    }

    /// Puts a new connection into a slot. Does nothing if the pool is closed.
    pub(super) fn put(&self, index: usize, connection: &Arc<Connection>) {
        let mut departures = self.departures();
        departures.last_error = None;
        if let Some(slot) = self.connections.get(index)
            && !departures.is_closed
        {
            *slot.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(connection));
        }
        self.update_open();
    }

    /// Empties a slot whose connection has ended or was released. `ended` is the reason if it was not
    /// released.
    pub(super) fn clear(&self, index: usize, ended: NodeError) -> Departure {
        let mut departures = self.departures();
        let _ended = self.take(index);
        self.update_open();
        match departures.released.remove(&index) {
            // The error was recorded when the connection was released.
            Some(error) => Departure { error, is_released: true },
            None => {
                self.set_error_if_empty(&mut departures, &ended);
                Departure { error: ended, is_released: false }
            }
        }
    }

    /// Releases the connection in a slot.
    pub(super) fn release_slot(&self, index: usize, error: &NodeError) {
        self.release_if(&mut self.departures(), error, |slot, _| slot == index);
    }

    /// Releases `connection`. Does nothing if it is not in a slot any more.
    pub(super) fn release(&self, connection: &Connection, error: &NodeError) {
        self.release_if(&mut self.departures(), error, |_, held| ptr::eq(&**held, connection));
    }

    /// Releases all connections if `connection` is in a slot. Returns false if it is not.
    pub(super) fn release_all(&self, connection: &Arc<Connection>, error: &NodeError) -> bool {
        let mut departures = self.departures();
        let mut held = self.connections.iter().filter_map(held);
        let is_held = held.any(|held| Arc::ptr_eq(&held, connection));
        if is_held {
            self.release_if(&mut departures, error, |_, _| true);
        }
        is_held
    }

    /// Releases all connections, and closes the pool.
    pub(super) fn close(&self) {
        let mut departures = self.departures();
        departures.is_closed = true;
        (0..self.connections.len()).for_each(|index| self.hand_over(index));
        self.open.store(0, Ordering::Release);
        self.context.attempts.remove_pool(self.id);
    }

    /// Returns true once the pool is closed.
    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        self.departures().is_closed
    }

    /// Waits until the connection of a slot was released although its server is not shutting down, so
    /// that the slot's task can open another one before this connection has closed.
    pub(super) async fn wait_replaceable(&self, index: usize) {
        loop {
            // Created before the list is read, so that no notification is missed.
            let released = self.released.notified();
            let error = self.departures().released.get(&index).cloned();
            if error.is_some_and(|error| !matches!(error, NodeError::ShuttingDown)) {
                return;
            }
            released.await;
        }
    }

    /// Releases the connections for which `is_released` returns true, given their slots.
    fn release_if(
        &self,
        departures: &mut Departures,
        error: &NodeError,
        is_released: impl Fn(usize, &Arc<Connection>) -> bool,
    ) {
        let slots = self.connections.iter().enumerate();
        let held = slots.filter_map(|(index, slot)| Some((index, held(slot)?)));
        let released: Vec<_> = held
            .filter(|(index, held)| is_released(*index, held))
            .map(|(index, _)| index)
            .collect();
        if released.is_empty() {
            return;
        }
        for index in released {
            self.hand_over(index);
            departures.released.insert(index, error.clone());
            if matches!(error, NodeError::ShuttingDown) {
                self.counters.drains.add();
            }
        }
        self.update_open();
        self.set_error_if_empty(departures, error);
        self.released.notify_waiters();
        self.context.notify_changed();
    }

    fn set_error_if_empty(&self, departures: &mut Departures, error: &NodeError) {
        if self.len() == 0 {
            departures.last_error = Some(error.clone());
        }
    }

    /// Moves the connection of a slot to the released connections. Call this while `departures` is
    /// locked.
    fn hand_over(&self, index: usize) {
        if let Some(connection) = self.take(index) {
            self.context.released.add(connection.watch(), &self.counters);
        }
    }

    /// Empties a slot. Call this while `departures` is locked.
    fn take(&self, index: usize) -> Option<Arc<Connection>> {
        let slot = self.connections.get(index)?;
        slot.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Counts the open connections after a slot has changed. Call this while `departures` is locked.
    fn update_open(&self) {
        let open = self.connections().count();
        self.open.store(open, Ordering::Release);
        self.context.attempts.set_connected(self.id, open > 0);
    }

    fn departures(&self) -> MutexGuard<'_, Departures> {
        self.departures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the connection in a slot, or `None` if the slot is empty.
fn held(slot: &RwLock<Option<Arc<Connection>>>) -> Option<Arc<Connection>> {
    slot.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Returns true if a request should join those that wait to be sent over this connection.
fn can_join(connection: &Connection) -> bool {
    connection.has_room_in_next_write()
        && connection.is_responsive()
        && !connection.is_draining()
        && connection.close_reason().is_none()
}

/// Returns the connection in a slot, or `None` if the slot is empty or the connection has ended.
fn open(slot: &RwLock<Option<Arc<Connection>>>) -> Option<Arc<Connection>> {
    let slot = slot.read().unwrap_or_else(PoisonError::into_inner);
    slot.as_ref().filter(|connection| connection.close_reason().is_none()).cloned()
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::cluster::Reconnect;
    use crate::connection::{ConnectionError, Connector};
    use crate::message::{Query, RequestFrame};
    use crate::protocol::CloseReason;
    use crate::testing::MockServer;
    use crate::wire::{Consistency, Stream};

    struct Fixture {
        server: MockServer,
        context: Arc<PoolContext>,
        counters: Arc<NodeCounters>,
        slots: Slots,
    }

    fn query(text: &str) -> RequestFrame<'static> {
        let parameters = Consistency::One.into();
        RequestFrame::new(Stream::default(), Query { text: text.to_owned().into(), parameters })
    }

    impl Fixture {
        async fn start(size: usize) -> Self {
            let server = MockServer::bind("127.0.0.1:0").await.unwrap();
            let connector = Connector::default();
            let context =
                PoolContext::new("test".into(), connector, Reconnect::default(), size, None);
            let context = Arc::new(context);
            let counters = NodeCounters::new("test", server.address(), &context.traffic);
            let counters = Arc::new(counters);
            let slots = Slots::new(context.attempts.add_pool(), size, &counters, &context);
            Self { server, context, counters, slots }
        }

        /// Opens a connection and puts it into a slot.
        async fn put(&self, index: usize) -> Arc<Connection> {
            let connection = self.context.connector.connect(self.server.address(), None).await;
            let connection = Arc::new(connection.unwrap());
            self.slots.put(index, &connection);
            connection
        }

        /// Acts as the task of a slot whose connection has ended.
        fn clear(&self, index: usize, connection: &Connection) -> Departure {
            self.counters.collect(&connection.watch());
            let reason = connection.close_reason().cloned().unwrap_or(CloseReason::Local);
            let error = ConnectionError { address: connection.address(), reason };
            self.slots.clear(index, NodeError::Connection(error))
        }
    }

    #[tokio::test]
    async fn requests_join_a_connection_until_its_next_write_is_large_enough() {
        let fixture = Fixture::start(3).await;
        let connections = [fixture.put(0).await, fixture.put(1).await, fixture.put(2).await];
        let next = || {
            let next = fixture.slots.connection().unwrap();
            connections.iter().position(|known| Arc::ptr_eq(known, &next)).unwrap()
        };
        // Without requests, the connections take turns.
        assert_eq!([next(), next(), next(), next()], [1, 2, 0, 1]);
        let mut requests = Vec::new();
        let mut send = |index: usize, text: &str| {
            let (connection, request) = (Arc::clone(&connections[index]), query(text));
            let mut response = Box::pin(async move { connection.request(&request, None).await });
            // Submits the request. The connection's task cannot collect it before this task yields.
            assert!(response.as_mut().now_or_never().is_none());
            requests.push(response);
        };
        send(1, "SELECT 1");
        send(1, "SELECT 2");
        assert_eq!([next(), next()], [1, 1]);
        send(1, &"x".repeat(4 << 10));
        assert_eq!(next(), 2, "the write is large enough");
        assert_eq!(next(), 0, "no request waits for a write");
        for response in requests {
            response.await.unwrap();
        }
        assert_eq!([next(), next()], [1, 2], "all requests were sent");
    }

    #[tokio::test]
    async fn requests_join_no_connection_that_was_released() {
        let fixture = Fixture::start(2).await;
        let connections = [fixture.put(0).await, fixture.put(1).await];
        let is_next = |index: usize| {
            let next = fixture.slots.connection().unwrap();
            Arc::ptr_eq(&next, &connections[index])
        };
        let send = |connection: &Arc<Connection>| {
            let connection = Arc::clone(connection);
            let mut response = Box::pin(async move { connection.request(&query("a"), None).await });
            assert!(response.as_mut().now_or_never().is_none());
            response
        };
        assert!(is_next(1));
        let first = send(&connections[1]);
        assert!(is_next(1));
        fixture.slots.release_slot(1, &NodeError::ShuttingDown);
        assert!(is_next(0) && is_next(0), "a released connection gets no requests");
        first.await.unwrap();
    }

    /// The node refuses a request on a connection that ends at the same time.
    #[tokio::test]
    async fn a_connection_that_is_drained_when_it_ends_is_counted_once() {
        let fixture = Fixture::start(1).await;
        for drains_first in [true, false] {
            let connection = fixture.put(0).await;
            connection.close();
            connection.wait_closed().await;
            let before = fixture.counters.traffic.bytes();
            let drain = || fixture.slots.release_all(&connection, &NodeError::ShuttingDown);
            if drains_first {
                assert!(drain());
            }
            let Departure { error, is_released } = fixture.clear(0, &connection);
            assert_eq!(is_released, drains_first);
            assert_eq!(matches!(error, NodeError::ShuttingDown), drains_first);
            assert!(!drain(), "the connection is not in the pool any more");
            let (sent, received) = connection.traffic();
            fixture.context.released.collect();
            assert_eq!(fixture.counters.traffic.bytes(), (before.0 + sent, before.1 + received));
        }
        // Neither drain concerns the next connection.
        let next = fixture.put(0).await;
        let is_released = fixture.clear(0, &next).is_released;
        assert!(!is_released && fixture.counters.drains.value() == 1);
    }

    #[tokio::test]
    async fn the_node_has_the_error_of_its_last_released_connection() {
        let fixture = Fixture::start(2).await;
        let connections = [fixture.put(0).await, fixture.put(1).await];
        fixture.slots.release_slot(1, &NodeError::ShuttingDown);
        assert!(fixture.slots.last_error().is_none(), "a connection is open");
        fixture.slots.release_slot(0, &NodeError::ShuttingDown);
        assert!(matches!(fixture.slots.last_error(), Some(NodeError::ShuttingDown)));
        assert_eq!((fixture.slots.len(), fixture.context.released.open().len()), (0, 2));
        fixture.clear(0, &connections[0]);
        fixture.put(0).await;
        assert!(fixture.slots.last_error().is_none(), "a connection is open again");
        // The node has restarted while its other connection was still draining.
        fixture.clear(1, &connections[1]);
        fixture.slots.set_error(&NodeError::ShuttingDown);
        assert!(fixture.slots.last_error().is_none(), "a connection is open");
    }

    #[tokio::test]
    async fn the_node_has_the_error_of_its_last_connection_that_ended() {
        let fixture = Fixture::start(2).await;
        for index in [0, 1] {
            let connection = fixture.put(index).await;
            connection.close();
            connection.wait_closed().await;
            fixture.clear(index, &connection);
            let error = fixture.slots.last_error();
            assert!(matches!(error, Some(NodeError::Connection(_))), "{error:?}");
        }
        fixture.slots.set_error(&NodeError::ShuttingDown);
        assert!(matches!(fixture.slots.last_error(), Some(NodeError::ShuttingDown)));
    }
}
