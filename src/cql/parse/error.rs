//! The error for a text that is not a statement.

use std::fmt;

use nom::error::{ErrorKind, ParseError};

use crate::cql::token::{Token, TokenKind, tokens};

/// The position of the first token that does not fit, and the expected token.
///
/// The text has the form of Cassandra's: `line 1:9 mismatched input 'FRM' expecting FROM`. Lines
/// count from 1, and characters of a line from 0. As in Cassandra, some errors have no position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    line: usize,
    character: usize,
    found: String,
    expected: Expected,
}

/// The reason of a [`SyntaxError`]: in most cases, the token that a parser expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// A keyword, a symbol, or the end of the text.
    Token(&'static str),
    /// One of several tokens, described in words.
    OneOf(&'static str),
    /// Less nesting.
    Depth,
    /// A rule that is not about single tokens. The text is the whole message.
    Rule(String),
}

/// The error of a parser: the text at whose first token it failed, and the token that it expected.
#[derive(Debug)]
pub(super) struct Fault<'a> {
    pub(super) at: &'a str,
    pub(super) expected: Expected,
}

impl<'a> ParseError<&'a str> for Fault<'a> {
    fn from_error_kind(at: &'a str, _: ErrorKind) -> Self {
        Self { at, expected: Expected::OneOf("another token") }
    }

    /// Keeps the error of the alternative that read most of the text.
    fn or(self, other: Self) -> Self {
        if other.at.len() < self.at.len() { other } else { self }
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// Longest part of the text shown in an error, in characters.
const EXCERPT: usize = 40;

impl SyntaxError {
    /// Returns the error for `fault`, which occurred in `text`.
    pub(super) fn new(text: &str, fault: &Fault<'_>) -> Self {
        let token = tokens(fault.at).find(Token::is_significant);
        // `at` may begin with blanks and comments.
        let skipped: usize = tokens(fault.at)
            .take_while(|token| !token.is_significant())
            .map(|token| token.text.len())
            .sum();
        let end = text.len() - fault.at.len() + skipped;
        let before = text.get(..end).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: 1 + before.matches('\n').count(),
            character: before[line_start..].chars().count(),
            found: match token {
                None => "<EOF>".to_owned(),
                Some(token) if token.kind == TokenKind::Unterminated => {
                    token.text.chars().take(1).collect()
                }
                Some(token) => token.text.chars().take(EXCERPT).collect(),
            },
            expected: fault.expected.clone(),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, character, found, expected } = self;
        if !matches!(expected, Expected::Rule(_)) {
            write!(f, "line {line}:{character} ")?;
        }
        match expected {
            Expected::Rule(message) => f.write_str(message),
            Expected::Token(token) => write!(f, "mismatched input '{found}' expecting {token}"),
            Expected::OneOf(tokens) => {
                write!(f, "no viable alternative at input '{found}', expecting {tokens}")
            }
            Expected::Depth => write!(f, "input '{found}' nests too deeply"),
        }
    }
}

impl std::error::Error for SyntaxError {}
