//! The task that watches the cluster through one connection of its own.
//!
//! It asks for the nodes and the schema, and again when the server says that something has happened.
//! What happens together is asked for once. When the connection ends, another node is watched from.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::seq::SliceRandom;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tracing::{debug, info, warn};

use super::backoff::Backoff;
use super::open::connect_any;
use super::schema::{Schema, SchemaPart};
use super::shared::Shared;
use super::topology::{self, ReadError};
use super::{ClusterError, ContactPoint};
use crate::connection::Connection;
use crate::message::{
    Event, EventType, Register, RequestFrame, SchemaTarget, StatusChange, TopologyChange,
};
use crate::wire::Stream;

/// The connection that a cluster is watched through, and what is to be asked of it.
pub(super) struct ControlConnection {
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    /// What its node was called when it was opened.
    host: String,
    events: mpsc::Receiver<Event>,
    pending: PendingRefresh,
    /// The pauses before it is opened again. They grow until it has told all that is pending: a
    /// cluster that has too much to do is not asked the more.
    backoff: Backoff,
}

/// What is to be read again.
#[derive(Debug, Default)]
struct PendingRefresh {
    topology: bool,
    schema: SchemaScope,
    /// When the first was wanted that has not been read, and when to read.
    since: Option<Instant>,
    due: Option<Instant>,
    /// Who wants to know when all is read.
    waiters: Vec<oneshot::Sender<()>>,
}

#[derive(Debug, Default)]
enum SchemaScope {
    #[default]
    Empty,
    Keyspaces(BTreeSet<String>),
    All,
}

/// What others want of the task: the schema of a keyspace, or of all, read again.
#[derive(Debug)]
pub(super) struct SchemaRefresh {
    pub(super) keyspace: Option<String>,
    pub(super) done: oneshot::Sender<()>,
}

/// So many events may wait to be looked at.
const EVENT_QUEUE_SIZE: usize = 256;

/// What happens within this time of each other is read together, but not later than the second
/// after the first.
const REFRESH_DELAY: Duration = Duration::from_millis(100);
const MAX_REFRESH_DELAY: Duration = Duration::from_secs(1);

/// So many nodes are tried together, before the contact points.
const MAX_KNOWN_NODES: usize = 4;

/// How often the nodes are asked for if nobody says that they have changed.
const TOPOLOGY_INTERVAL: Duration = Duration::from_secs(60);

impl ControlConnection {
    /// Opens the connection, to a node that is known or to a contact point, and reads the topology.
    ///
    /// # Errors
    /// Why no node could be used.
    pub(super) async fn open(shared: &Arc<Shared>) -> Result<Self, ClusterError> {
        let (sender, events) = mpsc::channel(EVENT_QUEUE_SIZE);
        let settings = &shared.settings;
        let points = contact_points(shared);
        let (connection, host) = connect_any(&points, &settings.connector, &sender).await?;
        let mut control = Self {
            shared: Arc::clone(shared),
            connection: Arc::new(connection),
            host,
            events,
            pending: PendingRefresh::default(),
            backoff: Backoff::new(settings.reconnect),
        };
        control.register_and_read().await.map_err(|failure| ClusterError::Unreachable {
            failures: vec![format!("{}: {failure}", control.connection.address())],
            is_starting: true,
        })?;
        Ok(control)
    }

    /// Asks to be told what happens, and reads what there is.
    async fn register_and_read(&mut self) -> Result<(), ReadError> {
        let types = [EventType::TopologyChange, EventType::StatusChange, EventType::SchemaChange];
        let register = Register::new(&types);
        let register = RequestFrame::new(Stream::default(), register);
        let time = self.shared.settings.connector.options.handshake_timeout;
        let both = async {
            tokio::join!(self.connection.request(&register, Some(time)), self.read_topology())
        };
        let both = timeout(time.saturating_mul(2), both).await;
        let (registered, read) = both.map_err(|_| ReadError::Late)?;
        // A server that tells nothing is asked every now and then.
        registered.map_err(|error| ReadError::Request(Box::new(error)))?;
        read?;
        self.refresh_schema(None);
        Ok(())
    }

    /// Watches the cluster, for as long as there is somebody to watch it for.
    pub(super) async fn run(mut self, mut refreshes: mpsc::UnboundedReceiver<SchemaRefresh>) {
        let _guard = AbandonOnDrop(Arc::clone(&self.shared));
        let mut interval = tokio::time::interval(TOPOLOGY_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.reset();
        loop {
            // One less than there is room for: one may have been taken since.
            if self.events.len() >= EVENT_QUEUE_SIZE - 1 {
                debug!("events have been lost");
                self.refresh_topology();
                self.refresh_schema(None);
            }
            let due = self.pending.due;
            let due = async move {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(event) = self.events.recv() => self.handle_event(event),
                () = due => self.read_pending().await,
                why = self.connection.wait_closed() => {
                    info!(address = %self.connection.address(), %why, "the control connection has ended");
                    self.shared.traffic.add(self.connection.traffic());
                    self.reopen().await;
                }
                refresh = refreshes.recv() => match refresh {
                    Some(SchemaRefresh { keyspace, done }) => {
                        self.refresh_schema(keyspace);
                        self.pending.waiters.push(done);
                        self.pending.due = Some(Instant::now());
                    }
                    None => return,
                },
                _ = interval.tick() => self.refresh_topology(),
            }
        }
    }

    /// The connection that the cluster is watched through.
    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Opens another connection, however long that takes.
    async fn reopen(&mut self) {
        loop {
            tokio::time::sleep(self.backoff.pause()).await;
            match Self::open(&self.shared).await {
                Ok(control) => {
                    let before = std::mem::replace(self, control);
                    self.pending.waiters = before.pending.waiters;
                    self.backoff = before.backoff;
                    self.shared.set_control(&self.connection);
                    return;
                }
                Err(ClusterError::Unreachable { failures, .. }) => {
                    debug!(failures = failures.join("; "), "no node to watch the cluster from");
                }
                Err(ClusterError::Fatal(failure)) => warn!(%failure, "the cluster is not watched"),
                Err(ClusterError::Config(why)) => warn!(why, "the cluster is not watched"),
                Err(ClusterError::Closed(_)) => return,
            }
        }
    }

    fn handle_event(&mut self, event: Event) {
        debug!(?event, "heard");
        self.shared.publish(&event);
        match event {
            Event::Status { change: StatusChange::Up, address } => self.handle_node_up(address),
            // The connections know better.
            Event::Status { .. } => {}
            Event::Topology { change: TopologyChange::NewNode, address } => {
                self.handle_node_up(address);
                self.refresh_topology();
            }
            Event::Topology { .. } => self.refresh_topology(),
            Event::Schema(change) => {
                self.refresh_schema(keyspace(change.target));
            }
            Event::Unknown { .. } => {}
        }
    }

    /// A node that is known is tried at once, and one that is not is asked for.
    fn handle_node_up(&mut self, address: SocketAddr) {
        let translator = self.shared.settings.address_translator.as_ref();
        let address = translator.map_or(address, |by| by.translate(address));
        let state = self.shared.state();
        match state.nodes().iter().find(|node| node.address() == address) {
            Some(node) => node.reconnect_now(),
            None => self.refresh_topology(),
        }
    }

    fn refresh_topology(&mut self) {
        self.pending.topology = true;
        self.schedule();
    }

    /// Wants the schema of one keyspace, or of all.
    fn refresh_schema(&mut self, keyspace: Option<String>) {
        match (keyspace, &mut self.pending.schema) {
            (_, SchemaScope::All) => {}
            (Some(keyspace), SchemaScope::Keyspaces(keyspaces)) => {
                keyspaces.insert(keyspace);
            }
            (Some(keyspace), wanted @ SchemaScope::Empty) => {
                *wanted = SchemaScope::Keyspaces(BTreeSet::from([keyspace]));
            }
            (None, wanted) => *wanted = SchemaScope::All,
        }
        self.schedule();
    }

    fn schedule(&mut self) {
        let now = Instant::now();
        let since = *self.pending.since.get_or_insert(now);
        self.pending.due = Some((now + REFRESH_DELAY).min(since + MAX_REFRESH_DELAY));
    }

    /// Reads what is wanted, and tells those who wait for it.
    async fn read_pending(&mut self) {
        let PendingRefresh { topology, schema, waiters, .. } = std::mem::take(&mut self.pending);
        match self.read(topology, &schema).await {
            Ok(()) => {
                self.backoff = Backoff::new(self.shared.settings.reconnect);
                for waiter in waiters {
                    let _gone = waiter.send(());
                }
            }
            // Another node may be able to.
            Err(failure) => {
                debug!(%failure, "the cluster could not be asked");
                self.pending.waiters = waiters;
                self.connection.close();
            }
        }
    }

    async fn read(&self, topology: bool, schema: &SchemaScope) -> Result<(), ReadError> {
        // How a keyspace is replicated is part of either.
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
        let settings = &self.shared.settings;
        let (topology, strategies) = tokio::join!(
            topology::topology(&self.connection, settings),
            topology::replication(&self.connection, settings)
        );
        let (mut topology, strategies, state) = (topology?, strategies?, self.shared.state());
        if let Some(node) = topology.nodes.first_mut() {
            node.host = Some(self.host.clone());
        }
        // A node that does not know itself is good enough as long as nothing better is known.
        let is_known = topology.nodes.first().is_some_and(|node| !node.host_id.is_nil());
        if is_known || state.nodes().is_empty() {
            self.shared.set_state(state.with_topology(topology, strategies, &self.shared));
        }
        Ok(())
    }

    /// Reads the schema page by page. What a server does not have is not in it.
    async fn read_schema(&self, keyspace: Option<&str>) -> Result<Schema, ReadError> {
        let mut reader = Schema::reader();
        for part in SchemaPart::ALL {
            let select = part.select(keyspace);
            match topology::rows(&self.connection, &self.shared.settings, &select).await {
                Ok(rows) => rows.into_iter().for_each(|row| reader.row(part, row)),
                Err(ReadError::Missing) => {}
                Err(failure) => return Err(failure),
            }
        }
        let schema = reader.finish();
        schema.warnings().for_each(|warning| debug!(warning, "odd in the schema"));
        Ok(schema)
    }
}

/// Says that nobody watches the cluster any more: the session has ended, or the runtime.
struct AbandonOnDrop(Arc<Shared>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.mark_abandoned();
    }
}

/// Where to look for a node: those that are connected, the others, and the contact points, whose
/// names may mean other addresses by now. Not all nodes: those of another try are others.
fn contact_points(shared: &Shared) -> Vec<ContactPoint> {
    let state = shared.state();
    let mut nodes: Vec<_> = state.nodes().iter().collect();
    nodes.shuffle(&mut rand::rng());
    nodes.sort_by_key(|node| (node.distance(), !node.is_connected()));
    let known = nodes.into_iter().take(MAX_KNOWN_NODES).map(|node| ContactPoint::from(node.info()));
    known.chain(shared.settings.contact_points.iter().cloned()).collect()
}

/// The keyspace that a change is in; `None` if it cannot be told.
pub(super) fn keyspace(target: SchemaTarget) -> Option<String> {
    match target {
        SchemaTarget::Keyspace { keyspace }
        | SchemaTarget::Table { keyspace, .. }
        | SchemaTarget::Type { keyspace, .. }
        | SchemaTarget::Function { keyspace, .. }
        | SchemaTarget::Aggregate { keyspace, .. } => Some(keyspace),
        _ => None,
    }
}
