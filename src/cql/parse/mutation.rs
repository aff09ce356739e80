//! Parsers of INSERT, UPDATE, DELETE and BATCH, each after its first word.

use std::collections::HashMap;

use super::error::{Expected, Fault};
use super::names::{if_not_exists, table_name};
use super::relations::{condition, relations};
use super::terms::{integer_or_marker, literal, marker, term};
use super::tokens::{
    Parsed, and_separated, comma_separated, error, keyword, keywords, name, optional_keyword, peek,
    rule, significant, symbol,
};
use crate::cql::mutation::{
    Assignment, Attribute, Batch, Delete, IfCondition, Insert, InsertValues, JsonValue, Mutation,
    Operation, Target, TargetCondition, Update, Using,
};
use crate::cql::term::{Literal, Term};
use crate::message::BatchKind;

/// Parses INSERT.
pub(super) fn insert(input: &str) -> Parsed<'_, Insert> {
    let (rest, ()) = keyword("INTO")(input)?;
    let (rest, table) = table_name(rest)?;
    let (rest, values) = match optional_keyword(rest, "JSON") {
        (rest, true) => json(rest)?,
        (rest, false) => columns(rest)?,
    };
    let (rest, if_not_exists) = if_not_exists(rest)?;
    let (rest, using) = using(rest)?;
    Ok((rest, Insert { table, values, if_not_exists, using }))
}

fn columns(input: &str) -> Parsed<'_, InsertValues> {
    let (rest, ()) = symbol("(")(input)?;
    let (rest, columns) = comma_separated(rest, name)?;
    let (rest, ()) = symbol(")")(rest)?;
    let (rest, ()) = keyword("VALUES")(rest)?;
    let (rest, ()) = symbol("(")(rest)?;
    let (rest, terms) = comma_separated(rest, |input| term(input, 0))?;
    let (rest, ()) = symbol(")")(rest)?;
    Ok((rest, InsertValues::Columns { columns, terms }))
}

fn json(input: &str) -> Parsed<'_, InsertValues> {
    let (rest, value) = match literal(input) {
        Ok((rest, Literal::String(text))) => (rest, JsonValue::Text(text)),
        _ => match marker(input) {
            Ok((rest, marker)) => (rest, JsonValue::Marker(marker)),
            Err(_) => return Err(error(input, Expected::OneOf("a string or a bind marker"))),
        },
    };
    let (rest, default_unset) = match optional_keyword(rest, "DEFAULT") {
        (rest, true) => match optional_keyword(rest, "UNSET") {
            (rest, true) => (rest, true),
            (rest, false) => (keyword("NULL")(rest)?.0, false),
        },
        (rest, false) => (rest, false),
    };
    Ok((rest, InsertValues::Json { value, default_unset }))
}

/// Parses UPDATE.
pub(super) fn update(input: &str) -> Parsed<'_, Update> {
    let (rest, table) = table_name(input)?;
    let (rest, using) = using(rest)?;
    let (rest, ()) = keyword("SET")(rest)?;
    let (rest, assignments) = comma_separated(rest, assignment)?;
    check_compatible(input, &assignments)?;
    let (rest, ()) = keyword("WHERE")(rest)?;
    let (rest, relations) = relations(rest)?;
    let (rest, condition) = if_condition(rest)?;
    Ok((rest, Update { table, using, assignments, relations, condition }))
}

/// Returns an error if a column is set as a whole and is also the target of another assignment.
fn check_compatible<'a>(
    input: &'a str,
    assignments: &[Assignment],
) -> Result<(), nom::Err<Fault<'a>>> {
    let mut seen = HashMap::<_, bool>::new();
    for Assignment { target, operation } in assignments {
        let is_whole = matches!((target, operation), (Target::Column(_), Operation::Set(_)));
        let column = target.column();
        if seen.get(column).is_some_and(|was_whole| *was_whole || is_whole) {
            return Err(rule(input, format!("Multiple incompatible setting of column {column}")));
        }
        seen.insert(column, is_whole);
    }
    Ok(())
}

fn assignment(input: &str) -> Parsed<'_, Assignment> {
    let (rest, target) = target(input)?;
    let (rest, operation) = match &target {
        Target::Column(column) => {
            let term = |input| term(input, 0);
            if let Ok((rest, ())) = symbol("+=")(rest) {
                term(rest).map(|(rest, term)| (rest, Operation::Add(term)))?
            } else if let Ok((rest, ())) = symbol("-=")(rest) {
                term(rest).map(|(rest, term)| (rest, Operation::Subtract(term)))?
            } else {
                let (rest, ()) = symbol("=")(rest)?;
                column_operation(rest, column)?
            }
        }
        Target::Element(..) | Target::Field(..) => {
            let (rest, ()) = symbol("=")(rest)?;
            term(rest, 0).map(|(rest, term)| (rest, Operation::Set(term)))?
        }
    };
    Ok((rest, Assignment { target, operation }))
}

/// Parses the right side of `column = ..`.
fn column_operation<'a>(input: &'a str, column: &str) -> Parsed<'a, Operation> {
    let only =
        |form: &str| rule(input, format!("Only expressions of the form {form} are supported."));
    if let Ok((after, first)) = name(input)
        && let Some(sign @ ('+' | '-')) = significant(after).chars().next()
    {
        if first != column {
            return Err(only(&format!("X = X {sign}<value>")));
        }
        let (rest, ()) = symbol(if sign == '+' { "+" } else { "-" })(after)?;
        let (rest, term) = term(rest, 0)?;
        let operation = if sign == '+' { Operation::Add } else { Operation::Subtract };
        return Ok((rest, operation(term)));
    }
    if let Ok((after, first)) = name(input)
        && let Ok((rest, literal @ Literal::Integer(_))) = literal(after)
    {
        // In `n = n 2`, the number is the one of `n = n +2`.
        return match first == column {
            true => Ok((rest, Operation::Add(Term::Literal(literal)))),
            false => Err(only("X = X + <value>")),
        };
    }
    let (rest, term) = term(input, 0)?;
    let Ok((after, ())) = symbol("+")(rest) else { return Ok((rest, Operation::Set(term))) };
    let (rest, last) = name(after)?;
    match last == column {
        true => Ok((rest, Operation::Prepend(term))),
        false => Err(only("X = <value> + X")),
    }
}

/// Parses a column, an element or a field.
fn target(input: &str) -> Parsed<'_, Target> {
    let (rest, column) = name(input)?;
    if let Ok((rest, ())) = symbol("[")(rest) {
        let (rest, key) = term(rest, 0)?;
        let (rest, ()) = symbol("]")(rest)?;
        return Ok((rest, Target::Element(column, key)));
    }
    match symbol(".")(rest) {
        Ok((rest, ())) => name(rest).map(|(rest, field)| (rest, Target::Field(column, field))),
        Err(_) => Ok((rest, Target::Column(column))),
    }
}

/// Parses DELETE.
pub(super) fn delete(input: &str) -> Parsed<'_, Delete> {
    let (rest, targets) = match keyword("FROM")(input) {
        Ok(_) => (input, Vec::new()),
        Err(_) => comma_separated(input, target)?,
    };
    let (rest, ()) = keyword("FROM")(rest)?;
    let (rest, table) = table_name(rest)?;
    let (rest, using) = match optional_keyword(rest, "USING") {
        (rest, true) => timestamp(rest).map(|(rest, timestamp)| (rest, Using(vec![timestamp])))?,
        (rest, false) => (rest, Using::default()),
    };
    let (rest, ()) = keyword("WHERE")(rest)?;
    let (rest, relations) = relations(rest)?;
    let (rest, condition) = if_condition(rest)?;
    Ok((rest, Delete { targets, table, using, relations, condition }))
}

/// Parses the IF clause of an UPDATE or a DELETE, if there is one.
fn if_condition(input: &str) -> Parsed<'_, Option<IfCondition>> {
    let (rest, true) = optional_keyword(input, "IF") else { return Ok((input, None)) };
    if let (rest, true) = optional_keyword(rest, "EXISTS")
        && ends_condition(rest)
    {
        return Ok((rest, Some(IfCondition::Exists)));
    }
    let (rest, conditions) = and_separated(rest, |input| {
        let (rest, target) = target(input)?;
        let words: &[_] = match target {
            Target::Column(_) => &["IN", "CONTAINS"],
            Target::Element(..) | Target::Field(..) => &["IN"],
        };
        let (rest, condition) = condition(rest, words)?;
        Ok((rest, TargetCondition { target, condition }))
    })?;
    Ok((rest, Some(IfCondition::All(conditions))))
}

/// Returns true if the statement ends after `IF EXISTS`. Otherwise `exists` is the name of a column.
fn ends_condition(input: &str) -> bool {
    let symbols = ["=", "!", "<", ">", "[", "."];
    peek(input).is_none_or(|(_, token)| {
        !symbols.contains(&token.text) && !token.is_keyword("IN") && !token.is_keyword("CONTAINS")
    })
}

/// Parses the USING clause, if there is one.
fn using(input: &str) -> Parsed<'_, Using> {
    let (rest, true) = optional_keyword(input, "USING") else {
        return Ok((input, Using::default()));
    };
    let (rest, attributes) = and_separated(rest, |input| match optional_keyword(input, "TTL") {
        (rest, true) => integer_or_marker(rest).map(|(rest, ttl)| (rest, Attribute::Ttl(ttl))),
        (rest, false) => match keyword("TIMESTAMP")(rest) {
            Ok(_) => timestamp(rest),
            Err(_) => Err(error(input, Expected::OneOf("TIMESTAMP or TTL"))),
        },
    })?;
    Ok((rest, Using(attributes)))
}

fn timestamp(input: &str) -> Parsed<'_, Attribute> {
    let (rest, ()) = keyword("TIMESTAMP")(input)?;
    integer_or_marker(rest).map(|(rest, timestamp)| (rest, Attribute::Timestamp(timestamp)))
}

/// Parses BATCH, after BEGIN.
pub(super) fn batch(input: &str) -> Parsed<'_, Batch> {
    let (rest, kind) = match optional_keyword(input, "UNLOGGED") {
        (rest, true) => (rest, BatchKind::Unlogged),
        (rest, false) => match optional_keyword(rest, "COUNTER") {
            (rest, true) => (rest, BatchKind::Counter),
            (rest, false) => (rest, BatchKind::Logged),
        },
    };
    let (rest, ()) = keyword("BATCH")(rest)?;
    let (mut rest, using) = using(rest)?;
    let mut statements = Vec::new();
    while keyword("APPLY")(rest).is_err() {
        let statement;
        (rest, statement) = mutation(rest)?;
        statements.push(statement);
        if let Ok((after, ())) = symbol(";")(rest) {
            rest = after;
        }
    }
    let (rest, ()) = keywords(rest, &["APPLY", "BATCH"])?;
    Ok((rest, Batch { kind, using, statements }))
}

/// Parses a statement of a batch.
fn mutation(input: &str) -> Parsed<'_, Mutation> {
    match peek(input) {
        Some((rest, word)) if word.is_keyword("INSERT") => {
            insert(rest).map(|(rest, insert)| (rest, Mutation::Insert(insert)))
        }
        Some((rest, word)) if word.is_keyword("UPDATE") => {
            update(rest).map(|(rest, update)| (rest, Mutation::Update(update)))
        }
        Some((rest, word)) if word.is_keyword("DELETE") => {
            delete(rest).map(|(rest, delete)| (rest, Mutation::Delete(delete)))
        }
        _ => Err(error(input, Expected::OneOf("INSERT, UPDATE, DELETE or APPLY"))),
    }
}
