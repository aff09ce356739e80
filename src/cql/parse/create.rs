//! Parsers of CREATE, each after the words that name the element.

use super::error::Expected;
use super::names::{element_name, if_not_exists, keyspace_name, table_name, user_type_name};
use super::options::{OptionParser, optional_options, with_options};
use super::terms::{called_function, literal, term, type_name};
use super::tokens::{
    Parsed, and_separated, comma_separated, error, items_until, keyword, keywords, name,
    optional_keyword, symbol,
};
use crate::cql::definition::{
    ClusteringOrder, ColumnDefinition, CreateKeyspace, CreateTable, Mask, Options, PrimaryKey,
};
use crate::cql::index::{CreateIndex, IndexPart, IndexTarget};
use crate::cql::term::{Literal, TypeName};
use crate::cql::user_type::CreateType;

/// Parses CREATE KEYSPACE.
pub(super) fn create_keyspace(input: &str) -> Parsed<'_, CreateKeyspace> {
    let (rest, if_not_exists) = if_not_exists(input)?;
    let (rest, name) = keyspace_name(rest)?;
    let (rest, options) = with_options(rest)?;
    Ok((rest, CreateKeyspace { if_not_exists, name, options }))
}

/// Parses CREATE TABLE.
pub(super) fn create_table(input: &str) -> Parsed<'_, CreateTable> {
    let (rest, if_not_exists) = if_not_exists(input)?;
    let (rest, table) = table_name(rest)?;
    let mut create = CreateTable {
        if_not_exists,
        table,
        columns: Vec::new(),
        primary_keys: Vec::new(),
        clustering_order: Vec::new(),
        is_compact: false,
        options: Options::default(),
    };
    let (rest, ()) = definitions(rest, |input| column_or_key(input, &mut create))?;
    let mut options = OptionParser::default();
    let rest = match optional_keyword(rest, "WITH") {
        (rest, true) => and_separated(rest, |input| property(input, &mut create, &mut options))?.0,
        (rest, false) => rest,
    };
    create.options = options.options;
    Ok((rest, create))
}

/// Parses definitions in parentheses. There is at least one. As in Cassandra, a definition after a
/// comma may be missing.
fn definitions<'a>(
    input: &'a str,
    mut definition: impl FnMut(&'a str) -> Parsed<'a, ()>,
) -> Parsed<'a, ()> {
    let (rest, ()) = symbol("(")(input)?;
    let (mut rest, ()) = definition(rest)?;
    while let Ok((after, ())) = symbol(",")(rest) {
        rest = match symbol(",")(after).or_else(|_| symbol(")")(after)) {
            Ok(_) => after,
            Err(_) => definition(after)?.0,
        };
    }
    symbol(")")(rest)
}

fn column_or_key<'a>(input: &'a str, create: &mut CreateTable) -> Parsed<'a, ()> {
    if let (_, true) = optional_keyword(input, "PRIMARY") {
        let (rest, key) = primary_key(input)?;
        create.primary_keys.push(key);
        return Ok((rest, ()));
    }
    let (rest, column) = column_definition(input)?;
    let rest = match optional_keyword(rest, "PRIMARY") {
        (rest, true) => {
            let partition = vec![column.name.clone()];
            create.primary_keys.push(PrimaryKey { partition, clustering: Vec::new() });
            keyword("KEY")(rest)?.0
        }
        (rest, false) => rest,
    };
    create.columns.push(column);
    Ok((rest, ()))
}

/// Parses a column of a table, without PRIMARY KEY.
pub(super) fn column_definition(input: &str) -> Parsed<'_, ColumnDefinition> {
    let (rest, (name, cql_type)) = field(input)?;
    let (rest, is_static) = optional_keyword(rest, "STATIC");
    let (rest, mask) = match optional_keyword(rest, "MASKED") {
        (_, true) => mask(rest).map(|(rest, mask)| (rest, Some(mask)))?,
        (rest, false) => (rest, None),
    };
    Ok((rest, ColumnDefinition { name, cql_type, is_static, mask }))
}

/// Parses a name and a type.
pub(super) fn field(input: &str) -> Parsed<'_, (String, TypeName)> {
    let (rest, name) = name(input)?;
    let (rest, cql_type) = type_name(rest, 0)?;
    Ok((rest, (name, cql_type)))
}

/// Parses `MASKED WITH ..`.
pub(super) fn mask(input: &str) -> Parsed<'_, Mask> {
    let (rest, ()) = keywords(input, &["MASKED", "WITH"])?;
    if let (rest, true) = optional_keyword(rest, "DEFAULT") {
        return Ok((rest, Mask::Default));
    }
    let (rest, name) = called_function(rest)?;
    let (rest, arguments) = items_until(rest, ")", |input| term(input, 0))?;
    Ok((rest, Mask::Function { name, arguments }))
}

fn primary_key(input: &str) -> Parsed<'_, PrimaryKey> {
    let (rest, ()) = keywords(input, &["PRIMARY", "KEY"])?;
    let (rest, ()) = symbol("(")(rest)?;
    let (mut rest, partition) = match symbol("(")(rest) {
        Ok((rest, ())) => {
            let (rest, columns) = comma_separated(rest, name)?;
            (symbol(")")(rest)?.0, columns)
        }
        Err(_) => name(rest).map(|(rest, column)| (rest, vec![column]))?,
    };
    let mut clustering = Vec::new();
    if let Ok((after, ())) = symbol(",")(rest) {
        (rest, clustering) = comma_separated(after, name)?;
    }
    let (rest, ()) = symbol(")")(rest)?;
    Ok((rest, PrimaryKey { partition, clustering }))
}

/// Parses an item of the WITH clause of CREATE TABLE.
fn property<'a>(
    input: &'a str,
    create: &mut CreateTable,
    options: &mut OptionParser,
) -> Parsed<'a, ()> {
    if let Ok((rest, ())) = keywords(input, &["COMPACT", "STORAGE"]) {
        create.is_compact = true;
        return Ok((rest, ()));
    }
    let Ok((rest, ())) = keywords(input, &["CLUSTERING", "ORDER"]) else {
        return options.option(input);
    };
    let (rest, ()) = keyword("BY")(rest)?;
    let (rest, ()) = symbol("(")(rest)?;
    let (rest, order) = comma_separated(rest, |input| {
        let (rest, column) = name(input)?;
        let (rest, is_descending) = match optional_keyword(rest, "DESC") {
            (rest, true) => (rest, true),
            (rest, false) => match optional_keyword(rest, "ASC") {
                (rest, true) => (rest, false),
                (rest, false) => return Err(error(rest, Expected::OneOf("ASC or DESC"))),
            },
        };
        Ok((rest, ClusteringOrder { column, is_descending }))
    })?;
    let (rest, ()) = symbol(")")(rest)?;
    create.clustering_order.extend(order);
    Ok((rest, ()))
}

/// Parses CREATE TYPE.
pub(super) fn create_type(input: &str) -> Parsed<'_, CreateType> {
    let (rest, if_not_exists) = if_not_exists(input)?;
    let (rest, name) = user_type_name(rest)?;
    let mut fields = Vec::new();
    let (rest, ()) = definitions(rest, |input| {
        let (rest, field) = field(input)?;
        fields.push(field);
        Ok((rest, ()))
    })?;
    Ok((rest, CreateType { if_not_exists, name, fields }))
}

/// Parses CREATE INDEX, or CREATE CUSTOM INDEX if `is_custom` is true.
pub(super) fn create_index(input: &str, is_custom: bool) -> Parsed<'_, CreateIndex> {
    let (rest, if_not_exists) = if_not_exists(input)?;
    let (rest, name) = match keyword("ON")(rest) {
        Ok(_) => (rest, None),
        Err(_) => element_name(rest).map(|(rest, name)| (rest, Some(name)))?,
    };
    let (rest, ()) = keyword("ON")(rest)?;
    let (rest, table) = table_name(rest)?;
    let (rest, ()) = symbol("(")(rest)?;
    let (rest, targets) = items_until(rest, ")", index_target)?;
    let (rest, using) = match optional_keyword(rest, "USING") {
        (rest, true) => match literal(rest) {
            Ok((rest, Literal::String(using))) => (rest, Some(using)),
            _ => return Err(error(rest, Expected::OneOf("a string"))),
        },
        (rest, false) => (rest, None),
    };
    let (rest, options) = optional_options(rest)?;
    Ok((rest, CreateIndex { is_custom, if_not_exists, name, table, targets, using, options }))
}

fn index_target(input: &str) -> Parsed<'_, IndexTarget> {
    for part in [IndexPart::Values, IndexPart::Keys, IndexPart::Entries, IndexPart::Full] {
        if let Some(function) = part.function()
            && let (rest, true) = optional_keyword(input, function)
            && let Ok((rest, ())) = symbol("(")(rest)
        {
            let (rest, column) = name(rest)?;
            let (rest, ()) = symbol(")")(rest)?;
            return Ok((rest, IndexTarget { part, column }));
        }
    }
    name(input).map(|(rest, column)| (rest, IndexTarget { part: IndexPart::Simple, column }))
}
