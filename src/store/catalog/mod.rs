//! The keyspaces of a store, with their types and tables, and the statements that define them.

mod alter_table;
mod create_table;
mod index;
mod keyspace;
mod lookup;
mod options;
mod replacement;
mod table_options;
mod type_budget;
mod type_name;
mod user_type;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

pub(in crate::store) use lookup::{find_table, qualified};
pub(crate) use options::OptionMap;
pub(in crate::store) use table_options::MAX_TTL;
pub(crate) use table_options::TableOptions;

use super::data::TableData;
use super::schema::{ColumnKind, TableSchema};
use crate::message::{SchemaChange, SchemaChangeKind, SchemaTarget, ServerError};
use crate::types::UdtType;

/// The keyspaces of a store.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// The datacenters of the nodes.
    datacenters: BTreeSet<String>,
    keyspaces: BTreeMap<String, Keyspace>,
}

/// A keyspace that a client created.
#[derive(Debug)]
pub(crate) struct Keyspace {
    pub(crate) name: String,
    /// The options of the replication strategy: `class`, with the package, and others.
    pub(crate) replication: OptionMap,
    pub(crate) durable_writes: bool,
    pub(crate) types: BTreeMap<String, UserType>,
    pub(crate) tables: BTreeMap<String, Table>,
}

/// A user-defined type.
#[derive(Debug, Clone)]
pub(crate) struct UserType {
    pub(crate) udt: Arc<UdtType>,
    /// The types of the fields as `system_schema.types` has them.
    pub(crate) field_types: Vec<String>,
}

/// A table that a client created.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) schema: Arc<TableSchema>,
    pub(crate) id: Uuid,
    pub(crate) options: TableOptions,
    pub(crate) dropped_columns: Vec<DroppedColumn>,
    pub(in crate::store) data: TableData,
}

/// A column that was dropped from its table.
#[derive(Debug, Clone)]
pub(crate) struct DroppedColumn {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    /// The type as `system_schema.dropped_columns` has it.
    pub(crate) type_text: String,
    /// The time of the drop, in microseconds since 1970.
    pub(crate) dropped: i64,
}

/// The change that a statement made, or `None` if there was nothing to change.
pub(in crate::store) type Changed = Result<Option<SchemaChange>, ServerError>;

impl Catalog {
    pub(in crate::store) const fn new(datacenters: BTreeSet<String>) -> Self {
        Self { datacenters, keyspaces: BTreeMap::new() }
    }

    /// Returns all keyspaces in the order of their names.
    pub(crate) fn keyspaces(&self) -> impl Iterator<Item = &Keyspace> {
        self.keyspaces.values()
    }

    /// Returns a keyspace, or `None` if there is no keyspace of this name.
    pub(crate) fn keyspace(&self, name: &str) -> Option<&Keyspace> {
        self.keyspaces.get(name)
    }

    /// Returns a table, or `None` if there is no such table.
    pub(crate) fn table(&self, keyspace: &str, table: &str) -> Option<&Table> {
        self.keyspaces.get(keyspace)?.tables.get(table)
    }

    pub(in crate::store) fn table_mut(
        &mut self,
        keyspace: &str,
        table: &str,
    ) -> Option<&mut Table> {
        self.keyspaces.get_mut(keyspace)?.tables.get_mut(table)
    }
}

fn table_change(kind: SchemaChangeKind, keyspace: &str, table: &str) -> SchemaChange {
    let (keyspace, table) = (keyspace.to_owned(), table.to_owned());
    SchemaChange { kind, target: SchemaTarget::Table { keyspace, table } }
}

fn type_change(kind: SchemaChangeKind, keyspace: &str, name: &str) -> SchemaChange {
    let (keyspace, name) = (keyspace.to_owned(), name.to_owned());
    SchemaChange { kind, target: SchemaTarget::Type { keyspace, name } }
}
