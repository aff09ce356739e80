//! The system tables that clients read after connecting: the server itself, its peers, and its
//! schema.
//!
//! The tables have the columns of Cassandra 5.0.6. Tables about the work of a server, such as
//! `system.batches`, have no rows.

mod catalog;
mod cells;
mod definitions;
mod nodes;
mod tracing;
mod user_schema;

use std::sync::Arc;

use cells::Cells;
pub(super) use nodes::{CLUSTER_NAME, CQL_VERSION, PARTITIONER};

use super::node_info::NodeInfo;
use super::shared::SharedState;
use super::table::{KEYSPACE as TEST_KEYSPACE, Table};
use crate::cql::selected_table;
use crate::message::{ErrorCode, ServerError};
use crate::store::{Catalog, Column, Database, Row, Scan, System, TableSchema, select_rows};
use crate::types::{ColumnSpec, Record};
use crate::wire::Version;

/// The system tables of a server in a cluster.
#[derive(Debug, Clone)]
pub(super) struct SystemTables {
    /// The server itself.
    pub(super) own: Arc<NodeInfo>,
    pub(super) shared: Arc<SharedState>,
    /// The nodes of the cluster. A node with the address of this server is ignored.
    pub(super) peers: Arc<[NodeInfo]>,
    /// The highest protocol version that the server accepts.
    pub(super) version: Version,
    /// True if there is a keyspace `test`: that of the columns of scripted replies.
    pub(super) has_test_keyspace: bool,
}

impl SystemTables {
    /// Creates the tables of a node of a cluster.
    pub(super) fn new(own: NodeInfo, peers: Arc<[NodeInfo]>, shared: Arc<SharedState>) -> Self {
        Self { own: Arc::new(own), shared, peers, version: Version::V5, has_test_keyspace: false }
    }

    /// Returns true if a statement is a SELECT from `system`, or from a keyspace whose name begins with
    /// `system_`.
    pub(super) fn are_read_by(text: &str) -> bool {
        selected_table(text)
            .and_then(|table| table.keyspace)
            .is_some_and(|keyspace| keyspace == "system" || keyspace.starts_with("system_"))
    }

    /// Returns the rows of a table, which is named with its keyspace.
    ///
    /// # Errors
    /// Returns a SERVER_ERROR if there is no such table.
    pub(super) fn records(
        &self,
        table: &str,
        catalog: &Catalog,
    ) -> Result<Vec<Record>, ServerError> {
        let error = |reason: &dyn ToString| {
            ServerError::new(ErrorCode::Server, format!("{table}: {}", reason.to_string()))
        };
        let source = self.tables(catalog);
        let (keyspace, name) = table.split_once('.').unwrap_or_default();
        let schema = source.table(keyspace, name).ok_or_else(|| error(&"no such table"))?;
        let column = |column: &Column| ColumnSpec {
            table: Arc::clone(&schema.name),
            name: column.name.as_str().into(),
            cql_type: column.cql_type.clone(),
        };
        let columns = schema.columns.iter().map(column).collect();
        let scan = Scan::all(0);
        let rows = source.scan(&schema, &scan).map(|row| row.values);
        let rows = Table::encode(columns, rows).map_err(|reason| error(&reason))?.page(None, None);
        let records = rows.rows::<Record>().map_err(|reason| error(&reason))?;
        records.collect::<Result<_, _>>().map_err(|reason| error(&reason))
    }
}

impl System for SystemTables {
    fn tables<'s>(&'s self, catalog: &'s Catalog) -> Box<dyn Database + 's> {
        Box::new(TablesOf { system: self, catalog })
    }
}

/// The system tables, which describe the keyspaces of a catalog.
struct TablesOf<'t> {
    system: &'t SystemTables,
    catalog: &'t Catalog,
}

impl TablesOf<'_> {
    /// Returns the rows of `system_schema.keyspaces`.
    fn keyspaces(&self) -> Vec<Cells> {
        let is_listed = |name: &str| {
            name != TEST_KEYSPACE
                || self.system.has_test_keyspace && self.catalog.keyspace(name).is_none()
        };
        let of_system = definitions::keyspaces(is_listed);
        [of_system, user_schema::keyspaces(self.catalog)].concat()
    }
}

impl Database for TablesOf<'_> {
    fn has_keyspace(&self, keyspace: &str) -> bool {
        let mut keyspaces = definitions::KEYSPACES.iter().map(|(name, ..)| *name);
        let is_known = keyspaces.any(|name| name == keyspace) || keyspace == catalog::VIRTUAL;
        is_known && (keyspace != TEST_KEYSPACE || self.system.has_test_keyspace)
    }

    fn table(&self, keyspace: &str, table: &str) -> Option<Arc<TableSchema>> {
        let mut schemas = catalog::tables().iter().map(|table| &table.schema);
        schemas.find(|known| known.name.keyspace == keyspace && known.name.table == table).cloned()
    }

    fn scan<'d>(
        &'d self,
        table: &'d TableSchema,
        scan: &'d Scan,
    ) -> Box<dyn Iterator<Item = Row> + 'd> {
        let SystemTables { own, shared, peers, version, .. } = self.system;
        let catalog = self.catalog;
        let schema_version = |node: &NodeInfo| shared.schema_version(node.host_id);
        let rows = match (&*table.name.keyspace, &*table.name.table) {
            ("system", "local") => vec![nodes::local(own, *version, schema_version(own))],
            ("system", "peers") => nodes::peers(own, peers, schema_version),
            ("system", "peers_v2") => nodes::peers_v2(own, peers, schema_version),
            ("system_traces", "sessions") => tracing::sessions(&shared.traces()),
            ("system_traces", "events") => tracing::events(&shared.traces()),
            ("system_schema", "keyspaces") => self.keyspaces(),
            ("system_schema", "tables") => {
                [definitions::tables(), user_schema::tables(catalog)].concat()
            }
            ("system_schema", "columns") => {
                [definitions::columns(false), user_schema::columns(catalog)].concat()
            }
            ("system_schema", "indexes") => {
                [definitions::indexes(), user_schema::indexes(catalog)].concat()
            }
            ("system_schema", "types") => user_schema::types(catalog),
            ("system_schema", "dropped_columns") => user_schema::dropped_columns(catalog),
            (catalog::VIRTUAL, "keyspaces") => definitions::virtual_keyspaces(),
            (catalog::VIRTUAL, "tables") => definitions::virtual_tables(),
            (catalog::VIRTUAL, "columns") => definitions::columns(true),
            _ => Vec::new(),
        };
        let rows = rows.into_iter().map(|cells| cells::row(table, cells)).collect();
        Box::new(select_rows(rows, scan).into_iter())
    }
}
