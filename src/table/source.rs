//! The name of a table, and the statement that reads it.

use std::collections::BTreeMap;

use crate::cql::{Token as CqlToken, TokenKind, tokens};
use crate::session::{Error, ErrorKind, Session, Statement};
use crate::types::Quoted;
use crate::wire::Consistency;

/// A table, and what is read of it.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) keyspace: String,
    table: String,
    /// The selected columns as CQL text.
    selection: String,
}

impl Source {
    /// Parses the name of a table. A name without a keyspace is one of the session's keyspace.
    ///
    /// # Errors
    /// Returns an error if the text is no name, or if no keyspace is known.
    pub(super) fn new(text: &str, selection: String, session: &Session) -> Result<Self, Error> {
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
        Ok(Self { keyspace, table, selection })
    }

    /// Returns the names of the partition key columns in key order. Empty if the table does not exist or is
    /// virtual.
    pub(super) async fn partition_key(&self, session: &Session) -> Result<Vec<String>, Error> {
        let select = "SELECT column_name, position, kind FROM system_schema.columns \
                      WHERE keyspace_name = ? AND table_name = ?";
        let select = Statement::new(select).consistency(Consistency::LocalOne);
        let names = (self.keyspace.as_str(), self.table.as_str());
        let mut columns = session.stream::<(String, i32, String)>(select, names);
        let mut key = BTreeMap::new();
        while let Some((name, position, kind)) = columns.try_next().await? {
            if kind == "partition_key" {
                key.insert(position, name);
            }
        }
        Ok(key.into_values().collect())
    }

    /// Returns the statement that reads the rows of a token range, or all rows if `key` is empty.
    pub(super) fn select(&self, key: &[String]) -> String {
        let (selection, keyspace, table) =
            (&self.selection, Quoted(&self.keyspace), Quoted(&self.table));
        let mut text = format!("SELECT {selection} FROM {keyspace}.{table}");
        if !key.is_empty() {
            let key =
                key.iter().map(|column| Quoted(column).to_string()).collect::<Vec<_>>().join(", ");
            text.push_str(&format!(" WHERE token({key}) > ? AND token({key}) <= ?"));
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
        let selection = "a, ttl(b)".to_owned();
        let source = Source { keyspace: "K".into(), table: "t\"".into(), selection };
        assert_eq!(source.select(&[]), r#"SELECT a, ttl(b) FROM "K"."t""""#);
        assert_eq!(
            source.select(&["a".to_owned(), "B".to_owned()]),
            r#"SELECT a, ttl(b) FROM "K"."t""" WHERE token("a", "B") > ? AND token("a", "B") <= ?"#
        );
    }
}
