//! What went wrong, in one line: where, with which statement, and what may have happened.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::cql::is_read_only;
use crate::cluster::{ClusterError, NodeError};
use crate::connection::{RequestError, RequestErrorKind};
use crate::message::{ErrorCode, ErrorDetails, ServerError};
use crate::types::{BindError, BindErrorKind, RowError, TypeError, ValueError};
use crate::wire::Consistency;

/// Why a session could not do what it was asked to do.
#[derive(Debug, Clone)]
pub struct Error(Box<Failure>);

#[derive(Debug, Clone)]
struct Failure {
    kind: ErrorKind,
    cause: Cause,
    statement: Option<Arc<str>>,
    consistency: Option<Consistency>,
    node: Option<SocketAddr>,
    /// Whether the statement was only being prepared.
    preparing: bool,
    /// Whether nothing can have been applied, since the statement only reads.
    reads: bool,
    history: Vec<Attempt>,
}

/// A time that a request was made and not answered with what was asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Attempt {
    /// The node that was asked.
    pub node: SocketAddr,
    /// What happened, in one line.
    pub failure: String,
    /// How long it took.
    pub took: Duration,
    /// Whether the node may have done what the request says, so that making it again could do it
    /// twice.
    pub may_have_been_applied: bool,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The session was described wrongly.
    Config,
    /// No server could be reached, and none is left to wait for.
    Unreachable,
    /// The server does not know who the client is, or does not believe it.
    Authentication,
    /// The server refused the request, with this code.
    Server(ErrorCode),
    /// There was no answer in time.
    Timeout,
    /// The connection ended while the request was under way.
    Connection,
    /// The values do not go with the statement.
    Bind,
    /// The result does not go with the Rust type.
    Read,
    /// More was asked of the session than its throttle lets through.
    Throttled,
    /// The session was closed, or the runtime that it was made on has ended.
    Closed,
}

#[derive(Debug, Clone)]
enum Cause {
    Text(String),
    Server(Box<ServerError>),
    Request(Box<RequestError>),
    Bind(BindError),
    Type(TypeError),
    Row(RowError),
}

/// So many characters of a statement are shown.
const SHOWN: usize = 60;

impl Error {
    pub(super) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self::of(kind, Cause::Text(text.into()))
    }

    fn of(kind: ErrorKind, cause: Cause) -> Self {
        let (statement, consistency, node) = (None, None, None);
        let (preparing, reads, history) = (false, false, Vec::new());
        Self(Box::new(Failure {
            kind,
            cause,
            statement,
            consistency,
            node,
            preparing,
            reads,
            history,
        }))
    }

    /// No node can be used.
    pub(super) fn unreachable(failure: ClusterError) -> Self {
        match failure {
            ClusterError::Fatal(failure) => (*failure).into(),
            ClusterError::Config(why) => Self::new(ErrorKind::Config, why),
            ClusterError::Closed(why) => Self::new(ErrorKind::Closed, why),
            ClusterError::Unreachable { failures, .. } => {
                let of = match failures.len() {
                    1 => "the cluster".to_owned(),
                    count => format!("any of {count} nodes"),
                };
                Self::new(
                    ErrorKind::Unreachable,
                    format!("cannot reach {of}: {}", failures.join("; ")),
                )
            }
        }
    }

    /// The task that was to do it has stopped.
    pub(super) fn stopped(why: &dyn fmt::Display) -> Self {
        Self::new(ErrorKind::Connection, why.to_string())
    }

    /// No node could be used before the time was over.
    #[must_use]
    pub(super) fn in_time(mut self) -> Self {
        if self.0.kind == ErrorKind::Unreachable {
            self.0.kind = ErrorKind::Timeout;
        }
        self
    }

    pub(super) fn server(error: ServerError, node: SocketAddr) -> Self {
        let mut failed = Self::of(ErrorKind::Server(error.code), Cause::Server(Box::new(error)));
        failed.0.node = Some(node);
        failed
    }

    /// Records whether the request was a PREPARE or read-only, and so cannot have changed anything.
    #[must_use]
    pub(super) fn with_effect(mut self, preparing: bool, read_only: bool) -> Self {
        self.0.preparing = preparing;
        self.0.reads = read_only;
        self
    }

    #[must_use]
    pub(super) fn with_statement(mut self, statement: &Arc<str>) -> Self {
        self.0.reads = is_read_only(statement);
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

    /// What this error says of one attempt.
    pub(super) fn attempt(&self, node: SocketAddr, took: Duration) -> Attempt {
        let may_have_been_applied = self.may_have_been_applied();
        Attempt { node, failure: self.to_string(), took, may_have_been_applied }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the server said, if it is the server that failed.
    pub fn server_error(&self) -> Option<&ServerError> {
        match &self.0.cause {
            Cause::Server(error) => Some(error),
            _ => None,
        }
    }

    /// What has failed, to be downcast: a [`ServerError`], [`RequestError`], [`BindError`],
    /// [`TypeError`] or [`RowError`]; `None` if there is no more than the text. It is part of what
    /// this error says, and so not its [`source`](std::error::Error::source).
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Text(_) => None,
            Cause::Server(error) => Some(error),
            Cause::Request(error) => Some(error),
            Cause::Bind(error) => Some(error),
            Cause::Type(error) => Some(error),
            Cause::Row(error) => Some(error),
        }
    }

    /// How often the request was made; 0 if it was not made at all.
    pub fn attempts(&self) -> usize {
        self.0.history.len()
    }

    /// Every attempt, the first one first, speculative ones included.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::session::Session) {
    /// if let Err(error) = session.execute("SELECT * FROM users", ()).await {
    ///     for attempt in error.history() {
    ///         eprintln!("{}: {} ({:?})", attempt.node, attempt.failure, attempt.took);
    ///     }
    /// }
    /// # }
    /// ```
    pub fn history(&self) -> &[Attempt] {
        &self.0.history
    }

    /// Whether the client or the replicas did not answer in time.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Timeout
                | ErrorKind::Server(ErrorCode::ReadTimeout | ErrorCode::WriteTimeout)
        )
    }

    /// Whether the statement may have done what it says, though it failed: at the last attempt or
    /// at one before it.
    pub fn may_have_been_applied(&self) -> bool {
        let Failure { preparing, reads, history, .. } = &*self.0;
        let applied = history.iter().any(|attempt| attempt.may_have_been_applied);
        !preparing && !reads && (applied || self.last_may_have_been_applied())
    }

    /// Whether another node may do what this one could not.
    pub(super) fn is_of_node(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Connection
                | ErrorKind::Timeout
                | ErrorKind::Server(
                    ErrorCode::Server | ErrorCode::Overloaded | ErrorCode::Bootstrapping
                )
        )
    }

    /// Whether values were bound to variables of another type, which may be an older one.
    pub(super) fn is_of_type(&self) -> bool {
        let Cause::Bind(error) = &self.0.cause else { return false };
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
        match &self.0.cause {
            Cause::Request(error) => error.may_have_been_applied(),
            Cause::Server(error) => matches!(
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
        let Failure { kind, cause, statement, consistency, node, preparing, .. } = &*self.0;
        let mut line = OneLine(f);
        if let Some(statement) = statement {
            let what = if *preparing { "could not be prepared" } else { "failed" };
            write!(line, "{} {what}", Shown(statement))?;
            if let (Some(consistency), ErrorKind::Server(_), false) = (consistency, kind, preparing)
            {
                write!(line, " at {consistency}")?;
            }
            match node {
                Some(node) => write!(line, " on {node}: ")?,
                None => line.write_str(": ")?,
            }
        }
        match cause {
            Cause::Text(text) => line.write_str(text)?,
            Cause::Server(error) => server(&mut line, error)?,
            Cause::Request(error) => write!(line, "{error}")?,
            Cause::Bind(error) => write!(line, "{error}")?,
            Cause::Type(error) => write!(line, "{error}")?,
            Cause::Row(error) => write!(line, "{error}")?,
        }
        if self.may_have_been_applied() {
            line.write_str("; it may have been applied")?;
        }
        Ok(())
    }
}

/// Text on one line, whatever a server has written into it.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c.is_control() {
            true => write!(self.0, "{}", c.escape_default()),
            false => self.0.write_char(c),
        })
    }
}

/// What the server said, with what counts put first.
fn server(line: &mut OneLine<'_, '_>, error: &ServerError) -> fmt::Result {
    match &error.details {
        ErrorDetails::Unavailable { required, alive, .. } => {
            write!(line, "{alive} of {required} replicas that must answer are alive (unavailable)")
        }
        ErrorDetails::WriteTimeout { received, block_for, .. }
        | ErrorDetails::ReadTimeout { received, block_for, .. } => {
            write!(line, "{received} of {block_for} replicas answered in time ({})", error.code)
        }
        _ => write!(line, "{}", error.to_string().trim_end_matches('.')),
    }
}

/// The beginning of a statement, on one line.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.split_whitespace().collect();
        // What follows is a secret: `CREATE ROLE ada WITH PASSWORD = '...'`.
        let names_secret = |word: &&str| {
            let word = word.as_bytes();
            word.windows(8).any(|part| part.eq_ignore_ascii_case(b"PASSWORD"))
        };
        let ends_in_secret = words.iter().position(names_secret).filter(|_| has_role(&words));
        if let Some(word) = ends_in_secret {
            return write!(f, "{} ...", words.get(..word).unwrap_or_default().join(" "));
        }
        let words = words.join(" ");
        match words.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}...", &words[..end]),
            None => f.write_str(&words),
        }
    }
}

/// Whether a statement makes or alters somebody who logs in.
fn has_role(words: &[&str]) -> bool {
    let is = |word: &str, known: [&str; 2]| known.iter().any(|k| word.eq_ignore_ascii_case(k));
    matches!(words, [verb, what, ..]
        if is(verb, ["CREATE", "ALTER"]) && is(what, ["ROLE", "USER"]))
}

impl std::error::Error for Error {}

impl From<Box<RequestError>> for Error {
    fn from(error: Box<RequestError>) -> Self {
        let kind = match &error.kind {
            RequestErrorKind::TimedOut => ErrorKind::Timeout,
            RequestErrorKind::Encode(_) => ErrorKind::Bind,
            RequestErrorKind::Decode(_) => ErrorKind::Read,
            RequestErrorKind::Closed(_) => ErrorKind::Connection,
        };
        Self::of(kind, Cause::Request(error))
    }
}

impl From<NodeError> for Error {
    fn from(failure: NodeError) -> Self {
        match failure {
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
            error @ NodeError::UnexpectedResponse { address, .. } => {
                Self::new(ErrorKind::Read, format!("{address} {error}"))
            }
        }
    }
}

impl From<BindError> for Error {
    fn from(error: BindError) -> Self {
        Self::of(ErrorKind::Bind, Cause::Bind(error))
    }
}

impl From<TypeError> for Error {
    fn from(error: TypeError) -> Self {
        Self::of(ErrorKind::Read, Cause::Type(error))
    }
}

impl From<RowError> for Error {
    fn from(error: RowError) -> Self {
        Self::of(ErrorKind::Read, Cause::Row(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::WriteType;

    #[test]
    fn an_error_is_one_line_that_says_what_may_have_happened() {
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
             on 127.0.0.2:9042: 1 of 2 replicas answered in time (write timeout); \
             it may have been applied"
        );
        assert!(error.is_timeout());
    }

    #[test]
    fn a_password_in_a_statement_is_not_shown() {
        let error = Error::new(ErrorKind::Read, "no");
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
    fn what_happened_before_the_last_attempt_counts_and_what_only_reads_does_not() {
        let refused = || {
            let error = ServerError::new(ErrorCode::Invalid, "no\n\u{1b}[31msuch table");
            Error::server(error, "127.0.0.1:9042".parse().unwrap())
        };
        let insert = refused().with_statement(&"INSERT".into());
        assert!(!insert.may_have_been_applied());
        let applied = vec![Attempt {
            node: "127.0.0.1:9042".parse().unwrap(),
            failure: "the server closed the connection".into(),
            took: Duration::ZERO,
            may_have_been_applied: true,
        }];
        assert!(insert.clone().with_history(applied.clone()).may_have_been_applied());
        let preparing = insert.with_history(applied.clone()).while_preparing();
        assert!(!preparing.may_have_been_applied());
        assert_eq!(
            preparing.to_string(),
            "INSERT could not be prepared on 127.0.0.1:9042: \
             invalid request: no\\n\\u{1b}[31msuch table"
        );
        let select = refused().with_statement(&" select 1".into()).with_history(applied);
        assert!(!select.may_have_been_applied());
    }
}
