//! Errors of a session.

mod convert;
mod kind;
mod text;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use kind::ErrorKind;

use super::effect::{self, Writes};
use crate::connection::RequestError;
use crate::cql::may_set_password;
use crate::message::{ErrorCode, ServerError};
use crate::types::{BindError, BindErrorKind, RowError, TypeError, ValueError};
use crate::wire::Consistency;

/// An error of a session. Its text is one line that names the statement, the node and the reason, and
/// says whether the statement may have been applied.
///
/// [`kind`](Self::kind) classifies the error. [`cause`](Self::cause) returns the underlying error.
///
/// # Was the request applied?
///
/// [`may_have_been_applied`](Self::may_have_been_applied) says whether the server may have executed
/// the request, entirely or in part. "No" is certain, for Cassandra 3.11 to 5.0. The names in the
/// last column are tests in
/// [`tests/driver/effects`](https://github.com/cqlwire/cqlwire/blob/main/tests/driver/effects).
///
/// | error | may have been applied | test |
/// |---|---|---|
/// | any error of a SELECT, of a transaction that only reads, or of a PREPARE | no | `a_select_and_a_prepare_change_nothing` |
/// | any error, if an earlier attempt or another execution may have been applied | yes | `an_earlier_attempt_may_have_been_applied`, `an_earlier_attempt_of_a_stream_may_have_been_applied`, `a_speculative_execution_may_have_been_applied` |
/// | [`Config`](ErrorKind::Config), [`Authentication`](ErrorKind::Authentication), [`Encode`](ErrorKind::Encode), [`Bind`](ErrorKind::Bind), [`Throttled`](ErrorKind::Throttled), [`Closed`](ErrorKind::Closed) before the request was sent | no | `a_request_that_was_not_sent_was_not_applied` |
/// | [`Closed`](ErrorKind::Closed), if the session's runtime ended during a `USE` or while a stream waited for a page | yes | `a_request_whose_runtime_ended_may_have_been_applied` |
/// | [`Unreachable`](ErrorKind::Unreachable) | no | `a_request_that_found_no_node_was_not_applied` |
/// | [`Timeout`](ErrorKind::Timeout) while the request waits for a connection, for a free stream, or for the session's runtime, or while the driver prepares its statement | no | `a_request_that_timed_out_while_it_waited_for_a_connection_was_not_applied`, `a_request_that_timed_out_while_it_waited_for_a_stream_was_not_applied`, `a_request_that_timed_out_while_the_sessions_runtime_was_idle_was_not_applied`, `a_request_that_timed_out_while_its_statement_was_prepared_was_not_applied` |
/// | [`Timeout`](ErrorKind::Timeout) after that | yes | `a_request_that_timed_out_may_have_been_applied` |
/// | [`Connection`](ErrorKind::Connection), if no byte of the request was written and the session's runtime has not ended | no | `a_request_of_which_no_byte_was_written_when_its_connection_closed_was_not_applied` |
/// | [`Connection`](ErrorKind::Connection), if a byte of the request was written, or if the session's runtime ended | yes | `a_request_whose_connection_closed_may_have_been_applied`, `a_request_whose_runtime_ended_may_have_been_applied` |
/// | [`Protocol`](ErrorKind::Protocol): the response is too long or cannot be decoded, or is neither RESULT nor ERROR | yes | `a_response_that_is_too_long_may_follow_the_execution`, `a_response_that_cannot_be_decoded_may_follow_the_execution`, `a_response_that_is_not_a_result_may_follow_the_execution` |
/// | [`StatementChanged`](ErrorKind::StatementChanged), and any error while the driver prepares an evicted statement again | no | `a_statement_that_changed_was_not_applied`, `a_statement_that_could_not_be_prepared_again_was_not_applied` |
/// | [`Read`](ErrorKind::Read), [`RowCount`](ErrorKind::RowCount), [`ResultKind`](ErrorKind::ResultKind) | yes: the request succeeded | `a_result_that_does_not_fit_belongs_to_an_executed_request` |
/// | PROTOCOL, BAD_CREDENTIALS, SYNTAX, UNAUTHORIZED, INVALID, CONFIG, ALREADY_EXISTS, UNPREPARED, FUNCTION_FAILURE, IS_BOOTSTRAPPING | no | `an_invalid_request_was_not_applied` |
/// | OVERLOADED, if its text is one of those that Cassandra sends before it executes a request, such as `Server is shutting down` | no | `a_request_refused_by_an_overloaded_server_was_not_applied`, `a_refused_write_is_sent_to_the_next_node` |
/// | OVERLOADED with another text | yes | `a_request_that_overloaded_the_server_may_have_been_applied` |
/// | UNAVAILABLE of an INSERT, UPDATE or DELETE without `IF` and `IN`, of a TRUNCATE, of a logged batch without `IF`, or of another `Batch` that [writes to one partition](#batches-on-one-partition) | no | `a_write_to_one_partition_without_replicas_was_not_applied` |
/// | UNAVAILABLE of a statement or batch with `IF`, if it names a serial consistency | no | `a_conditional_statement_may_have_been_applied_without_replicas_to_commit_it` |
/// | UNAVAILABLE of a statement or batch with `IF`, if it names another consistency: the commit may have failed | yes | `a_conditional_statement_may_have_been_applied_without_replicas_to_commit_it` |
/// | UNAVAILABLE of any other statement or batch | yes, in part | `a_write_in_steps_without_replicas_may_have_been_applied_in_part` |
/// | READ_TIMEOUT, READ_FAILURE of an INSERT, UPDATE or DELETE without `IN`, of a statement or batch with `IF`, of a TRUNCATE, of a logged batch, or of another `Batch` that writes to one partition: these read before they write | no | `a_failed_read_comes_before_the_write` |
/// | READ_TIMEOUT, READ_FAILURE of any other statement or batch | yes, in part | `a_failed_read_may_come_after_the_first_of_several_writes` |
/// | WRITE_TIMEOUT of every write type, WRITE_FAILURE, CDC_WRITE_FAILURE, CAS_WRITE_UNKNOWN | yes | `a_write_that_timed_out_or_failed_may_have_been_applied` |
/// | TRUNCATE_ERROR, SERVER_ERROR, unknown codes | yes | `a_server_that_fails_may_have_applied_the_request` |
///
/// # Batches on one partition
///
/// An unlogged or counter batch writes one partition after another, and UNAVAILABLE may concern a later
/// one. The driver knows that a `Batch` without `IN` writes to one partition if it has one statement, or
/// if its statements are of one keyspace and are all bound to the same whole partition key.
#[derive(Clone)]
pub struct Error(Box<ErrorInner>);

#[derive(Clone)]
struct ErrorInner {
    kind: ErrorKind,
    detail: Detail,
    statement: Option<Arc<str>>,
    /// True if the message of the server may repeat a password of the statement.
    is_secret: bool,
    consistency: Option<Consistency>,
    node: Option<SocketAddr>,
    /// True if the request was a PREPARE.
    preparing: bool,
    /// The possible effect of the last attempt.
    effect: Effect,
    /// The manner in which the request changes data. `None` if the statement's text decides.
    writes: Option<Writes>,
    history: Vec<Attempt>,
    /// The circumstances, which follow the reason in the text.
    note: Option<Box<str>>,
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

/// The possible effect of the last attempt. Earlier attempts are in the history.
#[derive(Clone, Copy)]
enum Effect {
    /// The server has not executed the request, or the request was never sent.
    NotApplied,
    /// The server may have executed the request.
    MayBeApplied,
    /// The code and the text of the server's error decide.
    ByServerError,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self::with_detail(kind, Detail::Text(text.into()))
    }

    fn with_detail(kind: ErrorKind, detail: Detail) -> Self {
        let effect = match &detail {
            Detail::Server(_) => Effect::ByServerError,
            Detail::Request(error) if error.may_have_been_applied() => Effect::MayBeApplied,
            // The result of a request that succeeded cannot be read.
            Detail::Type(_) | Detail::Row(_) => Effect::MayBeApplied,
            Detail::Text(_) if matches!(kind, ErrorKind::RowCount | ErrorKind::ResultKind) => {
                Effect::MayBeApplied
            }
            Detail::Text(_) | Detail::Request(_) | Detail::Bind(_) => Effect::NotApplied,
        };
        Self(Box::new(ErrorInner {
            kind,
            detail,
            statement: None,
            is_secret: false,
            consistency: None,
            node: None,
            preparing: false,
            effect,
            writes: None,
            history: Vec::new(),
            note: None,
        }))
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

    /// Records how the request changes data, and whether it was a PREPARE.
    #[must_use]
    pub(super) fn with_writes(mut self, writes: Writes, preparing: bool) -> Self {
        self.0.writes = Some(writes);
        self.0.preparing = preparing;
        self
    }

    /// Records that the server may have executed the request.
    #[must_use]
    pub(super) fn after_execution(mut self) -> Self {
        self.0.effect = Effect::MayBeApplied;
        self
    }

    /// Records that the server has not executed the request of this attempt.
    #[must_use]
    pub(super) fn before_execution(mut self) -> Self {
        self.0.effect = Effect::NotApplied;
        self
    }

    #[must_use]
    pub(super) fn with_statement(mut self, statement: &Arc<str>) -> Self {
        self.0.statement = Some(Arc::clone(statement));
        // Only a message of the server can repeat a password.
        if matches!(self.0.detail, Detail::Server(_)) && may_set_password(statement) {
            self.0.is_secret = true;
        }
        self
    }

    /// Withholds the message of the server, because it may repeat a password of the statement.
    #[must_use]
    pub(super) fn with_secret_message(mut self) -> Self {
        self.0.is_secret = true;
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

    /// Adds the circumstances to the text, such as "while reading the tokens (0, 10]".
    #[must_use]
    pub(crate) fn with_note(mut self, note: String) -> Self {
        self.0.note = Some(note.into());
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
    ///
    /// Its message may repeat parts of the statement, such as literals. The text of this error
    /// withholds the message if the statement [may set a password](crate::session#secrets).
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
    /// The text of this error contains the text of the cause, unless that may repeat a
    /// [password](crate::session#secrets). Therefore the cause is not its
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

    /// Returns true if the server may have applied the statement, in this attempt or in an earlier
    /// one. Returns false if no attempt has changed data; always false for a SELECT. The table
    /// [above](Self#was-the-request-applied) lists the errors.
    pub fn may_have_been_applied(&self) -> bool {
        let writes = self.writes();
        writes != Writes::Nothing
            && (self.0.history.iter().any(|attempt| attempt.may_have_been_applied)
                || self.last_attempt_may_have_been_applied(writes))
    }

    /// Returns how the request changes data.
    fn writes(&self) -> Writes {
        match &*self.0 {
            ErrorInner { preparing: true, .. } => Writes::Nothing,
            ErrorInner { writes: Some(writes), .. } => *writes,
            ErrorInner { statement: Some(statement), .. } => Writes::of_statement(statement),
            _ => Writes::InSteps,
        }
    }

    /// Returns true if the server may have applied the request in the last attempt.
    fn last_attempt_may_have_been_applied(&self, writes: Writes) -> bool {
        match (self.0.effect, &self.0.detail) {
            (Effect::MayBeApplied, _) => true,
            (Effect::ByServerError, Detail::Server(error)) => {
                effect::may_have_been_applied(error, writes)
            }
            _ => false,
        }
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

    /// Returns true if the server found fault with the statement itself, as every node would.
    pub(super) const fn is_about_statement(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Server(
                ErrorCode::Syntax
                    | ErrorCode::Invalid
                    | ErrorCode::Unauthorized
                    | ErrorCode::Config
                    | ErrorCode::AlreadyExists
                    | ErrorCode::FunctionFailure
            )
        )
    }

    /// Returns true if the values may not fit because a column's type was altered after the
    /// statement was prepared. They may fit once the statement is prepared again.
    pub(crate) fn may_be_outdated_types(&self) -> bool {
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
