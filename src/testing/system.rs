//! What a cluster says of itself to the clients that connect: that it is this server, and its peers.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use uuid::Uuid;

use super::Reply;
use crate::types::{CqlType, NativeType, Value};

/// The cluster of a server.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) address: SocketAddr,
    pub(super) peers: Vec<SocketAddr>,
}

const VERSION: &str = "5.0.6";
const SCHEMA: Uuid = Uuid::from_u128(0x7e57);

impl Cluster {
    /// The reply to a statement that reads a table of the system; `None` to any other.
    pub(super) fn reply(&self, text: &str) -> Option<Reply> {
        let (_, table) = text.split_once(" FROM ")?;
        match table.split_whitespace().next()? {
            "system.local" => Some(self.local()),
            "system.peers_v2" => Some(self.peers()),
            "system_schema.keyspaces" => Some(keyspaces()),
            other if other.starts_with("system") => Some(Reply::rows(["none"], NOBODY)),
            _ => None,
        }
    }

    fn local(&self) -> Reply {
        let text = || NativeType::Text.into();
        let own = [("key", text()), ("cluster_name", text()), ("partitioner", text())];
        let partitioner = "org.apache.cassandra.dht.Murmur3Partitioner";
        let row = [texts(["local", "test", partitioner]), node(self.address)].concat();
        Reply::rows(own.into_iter().chain(columns_of_nodes()), [row])
    }

    fn peers(&self) -> Reply {
        let own = [
            ("peer", NativeType::Inet.into()),
            ("native_address", NativeType::Inet.into()),
            ("native_port", NativeType::Int.into()),
        ];
        let rows = self.peers.iter().filter(|peer| **peer != self.address).map(|peer| {
            let (ip, port) = (Value::Inet(peer.ip()), Value::Int(peer.port().into()));
            [vec![ip.clone(), ip, port], node(*peer)].concat()
        });
        Reply::rows(own.into_iter().chain(columns_of_nodes()), rows)
    }
}

fn texts(texts: [&str; 3]) -> Vec<Value> {
    texts.map(|text| Value::Text(text.to_owned())).into()
}

/// What both tables say of a node.
fn columns_of_nodes() -> [(&'static str, CqlType); 6] {
    [
        ("data_center", NativeType::Text.into()),
        ("rack", NativeType::Text.into()),
        ("release_version", NativeType::Text.into()),
        ("host_id", NativeType::Uuid.into()),
        ("schema_version", NativeType::Uuid.into()),
        ("tokens", CqlType::Set(Box::new(NativeType::Text.into()))),
    ]
}

fn node(address: SocketAddr) -> Vec<Value> {
    let mut values = texts([DATACENTER, RACK, VERSION]);
    let tokens = tokens(address).map(|token| Value::Text(token.to_string())).collect();
    values.extend([Value::Uuid(host_id(address)), Value::Uuid(SCHEMA), Value::Set(tokens)]);
    values
}

const DATACENTER: &str = "datacenter1";
const RACK: &str = "rack1";
const NOBODY: [[&str; 1]; 0] = [];

fn keyspaces() -> Reply {
    let map = CqlType::Map(Box::new((NativeType::Text.into(), NativeType::Text.into())));
    let columns = [("keyspace_name", NativeType::Text.into()), ("replication", map)];
    let replication = BTreeMap::from([("class", "SimpleStrategy"), ("replication_factor", "1")]);
    Reply::rows(columns, [("test", replication)])
}

/// One for each address.
fn host_id(address: SocketAddr) -> Uuid {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    Uuid::from_u128(u128::from(ip).wrapping_mul(0x1_0000).wrapping_add(address.port().into()))
}

/// The places of a node on the ring, spread by its address: as many as Cassandra gives to one, so
/// that no node of a small cluster is left with next to nothing.
fn tokens(address: SocketAddr) -> impl Iterator<Item = i64> {
    (0..16).map(move |place| {
        let mut hasher = DefaultHasher::new();
        (address, place).hash(&mut hasher);
        hasher.finish().cast_signed()
    })
}
