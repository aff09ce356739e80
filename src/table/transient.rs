//! Failures after which the same request may succeed later, and when it is sent again.

use std::time::Duration;

use crate::message::ErrorCode as Code;
use crate::session::{Error, ErrorKind};

/// Number of consecutive failures of a request after which it is not sent again. Each of them has been retried on
/// other nodes before, as the retry policy allows.
pub(super) const MAX_FAILURES: u32 = 5;

/// Time before a request is sent again for the first time. It is four times as long before each further time, 8.5 s
/// in total: the time in which a node restarts or the load of a cluster falls.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// Returns the time to wait after this number of consecutive failures, at least one.
pub(super) fn delay(failures: u32) -> Duration {
    FIRST_DELAY.saturating_mul(4_u32.saturating_pow(failures.saturating_sub(1)))
}

/// Returns true if the same read may succeed later.
pub(super) fn is_transient_read(error: &Error) -> bool {
    is_transient(error, &[Code::ReadTimeout, Code::ReadFailure])
}

/// Returns true if the same write may succeed later.
pub(super) fn is_transient_write(error: &Error) -> bool {
    is_transient(error, &[Code::WriteTimeout, Code::WriteFailure])
}

/// Returns true if a single row of a batch may have caused the error.
pub(super) fn may_be_caused_by_one_row(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(Code::Invalid | Code::WriteFailure | Code::Server)
            | ErrorKind::Encode
            | ErrorKind::Bind
            | ErrorKind::StatementChanged
    )
}

/// Returns true if the node has too much load: fewer requests at the same time may succeed.
pub(super) fn shows_overload(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Timeout
            | ErrorKind::Server(Code::Overloaded | Code::ReadTimeout | Code::WriteTimeout)
    )
}

/// Returns true if a read of fewer rows or tokens may succeed: after a timeout, or if the server has found too many
/// tombstones.
pub(super) fn may_read_less(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Timeout | ErrorKind::Server(Code::ReadTimeout | Code::ReadFailure)
    )
}

fn is_transient(error: &Error, codes: &[Code]) -> bool {
    match error.kind() {
        ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Unreachable
        | ErrorKind::Throttled => true,
        ErrorKind::Server(code) => {
            matches!(
                code,
                Code::Unavailable | Code::Overloaded | Code::Bootstrapping | Code::Server
            ) || codes.contains(&code)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_four_times_as_long_each_time() {
        assert_eq!([1, 2, 3, 4].map(|n| delay(n).as_millis()), [100, 400, 1_600, 6_400]);
    }
}
