//! The state that the nodes of a cluster share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::traces::{Traces, time_since_1970, time_uuid};

/// The state that the nodes of a cluster share.
#[derive(Debug, Default)]
pub(super) struct SharedState {
    traces: Mutex<Traces>,
    next_uuid: AtomicU64,
}

impl SharedState {
    pub(super) fn traces(&self) -> MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a new UUID of version 1.
    pub(super) fn new_time_uuid(&self) -> Uuid {
        time_uuid(time_since_1970(), self.next_uuid.fetch_add(1, Ordering::Relaxed))
    }
}
