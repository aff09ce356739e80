//! The connections of one node.
//!
//! Each connection has a task that opens it, waits until it ends, and then opens another one.
//! Requests use only connections that are already open.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::attempts::PoolId;
use super::backoff::{Backoff, spread};
use super::counters::NodeCounters;
use super::open::use_keyspace;
use super::pool_context::PoolContext;
use super::{NodeError, NodeInfo};
use crate::connection::{Connection, ConnectionError, ConnectionWatch};
use crate::protocol::CloseReason;

/// A connection pool for one node. When it is dropped, each connection closes as soon as its
/// requests have been answered.
#[derive(Debug)]
pub(super) struct Pool {
    slots: Arc<Slots>,
    tasks: Vec<AbortHandle>,
}

/// The connection slots of a pool. The pool shares them with its tasks.
#[derive(Debug)]
struct Slots {
    id: PoolId,
    context: Arc<PoolContext>,
    address: SocketAddr,
    host: Option<String>,
    counters: Arc<NodeCounters>,
    connections: Box<[RwLock<Option<Arc<Connection>>>]>,
    /// The traffic of drained connections that was counted when they left the pool, by slot.
    drained: Mutex<HashMap<usize, (u64, u64)>>,
    /// Round-robin counter that selects the slot for the next request.
    next: AtomicUsize,
    /// Number of open connections.
    open: AtomicUsize,
    /// True once the pool is closed. Slots change only while this is locked, so that no connection
    /// is put into a closed pool.
    is_closed: Mutex<bool>,
    /// Number of requests on all connections that were abandoned and have no response yet.
    orphans: Arc<AtomicUsize>,
    last_error: Mutex<Option<NodeError>>,
    /// Wakes every task that is backing off.
    reconnect: Notify,
}

/// Delay before another attempt to switch to a keyspace that the node does not know yet.
const KEYSPACE_RETRY_DELAY: Duration = Duration::from_millis(100);

impl Pool {
    /// Starts opening `size` connections.
    pub(super) fn open(
        node: &NodeInfo,
        size: usize,
        counters: &Arc<NodeCounters>,
        context: &Arc<PoolContext>,
    ) -> Self {
        let slots = Arc::new(Slots {
            id: context.attempts.add_pool(),
            context: Arc::clone(context),
            address: node.address,
            host: node.host.clone(),
            counters: Arc::clone(counters),
            connections: (0..size).map(|_| RwLock::default()).collect(),
            drained: Mutex::default(),
            next: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            is_closed: Mutex::default(),
            orphans: Arc::default(),
            last_error: Mutex::default(),
            reconnect: Notify::new(),
        });
        let task = |index| {
            let slots = Arc::clone(&slots);
            tokio::spawn(async move { slots.keep_connected(index).await }).abort_handle()
        };
        if size == 0 {
            // No task waits for a pool that never connects.
            context.attempts.remove_pool(slots.id);
        }
        Self { tasks: (0..size).map(task).collect(), slots }
    }

    /// Returns the next open connection, round robin, or `None` if none is open. Prefers connections
    /// that are [responsive](Connection::is_responsive).
    #[inline]
    pub(super) fn connection(&self) -> Option<Arc<Connection>> {
        let connections = &self.slots.connections;
        let first = match connections.len() {
            0 | 1 => 0,
            count => self.slots.next.fetch_add(1, Ordering::Relaxed) % count,
        };
        let (before, from) = connections.split_at_checked(first)?;
        let mut connections = from.iter().chain(before).filter_map(open);
        let first = connections.next()?;
        match first.is_responsive() {
            true => Some(first),
            false => Some(connections.find(|other| other.is_responsive()).unwrap_or(first)),
        }
    }

    /// Returns the number of requests on all connections that were abandoned and have no response yet.
    #[inline]
    pub(super) fn orphans(&self) -> usize {
        self.slots.orphans.load(Ordering::Relaxed)
    }

    /// Returns the number of open connections.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.slots.open.load(Ordering::Acquire)
    }

    /// Returns every open connection.
    pub(super) fn connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        self.slots.connections.iter().filter_map(open)
    }

    /// Returns why the last attempt to connect failed or why the last connection ended, whichever
    /// is later. Returns `None` if neither has happened since a connection was last opened.
    pub(super) fn last_error(&self) -> Option<NodeError> {
        self.slots.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reconnects without waiting for the backoff to expire.
    pub(super) fn reconnect_now(&self) {
        self.slots.reconnect.notify_waiters();
    }

    /// Takes all connections out of the pool, because the node refused a request on `connection`
    /// as shutting down. Each connection closes as soon as its requests have been answered, and its
    /// task then reconnects with backoff. Does nothing if `connection` is not in the pool any more:
    /// the node may have restarted since.
    pub(super) fn drain(&self, connection: &Arc<Connection>) {
        if self.slots.drain(connection) {
            info!(node = %self.slots.address, "node drained: it is shutting down");
            self.slots.context.notify_draining(self.slots.address);
        }
    }

    /// Stops opening connections and releases the open ones. Each connection closes as soon as its
    /// requests have been answered.
    pub(super) fn close(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        let mut is_closed = self.slots.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        *is_closed = true;
        for slot in &self.slots.connections {
            let connection = slot.write().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(connection) = connection {
                self.slots.counters.record_closed_connection(connection.traffic());
                let errors = connection.take_unattributed_errors();
                self.slots.counters.unattributed_errors.add_all(errors);
            }
        }
        self.slots.open.store(0, Ordering::Release);
        self.slots.context.attempts.remove_pool(self.slots.id);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

/// Returns the connection in a slot, or `None` if the slot is empty or the connection has ended.
fn open(slot: &RwLock<Option<Arc<Connection>>>) -> Option<Arc<Connection>> {
    let slot = slot.read().unwrap_or_else(PoisonError::into_inner);
    slot.as_ref().filter(|connection| connection.close_reason().is_none()).cloned()
}

/// Waits until a connection has ended, and returns the reason. Notifies the cluster each time the
/// connection becomes unresponsive or responsive.
async fn wait_closed(connection: &ConnectionWatch, context: &PoolContext) -> CloseReason {
    let mut is_responsive = true;
    loop {
        tokio::select! {
            reason = connection.wait_closed() => return reason,
            () = connection.wait_responsive(!is_responsive) => {
                is_responsive = !is_responsive;
                context.notify_changed();
            }
        }
    }
}

impl Slots {
    /// Keeps the connection in one slot open, until the task is aborted.
    async fn keep_connected(&self, index: usize) {
        let context = &*self.context;
        let mut backoff = Backoff::new(context.reconnect);
        let mut retry_in = backoff.pause();
        let mut is_repeated = false;
        loop {
            tokio::select! {
                () = tokio::time::sleep(retry_in) => {}
                () = self.reconnect.notified() => is_repeated = false,
            }
            // Boxed, so that the tasks of nodes that are down stay small.
            match Box::pin(self.open_in_turn(index, is_repeated)).await {
                Ok((connection, has_keyspace)) => {
                    is_repeated = false;
                    let opened = Instant::now();
                    context.notify_changed();
                    // Only the slot and the requests in flight keep the connection open.
                    let watch = connection.watch();
                    drop(connection);
                    let reason = tokio::select! {
                        reason = wait_closed(&watch, context) => reason,
                        // The server sends the event on each connection.
                        () = watch.wait_draining() => {
                            info!(node = %self.address, "connection drained: the node is shutting down");
                            self.drain_slot(index);
                            watch.wait_closed().await
                        }
                        never = self.restore_keyspace(index, has_keyspace) => match never {},
                    };
                    let was_drained = self.record_closed(index, watch.traffic());
                    let errors = watch.take_unattributed_errors();
                    self.counters.unattributed_errors.add_all(errors);
                    self.set(index, None);
                    // A node that shuts down does not accept a connection soon.
                    if !was_drained {
                        backoff.record_lifetime(opened.elapsed());
                    }
                    retry_in = backoff.pause();
                    info!(node = %self.address, error = %reason, ?retry_in, "connection lost");
                    self.set_error(Some(match was_drained {
                        true => NodeError::ShuttingDown,
                        false => {
                            let address = self.address;
                            NodeError::Connection(ConnectionError { address, reason })
                        }
                    }));
                    context.notify_changed();
                }
                Err(error) => {
                    is_repeated = true;
                    retry_in = backoff.pause();
                    debug!(node = %self.address, %error, ?retry_in, "connection attempt failed");
                    match error.is_authentication() {
                        true => self.counters.auth_errors.add(),
                        false => self.counters.init_errors.add(),
                    }
                    self.set_error(Some(error));
                    let failure = context.attempts.record_failure(self.id);
                    if failure.ends_wait {
                        context.notify_changed();
                    }
                    retry_in = retry_in.max(spread(failure.unconnected));
                }
            }
        }
    }

    /// Waits until the attempt may begin, then opens a connection. A repeated attempt becomes a first
    /// attempt if the server is reported to be up meanwhile.
    async fn open_in_turn(
        &self,
        index: usize,
        is_repeated: bool,
    ) -> Result<(Arc<Connection>, bool), NodeError> {
        let attempts = &self.context.attempts;
        let _permit = match is_repeated {
            true => tokio::select! {
                permit = attempts.repeated_permit() => permit,
                () = self.reconnect.notified() => attempts.first_permit().await,
            },
            false => attempts.first_permit().await,
        };
        self.open(index).await
    }

    /// Opens a connection, switches it to the session's keyspace, and puts it into a slot. Returns
    /// the connection, and false if the connection has no keyspace because the session's keyspace
    /// was dropped. Statements that name their keyspace, such as CREATE KEYSPACE, can then still be
    /// executed.
    async fn open(&self, index: usize) -> Result<(Arc<Connection>, bool), NodeError> {
        let context = &*self.context;
        let connector = &context.connector;
        let connection = connector.connect(self.address, self.host.as_deref()).await;
        let connection = Arc::new(connection.map_err(NodeError::Connection)?);
        connection.count_orphans_in(&self.orphans);
        let timeout = connector.options.handshake_timeout;
        let (mut used, mut dropped) = (None, None);
        loop {
            // Compared again after each `USE`, because the session's keyspace may have changed
            // meanwhile.
            let keyspace = {
                let keyspace = context.keyspace();
                let is_dropped = keyspace.is_some() && *keyspace == dropped;
                if *keyspace == used || is_dropped {
                    self.set_error(None);
                    self.set(index, Some(&connection));
                    return Ok((connection, !is_dropped));
                }
                keyspace.clone()
            };
            if let Some(name) = &keyspace
                && let Err(error) = use_keyspace(&connection, name, timeout).await
            {
                let is_unknown = used.is_none() && error.is_unknown_keyspace();
                if !is_unknown || !context.confirm_dropped(timeout).await {
                    return Err(error);
                }
                warn!(
                    node = %self.address,
                    keyspace = name,
                    "connection opened without a keyspace, because the session's keyspace was dropped"
                );
                dropped = keyspace;
                continue;
            }
            used = keyspace;
        }
    }

    /// Switches the connection in a slot to the session's keyspace, if the connection lacks it and
    /// once it exists again. Never returns.
    async fn restore_keyspace(&self, index: usize, has_keyspace: bool) -> Infallible {
        if !has_keyspace {
            // Boxed, so that the tasks stay small.
            Box::pin(self.switch_to_restored_keyspace(index)).await;
        }
        pending().await
    }

    async fn switch_to_restored_keyspace(&self, index: usize) {
        let context = &*self.context;
        let _counted = context.count_without_keyspace();
        loop {
            context.wait_for_keyspace().await;
            let Some(connection) = self.connections.get(index).and_then(open) else { return };
            let switched = {
                let _guard = context.keyspace_switch.lock().await;
                let keyspace = context.keyspace().clone().unwrap_or_default();
                let timeout = context.connector.options.handshake_timeout;
                use_keyspace(&connection, &keyspace, timeout).await
            };
            match switched {
                Ok(()) => {
                    info!(node = %self.address, "connection switched to the session's keyspace");
                    return;
                }
                // The node has not learned of the keyspace yet.
                Err(error) if error.is_unknown_keyspace() => {
                    drop(connection);
                    tokio::time::sleep(KEYSPACE_RETRY_DELAY).await;
                }
                Err(error) => {
                    debug!(node = %self.address, %error, "connection closed because it could not switch keyspace");
                    return connection.close();
                }
            }
        }
    }

    fn set(&self, index: usize, connection: Option<&Arc<Connection>>) {
        let is_closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = self.connections.get(index) {
            let connection = connection.filter(|_| !*is_closed).cloned();
            *slot.write().unwrap_or_else(PoisonError::into_inner) = connection;
        }
        self.update_open();
    }

    /// Empties all slots if one of them holds `connection`, and returns true if so.
    fn drain(&self, connection: &Arc<Connection>) -> bool {
        let _not_closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |slot: &RwLock<Option<Arc<Connection>>>| {
            let slot = slot.read().unwrap_or_else(PoisonError::into_inner);
            slot.as_ref().is_some_and(|held| Arc::ptr_eq(held, connection))
        };
        if !self.connections.iter().any(holds) {
            return false;
        }
        (0..self.connections.len()).for_each(|index| self.take(index));
        self.update_open();
        true
    }

    /// Empties one slot. Its connection closes as soon as its requests have been answered.
    fn drain_slot(&self, index: usize) {
        let _not_closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        self.take(index);
        self.update_open();
    }

    /// Counts the open connections after a slot has changed. Call this while `is_closed` is locked.
    fn update_open(&self) {
        let open = self.connections.iter().filter_map(open).count();
        self.open.store(open, Ordering::Release);
        self.context.attempts.set_connected(self.id, open > 0);
    }

    /// Takes a connection that drains out of its slot. Call this while `is_closed` is locked.
    fn take(&self, index: usize) {
        let Some(slot) = self.connections.get(index) else { return };
        let drained = slot.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(drained) = drained {
            // Counted here, so that the node's traffic never decreases.
            let traffic = drained.traffic();
            self.counters.record_closed_connection(traffic);
            self.drained().insert(index, traffic);
            self.counters.drains.add();
        }
    }

    /// Counts the traffic of the connection of a slot that has ended. Returns true if the
    /// connection was drained.
    fn record_closed(&self, index: usize, (sent, received): (u64, u64)) -> bool {
        let drained = self.drained().remove(&index);
        let (s, r) = drained.unwrap_or_default();
        let rest = (sent.saturating_sub(s), received.saturating_sub(r));
        self.counters.record_closed_connection(rest);
        drained.is_some()
    }

    fn drained(&self) -> MutexGuard<'_, HashMap<usize, (u64, u64)>> {
        self.drained.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_error(&self, error: Option<NodeError>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}
