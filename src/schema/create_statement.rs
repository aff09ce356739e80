//! Reads from the statements of DESCRIBE what Cassandra 6.0 keeps in no table of `system_schema`: the
//! constraints of columns, and the options of a table for transactions.

use std::collections::BTreeMap;

use super::fields::Fields;
use crate::cql::{Token, TokenKind, tokens};
use crate::types::Value;

/// Options of tables that `system_schema.tables` lacks.
const OPTIONS: [&str; 2] = ["transactional_mode", "transactional_migration_from"];

/// The parts of a `CREATE TABLE` that the schema tables lack.
#[derive(Debug, Default, PartialEq)]
pub(super) struct CreateStatement {
    /// The text after `CHECK`, by the name of the column.
    pub(super) constraints: BTreeMap<String, String>,
    /// The [`OPTIONS`], by name.
    pub(super) options: BTreeMap<String, Value>,
}

impl CreateStatement {
    /// Reads a row of DESCRIBE. Returns the name of the table and its statement, or `None` if the row
    /// does not describe a table.
    pub(super) fn read(row: Fields<'_>) -> Option<(String, Self)> {
        let is_table = row.text("type") == Some("table");
        let name = name(row.text("name").filter(|_| is_table)?)?;
        Some((name, Self::parse(row.text("create_statement")?)))
    }

    /// Parses a statement as the server prints it. Leaves out what it does not understand.
    fn parse(statement: &str) -> Self {
        let mut parsed = Self::default();
        let mut at = 0_usize;
        let tokens = tokens(statement).filter_map(move |token| {
            let start = at;
            at = start.saturating_add(token.text.len());
            token.is_significant().then_some((start, token))
        });
        let mut tokens = tokens.skip_while(|(_, token)| token.text != "(").skip(1);
        let mut column = Definition::default();
        let mut depth = 1_usize;
        for (start, token) in tokens.by_ref() {
            match token.text {
                "(" | "[" | "{" => depth = depth.saturating_add(1),
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 || depth == 1 && column.is_ended_by(&token) {
                let ended = std::mem::take(&mut column);
                parsed.constraints.extend(ended.constraint(statement, start));
            } else {
                column.add(start, &token);
            }
            if depth == 0 {
                break;
            }
        }
        let rest: Vec<_> = tokens.map(|(_, token)| token).collect();
        for option in rest.windows(3) {
            if let [name, equals, value] = option
                && name.is_one_of(&OPTIONS)
                && equals.text == "="
                && value.kind == TokenKind::String
            {
                let value = value.text.trim_matches('\'').to_owned();
                parsed.options.insert(name.text.to_ascii_lowercase(), Value::Text(value));
            }
        }
        parsed
    }
}

/// The definition of a column, as far as it is read.
#[derive(Debug, Default)]
struct Definition {
    name: Option<String>,
    /// The number of `<` of the type that are open.
    open: usize,
    /// The position after `CHECK`.
    check: Option<usize>,
    /// The position of `PRIMARY KEY` after the constraints.
    end: Option<usize>,
    is_begun: bool,
}

impl Definition {
    fn is_ended_by(&self, token: &Token<'_>) -> bool {
        token.text == "," && self.open == 0
    }

    fn add(&mut self, start: usize, token: &Token<'_>) {
        if !self.is_begun {
            self.is_begun = true;
            self.name = token.name();
        } else if self.check.is_none() {
            match token.text {
                "<" => self.open = self.open.saturating_add(1),
                ">" => self.open = self.open.saturating_sub(1),
                _ if token.is_keyword("CHECK") => {
                    self.check = Some(start.saturating_add(token.text.len()));
                }
                _ => {}
            }
        } else if token.is_keyword("PRIMARY") {
            self.end = Some(start);
        }
    }

    /// Returns the name of the column and its constraint, if it has one. The definition ends at `end`.
    fn constraint(self, statement: &str, end: usize) -> Option<(String, String)> {
        let text = statement.get(self.check?..self.end.unwrap_or(end))?;
        Some((self.name?, text.trim().to_owned()))
    }
}

/// Returns the name that a text of CQL stands for. The server writes quotation marks around a name that
/// needs them.
pub(super) fn name(text: &str) -> Option<String> {
    tokens(text).next()?.name()
}

/// Converts the option `fast_path` from the form of the schema tables to that of statements: the name of
/// a strategy, or a map of its parameters.
pub(super) fn fast_path(stored: &Value) -> Value {
    let Value::Map(entries) = stored else { return stored.clone() };
    let is_kind = |key: &Value| matches!(key, Value::Text(key) if key == "kind");
    let kind = entries.iter().find(|(key, _)| is_kind(key)).map(|(_, kind)| kind);
    match kind {
        Some(Value::Text(kind)) if kind == "INHERIT_KEYSPACE" => Value::Text("keyspace".to_owned()),
        Some(Value::Text(kind)) if kind == "SIMPLE" => Value::Text("simple".to_owned()),
        _ => Value::Map(entries.iter().filter(|(key, _)| !is_kind(key)).cloned().collect()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_constraints_and_the_transactional_options() {
        let parsed = CreateStatement::parse(
            "CREATE TABLE \"Ks\".t (\n    k int CHECK k > 0 PRIMARY KEY,\n    \
             m frozen<map<text, int>>,\n    \"Check\" int static MASKED WITH f(1, ',') \
             CHECK \"Check\" < 100 AND \"Check\" > 0,\n    l text CHECK LENGTH() < 8 AND NOT NULL,\n    \
             check int,\n    j text CHECK JSON\n) WITH comment = 'transactional_mode = ''x'''\n    \
             AND transactional_mode = 'full'\n    AND transactional_migration_from = 'none';",
        );
        let constraints: Vec<_> =
            parsed.constraints.iter().map(|(name, check)| (&name[..], &check[..])).collect();
        assert_eq!(
            constraints,
            [
                ("Check", "\"Check\" < 100 AND \"Check\" > 0"),
                ("j", "JSON"),
                ("k", "k > 0"),
                ("l", "LENGTH() < 8 AND NOT NULL"),
            ]
        );
        let text = |text: &str| Value::Text(text.to_owned());
        let [mode, from] = OPTIONS.map(|name| parsed.options[name].clone());
        assert_eq!((mode, from), (text("full"), text("none")));
    }

    #[test]
    fn fast_paths_have_the_form_of_statements() {
        let text = |text: &str| Value::Text(text.to_owned());
        let stored = |kind: &str, size: Option<&str>| {
            let size = size.map(|size| (text("size"), text(size)));
            fast_path(&Value::Map(size.into_iter().chain([(text("kind"), text(kind))]).collect()))
        };
        assert_eq!(stored("INHERIT_KEYSPACE", None), text("keyspace"));
        assert_eq!(stored("SIMPLE", None), text("simple"));
        assert_eq!(stored("PARAMETERIZED", Some("3")), Value::Map(vec![(text("size"), text("3"))]));
    }

    proptest! {
        #[test]
        fn reads_any_text_without_a_panic(
            text in "(CREATE TABLE t \\()?([a-c ,<>(){}'\"\u{e9}]|CHECK |PRIMARY ){0,40}",
        ) {
            CreateStatement::parse(&text);
        }
    }
}
