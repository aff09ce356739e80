//! The node of the control connection, and the nodes that may replace it.

use std::net::SocketAddr;
use std::sync::Arc;

use rand::seq::SliceRandom;
use uuid::Uuid;

use super::shared::Shared;
use super::{ContactPoint, Node};
use crate::connection::Connection;
use crate::environment;

/// Number of known nodes that are tried before the contact points.
const MAX_KNOWN_NODES: usize = 4;

/// The node of a control connection. It may have several addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnNode {
    /// The address of the control connection.
    pub(super) address: SocketAddr,
    /// Nil if the node does not report it.
    pub(super) host_id: Uuid,
}

impl OwnNode {
    /// Returns true if `node` is this node.
    pub(super) fn is(self, node: &Node) -> bool {
        let has_host_id = !self.host_id.is_nil() && node.info().host_id == self.host_id;
        has_host_id || node.address() == self.address
    }

    /// Returns true if `other` is the same node, under this address or another.
    pub(super) fn is_same(self, other: Self) -> bool {
        let has_host_id = !self.host_id.is_nil() && other.host_id == self.host_id;
        has_host_id || other.address == self.address
    }

    /// Returns true if `address` belongs to this node.
    pub(super) fn has_address(self, shared: &Shared, address: SocketAddr) -> bool {
        let state = shared.state();
        address == self.address || state.nodes_at(address).any(|node| self.is(node))
    }
}

/// Waits until the control connection is unresponsive although another node than `own` is responsive.
pub(super) async fn wait_replaceable(shared: &Shared, control: &Connection, own: OwnNode) {
    let is_other = |node: &Arc<Node>| !own.is(node) && node.is_responsive();
    let mut changes = shared.pools.changes();
    loop {
        control.wait_responsive(false).await;
        changes.mark_seen();
        if shared.state().nodes().iter().any(is_other) && !control.is_responsive() {
            return;
        }
        changes.changed().await;
    }
}

/// Returns the hosts to try for the control connection, in this order: up to [`MAX_KNOWN_NODES`]
/// known nodes, then the contact points, whose names are resolved anew. Known nodes are sorted by
/// distance. At the same distance, responsive nodes come first, then other connected nodes. The order
/// is otherwise random. Leaves out the node `except`, but contact points with host names stay.
pub(super) fn contact_points(shared: &Shared, except: Option<OwnNode>) -> Vec<ContactPoint> {
    let state = shared.state();
    let is_wanted = |node: &&Arc<Node>| except.is_none_or(|except| !except.is(node));
    let mut nodes: Vec<_> = state.nodes().iter().filter(is_wanted).collect();
    nodes.shuffle(&mut environment::random());
    // Cached, because a connection may open or end while the nodes are sorted.
    nodes.sort_by_cached_key(|node| (node.distance(), !node.is_responsive(), !node.is_connected()));
    let known = nodes.into_iter().take(MAX_KNOWN_NODES).map(|node| ContactPoint::from(node.info()));
    let is_wanted = |point: &&ContactPoint| {
        except.is_none_or(|OwnNode { address, .. }| {
            (point.host.parse(), point.port) != (Ok(address.ip()), address.port())
        })
    };
    known.chain(shared.settings.contact_points.iter().filter(is_wanted).cloned()).collect()
}
