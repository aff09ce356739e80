//! The source of the rows that a SELECT reads.

use std::sync::Arc;

use super::schema::TableSchema;
use crate::types::Value;

/// A source of schemas and rows.
pub(crate) trait Database {
    /// Returns true if there is a keyspace of this name.
    fn has_keyspace(&self, keyspace: &str) -> bool;

    /// Returns the schema of a table, or `None` if there is no such table.
    fn table(&self, keyspace: &str, table: &str) -> Option<Arc<TableSchema>>;

    /// Returns all rows of a table. The rows of a partition are adjacent and in clustering order.
    fn rows(&self, table: &TableSchema) -> Vec<Row>;
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The values, in the order of [`TableSchema::columns`].
    pub(crate) values: Vec<Value>,
    /// The time of the write, in microseconds since 1970.
    pub(crate) write_time: i64,
}
