//! Parsers of terms, types and function names.

use uuid::Uuid;

use super::error::Expected;
use super::tokens::{
    Parsed, below, comma_separated, error, items_until, name, peek, qualified_name, significant,
    symbol,
};
use crate::cql::term::{BindMarker, FunctionName, Literal, Operator, Term, TypeName};
use crate::cql::token::{Token, TokenKind, tokens};
use crate::types::{NativeType, Value};

/// Parses a term that is nested in `depth` other items.
pub(super) fn term(input: &str, depth: usize) -> Parsed<'_, Term> {
    let join = |operator, left, right| Term::Arithmetic {
        operator,
        left: Box::new(left),
        right: Box::new(right),
    };
    Operations { operand: simple_term, has_columns: false, join }.sum(input, depth)
}

/// The parser of operands with operators between them.
#[derive(Clone, Copy)]
pub(super) struct Operations<T> {
    pub(super) operand: for<'a> fn(&'a str, usize) -> Parsed<'a, T>,
    /// True if operands may be columns. Otherwise `+` before a column is not an operator.
    pub(super) has_columns: bool,
    pub(super) join: fn(Operator, T, T) -> T,
}

impl<T> Operations<T> {
    /// Parses a sum of products of operands, each nested in `depth` other items.
    pub(super) fn sum<'a>(&self, input: &'a str, mut depth: usize) -> Parsed<'a, T> {
        let (mut rest, mut product) = (self.operand)(input, depth)?;
        // The sum before the product, and the operator between them.
        let mut sum = None;
        while let Some((after, operator)) = self.operator(rest) {
            // Each operator nests the operands before it.
            depth = below(rest, depth)?;
            let operand;
            (rest, operand) = (self.operand)(after, depth)?;
            product = match operator {
                Operator::Add | Operator::Subtract => {
                    sum = Some((self.join_sum(sum, product), operator));
                    operand
                }
                _ => (self.join)(operator, product, operand),
            };
        }
        Ok((rest, self.join_sum(sum, product)))
    }

    fn join_sum(&self, sum: Option<(T, Operator)>, product: T) -> T {
        match sum {
            Some((sum, operator)) => (self.join)(operator, sum, product),
            None => product,
        }
    }

    /// Parses an operator. `+=`, `-=` and the sign of a number are not operators.
    fn operator<'a>(&self, input: &'a str) -> Option<(&'a str, Operator)> {
        let (rest, token) = peek(input)?;
        let operator = Operator::ALL.into_iter().find(|known| known.symbol() == token.text)?;
        let is_operator = match operator {
            Operator::Add => !rest.starts_with('=') && (self.has_columns || !is_column(rest)),
            Operator::Subtract => !rest.starts_with(|c: char| c == '=' || c.is_ascii_digit()),
            _ => true,
        };
        is_operator.then_some((rest, operator))
    }
}

/// Returns true if the next token is a name that does not begin the call of a function.
fn is_column(input: &str) -> bool {
    name(input).is_ok_and(|(rest, _)| symbol("(")(rest).is_err() && symbol(".")(rest).is_err())
}

/// Parses a term without operators between its parts.
pub(super) fn simple_term(input: &str, depth: usize) -> Parsed<'_, Term> {
    let depth = below(input, depth)?;
    match significant(input).bytes().next() {
        Some(b'[') => {
            let (rest, ()) = symbol("[")(input)?;
            let (rest, terms) = items_until(rest, "]", |input| term(input, depth))?;
            Ok((rest, Term::List(terms)))
        }
        Some(b'{') => braces(input, depth),
        Some(b'(') => parentheses(input, depth),
        Some(b'?' | b':') => marker(input).map(|(rest, marker)| (rest, Term::Marker(marker))),
        first => match literal(input) {
            Ok((rest, literal)) => Ok((rest, Term::Literal(literal))),
            Err(_) if first == Some(b'-') => {
                let (rest, ()) = symbol("-")(input)?;
                let (rest, term) = simple_term(rest, depth)?;
                Ok((rest, Term::Negation(Box::new(term))))
            }
            Err(_) => call(input, depth),
        },
    }
}

/// Parses a bind marker.
pub(super) fn marker(input: &str) -> Parsed<'_, BindMarker> {
    if let Ok((rest, ())) = symbol("?")(input) {
        return Ok((rest, BindMarker::Positional));
    }
    let Ok((rest, ())) = symbol(":")(input) else {
        return Err(error(input, Expected::OneOf("a bind marker")));
    };
    name(rest).map(|(rest, name)| (rest, BindMarker::Named(name)))
}

/// Parses an integer literal or a bind marker, such as the number of LIMIT.
pub(super) fn integer_or_marker(input: &str) -> Parsed<'_, Term> {
    match literal(input) {
        Ok((rest, literal @ Literal::Integer(_))) => Ok((rest, Term::Literal(literal))),
        _ => match marker(input) {
            Ok((rest, marker)) => Ok((rest, Term::Marker(marker))),
            Err(_) => Err(error(input, Expected::OneOf("an integer or a bind marker"))),
        },
    }
}

/// Parses a set, a map or a value of a user-defined type.
fn braces(input: &str, depth: usize) -> Parsed<'_, Term> {
    let (rest, ()) = symbol("{")(input)?;
    if let Ok((rest, ())) = symbol("}")(rest) {
        return Ok((rest, Term::Set(Vec::new())));
    }
    let field = |input| {
        let (rest, name) = name(input)?;
        let (rest, ()) = symbol(":")(rest)?;
        let (rest, term) = term(rest, depth)?;
        Ok((rest, (name, term)))
    };
    let is_udt = name(rest).is_ok_and(|(rest, _)| symbol(":")(rest).is_ok());
    if is_udt {
        let (rest, fields) = items_until(rest, "}", field)?;
        return Ok((rest, Term::Udt(fields)));
    }
    let (after, first) = term(rest, depth)?;
    if symbol(":")(after).is_err() {
        let Ok((rest, ())) = symbol(",")(after) else {
            let (rest, ()) = symbol("}")(after)?;
            return Ok((rest, Term::Set(vec![first])));
        };
        let (rest, mut terms) = comma_separated(rest, |input| term(input, depth))?;
        let (rest, ()) = symbol("}")(rest)?;
        terms.insert(0, first);
        return Ok((rest, Term::Set(terms)));
    }
    let (after, ()) = symbol(":")(after)?;
    let (after, value) = term(after, depth)?;
    let entry = |input| {
        let (rest, key) = term(input, depth)?;
        let (rest, ()) = symbol(":")(rest)?;
        let (rest, value) = term(rest, depth)?;
        Ok((rest, (key, value)))
    };
    let (rest, mut entries) = match symbol(",")(after) {
        Ok((rest, ())) => comma_separated(rest, entry)?,
        Err(_) => (after, Vec::new()),
    };
    let (rest, ()) = symbol("}")(rest)?;
    entries.insert(0, (first, value));
    Ok((rest, Term::Map(entries)))
}

/// Parses a tuple, or a term after its type in parentheses.
fn parentheses(input: &str, depth: usize) -> Parsed<'_, Term> {
    let (inside, ()) = symbol("(")(input)?;
    // A string may be a value or the class name of a type. It is read as a value.
    let may_be_type = peek(inside).is_some_and(|(_, token)| token.kind != TokenKind::String);
    if may_be_type
        && let Ok((rest, cql_type)) = type_name(inside, depth)
        && let Ok((rest, ())) = symbol(")")(rest)
    {
        let (rest, term) = simple_term(rest, depth)?;
        return Ok((rest, Term::TypeHint { cql_type, term: Box::new(term) }));
    }
    let (rest, terms) = comma_separated(inside, |input| term(input, depth))?;
    let (rest, ()) = symbol(")")(rest)?;
    Ok((rest, Term::Tuple(terms)))
}

/// Parses a call of a function whose arguments are terms.
fn call(input: &str, depth: usize) -> Parsed<'_, Term> {
    let Ok((rest, name)) = called_function(input) else {
        return Err(error(input, Expected::OneOf("a term")));
    };
    let (rest, arguments) = items_until(rest, ")", |input| term(input, depth))?;
    Ok((rest, Term::Function { name, arguments }))
}

/// Parses the name of a function and the `(` after it.
pub(super) fn called_function(input: &str) -> Parsed<'_, FunctionName> {
    if let Some((rest, token)) = peek(input)
        && token.is_keyword("TOKEN")
    {
        let (rest, ()) = symbol("(")(rest)?;
        return Ok((rest, FunctionName { keyspace: None, name: "token".to_owned() }));
    }
    let (rest, (keyspace, name)) = qualified_name(input)?;
    let (rest, ()) = symbol("(")(rest)?;
    Ok((rest, FunctionName { keyspace, name }))
}

/// Parses a constant.
pub(super) fn literal(input: &str) -> Parsed<'_, Literal> {
    let expected = error(input, Expected::OneOf("a literal"));
    let Some((rest, token)) = peek(input) else { return Err(expected) };
    let literal = match token.kind {
        TokenKind::String => string(token.text).map(Literal::String),
        TokenKind::Number => number(token.text),
        TokenKind::Word => word(token),
        TokenKind::Symbol if token.text == "-" => {
            let negative = peek(rest).and_then(|(rest, token)| Some((rest, negated(token)?)));
            return negative.ok_or(expected);
        }
        _ => None,
    };
    literal.map(|literal| (rest, literal)).ok_or(expected)
}

/// Returns the literal of a minus sign and the token after it.
fn negated(token: Token<'_>) -> Option<Literal> {
    let literal = if token.kind == TokenKind::Number { number(token.text) } else { word(token) };
    Some(match literal? {
        Literal::Integer(text) => Literal::Integer(format!("-{text}")),
        Literal::Float(text) => Literal::Float(format!("-{text}")),
        Literal::Duration(text) => Literal::Duration(format!("-{text}")),
        _ => return None,
    })
}

/// Returns the text of a string token.
fn string(token: &str) -> Option<String> {
    if let Some(text) = token.strip_prefix("$$") {
        return text.strip_suffix("$$").map(str::to_owned);
    }
    Some(token.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
}

fn word(token: Token<'_>) -> Option<Literal> {
    Some(match token {
        token if token.is_keyword("NULL") => Literal::Null,
        token if token.is_keyword("TRUE") => Literal::Boolean(true),
        token if token.is_keyword("FALSE") => Literal::Boolean(false),
        token if token.is_keyword("NAN") => Literal::Float("NaN".to_owned()),
        token if token.is_keyword("INFINITY") => Literal::Float("Infinity".to_owned()),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Literal> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(text) {
        return Some(Literal::Integer(text.to_owned()));
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return is_hex.then(|| Literal::Blob(digits.to_ascii_lowercase()));
    }
    if let Ok(uuid) = Uuid::try_parse(text) {
        return Some(Literal::Uuid(uuid));
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let parts = [whole, exponent];
    if parts.iter().all(|part| !part.is_empty() && is_digits(part)) && is_digits(fraction) {
        return Some(Literal::Float(text.to_owned()));
    }
    Value::parse(&NativeType::Duration.into(), text).ok()?;
    Some(Literal::Duration(text.to_owned()))
}

/// Parses the name of a type that is nested in `depth` other items.
pub(super) fn type_name(input: &str, depth: usize) -> Parsed<'_, TypeName> {
    let rest = type_end(input, depth)?.0;
    let significant = significant(input);
    let text = &significant[..significant.len() - rest.len()];
    let name = tokens(text).filter(Token::is_significant).map(|token| match token.kind {
        TokenKind::Word => token.text.to_ascii_lowercase(),
        _ => token.text.to_owned(),
    });
    let name = name.collect();
    Ok((rest, TypeName(name)))
}

/// Skips a type.
fn type_end(input: &str, depth: usize) -> Parsed<'_, ()> {
    let depth = below(input, depth)?;
    let expected = error(input, Expected::OneOf("a type"));
    let rest = match peek(input) {
        Some((rest, token)) if token.kind == TokenKind::String => return Ok((rest, ())),
        // The only reserved word that is a type.
        Some((rest, token)) if token.text.eq_ignore_ascii_case("set") => rest,
        Some(_) => qualified_name(input).map_err(|_| expected)?.0,
        None => return Err(expected),
    };
    let Ok((rest, ())) = symbol("<")(rest) else { return Ok((rest, ())) };
    let (rest, _) = comma_separated(rest, |input| match peek(input) {
        // The number of dimensions of a vector.
        Some((rest, token)) if token.kind == TokenKind::Number => Ok((rest, ())),
        _ => type_end(input, depth),
    })?;
    symbol(">")(rest)
}
