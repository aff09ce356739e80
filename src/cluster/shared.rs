//! The state that the tasks of a cluster share with its handle.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use tokio::sync::broadcast;

use super::pool_context::PoolContext;
use super::statuses::NodeStatuses;
use super::{ClusterState, Distance, Node, Settings};
use crate::connection::{Connection, Runtime};
use crate::message::Event;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, RwLock};

/// The current state of a cluster, its control connection and its event subscribers.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// The runtime on which the session was connected.
    pub(super) runtime: Runtime,
    pub(super) pools: Arc<PoolContext>,
    state: RwLock<Arc<ClusterState>>,
    /// True once the session is closed. Changes only while `state` is locked.
    is_closed: AtomicBool,
    /// True once the control connection's task has ended, because the session or its runtime has
    /// ended.
    is_abandoned: AtomicBool,
    control: RwLock<Option<Arc<Connection>>>,
    pub(super) statuses: NodeStatuses,
    /// Why the last attempt to read the topology and the schema failed. `None` if it succeeded, or
    /// before the first attempt.
    refresh_error: Mutex<Option<String>>,
    /// Why the schema cannot be read. `None` if it was read, or if another attempt may succeed.
    schema_error: Mutex<Option<String>>,
    /// Number of schema changes that servers have reported.
    schema_events: AtomicU64,
    /// The channel to the subscribers to events. `None` once the session is closed.
    subscribers: Mutex<Option<broadcast::Sender<Event>>>,
}

/// Number of events kept for a subscriber that does not read them.
const EVENT_BUFFER_SIZE: usize = 1_024;

impl Shared {
    pub(super) fn new(settings: Settings, keyspace: Option<String>, runtime: Runtime) -> Self {
        let pools = PoolContext::new(
            Arc::clone(&settings.name),
            settings.connector.clone(),
            settings.reconnect,
            settings.connections_per_node,
            keyspace,
        );
        Self {
            settings,
            runtime,
            pools: Arc::new(pools),
            state: RwLock::new(Arc::new(ClusterState::empty())),
            is_closed: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
            control: RwLock::default(),
            statuses: NodeStatuses::default(),
            refresh_error: Mutex::default(),
            schema_error: Mutex::default(),
            schema_events: AtomicU64::new(0),
            subscribers: Mutex::new(Some(broadcast::Sender::new(EVENT_BUFFER_SIZE))),
        }
    }

    /// Returns the current state.
    #[inline]
    pub(super) fn state(&self) -> Arc<ClusterState> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the state, and closes the nodes that the new state does not contain. If the session
    /// is closed, discards the new state and closes its nodes instead: the control connection's
    /// task may finish a read after the session was closed.
    pub(super) fn set_state(&self, state: ClusterState) {
        self.replace_state(state, false);
    }

    /// Closes the nodes of the current state and of every state that is set later, and ends all
    /// subscriptions to events.
    pub(super) fn close(&self) {
        self.replace_state(ClusterState::empty(), true);
        self.subscribers().take();
    }

    fn replace_state(&self, state: ClusterState, closes: bool) {
        let state = Arc::new(state);
        let before = {
            let mut current = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if self.is_closed.fetch_or(closes, Ordering::Relaxed) {
                drop(current);
                return state.nodes().iter().for_each(|node| node.close());
            }
            std::mem::replace(&mut *current, Arc::clone(&state))
        };
        if !Arc::ptr_eq(&before.nodes, &state.nodes) {
            close_removed(&before, &state);
        }
        self.pools.notify_changed();
    }

    /// Returns true once the session is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Records that the control connection's task has ended.
    pub(super) fn mark_abandoned(&self) {
        self.is_abandoned.store(true, Ordering::Release);
        self.pools.notify_changed();
    }

    /// Returns true once the control connection's task has ended.
    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    /// Returns true if the node is up: if a connection to it is open or, for a node to which the
    /// session does not connect, if no server has reported it down.
    pub(super) fn is_up(&self, node: &Node) -> bool {
        match node.distance() {
            Distance::Ignored => !self.statuses.is_down(node.address()),
            Distance::Local | Distance::Remote => node.is_connected(),
        }
    }

    /// Counts an event if it reports a schema change, and sends it to all subscribers.
    pub(super) fn publish(&self, event: &Event) {
        if matches!(event, Event::Schema(_)) {
            self.schema_events.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(subscribers) = &*self.subscribers() {
            let _no_subscriber = subscribers.send(event.clone());
        }
    }

    /// Returns the number of schema changes that servers have reported.
    pub(super) fn schema_events(&self) -> u64 {
        self.schema_events.load(Ordering::Relaxed)
    }

    /// Returns a receiver of all events from now on. If the session is closed, the receiver is
    /// closed from the start.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Event> {
        match &*self.subscribers() {
            Some(subscribers) => subscribers.subscribe(),
            None => broadcast::Sender::new(1).subscribe(),
        }
    }

    fn subscribers(&self) -> MutexGuard<'_, Option<broadcast::Sender<Event>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the control connection, or `None` before it is opened for the first time. The
    /// connection may have ended.
    pub(super) fn control(&self) -> Option<Arc<Connection>> {
        self.control.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds the bytes of the control connection to the session's traffic.
    pub(super) fn collect_control_traffic(&self) {
        if let Some(control) = self.control() {
            self.pools.traffic.add(control.watch().take_traffic());
        }
    }

    pub(super) fn set_control(&self, connection: &Arc<Connection>) {
        self.collect_control_traffic();
        let control = Some(Arc::clone(connection));
        *self.control.write().unwrap_or_else(PoisonError::into_inner) = control;
    }

    /// Returns why the last attempt to read the topology and the schema failed. Returns `None` if
    /// it succeeded, or before the first attempt.
    pub(super) fn refresh_error(&self) -> Option<String> {
        self.refresh_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns why the schema cannot be read, or `None` if it was read or another attempt may
    /// succeed.
    pub(super) fn schema_error(&self) -> Option<String> {
        self.schema_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records why the schema cannot be read, and wakes the tasks that wait for it.
    pub(super) fn set_schema_error(&self, error: Option<String>) {
        *self.schema_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
        self.pools.notify_changed();
    }

    pub(super) fn set_refresh_error(&self, error: Option<String>) {
        *self.refresh_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// Closes the nodes of `before` that `state` does not contain. The user may still hold them, so dropping the old
/// state does not close their connections.
fn close_removed(before: &ClusterState, state: &ClusterState) {
    let kept: HashSet<*const Node> = state.nodes().iter().map(Arc::as_ptr).collect();
    let is_removed = |node: &&Arc<Node>| !kept.contains(&Arc::as_ptr(node));
    before.nodes().iter().filter(is_removed).for_each(|node| node.close());
}
