//! Sets of replicas.

use std::sync::Arc;

use crate::cluster::{Distance, Node};

/// The replicas of a partition in the local datacenter, in any order.
///
/// It is the sum of their host ids. If two sets had the same sum, some rows would only reach their replicas through another
/// node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ReplicaSet(u128);

impl ReplicaSet {
    /// Returns `None` if there is no local replica.
    pub(super) fn new<'n>(replicas: impl Iterator<Item = &'n Arc<Node>>) -> Option<Self> {
        let local = replicas.filter(|node| node.distance() == Distance::Local);
        local.map(|node| node.info().host_id.as_u128()).reduce(u128::wrapping_add).map(Self)
    }
}
