//! LOGIN.

use std::fmt;

use super::Words;
use crate::cql::TokenKind;

/// The arguments of LOGIN. The `Debug` output omits the password.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::shell) struct Login {
    pub(in crate::shell) username: String,
    /// The password; `None` asks for it on the terminal.
    pub(in crate::shell) password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Parses the arguments of LOGIN.
pub(super) fn parse(words: &mut Words<'_>) -> Option<Login> {
    let username = match words.peek()?.kind {
        TokenKind::Word => words.word()?.to_owned(),
        TokenKind::QuotedName => words.name()?,
        _ => words.string()?,
    };
    let password = match words.peek() {
        Some(_) => Some(words.string()?),
        None => None,
    };
    words.end().map(|()| Login { username, password })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_contain_the_password() {
        let login = parse(&mut Words::new("ada 's3cret'")).unwrap();
        assert_eq!(login.password.as_deref(), Some("s3cret"));
        assert!(!format!("{login:?}").contains("s3cret"));
    }
}
