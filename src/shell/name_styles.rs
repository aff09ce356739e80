//! The colours of column names.

use std::collections::HashMap;

use super::format::Style;
use crate::session::{QueryResult, Session};
use crate::types::ColumnSpec;

/// The colours of the names of a table's columns, by their kind.
#[derive(Debug, Default)]
pub(super) struct NameStyles(HashMap<String, Style>);

impl NameStyles {
    /// Reads the kinds of the columns of the table that a result is from. If they cannot be read, all
    /// names have the same colour.
    pub(super) async fn read(session: &Session, result: &QueryResult) -> Self {
        let Some(column) = result.columns().first() else { return Self::default() };
        let select = "SELECT column_name, kind FROM system_schema.columns \
                      WHERE keyspace_name = ? AND table_name = ?";
        let mut styles = HashMap::new();
        let table = (column.table.keyspace.clone(), column.table.table.clone());
        let mut rows = session.stream::<(String, String)>(select, table);
        while let Ok(Some((name, kind))) = rows.try_next().await {
            let style = match kind.as_str() {
                "partition_key" => Style::Red,
                "clustering" => Style::Clustering,
                "static" => Style::Static,
                _ => Style::Name,
            };
            styles.insert(name, style);
        }
        Self(styles)
    }

    /// Returns the colour of the name of a column.
    pub(super) fn style(&self, column: &ColumnSpec) -> Style {
        self.0.get(&*column.name).copied().unwrap_or(Style::Name)
    }
}
