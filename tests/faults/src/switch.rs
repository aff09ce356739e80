//! Starting and stopping faults while connections are open.

use std::sync::Arc;

use tokio::sync::watch;

/// A switch for the faults of any number of connections. Clones share their state.
///
/// Stopping ends the faults that are being applied: stalled bytes and delayed frames are forwarded at
/// once. It cannot undo closed directions, lost bytes and lies. Faults whose trigger is reached while
/// the faults are stopped are applied when they are started again.
#[derive(Debug, Clone)]
pub struct Switch {
    on: Arc<watch::Sender<bool>>,
}

impl Switch {
    /// Creates a switch. Its faults are started.
    pub fn new() -> Self {
        Self { on: Arc::new(watch::Sender::new(true)) }
    }

    /// Starts the faults.
    pub fn start(&self) {
        self.on.send_replace(true);
    }

    /// Stops the faults.
    pub fn stop(&self) {
        self.on.send_replace(false);
    }

    /// Returns true if the faults are started.
    pub fn is_on(&self) -> bool {
        *self.on.borrow()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<bool> {
        self.on.subscribe()
    }
}

impl Default for Switch {
    fn default() -> Self {
        Self::new()
    }
}
