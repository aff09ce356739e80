//! Requests to one chosen node.

use std::net::SocketAddr;
use std::sync::Arc;

use cqlwire::cluster::{ClusterState, Distance, LoadBalancing, Node, NodeInfo, Routing};

/// A load balancing policy that uses the node at this address only.
#[derive(Debug)]
pub(crate) struct Only(pub(crate) SocketAddr);

impl LoadBalancing for Only {
    fn distance(&self, node: &NodeInfo, _: Option<&str>) -> Distance {
        if node.address == self.0 { Distance::Local } else { Distance::Ignored }
    }

    fn pick(
        &self,
        _: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>> {
        let mut nodes = cluster.nodes().iter().filter(|node| node.is_connected());
        let node = nodes.find(|node| node.address() == self.0)?;
        tried.iter().all(|tried| !Arc::ptr_eq(tried, node)).then(|| Arc::clone(node))
    }
}
