//! Reads the topology and the schema over the control connection into the state of the cluster.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::peers::{Known, Reachability};
use super::pending_reads::{ChangedTables, SchemaScope, Unread};
use super::refresh::with_topology;
use super::schema::SchemaPart;
use super::schema_reader::{SchemaRead, SchemaSource};
use super::shared::Shared;
use super::system_tables::{MemoryBudget, ReadError};
use super::topology_reader::{TopologyRows, replication};
use super::{ClusterState, Node, Token};
use crate::connection::Connection;

/// Reads the system tables, and sets the cluster's state to what they contain.
pub(super) struct StateReader<'a> {
    pub(super) shared: &'a Shared,
    pub(super) connection: &'a Connection,
    /// The host of the contact point or node that the connection was opened to.
    pub(super) host: &'a str,
    /// The host id of the node. Nil if it is not known yet, or if the node does not report it.
    pub(super) host_id: Uuid,
}

impl StateReader<'_> {
    /// Reads what the arguments name. Returns what to read again: the topology if tables were missing that Cassandra
    /// has or if rows of peers contradicted each other, and the keyspaces whose DESCRIBE failed.
    ///
    /// # Errors
    /// Returns an error if the connection fails, the server cannot answer, the rows are too large, or the
    /// server refuses to read a table that the session has read before.
    pub(super) async fn read(
        &self,
        topology: bool,
        schema: &SchemaScope,
        tables: &ChangedTables,
    ) -> Result<Unread, ReadError> {
        let (mut host_id, mut unread) = (self.host_id, Unread::default());
        // A schema change may change the replication of a keyspace, which routing needs.
        match schema {
            _ if topology => {
                let read = self.read_topology().await?;
                host_id = read.host_id;
                unread.topology = !read.has_tables || read.is_ambiguous;
            }
            SchemaScope::Empty => {}
            SchemaScope::Keyspaces(keyspaces) if keyspaces.len() == 1 => {
                self.read_replication(keyspaces.first().map(String::as_str)).await?;
            }
            SchemaScope::Keyspaces(_) | SchemaScope::All => self.read_replication(None).await?,
        }
        // The event of a table may be the first that the session receives about a keyspace.
        for keyspace in tables.keys() {
            if self.shared.state().replication(keyspace).is_none() {
                self.read_replication(Some(keyspace)).await?;
            }
        }
        let version = self.release_version(host_id);
        let has_schema = self.shared.state().has_schema;
        if self.shared.settings.fetch_schema {
            match schema {
                SchemaScope::Empty => {}
                SchemaScope::All => {
                    if !self.update_schema(None, version.as_deref()).await? {
                        unread.schema.add(None);
                    }
                }
                // Parts of a schema that was too large to read must not pass for the whole.
                SchemaScope::Keyspaces(_) if !has_schema => {}
                SchemaScope::Keyspaces(keyspaces) => {
                    for keyspace in keyspaces {
                        if !self.update_schema(Some(keyspace), version.as_deref()).await? {
                            unread.schema.add(Some(keyspace.clone()));
                        }
                    }
                }
            }
            for (keyspace, tables) in tables.iter().filter(|_| has_schema) {
                if !self.update_tables(keyspace, tables, version.as_deref()).await? {
                    unread.schema.add(Some(keyspace.clone()));
                }
            }
        }
        Ok(unread)
    }

    /// Reads the topology.
    ///
    /// # Errors
    /// Returns an error if the connection fails, the server cannot answer, the rows are too large, or the
    /// server refuses to read a table that the session has read before.
    pub(super) async fn read_topology(&self) -> Result<TopologyRead, ReadError> {
        let Shared { settings, pools, .. } = self.shared;
        let (budget, keyspace_read) = (MemoryBudget::new(), pools.keyspace.begin_read());
        let time = settings.connector.options.handshake_timeout;
        let (rows, strategies) = tokio::join!(
            TopologyRows::read(self.connection, time, &budget),
            replication(self.connection, time, &budget, None)
        );
        let (rows, strategies, state) = (rows?, strategies?, self.shared.state());
        let keyspaces = SchemaPart::Keyspaces.table().filter(|_| strategies.is_none());
        let refused = rows.refused().or(keyspaces);
        if let Some(table) = refused.filter(|_| state.has_topology_tables) {
            return Err(ReadError::Refused(table));
        }
        let has_tables = refused.is_none();
        let translator = settings.address_translator.as_deref();
        let mut topology = rows.describe(translator, &*state);
        let is_ambiguous = topology.is_ambiguous();
        if let Some(node) = topology.nodes.first_mut() {
            node.host = Some(self.host.to_owned());
        }
        let strategies = strategies.unwrap_or_default();
        pools.keyspace.end_read(keyspace_read, |keyspace| strategies.contains_key(keyspace));
        // If the server does not report its own host id, its topology is used only if no nodes are
        // known yet.
        let host_id = topology.nodes.first().map(|node| node.host_id).unwrap_or_default();
        if !host_id.is_nil() || state.nodes().is_empty() {
            let mut state = with_topology(&state, topology, strategies, settings, pools);
            state.has_topology_tables |= has_tables;
            self.shared.set_state(state);
        }
        Ok(TopologyRead { host_id, has_tables, is_ambiguous })
    }

    /// Reads the replication of one keyspace, or of all keyspaces.
    ///
    /// # Errors
    /// Returns the errors of [`read_topology`](Self::read_topology).
    async fn read_replication(&self, keyspace: Option<&str>) -> Result<(), ReadError> {
        let Shared { settings, pools, .. } = self.shared;
        let (budget, keyspace_read) = (MemoryBudget::new(), pools.keyspace.begin_read());
        let time = settings.connector.options.handshake_timeout;
        let strategies = replication(self.connection, time, &budget, keyspace).await?;
        let state = self.shared.state();
        let Some(mut strategies) = strategies else {
            return match SchemaPart::Keyspaces.table().filter(|_| state.has_topology_tables) {
                Some(table) => Err(ReadError::Refused(table)),
                None => Ok(()),
            };
        };
        // The read of one keyspace tells nothing of the others.
        let is_of_session = match (keyspace, &*pools.keyspace.name()) {
            (Some(keyspace), Some(name)) => keyspace == name,
            _ => true,
        };
        if is_of_session {
            pools.keyspace.end_read(keyspace_read, |keyspace| strategies.contains_key(keyspace));
        }
        let changed = match keyspace {
            Some(keyspace) => state.with_replication(keyspace, strategies.remove(keyspace)),
            None => Some(state.with_all_replication(strategies)),
        };
        if let Some(changed) = changed {
            self.shared.set_state(changed);
        }
        Ok(())
    }

    /// Returns the version of the node with this host id, or `None` if it is unknown.
    fn release_version(&self, host_id: Uuid) -> Option<String> {
        Some(self.shared.state().node(host_id)?.info().release_version.clone())
    }

    /// Reads the schema of one keyspace, or the whole schema, into the state. Returns false if the server
    /// failed to DESCRIBE the tables.
    ///
    /// # Errors
    /// Returns an error if the connection fails, the server cannot answer, the rows are too large, or the
    /// server refuses to read a table that the session has read before.
    async fn update_schema(
        &self,
        keyspace: Option<&str>,
        version: Option<&str>,
    ) -> Result<bool, ReadError> {
        let read = self.schema_source(version).read(keyspace).await?;
        let SchemaRead { schema, refused, is_described } = read;
        let state = self.shared.state();
        if let Some(table) = refused.filter(|_| state.has_schema_tables) {
            return Err(ReadError::Refused(table));
        }
        self.shared.set_state(match keyspace {
            Some(keyspace) => state.with_schema(state.schema().with_keyspace(keyspace, &schema)),
            None => state.with_whole_schema(schema, refused.is_none()),
        });
        Ok(is_described)
    }

    /// Reads tables of a keyspace into the state, or the whole keyspace if more than the tables may have
    /// changed. Returns false if the server failed to DESCRIBE the tables.
    ///
    /// # Errors
    /// Returns the errors of [`update_schema`](Self::update_schema).
    async fn update_tables(
        &self,
        keyspace: &str,
        tables: &BTreeSet<String>,
        version: Option<&str>,
    ) -> Result<bool, ReadError> {
        if self.shared.state().schema().can_update_tables(keyspace) {
            let read = self.schema_source(version).read_tables(keyspace, tables).await?;
            let state = self.shared.state();
            if let Some(table) = read.refused.filter(|_| state.has_schema_tables) {
                return Err(ReadError::Refused(table));
            }
            if let Some(schema) = state.schema().with_tables(keyspace, tables, &read.schema) {
                self.shared.set_state(state.with_schema(schema));
                return Ok(read.is_described);
            }
        }
        self.update_schema(Some(keyspace), version).await
    }

    fn schema_source<'s>(&'s self, version: Option<&'s str>) -> SchemaSource<'s> {
        SchemaSource {
            connection: self.connection,
            timeout: self.shared.settings.connector.options.handshake_timeout,
            version: version.unwrap_or_default(),
        }
    }
}

/// A read of the topology.
pub(super) struct TopologyRead {
    /// The host id of the queried node. Nil if the server does not report it.
    pub(super) host_id: Uuid,
    /// False if the server refused to read a table that every Cassandra version has.
    pub(super) has_tables: bool,
    /// True if rows of peers contradicted each other, so that a wrong one may have been chosen.
    pub(super) is_ambiguous: bool,
}

impl Known for ClusterState {
    fn reachability(&self, address: SocketAddr) -> Reachability {
        let of_node = |node: &Node| {
            let answers = match node.is_connected() {
                true => node.is_responsive(),
                false => node.last_error().is_none(),
            };
            match answers {
                true => Reachability::Reachable,
                false => Reachability::Failed,
            }
        };
        let nodes = self.nodes_at(address).filter(|node| node.address() == address);
        nodes.map(|node| of_node(node)).max().unwrap_or(Reachability::Unknown)
    }

    fn tokens(&self, host_id: Uuid) -> Option<&Arc<[Token]>> {
        Some(&self.infos.get(self.index.with_host_id(host_id)?)?.tokens)
    }
}
