//! Which nodes have the replicas of a partition.

use std::sync::Arc;

use crate::cluster::{Distance, Node};

/// The replicas of a partition in the local datacenter, in any order.
///
/// It is the sum of their host ids. Two sets with the same sum would only cost a coordinator the way to a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ReplicaSet(u128);

impl ReplicaSet {
    pub(super) fn new<'n>(replicas: impl Iterator<Item = &'n Arc<Node>>) -> Self {
        let local = replicas.filter(|node| node.distance() == Distance::Local);
        let ids = local.map(|node| node.info().host_id.as_u128());
        Self(ids.fold(0, u128::wrapping_add))
    }
}
