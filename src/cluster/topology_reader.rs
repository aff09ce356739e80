//! Reads the topology, the replication strategies and the schema versions over one connection.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use uuid::Uuid;

use super::node_row::NodeRow;
use super::peers::{Known, describe};
use super::system_pages::rows;
use super::system_tables::{MemoryBudget, ReadError, none_if_missing};
use super::topology::Topology;
use super::{AddressTranslator, ReplicationStrategy};
use crate::connection::Connection;
use crate::types::{Record, Value};

const LOCAL: &str = "SELECT * FROM system.local WHERE key = 'local'";
const PEERS: &str = "SELECT * FROM system.peers";
const PEERS_V2: &str = "SELECT * FROM system.peers_v2";
const KEYSPACES: &str = "SELECT keyspace_name, replication FROM system_schema.keyspaces";
const LOCAL_SCHEMA_VERSION: &str =
    "SELECT host_id, schema_version FROM system.local WHERE key = 'local'";
const PEERS_SCHEMA_VERSION: &str =
    "SELECT host_id, schema_version, peer, rpc_address FROM system.peers";
const PEERS_V2_SCHEMA_VERSION: &str =
    "SELECT host_id, schema_version, peer, native_address, native_port FROM system.peers_v2";

/// The rows of `system.local` and of the peers table.
pub(super) struct TopologyRows {
    rows: LocalAndPeers,
    /// The address of the connection.
    queried: SocketAddr,
}

impl TopologyRows {
    /// Reads the rows. A server without the system tables is treated as a cluster of one node.
    ///
    /// # Errors
    /// Returns an error if the connection fails, the server cannot answer, or the rows are too large.
    pub(super) async fn read(
        connection: &Connection,
        timeout: Duration,
        budget: &MemoryBudget,
    ) -> Result<Self, ReadError> {
        let statements = [LOCAL, PEERS, PEERS_V2];
        let rows = local_and_peers(connection, timeout, budget, statements).await?;
        Ok(Self { rows, queried: connection.address() })
    }

    /// Returns the table that the server refused to read, if any.
    pub(super) const fn refused(&self) -> Option<&'static str> {
        self.rows.refused
    }

    /// Returns the nodes that the rows describe, given what the driver knows of nodes and addresses.
    pub(super) fn describe(
        self,
        translator: Option<&dyn AddressTranslator>,
        known: &impl Known,
    ) -> Topology {
        let LocalAndPeers { local, peers, .. } = self.rows;
        describe(local, peers, self.queried, translator, known)
    }
}

/// Reads the replication strategies of keyspaces, and returns them by keyspace name: of the keyspace
/// `keyspace`, or of all keyspaces if it is `None`. Returns `None` if the server refuses to read the table of
/// keyspaces.
///
/// # Errors
/// Returns an error if the connection fails, the server cannot answer, or the rows are too large.
pub(super) async fn replication(
    connection: &Connection,
    timeout: Duration,
    budget: &MemoryBudget,
    keyspace: Option<&str>,
) -> Result<Option<BTreeMap<String, ReplicationStrategy>>, ReadError> {
    let statement = match keyspace {
        Some(name) => {
            let name = Value::Text(name.to_owned());
            format!("{KEYSPACES} WHERE keyspace_name = {name}").into()
        }
        None => Cow::Borrowed(KEYSPACES),
    };
    let keyspaces = rows::<Record>(connection, timeout, budget, &statement).await;
    let Some(keyspaces) = none_if_missing(keyspaces)? else { return Ok(None) };
    let strategy = |row: &Record| {
        let Value::Text(name) = row.get("keyspace_name")? else { return None };
        let Value::Map(options) = row.get("replication")? else { return None };
        let options = options.iter().filter_map(|pair| match pair {
            (Value::Text(option), Value::Text(value)) => Some((option, value)),
            _ => None,
        });
        Some((name.to_string(), ReplicationStrategy::from_options(options)))
    };
    Ok(Some(keyspaces.iter().filter_map(strategy).collect()))
}

/// The schema version of a node, as a row of a system table reports it.
pub(super) struct ReportedVersion {
    /// `None` if the row has no host id.
    pub(super) host_id: Option<Uuid>,
    /// Address of the node after translation. `None` if the row has none.
    pub(super) address: Option<SocketAddr>,
    pub(super) version: Uuid,
}

/// Reads the schema version of each node. The first one is that of the queried node, if the server
/// reports it. Rows without a version are left out. Returns `None` if the server refuses to read
/// `system.local` or the peers table.
///
/// # Errors
/// Returns an error if the connection fails, the server cannot answer, or the rows are too large.
pub(super) async fn schema_versions(
    connection: &Connection,
    timeout: Duration,
    translator: Option<&dyn AddressTranslator>,
) -> Result<Option<Vec<ReportedVersion>>, ReadError> {
    let statements = [LOCAL_SCHEMA_VERSION, PEERS_SCHEMA_VERSION, PEERS_V2_SCHEMA_VERSION];
    let budget = MemoryBudget::new();
    let read = local_and_peers(connection, timeout, &budget, statements).await?;
    let LocalAndPeers { local, peers, refused: None } = read else { return Ok(None) };
    let reported = |row: &NodeRow, address| {
        Some(ReportedVersion { host_id: row.host_id, address, version: row.schema_version? })
    };
    let queried = connection.address();
    let address = |row: &NodeRow| {
        let address = row.announced_address(queried.port())?;
        Some(translator.map_or(address, |translator| translator.translate(address)))
    };
    let local = local.as_ref().and_then(|local| reported(local, Some(queried)));
    let peers = peers.iter().filter_map(|row| reported(row, address(row)));
    Ok(Some(local.into_iter().chain(peers).collect()))
}

/// The rows of `system.local` and of the peers table.
struct LocalAndPeers {
    local: Option<NodeRow>,
    peers: Vec<NodeRow>,
    /// The table that the server refused to read, if any.
    refused: Option<&'static str>,
}

/// Runs the statements that read `system.local`, `system.peers` and `system.peers_v2`.
/// `system.peers_v2` is preferred if it exists (Cassandra 4.0 and later), because it contains the
/// peers' ports. Servers with v5 are asked for `system.peers` only if it does not exist. Servers without v5
/// mostly lack it, and are asked for both tables at once.
async fn local_and_peers(
    connection: &Connection,
    timeout: Duration,
    budget: &MemoryBudget,
    [local, peers, peers_v2]: [&str; 3],
) -> Result<LocalAndPeers, ReadError> {
    let read = async |budget: &MemoryBudget, statement: &str| {
        none_if_missing(rows(connection, timeout, budget, statement).await)
    };
    let peers = async {
        if connection.server().has_v5() {
            return match read(budget, peers_v2).await? {
                Some(peers) => Ok(Some(peers)),
                None => read(budget, peers).await,
            };
        }
        // If both tables exist, the rows of `system.peers` are not kept.
        let unkept = MemoryBudget::new();
        let (peers_v2, peers) = tokio::join!(read(budget, peers_v2), read(&unkept, peers));
        match peers_v2? {
            Some(peers) => Ok(Some(peers)),
            None => peers,
        }
    };
    let (local, peers) = tokio::join!(rows(connection, timeout, budget, local), peers);
    let (local, peers) = (none_if_missing(local)?, peers?);
    Ok(LocalAndPeers {
        refused: match (&local, &peers) {
            (None, _) => Some("system.local"),
            (_, None) => Some("system.peers"),
            _ => None,
        },
        local: local.and_then(|rows: Vec<_>| rows.into_iter().next()),
        peers: peers.unwrap_or_default(),
    })
}
