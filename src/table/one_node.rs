//! A load balancing that sends all requests to one node.

use std::sync::Arc;

use crate::cluster::{ClusterState, LoadBalancing, Node, Routing};

/// Picks the same node for every request.
#[derive(Debug)]
pub(super) struct OneNode(Option<Arc<Node>>);

impl OneNode {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self(Some(node))
    }

    /// Chooses a node that is connected.
    pub(super) fn any(state: &ClusterState) -> Self {
        Self(state.connected_nodes().first().cloned())
    }
}

impl LoadBalancing for OneNode {
    fn pick(&self, _: &Routing<'_>, _: &ClusterState, tried: &[Arc<Node>]) -> Option<Arc<Node>> {
        self.0.clone().filter(|node| tried.iter().all(|tried| !Arc::ptr_eq(tried, node)))
    }
}
