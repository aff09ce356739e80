//! Parsers of the conditions of WHERE.

use super::error::Expected;
use super::terms::{marker, term};
use super::tokens::{
    Parsed, below, comma_separated, error, items_until, keyword, name, optional_keyword, peek,
    symbol,
};
use crate::cql::select::{Comparison, Condition, InValues, Operand, Relation};

/// Parses conditions with AND between them. There is at least one condition.
pub(super) fn relations(mut input: &str) -> Parsed<'_, Vec<Relation>> {
    let mut relations = Vec::new();
    loop {
        let (rest, relation) = relation(input, 0)?;
        relations.push(relation);
        match keyword("AND")(rest) {
            Ok((rest, ())) => input = rest,
            Err(_) => return Ok((rest, relations)),
        }
    }
}

/// Parses a condition that is nested in `depth` pairs of parentheses.
fn relation(input: &str, depth: usize) -> Parsed<'_, Relation> {
    let depth = below(input, depth)?;
    if let Ok((inside, ())) = symbol("(")(input)
        && !starts_tuple(inside)
    {
        let (rest, relation) = relation(inside, depth)?;
        let (rest, ()) = symbol(")")(rest)?;
        return Ok((rest, relation));
    }
    let (rest, operand) = operand(input)?;
    let (rest, condition) = condition(rest, &operand)?;
    Ok((rest, Relation { operand, condition }))
}

/// Returns true if a list of names follows the `(`.
fn starts_tuple(inside: &str) -> bool {
    let ends = |rest| symbol(",")(rest).is_ok() || symbol(")")(rest).is_ok();
    name(inside).is_ok_and(|(rest, _)| ends(rest))
}

fn operand(input: &str) -> Parsed<'_, Operand> {
    if let Ok((rest, ())) = symbol("(")(input) {
        let (rest, columns) = columns(rest)?;
        return Ok((rest, Operand::Tuple(columns)));
    }
    if let (rest, true) = optional_keyword(input, "TOKEN") {
        let (rest, ()) = symbol("(")(rest)?;
        let (rest, columns) = columns(rest)?;
        return Ok((rest, Operand::Token(columns)));
    }
    let (rest, column) = name(input)?;
    let Ok((rest, ())) = symbol("[")(rest) else { return Ok((rest, Operand::Column(column))) };
    let (rest, key) = term(rest, 0)?;
    let (rest, ()) = symbol("]")(rest)?;
    Ok((rest, Operand::Element(column, key)))
}

/// Parses names and the `)` after them.
fn columns(input: &str) -> Parsed<'_, Vec<String>> {
    let (rest, columns) = comma_separated(input, name)?;
    let (rest, ()) = symbol(")")(rest)?;
    Ok((rest, columns))
}

/// The operators that every operand can have. An operator precedes its own prefixes.
const OPERATORS: [(&str, Comparison); 6] = [
    ("=", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    ("<", Comparison::Less),
    (">=", Comparison::GreaterOrEqual),
    (">", Comparison::Greater),
];

fn condition<'a>(input: &'a str, operand: &Operand) -> Parsed<'a, Condition> {
    for (text, comparison) in OPERATORS {
        if let Ok((rest, ())) = symbol(text)(input) {
            return compare(rest, comparison);
        }
    }
    let is_column = matches!(operand, Operand::Column(_));
    let expected = error(input, Expected::OneOf("an operator"));
    let Some((rest, word)) = peek(input) else { return Err(expected) };
    match word {
        _ if word.is_keyword("IN") && (is_column || matches!(operand, Operand::Tuple(_))) => {
            in_values(rest).map(|(rest, values)| (rest, Condition::In(values)))
        }
        _ if word.is_keyword("LIKE") && is_column => compare(rest, Comparison::Like),
        _ if word.is_keyword("CONTAINS") && is_column => match optional_keyword(rest, "KEY") {
            (rest, true) => compare(rest, Comparison::ContainsKey),
            (rest, false) => compare(rest, Comparison::Contains),
        },
        _ if word.is_keyword("IS") && is_column => {
            let (rest, ()) = keyword("NOT")(rest)?;
            let (rest, ()) = keyword("NULL")(rest)?;
            Ok((rest, Condition::IsNotNull))
        }
        _ => Err(expected),
    }
}

fn compare(input: &str, comparison: Comparison) -> Parsed<'_, Condition> {
    term(input, 0).map(|(rest, term)| (rest, Condition::Compare(comparison, term)))
}

fn in_values(input: &str) -> Parsed<'_, InValues> {
    if let Ok((rest, ())) = symbol("(")(input) {
        let (rest, terms) = items_until(rest, ")", |input| term(input, 0))?;
        return Ok((rest, InValues::Terms(terms)));
    }
    match marker(input) {
        Ok((rest, marker)) => Ok((rest, InValues::Marker(marker))),
        Err(_) => Err(error(input, Expected::OneOf("`(` or a bind marker"))),
    }
}
