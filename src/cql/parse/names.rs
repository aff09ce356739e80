//! Parsers of the names of keyspaces, tables, types and indexes.

use super::error::Expected;
use super::tokens::{
    Parsed, and_separated, error, keyword, name, optional_keywords, qualified_name, rule, symbol,
};
use crate::cql::select::TableName;
use crate::types::CqlType;

/// Parses the name of a keyspace.
pub(super) fn keyspace_name(input: &str) -> Parsed<'_, String> {
    match symbol("?")(input) {
        Ok(_) => Err(rule(input, "Bind variables cannot be used for keyspace names")),
        Err(_) => name(input),
    }
}

/// Parses the name of a table.
pub(super) fn table_name(input: &str) -> Parsed<'_, TableName> {
    match symbol("?")(input) {
        Ok(_) => Err(rule(input, "Bind variables cannot be used for table names")),
        Err(_) => element_name(input),
    }
}

/// Parses the name of an index, or of any other element of a keyspace.
pub(super) fn element_name(input: &str) -> Parsed<'_, TableName> {
    qualified_name(input).map(|(rest, (keyspace, name))| (rest, TableName { keyspace, name }))
}

/// Parses the name of a user-defined type. The names of native types are no such names.
pub(super) fn user_type_name(input: &str) -> Parsed<'_, TableName> {
    let (rest, type_name) = element_name(input)?;
    let is_native = || matches!(type_name.name.parse(), Ok(CqlType::Native(_)));
    match type_name.keyspace.is_none() && name_is_plain(input) && is_native() {
        true => Err(error(input, Expected::OneOf("a name"))),
        false => Ok((rest, type_name)),
    }
}

fn name_is_plain(input: &str) -> bool {
    symbol("\"")(input).is_err()
}

/// Parses `IF EXISTS` if IF is next.
pub(super) fn if_exists(input: &str) -> Parsed<'_, bool> {
    optional_keywords(input, &["IF", "EXISTS"])
}

/// Parses `IF NOT EXISTS` if IF is next.
pub(super) fn if_not_exists(input: &str) -> Parsed<'_, bool> {
    optional_keywords(input, &["IF", "NOT", "EXISTS"])
}

/// Parses pairs of an old and a new name, such as `a TO b AND c TO d`.
pub(super) fn renames(input: &str) -> Parsed<'_, Vec<(String, String)>> {
    and_separated(input, |input| {
        let (rest, from) = name(input)?;
        let (rest, ()) = keyword("TO")(rest)?;
        name(rest).map(|(rest, to)| (rest, (from, to)))
    })
}
