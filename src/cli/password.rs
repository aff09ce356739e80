//! The password: an argument, or typed on the terminal.

use std::convert::Infallible;
use std::fmt;
use std::io::{IsTerminal, stdin};
use std::str::FromStr;

use console::Term;

use super::failure::Failure;

/// A password. The `Debug` output omits the text.
#[derive(Clone)]
pub(crate) struct Password(String);

impl Password {
    /// Asks for the password on the terminal, without echo.
    ///
    /// # Errors
    /// Returns an error if standard input or stderr is not a terminal.
    pub(super) fn prompt(username: &str) -> Result<Self, Failure> {
        let terminal = Term::stderr();
        if !stdin().is_terminal() || !terminal.is_term() {
            return Err(Failure::Arguments(format!(
                "no password for user `{username}`, and no terminal to ask for it; set the \
                 environment variable CQLWIRE_PASSWORD, or pass --password"
            )));
        }
        terminal.write_str(&format!("Password for {username}: ")).map_err(Failure::Io)?;
        terminal.read_secure_line().map(Self).map_err(Failure::Io)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Password {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}
