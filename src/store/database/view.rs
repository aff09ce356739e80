//! The tables of a store and those of the system, as one source.

use std::sync::Arc;

use crate::store::catalog::Catalog;
use crate::store::schema::TableSchema;
use crate::store::source::{Database, Row, Scan};

/// The tables of the system, which describe the server and the schema of a store.
pub(crate) trait System {
    /// Returns the tables as a source, with the keyspaces of `catalog`.
    fn tables<'s>(&'s self, catalog: &'s Catalog) -> Box<dyn Database + 's>;
}

/// The tables of a store and those of the system.
pub(super) struct View<'v> {
    catalog: &'v Catalog,
    system: Box<dyn Database + 'v>,
}

impl<'v> View<'v> {
    pub(super) fn new(catalog: &'v Catalog, system: &'v dyn System) -> Self {
        Self { catalog, system: system.tables(catalog) }
    }
}

impl Database for View<'_> {
    fn has_keyspace(&self, keyspace: &str) -> bool {
        self.catalog.keyspace(keyspace).is_some() || self.system.has_keyspace(keyspace)
    }

    fn table(&self, keyspace: &str, table: &str) -> Option<Arc<TableSchema>> {
        match self.catalog.keyspace(keyspace) {
            Some(keyspace) => keyspace.tables.get(table).map(|table| Arc::clone(&table.schema)),
            None => self.system.table(keyspace, table),
        }
    }

    fn scan<'d>(
        &'d self,
        table: &'d TableSchema,
        scan: &'d Scan,
    ) -> Box<dyn Iterator<Item = Row> + 'd> {
        match self.catalog.table(&table.name.keyspace, &table.name.table) {
            Some(found) => found.data.scan(table, scan),
            None => self.system.scan(table, scan),
        }
    }
}
