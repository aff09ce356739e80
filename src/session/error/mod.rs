//! Errors of a session.

mod convert;
mod kind;
mod text;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use kind::ErrorKind;

use super::cql::is_read_only;
use crate::cluster::ClusterError;
use crate::connection::RequestError;
use crate::message::{ErrorCode, ServerError};
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

#[derive(Clone)]
enum Detail {
    Text(String),
    Server(Box<ServerError>),
    Request(Box<RequestError>),
    Bind(BindError),
    Type(TypeError),
    Row(RowError),
}

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

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

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
