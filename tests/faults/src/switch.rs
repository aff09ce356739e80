//! Starting and stopping faults while connections are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A switch for the faults of any number of connections. Clones share their state.
///
/// Stopping ends the faults that are being applied: stalled bytes and delayed frames are forwarded at
/// once. It cannot undo closed directions, lost bytes and lies. Faults whose trigger is reached while
/// the faults are stopped are applied when they are started again.
#[derive(Debug, Clone)]
pub struct Switch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    is_on: AtomicBool,
    /// Wakes the links in the order in which they wait, so that a simulation can be repeated.
    turned: Notify,
}

impl Switch {
    /// Creates a switch. Its faults are started.
    pub fn new() -> Self {
        Self(Arc::new(Inner { is_on: AtomicBool::new(true), turned: Notify::new() }))
    }

    /// Starts the faults.
    pub fn start(&self) {
        self.turn(true);
    }

    /// Stops the faults.
    pub fn stop(&self) {
        self.turn(false);
    }

    /// Returns true if the faults are started.
    pub fn is_on(&self) -> bool {
        self.0.is_on.load(Ordering::Acquire)
    }

    /// Waits until the faults are started, or stopped, if they are not.
    pub(crate) async fn wait_until(&self, is_on: bool) {
        loop {
            // Created before the state is read, so that a turn in between wakes it.
            let turned = self.0.turned.notified();
            if self.is_on() == is_on {
                return;
            }
            turned.await;
        }
    }

    fn turn(&self, is_on: bool) {
        self.0.is_on.store(is_on, Ordering::Release);
        self.0.turned.notify_waiters();
    }
}

impl Default for Switch {
    fn default() -> Self {
        Self::new()
    }
}
