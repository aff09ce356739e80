//! Parsers of the columns that SELECT returns.

use super::error::Expected;
use super::terms::{Operations, called_function, literal, simple_term, term, type_name};
use super::tokens::{
    Parsed, below, comma_separated, error, items_until, keyword, name, peek, significant, symbol,
};
use crate::cql::select::{MetadataFunction, SelectedColumn, Selection, Selector};
use crate::cql::term::{FunctionName, Literal, Term};

/// Parses `*`, or columns with commas between them.
pub(super) fn selection(input: &str) -> Parsed<'_, Selection> {
    if let Ok((rest, ())) = symbol("*")(input) {
        return Ok((rest, Selection::All));
    }
    let (rest, columns) = comma_separated(input, selected_column)?;
    Ok((rest, Selection::Columns(columns)))
}

fn selected_column(input: &str) -> Parsed<'_, SelectedColumn> {
    let (rest, selector) = selector(input, 0)?;
    let (rest, alias) = match keyword("AS")(rest) {
        Ok((rest, ())) => name(rest).map(|(rest, alias)| (rest, Some(alias)))?,
        Err(_) => (rest, None),
    };
    Ok((rest, SelectedColumn { selector, alias }))
}

/// Parses a selector that is nested in `depth` other items.
fn selector(input: &str, depth: usize) -> Parsed<'_, Selector> {
    let join = |operator, left, right| Selector::Arithmetic {
        operator,
        left: Box::new(left),
        right: Box::new(right),
    };
    Operations { operand, has_columns: true, join }.sum(input, depth)
}

/// Parses a selector without operators between its parts.
fn operand(input: &str, depth: usize) -> Parsed<'_, Selector> {
    let mut depth = below(input, depth)?;
    if symbol("-")(input).is_ok() && literal(input).is_err() {
        return negation(input, depth);
    }
    let (mut rest, mut selector) = unsuffixed(input, depth)?;
    if matches!(selector, Selector::Term(_) | Selector::CountRows) {
        return Ok((rest, selector));
    }
    while symbol(".")(rest).is_ok() || symbol("[")(rest).is_ok() {
        (rest, selector) = suffix(rest, selector, depth)?;
        // Each suffix nests the selector before it.
        depth = below(rest, depth)?;
    }
    Ok((rest, selector))
}

fn negation(input: &str, depth: usize) -> Parsed<'_, Selector> {
    let (rest, ()) = symbol("-")(input)?;
    let (rest, of) = operand(rest, depth)?;
    Ok((rest, Selector::Negation(Box::new(of))))
}

/// Parses a field, an element or a slice of `of`.
fn suffix(input: &str, of: Selector, depth: usize) -> Parsed<'_, Selector> {
    let of = Box::new(of);
    if let Ok((rest, ())) = symbol(".")(input) {
        return name(rest).map(|(rest, field)| (rest, Selector::Field { of, field }));
    }
    let (inside, ()) = symbol("[")(input)?;
    let (rest, from) = match symbol("..")(inside) {
        Ok(_) => (inside, None),
        Err(_) => term(inside, depth).map(|(rest, term)| (rest, Some(term)))?,
    };
    let Ok((rest, ())) = symbol("..")(rest) else {
        let (rest, ()) = symbol("]")(rest)?;
        // Without `..` there is a term.
        return match from {
            Some(key) => Ok((rest, Selector::Element { of, key })),
            None => Err(error(input, Expected::OneOf("a term"))),
        };
    };
    let (rest, to) = match symbol("]")(rest) {
        Ok(_) => (rest, None),
        Err(_) => term(rest, depth).map(|(rest, term)| (rest, Some(term)))?,
    };
    let (rest, ()) = symbol("]")(rest)?;
    Ok((rest, Selector::Slice { of, from, to }))
}

/// Parses a selector without the field names and brackets that may follow it.
fn unsuffixed(input: &str, depth: usize) -> Parsed<'_, Selector> {
    if let Some((after, word)) = peek(input)
        && let Ok((inside, ())) = symbol("(")(after)
    {
        if let Some(function) = MetadataFunction::named(word.text) {
            return metadata(function, inside, depth);
        }
        if word.is_keyword("CAST") {
            return cast(inside, depth);
        }
        if word.is_keyword("COUNT")
            && let Ok((rest, ())) = symbol("*")(inside)
            && let Ok((rest, ())) = symbol(")")(rest)
        {
            return Ok((rest, Selector::CountRows));
        }
    }
    if called_function(input).is_ok() {
        return call(input, depth);
    }
    match name(input) {
        Ok((rest, name)) => Ok((rest, Selector::Column(name))),
        Err(_) => selected_term(input, depth),
    }
}

fn metadata(function: MetadataFunction, input: &str, depth: usize) -> Parsed<'_, Selector> {
    let (rest, of) = selector(input, depth)?;
    let (rest, ()) = symbol(")")(rest)?;
    Ok((rest, Selector::Metadata { function, of: Box::new(of) }))
}

fn call(input: &str, depth: usize) -> Parsed<'_, Selector> {
    let (rest, name) = called_function(input)?;
    let (rest, arguments) = items_until(rest, ")", |input| selector(input, depth))?;
    let selector = match is_row_count(&name, &arguments) {
        true => Selector::CountRows,
        false => Selector::Function { name, arguments },
    };
    Ok((rest, selector))
}

fn selected_term(input: &str, depth: usize) -> Parsed<'_, Selector> {
    let starts_term =
        literal(input).is_ok() || significant(input).starts_with(['[', '{', '(', '?', ':']);
    match starts_term {
        true => simple_term(input, depth).map(|(rest, term)| (rest, Selector::Term(term))),
        false => Err(error(input, Expected::OneOf("a column, a function or a term"))),
    }
}

/// Returns true for `count(1)`, which counts rows.
fn is_row_count(name: &FunctionName, arguments: &[Selector]) -> bool {
    name.keyspace.is_none()
        && name.name == "count"
        && matches!(arguments, [Selector::Term(Term::Literal(Literal::Integer(one)))] if one == "1")
}

fn cast(input: &str, depth: usize) -> Parsed<'_, Selector> {
    let (rest, of) = selector(input, depth)?;
    let (rest, ()) = keyword("AS")(rest)?;
    let (rest, cql_type) = type_name(rest, depth)?;
    let (rest, ()) = symbol(")")(rest)?;
    Ok((rest, Selector::Cast { selector: Box::new(of), cql_type }))
}
