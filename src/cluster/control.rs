//! The control connection, and the task that keeps the state of the cluster up to date.
//!
//! The task reads the topology and the schema, and reads them again when an event of the server
//! says that they changed. Events in quick succession cause one read. When the control connection
//! ends, the task opens another one, to a known node or a contact point.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::seq::SliceRandom;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, timeout};
use tracing::{debug, info, warn};

use super::backoff::Backoff;
use super::open::connect_any;
use super::peers::Reachability;
use super::pending_reads::{PendingReads, SchemaScope};
use super::refresh::with_topology;
use super::schema::{Schema, SchemaPart};
use super::shared::Shared;
use super::system_tables::{MAX_BODY, MemoryBudget, ReadError, rows};
use super::topology_reader::{TopologyRows, replication};
use super::{ClusterError, ClusterState, ContactPoint, Node};
use crate::connection::{Connection, timeout_at};
use crate::message::{
    Event, EventType, Register, RequestFrame, SchemaTarget, StatusChange, TopologyChange,
};
use crate::wire::Stream;

/// The control connection, and the reads that are pending on it.
pub(super) struct ControlConnection {
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    /// The host of the contact point or node that the connection was opened to.
    host: String,
    events: mpsc::Receiver<Event>,
    pending: PendingReads,
    /// The backoff between control connections. It is reset when all pending reads have succeeded,
    /// rather than when a connection is opened. The task therefore also backs off from a cluster
    /// that accepts connections but is too busy to answer the reads.
    backoff: Backoff,
}

/// A request to read the schema of a keyspace, or the whole schema, without delay.
#[derive(Debug)]
pub(super) struct SchemaRefresh {
    /// `None`: the whole schema.
    pub(super) keyspace: Option<String>,
    /// Notified when the schema has been read.
    pub(super) done: oneshot::Sender<()>,
}

/// Number of events that can be queued for the task.
const EVENT_QUEUE_SIZE: usize = 256;

/// Number of known nodes that are tried before the contact points.
const MAX_KNOWN_NODES: usize = 4;

/// Interval at which the topology is read even if no event arrives.
const TOPOLOGY_INTERVAL: Duration = Duration::from_secs(60);

impl ControlConnection {
    /// Opens the control connection to a known node or a contact point, and reads the topology.
    ///
    /// # Errors
    /// Returns an error if no connection can be opened, or if the topology cannot be read.
    pub(super) async fn open(shared: &Arc<Shared>) -> Result<Self, ClusterError> {
        Self::open_to(shared, contact_points(shared, None)).await
    }

    async fn open_to(
        shared: &Arc<Shared>,
        points: Vec<ContactPoint>,
    ) -> Result<Self, ClusterError> {
        let (sender, events) = mpsc::channel(EVENT_QUEUE_SIZE);
        let settings = &shared.settings;
        let (connection, host) = connect_any(&points, &settings.connector, &sender).await?;
        let mut control = Self {
            shared: Arc::clone(shared),
            connection: Arc::new(connection),
            host,
            events,
            pending: PendingReads::default(),
            backoff: Backoff::new(settings.reconnect),
        };
        control.register_and_read().await.map_err(|error| ClusterError::Unreachable {
            failures: vec![format!("{}: {error}", control.connection.address())],
            is_starting: true,
        })?;
        Ok(control)
    }

    /// Subscribes to the server's events, reads the topology, and schedules a read of the whole
    /// schema.
    async fn register_and_read(&mut self) -> Result<(), ReadError> {
        let types = [EventType::TopologyChange, EventType::StatusChange, EventType::SchemaChange];
        let register = RequestFrame::new(Stream::default(), Register::new(&types));
        let time = self.timeout();
        let both = async {
            tokio::join!(
                self.connection.request_limited(&register, time, MAX_BODY),
                self.read_topology()
            )
        };
        let both = timeout(time.saturating_mul(2), both).await;
        let (registered, read) = both.map_err(|_| ReadError::Timeout)?;
        // An ERROR in response to REGISTER is accepted: without events, the task still reads the
        // topology every `TOPOLOGY_INTERVAL`.
        registered.map_err(ReadError::Request)?;
        read?;
        self.pending.add_schema(None);
        Ok(())
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
            let due = self.pending.due();
            tokio::select! {
                Some(event) = self.events.recv() => {
                    let is_leaving = self.is_removal_of_own_node(&event);
                    self.handle_event(event);
                    if is_leaving {
                        self.move_to_another_node().await;
                    }
                }
                _ = timeout_at(due, pending::<()>()) => self.read_pending().await,
                reason = self.connection.wait_closed() => {
                    let (node, retry_in) = (self.connection.address(), self.backoff.pause());
                    info!(%node, error = %reason, ?retry_in, "control connection lost");
                    self.shared.pools.traffic.add(self.connection.traffic());
                    self.reopen(retry_in).await;
                }
                () = self.connection.wait_draining() => self.leave().await,
                Ok(node) = draining.recv() => {
                    if node == self.connection.address() {
                        self.leave().await;
                    }
                }
                () = wait_replaceable(&self.shared, &self.connection),
                    if self.connection.close_reason().is_none() =>
                {
                    info!(node = %self.connection.address(), "control connection unresponsive");
                    self.connection.close();
                    self.connection.wait_closed().await;
                }
                refresh = refreshes.recv() => match refresh {
                    Some(SchemaRefresh { keyspace, done }) => {
                        self.pending.add_schema(keyspace);
                        self.pending.waiters.push(done);
                        self.pending.read_now();
                    }
                    None => return,
                },
                // The keyspace may have been dropped, which the read of the topology shows.
                () = pools.keyspace_refused.notified() => {
                    self.pending.add_topology();
                    self.pending.read_now();
                }
                _ = interval.tick() => self.pending.add_topology(),
            }
        }
    }

    /// Returns the underlying connection.
    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Returns the timeout of each request on the control connection.
    fn timeout(&self) -> Duration {
        self.shared.settings.connector.options.handshake_timeout
    }

    /// Opens another control connection at once, because the node is shutting down.
    async fn leave(&mut self) {
        let node = self.connection.address();
        info!(%node, "control connection left a node that is shutting down");
        // The pool of the node may not have drained its connections yet, so that the node looks usable.
        self.move_to_another_node().await;
        if self.connection.address() == node {
            self.shared.pools.traffic.add(self.connection.traffic());
            self.reopen(Duration::ZERO).await;
        }
    }

    /// Waits for `retry_in`, then opens another control connection. Retries until a connection is
    /// open or the session is closed.
    async fn reopen(&mut self, mut retry_in: Duration) {
        loop {
            tokio::time::sleep(retry_in).await;
            let (error, is_permanent) = match Self::open(&self.shared).await {
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
        self.shared.statuses.forget();
        self.shared.set_control(&self.connection);
    }

    /// Moves the control connection to another node, because its node has left the cluster or is
    /// shutting down. A node that has left still lists itself in its system tables until it shuts
    /// down, so only another node can tell that it left. Keeps the connection if no other node can be
    /// reached.
    async fn move_to_another_node(&mut self) {
        let node = self.connection.address();
        match Self::open_to(&self.shared, contact_points(&self.shared, Some(node))).await {
            // A host name led to the same node.
            Ok(control) if control.connection.address() == node => {
                debug!(%node, "control connection could not be moved");
            }
            Ok(control) => {
                info!(%node, to = %control.connection.address(), "control connection moved");
                self.connection.close();
                self.shared.pools.traffic.add(self.connection.traffic());
                self.continue_on(control);
            }
            Err(error) => debug!(%node, ?error, "control connection could not be moved"),
        }
    }

    /// Returns true if the event says that the control connection's own node has left the cluster.
    fn is_removal_of_own_node(&self, event: &Event) -> bool {
        match event {
            Event::Topology { change: TopologyChange::RemovedNode, address } => {
                self.translate(*address) == self.connection.address()
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
            Event::Schema(change) => self.pending.add_schema(changed_keyspace(change.target)),
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
        let PendingReads { topology, schema, waiters, .. } = std::mem::take(&mut self.pending);
        let read = tokio::select! {
            read = self.read(topology, &schema) => read,
            () = wait_replaceable(&self.shared, &self.connection) => Err(ReadError::Timeout),
        };
        match read {
            Ok(()) => {
                self.shared.set_refresh_error(None);
                if !matches!(schema, SchemaScope::Empty) {
                    self.shared.set_schema_error(None);
                }
                self.backoff = Backoff::new(self.shared.settings.reconnect);
                for waiter in waiters {
                    let _dropped = waiter.send(());
                }
            }
            Err(error) => {
                let node = self.connection.address();
                debug!(%node, %error, "reading the system tables failed");
                let text = format!("{node}: {error}");
                self.shared.set_refresh_error(Some(text.clone()));
                if error.is_too_large() {
                    // The waiters end without a new schema.
                    self.shared.set_schema_error(Some(text));
                    warn!(%node, %error, "system tables not read");
                    return;
                }
                self.pending.waiters = waiters;
                self.connection.close();
            }
        }
    }

    async fn read(&self, topology: bool, schema: &SchemaScope) -> Result<(), ReadError> {
        // A schema change may change the replication of a keyspace, which is read with the
        // topology.
        if topology || !matches!(schema, SchemaScope::Empty) {
            self.read_topology().await?;
        }
        if self.shared.settings.fetch_schema {
            match schema {
                SchemaScope::Empty => {}
                SchemaScope::All => {
                    let schema = self.read_schema(None).await?;
                    self.shared.set_state(self.shared.state().with_schema(schema));
                }
                SchemaScope::Keyspaces(keyspaces) => {
                    for keyspace in keyspaces {
                        let read = self.read_schema(Some(keyspace)).await?;
                        let state = self.shared.state();
                        let schema = state.schema().with_keyspace(keyspace, &read);
                        self.shared.set_state(state.with_schema(schema));
                    }
                }
            }
        }
        Ok(())
    }

    async fn read_topology(&self) -> Result<(), ReadError> {
        let Shared { settings, pools, .. } = &*self.shared;
        let budget = MemoryBudget::new();
        let (rows, strategies) = tokio::join!(
            TopologyRows::read(&self.connection, self.timeout(), &budget),
            replication(&self.connection, self.timeout(), &budget)
        );
        let (rows, strategies, state) = (rows?, strategies?, self.shared.state());
        let translator = settings.address_translator.as_deref();
        let mut topology = rows.describe(translator, |address| reachability(&state, address));
        if let Some(node) = topology.nodes.first_mut() {
            node.host = Some(self.host.clone());
        }
        // If the server does not report its own host id, its topology is used only if no nodes are
        // known yet.
        let has_host_id = topology.nodes.first().is_some_and(|node| !node.host_id.is_nil());
        if has_host_id || state.nodes().is_empty() {
            let state = with_topology(&state, topology, strategies, settings, pools);
            self.shared.set_state(state);
        }
        Ok(())
    }

    /// Reads the schema of one keyspace, or the whole schema. Skips the system tables that the
    /// server lacks.
    async fn read_schema(&self, keyspace: Option<&str>) -> Result<Schema, ReadError> {
        let mut reader = Schema::reader();
        let budget = MemoryBudget::new();
        for part in SchemaPart::ALL {
            match rows(&self.connection, self.timeout(), &budget, &part.select(keyspace)).await {
                Ok(rows) => rows.into_iter().for_each(|row| reader.row(part, row)),
                Err(ReadError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        let schema = reader.finish();
        schema.warnings().for_each(|warning| debug!(warning, "schema could not be read in full"));
        Ok(schema)
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

/// Waits until the control connection is unresponsive although another node is responsive.
async fn wait_replaceable(shared: &Shared, control: &Connection) {
    let address = control.address();
    let is_other = |node: &Arc<Node>| node.address() != address && node.is_responsive();
    let mut changes = shared.pools.changes();
    loop {
        control.wait_responsive(false).await;
        changes.borrow_and_update();
        if shared.state().nodes().iter().any(is_other) && !control.is_responsive() {
            return;
        }
        if changes.changed().await.is_err() {
            // The cluster has ended.
            pending::<()>().await;
        }
    }
}

/// Returns the hosts to try for the control connection, in this order: up to [`MAX_KNOWN_NODES`]
/// known nodes, then the contact points, whose names are resolved anew. Known nodes are sorted by
/// distance. At the same distance, responsive nodes come first, then other connected nodes. The order
/// is otherwise random. Leaves out the address `except`, but contact points with host names stay.
fn contact_points(shared: &Shared, except: Option<SocketAddr>) -> Vec<ContactPoint> {
    let state = shared.state();
    let is_wanted = |node: &&Arc<Node>| Some(node.address()) != except;
    let mut nodes: Vec<_> = state.nodes().iter().filter(is_wanted).collect();
    nodes.shuffle(&mut rand::rng());
    // Cached, because a connection may open or end while the nodes are sorted.
    nodes.sort_by_cached_key(|node| (node.distance(), !node.is_responsive(), !node.is_connected()));
    let known = nodes.into_iter().take(MAX_KNOWN_NODES).map(|node| ContactPoint::from(node.info()));
    let is_wanted = |point: &&ContactPoint| {
        except.is_none_or(|except| {
            (point.host.parse(), point.port) != (Ok(except.ip()), except.port())
        })
    };
    known.chain(shared.settings.contact_points.iter().filter(is_wanted).cloned()).collect()
}

/// Returns what the driver knows of an address from its connections.
fn reachability(state: &ClusterState, address: SocketAddr) -> Reachability {
    let of_node = |node: &Node| match node.is_connected() || node.last_error().is_none() {
        true => Reachability::Reachable,
        false => Reachability::Failed,
    };
    let nodes = state.nodes_at(address).filter(|node| node.address() == address);
    nodes.map(|node| of_node(node)).max().unwrap_or(Reachability::Unknown)
}

/// Returns the keyspace that a schema change concerns, or `None` if the change names no keyspace.
pub(super) fn changed_keyspace(target: SchemaTarget) -> Option<String> {
    match target {
        SchemaTarget::Keyspace { keyspace }
        | SchemaTarget::Table { keyspace, .. }
        | SchemaTarget::Type { keyspace, .. }
        | SchemaTarget::Function { keyspace, .. }
        | SchemaTarget::Aggregate { keyspace, .. } => Some(keyspace),
        _ => None,
    }
}
