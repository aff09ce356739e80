//! Finds the nodes of a cluster in the rows of `system.local` and of the peers table.
//!
//! Each node is described by one row, but a server may have more rows than nodes: the row of a node
//! that was replaced, the old row of a node that has moved to another address, or a row for the
//! queried node itself. Two rows cannot both be right if they have the same host id or the same
//! address. Of the rows that contradict each other, [`select`] chooses one.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::node_row::{NodeRow, TokenTexts};
use super::topology::{Contradiction, IgnoredRow, NodeInfo, Topology};
use super::{AddressTranslator, Partitioner, Token};

/// The reachability of an address, as far as the driver knows. Later variants are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reachability {
    /// The last attempt to connect failed and no connection is open, or the open connections do not
    /// answer.
    Failed,
    /// The driver has not connected to the address.
    Unknown,
    /// A connection is open and answers, or the driver is opening the first one.
    Reachable,
}

/// The nodes and addresses that the driver knows before a read of the topology.
pub(super) trait Known {
    /// Returns the reachability of an address, after translation. It decides between rows that contradict
    /// each other.
    fn reachability(&self, address: SocketAddr) -> Reachability;

    /// Returns the tokens of the node with this host id, or `None` if the node is unknown.
    fn tokens(&self, host_id: Uuid) -> Option<&Arc<[Token]>>;
}

/// A row of the peers table that describes a node.
struct Peer {
    info: NodeInfo,
    /// The address that the node announces, before translation.
    announced: SocketAddr,
}

/// Returns the nodes that the rows describe. `queried` is the address of the connection over which
/// the rows were read.
pub(super) fn describe(
    local: Option<NodeRow>,
    peers: Vec<NodeRow>,
    queried: SocketAddr,
    translator: Option<&dyn AddressTranslator>,
    known: &impl Known,
) -> Topology {
    let local = local.unwrap_or_default();
    let cluster_name = local.cluster_name.clone().unwrap_or_default();
    let partitioner = local.partitioner.as_deref().and_then(Partitioner::from_class);
    let mut tokens = TokenParser { partitioner, known, parsed: Vec::new() };
    let translate =
        |address| translator.map_or(address, |translator| translator.translate(address));
    // A table without ports belongs to a cluster in which all nodes listen on one port.
    let has_ports = peers.iter().any(NodeRow::has_port);
    let announced = local.announced_address(queried.port()).map(|address| match has_ports {
        true => address,
        false => SocketAddr::new(address.ip(), queried.port()),
    });
    // The queried node is reachable at the address of the connection, whatever it announces.
    let first = node_info(local, queried, &mut tokens);
    // A translator may give several nodes the address of one proxy, so that the connection's address
    // identifies the queried node only if there is no translator.
    let own = announced.into_iter().chain(Some(queried).filter(|_| translator.is_none()));
    let own: Vec<_> = own.collect();
    let peers = peers.into_iter().filter_map(|row| {
        let announced = row.announced_address(queried.port()).filter(|_| row.is_complete())?;
        Some(Peer { info: node_info(row, translate(announced), &mut tokens), announced })
    });
    let (nodes, ignored) =
        select(first, &own, peers.collect(), |address| known.reachability(address));
    Topology { cluster_name, partitioner, nodes, announced: announced.map(translate), ignored }
}

/// Returns the queried node and the peers, without the rows that contradict other rows.
///
/// A row that has the host id of the queried node, or one of the addresses in `own`, loses against
/// `system.local`. Among other rows with the same host id or the same address, the winner is the row
///
/// 1. whose address is [reachable](Reachability), then
/// 2. whose schema version is that of the queried node, because a row that is no longer updated
///    keeps its version, then
/// 3. that contradicts fewer other rows, then
/// 4. that comes later in the table.
fn select(
    queried: NodeInfo,
    own: &[SocketAddr],
    peers: Vec<Peer>,
    reachability: impl Fn(SocketAddr) -> Reachability,
) -> (Vec<NodeInfo>, Vec<IgnoredRow>) {
    let (mut by_host_id, mut by_address) = (HashMap::new(), HashMap::new());
    for peer in &peers {
        *by_host_id.entry(peer.info.host_id).or_insert(0_usize) += 1;
        *by_address.entry(peer.announced).or_insert(0_usize) += 1;
    }
    let contradictions = |peer: &Peer| {
        let same = [by_host_id.get(&peer.info.host_id), by_address.get(&peer.announced)];
        same.into_iter().flatten().map(|rows| rows - 1).sum::<usize>()
    };
    let mut order: Vec<_> = peers.iter().enumerate().collect();
    if by_host_id.len() < peers.len() || by_address.len() < peers.len() {
        order.sort_by_cached_key(|(index, peer)| {
            let is_current = peer.info.schema_version == queried.schema_version;
            let reachable = reachability(peer.info.address);
            Reverse((reachable, is_current, Reverse(contradictions(peer)), *index))
        });
    }
    let mut host_ids = HashSet::with_capacity(peers.len());
    let mut addresses = HashSet::with_capacity(peers.len());
    let mut ignored = Vec::new();
    let mut is_node = vec![false; peers.len()];
    for (index, peer) in order {
        let (host_id, address) = (peer.info.host_id, peer.announced);
        let reason = if host_id == queried.host_id || own.contains(&address) {
            Contradiction::QueriedNode
        } else if host_ids.contains(&host_id) {
            Contradiction::HostId
        } else if addresses.contains(&address) {
            Contradiction::Address
        } else {
            host_ids.insert(host_id);
            addresses.insert(address);
            if let Some(is_node) = is_node.get_mut(index) {
                *is_node = true;
            }
            continue;
        };
        ignored.push(IgnoredRow { host_id, address, reason });
    }
    let chosen = peers.into_iter().zip(is_node).filter(|(_, is_node)| *is_node);
    let nodes = std::iter::once(queried).chain(chosen.map(|(peer, _)| peer.info)).collect();
    (nodes, ignored)
}

/// Returns the node that `row` describes.
fn node_info(
    row: NodeRow,
    address: SocketAddr,
    tokens: &mut TokenParser<'_, impl Known>,
) -> NodeInfo {
    let host_id = row.host_id.unwrap_or_default();
    NodeInfo {
        host_id,
        address,
        host: None,
        datacenter: row.datacenter.unwrap_or_default(),
        rack: row.rack.unwrap_or_default(),
        release_version: row.release_version.unwrap_or_default(),
        tokens: row.tokens.map(|texts| tokens.parse(host_id, &texts)).unwrap_or_default(),
        schema_version: row.schema_version,
    }
}

/// Parses the tokens of nodes.
struct TokenParser<'a, K> {
    /// `None` if the partitioner is unknown: nodes then have no tokens.
    partitioner: Option<Partitioner>,
    known: &'a K,
    /// The tokens of one node. The nodes share the buffer.
    parsed: Vec<Token>,
}

impl<K: Known> TokenParser<'_, K> {
    /// Returns the tokens of a node. A node whose tokens have not changed keeps its list, so that the ring
    /// sees at once that they are equal.
    fn parse(&mut self, host_id: Uuid, texts: &TokenTexts) -> Arc<[Token]> {
        self.parsed.clear();
        if let Some(partitioner) = self.partitioner {
            texts.parse_into(partitioner, &mut self.parsed);
        }
        match self.known.tokens(host_id) {
            Some(known) if **known == *self.parsed => Arc::clone(known),
            _ => self.parsed.as_slice().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Known for Nothing {
        fn reachability(&self, _: SocketAddr) -> Reachability {
            Reachability::Unknown
        }

        fn tokens(&self, _: Uuid) -> Option<&Arc<[Token]>> {
            None
        }
    }

    /// The address of a node with this number.
    fn address(number: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, number], 9042))
    }

    fn peer(host_id: u128, number: u8, schema_version: u128) -> Peer {
        let mut tokens = TokenParser { partitioner: None, known: &Nothing, parsed: Vec::new() };
        let info = node_info(NodeRow::default(), address(number), &mut tokens);
        let (host_id, schema_version) =
            (Uuid::from_u128(host_id), Some(Uuid::from_u128(schema_version)));
        Peer { info: NodeInfo { host_id, schema_version, ..info }, announced: address(number) }
    }

    /// Selects nodes among `peers` and the queried node, which has host id 1, address 1 and schema
    /// version 1. Returns the host id and the address of each peer that was chosen.
    fn chosen(peers: Vec<Peer>, reachability: fn(SocketAddr) -> Reachability) -> Vec<(u128, u8)> {
        let queried = peer(1, 1, 1).info;
        let count = peers.len();
        let (nodes, ignored) = select(queried, &[address(1)], peers, reachability);
        assert_eq!((nodes[0].host_id.as_u128(), nodes[0].address), (1, address(1)));
        assert_eq!(nodes.len() + ignored.len(), count + 1);
        let number = |node: &NodeInfo| match node.address.ip() {
            std::net::IpAddr::V4(ip) => ip.octets()[3],
            std::net::IpAddr::V6(_) => 0,
        };
        nodes[1..].iter().map(|node| (node.host_id.as_u128(), number(node))).collect()
    }

    const fn unknown(_: SocketAddr) -> Reachability {
        Reachability::Unknown
    }

    #[test]
    fn rows_that_do_not_contradict_each_other_are_nodes_in_the_order_of_the_table() {
        let rows = vec![peer(3, 3, 9), peer(2, 2, 1), peer(4, 4, 1)];
        assert_eq!(chosen(rows, unknown), [(3, 3), (2, 2), (4, 4)]);
    }

    #[test]
    fn rows_of_the_queried_node_are_ignored() {
        let rows = vec![peer(9, 1, 1), peer(1, 9, 1), peer(1, 1, 1), peer(2, 2, 1)];
        assert_eq!(chosen(rows, unknown), [(2, 2)]);
    }

    #[test]
    fn the_row_with_the_current_schema_version_wins() {
        for (first, second) in [(1, 7), (7, 1)] {
            // A node was replaced by another one at the same address.
            let rows = vec![peer(2, 2, first), peer(3, 2, second)];
            assert_eq!(chosen(rows, unknown), [(if first == 1 { 2 } else { 3 }, 2)]);
            // A node has moved to another address.
            let rows = vec![peer(2, 2, first), peer(2, 3, second)];
            assert_eq!(chosen(rows, unknown), [(2, if first == 1 { 2 } else { 3 })]);
        }
    }

    #[test]
    fn the_row_with_a_reachable_address_wins() {
        let first_failed = |at| match at == address(2) {
            true => Reachability::Failed,
            false => Reachability::Unknown,
        };
        assert_eq!(chosen(vec![peer(2, 3, 7), peer(2, 2, 1)], first_failed), [(2, 3)]);
        let first_open = |at| match at == address(2) {
            true => Reachability::Reachable,
            false => Reachability::Unknown,
        };
        assert_eq!(chosen(vec![peer(2, 2, 7), peer(2, 3, 1)], first_open), [(2, 2)]);
    }

    #[test]
    fn the_later_row_wins_if_nothing_else_decides() {
        assert_eq!(chosen(vec![peer(2, 2, 1), peer(3, 2, 1)], unknown), [(3, 2)]);
    }

    /// Node 2 has moved to another address, and node 3 has taken over its previous address.
    #[test]
    fn a_row_that_contradicts_two_others_loses_against_them() {
        let mut rows = vec![peer(2, 4, 1), peer(3, 2, 1), peer(2, 2, 1)];
        assert_eq!(chosen(rows, unknown), [(2, 4), (3, 2)]);
        rows = vec![peer(2, 2, 1), peer(2, 4, 1), peer(3, 2, 1)];
        assert_eq!(chosen(rows, unknown), [(2, 4), (3, 2)]);
    }
}
