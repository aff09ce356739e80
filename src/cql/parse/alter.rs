//! Parsers of ALTER and DROP, each after the words that name the element.

use super::create::{column_definition, field, mask};
use super::error::Expected;
use super::names::{if_exists, if_not_exists, keyspace_name, renames, table_name, user_type_name};
use super::options::with_options;
use super::terms::{literal, type_name};
use super::tokens::{
    Parsed, comma_separated, error, keyword, keywords, name, optional_keyword, peek, symbol,
};
use crate::cql::definition::{AlterKeyspace, AlterTable, DropElement, TableChange};
use crate::cql::term::Literal;
use crate::cql::user_type::{AlterType, TypeChange};

/// Parses a DROP statement, whose name is parsed by `name`.
pub(super) fn drop_element<'a, N>(
    input: &'a str,
    name: impl Fn(&'a str) -> Parsed<'a, N>,
) -> Parsed<'a, DropElement<N>> {
    let (rest, if_exists) = if_exists(input)?;
    name(rest).map(|(rest, name)| (rest, DropElement { if_exists, name }))
}

/// Parses ALTER KEYSPACE.
pub(super) fn alter_keyspace(input: &str) -> Parsed<'_, AlterKeyspace> {
    let (rest, if_exists) = if_exists(input)?;
    let (rest, name) = keyspace_name(rest)?;
    let (rest, options) = with_options(rest)?;
    Ok((rest, AlterKeyspace { if_exists, name, options }))
}

/// Parses ALTER TABLE.
pub(super) fn alter_table(input: &str) -> Parsed<'_, AlterTable> {
    let (rest, if_exists) = if_exists(input)?;
    let (rest, table) = table_name(rest)?;
    let (rest, change) = table_change(rest)?;
    Ok((rest, AlterTable { if_exists, table, change }))
}

fn table_change(input: &str) -> Parsed<'_, TableChange> {
    match peek(input) {
        Some((rest, word)) if word.is_keyword("ADD") => {
            let (rest, if_not_exists) = if_not_exists(rest)?;
            let (rest, columns) = one_or_list(rest, column_definition)?;
            Ok((rest, TableChange::Add { if_not_exists, columns }))
        }
        Some((rest, word)) if word.is_keyword("DROP") => drop_columns(rest),
        Some((rest, word)) if word.is_keyword("RENAME") => {
            let (rest, if_exists) = if_exists(rest)?;
            let (rest, columns) = renames(rest)?;
            Ok((rest, TableChange::Rename { if_exists, columns }))
        }
        Some((rest, word)) if word.is_keyword("ALTER") => alter_column(rest),
        Some((_, word)) if word.is_keyword("WITH") => {
            with_options(input).map(|(rest, options)| (rest, TableChange::With(options)))
        }
        _ => Err(error(input, Expected::OneOf("ADD, ALTER, DROP, RENAME or WITH"))),
    }
}

/// Parses one item, or items in parentheses.
fn one_or_list<'a, T>(
    input: &'a str,
    item: impl Fn(&'a str) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let Ok((rest, ())) = symbol("(")(input) else {
        return item(input).map(|(rest, item)| (rest, vec![item]));
    };
    let (rest, items) = comma_separated(rest, item)?;
    let (rest, ()) = symbol(")")(rest)?;
    Ok((rest, items))
}

/// Parses `DROP ..` of ALTER TABLE, after DROP.
fn drop_columns(input: &str) -> Parsed<'_, TableChange> {
    if let Ok((rest, ())) = keywords(input, &["COMPACT", "STORAGE"]) {
        return Ok((rest, TableChange::DropCompactStorage));
    }
    let (rest, if_exists) = if_exists(input)?;
    let (rest, columns) = one_or_list(rest, name)?;
    let (rest, timestamp) = match optional_keyword(rest, "USING") {
        (rest, true) => {
            let (rest, ()) = keyword("TIMESTAMP")(rest)?;
            match literal(rest) {
                Ok((rest, Literal::Integer(timestamp))) => (rest, Some(timestamp)),
                _ => return Err(error(rest, Expected::Token("INTEGER"))),
            }
        }
        (rest, false) => (rest, None),
    };
    Ok((rest, TableChange::Drop { if_exists, columns, timestamp }))
}

/// Parses `ALTER ..` of ALTER TABLE, after the second ALTER.
fn alter_column(input: &str) -> Parsed<'_, TableChange> {
    let (rest, if_exists) = if_exists(input)?;
    let (rest, column) = name(rest)?;
    if !if_exists && let (rest, true) = optional_keyword(rest, "TYPE") {
        let (rest, cql_type) = type_name(rest, 0)?;
        return Ok((rest, TableChange::AlterType { column, cql_type }));
    }
    let (rest, mask) = match optional_keyword(rest, "DROP") {
        (rest, true) => (keyword("MASKED")(rest)?.0, None),
        (rest, false) => mask(rest).map(|(rest, mask)| (rest, Some(mask)))?,
    };
    Ok((rest, TableChange::AlterMask { if_exists, column, mask }))
}

/// Parses ALTER TYPE.
pub(super) fn alter_type(input: &str) -> Parsed<'_, AlterType> {
    let (rest, if_exists) = if_exists(input)?;
    let (rest, name) = user_type_name(rest)?;
    let (rest, change) = type_change(rest)?;
    Ok((rest, AlterType { if_exists, name, change }))
}

fn type_change(input: &str) -> Parsed<'_, TypeChange> {
    match peek(input) {
        Some((rest, word)) if word.is_keyword("ADD") => {
            let (rest, if_not_exists) = if_not_exists(rest)?;
            let (rest, (field, cql_type)) = field(rest)?;
            Ok((rest, TypeChange::Add { if_not_exists, field, cql_type }))
        }
        Some((rest, word)) if word.is_keyword("RENAME") => {
            let (rest, if_exists) = if_exists(rest)?;
            let (rest, fields) = renames(rest)?;
            Ok((rest, TypeChange::Rename { if_exists, fields }))
        }
        Some((rest, word)) if word.is_keyword("ALTER") => {
            let (rest, field) = name(rest)?;
            let (rest, ()) = keyword("TYPE")(rest)?;
            let (rest, cql_type) = type_name(rest, 0)?;
            Ok((rest, TypeChange::AlterType { field, cql_type }))
        }
        _ => Err(error(input, Expected::OneOf("ADD, ALTER or RENAME"))),
    }
}
