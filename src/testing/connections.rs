//! The open connections of a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

/// The open connections of a server, by number.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: BTreeMap<u64, Arc<Notify>>,
    last_number: u64,
}

impl Connections {
    /// Adds a connection. Returns its number, and the notification that closes it.
    pub(super) fn add(&mut self) -> (u64, Arc<Notify>) {
        self.last_number = self.last_number.saturating_add(1);
        let close = Arc::new(Notify::new());
        self.open.insert(self.last_number, Arc::clone(&close));
        (self.last_number, close)
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.open.remove(&number);
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Returns the numbers of the connections, in the order in which the server accepted them.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// Closes a connection, and returns true if it was open.
    pub(super) fn close(&self, number: u64) -> bool {
        let close = self.open.get(&number);
        close.inspect(|close| close.notify_one()).is_some()
    }

    pub(super) fn close_all(&self) {
        self.open.values().for_each(|close| close.notify_one());
    }
}
