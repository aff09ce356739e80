//! Parsers of the options of keyspaces, tables and indexes.

use std::collections::HashSet;

use super::error::Expected;
use super::terms::{literal, term};
use super::tokens::{Parsed, and_separated, error, items_until, keyword, name, rule, symbol};
use crate::cql::definition::{OptionValue, Options};
use crate::cql::term::{Literal, Term};

/// Parses WITH and options.
pub(super) fn with_options(input: &str) -> Parsed<'_, Options> {
    let (rest, ()) = keyword("WITH")(input)?;
    let mut options = OptionParser::default();
    let (rest, _) = and_separated(rest, |input| options.option(input))?;
    Ok((rest, options.options))
}

/// Parses WITH and options if WITH is next.
pub(super) fn optional_options(input: &str) -> Parsed<'_, Options> {
    match keyword("WITH")(input) {
        Ok(_) => with_options(input),
        Err(_) => Ok((input, Options::default())),
    }
}

/// The parser of the options of one statement.
#[derive(Default)]
pub(super) struct OptionParser {
    pub(super) options: Options,
    names: HashSet<String>,
}

impl OptionParser {
    /// Parses an option and adds it to the options.
    pub(super) fn option<'a>(&mut self, input: &'a str) -> Parsed<'a, ()> {
        let (rest, name) = name(input)?;
        let (rest, ()) = symbol("=")(rest)?;
        let (rest, value) = value(rest)?;
        if !self.names.insert(name.clone()) {
            return Err(rule(input, format!("Multiple definitions for property '{name}'")));
        }
        self.options.0.push((name, value));
        Ok((rest, ()))
    }
}

fn value(input: &str) -> Parsed<'_, OptionValue> {
    let Ok((rest, ())) = symbol("{")(input) else {
        return match literal(input) {
            Ok((_, Literal::Null)) | Err(_) => {
                Err(error(input, Expected::OneOf("a literal or a map")))
            }
            Ok((rest, literal)) => Ok((rest, OptionValue::Literal(literal))),
        };
    };
    let (rest, terms) = items_until(rest, "}", |input| {
        let (rest, key) = term(input, 0)?;
        let (rest, ()) = symbol(":")(rest)?;
        let (rest, value) = term(rest, 0)?;
        Ok((rest, (key, value)))
    })?;
    entries(terms)
        .map(|entries| (rest, OptionValue::Map(entries)))
        .map_err(|message| rule(input, message))
}

/// Returns the entries of a map of literals.
///
/// # Errors
/// Returns the message for a term that is not a literal, or for a key that occurs twice.
fn entries(terms: Vec<(Term, Term)>) -> Result<Vec<(Literal, Literal)>, String> {
    let mut entries = Vec::<(Literal, Literal)>::new();
    let mut keys = HashSet::new();
    for (key, value) in terms {
        let key = constant(key).map_err(|key| format!("Invalid property name: {key}"))?;
        let value = constant(value).map_err(|value| {
            let key = key.raw_text();
            format!("Invalid property value: {value} for property: {key}")
        })?;
        if !keys.insert(key.raw_text().into_owned()) {
            return Err(format!("Multiple definition for property {}", key.raw_text()));
        }
        entries.push((key, value));
    }
    Ok(entries)
}

/// Returns the literal of a term, or the text that an error names the term with.
fn constant(term: Term) -> Result<Literal, String> {
    match term {
        Term::Literal(literal) if literal != Literal::Null => Ok(literal),
        Term::Marker(marker) => {
            Err(format!("{marker} (bind variables are not supported in DDL queries)"))
        }
        term => Err(term.to_string()),
    }
}
