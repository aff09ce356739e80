//! The error type of the programs.

use std::fmt;
use std::io;

use super::hint;
use crate::session::{Error, ErrorKind};

/// The error with which a program exits. Its text is one line for the user.
#[derive(Debug)]
pub enum Failure {
    /// An argument is wrong.
    Arguments(String),
    /// The session failed.
    Session {
        /// The error of the session.
        error: Error,
        /// The next step for the user, such as an argument to change. `None` if no step is known.
        hint: Option<String>,
    },
    /// Reading or writing failed.
    Io(io::Error),
    /// Any other error.
    Text(String),
}

impl Failure {
    /// If the error is that a keyspace or table does not exist, adds a hint: the command that
    /// creates the table of `add_users` and `list_users`.
    #[must_use]
    pub fn with_users_hint(self) -> Self {
        match self {
            Self::Session { error, hint: None } if hint::is_missing(&error) => {
                let hint = "`cqlwire shell -f cql/users.cql` creates k8s_test.users";
                Self::Session { error, hint: Some(hint.to_owned()) }
            }
            failure => failure,
        }
    }

    /// Returns the exit status of the program: 2 for wrong arguments, 1 for any other failure.
    pub(super) fn exit_status(&self) -> u8 {
        match self {
            Self::Arguments(_) => 2,
            Self::Session { error, .. } if error.kind() == ErrorKind::Config => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { error, hint: Some(hint) } => {
                let error = error.to_string();
                match error.strip_suffix(')') {
                    // The hint continues the remark in parentheses at the end of the error.
                    Some(error) if error.ends_with('?') => write!(f, "{error} {hint})"),
                    Some(error) => write!(f, "{error}; {hint})"),
                    None => write!(f, "{error} ({hint})"),
                }
            }
            Self::Session { error, hint: None } => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Arguments(text) | Self::Text(text) => f.write_str(text),
        }
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let hint = hint::for_error(&error).map(str::to_owned);
        Self::Session { error, hint }
    }
}
