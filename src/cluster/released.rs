//! The connections that have left their pools, and may still be open.

use std::sync::{Arc, PoisonError};

use super::counters::NodeCounters;
use crate::connection::ConnectionWatch;
use crate::sync::{Mutex, MutexGuard};

/// The connections that left their pools while they were open: because the server shuts down or
/// could not switch to a keyspace, or because their node was removed. Each closes as soon as its
/// requests have been answered, or when the session is closed.
#[derive(Debug, Default)]
pub(super) struct ReleasedConnections(Mutex<Vec<Released>>);

#[derive(Debug)]
struct Released {
    connection: ConnectionWatch,
    counters: Arc<NodeCounters>,
}

impl ReleasedConnections {
    /// Adds a connection to the node that the counters belong to.
    pub(super) fn add(&self, connection: ConnectionWatch, counters: &Arc<NodeCounters>) {
        counters.collect(&connection);
        let mut released = self.lock();
        // Connections that have ended are removed before the list grows, so that it is at most twice
        // as long as necessary, and adding many connections takes linear time.
        if released.len() == released.capacity() {
            remove_closed(&mut released);
            released.shrink_to_fit();
            let length = released.len();
            released.reserve_exact(length.max(8));
        }
        released.push(Released { connection, counters: Arc::clone(counters) });
    }

    /// Adds the bytes and errors of the connections to the counters of their nodes.
    pub(super) fn collect(&self) {
        remove_closed(&mut self.lock());
    }

    /// Returns the connections that are still open.
    pub(super) fn open(&self) -> Vec<ConnectionWatch> {
        let mut released = self.lock();
        remove_closed(&mut released);
        released.iter().map(|released| released.connection.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Released>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the bytes and errors of all connections, and removes those that have ended.
fn remove_closed(released: &mut Vec<Released>) {
    released.retain(|Released { connection, counters }| {
        // Read first, so that the last bytes of a connection are counted before it is removed.
        let is_closed = connection.is_closed();
        counters.collect(connection);
        !is_closed
    });
}
