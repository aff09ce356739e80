//! Descriptions of result columns and bind variables.

use std::fmt;
use std::sync::Arc;

use super::CqlType;

/// The names of a table and of its keyspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TableSpec {
    /// Name of the keyspace.
    pub keyspace: String,
    /// Name of the table.
    pub table: String,
}

impl fmt::Display for TableSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.keyspace, self.table)
    }
}

/// The description of a result column, or of a bind variable of a prepared statement (v4 §4.2.5.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnSpec {
    /// The column's table. Adjacent columns of one table usually share its allocation.
    pub table: Arc<TableSpec>,
    /// Name of the column in its exact case, without quotes.
    pub name: Box<str>,
    /// CQL type of the column.
    pub cql_type: CqlType,
}

impl ColumnSpec {
    /// Returns the column `name` of table `keyspace.table`.
    pub fn new(keyspace: &str, table: &str, name: &str, cql_type: impl Into<CqlType>) -> Self {
        let table = Arc::new(TableSpec { keyspace: keyspace.into(), table: table.into() });
        Self { table, name: name.into(), cql_type: cql_type.into() }
    }
}
