//! The nodes of a cluster, as `system.local` and `system.peers` describe them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use uuid::Uuid;

use super::system_tables::{ReadError, none_if_missing, rows};
use super::{AddressTranslator, Partitioner, ReplicationStrategy, Token};
use crate::connection::Connection;
use crate::types::{Record, Value};

/// A node, as the cluster describes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// The node's unique id, which it keeps when its address changes.
    pub host_id: Uuid,
    /// Address of the native protocol port, after translation.
    pub address: SocketAddr,
    /// Host name or address at which the control connection reached the node, as written in the
    /// contact point. `None` if the control connection was not opened to this node. TLS verifies
    /// the node's certificate against this host or, without one, against the IP address.
    pub host: Option<String>,
    /// The node's datacenter.
    pub datacenter: String,
    /// The node's rack.
    pub rack: String,
    /// Version of the server, such as `5.0.6`. Empty if the server does not announce one.
    pub release_version: String,
    /// The tokens that the node owns.
    pub tokens: Vec<Token>,
    /// Version of the node's schema when the driver last read the topology. `None` if no version
    /// was reported.
    pub schema_version: Option<Uuid>,
}

/// The description of a cluster, as one of its nodes reports it. The first node in `nodes` is the
/// node that was queried.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Topology {
    pub(super) cluster_name: String,
    pub(super) partitioner: Option<Partitioner>,
    pub(super) nodes: Vec<NodeInfo>,
}

const LOCAL: &str = "SELECT * FROM system.local WHERE key = 'local'";
const PEERS: &str = "SELECT * FROM system.peers";
const PEERS_V2: &str = "SELECT * FROM system.peers_v2";
const KEYSPACES: &str = "SELECT keyspace_name, replication FROM system_schema.keyspaces";
const LOCAL_SCHEMA_VERSION: &str =
    "SELECT host_id, schema_version FROM system.local WHERE key = 'local'";
const PEERS_SCHEMA_VERSION: &str = "SELECT host_id, schema_version FROM system.peers";
const PEERS_V2_SCHEMA_VERSION: &str = "SELECT host_id, schema_version FROM system.peers_v2";

/// Reads the nodes of the cluster. A server without the system tables is treated as a cluster of
/// one node.
///
/// # Errors
/// Returns an error if the connection fails or the server cannot answer.
pub(super) async fn topology(
    connection: &Connection,
    timeout: Duration,
    translator: Option<&dyn AddressTranslator>,
) -> Result<Topology, ReadError> {
    let statements = [LOCAL, PEERS, PEERS_V2];
    let (local, peers) = local_and_peers(connection, timeout, statements).await?;
    Ok(describe(local.first(), &peers, connection.address(), translator))
}

/// Reads the replication strategy of each keyspace, and returns it by keyspace name.
///
/// # Errors
/// Returns an error if the connection fails or the server cannot answer.
pub(super) async fn replication(
    connection: &Connection,
    timeout: Duration,
) -> Result<BTreeMap<String, ReplicationStrategy>, ReadError> {
    let keyspaces = rows(connection, timeout, KEYSPACES).await;
    let keyspaces = none_if_missing(keyspaces)?.unwrap_or_default();
    let strategy = |keyspace: &Record| {
        let name = text(keyspace, "keyspace_name")?;
        let Value::Map(options) = keyspace.get("replication")? else { return None };
        let options = options.iter().filter_map(|pair| match pair {
            (Value::Text(option), Value::Text(value)) => Some((option, value)),
            _ => None,
        });
        Some((name, ReplicationStrategy::from_options(options)))
    };
    Ok(keyspaces.iter().filter_map(strategy).collect())
}

/// Reads the schema version of each node, with the node's host id.
///
/// # Errors
/// Returns an error if the connection fails or the server cannot answer.
pub(super) async fn schema_versions(
    connection: &Connection,
    timeout: Duration,
) -> Result<Vec<(Uuid, Uuid)>, ReadError> {
    let statements = [LOCAL_SCHEMA_VERSION, PEERS_SCHEMA_VERSION, PEERS_V2_SCHEMA_VERSION];
    let (local, peers) = local_and_peers(connection, timeout, statements).await?;
    let version = |row: &Record| uuid(row, "host_id").zip(uuid(row, "schema_version"));
    Ok(local.iter().chain(&peers).filter_map(version).collect())
}

/// Runs the statements that read `system.local`, `system.peers` and `system.peers_v2`. Returns the
/// local rows and the peers' rows. `system.peers_v2` is preferred if it exists (Cassandra 4.0 and
/// later), because it contains the peers' ports.
async fn local_and_peers(
    connection: &Connection,
    timeout: Duration,
    [local, peers, peers_v2]: [&str; 3],
) -> Result<(Vec<Record>, Vec<Record>), ReadError> {
    let (local, peers, peers_v2) = tokio::join!(
        rows(connection, timeout, local),
        rows(connection, timeout, peers),
        rows(connection, timeout, peers_v2)
    );
    let local = none_if_missing(local)?.unwrap_or_default();
    let peers = none_if_missing(peers_v2)?.or(none_if_missing(peers)?).unwrap_or_default();
    Ok((local, peers))
}

fn describe(
    local: Option<&Record>,
    peers: &[Record],
    queried: SocketAddr,
    translator: Option<&dyn AddressTranslator>,
) -> Topology {
    let partitioner = local.and_then(|local| text(local, "partitioner"));
    let partitioner = partitioner.and_then(|class| Partitioner::from_class(&class));
    let node = |row: Option<&Record>, address| NodeInfo {
        host_id: row.and_then(|row| uuid(row, "host_id")).unwrap_or_default(),
        address,
        host: None,
        datacenter: row.and_then(|row| text(row, "data_center")).unwrap_or_default(),
        rack: row.and_then(|row| text(row, "rack")).unwrap_or_default(),
        release_version: row.and_then(|row| text(row, "release_version")).unwrap_or_default(),
        tokens: row.zip(partitioner).map(|(row, by)| tokens(row, by)).unwrap_or_default(),
        schema_version: row.and_then(|row| uuid(row, "schema_version")),
    };
    // The queried node is reachable at the address of the connection, whatever it announces.
    let mut nodes = vec![node(local, queried)];
    for row in peers {
        // A removed node may leave a row behind that lacks some of these columns.
        let is_complete = ["host_id", "data_center", "rack", "tokens"]
            .iter()
            .all(|name| row.get(*name).is_some_and(|value| *value != Value::Null));
        let Some(address) = address(row, queried.port()).filter(|_| is_complete) else { continue };
        let translated = translator.map_or(address, |translator| translator.translate(address));
        let peer = node(Some(row), translated);
        if nodes.iter().all(|node| node.host_id != peer.host_id) {
            nodes.push(peer);
        }
    }
    let cluster_name = local.and_then(|local| text(local, "cluster_name")).unwrap_or_default();
    Topology { cluster_name, partitioner, nodes }
}

/// Returns the address at which a peer listens for clients. If that is unknown or unspecified
/// (`0.0.0.0` or `::`), returns the address that other nodes use. Returns `None` if the row
/// contains neither.
fn address(row: &Record, default_port: u16) -> Option<SocketAddr> {
    let inet = |name| match row.get(name)? {
        Value::Inet(address) => Some(*address),
        _ => None,
    };
    let client = inet("native_address").or_else(|| inet("rpc_address"));
    let address =
        client.filter(|address: &IpAddr| !address.is_unspecified()).or_else(|| inet("peer"))?;
    let port = match row.get("native_port") {
        Some(Value::Int(port)) => u16::try_from(*port).ok().filter(|port| *port != 0),
        _ => None,
    };
    Some(SocketAddr::new(address, port.unwrap_or(default_port)))
}

fn text(row: &Record, name: &str) -> Option<String> {
    match row.get(name)? {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

fn uuid(row: &Record, name: &str) -> Option<Uuid> {
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
