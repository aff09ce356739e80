//! The table that a scan reads, and the statement that reads it.

use super::columns::{ColumnKind, TableColumns};
use super::table_name::TableName;
use crate::session::{Error, Session};
use crate::types::Quoted;

/// A table, and what is read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) name: TableName,
    /// The columns of the partition key in key order. Empty if the table is virtual or does not exist.
    pub(super) key: Vec<String>,
    /// The selectors as CQL text. Empty means all columns.
    pub(super) selection: Vec<String>,
    /// The condition in addition to that on the tokens, as CQL text.
    pub(super) filter: Option<String>,
}

impl Source {
    /// Reads the columns of the table. Without a selection, selects all of them in the order of `SELECT *`, so that
    /// the rows keep their shape if a column is added during the scan.
    ///
    /// # Errors
    /// Returns the errors of [`Session::execute`].
    pub(super) async fn read(
        name: TableName,
        selection: Vec<String>,
        filter: Option<String>,
        session: &Session,
    ) -> Result<Self, Error> {
        let columns = TableColumns::read(&name, session).await?;
        let key = columns.0.iter().filter(|column| column.kind == ColumnKind::PartitionKey);
        let key = key.map(|column| column.name.clone()).collect();
        let selection = if selection.is_empty() { columns.all() } else { selection };
        Ok(Self { name, key, selection, filter })
    }

    /// Returns the statement that reads the rows of a token range, or all rows if `by_tokens` is false.
    pub(super) fn select(&self, by_tokens: bool) -> String {
        let selection = match &self.selection[..] {
            [] => "*".to_owned(),
            selectors => selectors.join(", "),
        };
        let TableName { keyspace, table } = &self.name;
        let key: Vec<_> = self.key.iter().map(|column| Quoted(column).to_string()).collect();
        let token = format!("token({})", key.join(", "));
        let mut conditions = Vec::new();
        if by_tokens {
            conditions.push(format!("{token} > ? AND {token} <= ?"));
        }
        conditions.extend(self.filter.clone());
        let mut text = format!("SELECT {selection} FROM {}.{}", Quoted(keyspace), Quoted(table));
        if !conditions.is_empty() {
            text.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        if self.filter.is_some() {
            text.push_str(" ALLOW FILTERING");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_in_the_statement() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let source = Source {
            name: TableName { keyspace: "K".into(), table: "t\"".into() },
            key: texts(&["a", "B"]),
            selection: texts(&["a", "ttl(b)"]),
            filter: None,
        };
        let head = r#"SELECT a, ttl(b) FROM "K"."t""""#;
        assert_eq!(source.select(false), head);
        let tokens = r#" WHERE token("a", "B") > ? AND token("a", "B") <= ?"#;
        assert_eq!(source.select(true), format!("{head}{tokens}"));
        let filtered = Source { filter: Some("b > 5".into()), selection: Vec::new(), ..source };
        let head = r#"SELECT * FROM "K"."t""""#;
        assert_eq!(filtered.select(false), format!("{head} WHERE b > 5 ALLOW FILTERING"));
        let text = format!("{head}{tokens} AND b > 5 ALLOW FILTERING");
        assert_eq!(filtered.select(true), text);
    }
}
