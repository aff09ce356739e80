//! The schema: what keyspaces there are and what is in them, read from the rows of `system_schema`,
//! and printed as the statements that create it.
//!
//! Nothing here asks a server. Whoever does runs the [`select`](SchemaPart::select) of every
//! [`SchemaPart`], gives the pages to a [`SchemaReader`], and takes the [`Schema`]:
//!
//! ```no_run
//! use cqlwire::cluster::schema::{Schema, SchemaPart};
//! use cqlwire::session::Session;
//! use cqlwire::types::Record;
//!
//! # async fn example(session: &Session) -> Result<(), cqlwire::session::Error> {
//! let mut reader = Schema::reader();
//! for part in SchemaPart::ALL {
//!     let mut rows = session.stream::<Record>(part.select(None), ());
//!     loop {
//!         match rows.try_next().await {
//!             Ok(Some(row)) => reader.row(part, row),
//!             Ok(None) => break,
//!             Err(error) if part.is_optional() && error.server_error().is_some() => break,
//!             Err(error) => return Err(error),
//!         }
//!     }
//! }
//! let schema = reader.finish();
//! for keyspace in schema.keyspaces.values() {
//!     println!("{}", keyspace.script());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `part` | the SELECTs that read a schema |
//! | `reader`, `fields` | rows become a [`Schema`] |
//! | `user_types` | the user-defined types of a keyspace, in whatever order they come |
//! | `keyspace`, `user_type`, `table`, `index`, `view`, `function` | what is read, and its statements |
//! | `ddl` | what those statements have in common |
//!
//! Invariants: no row fails the reading: what is odd in it is an [warning](Schema::warnings), and the
//! rest is read. Types nest to [`MAX_TYPE_DEPTH`](crate::types::MAX_TYPE_DEPTH) through all the
//! user-defined types they name. What is read of one keyspace depends on no other.

mod ddl;
mod fields;
mod function;
mod index;
mod keyspace;
mod part;
mod reader;
#[cfg(test)]
mod rows;
mod table;
mod user_type;
mod user_types;
mod view;
mod where_clause;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use function::{Aggregate, Function};
pub use index::Index;
pub use keyspace::Keyspace;
pub use part::SchemaPart;
pub use reader::SchemaReader;
pub use table::{ClusteringOrder, Column, ColumnKind, Table};
pub use user_type::UserType;
pub use view::View;

/// What keyspaces there are, and what is in them.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Schema {
    /// The keyspaces, those of the server itself too, by name.
    pub keyspaces: BTreeMap<String, Arc<Keyspace>>,
    /// What was odd in rows that belong to no keyspace.
    strays: Vec<String>,
}

impl Schema {
    /// The table of a keyspace; names are those of the schema, to the letter.
    pub fn table(&self, keyspace: &str, table: &str) -> Option<&Arc<Table>> {
        self.keyspaces.get(keyspace)?.tables.get(table)
    }

    /// The same schema with the keyspace `name` as it is in `read`, or without it if it is not
    /// there. The other keyspaces are shared, not copied.
    #[must_use]
    pub fn with_keyspace(&self, name: &str, read: &Self) -> Self {
        let mut schema = self.clone();
        match read.keyspaces.get(name) {
            Some(keyspace) => schema.keyspaces.insert(name.to_owned(), Arc::clone(keyspace)),
            None => schema.keyspaces.remove(name),
        };
        schema
    }

    /// What could not be read as it should be, each in one line that says where it was: a type that
    /// is not known, a row without its name. All else is as if it had been right.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        let of_keyspaces = self.keyspaces.values().flat_map(|keyspace| keyspace.warnings());
        self.strays.iter().chain(of_keyspaces).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::rows::{read, text};
    use super::*;

    fn of(names: &[&str]) -> Schema {
        let rows =
            names.iter().map(|name| (SchemaPart::Keyspaces, vec![text("keyspace_name", name)]));
        read(rows)
    }

    #[test]
    fn one_keyspace_is_replaced_and_the_others_are_shared() {
        let before = of(&["a", "b"]);
        let after = before.with_keyspace("b", &of(&["b"])).with_keyspace("a", &of(&[]));
        assert_eq!(after.keyspaces.keys().collect::<Vec<_>>(), ["b"]);
        assert!(!Arc::ptr_eq(&before.keyspaces["b"], &after.keyspaces["b"]));
        let after = before.with_keyspace("c", &of(&["c", "a"]));
        assert_eq!(after.keyspaces.len(), 3);
        assert!(Arc::ptr_eq(&before.keyspaces["a"], &after.keyspaces["a"]));
    }
}
