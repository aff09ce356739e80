//! Errors of a session.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::cql::{is_read_only, mentions_password};
use crate::cluster::{ClusterError, NodeError};
use crate::connection::{RequestError, RequestErrorKind};
use crate::message::{ErrorCode, ErrorDetails, ServerError};
use crate::types::{BindError, BindErrorKind, RowError, TypeError, ValueError};
use crate::wire::Consistency;

/// An error of a session. Its text is one line that names the statement, the node and the reason, and
/// says whether the statement may have been applied.
///
/// [`kind`](Self::kind) classifies the error. [`cause`](Self::cause) returns the underlying error.
#[derive(Clone)]
pub struct Error(Box<ErrorInner>);

#[derive(Clone)]
struct ErrorInner {
    kind: ErrorKind,
    detail: Detail,
    statement: Option<Arc<str>>,
    consistency: Option<Consistency>,
    node: Option<SocketAddr>,
    /// True if the request was a PREPARE.
    preparing: bool,
    /// True if the statement only reads. Such a statement never counts as applied.
    read_only: bool,
    history: Vec<Attempt>,
}

/// A failed attempt of a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Attempt {
    /// Address of the node.
    pub node: SocketAddr,
    /// Text of the error, in one line.
    pub failure: String,
    /// Time from the start of the attempt to its failure.
    pub elapsed: Duration,
    /// True if the node may have applied the statement. A retry could then apply it twice.
    pub may_have_been_applied: bool,
}

/// The kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option of the session is missing or invalid.
    Config,
    /// No server can be reached.
    Unreachable,
    /// The server requires credentials, or rejected them.
    Authentication,
    /// The server responded with an error that has this code.
    Server(ErrorCode),
    /// No response arrived before the request timed out.
    Timeout,
    /// The connection closed before the response arrived.
    Connection,
    /// The server violated the protocol: its response could not be decoded, or was of another kind
    /// than the request requires.
    Protocol,
    /// The request cannot be encoded: a value or text is too long, or the protocol version lacks an
    /// option that is set.
    Encode,
    /// The values do not fit the bind variables of the statement.
    Bind,
    /// A server evicted a prepared statement, and now prepares the same text as a different
    /// statement, because the keyspace or the schema has changed. The caller must prepare the text
    /// again.
    StatementChanged,
    /// The columns or the cells of the result do not fit the Rust type.
    Read,
    /// The result has another number of rows than [`one`](super::QueryResult::one) or
    /// [`first`](super::QueryResult::first) requires.
    RowCount,
    /// The result is of another kind than the method requires: it has no rows, or the statement was
    /// not conditional.
    ResultKind,
    /// The throttle of the session rejected the request.
    Throttled,
    /// The session was closed, or its runtime has ended.
    Closed,
}

#[derive(Clone)]
enum Detail {
    Text(String),
    Server(Box<ServerError>),
    Request(Box<RequestError>),
    Bind(BindError),
    Type(TypeError),
    Row(RowError),
}

/// Longest prefix of a statement in the text of an error, in characters.
const MAX_STATEMENT_LENGTH: usize = 60;

impl Error {
    pub(super) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self::with_detail(kind, Detail::Text(text.into()))
    }

    fn with_detail(kind: ErrorKind, detail: Detail) -> Self {
        Self(Box::new(ErrorInner {
            kind,
            detail,
            statement: None,
            consistency: None,
            node: None,
            preparing: false,
            read_only: false,
            history: Vec::new(),
        }))
    }

    /// Converts a [`ClusterError`], which says why no node can be used.
    pub(super) fn unreachable(error: ClusterError) -> Self {
        match error {
            ClusterError::Fatal(error) => (*error).into(),
            ClusterError::Config(text) => Self::new(ErrorKind::Config, text),
            ClusterError::Closed(text) => Self::new(ErrorKind::Closed, text),
            ClusterError::Unreachable { failures, .. } => {
                let target = match failures.len() {
                    1 => "the cluster".to_owned(),
                    count => format!("any of {count} nodes"),
                };
                let text = format!("cannot reach {target}: {}", failures.join("; "));
                Self::new(ErrorKind::Unreachable, text)
            }
        }
    }

    /// Returns the error of a request whose task ended without a result.
    pub(super) fn task_ended(reason: &dyn fmt::Display) -> Self {
        let text = format!("the task of the request ended early: {reason}");
        Self::new(ErrorKind::Connection, text)
    }

    /// Returns the error of a server whose response violates the protocol.
    pub(super) fn protocol(violation: &str) -> Self {
        Self::new(ErrorKind::Protocol, format!("the server violated the protocol: {violation}"))
    }

    /// Changes the kind from `Unreachable` to `Timeout`, because the deadline passed while the
    /// request waited for a node.
    #[must_use]
    pub(super) fn into_timeout(mut self) -> Self {
        if self.0.kind == ErrorKind::Unreachable {
            self.0.kind = ErrorKind::Timeout;
        }
        self
    }

    pub(super) fn server(error: ServerError, node: SocketAddr) -> Self {
        let code = error.code;
        Self::with_detail(ErrorKind::Server(code), Detail::Server(Box::new(error))).with_node(node)
    }

    #[must_use]
    pub(super) fn with_node(mut self, node: SocketAddr) -> Self {
        self.0.node = Some(node);
        self
    }

    /// Records whether the request was a PREPARE or read-only. Such a request cannot have changed
    /// data.
    #[must_use]
    pub(super) fn with_effect(mut self, preparing: bool, read_only: bool) -> Self {
        self.0.preparing = preparing;
        self.0.read_only = read_only;
        self
    }

    #[must_use]
    pub(super) fn with_statement(mut self, statement: &Arc<str>) -> Self {
        self.0.read_only = is_read_only(statement);
        self.0.statement = Some(Arc::clone(statement));
        self
    }

    #[must_use]
    pub(super) fn with_consistency(mut self, consistency: Consistency) -> Self {
        self.0.consistency = Some(consistency);
        self
    }

    #[must_use]
    pub(super) fn with_history(mut self, history: Vec<Attempt>) -> Self {
        self.0.history = history;
        self
    }

    #[must_use]
    pub(super) fn while_preparing(mut self) -> Self {
        self.0.preparing = true;
        self
    }

    /// Returns this error as an entry of the history.
    pub(super) fn to_attempt(&self, node: SocketAddr, elapsed: Duration) -> Attempt {
        let may_have_been_applied = self.may_have_been_applied();
        Attempt { node, failure: Reason(self).to_string(), elapsed, may_have_been_applied }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the error that the server sent; `None` if the error is not from the server.
    pub fn server_error(&self) -> Option<&ServerError> {
        match &self.0.detail {
            Detail::Server(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the underlying error, or `None` if this error has no cause. The cause can be
    /// downcast to a [`ServerError`], [`RequestError`], [`BindError`], [`TypeError`] or
    /// [`RowError`].
    ///
    /// The text of this error contains the text of the cause. Therefore the cause is not its
    /// [`source`](std::error::Error::source).
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.detail {
            Detail::Text(_) => None,
            Detail::Server(error) => Some(&**error),
            Detail::Request(error) => Some(&**error),
            Detail::Bind(error) => Some(error),
            Detail::Type(error) => Some(error),
            Detail::Row(error) => Some(error),
        }
    }

    /// Returns the number of failed attempts; 0 if the request was never sent, for example because
    /// the values could not be bound.
    pub fn attempts(&self) -> usize {
        self.0.history.len()
    }

    /// Returns the failed attempts in the order of their failures, speculative executions included.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::session::Session) {
    /// if let Err(error) = session.execute("SELECT * FROM users", ()).await {
    ///     for attempt in error.history() {
    ///         eprintln!("{}: {} ({:?})", attempt.node, attempt.failure, attempt.elapsed);
    ///     }
    /// }
    /// # }
    /// ```
    pub fn history(&self) -> &[Attempt] {
        &self.0.history
    }

    /// Returns true if the request timed out, at the client or at the replicas.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Timeout
                | ErrorKind::Server(ErrorCode::ReadTimeout | ErrorCode::WriteTimeout)
        )
    }

    /// Returns true if a failed attempt may have applied the statement. Always false for a SELECT.
    pub fn may_have_been_applied(&self) -> bool {
        let ErrorInner { preparing, read_only, history, .. } = &*self.0;
        let applied = history.iter().any(|attempt| attempt.may_have_been_applied);
        !preparing && !read_only && (applied || self.last_may_have_been_applied())
    }

    /// Returns true if the request may succeed on another node.
    pub(super) fn may_succeed_on_another_node(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Connection
                | ErrorKind::Timeout
                | ErrorKind::Server(
                    ErrorCode::Server | ErrorCode::Overloaded | ErrorCode::Bootstrapping
                )
        )
    }

    /// Returns true if the values may not fit because a column's type was altered after the
    /// statement was prepared. They may fit once the statement is prepared again.
    pub(super) fn may_be_outdated_types(&self) -> bool {
        let Detail::Bind(error) = &self.0.detail else { return false };
        matches!(
            error.kind(),
            BindErrorKind::Count { .. }
                | BindErrorKind::Type(_)
                | BindErrorKind::Value(
                    ValueError::Dimensions { .. } | ValueError::TooLong | ValueError::TooShort
                )
        )
    }

    fn last_may_have_been_applied(&self) -> bool {
        match &self.0.detail {
            Detail::Request(error) => error.may_have_been_applied(),
            Detail::Server(error) => matches!(
                error.code,
                ErrorCode::WriteTimeout
                    | ErrorCode::WriteFailure
                    | ErrorCode::CasWriteUnknown
                    | ErrorCode::CdcWriteFailure
                    | ErrorCode::Server
            ),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_action(&mut OneLine(f))?;
        Reason(self).fmt(f)
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
            Detail::Server(error) => write_server_error(&mut line, error)?,
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
/// are alive or responded, and how many are required, instead of the server's message.
fn write_server_error(line: &mut OneLine<'_, '_>, error: &ServerError) -> fmt::Result {
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
        _ => write!(line, "{}", error.to_string().trim_end_matches('.')),
    }
}

/// Displays the beginning of a statement on one line. CREATE and ALTER ROLE are cut before the
/// password.
struct Abbreviated<'a>(&'a str);

impl fmt::Display for Abbreviated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.split_whitespace().collect();
        // Cut before `PASSWORD`, because a secret follows: `CREATE ROLE ada WITH PASSWORD = '...'`.
        if is_role_change(&words)
            && let Some(shown) = words.split(|word| mentions_password(word)).next()
            && shown.len() < words.len()
        {
            return write!(f, "{} ...", shown.join(" "));
        }
        let words = words.join(" ");
        match words.char_indices().nth(MAX_STATEMENT_LENGTH) {
            Some((end, _)) => write!(f, "{}...", &words[..end]),
            None => f.write_str(&words),
        }
    }
}

/// Returns true if the statement creates or alters a role or a user.
fn is_role_change(words: &[&str]) -> bool {
    let is_one_of =
        |word: &str, keywords: [&str; 2]| keywords.iter().any(|k| word.eq_ignore_ascii_case(k));
    matches!(words, [verb, object, ..]
        if is_one_of(verb, ["CREATE", "ALTER"]) && is_one_of(object, ["ROLE", "USER"]))
}

impl std::error::Error for Error {}

impl From<Box<RequestError>> for Error {
    fn from(error: Box<RequestError>) -> Self {
        let kind = match &error.kind {
            RequestErrorKind::TimedOut => ErrorKind::Timeout,
            RequestErrorKind::Encode(_) => ErrorKind::Encode,
            RequestErrorKind::Decode(_) => ErrorKind::Protocol,
            RequestErrorKind::Closed(_) => ErrorKind::Connection,
        };
        let node = error.address;
        Self::with_detail(kind, Detail::Request(error)).with_node(node)
    }
}

impl From<NodeError> for Error {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Connection(error) if error.reason.is_authentication() => {
                Self::new(ErrorKind::Authentication, format!("cannot log in to {error}"))
            }
            NodeError::Connection(error) => {
                Self::new(ErrorKind::Unreachable, format!("cannot reach {error}"))
            }
            NodeError::UseKeyspace { address, statement, error } => {
                Self::server(*error, address).with_statement(&statement.into())
            }
            NodeError::Request(error) => Box::new(error).into(),
            NodeError::UnexpectedResponse { address, statement } => {
                Self::protocol("its response is neither RESULT nor ERROR")
                    .with_node(address)
                    .with_statement(&statement.into())
            }
        }
    }
}

impl From<BindError> for Error {
    fn from(error: BindError) -> Self {
        Self::with_detail(ErrorKind::Bind, Detail::Bind(error))
    }
}

impl From<TypeError> for Error {
    fn from(error: TypeError) -> Self {
        Self::with_detail(ErrorKind::Read, Detail::Type(error))
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        Self::with_detail(ErrorKind::Read, Detail::Row(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::WriteType;

    #[test]
    fn debug_output_leaves_out_passwords() {
        let error = Error::new(ErrorKind::Config, "no")
            .with_statement(&"CREATE ROLE ada WITH PASSWORD = 'geheim'".into());
        let expected = r#"Error { kind: Config, text: "CREATE ROLE ada WITH ... failed: no" }"#;
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
        let text = "INSERT INTO users (username, password)\n VALUES (?, ?) -- and so on and on";
        let error = Error::server(error, "127.0.0.2:9042".parse().unwrap())
            .with_statement(&text.into())
            .with_consistency(Consistency::Quorum);
        assert_eq!(
            error.to_string(),
            "INSERT INTO users (username, password) VALUES (?, ?) -- and ... failed at QUORUM \
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
        assert_eq!(shown, "CREATE ROLE ada WITH LOGIN = true AND ... failed: no");
        let alter = "alter user ada with hashed password='secret'";
        assert!(!error.clone().with_statement(&alter.into()).to_string().contains("secret"));
        let select = "SELECT username, password FROM users";
        assert_eq!(
            error.with_statement(&select.into()).to_string(),
            format!("{select} failed: no")
        );
    }

    #[test]
    fn may_have_been_applied_considers_every_attempt_but_no_reads() {
        let refused = || {
            let error = ServerError::new(ErrorCode::Invalid, "no\n\u{1b}[31msuch table");
            Error::server(error, "127.0.0.1:9042".parse().unwrap())
        };
        let insert = refused().with_statement(&"INSERT".into());
        assert!(!insert.may_have_been_applied());
        let applied = vec![Attempt {
            node: "127.0.0.1:9042".parse().unwrap(),
            failure: "the server closed the connection".into(),
            elapsed: Duration::ZERO,
            may_have_been_applied: true,
        }];
        assert!(insert.clone().with_history(applied.clone()).may_have_been_applied());
        let preparing = insert.with_history(applied.clone()).while_preparing();
        assert!(!preparing.may_have_been_applied());
        assert_eq!(
            preparing.to_string(),
            "cannot prepare INSERT on 127.0.0.1:9042: \
             invalid request: no\\n\\u{1b}[31msuch table"
        );
        let select = refused().with_statement(&" select 1".into()).with_history(applied);
        assert!(!select.may_have_been_applied());
    }
}
