//! The errors that Cassandra 5.0 returns to a SELECT, in its words.

use crate::message::{ErrorCode, ServerError};

/// Returns an INVALID error.
pub(crate) fn invalid(message: impl Into<String>) -> ServerError {
    ServerError::new(ErrorCode::Invalid, message.into())
}

/// Returns a SYNTAX_ERROR.
pub(crate) fn syntax_error(message: &impl ToString) -> ServerError {
    ServerError::new(ErrorCode::Syntax, message.to_string())
}

/// Returns the error for a part of CQL that Cassandra knows and this server does not.
pub(in crate::store) fn unsupported(part: &str) -> ServerError {
    invalid(format!(
        "MockServer does not support {part} in a SELECT; add a reply with MockServer::on"
    ))
}

/// Returns a CONFIG error.
pub(in crate::store) fn config(message: impl Into<String>) -> ServerError {
    ServerError::new(ErrorCode::Config, message.into())
}

/// Returns the error for an unset variable where a value is needed.
pub(in crate::store) fn invalid_unset(kind: &str) -> ServerError {
    invalid(format!("Invalid unset value for {kind}"))
}
