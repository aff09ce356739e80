//! The system tables that clients read after connecting: the server itself, its peers, and its
//! schema.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use uuid::Uuid;

use super::reply::Reply;
use crate::cql::parse_select;
use crate::types::{CqlType, NativeType, Value};

/// The system tables of a server in a cluster.
#[derive(Debug, Clone)]
pub(super) struct SystemTables {
    /// The address of the server.
    address: SocketAddr,
    /// The addresses of the nodes in the cluster. The address of this server is ignored.
    pub(super) peers: Vec<SocketAddr>,
}

const RELEASE_VERSION: &str = "5.0.6";
const SCHEMA_VERSION: Uuid = Uuid::from_u128(0x7e57);
const DATACENTER: &str = "datacenter1";
const RACK: &str = "rack1";

impl SystemTables {
    /// Creates the tables of a cluster that consists of this server only.
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address, peers: Vec::new() }
    }

    /// Returns the reply to a statement that reads a system table, or `None` for any other
    /// statement. Only `system.local`, `system.peers_v2` and `system_schema.keyspaces` have rows;
    /// all other system tables are empty.
    pub(super) fn reply(&self, text: &str) -> Option<Reply> {
        let table = parse_select(text).ok()?.table;
        match (table.keyspace.as_deref()?, &*table.name) {
            ("system", "local") => Some(self.local()),
            ("system", "peers_v2") => Some(self.peers()),
            ("system_schema", "keyspaces") => Some(keyspaces()),
            (other, _) if other.starts_with("system") => Some(Reply::rows(["none"], NO_ROWS)),
            _ => None,
        }
    }

    fn local(&self) -> Reply {
        let text = || NativeType::Text.into();
        let own = [("key", text()), ("cluster_name", text()), ("partitioner", text())];
        let partitioner = "org.apache.cassandra.dht.Murmur3Partitioner";
        let row = [texts(["local", "test", partitioner]), node_values(self.address)].concat();
        Reply::rows(own.into_iter().chain(node_columns()), [row])
    }

    fn peers(&self) -> Reply {
        let own = [
            ("peer", NativeType::Inet.into()),
            ("native_address", NativeType::Inet.into()),
            ("native_port", NativeType::Int.into()),
        ];
        let rows = self.peers.iter().filter(|peer| **peer != self.address).map(|peer| {
            let (ip, port) = (Value::Inet(peer.ip()), Value::Int(peer.port().into()));
            [vec![ip.clone(), ip, port], node_values(*peer)].concat()
        });
        Reply::rows(own.into_iter().chain(node_columns()), rows)
    }
}

fn texts(texts: [&str; 3]) -> Vec<Value> {
    texts.map(|text| Value::Text(text.to_owned())).into()
}

/// Returns the columns that `system.local` and `system.peers_v2` share.
fn node_columns() -> [(&'static str, CqlType); 6] {
    [
        ("data_center", NativeType::Text.into()),
        ("rack", NativeType::Text.into()),
        ("release_version", NativeType::Text.into()),
        ("host_id", NativeType::Uuid.into()),
        ("schema_version", NativeType::Uuid.into()),
        ("tokens", CqlType::Set(Box::new(NativeType::Text.into()))),
    ]
}

/// Returns the values of [`node_columns`] for one node.
fn node_values(address: SocketAddr) -> Vec<Value> {
    let mut values = texts([DATACENTER, RACK, RELEASE_VERSION]);
    let tokens = tokens(address).map(|token| Value::Text(token.to_string())).collect();
    values.extend([Value::Uuid(host_id(address)), Value::Uuid(SCHEMA_VERSION), Value::Set(tokens)]);
    values
}

const NO_ROWS: [[&str; 1]; 0] = [];

fn keyspaces() -> Reply {
    let map = CqlType::Map(Box::new((NativeType::Text.into(), NativeType::Text.into())));
    let columns = [("keyspace_name", NativeType::Text.into()), ("replication", map)];
    let replication = BTreeMap::from([("class", "SimpleStrategy"), ("replication_factor", "1")]);
    Reply::rows(columns, [("test", replication)])
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
