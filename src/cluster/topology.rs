//! What `system.local` and `system.peers` say of the nodes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use uuid::Uuid;

use super::{ClusterState, Partitioner, ReplicationStrategy, Settings, Token};
use crate::connection::{Connection, RequestError};
use crate::message::{
    self, ErrorCode, Parameters, Query, RequestFrame, Response, ResponseFrame, ResultMessage,
    ServerError,
};
use crate::types::{Record, Value};
use crate::wire::{Consistency, Stream};

/// A node, as the cluster describes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// The id that it keeps for as long as it lives, whatever its address is.
    pub host_id: Uuid,
    /// Where its native protocol is reached, translated.
    pub address: SocketAddr,
    /// What the user calls its host, if it was reached as a contact point: the name that TLS asks
    /// its certificate for.
    pub host: Option<String>,
    /// The datacenter that it says it is in.
    pub datacenter: String,
    /// The rack that it says it is in.
    pub rack: String,
    /// The version of its server, as `5.0.6`; empty if it does not say.
    pub release_version: String,
    /// Where on the ring it is.
    pub tokens: Vec<Token>,
    /// The version of the schema that it had when it was asked last.
    pub schema_version: Option<Uuid>,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Refused(error) => error.fmt(f),
            Self::Late => f.write_str("its tables of the system took too long to read"),
            Self::Missing => f.write_str("the server does not show it"),
        }
    }
}

/// All nodes, the one that was asked first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Topology {
    pub(super) cluster_name: String,
    pub(super) partitioner: Option<Partitioner>,
    pub(super) nodes: Vec<NodeInfo>,
}

/// Why a table of the system could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// There was no answer, and there will be none on this connection.
    Request(Box<RequestError>),
    /// The server cannot answer now.
    Refused(Box<ServerError>),
    /// The server has no such table, or does not show it.
    Missing,
    /// It took too long.
    Late,
}

const LOCAL: &str = "SELECT * FROM system.local WHERE key = 'local'";
const PEERS: &str = "SELECT * FROM system.peers";
const PEERS_V2: &str = "SELECT * FROM system.peers_v2";
const KEYSPACES: &str = "SELECT keyspace_name, replication FROM system_schema.keyspaces";

/// So many rows are asked for at a time, and so many times.
const PAGE: i32 = 1_000;
const MOST_PAGES: usize = 1_000;

/// Asks for every node. A server that has no such tables is a cluster of one node.
///
/// # Errors
/// The connection is of no use.
pub(super) async fn topology(
    connection: &Connection,
    settings: &Settings,
) -> Result<Topology, ReadError> {
    let (local, peers, peers_v2) = tokio::join!(
        rows(connection, settings, LOCAL),
        rows(connection, settings, PEERS),
        rows(connection, settings, PEERS_V2)
    );
    let local = none_if_missing(local)?.unwrap_or_default();
    let peers = none_if_missing(peers_v2)?.or(none_if_missing(peers)?).unwrap_or_default();
    Ok(describe(local.first(), &peers, connection.address(), settings))
}

/// How the keyspaces are replicated.
///
/// # Errors
/// The connection is of no use.
pub(super) async fn replication(
    connection: &Connection,
    settings: &Settings,
) -> Result<BTreeMap<String, ReplicationStrategy>, ReadError> {
    let keyspaces =
        none_if_missing(rows(connection, settings, KEYSPACES).await)?.unwrap_or_default();
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

/// The versions of the schema that the nodes have which are connected.
///
/// # Errors
/// The connection is of no use.
pub(super) async fn schema_versions(
    connection: &Connection,
    settings: &Settings,
    state: &ClusterState,
) -> Result<Vec<Uuid>, ReadError> {
    let nodes = topology(connection, settings).await?.nodes;
    let is_connected = |info: &NodeInfo| state.node(info.host_id).is_some_and(|n| n.is_connected());
    let versions = nodes.into_iter().filter(is_connected).filter_map(|info| info.schema_version);
    Ok(versions.collect())
}

/// What the server does not have is none.
fn none_if_missing<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(there) => Ok(Some(there)),
        Err(ReadError::Missing) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The rows of all pages of a statement.
pub(super) async fn rows(
    connection: &Connection,
    settings: &Settings,
    statement: &str,
) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    let mut paging_state = None;
    // A server may have pages without an end.
    for _ in 0..MOST_PAGES {
        let page = page(connection, settings, statement, paging_state.as_deref()).await?;
        // A row that cannot be read is left out.
        records.extend(page.rows::<Record>().into_iter().flatten().flatten());
        paging_state = page.metadata.paging_state;
        if paging_state.is_none() {
            return Ok(records);
        }
    }
    Err(ReadError::Late)
}

/// One page of the rows of a statement.
async fn page(
    connection: &Connection,
    settings: &Settings,
    statement: &str,
    paging_state: Option<&[u8]>,
) -> Result<message::Rows, ReadError> {
    let parameters = Parameters {
        page_size: Some(PAGE),
        paging_state: paging_state.map(Into::into),
        ..Consistency::One.into()
    };
    let frame = RequestFrame::new(Stream::default(), Query { text: statement.into(), parameters });
    let time = Some(settings.connector.options.handshake_timeout);
    match connection.request(&frame, time).await {
        Ok(ResponseFrame { response: Response::Result(ResultMessage::Rows(rows)), .. }) => Ok(rows),
        Ok(ResponseFrame { response: Response::Error(error), .. }) if !is_missing(error.code) => {
            Err(ReadError::Refused(Box::new(error)))
        }
        Ok(_) => Err(ReadError::Missing),
        Err(error) => Err(ReadError::Request(Box::new(error))),
    }
}

/// Whether a server that says this will say so again.
const fn is_missing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Invalid | ErrorCode::Syntax | ErrorCode::Unauthorized | ErrorCode::Config
    )
}

fn describe(
    local: Option<&Record>,
    peers: &[Record],
    asked: SocketAddr,
    settings: &Settings,
) -> Topology {
    let partitioner = local.and_then(|local| text(local, "partitioner"));
    let partitioner = partitioner.and_then(|class| Partitioner::of_class(&class));
    let peer = |row: Option<&Record>, address| NodeInfo {
        host_id: row.and_then(|row| uuid(row, "host_id")).unwrap_or_default(),
        address,
        host: None,
        datacenter: row.and_then(|row| text(row, "data_center")).unwrap_or_default(),
        rack: row.and_then(|row| text(row, "rack")).unwrap_or_default(),
        release_version: row.and_then(|row| text(row, "release_version")).unwrap_or_default(),
        tokens: row.zip(partitioner).map(|(row, by)| tokens(row, by)).unwrap_or_default(),
        schema_version: row.and_then(|row| uuid(row, "schema_version")),
    };
    // The node that was asked is where it was asked, whatever it calls itself.
    let mut all = vec![peer(local, asked)];
    for row in peers {
        // A row without them is what is left of a node that has gone.
        let is_whole = ["host_id", "data_center", "rack", "tokens"]
            .iter()
            .all(|name| row.get(*name).is_some_and(|value| *value != Value::Null));
        let Some(address) = address(row, asked.port()).filter(|_| is_whole) else { continue };
        let translated = settings.address_translator.as_ref().map(|by| by.translate(address));
        let peer = peer(Some(row), translated.unwrap_or(address));
        if all.iter().all(|known| known.host_id != peer.host_id) {
            all.push(peer);
        }
    }
    let cluster_name = local.and_then(|local| text(local, "cluster_name")).unwrap_or_default();
    Topology { cluster_name, partitioner, nodes: all }
}

/// Where a peer listens for clients; one that listens everywhere is found where other nodes find
/// it.
fn address(row: &Record, default_port: u16) -> Option<SocketAddr> {
    let inet = |name| match row.get(name)? {
        Value::Inet(address) => Some(*address),
        _ => None,
    };
    let own = inet("native_address").or_else(|| inet("rpc_address"));
    let address =
        own.filter(|address: &IpAddr| !address.is_unspecified()).or_else(|| inet("peer"))?;
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
