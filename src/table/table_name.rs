//! The name of a table.

use crate::cql::{Token as CqlToken, TokenKind, tokens};
use crate::session::{Error, ErrorKind, Session};

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
}
