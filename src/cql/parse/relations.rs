//! Parsers of the conditions of WHERE.

use super::error::Expected;
use super::terms::{marker, term};
use super::tokens::{
    Parsed, and_separated, below, comma_separated, error, items_until, keyword, keywords, name,
    optional_keyword, symbol,
};
use crate::cql::select::{Comparison, Condition, InValues, Operand, Relation};

/// Parses the conditions of WHERE. There is at least one condition.
pub(super) fn relations(input: &str) -> Parsed<'_, Vec<Relation>> {
    and_separated(input, |input| relation(input, 0))
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
    let words: &[_] = match operand {
        Operand::Column(_) => &["IN", "LIKE", "CONTAINS", "IS"],
        Operand::Tuple(_) => &["IN"],
        Operand::Element(..) | Operand::Token(_) => &[],
    };
    let (rest, condition) = condition(rest, words)?;
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

/// Parses an operator and its right side. Of the operators that are words, only `words` are parsed.
pub(super) fn condition<'a>(input: &'a str, words: &[&'static str]) -> Parsed<'a, Condition> {
    for (text, comparison) in OPERATORS {
        if let Ok((rest, ())) = symbol(text)(input) {
            return compare(rest, comparison);
        }
    }
    let word = words.iter().find_map(|word| Some((keyword(word)(input).ok()?.0, *word)));
    match word {
        Some((rest, "IN")) => in_values(rest).map(|(rest, values)| (rest, Condition::In(values))),
        Some((rest, "LIKE")) => compare(rest, Comparison::Like),
        Some((rest, "CONTAINS")) => match optional_keyword(rest, "KEY") {
            (rest, true) => compare(rest, Comparison::ContainsKey),
            (rest, false) => compare(rest, Comparison::Contains),
        },
        Some((rest, _)) => {
            let (rest, ()) = keywords(rest, &["NOT", "NULL"])?;
            Ok((rest, Condition::IsNotNull))
        }
        None => Err(error(input, Expected::OneOf("an operator"))),
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
