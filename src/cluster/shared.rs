//! What the tasks of a cluster and its users both know.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::{broadcast, watch};

use super::counters::Traffic;
use super::{ClusterState, Node, Settings};
use crate::connection::Connection;
use crate::message::Event;

/// The state of a cluster, and what is heard of it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    state: RwLock<Arc<ClusterState>>,
    /// Whether the session has ended. Changes only while `state` is locked.
    is_closed: AtomicBool,
    /// Whether nobody watches the cluster any more: the runtime has ended.
    is_abandoned: AtomicBool,
    /// What `USE` said last, for the connections to come. Who holds it knows that no connection
    /// comes into use meanwhile.
    keyspace: Mutex<Option<String>>,
    /// The connection that the cluster is watched through.
    control: RwLock<Option<Arc<Connection>>>,
    /// Incremented whenever a connection is opened, ends or cannot be opened.
    changes: watch::Sender<u64>,
    /// Who wants to know what is heard of the cluster, until the session ends.
    listeners: Mutex<Option<broadcast::Sender<Event>>>,
    /// What connections that have ended have sent and received.
    pub(super) traffic: Arc<Traffic>,
}

/// So many events are kept for a listener that is slow.
const EVENT_BUFFER_SIZE: usize = 1_024;

impl Shared {
    pub(super) fn new(settings: Settings, keyspace: Option<String>) -> Self {
        Self {
            settings,
            state: RwLock::new(Arc::new(ClusterState::empty())),
            is_closed: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
            keyspace: Mutex::new(keyspace),
            control: RwLock::default(),
            changes: watch::Sender::new(0),
            listeners: Mutex::new(Some(broadcast::Sender::new(EVENT_BUFFER_SIZE))),
            traffic: Arc::default(),
        }
    }

    /// The cluster as it is now.
    #[inline]
    pub(super) fn state(&self) -> Arc<ClusterState> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another state in the place of the one before, unless the session has ended: the task
    /// that watches the cluster may be in the midst of reading then.
    pub(super) fn set_state(&self, state: ClusterState) {
        self.change(state, false);
    }

    /// Ends all that the session has open, and whatever would be opened after that.
    pub(super) fn close(&self) {
        self.change(ClusterState::empty(), true);
        self.listeners().take();
    }

    fn change(&self, state: ClusterState, closes: bool) {
        let state = Arc::new(state);
        let before = {
            let mut current = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if self.is_closed.fetch_or(closes, Ordering::Relaxed) {
                drop(current);
                return state.nodes().iter().for_each(|node| node.close());
            }
            std::mem::replace(&mut *current, Arc::clone(&state))
        };
        // Others may hold on to a node that has gone.
        let has_gone = |node: &&Arc<Node>| state.nodes().iter().all(|now| !Arc::ptr_eq(now, node));
        before.nodes().iter().filter(has_gone).for_each(|node| node.close());
        self.notify_changed();
    }

    /// Says that nobody watches the cluster any more.
    pub(super) fn mark_abandoned(&self) {
        self.is_abandoned.store(true, Ordering::Release);
        self.notify_changed();
    }

    /// Whether nobody watches the cluster any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    /// Tells all who listen.
    pub(super) fn publish(&self, event: &Event) {
        if let Some(listeners) = &*self.listeners() {
            let _nobody = listeners.send(event.clone());
        }
    }

    /// What is heard from now on; nothing, once the session has ended.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Event> {
        match &*self.listeners() {
            Some(listeners) => listeners.subscribe(),
            None => broadcast::Sender::new(1).subscribe(),
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Option<broadcast::Sender<Event>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keyspace(&self) -> MutexGuard<'_, Option<String>> {
        self.keyspace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn control(&self) -> Option<Arc<Connection>> {
        self.control.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_control(&self, connection: &Arc<Connection>) {
        let control = Some(Arc::clone(connection));
        *self.control.write().unwrap_or_else(PoisonError::into_inner) = control;
    }

    /// Says that a connection was opened or has ended, or could not be opened.
    pub(super) fn notify_changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Is told of every change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
