//! A materialized view.

use super::Table;
use super::ddl::{Qualified, names};
use super::element_map::SchemaElement;
use super::fields::Fields;
use super::table_rows::{KeyspaceContext, TableRows};
use super::where_clause::escape_literals;

/// A materialized view.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct View {
    /// The name of the base table, which is in the same keyspace.
    pub base_table: String,
    /// True if the view includes all columns of the base table (`SELECT *`), including columns that
    /// are added later.
    pub includes_all_columns: bool,
    /// The condition after `WHERE`, as the server stores it.
    ///
    /// Cassandra does not escape quotes in string literals here: it stores `'it''s'` as `'it's'`.
    /// [`ddl`](Self::ddl) escapes the quotes again.
    pub where_clause: String,
    /// The view's name, columns and options.
    pub table: Table,
}

impl SchemaElement for View {
    fn build(name: &str, rows: &TableRows, context: &KeyspaceContext) -> Self {
        let record = rows.options.record();
        let fields = record.as_deref().map(Fields);
        let text =
            |name| fields.and_then(|fields| fields.text(name)).unwrap_or_default().to_owned();
        let all = fields.and_then(|fields| fields.flag("include_all_columns"));
        Self {
            base_table: text("base_table_name"),
            includes_all_columns: all.unwrap_or_default(),
            where_clause: text("where_clause"),
            table: Table::build(name, rows, context),
        }
    }
}

impl View {
    /// Returns the statement that creates the view. The base table must exist.
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
            escape_literals(&self.where_clause),
            self.table.primary_key(),
            self.table.with(None, super::ddl::options(&self.table.options)),
        )
    }
}
