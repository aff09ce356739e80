//! What the statements that create things have in common.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};

use crate::types::{CqlType, Identifier, Value};

/// A name with its keyspace.
pub(super) struct Qualified<'a>(pub(super) &'a str, pub(super) &'a str);

impl Display for Qualified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", Identifier(self.0), Identifier(self.1))
    }
}

/// Names, and commas between them.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    list(names.into_iter().map(|name| Identifier(name)))
}

/// Things, and commas between them.
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

/// A string in quotes.
pub(super) fn string(text: &str) -> String {
    Value::Text(text.to_owned()).to_string()
}

/// A map of strings.
pub(super) fn map<'a>(entries: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let entries =
        entries.into_iter().map(|(key, value)| format!("{}: {}", string(key), string(value)));
    format!("{{{}}}", list(entries))
}

/// `WITH` and what follows it, if anything does.
pub(super) fn with(properties: impl IntoIterator<Item = String>) -> String {
    let properties = separated(properties, "\n    AND ");
    if properties.is_empty() { properties } else { format!(" WITH {properties}") }
}

/// The options of a table or a view.
pub(super) fn options(options: &BTreeMap<String, Value>) -> impl Iterator<Item = String> {
    // Since 4.0 there is one `read_repair`, and the two chances that it replaced are left for clients
    // who look for them.
    let has_read_repair = options.contains_key("read_repair");
    let is_left_over = move |name: &str| has_read_repair && name.ends_with("read_repair_chance");
    options
        .iter()
        // What extends a server writes `extensions`; statements do not.
        .filter(move |(name, _)| !is_left_over(name) && *name != "extensions")
        .map(|(name, value)| format!("{name} = {value}"))
}

/// What is virtual, as a comment: no statement creates it.
pub(super) fn virtual_comment(text: &str) -> String {
    separated(format!("VIRTUAL {text}").lines().map(|line| format!("-- {line}")), "\n")
}

/// A type as functions have it: not frozen itself, but all that is in it.
pub(super) struct Thawed<'a>(pub(super) &'a CqlType);

impl Display for Thawed<'_> {
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
        let inner = Thawed(self.0);
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
    fn what_is_in_a_type_of_a_function_is_frozen() {
        for (text, printed) in [
            ("int", "int"),
            ("frozen<list<int>>", "list<int>"),
            ("map<text, set<list<int>>>", "map<text, frozen<set<frozen<list<int>>>>>"),
            ("tuple<int, tuple<text>>", "tuple<int, frozen<tuple<text>>>"),
            ("list<vector<list<int>, 2>>", "list<vector<frozen<list<int>>, 2>>"),
        ] {
            let cql_type: CqlType = text.parse().unwrap();
            assert_eq!(Thawed(&cql_type).to_string(), printed);
        }
    }
}
