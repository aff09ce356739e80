//! The pool of one node.
//!
//! Each connection has a task that opens it, waits until it ends, and then opens another one.
//! Requests use only connections that are already open.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::attempts::{AttemptKind, PoolId};
use super::backoff::{Backoff, spread};
use super::counters::NodeCounters;
use super::early_connection::{EarlyConnection, UsableConnection};
use super::open::use_keyspace;
use super::pool_context::PoolContext;
use super::slots::{Departure, Slots};
use super::{NodeError, NodeInfo};
use crate::connection::{Connection, ConnectionError, ConnectionWatch};
use crate::protocol::CloseReason;
use crate::sync::Notify;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A connection pool for one node. When it is dropped, each connection closes as soon as its
/// requests have been answered.
#[derive(Debug)]
pub(super) struct Pool {
    connector: Arc<PoolConnector>,
    tasks: Vec<AbortHandle>,
}

/// Opens the connections of a pool. The pool shares it with its tasks.
#[derive(Debug)]
struct PoolConnector {
    id: PoolId,
    context: Arc<PoolContext>,
    address: SocketAddr,
    host: Option<String>,
    counters: Arc<NodeCounters>,
    slots: Slots,
    /// Number of requests on all connections that were abandoned and have no response yet.
    orphans: Arc<AtomicUsize>,
    /// Wakes every task that is backing off.
    reconnect: Notify,
}

/// Delay before another attempt to switch to a keyspace that the node does not know yet.
const KEYSPACE_RETRY_DELAY: Duration = Duration::from_millis(100);

impl Pool {
    /// Starts opening `size` connections. The first one is the connection that the context offers for this
    /// node, if there is one.
    pub(super) fn open(
        node: &NodeInfo,
        size: usize,
        counters: &Arc<NodeCounters>,
        context: &Arc<PoolContext>,
    ) -> Self {
        let id = context.attempts.add_pool();
        let connector = Arc::new(PoolConnector {
            id,
            context: Arc::clone(context),
            address: node.address,
            host: node.host.clone(),
            counters: Arc::clone(counters),
            slots: Slots::new(id, size, counters, context),
            orphans: Arc::default(),
            reconnect: Notify::new(),
        });
        let mut early = match size {
            0 => None,
            _ => context.take_offered(node.address, node.host.as_deref()),
        };
        let task = |index| {
            let (connector, early) = (Arc::clone(&connector), early.take());
            tokio::spawn(async move { connector.keep_connected(index, early).await }).abort_handle()
        };
        if size == 0 {
            // No task waits for a pool that never connects.
            context.attempts.remove_pool(id);
        }
        Self { tasks: (0..size).map(task).collect(), connector }
    }

    /// Returns the connections of the pool.
    #[inline]
    pub(super) fn slots(&self) -> &Slots {
        &self.connector.slots
    }

    /// Returns the number of requests on all connections that were abandoned and have no response yet.
    #[inline]
    pub(super) fn orphans(&self) -> usize {
        self.connector.orphans.load(Ordering::Relaxed)
    }

    /// Adds the bytes and errors of the open connections to the node's counters.
    pub(super) fn collect_counts(&self) {
        let PoolConnector { slots, counters, .. } = &*self.connector;
        slots.connections().for_each(|connection| counters.collect(&connection.watch()));
    }

    /// Reconnects without waiting for the backoff to expire.
    pub(super) fn reconnect_now(&self) {
        self.connector.reconnect.notify_waiters();
    }

    /// Releases all connections, because the node refused a request on `connection` as shutting down.
    /// Each connection closes as soon as its requests have been answered, and its task then reconnects
    /// with backoff. Does nothing if `connection` is not in the pool any more: the node may have
    /// restarted since.
    pub(super) fn drain(&self, connection: &Arc<Connection>) {
        let PoolConnector { slots, context, address, .. } = &*self.connector;
        if slots.release_all(connection, &NodeError::ShuttingDown) {
            info!(node = %address, "node drained: it is shutting down");
            context.notify_draining(*address);
        }
    }

    /// Stops opening connections and releases the open ones. Each connection closes as soon as its
    /// requests have been answered.
    pub(super) fn close(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        self.slots().close();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

impl PoolConnector {
    /// Keeps the connection in one slot open, until the task is aborted. The first connection is `early`
    /// if there is one.
    async fn keep_connected(&self, index: usize, mut early: Option<Box<EarlyConnection>>) {
        let context = &*self.context;
        let mut backoff = Backoff::new(context.reconnect);
        let mut retry_in = backoff.pause();
        let mut kind = AttemptKind::First;
        loop {
            tokio::select! {
                biased;
                () = self.reconnect.notified() => kind = AttemptKind::ReportedUp,
                () = tokio::time::sleep(retry_in) => {}
            }
            // Boxed, so that the tasks of nodes that are down stay small.
            match Box::pin(self.open_in_turn(index, kind, early.take())).await {
                Ok((connection, has_keyspace)) => {
                    kind = AttemptKind::First;
                    let opened = Instant::now();
                    context.notify_changed();
                    // Only the slot and the requests in flight keep the connection open.
                    let watch = connection.watch();
                    drop(connection);
                    let departed = Box::pin(self.wait_departed(index, &watch, has_keyspace)).await;
                    let Departure { error, is_released } = departed;
                    // A node that shuts down does not accept a connection soon.
                    if !matches!(error, NodeError::ShuttingDown) {
                        backoff.record_lifetime(opened.elapsed());
                    }
                    retry_in = backoff.pause();
                    match is_released {
                        true => {
                            info!(node = %self.address, %error, ?retry_in, "connection released");
                        }
                        false => info!(node = %self.address, %error, ?retry_in, "connection lost"),
                    }
                    context.notify_changed();
                }
                Err(error) => {
                    kind = AttemptKind::Repeated;
                    retry_in = backoff.pause();
                    debug!(node = %self.address, %error, ?retry_in, "connection attempt failed");
                    match error.is_authentication() {
                        true => self.counters.auth_errors.add(),
                        false => self.counters.init_errors.add(),
                    }
                    self.slots.set_error(&error);
                    let failure = context.attempts.record_failure(self.id);
                    if failure.ends_wait {
                        context.notify_changed();
                    }
                    retry_in = retry_in.max(spread(failure.unconnected));
                }
            }
        }
    }

    /// Waits until the connection of a slot has ended, or was released so that it can be replaced, and
    /// empties the slot.
    async fn wait_departed(
        &self,
        index: usize,
        connection: &ConnectionWatch,
        has_keyspace: bool,
    ) -> Departure {
        let reason = tokio::select! {
            biased;
            reason = wait_closed(connection, &self.context) => Some(reason),
            // The server sends the event on each connection.
            () = connection.wait_draining() => {
                info!(node = %self.address, "connection drained: the node is shutting down");
                self.slots.release_slot(index, &NodeError::ShuttingDown);
                Some(connection.wait_closed().await)
            }
            () = self.slots.wait_replaceable(index) => None,
            never = self.restore_keyspace(index, has_keyspace) => match never {},
        };
        self.counters.collect(connection);
        let reason = reason.unwrap_or(CloseReason::Local);
        let ended = NodeError::Connection(ConnectionError { address: self.address, reason });
        self.slots.clear(index, ended)
    }

    /// Waits until the attempt may begin, then opens a connection.
    async fn open_in_turn(
        &self,
        index: usize,
        kind: AttemptKind,
        early: Option<Box<EarlyConnection>>,
    ) -> Result<(Arc<Connection>, bool), NodeError> {
        let _permit = self.context.attempts.permit(kind, &self.reconnect).await;
        self.open(index, early).await
    }

    /// Takes over the connection that was opened early, or opens a connection without a keyspace.
    async fn connect(
        &self,
        early: Option<Box<EarlyConnection>>,
    ) -> Result<UsableConnection, NodeError> {
        if let Some(early) = early
            && let Some(usable) = early.wait_usable().await
        {
            match usable {
                // The server has closed the connection since it was opened.
                Ok(UsableConnection { connection, .. }) if connection.close_reason().is_some() => {}
                usable => return usable,
            }
        }
        let connection = self.context.connector.connect(self.address, self.host.as_deref()).await;
        let connection = connection.map_err(NodeError::Connection)?;
        Ok(UsableConnection { connection, keyspace: None })
    }

    /// Opens a connection, switches it to the session's keyspace, and puts it into a slot. Returns
    /// the connection, and false if the connection has no keyspace because the session's keyspace
    /// was dropped. Statements that name their keyspace, such as CREATE KEYSPACE, can then still be
    /// executed.
    async fn open(
        &self,
        index: usize,
        early: Option<Box<EarlyConnection>>,
    ) -> Result<(Arc<Connection>, bool), NodeError> {
        let context = &*self.context;
        let UsableConnection { connection, keyspace: mut used } = self.connect(early).await?;
        let connection = Arc::new(connection);
        connection.count_orphans_in(&self.orphans);
        let timeout = context.connector.options.handshake_timeout;
        let mut dropped = None;
        loop {
            // Compared again after each `USE`, because the session's keyspace may have changed
            // meanwhile.
            let keyspace = {
                let keyspace = context.keyspace.name();
                let is_dropped = keyspace.is_some() && *keyspace == dropped;
                if *keyspace == used || is_dropped {
                    self.slots.put(index, &connection);
                    return Ok((connection, !is_dropped));
                }
                keyspace.clone()
            };
            if let Some(name) = &keyspace
                && let Err(error) = use_keyspace(&connection, name, timeout).await
            {
                let is_unknown = used.is_none() && error.is_unknown_keyspace();
                if !is_unknown || !context.keyspace.confirm_dropped(timeout).await {
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
            context.keyspace.wait_until_exists().await;
            let Some(connection) = self.slots.get(index) else { return };
            let switched = {
                let _guard = context.keyspace.switch.read().await;
                let keyspace = context.keyspace.name().clone().unwrap_or_default();
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
                    debug!(node = %self.address, %error, "connection released because it could not switch keyspace");
                    return self.slots.release(&connection, &error);
                }
            }
        }
    }
}

/// Waits until a connection has ended, and returns the reason. Notifies the cluster each time the
/// connection becomes unresponsive or responsive.
async fn wait_closed(connection: &ConnectionWatch, context: &PoolContext) -> CloseReason {
    let mut is_responsive = true;
    loop {
        tokio::select! {
            biased;
            reason = connection.wait_closed() => return reason,
            () = connection.wait_responsive(!is_responsive) => {
                is_responsive = !is_responsive;
                context.notify_changed();
            }
        }
    }
}

#[cfg(test)]
mod interleavings;
