//! What the columns of a result, and the variables of a statement, are called.

use std::fmt;
use std::sync::Arc;

use super::CqlType;

/// A table, with its keyspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TableSpec {
    /// The keyspace.
    pub keyspace: String,
    /// The table.
    pub table: String,
}

impl fmt::Display for TableSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.keyspace, self.table)
    }
}

/// A column of a result, or a variable of a prepared statement (v4 §4.2.5.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnSpec {
    /// The table that it belongs to; columns of one table share it.
    pub table: Arc<TableSpec>,
    /// Its name, as the schema spells it.
    pub name: Box<str>,
    /// Its type.
    pub cql_type: CqlType,
}

impl ColumnSpec {
    /// A column `name` of `keyspace.table`.
    pub fn new(keyspace: &str, table: &str, name: &str, cql_type: impl Into<CqlType>) -> Self {
        let table = Arc::new(TableSpec { keyspace: keyspace.into(), table: table.into() });
        Self { table, name: name.into(), cql_type: cql_type.into() }
    }
}
