//! The parser of DESCRIBE.

use super::names::{element_name, keyspace_name};
use super::tokens::{Parsed, keyword, keywords, optional_keyword, optional_keywords, peek};
use crate::cql::describe::{Describe, DescribeSubject, ElementKind};

/// Parses DESCRIBE after its first word.
pub(super) fn describe(input: &str) -> Parsed<'_, Describe> {
    let (rest, subject) = subject(input)?;
    let (rest, with_internals) = optional_keywords(rest, &["WITH", "INTERNALS"])?;
    Ok((rest, Describe { subject, with_internals }))
}

/// The words that name all elements of one kind.
const LISTS: [(&str, ElementKind); 6] = [
    ("KEYSPACES", ElementKind::Keyspace),
    ("TABLES", ElementKind::Table),
    ("COLUMNFAMILIES", ElementKind::Table),
    ("TYPES", ElementKind::Type),
    ("FUNCTIONS", ElementKind::Function),
    ("AGGREGATES", ElementKind::Aggregate),
];

/// The words that precede the name of an element.
const ELEMENTS: [(&str, ElementKind); 6] = [
    ("TABLE", ElementKind::Table),
    ("COLUMNFAMILY", ElementKind::Table),
    ("INDEX", ElementKind::Index),
    ("TYPE", ElementKind::Type),
    ("FUNCTION", ElementKind::Function),
    ("AGGREGATE", ElementKind::Aggregate),
];

fn subject(input: &str) -> Parsed<'_, DescribeSubject> {
    if let (rest, true) = optional_keyword(input, "CLUSTER") {
        return Ok((rest, DescribeSubject::Cluster));
    }
    if let (rest, true) = optional_keyword(input, "FULL") {
        let (rest, ()) = keyword("SCHEMA")(rest)?;
        return Ok((rest, DescribeSubject::Schema { is_full: true }));
    }
    if let (rest, true) = optional_keyword(input, "SCHEMA") {
        return Ok((rest, DescribeSubject::Schema { is_full: false }));
    }
    if let (rest, true) = optional_keyword(input, "ONLY") {
        // SCHEMA is another word for KEYSPACE.
        let rest = keyword("SCHEMA")(rest).or_else(|_| keyword("KEYSPACE")(rest))?.0;
        return keyspace(rest, true);
    }
    if let (rest, true) = optional_keyword(input, "KEYSPACE") {
        return keyspace(rest, false);
    }
    if let (_, true) = optional_keyword(input, "MATERIALIZED") {
        let (rest, ()) = keywords(input, &["MATERIALIZED", "VIEW"])?;
        let (rest, name) = element_name(rest)?;
        return Ok((rest, DescribeSubject::Element(ElementKind::MaterializedView, name)));
    }
    for (word, kind) in LISTS {
        if let (rest, true) = optional_keyword(input, word) {
            return Ok((rest, DescribeSubject::Names(kind)));
        }
    }
    for (word, kind) in ELEMENTS {
        if let (rest, true) = optional_keyword(input, word) {
            let (rest, name) = element_name(rest)?;
            return Ok((rest, DescribeSubject::Element(kind, name)));
        }
    }
    element_name(input).map(|(rest, name)| (rest, DescribeSubject::Any(name)))
}

fn keyspace(input: &str, is_only: bool) -> Parsed<'_, DescribeSubject> {
    let is_end = peek(input).is_none_or(|(_, token)| token.text == ";" || token.is_keyword("WITH"));
    let (rest, name) = match is_end {
        true => (input, None),
        false => keyspace_name(input).map(|(rest, name)| (rest, Some(name)))?,
    };
    Ok((rest, DescribeSubject::Keyspace { name, is_only }))
}
