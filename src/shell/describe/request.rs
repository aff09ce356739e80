//! The grammar of DESCRIBE, which is that of cqlsh.

use crate::cql::{Token, tokens};
use crate::types::is_reserved;

/// A DESCRIBE command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// The names of the keyspaces.
    Keyspaces,
    /// The names of the elements of a kind.
    Names(Names),
    Cluster,
    /// Every keyspace; `full` includes those of the server itself.
    Schema {
        full: bool,
    },
    /// A keyspace; `None` for the current one. `only` leaves out its contents.
    Keyspace {
        name: Option<String>,
        only: bool,
    },
    /// An element of a keyspace; `None` for the current one.
    Element {
        kind: Kind,
        keyspace: Option<String>,
        name: String,
    },
    /// A keyspace, or an element of any kind in the current keyspace.
    Any(String),
}

/// The elements whose names a command lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Tables,
    Types,
    Functions,
    Aggregates,
}

/// The kind of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    Type,
    Index,
    View,
    Function,
    Aggregate,
    /// The command does not name the kind.
    Any,
}

impl Request {
    /// Parses a command, with or without a semicolon at its end.
    ///
    /// # Errors
    /// Returns cqlsh's message if the command is malformed, and what is missing if it is incomplete.
    pub(super) fn parse(command: &str) -> Result<Self, String> {
        let is_word = |token: &Token<'_>| token.is_significant() && token.text != ";";
        let words: Vec<_> = tokens(command).filter(is_word).collect();
        let (command, words) = words.split_first().ok_or("Improper DESCRIBE command.")?;
        let improper = format!("Improper {} command", command.text);
        let words = match words {
            [rest @ .., with, internals]
                if with.is_keyword("WITH") && internals.is_keyword("INTERNALS") =>
            {
                rest
            }
            words => words,
        };
        if let Some(request) = objects(words).or_else(|| named(words)) {
            return Ok(request);
        }
        Err(match missing(words) {
            Some(missing) => format!("{improper}: {missing}"),
            None => format!("{improper}."),
        })
    }
}

/// Parses a command that names no element.
fn objects(words: &[Token<'_>]) -> Option<Request> {
    let matches = |keywords: &[&str]| {
        words.len() == keywords.len()
            && words.iter().zip(keywords).all(|(word, keyword)| word.is_keyword(keyword))
    };
    Some(match () {
        () if matches(&["KEYSPACES"]) => Request::Keyspaces,
        () if matches(&["TABLES"]) || matches(&["COLUMNFAMILIES"]) => Request::Names(Names::Tables),
        () if matches(&["TYPES"]) => Request::Names(Names::Types),
        () if matches(&["FUNCTIONS"]) => Request::Names(Names::Functions),
        () if matches(&["AGGREGATES"]) => Request::Names(Names::Aggregates),
        () if matches(&["CLUSTER"]) => Request::Cluster,
        () if matches(&["SCHEMA"]) => Request::Schema { full: false },
        () if matches(&["FULL", "SCHEMA"]) => Request::Schema { full: true },
        () if matches(&["KEYSPACE"]) => Request::Keyspace { name: None, only: false },
        () if matches(&["ONLY", "KEYSPACE"]) => Request::Keyspace { name: None, only: true },
        () => return None,
    })
}

/// Parses a command that names a keyspace or an element.
fn named(words: &[Token<'_>]) -> Option<Request> {
    match words {
        [only, word, name] if only.is_keyword("ONLY") && word.is_keyword("KEYSPACE") => {
            return Some(Request::Keyspace { name: Some(identifier(name)?), only: true });
        }
        [word, name] if word.is_keyword("KEYSPACE") => {
            return Some(Request::Keyspace { name: Some(identifier(name)?), only: false });
        }
        [name] => return Some(Request::Any(identifier(name)?)),
        _ => {}
    }
    let (kind, names) = match words {
        [word, names @ ..] if word.is_one_of(&["TABLE", "COLUMNFAMILY"]) => (Kind::Table, names),
        [word, view, names @ ..] if word.is_keyword("MATERIALIZED") && view.is_keyword("VIEW") => {
            (Kind::View, names)
        }
        [_, dot, _] if dot.text == "." => (Kind::Any, words),
        [word, names @ ..] if word.is_keyword("TYPE") => (Kind::Type, names),
        [word, names @ ..] if word.is_keyword("INDEX") => (Kind::Index, names),
        [word, names @ ..] if word.is_keyword("FUNCTION") => (Kind::Function, names),
        [word, names @ ..] if word.is_keyword("AGGREGATE") => (Kind::Aggregate, names),
        _ => return None,
    };
    let (keyspace, name) = match names {
        [name] => (None, name),
        [keyspace, dot, name] if dot.text == "." => (Some(identifier(keyspace)?), name),
        _ => return None,
    };
    Some(Request::Element { kind, keyspace, name: identifier(name)? })
}

/// Returns the name that a token stands for, or `None` if it is a reserved word or no name.
fn identifier(token: &Token<'_>) -> Option<String> {
    let name = token.name()?;
    let is_quoted = token.text.starts_with('"');
    (is_quoted || !is_reserved(&name)).then_some(name)
}

/// Returns what an incomplete command lacks.
fn missing(words: &[Token<'_>]) -> Option<String> {
    let lacks = |what: &str, example: &str| Some(format!("{what}, as in DESCRIBE {example}"));
    match words {
        [] => lacks("it lacks an object", "TABLES or DESCRIBE TABLE ks.t"),
        [word] if word.is_one_of(&["TABLE", "COLUMNFAMILY"]) => {
            lacks("it lacks the name of a table", "TABLE ks.t")
        }
        [word] if word.is_keyword("INDEX") => lacks("it lacks the name of an index", "INDEX ks.i"),
        [word] if word.is_keyword("FULL") => lacks("it lacks a word", "FULL SCHEMA"),
        [word] if word.is_keyword("MATERIALIZED") => {
            lacks("it lacks a word and the name of a view", "MATERIALIZED VIEW ks.v")
        }
        [word, view] if word.is_keyword("MATERIALIZED") && view.is_keyword("VIEW") => {
            lacks("it lacks the name of a view", "MATERIALIZED VIEW ks.v")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_name_no_element_list_names_or_describe_everything() {
        for (command, expected) in [
            ("DESC keyspaces", Request::Keyspaces),
            ("DESCRIBE TABLES;", Request::Names(Names::Tables)),
            ("DESCRIBE ColumnFamilies", Request::Names(Names::Tables)),
            ("DESCRIBE TYPES", Request::Names(Names::Types)),
            ("DESCRIBE FUNCTIONS", Request::Names(Names::Functions)),
            ("DESCRIBE AGGREGATES;", Request::Names(Names::Aggregates)),
            ("DESCRIBE CLUSTER", Request::Cluster),
            ("DESCRIBE SCHEMA WITH INTERNALS", Request::Schema { full: false }),
            ("desc full schema", Request::Schema { full: true }),
            ("DESCRIBE KEYSPACE", Request::Keyspace { name: None, only: false }),
            ("DESCRIBE ONLY KEYSPACE", Request::Keyspace { name: None, only: true }),
        ] {
            assert_eq!(Request::parse(command), Ok(expected), "{command}");
        }
    }

    #[test]
    fn names_are_qualified_quoted_or_without_a_kind() {
        let element = |kind, keyspace: Option<&str>, name: &str| Request::Element {
            kind,
            keyspace: keyspace.map(str::to_owned),
            name: name.to_owned(),
        };
        let keyspace = |name: &str, only| Request::Keyspace { name: Some(name.to_owned()), only };
        for (command, expected) in [
            ("DESCRIBE TABLE users;", element(Kind::Table, None, "users")),
            ("desc columnfamily Ks.Users", element(Kind::Table, Some("ks"), "users")),
            ("DESCRIBE TABLE \"Ks\" . \"a\"\"B\"", element(Kind::Table, Some("Ks"), "a\"B")),
            ("DESCRIBE KEYSPACE ks /* here */ ;", keyspace("ks", false)),
            ("DESCRIBE ONLY KEYSPACE \"Ks\" WITH INTERNALS;", keyspace("Ks", true)),
            ("DESCRIBE TYPE address", element(Kind::Type, None, "address")),
            ("DESCRIBE INDEX ks.i", element(Kind::Index, Some("ks"), "i")),
            ("DESCRIBE MATERIALIZED VIEW v", element(Kind::View, None, "v")),
            ("DESCRIBE FUNCTION ks.f", element(Kind::Function, Some("ks"), "f")),
            ("DESCRIBE AGGREGATE \"Total\" -- all", element(Kind::Aggregate, None, "Total")),
            ("DESCRIBE ks.users", element(Kind::Any, Some("ks"), "users")),
            ("DESCRIBE type.users", element(Kind::Any, Some("type"), "users")),
            ("DESCRIBE users", Request::Any("users".to_owned())),
            // Words that are not reserved are names.
            ("DESCRIBE type", Request::Any("type".to_owned())),
            ("DESCRIBE \"select\"", Request::Any("select".to_owned())),
        ] {
            assert_eq!(Request::parse(command), Ok(expected), "{command}");
        }
    }

    #[test]
    fn a_malformed_command_is_refused_and_the_error_of_an_incomplete_one_names_what_it_lacks() {
        for command in [
            "DESCRIBE TABLE a.b.c",
            "DESCRIBE TABLE a b",
            "DESCRIBE TABLE select",
            "DESCRIBE TABLE 'x'",
            "DESCRIBE 12;",
            "DESCRIBE SOMETHING ELSE HERE",
            "DESCRIBE KEYSPACES now",
            "DESCRIBE TABLE t WITH",
        ] {
            let expected = Err("Improper DESCRIBE command.".to_owned());
            assert_eq!(Request::parse(command), expected, "{command}");
        }
        for (command, lacks) in [
            ("desc;", "Improper desc command: it lacks an object, as in "),
            ("DESCRIBE TABLE", "Improper DESCRIBE command: it lacks the name of a table, as in "),
            ("DESCRIBE INDEX;", "Improper DESCRIBE command: it lacks the name of an index, as in "),
            (
                "DESCRIBE MATERIALIZED VIEW",
                "Improper DESCRIBE command: it lacks the name of a view",
            ),
            (
                "DESCRIBE FULL",
                "Improper DESCRIBE command: it lacks a word, as in DESCRIBE FULL SCHEMA",
            ),
        ] {
            let error = Request::parse(command).unwrap_err();
            assert!(error.starts_with(lacks), "{command}: {error}");
        }
    }
}
