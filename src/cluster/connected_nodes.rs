//! The nodes of a state that have an open connection.

use std::sync::{Arc, PoisonError};

use super::Node;
use crate::sync::RwLock;

/// A list of the connected nodes of a [`ClusterState`](super::ClusterState), cached until a node
/// connects or disconnects.
#[derive(Debug, Default)]
pub(super) struct ConnectedNodes(RwLock<Option<Cached>>);

#[derive(Debug)]
struct Cached {
    /// Number of times that a node had connected or disconnected before the list was made.
    changes: u64,
    nodes: Arc<[Arc<Node>]>,
}

impl ConnectedNodes {
    /// Returns the connected nodes of `nodes`, which are those of the state. `changes` is the number
    /// of times that a node has connected or disconnected.
    pub(super) fn get(&self, changes: u64, nodes: &[Arc<Node>]) -> Arc<[Arc<Node>]> {
        if let Some(cached) = &*self.0.read().unwrap_or_else(PoisonError::into_inner)
            && cached.changes == changes
        {
            return Arc::clone(&cached.nodes);
        }
        let connected: Arc<[_]> =
            nodes.iter().filter(|node| node.is_connected()).cloned().collect();
        let cached = Cached { changes, nodes: Arc::clone(&connected) };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(cached);
        connected
    }
}
