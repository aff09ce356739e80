//! What follows a failed attempt.

use crate::connection::{RequestError, RequestErrorKind};
use crate::message::{ErrorCode, ServerError};

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Make the request once more.
    Retry,
    /// Prepare the statement again, then make the request once more.
    Reprepare,
    /// Tell the user.
    Fail,
}

/// So often a request is made, at most.
const MAX_ATTEMPTS: usize = 3;

/// Decides after the server refused a request.
pub(super) fn after_server_error(
    error: &ServerError,
    idempotent: bool,
    attempts: usize,
) -> Decision {
    match error.code {
        _ if attempts >= MAX_ATTEMPTS => Decision::Fail,
        ErrorCode::Unprepared => Decision::Reprepare,
        // The coordinator did nothing, and says so.
        ErrorCode::Bootstrapping => Decision::Retry,
        ErrorCode::Overloaded | ErrorCode::Server if idempotent => Decision::Retry,
        _ => Decision::Fail,
    }
}

/// Decides after a request was not answered.
pub(super) fn after_request_error(
    error: &RequestError,
    idempotent: bool,
    attempts: usize,
) -> Decision {
    let is_safe = idempotent || !error.may_have_been_applied();
    match error.kind {
        RequestErrorKind::Closed(_) if is_safe && attempts < MAX_ATTEMPTS => Decision::Retry,
        _ => Decision::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::CloseReason;

    #[test]
    fn nothing_is_done_twice_that_could_do_harm() {
        let address = "127.0.0.1:9042".parse().unwrap();
        let lost = |written| {
            let kind = RequestErrorKind::Closed(CloseReason::Local);
            RequestError::new(address, kind, written)
        };
        assert_eq!(after_request_error(&lost(false), false, 1), Decision::Retry);
        assert_eq!(after_request_error(&lost(true), false, 1), Decision::Fail);
        assert_eq!(after_request_error(&lost(true), true, 1), Decision::Retry);
        assert_eq!(after_request_error(&lost(true), true, MAX_ATTEMPTS), Decision::Fail);
        let late = RequestError::new(address, RequestErrorKind::TimedOut, false);
        assert_eq!(after_request_error(&late, true, 1), Decision::Fail);
    }

    #[test]
    fn preparing_again_has_an_end() {
        let unprepared = ServerError::new(ErrorCode::Unprepared, "");
        assert_eq!(after_server_error(&unprepared, false, 1), Decision::Reprepare);
        assert_eq!(after_server_error(&unprepared, false, MAX_ATTEMPTS), Decision::Fail);
        let invalid = ServerError::new(ErrorCode::Invalid, "");
        assert_eq!(after_server_error(&invalid, true, 1), Decision::Fail);
    }
}
