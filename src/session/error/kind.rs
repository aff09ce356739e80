//! The kinds of errors of a session.

use crate::message::ErrorCode;

/// The kind of an [`Error`](super::Error).
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
    /// The prepared statement has changed since its values were encoded, and the values do not fit
    /// it: the schema was altered, or the session has switched to another keyspace. The statement
    /// was not executed. The text of the error says whether to execute the statement again, with
    /// values of the new types, or to prepare it again.
    StatementChanged,
    /// The columns or the cells of the result do not fit the Rust type.
    Read,
    /// The result has another number of rows than [`one`](crate::session::QueryResult::one) or
    /// [`first`](crate::session::QueryResult::first) requires.
    RowCount,
    /// The result is of another kind than the method requires: it has no rows, or the statement was
    /// not conditional.
    ResultKind,
    /// The throttle of the session rejected the request.
    Throttled,
    /// The session was closed, or its runtime has ended.
    Closed,
}
