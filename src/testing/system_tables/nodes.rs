//! The rows of `system.local`, `system.peers` and `system.peers_v2`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use uuid::Uuid;

use super::cells::{Cells, text};
use crate::types::Value;
use crate::wire::Version;

/// The version of CQL in SUPPORTED and in `system.local`.
pub(in crate::testing) const CQL_VERSION: &str = "3.4.7";

const RELEASE_VERSION: &str = "5.0.6";
const SCHEMA_VERSION: Uuid = Uuid::from_u128(0x7e57);
const DATACENTER: &str = "datacenter1";
const RACK: &str = "rack1";
const PARTITIONER: &str = "org.apache.cassandra.dht.Murmur3Partitioner";

/// The generation of a node in gossip: the time of its start, in seconds since 1970. It is constant,
/// so that the rows of two runs are equal.
const GENERATION: i32 = 1_577_836_800;

/// Returns the row of `system.local`. The server has no port for other nodes; the columns of that
/// port have the port for clients.
pub(super) fn local(address: SocketAddr, version: Version) -> Cells {
    let (ip, port) = (Value::Inet(address.ip()), Value::Int(address.port().into()));
    let own = [
        ("key", text("local")),
        ("bootstrapped", text("COMPLETED")),
        ("broadcast_address", ip.clone()),
        ("broadcast_port", port.clone()),
        ("cluster_name", text("test")),
        ("cql_version", text(CQL_VERSION)),
        ("gossip_generation", Value::Int(GENERATION)),
        ("listen_address", ip.clone()),
        ("listen_port", port.clone()),
        ("native_protocol_version", text(&version.number().to_string())),
        ("partitioner", text(PARTITIONER)),
        ("rpc_address", ip),
        ("rpc_port", port),
    ];
    own.into_iter().chain(node(address)).collect()
}

/// Returns the rows of `system.peers`, which has one row for each IP address.
pub(super) fn peers(own: SocketAddr, nodes: &[SocketAddr]) -> Vec<Cells> {
    let mut seen = vec![own.ip()];
    let mut rows = Vec::new();
    for node in nodes {
        if seen.contains(&node.ip()) {
            continue;
        }
        seen.push(node.ip());
        let ip = Value::Inet(node.ip());
        let own = [("peer", ip.clone()), ("rpc_address", ip)];
        rows.push(own.into_iter().chain(self::node(*node)).collect());
    }
    rows
}

/// Returns the rows of `system.peers_v2`, which has one row for each address with its port.
pub(super) fn peers_v2(own: SocketAddr, nodes: &[SocketAddr]) -> Vec<Cells> {
    let row = |node: &SocketAddr| {
        let (ip, port) = (Value::Inet(node.ip()), Value::Int(node.port().into()));
        let own = [
            ("peer", ip.clone()),
            ("peer_port", port.clone()),
            ("native_address", ip),
            ("native_port", port),
        ];
        own.into_iter().chain(self::node(*node)).collect()
    };
    nodes.iter().filter(|node| **node != own).map(row).collect()
}

/// Returns the cells that the three tables share.
fn node(address: SocketAddr) -> Cells {
    let tokens = tokens(address).map(|token| Value::Text(token.to_string())).collect();
    vec![
        ("data_center", text(DATACENTER)),
        ("rack", text(RACK)),
        ("release_version", text(RELEASE_VERSION)),
        ("host_id", Value::Uuid(host_id(address))),
        ("schema_version", Value::Uuid(SCHEMA_VERSION)),
        ("tokens", Value::Set(tokens)),
    ]
}

/// Returns a host id computed from the IP address and the port, so that each node has its own.
fn host_id(address: SocketAddr) -> Uuid {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    Uuid::from_u128(u128::from(ip).wrapping_mul(0x1_0000).wrapping_add(address.port().into()))
}

/// Returns the 16 tokens of a node, computed from its address. 16 is Cassandra's default, and enough
/// for each node of a small cluster to own a fair share of the ring.
fn tokens(address: SocketAddr) -> impl Iterator<Item = i64> {
    (0..16).map(move |index| {
        let mut hasher = DefaultHasher::new();
        (address, index).hash(&mut hasher);
        hasher.finish().cast_signed()
    })
}
