//! Helpers that print DDL.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};

use crate::types::{CqlType, Identifier, Value};

/// Displays a keyspace and a name as `keyspace.name`.
pub(super) struct Qualified<'a>(pub(super) &'a str, pub(super) &'a str);

impl Display for Qualified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", Identifier(self.0), Identifier(self.1))
    }
}

/// Joins identifiers with commas.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    list(names.into_iter().map(|name| Identifier(name)))
}

/// Joins items with commas.
pub(super) fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    separated(items, ", ")
}

pub(super) fn separated(items: impl IntoIterator<Item = impl Display>, between: &str) -> String {
    let mut text = String::new();
    for (index, item) in items.into_iter().enumerate() {
        let before = if index == 0 { "" } else { between };
        // Writing to a String cannot fail.
        let _ = write!(text, "{before}{item}");
    }
    text
}

/// Formats a string literal.
pub(super) fn string(text: &str) -> String {
    Value::Text(text.to_owned()).to_string()
}

/// Formats a map literal of strings.
pub(super) fn map<'a>(entries: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let entries =
        entries.into_iter().map(|(key, value)| format!("{}: {}", string(key), string(value)));
    format!("{{{}}}", list(entries))
}

/// Formats a `WITH` clause of the properties. Returns an empty string if there are no properties.
pub(super) fn with(properties: impl IntoIterator<Item = String>) -> String {
    let properties = separated(properties, "\n    AND ");
    if properties.is_empty() { properties } else { format!(" WITH {properties}") }
}

/// Formats the options of a table or a view.
pub(super) fn options(options: &BTreeMap<String, Value>) -> impl Iterator<Item = String> {
    // Since Cassandra 4.0, `read_repair` replaces `read_repair_chance` and
    // `dclocal_read_repair_chance`, which the server still lists for old clients.
    let has_read_repair = options.contains_key("read_repair");
    let is_obsolete = move |name: &str| has_read_repair && name.ends_with("read_repair_chance");
    options
        .iter()
        // `extensions` contains data of server extensions, and is not valid in a statement.
        .filter(move |(name, _)| !is_obsolete(name) && *name != "extensions")
        .map(|(name, value)| format!("{name} = {value}"))
}

/// Formats a virtual keyspace or table as a comment, since no statement creates it.
pub(super) fn virtual_comment(text: &str) -> String {
    separated(format!("VIRTUAL {text}").lines().map(|line| format!("-- {line}")), "\n")
}

/// Displays the type of an argument or result of a function: the type itself is not frozen, but all
/// its elements are.
pub(super) struct Unfrozen<'a>(pub(super) &'a CqlType);

impl Display for Unfrozen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CqlType::List(element) => write!(f, "list<{}>", Frozen(element)),
            CqlType::Set(element) => write!(f, "set<{}>", Frozen(element)),
            CqlType::Map(pair) => write!(f, "map<{}, {}>", Frozen(&pair.0), Frozen(&pair.1)),
            CqlType::Tuple(types) => write!(f, "tuple<{}>", list(types.iter().map(Frozen))),
            CqlType::Vector(vector) => {
                write!(f, "vector<{}, {}>", Frozen(&vector.element), vector.dimensions)
            }
            CqlType::Native(_) | CqlType::Udt(_) | CqlType::Custom(_) => self.0.fmt(f),
        }
    }
}

struct Frozen<'a>(&'a CqlType);

impl Display for Frozen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = Unfrozen(self.0);
        match self.0 {
            CqlType::Native(_) | CqlType::Vector(_) | CqlType::Custom(_) => inner.fmt(f),
            _ => write!(f, "frozen<{inner}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_function_types_are_frozen() {
        for (text, printed) in [
            ("int", "int"),
            ("frozen<list<int>>", "list<int>"),
            ("map<text, set<list<int>>>", "map<text, frozen<set<frozen<list<int>>>>>"),
            ("tuple<int, tuple<text>>", "tuple<int, frozen<tuple<text>>>"),
            ("list<vector<list<int>, 2>>", "list<vector<frozen<list<int>>, 2>>"),
        ] {
            let cql_type: CqlType = text.parse().unwrap();
            assert_eq!(Unfrozen(&cql_type).to_string(), printed);
        }
    }
}
