//! Errors after which the same request may succeed later.

use crate::message::ErrorCode as Code;
use crate::session::{Error, ErrorKind};

/// Returns true if the same request may succeed later.
pub(super) fn is_transient(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Unreachable
        | ErrorKind::Throttled => true,
        ErrorKind::Server(code) => matches!(
            code,
            Code::Unavailable
                | Code::Overloaded
                | Code::Bootstrapping
                | Code::ReadTimeout
                | Code::ReadFailure
                | Code::Server
        ),
        _ => false,
    }
}

/// Returns true if fewer requests at the same time may succeed.
pub(super) fn is_overload(error: &Error) -> bool {
    is_timeout(error)
        || matches!(error.kind(), ErrorKind::Throttled | ErrorKind::Server(Code::Overloaded))
}

/// Returns true if a smaller request may succeed.
pub(super) fn is_timeout(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Server(Code::ReadTimeout))
}
