//! Load balancing policies, which pick the node for a request.

mod default;
mod latency;

use std::fmt;
use std::sync::Arc;

pub use default::DefaultBalancing;
pub use latency::LatencyAwareness;

use super::topology::NodeInfo;
use super::{ClusterState, Distance, Node, Token};
use crate::wire::Consistency;

/// A policy that picks the node for each request, and decides which nodes have connections.
///
/// ```
/// use std::sync::Arc;
///
/// use cqlwire::cluster::{ClusterState, LoadBalancing, Node, Routing};
///
/// /// Picks the first connected node.
/// #[derive(Debug)]
/// struct FirstConnected;
///
/// impl LoadBalancing for FirstConnected {
///     fn pick(
///         &self,
///         _: &Routing<'_>,
///         cluster: &ClusterState,
///         tried: &[Arc<Node>],
///     ) -> Option<Arc<Node>> {
///         let is_untried = |node: &&Arc<Node>| tried.iter().all(|tried| !Arc::ptr_eq(tried, node));
///         cluster.nodes().iter().filter(|node| node.is_connected()).find(is_untried).cloned()
///     }
/// }
/// ```
pub trait LoadBalancing: fmt::Debug + Send + Sync {
    /// Returns the distance of a node. Default: [`Distance::Local`] if the node is in the local
    /// datacenter or `local_datacenter` is `None`, otherwise [`Distance::Ignored`].
    fn distance(&self, node: &NodeInfo, local_datacenter: Option<&str>) -> Distance {
        match local_datacenter.is_none_or(|local| node.datacenter == local) {
            true => Distance::Local,
            false => Distance::Ignored,
        }
    }

    /// Picks the best node for a request. Do not pick the nodes in `tried`: the request was sent to them
    /// before, or they do not answer. Returns `None` if no other node is eligible.
    fn pick(
        &self,
        request: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>>;
}

/// Shares one policy between several sessions or statements.
impl<B: LoadBalancing + ?Sized> LoadBalancing for Arc<B> {
    fn distance(&self, node: &NodeInfo, local_datacenter: Option<&str>) -> Distance {
        (**self).distance(node, local_datacenter)
    }

    fn pick(
        &self,
        request: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>> {
        (**self).pick(request, cluster, tried)
    }
}

/// The properties of a request by which its node is picked.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Routing<'a> {
    /// Keyspace of the statement's table, if known.
    pub keyspace: Option<&'a str>,
    /// Token of the partition that the statement addresses, if known.
    pub token: Option<Token>,
    /// Consistency of the request. For a PREPARE, which has none, it is `ONE`.
    pub consistency: Consistency,
    /// Serial consistency of a conditional statement. `None` if it is not set, or if the statement
    /// is known to be read-only.
    pub serial_consistency: Option<Consistency>,
}

impl Routing<'_> {
    /// Returns the consistency or the serial consistency of the request at which only replicas in
    /// the coordinator's datacenter count: `LOCAL_ONE`, `LOCAL_QUORUM` or `LOCAL_SERIAL`. Returns
    /// `None` if neither is such a consistency.
    pub fn local_consistency(&self) -> Option<Consistency> {
        [Some(self.consistency), self.serial_consistency].into_iter().flatten().find(
            |consistency| {
                matches!(
                    consistency,
                    Consistency::LocalOne | Consistency::LocalQuorum | Consistency::LocalSerial
                )
            },
        )
    }
}
