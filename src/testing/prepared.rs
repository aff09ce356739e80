//! The prepared statements of a server.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest, Md5};

use super::pattern::normalize;
use super::recent::Recent;
use crate::store::Prepared;
use crate::types::{ColumnSpec, CqlType};

/// A statement that a client prepared.
#[derive(Debug)]
pub(super) struct PreparedStatement {
    pub(super) text: String,
    /// The keyspace of the connection or of the PREPARE.
    pub(super) keyspace: Option<String>,
    /// The columns of the result that the response to PREPARE described.
    pub(super) columns: Option<Arc<[ColumnSpec]>>,
    /// The statement as the store prepared it; `None` if the script replies to it.
    pub(super) prepared: Option<Arc<Prepared>>,
}

impl PreparedStatement {
    /// Returns true if the response to PREPARE described these columns.
    pub(super) fn describes(&self, columns: &[ColumnSpec]) -> bool {
        self.columns.as_deref().is_some_and(|known| known == columns)
    }
}

/// Maximum number of prepared statements. Beyond this number, the oldest one is forgotten.
const MAX_STATEMENTS: usize = 10_000;

/// Maximum size of the texts of all prepared statements, in bytes.
const MAX_TEXTS: usize = 64 << 20;

/// The prepared statements of a server, by id.
#[derive(Debug)]
pub(super) struct PreparedStatements {
    statements: HashMap<Bytes, Arc<PreparedStatement>>,
    ids: Recent<Bytes>,
}

impl Default for PreparedStatements {
    fn default() -> Self {
        Self { statements: HashMap::new(), ids: Recent::new(MAX_STATEMENTS, MAX_TEXTS) }
    }
}

impl PreparedStatements {
    /// Adds a statement, or replaces the statement with the same text and keyspace. Returns its id.
    pub(super) fn insert(&mut self, statement: PreparedStatement) -> Bytes {
        let id = statement_id(statement.keyspace.as_deref(), &statement.text);
        let size = statement.text.len();
        if self.statements.insert(id.clone(), Arc::new(statement)).is_none() {
            self.ids.push(id.clone(), size);
        }
        while let Some(oldest) = self.ids.pop_excess() {
            self.statements.remove(&oldest);
        }
        id
    }

    pub(super) fn get(&self, id: &[u8]) -> Option<Arc<PreparedStatement>> {
        self.statements.get(id).cloned()
    }

    pub(super) fn clear(&mut self) {
        self.statements.clear();
        self.ids.clear();
    }

    /// Forgets the statements whose text equals `text`, apart from white space, in every keyspace.
    /// Returns true if there was one.
    pub(super) fn remove(&mut self, text: &str) -> bool {
        let text = normalize(text);
        let before = self.statements.len();
        self.statements.retain(|_, statement| normalize(&statement.text) != text);
        self.ids.retain(|id| self.statements.contains_key(id));
        self.statements.len() < before
    }
}

/// Returns the id of a statement, as Cassandra computes it.
fn statement_id(keyspace: Option<&str>, text: &str) -> Bytes {
    let mut hash = Md5::new();
    hash.update(keyspace.unwrap_or_default());
    hash.update(text);
    Bytes::copy_from_slice(&hash.finalize())
}

/// Returns the id of the metadata of a result: a hash of the names and types of its columns. A
/// statement without rows has no columns.
pub(super) fn result_metadata_id(columns: &[ColumnSpec]) -> Bytes {
    let mut hash = Md5::new();
    let mut update = |text: &str| {
        hash.update(text);
        // Separates the texts, because no UTF-8 text contains this byte.
        hash.update([0xff]);
    };
    for ColumnSpec { table, name, cql_type } in columns {
        update(&table.keyspace);
        update(&table.table);
        update(name);
        update(&type_text(cql_type));
    }
    Bytes::copy_from_slice(&hash.finalize())
}

/// Returns a text that differs between types which the protocol describes differently. The text of a
/// user-defined type in CQL is only its name.
fn type_text(cql_type: &CqlType) -> String {
    format!("{cql_type:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NativeType;

    fn statement(text: &str) -> PreparedStatement {
        PreparedStatement { text: text.to_owned(), keyspace: None, columns: None, prepared: None }
    }

    #[test]
    fn forgets_the_oldest_statement_beyond_the_limit() {
        let mut statements = PreparedStatements::default();
        let first = statements.insert(statement("first"));
        assert_eq!(statements.insert(statement("first")), first);
        for number in 1..MAX_STATEMENTS {
            statements.insert(statement(&number.to_string()));
        }
        assert!(statements.get(&first).is_some());
        statements.insert(statement("last"));
        assert!(statements.get(&first).is_none());
        assert!(statements.remove(" last ; ") && !statements.remove("last"));
    }

    #[test]
    fn the_metadata_id_depends_on_names_and_types() {
        let columns = |name: &str, cql_type| [ColumnSpec::new("k", "t", name, cql_type)];
        let id = |name: &str, cql_type| result_metadata_id(&columns(name, cql_type));
        assert_eq!(id("a", NativeType::Int), id("a", NativeType::Int));
        assert_ne!(id("a", NativeType::Int), id("a", NativeType::BigInt));
        assert_ne!(id("a", NativeType::Int), id("b", NativeType::Int));
        assert_ne!(id("a", NativeType::Int), result_metadata_id(&[]));
    }
}
