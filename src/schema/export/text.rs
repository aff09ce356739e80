//! Names and values as the Python driver writes them.

use std::fmt::{self, Display};

use super::super::ddl;
use crate::types::{Identifier, Quoted, Value};

/// Displays a name. A word that the Python driver reserves is written in double quotes.
pub(crate) struct ExportedName<'a>(pub(crate) &'a str);

/// Words of DataStax Enterprise, which the Python driver reserves and Cassandra does not.
const ENTERPRISE_WORDS: [&str; 42] = [
    "active",
    "application",
    "applications",
    "authentication",
    "call",
    "calls",
    "cluster",
    "columns",
    "commit",
    "config",
    "delegation",
    "executor",
    "executors",
    "field",
    "indices",
    "internal",
    "java",
    "kerberos",
    "ldap",
    "lowercasestring",
    "method",
    "no",
    "node",
    "nodes",
    "object",
    "plan",
    "profiles",
    "rebuild",
    "redact",
    "reload",
    "remote",
    "renew",
    "restrict",
    "rows",
    "scheme",
    "schemes",
    "search",
    "std_err",
    "std_out",
    "submission",
    "unrestrict",
    "workpool",
];

/// Reserved words that the Python driver writes without quotes.
const UNQUOTED_WORDS: [&str; 2] = ["false", "true"];

impl Display for ExportedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            word if UNQUOTED_WORDS.contains(&word) => f.write_str(word),
            word if ENTERPRISE_WORDS.contains(&word) => Quoted(word).fmt(f),
            name => Identifier(name).fmt(f),
        }
    }
}

/// Displays `keyspace.name`.
pub(super) struct QualifiedName<'a>(pub(super) &'a str, pub(super) &'a str);

impl Display for QualifiedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", ExportedName(self.0), ExportedName(self.1))
    }
}

/// Formats the value of a table option, which the driver writes as a literal.
pub(super) fn option_value(value: &Value) -> String {
    match value {
        Value::Map(entries) => {
            unescaped_map(entries.iter().map(|(key, value)| (unquoted(key), unquoted(value))))
        }
        Value::Double(number) => python_float(*number),
        other => other.to_string(),
    }
}

/// Formats a map of texts. The driver does not escape quotation marks here.
pub(super) fn unescaped_map(entries: impl Iterator<Item = (String, String)>) -> String {
    let entries = entries.map(|(key, value)| format!("'{key}': '{value}'"));
    format!("{{{}}}", ddl::list(entries))
}

fn unquoted(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Ascii(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Formats a number as `str` of Python does: with an exponent only outside 1e-4 to 1e16.
fn python_float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let exponent = scientific.split_once('e').map(|(digits, power)| (digits, power.parse::<i32>()));
    match exponent {
        Some((digits, Ok(power))) if !(-4..16).contains(&power) => format!("{digits}e{power:+03}"),
        _ => format!("{number:?}").to_ascii_lowercase(),
    }
}

/// Removes `frozen<…>` around the parts of a type, at every level.
pub(super) fn without_frozen(cql_type: &str) -> String {
    let mut text = String::with_capacity(cql_type.len());
    // For each angle bracket that is open: true if it follows `frozen`.
    let mut open = Vec::new();
    let mut is_quoted = false;
    for c in cql_type.chars() {
        is_quoted ^= c == '"';
        match c {
            '<' if !is_quoted => {
                let rest = text.strip_suffix("frozen").map(str::len).filter(|rest| {
                    !text.get(..*rest).is_some_and(|rest| rest.ends_with(is_word_character))
                });
                open.push(rest.is_some());
                match rest {
                    Some(rest) => text.truncate(rest),
                    None => text.push(c),
                }
            }
            '>' if !is_quoted && open.pop() == Some(true) => {}
            _ => text.push(c),
        }
    }
    text
}

fn is_word_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '"'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_the_words_that_the_python_driver_reserves() {
        for (name, written) in [
            ("users", "users"),
            ("select", "\"select\""),
            ("rows", "\"rows\""),
            ("true", "true"),
            ("Mixed", "\"Mixed\""),
            ("a\"b", "\"a\"\"b\""),
            ("1st", "\"1st\""),
        ] {
            assert_eq!(ExportedName(name).to_string(), written);
        }
    }

    #[test]
    fn writes_numbers_as_python_does() {
        for (number, written) in [
            (0.0, "0.0"),
            (0.01, "0.01"),
            (1.0, "1.0"),
            (0.000_1, "0.0001"),
            (0.000_01, "1e-05"),
            (1.5e16, "1.5e+16"),
            (1e15, "1000000000000000.0"),
        ] {
            assert_eq!(option_value(&Value::Double(number)), written);
        }
    }

    #[test]
    fn literals_are_escaped_outside_maps_only() {
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(option_value(&text("it's")), "'it''s'");
        let map = Value::Map(vec![(text("class"), text("a'b")), (text("n"), text("4"))]);
        assert_eq!(option_value(&map), "{'class': 'a'b', 'n': '4'}");
        assert_eq!(option_value(&Value::Boolean(true)), "true");
        assert_eq!(option_value(&Value::Int(-1)), "-1");
    }

    #[test]
    fn frozen_is_removed_at_every_level() {
        for (text, printed) in [
            ("int", "int"),
            ("frozen<list<int>>", "list<int>"),
            ("map<text, frozen<set<frozen<\"a<b\">>>>", "map<text, set<\"a<b\">>"),
            ("frozen<tuple<int, frozen<unfrozen>>>", "tuple<int, unfrozen>"),
        ] {
            assert_eq!(without_frozen(text), printed);
        }
    }
}
