//! Which node a request goes to.

mod default;
mod latency;

use std::fmt;
use std::sync::Arc;

pub use default::DefaultBalancing;
pub use latency::LatencyAwareness;

use super::topology::NodeInfo;
use super::{ClusterState, Distance, Node, Token};
use crate::wire::Consistency;

/// Chooses the node that a request goes to, and which nodes have connections at all.
///
/// ```
/// use std::sync::Arc;
///
/// use cqlwire::cluster::{ClusterState, LoadBalancing, Node, Routing};
///
/// /// The first node that answers, as long as it does.
/// #[derive(Debug)]
/// struct Favourite;
///
/// impl LoadBalancing for Favourite {
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
    /// How near a node is. Default: those of the local datacenter are near, the others ignored.
    fn distance(&self, node: &NodeInfo, local_datacenter: Option<&str>) -> Distance {
        match local_datacenter.is_none_or(|local| node.datacenter == local) {
            true => Distance::Local,
            false => Distance::Ignored,
        }
    }

    /// The best node for a request that none of `tried` has answered; `None` when there is no other.
    fn pick(
        &self,
        request: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>>;
}

/// One for several sessions or statements.
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

/// What is known of a request that is to be sent.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Routing<'a> {
    /// The keyspace of its table, if that is known.
    pub keyspace: Option<&'a str>,
    /// The token of its partition, if that is known.
    pub token: Option<Token>,
    /// How many replicas must answer.
    pub consistency: Consistency,
}
