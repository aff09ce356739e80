//! What follows a failed attempt.

use std::time::Duration;

use crate::connection::{RequestError, RequestErrorKind};
use crate::message::{ErrorCode, ServerError};

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Make the request once more, after a pause.
    Retry(Duration),
    /// Prepare the statement again, then make the request once more.
    Reprepare,
    /// Tell the user.
    Fail,
}

/// So often a request is made, at most. Preparing again does not count: it has an end of its own.
const MAX_ATTEMPTS: usize = 3;

/// The pause after the first attempt that a busy server has refused; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Decides after the server refused a request.
pub(super) fn after_server_error(
    error: &ServerError,
    idempotent: bool,
    attempts: usize,
) -> Decision {
    let doubled = attempts.clamp(1, MAX_ATTEMPTS) - 1;
    let again = Decision::Retry(FIRST_PAUSE * (1 << doubled));
    match error.code {
        ErrorCode::Unprepared => Decision::Reprepare,
        _ if attempts >= MAX_ATTEMPTS => Decision::Fail,
        // The coordinator did nothing, and says so.
        ErrorCode::Bootstrapping => again,
        ErrorCode::Overloaded | ErrorCode::Server if idempotent => again,
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
        RequestErrorKind::Closed(_) if is_safe && attempts < MAX_ATTEMPTS => {
            Decision::Retry(Duration::ZERO)
        }
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
        let retry = Decision::Retry(Duration::ZERO);
        assert_eq!(after_request_error(&lost(false), false, 1), retry);
        assert_eq!(after_request_error(&lost(true), false, 1), Decision::Fail);
        assert_eq!(after_request_error(&lost(true), true, 1), retry);
        assert_eq!(after_request_error(&lost(true), true, MAX_ATTEMPTS), Decision::Fail);
        let late = RequestError::new(address, RequestErrorKind::TimedOut, false);
        assert_eq!(after_request_error(&late, true, 1), Decision::Fail);
    }

    #[test]
    fn a_busy_server_is_given_time_and_asked_again_only_where_that_is_safe() {
        let refusal = |code| ServerError::new(code, "");
        let overloaded = refusal(ErrorCode::Overloaded);
        assert_eq!(after_server_error(&overloaded, false, 1), Decision::Fail);
        assert!(matches!(after_server_error(&overloaded, true, 1), Decision::Retry(_)));
        assert_eq!(after_server_error(&overloaded, true, MAX_ATTEMPTS), Decision::Fail);
        let starting = refusal(ErrorCode::Bootstrapping);
        assert!(matches!(after_server_error(&starting, false, 1), Decision::Retry(_)));
        let invalid = refusal(ErrorCode::Invalid);
        assert_eq!(after_server_error(&invalid, true, 1), Decision::Fail);
    }
}
