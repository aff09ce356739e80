//! The state that the connection pools of a cluster share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::time::timeout;

use super::Reconnect;
use super::attempts::Attempts;
use super::counters::Traffic;
use crate::connection::Connector;

/// The part of a cluster's state that its nodes and their pools need. The cluster owns the nodes,
/// so a reference from a node to the cluster would be a cycle. Nodes refer to this instead.
#[derive(Debug)]
pub(super) struct PoolContext {
    /// The name of the session in metrics.
    pub(super) session_name: Arc<str>,
    pub(super) connector: Connector,
    pub(super) reconnect: Reconnect,
    /// Number of connections to each [`Local`](super::Distance::Local) node.
    pub(super) connections_per_node: usize,
    /// The attempts to connect of all pools.
    pub(super) attempts: Attempts,
    /// Bytes sent and received on connections that have ended.
    pub(super) traffic: Arc<Traffic>,
    /// The session's keyspace, which new connections use. `None` if the session has none.
    keyspace: Mutex<Option<String>>,
    /// True if the cluster's keyspaces do not include the session's keyspace. Sent whenever the
    /// keyspaces have been read.
    is_keyspace_missing: watch::Sender<bool>,
    /// Number of connections in pools that lack the session's keyspace, because it was dropped.
    without_keyspace: AtomicUsize,
    /// Notified when a node does not know the session's keyspace.
    pub(super) keyspace_refused: Notify,
    /// True once the session has connected.
    has_connected: AtomicBool,
    /// Locked while connections that are in a pool switch to another keyspace. Two concurrent
    /// switches could leave the connections in different keyspaces.
    pub(super) keyspace_switch: tokio::sync::Mutex<()>,
    /// Incremented whenever a connection is opened, ends or changes its responsiveness, whenever a
    /// failed attempt to connect ends a wait, and whenever the cluster's state changes.
    changes: watch::Sender<u64>,
    /// The addresses of nodes that are shutting down.
    draining: broadcast::Sender<SocketAddr>,
}

/// Number of draining nodes that the control connection's task can queue.
const DRAINING_QUEUE_SIZE: usize = 64;

impl PoolContext {
    pub(super) fn new(
        session_name: Arc<str>,
        connector: Connector,
        reconnect: Reconnect,
        connections_per_node: usize,
        keyspace: Option<String>,
    ) -> Self {
        Self {
            session_name,
            connector,
            reconnect,
            connections_per_node,
            attempts: Attempts::default(),
            traffic: Arc::default(),
            keyspace: Mutex::new(keyspace),
            is_keyspace_missing: watch::Sender::new(false),
            without_keyspace: AtomicUsize::new(0),
            keyspace_refused: Notify::new(),
            has_connected: AtomicBool::new(false),
            keyspace_switch: tokio::sync::Mutex::default(),
            changes: watch::Sender::new(0),
            draining: broadcast::Sender::new(DRAINING_QUEUE_SIZE),
        }
    }

    /// Locks the keyspace that connections use. No connection is put into a pool while the lock is
    /// held.
    pub(super) fn keyspace(&self) -> MutexGuard<'_, Option<String>> {
        self.keyspace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the keyspace that connections use. A server has accepted it, so it exists.
    pub(super) fn set_keyspace(&self, keyspace: &str) {
        *self.keyspace() = Some(keyspace.to_owned());
        self.is_keyspace_missing.send_replace(false);
    }

    /// Records whether the session's keyspace exists, according to `exists`.
    pub(super) fn check_keyspace(&self, exists: impl Fn(&str) -> bool) {
        let keyspace = self.keyspace();
        let is_missing = keyspace.as_deref().is_some_and(|keyspace| !exists(keyspace));
        self.is_keyspace_missing.send_replace(is_missing);
    }

    /// Records that the session has connected. Until then, a keyspace that does not exist is an error
    /// of the session's configuration.
    pub(super) fn mark_connected(&self) {
        self.has_connected.store(true, Ordering::Release);
    }

    /// Returns true if the session's keyspace was dropped after the session had connected. Called when
    /// a node does not know the keyspace. Asks for another read of the keyspaces and waits for it, at
    /// most for `time`, because the node may merely not have learned of the keyspace yet.
    pub(super) async fn confirm_dropped(&self, time: Duration) -> bool {
        if !self.has_connected.load(Ordering::Acquire) {
            return false;
        }
        let mut is_missing = self.is_keyspace_missing.subscribe();
        self.keyspace_refused.notify_one();
        let is_read = timeout(time, is_missing.changed()).await.is_ok_and(|read| read.is_ok());
        is_read && *is_missing.borrow()
    }

    /// Counts a connection that lacks the session's keyspace, until the returned guard is dropped.
    pub(super) fn count_without_keyspace(&self) -> WithoutKeyspace<'_> {
        self.without_keyspace.fetch_add(1, Ordering::AcqRel);
        WithoutKeyspace(self)
    }

    /// Returns true if the session's keyspace exists, and a connection has not switched to it yet.
    pub(super) fn is_switching(&self) -> bool {
        !*self.is_keyspace_missing.borrow() && self.without_keyspace.load(Ordering::Acquire) > 0
    }

    /// Waits until the session's keyspace exists.
    pub(super) async fn wait_for_keyspace(&self) {
        let mut is_missing = self.is_keyspace_missing.subscribe();
        let _closed = is_missing.wait_for(|is_missing| !is_missing).await.is_err();
    }

    /// Wakes the tasks that wait for a connection or for a new state of the cluster.
    pub(super) fn notify_changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Reports that the node at `address` is shutting down.
    pub(super) fn notify_draining(&self, address: SocketAddr) {
        let _no_receiver = self.draining.send(address);
        self.notify_changed();
    }

    /// Returns a receiver of the addresses of nodes that shut down from now on.
    pub(super) fn draining(&self) -> broadcast::Receiver<SocketAddr> {
        self.draining.subscribe()
    }

    /// Returns a receiver that is notified of every change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// A connection that lacks the session's keyspace, counted until this is dropped.
pub(super) struct WithoutKeyspace<'a>(&'a PoolContext);

impl Drop for WithoutKeyspace<'_> {
    fn drop(&mut self) {
        self.0.without_keyspace.fetch_sub(1, Ordering::AcqRel);
        self.0.notify_changed();
    }
}
