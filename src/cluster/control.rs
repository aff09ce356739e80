//! The control connection, and the task that keeps the state of the cluster up to date.
//!
//! The task reads the topology and the schema, and reads them again when an event of the server
//! says that they changed. Events in quick succession cause one read. When the control connection
//! ends, the task opens another one, to a known node or a contact point.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::backoff::Backoff;
use super::control_candidates::{OwnNode, contact_points, wait_replaceable};
use super::control_setup::{EVENT_QUEUE_SIZE, OpenedControl, open_control};
use super::pending_reads::{PendingReads, SchemaPartChange, SchemaScope};
use super::shared::Shared;
use super::state_reader::StateReader;
use super::system_tables::ReadError;
use super::{ClusterError, ContactPoint, Node, NodeError, Reconnect};
use crate::connection::{Connection, timeout_at};
use crate::message::{Event, StatusChange, TopologyChange};

/// The control connection, and the reads that are pending on it.
pub(super) struct ControlConnection {
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    /// The host of the contact point or node that the connection was opened to.
    host: String,
    /// The host id of the node. Nil if the node does not report it.
    host_id: Uuid,
    events: mpsc::Receiver<Event>,
    pending: PendingReads,
    /// When the connection was opened.
    opened: Instant,
    /// True once all pending reads have succeeded on the connection.
    has_read: bool,
    /// True if the node has refused to read a table that the session has read before.
    has_refused: bool,
    /// The backoff between control connections. It is reset by a connection that stayed open and
    /// answered the reads. The task therefore also backs off from a cluster that accepts connections,
    /// but is too busy to answer the reads or closes the connections soon.
    backoff: Backoff,
    /// The backoff between reads of what was [unread](StateReader::read). Other reads in the meantime,
    /// such as that of the topology every minute, include it.
    unread_backoff: Backoff,
}

/// A request to read the part of the schema that has changed, without delay.
#[derive(Debug)]
pub(super) struct SchemaRefresh {
    pub(super) change: SchemaPartChange,
    /// Notified when the schema has been read.
    pub(super) done: oneshot::Sender<()>,
}

/// The pauses between reads of what was unread. The first pause is zero, because the server may have
/// failed for a moment only.
const READ_AGAIN: Reconnect = Reconnect { base: Duration::from_secs(1), cap: TOPOLOGY_INTERVAL };

/// Interval at which the topology is read even if no event arrives.
const TOPOLOGY_INTERVAL: Duration = Duration::from_secs(60);

impl ControlConnection {
    /// Opens the control connection to a known node or a contact point, subscribes to its events, reads
    /// the topology, and schedules a read of the whole schema.
    ///
    /// # Errors
    /// Returns an error if no node accepts the connection and answers.
    pub(super) async fn open(shared: &Arc<Shared>) -> Result<Self, ClusterError> {
        Self::open_to(shared, contact_points(shared, None)).await
    }

    async fn open_to(
        shared: &Arc<Shared>,
        points: Vec<ContactPoint>,
    ) -> Result<Self, ClusterError> {
        let OpenedControl { connection, host, host_id, is_incomplete, events } =
            open_control(shared, &points).await?;
        let mut pending = PendingReads::default();
        pending.add_schema(None);
        if is_incomplete {
            pending.add_topology();
        }
        Ok(Self {
            shared: Arc::clone(shared),
            connection,
            host,
            host_id,
            events,
            pending,
            opened: Instant::now(),
            has_read: false,
            has_refused: false,
            backoff: Backoff::new(shared.settings.reconnect),
            unread_backoff: Backoff::new(READ_AGAIN),
        })
    }

    /// Keeps the state of the cluster up to date until the sender of `refreshes` is dropped.
    pub(super) async fn run(mut self, mut refreshes: mpsc::UnboundedReceiver<SchemaRefresh>) {
        let _guard = AbandonOnDrop(Arc::clone(&self.shared));
        let mut interval = tokio::time::interval(TOPOLOGY_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.reset();
        let mut draining = self.shared.pools.draining();
        let pools = Arc::clone(&self.shared.pools);
        loop {
            // While the queue is full, the connection drops events. `recv` may have freed one place
            // since then, so a queue with one free place counts as full.
            if self.events.len() >= EVENT_QUEUE_SIZE - 1 {
                debug!(node = %self.connection.address(), "events lost because the queue was full");
                self.pending.add_topology();
                self.pending.add_schema(None);
            }
            let (due, own) = (self.pending.due(), self.own_node());
            // Events come last, so that a server that floods the client with them delays nothing else.
            tokio::select! {
                biased;
                reason = self.connection.wait_closed() => {
                    let (node, retry_in) = (self.connection.address(), self.retry_in());
                    info!(%node, error = %reason, ?retry_in, "control connection lost");
                    self.reopen(retry_in).await;
                }
                () = self.connection.wait_draining() => self.leave().await,
                node = draining.recv() => {
                    if self.is_draining(node.ok()) {
                        self.leave().await;
                    }
                }
                () = wait_replaceable(&self.shared, &self.connection, own),
                    if self.connection.close_reason().is_none() =>
                {
                    info!(node = %self.connection.address(), "control connection unresponsive");
                    self.connection.close();
                    self.connection.wait_closed().await;
                }
                refresh = refreshes.recv() => match refresh {
                    Some(SchemaRefresh { change, done }) => {
                        self.pending.add_change(change);
                        self.pending.waiters.push(done);
                        self.pending.read_now();
                    }
                    None => return,
                },
                // The keyspace may have been dropped, which the read of the topology shows.
                () = pools.keyspace.refused.notified() => {
                    self.pending.add_topology();
                    self.pending.read_now();
                }
                _ = timeout_at(due, pending::<()>()) => self.read_pending().await,
                _ = interval.tick() => self.pending.add_topology(),
                Some(event) = self.events.recv() => {
                    let is_leaving = self.is_removal_of_own_node(&event);
                    self.handle_event(event);
                    if is_leaving {
                        let _moved = self.move_to_another_node().await;
                    }
                }
            }
        }
    }

    /// Returns the underlying connection.
    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Returns the node of the control connection.
    fn own_node(&self) -> OwnNode {
        OwnNode { address: self.connection.address(), host_id: self.host_id }
    }

    fn reader(&self) -> StateReader<'_> {
        let Self { shared, connection, host, host_id, .. } = self;
        StateReader { shared, connection, host, host_id: *host_id }
    }

    /// Returns true if the control connection's own node is draining. `node` is the address of a node
    /// that drains. `None` means that addresses were lost because too many nodes drained at once: the
    /// last error of the own node then decides.
    fn is_draining(&self, node: Option<SocketAddr>) -> bool {
        let own = self.own_node();
        let is_drained = |node: &Arc<Node>| {
            own.is(node) && matches!(node.last_error(), Some(NodeError::ShuttingDown))
        };
        match node {
            Some(node) => own.has_address(&self.shared, node),
            None => self.shared.state().nodes().iter().any(is_drained),
        }
    }

    /// Opens another control connection, because the node is shutting down: at once to another node, or
    /// with backoff to the same node if no other can be reached.
    async fn leave(&mut self) {
        info!(node = %self.connection.address(), "control connection left a node that is shutting down");
        // The pool of the node may not have drained its connections yet, so that the node looks usable.
        if !self.move_to_another_node().await {
            // The server waits for its clients to close their connections.
            self.connection.close();
            let retry_in = self.retry_in();
            self.reopen(retry_in).await;
        }
    }

    /// Returns the pause before the next control connection, now that this one has ended.
    fn retry_in(&mut self) -> Duration {
        if self.has_read {
            self.backoff.record_lifetime(self.opened.elapsed());
        }
        self.backoff.pause()
    }

    /// Waits for `retry_in`, then opens another control connection. Retries until a connection is
    /// open or the session is closed. The first attempt leaves out a node that has refused to read a table.
    async fn reopen(&mut self, mut retry_in: Duration) {
        let mut except = self.has_refused.then(|| self.own_node());
        loop {
            tokio::time::sleep(retry_in).await;
            let points = contact_points(&self.shared, except.take());
            let (error, is_permanent) = match Self::open_to(&self.shared, points).await {
                Ok(control) => return self.continue_on(control),
                Err(ClusterError::Closed(_)) => return,
                Err(ClusterError::Unreachable { failures, .. }) => (failures.join("; "), false),
                Err(ClusterError::Fatal(error)) => (error.to_string(), true),
                Err(ClusterError::Config(error)) => (error, true),
            };
            retry_in = self.backoff.pause();
            match is_permanent {
                true => warn!(error, ?retry_in, "control connection could not be opened"),
                false => debug!(error, ?retry_in, "control connection could not be opened"),
            }
            self.shared.set_refresh_error(Some(error));
        }
    }

    /// Replaces this control connection by `control`, which has just been opened. The pending reads
    /// of `control` include those of this connection.
    fn continue_on(&mut self, control: Self) {
        let before = std::mem::replace(self, control);
        self.pending.waiters = before.pending.waiters;
        self.backoff = before.backoff;
        self.unread_backoff = before.unread_backoff;
        self.shared.statuses.forget();
        self.shared.set_control(&self.connection);
    }

    /// Moves the control connection to another node, because its node has left the cluster or is
    /// shutting down. A node that has left still lists itself in its system tables until it shuts
    /// down, so only another node can tell that it left. Keeps the connection and returns false if no
    /// other node can be reached.
    async fn move_to_another_node(&mut self) -> bool {
        let (own, node) = (self.own_node(), self.connection.address());
        match Self::open_to(&self.shared, contact_points(&self.shared, Some(own))).await {
            // A host name led to the same node.
            Ok(control) if own.is_same(control.own_node()) => {
                debug!(%node, "control connection could not be moved");
                false
            }
            Ok(control) => {
                info!(%node, to = %control.connection.address(), "control connection moved");
                self.connection.close();
                self.continue_on(control);
                true
            }
            Err(error) => {
                debug!(%node, ?error, "control connection could not be moved");
                false
            }
        }
    }

    /// Returns true if the event says that the control connection's own node has left the cluster.
    fn is_removal_of_own_node(&self, event: &Event) -> bool {
        match event {
            Event::Topology { change: TopologyChange::RemovedNode, address } => {
                self.own_node().has_address(&self.shared, self.translate(*address))
            }
            _ => false,
        }
    }

    /// Returns the address at which this client reaches the node that a server calls `address`.
    fn translate(&self, address: SocketAddr) -> SocketAddr {
        let translator = self.shared.settings.address_translator.as_ref();
        translator.map_or(address, |translator| translator.translate(address))
    }

    fn handle_event(&mut self, event: Event) {
        debug!(node = %self.connection.address(), ?event, "event received");
        self.shared.publish(&event);
        match event {
            Event::Status { change: StatusChange::Up, address } => self.handle_node_up(address),
            Event::Status { change: StatusChange::Down, address } => {
                self.shared.statuses.set_down(self.translate(address));
            }
            Event::Status { .. } => {}
            Event::Topology { change: TopologyChange::NewNode, address } => {
                self.handle_node_up(address);
                self.pending.add_topology();
            }
            Event::Topology { .. } => self.pending.add_topology(),
            Event::Schema(change) => self.pending.add_change(change.target.into()),
            // `Connection::wait_draining` reports GRACEFUL_DISCONNECT.
            Event::GracefulDisconnect | Event::Unknown { .. } => {}
        }
    }

    /// Reconnects at once to the node at `address`, or schedules a read of the topology if no such
    /// node is known.
    fn handle_node_up(&mut self, address: SocketAddr) {
        let address = self.translate(address);
        self.shared.statuses.set_up(address);
        let state = self.shared.state();
        match state.node_at(address) {
            Some(_) => state.nodes_at(address).for_each(|node| node.reconnect_now()),
            None => self.pending.add_topology(),
        }
    }

    /// Performs the pending reads, then notifies the waiters. If a read fails, keeps the waiters
    /// and closes the connection: the task then opens another one and reads again.
    async fn read_pending(&mut self) {
        let PendingReads { topology, schema, tables, waiters, .. } =
            std::mem::take(&mut self.pending);
        let reader = self.reader();
        let read = tokio::select! {
            biased;
            read = reader.read(topology, &schema, &tables) => read,
            () = wait_replaceable(&self.shared, &self.connection, self.own_node()) => Err(ReadError::Timeout),
        };
        match read {
            Ok(unread) => {
                self.shared.set_refresh_error(None);
                if matches!(schema, SchemaScope::All) {
                    self.shared.set_schema_error(None);
                }
                match unread.is_empty() {
                    true => self.unread_backoff = Backoff::new(READ_AGAIN),
                    false => self.pending.retry(unread, self.unread_backoff.pause()),
                }
                self.has_read = true;
                for waiter in waiters {
                    let _dropped = waiter.send(());
                }
            }
            Err(error) => {
                let node = self.connection.address();
                debug!(%node, %error, "reading the system tables failed");
                let text = format!("{node}: {error}");
                self.shared.set_refresh_error(Some(text.clone()));
                self.has_refused = matches!(error, ReadError::Refused(_));
                if self.has_refused || error.is_too_large() {
                    warn!(%node, %error, "system tables not read");
                }
                if error.is_too_large() {
                    // The waiters end without a new schema. The server has answered.
                    self.has_read = true;
                    self.shared.set_schema_error(Some(text));
                    return;
                }
                self.pending.waiters = waiters;
                self.connection.close();
            }
        }
    }
}

/// A guard that marks the cluster as abandoned when the task ends, because the session was dropped
/// or closed or because the runtime has ended.
struct AbandonOnDrop(Arc<Shared>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.mark_abandoned();
    }
}
