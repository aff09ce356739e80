//! Picking the node of an attempt: the load balancing policy chooses, and nodes that do not answer come
//! last.

use std::sync::Arc;

use super::executor::Executor;
use super::progress::RequestProgress;
use crate::cluster::{ClusterState, LoadBalancing, Node, Routing};
use crate::connection::Connection;

/// A node and one of its open connections.
pub(super) type ConnectedNode = (Arc<Node>, Arc<Connection>);

/// The nodes that the load balancing policy picks first.
#[derive(Default)]
struct Picked {
    /// The first node that is responsive; `None` if the policy picks no such node.
    responsive: Option<ConnectedNode>,
    /// The first node that is connected, but does not answer.
    unresponsive: Option<ConnectedNode>,
}

impl Executor {
    /// Returns the first node that has an open connection, in the order of the load balancing
    /// policy; `None` if the policy picks no such node. A node that does not answer is returned only
    /// if the policy picks no other node.
    pub(super) fn pick_node(
        &self,
        progress: &RequestProgress<'_, '_>,
        state: &ClusterState,
    ) -> Option<ConnectedNode> {
        let Picked { responsive, unresponsive } = self.pick(progress, state);
        let picked = responsive.or(unresponsive);
        if let Some((node, _)) = &picked
            && progress.is_concurrent()
        {
            progress.tried().push(Arc::clone(node));
        }
        picked
    }

    /// Returns true if the load balancing policy picks another node than those that were tried.
    pub(super) fn has_untried_node(&self, progress: &RequestProgress<'_, '_>) -> bool {
        let (balancing, routing) = (self.balancing(progress), progress.routing());
        balancing.pick(&routing, &self.cluster.state(), &progress.copy_tried()).is_some()
    }

    /// Returns true if the load balancing policy picks a responsive node that was not tried yet.
    pub(super) fn has_responsive_node(&self, progress: &RequestProgress<'_, '_>) -> bool {
        let Picked { responsive, .. } = self.pick(progress, &self.cluster.state());
        responsive.is_some_and(|(node, _)| !is_in(&progress.tried(), &node))
    }

    fn pick(&self, progress: &RequestProgress<'_, '_>, state: &ClusterState) -> Picked {
        let (balancing, routing) = (self.balancing(progress), progress.routing());
        // Nodes that are skipped do not count as tried: they may answer again.
        let skipped = progress.copy_tried();
        let Some(node) = balancing.pick(&routing, state, &skipped) else {
            return Picked::default();
        };
        match node.connection() {
            Some(connection) if connection.is_responsive() => {
                Picked { responsive: Some((node, connection)), unresponsive: None }
            }
            _ => pick_another(balancing, &routing, state, skipped, node),
        }
    }

    pub(super) fn balancing<'r>(
        &'r self,
        progress: &RequestProgress<'r, '_>,
    ) -> &'r dyn LoadBalancing {
        progress.request.options.balancing().unwrap_or(&*self.cluster.settings().load_balancing)
    }
}

/// Picks a responsive node after the policy has picked `node`, which has no responsive connection.
#[cold]
fn pick_another(
    balancing: &dyn LoadBalancing,
    routing: &Routing<'_>,
    state: &ClusterState,
    mut skipped: Vec<Arc<Node>>,
    node: Arc<Node>,
) -> Picked {
    let mut picked = Picked::default();
    let mut before = Vec::new();
    let mut next = Some(node);
    while let Some(node) = next {
        match node.connection() {
            Some(connection) if connection.is_responsive() => {
                picked.responsive = Some((node, connection));
                break;
            }
            // The policy has picked a node again, because it has no other node.
            _ if is_in(&before, &node) => break,
            Some(connection) if picked.unresponsive.is_none() => {
                picked.unresponsive = Some((Arc::clone(&node), connection));
                if !skip_unresponsive(&mut skipped, state) {
                    break;
                }
            }
            _ => skipped.push(Arc::clone(&node)),
        }
        before.push(node);
        next = balancing.pick(routing, state, &skipped);
    }
    picked
}

/// Adds all connected nodes that do not answer to `skipped`, at once: a policy that picked one after
/// another would examine the nodes of a large cluster very often. Returns false if no connected node
/// answers.
fn skip_unresponsive(skipped: &mut Vec<Arc<Node>>, state: &ClusterState) -> bool {
    let connected = state.connected_nodes();
    let unresponsive = connected.iter().filter(|node| !node.is_responsive());
    let before = skipped.len();
    skipped.extend(unresponsive.cloned());
    skipped.len().saturating_sub(before) < connected.len()
}

fn is_in(nodes: &[Arc<Node>], node: &Arc<Node>) -> bool {
    nodes.iter().any(|other| Arc::ptr_eq(other, node))
}
