//! The notice that a server is shutting down.

use std::pin::pin;

use crate::sync::Notify;
use crate::sync::atomic::{AtomicBool, Ordering};

/// A flag that is set when the server sends GRACEFUL_DISCONNECT on the connection.
#[derive(Debug, Default)]
pub(super) struct Draining {
    is_draining: AtomicBool,
    /// Notified after `is_draining` is set.
    started: Notify,
}

impl Draining {
    /// Records that the server has announced that it is shutting down.
    pub(super) fn start(&self) {
        self.is_draining.store(true, Ordering::Release);
        self.started.notify_waiters();
    }

    /// Returns true if the server has announced that it is shutting down.
    pub(super) fn has_started(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Waits until the server announces that it is shutting down.
    pub(super) async fn wait(&self) {
        let mut started = pin!(self.started.notified());
        // Registered before the flag is read, so that no notification is missed.
        started.as_mut().enable();
        if !self.has_started() {
            started.await;
        }
    }
}
