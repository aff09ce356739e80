//! The state that the nodes of a cluster share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use uuid::Uuid;

use super::node_info::NodeInfo;
use super::traces::{Traces, time_uuid};
use crate::environment::{random_seed, time_since_1970};
use crate::message::{Event, SchemaChange};
use crate::store::Store;

/// The state that the nodes of a cluster share.
#[derive(Debug)]
pub(super) struct SharedState {
    store: Mutex<Store>,
    /// The events of every node.
    pub(super) events: broadcast::Sender<Event>,
    traces: Mutex<Traces>,
    next_uuid: AtomicU64,
    /// The number of changes of the schema. It is kept here because the system tables, which are read
    /// while the store is locked, contain it.
    schema_changes: AtomicU64,
    /// The versions of the schema of nodes that have one of their own, by host id.
    own_versions: Mutex<BTreeMap<Uuid, Uuid>>,
}

/// The version of the schema before its first change.
const SCHEMA_VERSION: u128 = 0x7e57;

/// Maximum number of events queued for a connection that does not read. Beyond this number, the oldest
/// events are dropped.
pub(super) const EVENT_QUEUE: usize = 1_024;

impl SharedState {
    /// Returns the state of a cluster of these nodes, with an empty database.
    pub(super) fn new<'n>(nodes: impl IntoIterator<Item = &'n NodeInfo>) -> Self {
        let datacenters = nodes.into_iter().map(|node| node.datacenter.clone()).collect();
        // The seed differs in each process and for each cluster, so that UUIDs do.
        let seed = random_seed();
        Self {
            store: Mutex::new(Store::new(seed, datacenters)),
            events: broadcast::Sender::new(EVENT_QUEUE),
            traces: Mutex::default(),
            next_uuid: AtomicU64::new(seed & 0xffff_ffff),
            schema_changes: AtomicU64::new(0),
            own_versions: Mutex::default(),
        }
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the version of the schema of the node with this host id: the version that
    /// [`set_schema_version`](Self::set_schema_version) sets, or the cluster's, which each change of the
    /// schema changes.
    pub(super) fn schema_version(&self, host_id: Uuid) -> Uuid {
        if let Some(version) = self.own_versions().get(&host_id) {
            return *version;
        }
        let changes = self.schema_changes.load(Ordering::Acquire);
        Uuid::from_u128(SCHEMA_VERSION.wrapping_add(u128::from(changes) << 64))
    }

    /// Sets the version of the schema of one node. `None` ends it.
    pub(super) fn set_schema_version(&self, host_id: Uuid, version: Option<Uuid>) {
        match version {
            Some(version) => self.own_versions().insert(host_id, version),
            None => self.own_versions().remove(&host_id),
        };
    }

    fn own_versions(&self) -> MutexGuard<'_, BTreeMap<Uuid, Uuid>> {
        self.own_versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the version of the schema, and announces the change to all clients that registered for
    /// it.
    pub(super) fn announce(&self, change: SchemaChange) {
        self.schema_changes.fetch_add(1, Ordering::AcqRel);
        self.emit(Event::Schema(change));
    }

    /// Sends an event from every node to the clients that registered for its type.
    fn emit(&self, event: Event) {
        // `send` fails only if no connection is open, and then no client waits for the event.
        let _no_connection = self.events.send(event);
    }

    pub(super) fn traces(&self) -> MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a new UUID of version 1.
    pub(super) fn new_time_uuid(&self) -> Uuid {
        time_uuid(time_since_1970(), self.next_uuid.fetch_add(1, Ordering::Relaxed))
    }
}
