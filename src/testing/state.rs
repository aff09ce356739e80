//! The state that a server and its connections share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::broadcast;

use super::connections::Connections;
use super::fault::FaultList;
use super::journal::Journal;
use super::prepared::PreparedStatements;
use super::script::Script;
use super::shared::EVENT_QUEUE;
use crate::message::Event;

/// The state that a server and its connections share.
#[derive(Debug)]
pub(super) struct ServerState {
    script: RwLock<Arc<Script>>,
    prepared: Mutex<PreparedStatements>,
    faults: Mutex<FaultList>,
    journal: Mutex<Journal>,
    connections: Mutex<Connections>,
    pub(super) events: broadcast::Sender<Event>,
}

impl ServerState {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script: RwLock::new(Arc::new(script)),
            prepared: Mutex::default(),
            faults: Mutex::default(),
            journal: Mutex::default(),
            connections: Mutex::default(),
            events: broadcast::Sender::new(EVENT_QUEUE),
        }
    }

    /// Returns a snapshot of the script. Later changes of the script do not affect the snapshot.
    pub(super) fn script(&self) -> Arc<Script> {
        Arc::clone(&self.script.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the script for all requests that follow.
    pub(super) fn change_script(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.script.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut script));
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn prepared(&self) -> MutexGuard<'_, PreparedStatements> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, FaultList> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
