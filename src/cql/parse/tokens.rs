//! Parsers of single tokens and names. All of them skip blanks and comments first.

use nom::IResult;

use super::error::{Expected, Fault};
use crate::cql::token::{Token, TokenKind, next_token};
use crate::types::is_reserved;

/// The result of a parser: the remaining text and the parsed item.
pub(super) type Parsed<'a, T> = IResult<&'a str, T, Fault<'a>>;

/// Returns an error at `at`, after which an alternative may be tried.
pub(super) const fn error(at: &str, expected: Expected) -> nom::Err<Fault<'_>> {
    nom::Err::Error(Fault { at, expected })
}

/// Returns an error at `at`, after which no alternative is tried. The error is `message`.
pub(super) fn rule<'a>(at: &'a str, message: impl Into<String>) -> nom::Err<Fault<'a>> {
    nom::Err::Failure(Fault { at, expected: Expected::Rule(message.into()) })
}

/// Returns the text from its first token that is neither blank nor comment.
pub(super) fn significant(mut input: &str) -> &str {
    while let Some(token) = next_token(input).filter(|token| !token.is_significant()) {
        input = &input[token.text.len()..];
    }
    input
}

/// Returns the next token and the text after it, or `None` at the end of the text.
pub(super) fn peek(input: &str) -> Option<(&str, Token<'_>)> {
    let input = significant(input);
    let token = next_token(input)?;
    Some((&input[token.text.len()..], token))
}

/// Parses a keyword, in any case.
pub(super) fn keyword<'a>(keyword: &'static str) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| match peek(input) {
        Some((rest, token)) if token.is_keyword(keyword) => Ok((rest, ())),
        _ => Err(error(input, Expected::Token(keyword))),
    }
}

/// Parses one or two symbols, such as `(` or `>=`.
pub(super) fn symbol<'a>(symbol: &'static str) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| match significant(input).strip_prefix(symbol) {
        Some(rest) => Ok((rest, ())),
        None => Err(error(input, Expected::Token(symbol))),
    }
}

/// Parses a keyword if it is next. Returns the remaining text, and true if the keyword was there.
pub(super) fn optional_keyword<'a>(input: &'a str, word: &'static str) -> (&'a str, bool) {
    keyword(word)(input).map_or((input, false), |(rest, ())| (rest, true))
}

/// Parses keywords, in any case.
pub(super) fn keywords<'a>(input: &'a str, words: &[&'static str]) -> Parsed<'a, ()> {
    let rest = words.iter().try_fold(input, |input, word| Ok(keyword(word)(input)?.0))?;
    Ok((rest, ()))
}

/// Parses keywords if the first of them is next. Returns the remaining text, and true if the
/// keywords were there.
pub(super) fn optional_keywords<'a>(input: &'a str, words: &[&'static str]) -> Parsed<'a, bool> {
    match words.first().is_some_and(|first| keyword(first)(input).is_ok()) {
        true => keywords(input, words).map(|(rest, ())| (rest, true)),
        false => Ok((input, false)),
    }
}

/// Parses items with AND between them. There is at least one item.
pub(super) fn and_separated<'a, T>(
    mut input: &'a str,
    mut item: impl FnMut(&'a str) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let mut items = Vec::new();
    loop {
        let (rest, parsed) = item(input)?;
        items.push(parsed);
        match keyword("AND")(rest) {
            Ok((rest, ())) => input = rest,
            Err(_) => return Ok((rest, items)),
        }
    }
}

/// Parses items with commas between them. There is at least one item.
pub(super) fn comma_separated<'a, T>(
    mut input: &'a str,
    item: impl Fn(&'a str) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let mut items = Vec::new();
    loop {
        let (rest, parsed) = item(input)?;
        items.push(parsed);
        match symbol(",")(rest) {
            Ok((rest, ())) => input = rest,
            Err(_) => return Ok((rest, items)),
        }
    }
}

/// Parses items with commas between them, up to the symbol `close`. There may be no item.
pub(super) fn items_until<'a, T>(
    input: &'a str,
    close: &'static str,
    item: impl Fn(&'a str) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    if let Ok((rest, ())) = symbol(close)(input) {
        return Ok((rest, Vec::new()));
    }
    let (rest, items) = comma_separated(input, item)?;
    let (rest, ()) = symbol(close)(rest)?;
    Ok((rest, items))
}

/// Parses a name. A name without quotation marks is converted to lower case, and is not a reserved
/// word.
pub(super) fn name(input: &str) -> Parsed<'_, String> {
    let expected = error(input, Expected::OneOf("a name"));
    let Some((rest, token)) = peek(input) else { return Err(expected) };
    let Some(name) = token.name() else { return Err(expected) };
    let is_name = || name.starts_with(|c: char| c.is_ascii_lowercase()) && name.is_ascii();
    let is_valid = token.kind == TokenKind::QuotedName || is_name() && !is_reserved(&name);
    if is_valid { Ok((rest, name)) } else { Err(expected) }
}

/// Parses a name, or two names with a dot between them. Returns the first of two as `Some`.
pub(super) fn qualified_name(input: &str) -> Parsed<'_, (Option<String>, String)> {
    let (rest, first) = name(input)?;
    match symbol(".")(rest) {
        Ok((rest, ())) => name(rest).map(|(rest, second)| (rest, (Some(first), second))),
        Err(_) => Ok((rest, (None, first))),
    }
}

/// Greatest depth of nested terms, selectors or types.
pub(super) const MAX_DEPTH: usize = 64;

/// Returns the depth below `depth`.
///
/// # Errors
/// Returns a failure if that is deeper than [`MAX_DEPTH`].
pub(super) fn below(input: &str, depth: usize) -> Result<usize, nom::Err<Fault<'_>>> {
    match depth < MAX_DEPTH {
        true => Ok(depth + 1),
        false => Err(nom::Err::Failure(Fault { at: input, expected: Expected::Depth })),
    }
}
