//! The schema: keyspaces and their contents, read from the rows of `system_schema`, and printed as
//! the statements that create them.
//!
//! The driver reads the schema of a cluster with it, and exports it as `cluster::schema`. `MockServer`
//! describes its own schema with it.
//!
//! | file | contents |
//! |---|---|
//! | `part` | the SELECT statements that read a schema |
//! | `reader`, `page`, `fields`, `warnings` | building a [`Schema`] from rows |
//! | `keyspace_rows`, `table_rows`, `column_rows`, `options_row`, `known_options`, `stored_row` | the rows, in the compact form in which they are kept |
//! | `element_map` | the tables and views, which are built from their rows when they are first used |
//! | `user_types` | the user-defined types of a keyspace, in the order of their dependencies |
//! | `keyspace`, `user_type`, `table`, `column`, `index`, `view`, `function` | schema elements and their DDL |
//! | `where_clause` | the escaping of literals in the `WHERE` clause of a view |
//! | `create_statement` | the parts of a table that only DESCRIBE prints |
//! | `ddl` | helpers that print DDL |
//! | `server_ddl` | the statements that DESCRIBE of a server prints |
//! | `export/` | the statements that cqlsh prints for servers without DESCRIBE |
//!
//! Invariants:
//!
//! - An invalid row never fails the read. It adds a [warning](Schema::warnings).
//! - Types nest at most [`MAX_TYPE_DEPTH`](crate::types::MAX_TYPE_DEPTH) levels, including the
//!   levels inside user-defined types.
//! - Each keyspace is read independently of the others.
//! - The cost of a read is proportional to its rows, and rows can be added in pieces.

mod column;
mod column_rows;
mod create_statement;
mod ddl;
mod element_map;
#[cfg(feature = "cli")]
mod export;
mod fields;
mod function;
mod index;
mod keyspace;
mod keyspace_rows;
mod known_options;
mod options_row;
mod page;
mod part;
mod reader;
#[cfg(test)]
mod rows;
#[cfg(feature = "testing")]
mod server_ddl;
mod stored_row;
mod table;
mod table_rows;
mod user_type;
mod user_types;
mod view;
mod warnings;
mod where_clause;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use column::{ClusteringOrder, Column, ColumnKind};
pub use element_map::{ElementIter, ElementMap};
#[cfg(feature = "cli")]
pub(crate) use export::ExportedName;
pub use function::{Aggregate, Function};
pub use index::Index;
pub use keyspace::Keyspace;
pub use part::SchemaPart;
pub use reader::SchemaReader;
pub use table::Table;
pub use user_type::UserType;
pub use view::View;

/// The keyspaces of a cluster and their contents.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Schema {
    /// The keyspaces by name, including those of the server itself.
    pub keyspaces: BTreeMap<String, Arc<Keyspace>>,
    /// Warnings about rows that name no keyspace or could not be decoded.
    warnings: Vec<String>,
}

impl Schema {
    /// Returns a table, or `None` if there is no such table. Names are case-sensitive and unquoted.
    pub fn table(&self, keyspace: &str, table: &str) -> Option<&Arc<Table>> {
        self.keyspaces.get(keyspace)?.tables.get(table)
    }

    /// Returns this schema with the keyspace `name` taken from `read`, or without that keyspace if
    /// `read` does not contain it. The other keyspaces are shared, not copied.
    #[must_use]
    pub fn with_keyspace(&self, name: &str, read: &Self) -> Self {
        let mut schema = self.clone();
        match read.keyspaces.get(name) {
            Some(keyspace) => schema.keyspaces.insert(name.to_owned(), Arc::clone(keyspace)),
            None => schema.keyspaces.remove(name),
        };
        schema
    }

    /// Returns this schema with tables of a keyspace taken from `read`, or without those that `read` does
    /// not contain. `read` has all types and views of the keyspace. Returns `None` if more than the tables
    /// may differ: if the keyspace was created or dropped, if its types differ, if it has views, because a
    /// change of a table also changes its views, or if there are warnings.
    pub(crate) fn with_tables<'t>(
        &self,
        keyspace: &str,
        tables: impl IntoIterator<Item = &'t String>,
        read: &Self,
    ) -> Option<Self> {
        let (known, read) = (self.keyspaces.get(keyspace)?, read.keyspaces.get(keyspace)?);
        let changed = known.with_tables(tables, read)?;
        let mut schema = self.clone();
        schema.keyspaces.insert(keyspace.to_owned(), Arc::new(changed));
        Some(schema)
    }

    /// Returns true if [`with_tables`](Self::with_tables) may succeed for tables of a keyspace: if the keyspace
    /// is known, and has neither views nor warnings.
    pub(crate) fn can_update_tables(&self, keyspace: &str) -> bool {
        self.keyspaces.get(keyspace).is_some_and(|known| known.has_only_tables())
    }

    /// Returns a warning for each element that could not be read, such as an unknown type or a row
    /// without a name. A warning is one line with the location. All other elements were read. A reader
    /// returns at most 1,000 warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        let of_keyspaces = self.keyspaces.values().flat_map(|keyspace| keyspace.warnings());
        self.warnings.iter().chain(of_keyspaces).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::rows::{read, text};
    use super::*;

    fn schema(names: &[&str]) -> Schema {
        let rows =
            names.iter().map(|name| (SchemaPart::Keyspaces, vec![text("keyspace_name", name)]));
        read(rows)
    }

    #[test]
    fn one_keyspace_is_replaced_and_the_others_are_shared() {
        let before = schema(&["a", "b"]);
        let after = before.with_keyspace("b", &schema(&["b"])).with_keyspace("a", &schema(&[]));
        assert_eq!(after.keyspaces.keys().collect::<Vec<_>>(), ["b"]);
        assert!(!Arc::ptr_eq(&before.keyspaces["b"], &after.keyspaces["b"]));
        let after = before.with_keyspace("c", &schema(&["c", "a"]));
        assert_eq!(after.keyspaces.len(), 3);
        assert!(Arc::ptr_eq(&before.keyspaces["a"], &after.keyspaces["a"]));
    }
}
