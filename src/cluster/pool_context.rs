//! The state that the connection pools of a cluster share.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use tokio::sync::broadcast;

use super::Reconnect;
use super::attempts::Attempts;
use super::changes::{ChangeListener, Changes};
use super::counters::Traffic;
use super::early_connection::EarlyConnection;
use super::released::ReleasedConnections;
use super::session_keyspace::SessionKeyspace;
use crate::connection::Connector;
use crate::sync::{Mutex, MutexGuard};

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
    /// Bytes sent and received on all connections, as far as they were collected.
    pub(super) traffic: Arc<Traffic>,
    pub(super) released: ReleasedConnections,
    pub(super) keyspace: SessionKeyspace,
    /// The connection that is opened while the topology is read for the first time, until a pool takes it.
    early: Mutex<Option<Box<EarlyConnection>>>,
    /// Incremented whenever a connection is opened, ends or changes its responsiveness, whenever a
    /// failed attempt to connect ends a wait, and whenever the cluster's state changes.
    changes: Changes,
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
            released: ReleasedConnections::default(),
            keyspace: SessionKeyspace::new(keyspace),
            early: Mutex::default(),
            changes: Changes::default(),
            draining: broadcast::Sender::new(DRAINING_QUEUE_SIZE),
        }
    }

    /// Offers a connection to the next pool of its node.
    pub(super) fn offer(&self, early: EarlyConnection) {
        let _closed = self.early().replace(Box::new(early));
    }

    /// Closes the connection that was offered, unless a pool has taken it.
    pub(super) fn withdraw_offer(&self) {
        let _closed = self.early().take();
    }

    /// Takes the offered connection if it leads to this address and host.
    pub(super) fn take_offered(
        &self,
        address: SocketAddr,
        host: Option<&str>,
    ) -> Option<Box<EarlyConnection>> {
        self.early().take_if(|early| early.leads_to(address, host))
    }

    fn early(&self) -> MutexGuard<'_, Option<Box<EarlyConnection>>> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection that lacks the session's keyspace, until the returned guard is dropped.
    pub(super) fn count_without_keyspace(&self) -> WithoutKeyspace<'_> {
        self.keyspace.add_lacking();
        WithoutKeyspace(self)
    }

    /// Wakes the tasks that wait for a connection or for a new state of the cluster.
    pub(super) fn notify_changed(&self) {
        self.changes.add();
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

    /// Returns a listener for the changes from now on.
    pub(super) fn changes(&self) -> ChangeListener {
        self.changes.listen()
    }
}

/// A connection that lacks the session's keyspace, counted until this is dropped.
pub(super) struct WithoutKeyspace<'a>(&'a PoolContext);

impl Drop for WithoutKeyspace<'_> {
    fn drop(&mut self) {
        self.0.keyspace.remove_lacking();
        self.0.notify_changed();
    }
}
