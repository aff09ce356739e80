//! The statuses of nodes to which the session has no connections, as far as servers report them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::PoisonError;

use uuid::Uuid;

use crate::sync::{Mutex, MutexGuard};

/// The statuses of nodes to which the session has no connections. For all other nodes, the state of
/// the connections is more reliable.
#[derive(Debug, Default)]
pub(super) struct NodeStatuses(Mutex<Reported>);

#[derive(Debug, Default)]
struct Reported {
    /// Addresses of the nodes that were reported down, and not up since.
    down: HashSet<SocketAddr>,
    /// Nodes that did not agree on the schema in time: their host ids and schema versions.
    stale: Vec<(Uuid, Uuid)>,
}

/// Largest number of nodes that are remembered as down. A server could report any number.
const MAX_DOWN: usize = 100_000;

impl NodeStatuses {
    /// Records an UP event.
    pub(super) fn set_up(&self, address: SocketAddr) {
        self.reported().down.remove(&address);
    }

    /// Records a DOWN event.
    pub(super) fn set_down(&self, address: SocketAddr) {
        let mut reported = self.reported();
        if reported.down.len() < MAX_DOWN {
            reported.down.insert(address);
        }
    }

    /// Returns true if the last event of the node at `address` was DOWN.
    pub(super) fn is_down(&self, address: SocketAddr) -> bool {
        self.reported().down.contains(&address)
    }

    /// Forgets all status events, because some may have been missed.
    pub(super) fn forget(&self) {
        self.reported().down.clear();
    }

    /// Replaces the nodes that did not agree on the schema in time: their host ids and schema
    /// versions.
    pub(super) fn set_stale(&self, stale: Vec<(Uuid, Uuid)>) {
        self.reported().stale = stale;
    }

    /// Removes the nodes that are not in `lagging` from the nodes that did not agree on the schema in
    /// time: they have agreed since.
    pub(super) fn retain_stale(&self, lagging: &[(Uuid, Uuid)]) {
        self.reported().stale.retain(|stale| lagging.contains(stale));
    }

    /// Returns the nodes that did not agree on the schema in time, and have not agreed since.
    pub(super) fn stale(&self) -> Vec<(Uuid, Uuid)> {
        self.reported().stale.clone()
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
