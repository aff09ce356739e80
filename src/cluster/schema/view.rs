//! A materialized view.

use super::Table;
use super::ddl::{Qualified, names};

/// A materialized view.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct View {
    /// The table that it is a view of, in the same keyspace.
    pub base_table: String,
    /// Whether it has all columns of that table (`SELECT *`), those that are still to come, too.
    pub includes_all_columns: bool,
    /// What stands after `WHERE`, as the server writes it.
    ///
    /// Cassandra writes `'it''s'` as `'it's'` here, so that such a view cannot be created out of
    /// what it says.
    pub where_clause: String,
    /// What the view is as a table, its name among it.
    pub table: Table,
}

impl View {
    pub(super) fn new(
        base_table: String,
        includes_all_columns: bool,
        where_clause: String,
        table: Table,
    ) -> Self {
        Self { base_table, includes_all_columns, where_clause, table }
    }

    /// The statement that creates it. Its table must be there.
    pub fn ddl(&self) -> String {
        let Table { keyspace, name, columns, .. } = &self.table;
        let columns = match self.includes_all_columns {
            true => "*".to_owned(),
            false => names(columns.iter().map(|column| &column.name)),
        };
        format!(
            "CREATE MATERIALIZED VIEW {} AS\n    SELECT {columns}\n    FROM {}\n    WHERE {}\n    \
             {}{};",
            Qualified(keyspace, name),
            Qualified(keyspace, &self.base_table),
            self.where_clause,
            self.table.primary_key(),
            self.table.with(),
        )
    }
}
