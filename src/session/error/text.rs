//! The text of an error: one line that names the statement, the node and the reason.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use super::{Attempt, Detail, Error, ErrorInner, ErrorKind};
use crate::message::{ErrorCode, ErrorDetails, ServerError};
use crate::session::shown::shown;

/// Longest prefix of a statement in the text of an error, in characters.
const MAX_STATEMENT_LENGTH: usize = 60;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_action(&mut OneLine(f))?;
        Reason(self).fmt(f)?;
        match &self.0.note {
            Some(note) => write!(OneLine(f), ", {note}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    /// Shows the text, which abbreviates the statement and leaves out passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorInner { kind, history, .. } = &*self.0;
        let mut output = f.debug_struct("Error");
        output.field("kind", kind).field("text", &self.to_string());
        // With a single attempt, the history would only repeat the text.
        if history.len() > 1 {
            output.field("history", history);
        }
        output.finish()
    }
}

/// Displays why a request failed, with a note if it may have been applied, but without the
/// statement and the node.
struct Reason<'a>(&'a Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = OneLine(f);
        match &self.0.0.detail {
            Detail::Text(text) => line.write_str(text)?,
            Detail::Server(error) => write_server_error(&mut line, error, self.0.0.is_secret)?,
            Detail::Request(error) => write!(line, "{}", error.kind)?,
            Detail::Bind(error) => write!(line, "{error}")?,
            Detail::Type(error) => write!(line, "{error}")?,
            Detail::Row(error) => write!(line, "{error}")?,
        }
        match self.0.may_have_been_applied() {
            true => line.write_str("; it may have been applied"),
            false => Ok(()),
        }
    }
}

impl Error {
    /// Writes the first part of the text: what failed, for which statement, at which consistency
    /// and on which node.
    fn write_action(&self, line: &mut OneLine<'_, '_>) -> fmt::Result {
        let ErrorInner { kind, detail, statement, consistency, node, preparing, .. } = &*self.0;
        let Some(statement) = statement else {
            return match (detail, node) {
                // The text of a `RowError` already says that a cell cannot be read.
                (Detail::Row(_), _) => Ok(()),
                (Detail::Type(_), _) => line.write_str("cannot read the result: "),
                (Detail::Request(_), Some(node)) => write!(line, "{node}: "),
                _ => Ok(()),
            };
        };
        let statement = Abbreviated(statement);
        match kind {
            _ if *preparing => write!(line, "cannot prepare {statement}")?,
            // The text of a `RowError` says which cell cannot be read.
            _ if matches!(detail, Detail::Row(_)) => write!(line, "{statement}")?,
            ErrorKind::Read | ErrorKind::RowCount | ErrorKind::ResultKind => {
                write!(line, "cannot read the result of {statement}")?;
            }
            _ => write!(line, "{statement} failed")?,
        }
        if let (Some(consistency), ErrorKind::Server(_), false) = (consistency, kind, preparing) {
            write!(line, " at {consistency}")?;
        }
        match node {
            Some(node) => write!(line, " on {node}: "),
            None => line.write_str(": "),
        }
    }
}

/// A writer that escapes control characters, so that a text from the server cannot break the line.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c.is_control() {
            true => write!(self.0, "{}", c.escape_default()),
            false => self.0.write_char(c),
        })
    }
}

/// Writes an error of the server. For an unavailable error or a timeout, writes how many replicas
/// are alive or responded, and how many are required, instead of the server's message. If `is_secret`,
/// writes no message.
fn write_server_error(
    line: &mut OneLine<'_, '_>,
    error: &ServerError,
    is_secret: bool,
) -> fmt::Result {
    match &error.details {
        ErrorDetails::Unavailable { required, alive, .. } => {
            let verb = if *alive == 1 { "is" } else { "are" };
            write!(line, "{alive} of {required} required replicas {verb} alive (unavailable)")
        }
        ErrorDetails::WriteTimeout { received, block_for, .. }
        | ErrorDetails::ReadTimeout { received, block_for, .. } => {
            write!(
                line,
                "{received} of {block_for} required replicas responded in time ({})",
                error.code
            )
        }
        _ if is_secret => {
            let reason = "message withheld, because the statement may set a password";
            write!(line, "{}: {reason}", error.code)
        }
        _ => {
            write!(line, "{}", error.to_string().trim_end_matches('.'))?;
            match is_unsupported_by_accord(error) {
                true => line.write_str(SET_ANOTHER_CONSISTENCY),
                false => Ok(()),
            }
        }
    }
}

/// The advice after the error of a consistency that Accord does not support. The message of the server
/// lists the supported ones.
const SET_ANOTHER_CONSISTENCY: &str =
    "; set one of these, such as QUORUM, as the consistency of the statement or of the session";

/// Returns true if the server executes the statement as a transaction of Accord, and refuses its
/// consistency, such as LOCAL_ONE.
fn is_unsupported_by_accord(error: &ServerError) -> bool {
    error.code == ErrorCode::Invalid
        && error.message.starts_with("ConsistencyLevel ")
        && error.message.contains(" is unsupported with Accord ")
}

/// Displays the beginning of a statement on one line, as far as it may be shown.
struct Abbreviated<'a>(&'a str);

impl fmt::Display for Abbreviated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = shown(self.0).split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(MAX_STATEMENT_LENGTH) {
            Some((end, _)) => write!(f, "{}...", &words[..end]),
            None => f.write_str(&words),
        }
    }
}

#[cfg(feature = "cli")]
impl Error {
    /// Returns true if the server executes the statement as a transaction of Accord, and refuses its
    /// consistency, such as LOCAL_ONE.
    pub(crate) fn is_unsupported_by_accord(&self) -> bool {
        self.server_error().is_some_and(is_unsupported_by_accord)
    }
}

impl Error {
    /// Returns this error as an entry of the history.
    pub(in crate::session) fn to_attempt(&self, node: SocketAddr, elapsed: Duration) -> Attempt {
        let may_have_been_applied = self.may_have_been_applied();
        Attempt { node, failure: Reason(self).to_string(), elapsed, may_have_been_applied }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{ErrorCode, WriteType};
    use crate::wire::Consistency;

    #[test]
    fn debug_output_leaves_out_passwords() {
        let error = Error::new(ErrorKind::Config, "no")
            .with_statement(&"CREATE ROLE ada WITH PASSWORD = 'geheim'".into());
        let expected = r#"Error { kind: Config, text: "CREATE ROLE ada ... failed: no" }"#;
        assert_eq!(format!("{error:?}"), expected);
    }

    #[test]
    fn names_statement_consistency_node_and_effect_in_one_line() {
        let error = ServerError {
            code: ErrorCode::WriteTimeout,
            message: "Operation timed out".into(),
            details: ErrorDetails::WriteTimeout {
                consistency: Consistency::Quorum,
                received: 1,
                block_for: 2,
                write_type: WriteType::Simple,
                contentions: None,
            },
        };
        let text =
            "INSERT INTO users (username, password)\n VALUES (?, ?) USING TTL ? AND TIMESTAMP ?";
        let error = Error::server(error, "127.0.0.2:9042".parse().unwrap())
            .with_statement(&text.into())
            .with_consistency(Consistency::Quorum);
        assert_eq!(
            error.to_string(),
            "INSERT INTO users (username, password) VALUES (?, ?) USING T... failed at QUORUM \
             on 127.0.0.2:9042: 1 of 2 required replicas responded in time (write timeout); \
             it may have been applied"
        );
        assert!(error.is_timeout());
        assert!(error.cause().unwrap().is::<ServerError>());
    }

    #[test]
    fn omits_passwords_from_statements() {
        let error = Error::new(ErrorKind::Connection, "no");
        let create = "CREATE ROLE ada WITH LOGIN = true AND\n PASSWORD = 'secret'";
        let shown = error.clone().with_statement(&create.into()).to_string();
        assert_eq!(shown, "CREATE ROLE ada ... failed: no");
        let alter = "alter user ada with hashed password='secret'";
        assert!(!error.clone().with_statement(&alter.into()).to_string().contains("secret"));
        let select = "SELECT username, password FROM users";
        assert_eq!(
            error.with_statement(&select.into()).to_string(),
            format!("{select} failed: no")
        );
    }
}
