//! The parser of SELECT.

use super::names::table_name;
use super::relations::relations;
use super::selectors::selection;
use super::terms::{integer_or_marker, term};
use super::tokens::{
    Parsed, comma_separated, keyword, name, optional_keyword, peek, qualified_name,
};
use crate::cql::select::{Direction, Ordering, Select, TableName};

/// Returns the table that a SELECT reads, even if the rest of the statement is not CQL. Returns `None`
/// if the text is another statement or names no table.
pub(crate) fn selected_table(text: &str) -> Option<TableName> {
    let (mut rest, ()) = keyword("SELECT")(text).ok()?;
    while let Some((after, token)) = peek(rest) {
        rest = after;
        if token.is_keyword("FROM") {
            let (_, (keyspace, name)) = qualified_name(rest).ok()?;
            return Some(TableName { keyspace, name });
        }
    }
    None
}

/// Parses a SELECT statement after its first word.
pub(super) fn select(input: &str) -> Parsed<'_, Select> {
    let (rest, is_json) = modifier(input, "JSON");
    let (rest, is_distinct) = modifier(rest, "DISTINCT");
    let (rest, selection) = selection(rest)?;
    let (rest, ()) = keyword("FROM")(rest)?;
    let (rest, table) = table_name(rest)?;
    let (rest, relations) = match optional_keyword(rest, "WHERE") {
        (rest, true) => relations(rest)?,
        (rest, false) => (rest, Vec::new()),
    };
    let (rest, group_by) = by(rest, "GROUP", self::name)?;
    let (rest, order_by) = by(rest, "ORDER", ordering)?;
    let (rest, per_partition_limit) = match optional_keyword(rest, "PER") {
        (rest, true) => {
            let (rest, ()) = keyword("PARTITION")(rest)?;
            let (rest, ()) = keyword("LIMIT")(rest)?;
            integer_or_marker(rest).map(|(rest, limit)| (rest, Some(limit)))?
        }
        (rest, false) => (rest, None),
    };
    let (rest, limit) = match optional_keyword(rest, "LIMIT") {
        (rest, true) => integer_or_marker(rest).map(|(rest, limit)| (rest, Some(limit)))?,
        (rest, false) => (rest, None),
    };
    let (rest, allow_filtering) = match optional_keyword(rest, "ALLOW") {
        (rest, true) => (keyword("FILTERING")(rest)?.0, true),
        (rest, false) => (rest, false),
    };
    let select = Select {
        is_json,
        is_distinct,
        selection,
        table,
        relations,
        group_by,
        order_by,
        per_partition_limit,
        limit,
        allow_filtering,
    };
    Ok((rest, select))
}

/// Skips `word` if it is a modifier of SELECT. It is the name of a column if FROM, an alias, a comma
/// or a dot follows.
fn modifier<'a>(input: &'a str, word: &'static str) -> (&'a str, bool) {
    let (rest, true) = optional_keyword(input, word) else { return (input, false) };
    let is_column = peek(rest).is_none_or(|(after, token)| {
        token.is_keyword("FROM")
            || token.is_keyword("AS") && name(after).is_ok()
            || [",", "."].contains(&token.text)
    });
    if is_column { (input, false) } else { (rest, true) }
}

/// Parses a clause such as `ORDER BY`. Without the clause, there are no items.
fn by<'a, T>(
    input: &'a str,
    word: &'static str,
    item: impl Fn(&'a str) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    match optional_keyword(input, word) {
        (rest, true) => comma_separated(keyword("BY")(rest)?.0, item),
        (rest, false) => Ok((rest, Vec::new())),
    }
}

fn ordering(input: &str) -> Parsed<'_, Ordering> {
    let (rest, column) = name(input)?;
    let (rest, direction) = match peek(rest) {
        Some((rest, token)) if token.is_keyword("ASC") => (rest, Direction::Ascending),
        Some((rest, token)) if token.is_keyword("DESC") => (rest, Direction::Descending),
        Some((rest, token)) if token.is_keyword("ANN") => {
            let (rest, ()) = keyword("OF")(rest)?;
            term(rest, 0).map(|(rest, term)| (rest, Direction::NearestTo(term)))?
        }
        _ => (rest, Direction::Ascending),
    };
    Ok((rest, Ordering { column, direction }))
}
