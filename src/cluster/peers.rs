//! Finds the nodes of a cluster in the rows of `system.local` and of the peers table.
//!
//! Each node is described by one row, but a server may have more rows than nodes: the row of a node
//! that was replaced, the old row of a node that has moved to another address, or a row for the
//! queried node itself. Two rows cannot both be right if they have the same host id or the same
//! address. Of the rows that contradict each other, [`select`] chooses one.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use uuid::Uuid;

use super::topology::{Contradiction, IgnoredRow, NodeInfo, Topology};
use super::{AddressTranslator, Partitioner, Token};
use crate::types::{Record, Value};

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

/// A row of the peers table that describes a node.
struct Peer {
    info: NodeInfo,
    /// The address that the node announces, before translation.
    announced: SocketAddr,
}

/// Returns the nodes that the rows describe. `queried` is the address of the connection over which
/// the rows were read.
pub(super) fn describe(
    local: Option<&Record>,
    peers: &[Record],
    queried: SocketAddr,
    translator: Option<&dyn AddressTranslator>,
    reachability: impl Fn(SocketAddr) -> Reachability,
) -> Topology {
    let partitioner = local.and_then(|local| text(local, "partitioner"));
    let partitioner = partitioner.and_then(|class| Partitioner::from_class(&class));
    let translate =
        |address| translator.map_or(address, |translator| translator.translate(address));
    // The queried node is reachable at the address of the connection, whatever it announces.
    let first = node_info(local, queried, partitioner);
    // A table without ports belongs to a cluster in which all nodes listen on one port.
    let has_ports = peers.iter().any(|row| row.get("native_port").is_some());
    let announced = local.and_then(|local| announced_address(local, queried.port()));
    let announced = announced.map(|address| match has_ports {
        true => address,
        false => SocketAddr::new(address.ip(), queried.port()),
    });
    // A translator may give several nodes the address of one proxy, so that the connection's address
    // identifies the queried node only if there is no translator.
    let own = announced.into_iter().chain(Some(queried).filter(|_| translator.is_none()));
    let own: Vec<_> = own.collect();
    let peers = peers.iter().filter_map(|row| {
        let announced = announced_address(row, queried.port()).filter(|_| is_complete(row))?;
        Some(Peer { info: node_info(Some(row), translate(announced), partitioner), announced })
    });
    let (nodes, ignored) = select(first, &own, peers.collect(), reachability);
    let cluster_name = local.and_then(|local| text(local, "cluster_name")).unwrap_or_default();
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

/// Returns the node that `row` describes. If there is no row, only the address is known.
fn node_info(
    row: Option<&Record>,
    address: SocketAddr,
    partitioner: Option<Partitioner>,
) -> NodeInfo {
    NodeInfo {
        host_id: row.and_then(|row| uuid(row, "host_id")).unwrap_or_default(),
        address,
        host: None,
        datacenter: row.and_then(|row| text(row, "data_center")).unwrap_or_default(),
        rack: row.and_then(|row| text(row, "rack")).unwrap_or_default(),
        release_version: row.and_then(|row| text(row, "release_version")).unwrap_or_default(),
        tokens: row.zip(partitioner).map(|(row, by)| tokens(row, by)).unwrap_or_default(),
        schema_version: row.and_then(|row| uuid(row, "schema_version")),
    }
}

/// Returns true if the row of a peer has the columns that each node has. A removed node may leave a
/// row behind that lacks some of them.
fn is_complete(row: &Record) -> bool {
    let is_set = |name: &&str| row.get(*name).is_some_and(|value| *value != Value::Null);
    uuid(row, "host_id").is_some_and(|host_id| !host_id.is_nil())
        && ["data_center", "rack", "tokens"].iter().all(is_set)
}

/// Returns the address at which a node listens for clients. If that is unknown or unspecified
/// (`0.0.0.0` or `::`), returns the address that other nodes use. Returns `None` if the row
/// contains neither.
pub(super) fn announced_address(row: &Record, default_port: u16) -> Option<SocketAddr> {
    let inet = |name| match row.get(name)? {
        Value::Inet(address) => Some(*address),
        _ => None,
    };
    let is_specified = |address: &IpAddr| !address.is_unspecified();
    let client = inet("native_address").or_else(|| inet("rpc_address")).filter(is_specified);
    let internal = || inet("peer").or_else(|| inet("broadcast_address")).filter(is_specified);
    let address = client.or_else(internal)?;
    let port = |name| match row.get(name)? {
        Value::Int(port) => u16::try_from(*port).ok().filter(|port| *port != 0),
        _ => None,
    };
    let port = port("native_port").or_else(|| port("rpc_port"));
    Some(SocketAddr::new(address, port.unwrap_or(default_port)))
}

pub(super) fn text(row: &Record, name: &str) -> Option<String> {
    match row.get(name)? {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

pub(super) fn uuid(row: &Record, name: &str) -> Option<Uuid> {
    match row.get(name)? {
        Value::Uuid(uuid) | Value::TimeUuid(uuid) => Some(*uuid),
        _ => None,
    }
}

fn tokens(row: &Record, partitioner: Partitioner) -> Vec<Token> {
    let Some(Value::Set(tokens) | Value::List(tokens)) = row.get("tokens") else {
        return Vec::new();
    };
    let token = |token: &Value| match token {
        Value::Text(token) => partitioner.parse(token),
        _ => None,
    };
    tokens.iter().filter_map(token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address of a node with this number.
    fn address(number: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, number], 9042))
    }

    fn peer(host_id: u128, number: u8, schema_version: u128) -> Peer {
        let info = node_info(None, address(number), None);
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
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(_) => 0,
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
