//! The rows of `system.local`, `system.peers` and `system.peers_v2`.

use uuid::Uuid;

use super::super::node_info::NodeInfo;
use super::cells::{Cells, text};
use crate::types::Value;
use crate::wire::Version;

/// The version of CQL in SUPPORTED and in `system.local`.
pub(in crate::testing) const CQL_VERSION: &str = "3.4.7";

const RELEASE_VERSION: &str = "5.0.6";
/// The name of every cluster.
pub(in crate::testing) const CLUSTER_NAME: &str = "test";

pub(in crate::testing) const PARTITIONER: &str = "org.apache.cassandra.dht.Murmur3Partitioner";

/// The generation of a node in gossip: the time of its start, in seconds since 1970. It is constant,
/// so that the rows of two runs are equal.
const GENERATION: i32 = 1_577_836_800;

/// Returns the row of `system.local`. The server has no port for other nodes; the columns of that
/// port have the port for clients.
pub(super) fn local(info: &NodeInfo, version: Version, schema_version: Uuid) -> Cells {
    let (ip, port) = (Value::Inet(info.address.ip()), Value::Int(info.address.port().into()));
    let own = [
        ("key", text("local")),
        ("bootstrapped", text("COMPLETED")),
        ("broadcast_address", ip.clone()),
        ("broadcast_port", port.clone()),
        ("cluster_name", text(CLUSTER_NAME)),
        ("cql_version", text(CQL_VERSION)),
        ("gossip_generation", Value::Int(GENERATION)),
        ("listen_address", ip.clone()),
        ("listen_port", port.clone()),
        ("native_protocol_version", text(&version.number().to_string())),
        ("partitioner", text(PARTITIONER)),
        ("rpc_address", ip),
        ("rpc_port", port),
    ];
    own.into_iter().chain(node(info, schema_version)).collect()
}

/// Returns the rows of `system.peers`, which has one row for each IP address.
pub(super) fn peers(
    own: &NodeInfo,
    nodes: &[NodeInfo],
    schema_version: impl Fn(&NodeInfo) -> Uuid,
) -> Vec<Cells> {
    let mut seen = vec![own.address.ip()];
    let mut rows = Vec::new();
    for node in nodes {
        let ip = node.address.ip();
        if seen.contains(&ip) {
            continue;
        }
        seen.push(ip);
        let ip = Value::Inet(ip);
        let own = [("peer", ip.clone()), ("rpc_address", ip)];
        rows.push(own.into_iter().chain(self::node(node, schema_version(node))).collect());
    }
    rows
}

/// Returns the rows of `system.peers_v2`, which has one row for each address with its port.
pub(super) fn peers_v2(
    own: &NodeInfo,
    nodes: &[NodeInfo],
    schema_version: impl Fn(&NodeInfo) -> Uuid,
) -> Vec<Cells> {
    let row = |node: &NodeInfo| {
        let (ip, port) = (Value::Inet(node.address.ip()), Value::Int(node.address.port().into()));
        let own = [
            ("peer", ip.clone()),
            ("peer_port", port.clone()),
            ("native_address", ip),
            ("native_port", port),
        ];
        own.into_iter().chain(self::node(node, schema_version(node))).collect()
    };
    nodes.iter().filter(|node| node.address != own.address).map(row).collect()
}

/// Returns the cells that the three tables share.
fn node(info: &NodeInfo, schema_version: Uuid) -> Cells {
    let tokens = info.tokens.iter().map(|token| Value::Text(token.to_string())).collect();
    vec![
        ("data_center", text(&info.datacenter)),
        ("rack", text(&info.rack)),
        ("release_version", text(RELEASE_VERSION)),
        ("host_id", Value::Uuid(info.host_id)),
        ("schema_version", Value::Uuid(schema_version)),
        ("tokens", Value::Set(tokens)),
    ]
}
