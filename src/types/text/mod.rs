//! Parsing and formatting of CQL text: types, Java class names, literals, numbers and times. This
//! module contains the parsers that all of these share, and the parse error.

pub(super) mod class_name;
mod cql_type;
mod literal;
mod literal_parser;
mod number;
mod radix;
mod temporal;

use std::borrow::Cow;
use std::fmt;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{opt, recognize, verify};
use nom::error::{ErrorKind, ParseError};
use nom::multi::many0_count;
use nom::sequence::preceded;
use nom::{IResult, Parser};

/// The error for text that cannot be parsed as a CQL type, a Java class name, a literal, a number
/// or a time.
///
/// ```
/// use cqlwire::types::CqlType;
///
/// let error = "list<int".parse::<CqlType>().unwrap_err();
/// assert_eq!(error.to_string(), "at byte 8: expected `>`, found the end of the text");
/// assert_eq!(error.offset(), 8);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CqlTextError {
    offset: usize,
    expected: Cow<'static, str>,
    found: Box<str>,
}

impl CqlTextError {
    /// Returns the offset in the text at which parsing failed, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns a description of the text that was expected at [`offset`](Self::offset).
    pub fn expected(&self) -> &str {
        &self.expected
    }

    fn new(text: &str, fault: Fault<'_>) -> Self {
        let Fault { at, expected } = fault;
        let found = match at.char_indices().nth(EXCERPT) {
            Some((end, _)) => format!("{}…", at.get(..end).unwrap_or_default()),
            None => at.to_owned(),
        };
        // `at` is a slice of `text`, so the difference of the addresses is its offset.
        let offset = at.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        Self { offset, expected, found: found.into() }
    }
}

/// Longest part of the text shown in an error, in characters.
const EXCERPT: usize = 20;

impl fmt::Display for CqlTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: expected {}, found ", self.offset, self.expected)?;
        match &*self.found {
            "" => f.write_str("the end of the text"),
            found => write!(f, "{found:?}"),
        }
    }
}

impl std::error::Error for CqlTextError {}

/// A parse error inside the parsers: the remaining text, and a description of what was expected at
/// its start. The description is empty until [`expected`] adds it.
#[derive(Debug)]
pub(super) struct Fault<'a> {
    at: &'a str,
    expected: Cow<'static, str>,
}

impl<'a> ParseError<&'a str> for Fault<'a> {
    fn from_error_kind(at: &'a str, _: ErrorKind) -> Self {
        Self { at, expected: Cow::Borrowed("") }
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// The result of a parser: the remaining text and the parsed value, or a [`Fault`].
pub(super) type Parsed<'a, T> = IResult<&'a str, T, Fault<'a>>;

/// Returns a failure at `at`. Unlike an error, a failure stops the parser from trying alternatives.
#[cold]
pub(super) fn fault(at: &str, expected: impl Into<Cow<'static, str>>) -> nom::Err<Fault<'_>> {
    nom::Err::Failure(Fault { at, expected: expected.into() })
}

/// Wraps `parser`: an error without a description gets the description `what`.
pub(super) fn expected<'a, P>(
    what: &'static str,
    mut parser: P,
) -> impl Parser<&'a str, Output = P::Output, Error = Fault<'a>>
where
    P: Parser<&'a str, Error = Fault<'a>>,
{
    move |input| {
        parser.parse(input).map_err(|error| {
            error.map(|fault| match fault.expected.is_empty() {
                true => Fault { at: fault.at, expected: Cow::Borrowed(what) },
                false => fault,
            })
        })
    }
}

/// Parses `text` with `parser`. Returns an error if `parser` fails or does not consume the whole
/// text.
pub(super) fn whole<'a, T>(
    parser: impl Parser<&'a str, Output = T, Error = Fault<'a>>,
    text: &'a str,
) -> Result<T, CqlTextError> {
    all_of(parser, text).map_err(|error| match error {
        nom::Err::Error(fault) | nom::Err::Failure(fault) => CqlTextError::new(text, fault),
        nom::Err::Incomplete(_) => {
            CqlTextError::new(text, Fault { at: "", expected: Cow::Borrowed("more") })
        }
    })
}

/// Parses `part`, which is a slice of a longer text, with `parser`. Returns an error if `parser`
/// fails or does not consume all of `part`.
pub(super) fn all_of<'a, T>(
    mut parser: impl Parser<&'a str, Output = T, Error = Fault<'a>>,
    part: &'a str,
) -> Result<T, nom::Err<Fault<'a>>> {
    match parser.parse(part)? {
        ("", value) => Ok(value),
        (rest, _) => Err(fault(rest, "the end of the text")),
    }
}

/// Skips blanks. nom's `multispace0` is not used because of its result if only blanks remain: the
/// empty remaining text points to the start of the blanks, and errors would report that offset.
pub(super) fn blanks(input: &str) -> Parsed<'_, &str> {
    take_while(|c| " \t\r\n".contains(c)).parse(input)
}

/// Skips blanks and parses the character `symbol`, which errors describe as `what`.
pub(super) fn symbol<'a>(
    symbol: char,
    what: &'static str,
) -> impl Parser<&'a str, Output = char, Error = Fault<'a>> {
    preceded(blanks, expected(what, char(symbol)))
}

/// Parses quoted text, in which a doubled quote is an escaped quote. Returns the text between the
/// quotes without resolving escapes.
fn quoted<'a>(quote: &'static str) -> impl Parser<&'a str, Output = &'a str, Error = Fault<'a>> {
    move |input| {
        let doubled = [quote, quote].concat();
        let inside = alt((take_while1(|c| !quote.contains(c)), tag(doubled.as_str())));
        let (rest, text) = preceded(tag(quote), recognize(many0_count(inside))).parse(input)?;
        match tag::<_, _, Fault<'_>>(quote).parse(rest) {
            Ok((rest, _)) => Ok((rest, text)),
            Err(_) => Err(fault(rest, format!("a closing `{quote}`"))),
        }
    }
}

/// Parses a string constant: in single quotes, or between `$$` and `$$`.
pub(super) fn string(input: &str) -> Parsed<'_, Cow<'_, str>> {
    match input.strip_prefix("$$") {
        None => quoted_text(input),
        Some(text) => match text.split_once("$$") {
            Some((text, rest)) => Ok((rest, Cow::Borrowed(text))),
            None => Err(fault(input, "a closing `$$`")),
        },
    }
}

/// Parses text in single quotes and resolves its escapes.
pub(super) fn quoted_text(input: &str) -> Parsed<'_, Cow<'_, str>> {
    quoted("'").map(|text| unescape(text, "'")).parse(input)
}

/// Parses text in single quotes without resolving escapes.
pub(super) fn raw_string(input: &str) -> Parsed<'_, &str> {
    quoted("'").parse(input)
}

fn unescape<'a>(text: &'a str, quote: &str) -> Cow<'a, str> {
    match text.contains(quote) {
        true => Cow::Owned(text.replace(&[quote, quote].concat(), quote)),
        false => Cow::Borrowed(text),
    }
}

/// A parsed CQL name.
#[derive(Debug)]
pub(super) struct Name<'a> {
    /// The name as in the schema: a name without quotes is in lower case.
    pub(super) text: Cow<'a, str>,
    pub(super) is_quoted: bool,
}

/// Skips blanks and parses a name.
pub(super) fn name(input: &str) -> Parsed<'_, Name<'_>> {
    let (input, _) = blanks(input)?;
    let (rest, is_quoted) = opt(quoted("\"")).parse(input)?;
    if let Some(text) = is_quoted {
        return Ok((rest, Name { text: unescape(text, "\""), is_quoted: true }));
    }
    let (rest, word) = expected("a name", word).parse(input)?;
    let text = match word.contains(|c: char| c.is_ascii_uppercase()) {
        true => Cow::Owned(word.to_ascii_lowercase()),
        false => Cow::Borrowed(word),
    };
    Ok((rest, Name { text, is_quoted: false }))
}

/// Parses a name or a keyword without quotes.
pub(super) fn word(input: &str) -> Parsed<'_, &str> {
    let rest = take_while(|c: char| c.is_ascii_alphanumeric() || c == '_');
    recognize((take_while1(|c: char| c.is_ascii_alphabetic()), rest)).parse(input)
}

/// Parses `keyword`, ignoring ASCII case.
pub(super) fn keyword<'a>(
    keyword: &'static str,
) -> impl Parser<&'a str, Output = &'a str, Error = Fault<'a>> {
    verify(word, |word: &str| word.eq_ignore_ascii_case(keyword))
}

/// A name formatted for CQL. It is written without quotes if it consists of lower-case ASCII
/// letters, digits and underscores, starts with a letter, and is not a reserved word. Otherwise, it
/// is written in double quotes.
pub(crate) struct Identifier<'a>(pub(crate) &'a str);

impl fmt::Display for Identifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts_plain = self.0.starts_with(|c: char| c.is_ascii_lowercase());
        let is_plain = starts_plain && self.0.chars().all(plain);
        if is_plain && !is_reserved(self.0) { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// A name formatted in double quotes.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// Returns true if a word in lower case is reserved, so that it is a name only in quotes.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

/// The reserved words in alphabetical order. A server accepts them as names only in quotes.
const RESERVED: [&str; 65] = [
    "add",
    "allow",
    "alter",
    "and",
    "any",
    "apply",
    "asc",
    "authorize",
    "batch",
    "begin",
    "by",
    "columnfamily",
    "create",
    "default",
    "delete",
    "desc",
    "describe",
    "drop",
    "entries",
    "execute",
    "false",
    "from",
    "full",
    "grant",
    "if",
    "in",
    "index",
    "infinity",
    "insert",
    "into",
    "is",
    "keyspace",
    "limit",
    "materialized",
    "mbean",
    "mbeans",
    "modify",
    "nan",
    "norecursive",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "primary",
    "rename",
    "replace",
    "revoke",
    "schema",
    "select",
    "set",
    "table",
    "to",
    "token",
    "true",
    "truncate",
    "unlogged",
    "unset",
    "update",
    "use",
    "using",
    "view",
    "where",
    "with",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_if_necessary() {
        for (name, formatted) in [
            ("users", "users"),
            ("User", "\"User\""),
            ("a\"b", "\"a\"\"b\""),
            ("1a", "\"1a\""),
            ("_a", "\"_a\""),
            ("", "\"\""),
            ("select", "\"select\""),
            ("selects", "selects"),
            ("true", "\"true\""),
            ("false", "\"false\""),
        ] {
            assert_eq!(Identifier(name).to_string(), formatted);
            let (rest, parsed) = super::name(formatted).unwrap();
            assert_eq!((rest, &*parsed.text), ("", name));
        }
    }

    #[test]
    fn reserved_words_are_in_order() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn errors_are_one_short_line() {
        let error = whole(name, "\n\n-é\nand so on, for ever and ever").unwrap_err();
        let message = "at byte 2: expected a name, found \"-é\\nand so on, for ev…\"";
        assert_eq!(error.to_string(), message);
        assert_eq!((error.offset(), error.expected()), (2, "a name"));
        let open = whole(string, "'it''s").unwrap_err();
        let message = "at byte 6: expected a closing `'`, found the end of the text";
        assert_eq!(open.to_string(), message);
    }
}
