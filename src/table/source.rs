//! The table that a scan reads, and the statement that reads it.

use std::collections::BTreeMap;

use crate::cql::{Token as CqlToken, TokenKind, tokens};
use crate::session::{Error, ErrorKind, Session, Statement};
use crate::types::Quoted;
use crate::wire::Consistency;

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

/// The name of a table, with its keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) keyspace: String,
    pub(crate) table: String,
}

impl TableName {
    /// Parses the name of a table. A name without a keyspace is one of the session's keyspace.
    ///
    /// # Errors
    /// Returns an error if the text is not a valid name, or if no keyspace is known.
    pub(crate) fn parse(text: &str, session: &Session) -> Result<Self, Error> {
        let error = |text| Error::new(ErrorKind::Config, text);
        let Some((keyspace, table)) = parse_name(text) else {
            return Err(error(format!(
                "`{text}` is not the name of a table: write `keyspace.table`, with quotation marks around names \
                 that are not lower case"
            )));
        };
        let Some(keyspace) = keyspace.or_else(|| session.keyspace()) else {
            return Err(error(format!(
                "the keyspace of `{text}` is unknown: write `keyspace.{text}`"
            )));
        };
        Ok(Self { keyspace, table })
    }
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
        let select = "SELECT column_name, position, kind FROM system_schema.columns \
                      WHERE keyspace_name = ? AND table_name = ?";
        let select = Statement::new(select).consistency(Consistency::LocalOne);
        let names = (name.keyspace.as_str(), name.table.as_str());
        let mut rows = session.stream::<(String, i32, String)>(select, names);
        let mut columns = BTreeMap::new();
        while let Some((column, position, kind)) = rows.try_next().await? {
            let rank = match kind.as_str() {
                "partition_key" => 0,
                "clustering" => 1,
                "static" => 2,
                _ => 3,
            };
            columns.insert((rank, position, column), kind);
        }
        drop(rows);
        let is_key = |kind: &str| kind == "partition_key";
        let key = columns.iter().filter(|(_, kind)| is_key(kind));
        let key = key.map(|((.., column), _)| column.clone()).collect();
        let all = || columns.keys().map(|(.., column)| Quoted(column).to_string()).collect();
        let selection = if selection.is_empty() { all() } else { selection };
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

/// Parses a name, with or without a keyspace before it.
pub(super) fn parse_name(text: &str) -> Option<(Option<String>, String)> {
    let significant: Vec<_> = tokens(text).filter(CqlToken::is_significant).collect();
    match significant[..] {
        [table] => Some((None, table.name()?)),
        [keyspace, dot, table] if dot.kind == TokenKind::Symbol && dot.text == "." => {
            Some((Some(keyspace.name()?), table.name()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_keyspace_or_none() {
        let name = |keyspace: Option<&str>, table: &str| {
            Some((keyspace.map(str::to_owned), table.to_owned()))
        };
        for (text, expected) in [
            ("users", name(None, "users")),
            ("k8s_test.Users", name(Some("k8s_test"), "users")),
            (" a . b ", name(Some("a"), "b")),
            ("\"My.Keys\".\"a\"\"b\"", name(Some("My.Keys"), "a\"b")),
            ("", None),
            ("a.b.c", None),
            ("a b", None),
            ("a.", None),
            ("'a'", None),
            ("a; DROP TABLE b", None),
        ] {
            assert_eq!(parse_name(text), expected, "{text}");
        }
    }

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
