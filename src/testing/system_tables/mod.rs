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

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) use nodes::CQL_VERSION;

use super::node_info::NodeInfo;
use super::preparation::StatementMetadata;
use super::reply::Reply;
use super::shared::SharedState;
use crate::cql::{parse_select, selected_table};
use crate::store::{
    BoundValues, Clock, Database, PageRequest, Row, Scan, SelectPlan, TableSchema, UuidSource,
    invalid, select_rows, syntax_error,
};
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
}

impl SystemTables {
    /// Creates the tables of a node of a cluster.
    pub(super) fn new(own: NodeInfo, peers: Arc<[NodeInfo]>, shared: Arc<SharedState>) -> Self {
        Self { own: Arc::new(own), shared, peers, version: Version::V5 }
    }

    /// Returns true if a statement is a SELECT from `system`, or from a keyspace whose name begins with
    /// `system_`.
    pub(super) fn are_read_by(text: &str) -> bool {
        selected_table(text)
            .and_then(|table| table.keyspace)
            .is_some_and(|keyspace| keyspace == "system" || keyspace.starts_with("system_"))
    }

    /// Returns the reply to a statement that reads a system table, or `None` for any other
    /// statement. The reply to an invalid statement is the error that Cassandra 5.0 returns.
    pub(super) fn reply(&self, text: &str) -> Option<Reply> {
        if !Self::are_read_by(text) {
            return None;
        }
        let select = match parse_select(text) {
            Ok(select) => select,
            Err(error) => return Some(Reply::refusal(syntax_error(&error))),
        };
        let plan = match SelectPlan::new(&select, self) {
            Ok(plan) => plan,
            Err(error) => return Some(Reply::refusal(error)),
        };
        let metadata = StatementMetadata {
            variables: plan.variables.clone(),
            columns: plan.columns.clone().into(),
            partition_key: plan.partition_key.clone(),
        };
        let tables = self.clone();
        Some(Reply::understood(metadata, move |request| {
            let values = request.decoded_values().map_err(invalid);
            let bound = values.and_then(|values| BoundValues::new(&plan.variables, &values));
            let clock = Clock { now: now(), uuids: &UUIDS };
            // The server cuts the reply into pages.
            let page = PageRequest::default();
            match bound.and_then(|bound| plan.execute(&tables, &bound, &clock, page)) {
                Ok(result) => Reply::rows(plan.columns.iter().cloned(), result.rows),
                Err(error) => error.into(),
            }
        }))
    }
}

/// The source of the UUIDs that SELECTs from system tables make.
static UUIDS: UuidSource = UuidSource::new(0);

/// Returns the time in microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl Database for SystemTables {
    fn has_keyspace(&self, keyspace: &str) -> bool {
        let mut keyspaces = definitions::KEYSPACES.iter().map(|(name, ..)| *name);
        keyspaces.any(|name| name == keyspace) || keyspace == catalog::VIRTUAL
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
        let rows = match (&*table.name.keyspace, &*table.name.table) {
            ("system", "local") => vec![nodes::local(&self.own, self.version)],
            ("system", "peers") => nodes::peers(&self.own, &self.peers),
            ("system", "peers_v2") => nodes::peers_v2(&self.own, &self.peers),
            ("system_traces", "sessions") => tracing::sessions(&self.shared.traces()),
            ("system_traces", "events") => tracing::events(&self.shared.traces()),
            ("system_schema", "keyspaces") => definitions::keyspaces(),
            ("system_schema", "tables") => definitions::tables(),
            ("system_schema", "columns") => definitions::columns(false),
            ("system_schema", "indexes") => definitions::indexes(),
            (catalog::VIRTUAL, "keyspaces") => definitions::virtual_keyspaces(),
            (catalog::VIRTUAL, "tables") => definitions::virtual_tables(),
            (catalog::VIRTUAL, "columns") => definitions::columns(true),
            _ => Vec::new(),
        };
        let rows = rows.into_iter().map(|cells| cells::row(table, cells)).collect();
        Box::new(select_rows(rows, scan).into_iter())
    }
}
