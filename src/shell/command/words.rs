//! The tokens of a shell command, without comments and the semicolon.

use crate::cql::{Token, TokenKind, tokens};

/// Reads the tokens of a shell command one after the other. The methods return `None` if the next token
/// is not what they read.
pub(super) struct Words<'t> {
    rest: std::vec::IntoIter<Token<'t>>,
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut words: Vec<_> = tokens(text).filter(Token::is_significant).collect();
        if words.last().is_some_and(|last| last.text == ";") {
            words.pop();
        }
        Self { rest: words.into_iter() }
    }

    /// Returns the next token.
    pub(super) fn next(&mut self) -> Option<Token<'t>> {
        self.rest.next()
    }

    /// Returns the next token, and leaves it to be read again.
    pub(super) fn peek(&self) -> Option<&Token<'t>> {
        self.rest.as_slice().first()
    }

    /// Succeeds if no token is left.
    pub(super) fn end(&self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Reads this keyword.
    pub(super) fn keyword(&mut self, keyword: &str) -> Option<()> {
        self.next().filter(|token| token.is_keyword(keyword)).map(|_| ())
    }

    /// Reads a word.
    pub(super) fn word(&mut self) -> Option<&'t str> {
        self.next().filter(|token| token.kind == TokenKind::Word).map(|token| token.text)
    }

    /// Reads a name, with or without quotation marks.
    pub(super) fn name(&mut self) -> Option<String> {
        self.next().and_then(|token| token.name())
    }

    /// Reads a string, and returns its contents.
    pub(super) fn string(&mut self) -> Option<String> {
        let token = self.next().filter(|token| token.kind == TokenKind::String)?;
        match token.text.strip_prefix("$$").and_then(|text| text.strip_suffix("$$")) {
            Some(text) => Some(text.to_owned()),
            None => {
                let text = token.text.strip_prefix('\'')?.strip_suffix('\'')?;
                Some(text.replace("''", "'"))
            }
        }
    }

    /// Reads an optional number, which must be the last token.
    pub(super) fn optional_number(&mut self) -> Option<Option<i32>> {
        let number = match self.next() {
            Some(token) => Some(token.text.parse().ok()?),
            None => None,
        };
        self.end().map(|()| number)
    }

    /// Reads an optional ON or OFF, which must be the last token.
    pub(super) fn switch(&mut self) -> Option<Option<bool>> {
        let switch = match self.next() {
            Some(token) if token.is_keyword("ON") => Some(true),
            Some(token) if token.is_keyword("OFF") => Some(false),
            Some(_) => return None,
            None => None,
        };
        self.end().map(|()| switch)
    }
}
