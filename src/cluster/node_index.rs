//! Finds nodes by host id and by address.

use std::net::SocketAddr;

use uuid::Uuid;

/// An index of the nodes of a [`ClusterState`](super::ClusterState), in sorted lists. It returns the
/// positions of nodes in the state.
#[derive(Debug, Default)]
pub(super) struct NodeIndex {
    by_host_id: Vec<(Uuid, u32)>,
    by_address: Vec<(SocketAddr, u32)>,
}

impl NodeIndex {
    /// Creates the index of nodes with these host ids and addresses, in the order of their
    /// positions. A node may have several addresses.
    pub(super) fn new<A: IntoIterator<Item = SocketAddr>>(
        nodes: impl ExactSizeIterator<Item = (Uuid, A)>,
    ) -> Self {
        let mut index = Self {
            by_host_id: Vec::with_capacity(nodes.len()),
            by_address: Vec::with_capacity(nodes.len()),
        };
        for (position, (host_id, addresses)) in (0..).zip(nodes) {
            index.by_host_id.push((host_id, position));
            index.by_address.extend(addresses.into_iter().map(|address| (address, position)));
        }
        index.by_host_id.sort_unstable();
        index.by_address.sort_unstable();
        index.by_address.dedup();
        index
    }

    /// Returns the position of the node with this host id. If several nodes have it, returns the
    /// first position.
    pub(super) fn with_host_id(&self, host_id: Uuid) -> Option<usize> {
        let from = self.by_host_id.partition_point(|(known, _)| *known < host_id);
        let (found, position) = self.by_host_id.get(from)?;
        (*found == host_id).then_some(*position as usize)
    }

    /// Returns the positions of the nodes with this address. There are several if an address
    /// translator gives several nodes the same address.
    pub(super) fn with_address(&self, address: SocketAddr) -> impl Iterator<Item = usize> {
        let from = self.by_address.partition_point(|(known, _)| *known < address);
        let rest = self.by_address.iter().skip(from);
        rest.take_while(move |(known, _)| *known == address).map(|(_, at)| *at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_nodes_by_host_id_and_by_each_of_their_addresses() {
        let address = |number| SocketAddr::from(([127, 0, 0, number], 9042));
        let nodes = [
            (Uuid::from_u128(7), vec![address(3), address(3)]),
            (Uuid::from_u128(2), vec![address(1), address(3)]),
        ];
        let index = NodeIndex::new(nodes.into_iter());
        assert_eq!(index.with_host_id(Uuid::from_u128(7)), Some(0));
        assert_eq!(index.with_host_id(Uuid::from_u128(2)), Some(1));
        assert_eq!(index.with_host_id(Uuid::from_u128(3)), None);
        let positions = |number| index.with_address(address(number)).collect::<Vec<_>>();
        assert_eq!((positions(1), positions(2), positions(3)), (vec![1], vec![], vec![0, 1]));
    }
}
