//! Retry policies, which decide what the driver does after a failed attempt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::effect::{self, Writes};
use super::shown::shown;
use crate::connection::{RequestError, RequestErrorKind};
use crate::message::{ErrorCode, ErrorDetails, FailureReason, Failures, ServerError, WriteType};
use crate::wire::Consistency;

/// Decides whether a request is retried after a failed attempt.
///
/// The driver does not consult the policy when a node has evicted a prepared statement: it prepares
/// the statement again and repeats the attempt.
///
/// ```
/// use cqlwire::session::{FailedAttempt, RetryDecision, RetryPolicy};
///
/// /// Retries once, on another node, after any error.
/// #[derive(Debug)]
/// struct RetryOnce;
///
/// impl RetryPolicy for RetryOnce {
///     fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
///         match failed.attempts {
///             1 if failed.is_safe() => RetryDecision::NEXT_NODE,
///             _ => RetryDecision::Fail,
///         }
///     }
/// }
/// ```
pub trait RetryPolicy: fmt::Debug + Send + Sync {
    /// Decides what the driver does after `failed`.
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision;
}

/// Lets several sessions or statements share one policy.
impl<P: RetryPolicy + ?Sized> RetryPolicy for Arc<P> {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        (**self).decide(failed)
    }
}

/// The action of the driver after a failed attempt.
///
/// When every node has been tried, the next retry may use any node again. A policy that always
/// retries therefore keeps retrying until the request times out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryDecision {
    /// The request is sent again.
    Retry {
        /// True to retry on the same node, or on another node if the same one is no longer
        /// connected. False to retry on another node.
        same_node: bool,
        /// Delay before the retry.
        after: Duration,
        /// Consistency of the retry and of the attempts after it; `None` leaves it unchanged.
        consistency: Option<Consistency>,
    },
    /// The error is returned to the caller.
    Fail,
}

impl RetryDecision {
    /// A retry on another node, without delay.
    pub const NEXT_NODE: Self =
        Self::Retry { same_node: false, after: Duration::ZERO, consistency: None };

    /// A retry on the same node, without delay.
    pub const SAME_NODE: Self =
        Self::Retry { same_node: true, after: Duration::ZERO, consistency: None };
}

/// An attempt that failed, as a [`RetryPolicy`] sees it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct FailedAttempt<'a> {
    /// The error of the attempt.
    pub error: AttemptError<'a>,
    /// True if the statement may be executed twice: it is marked as idempotent, it only reads, or
    /// it was only being prepared.
    pub idempotent: bool,
    /// Number of attempts made so far, including this one. Attempts that failed because the node
    /// had evicted a prepared statement do not count.
    pub attempts: usize,
    /// Consistency of this attempt.
    pub consistency: Consistency,
    /// True if the server may have executed the statement in this attempt, entirely or in part. The
    /// table in the documentation of [`Error`](super::Error#was-the-request-applied) says after
    /// which errors it may.
    pub may_have_been_applied: bool,
    /// The text of the statement; for a batch, a phrase such as `a batch of 2 statements`.
    pub statement: &'a str,
}

/// Shows the statement without [secrets](crate::session#secrets).
impl fmt::Debug for FailedAttempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedAttempt")
            .field("error", &self.error)
            .field("idempotent", &self.idempotent)
            .field("attempts", &self.attempts)
            .field("consistency", &self.consistency)
            .field("statement", &shown(self.statement))
            .finish()
    }
}

/// The error of an attempt.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum AttemptError<'a> {
    /// The server responded with an error.
    Server(&'a ServerError),
    /// No usable response arrived: the attempt timed out, the connection closed, or the request or
    /// its response could not be encoded or decoded.
    NoResponse(&'a RequestError),
}

/// Omits the message of the server, because the message may repeat parts of the statement.
impl fmt::Debug for AttemptError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => f.debug_tuple("Server").field(&error.code).finish(),
            Self::NoResponse(error) => {
                f.debug_tuple("NoResponse").field(&format_args!("{error}")).finish()
            }
        }
    }
}

impl<'a> FailedAttempt<'a> {
    /// Returns a failed first attempt of a statement that writes to one partition, not idempotent,
    /// at LOCAL_ONE, with an empty text. Tests of a policy start with it and set the fields that
    /// matter.
    pub fn new(error: AttemptError<'a>) -> Self {
        let may_have_been_applied = match error {
            AttemptError::Server(error) => effect::may_have_been_applied(error, Writes::AtOnce),
            AttemptError::NoResponse(error) => error.may_have_been_applied(),
        };
        let consistency = Consistency::LocalOne;
        let (idempotent, attempts, statement) = (false, 1, "");
        Self { error, idempotent, attempts, consistency, may_have_been_applied, statement }
    }

    /// Returns true if a retry is safe: either the statement is idempotent, or the failed attempt
    /// was certainly not applied.
    pub const fn is_safe(&self) -> bool {
        self.idempotent || !self.may_have_been_applied
    }
}

/// The default retry policy. It retries where a retry is safe and likely to succeed, up to five
/// attempts in total, with delays while nodes are overloaded, bootstrapping, down or starting.
///
/// | failure | decision |
/// |---|---|
/// | the connection closed, or the attempt timed out | if idempotent or not yet written, another node, without delay |
/// | the node is shutting down, and refused the request | another node, without delay |
/// | the node is bootstrapping, or overloaded and refused the request before it began | another node, after a delay that doubles |
/// | too few replicas are alive | if idempotent, another node after a delay that doubles; otherwise, if nothing was applied, another node, once, without delay |
/// | read timeout: enough replicas responded, but not the one that was asked for the data | the same node, once |
/// | write timeout of the batch log | if idempotent, the same node once, then another node after a delay that doubles |
/// | the node is overloaded in the middle of a request, or reports a server error; any other read or write timeout | if idempotent, another node after a delay that doubles |
/// | a replica failed because of too many tombstones, too many indexes or too large a read | none |
/// | a replica failed for another reason | if idempotent, another node at once, then others after 200, 400 and 800 ms |
///
/// Coordinators report a failure also for a replica that was paused: when the replica continues, it
/// reports that it has dropped the request. Another coordinator may choose other replicas. A replica that
/// has just started fails for the first second or two if the schema changed while it was down, whichever
/// node coordinates the request.
///
/// A statement that is not idempotent is retried only if the failed attempt was certainly not
/// applied.
///
/// Whatever the policy decides, a request is not retried if its [timeout](super::Statement::timeout)
/// has passed when the attempt fails, or would pass during the delay.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultRetry;

/// A retry policy that never retries.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRetry;

/// Maximum number of attempts for one request.
const MAX_ATTEMPTS: usize = 5;

/// The delay of a delayed retry after the first attempt. The delay doubles with each further
/// attempt.
const FIRST_DELAY: Duration = Duration::from_millis(20);

/// The delay of the second retry after a replica failure; the first has none. It doubles with each
/// further attempt. All delays are 1.4 seconds together, in which a node that has started reads the schema.
const DELAY_AFTER_FAILURE: Duration = Duration::from_millis(200);

impl RetryPolicy for DefaultRetry {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        let FailedAttempt { idempotent, attempts, .. } = *failed;
        if attempts >= MAX_ATTEMPTS || !failed.is_safe() {
            return RetryDecision::Fail;
        }
        let is_first = attempts == 1;
        // The delay is `first` after the attempt with this number, and doubles with each further one.
        let delay_from = |number: usize, first: Duration| RetryDecision::Retry {
            same_node: false,
            after: first * (1 << attempts.saturating_sub(number).min(MAX_ATTEMPTS)),
            consistency: None,
        };
        let delayed = delay_from(1, FIRST_DELAY);
        let error = match failed.error {
            AttemptError::Server(error) => error,
            AttemptError::NoResponse(error) => {
                return match error.kind {
                    RequestErrorKind::Closed(_) | RequestErrorKind::TimedOut => {
                        RetryDecision::NEXT_NODE
                    }
                    _ => RetryDecision::Fail,
                };
            }
        };
        match (error.code, &error.details) {
            _ if effect::is_shutting_down(error) => RetryDecision::NEXT_NODE,
            (ErrorCode::Bootstrapping, _) => delayed,
            _ if effect::is_refusal(error) => delayed,
            (ErrorCode::Unavailable, _) if idempotent => delayed,
            (ErrorCode::Unavailable, _) if is_first => RetryDecision::NEXT_NODE,
            (_, ErrorDetails::ReadTimeout { received, block_for, data_present, .. })
                if is_first && received >= block_for && !data_present =>
            {
                RetryDecision::SAME_NODE
            }
            (_, ErrorDetails::WriteTimeout { write_type: WriteType::BatchLog, .. }) if is_first => {
                RetryDecision::SAME_NODE
            }
            (
                ErrorCode::Overloaded
                | ErrorCode::Server
                | ErrorCode::ReadTimeout
                | ErrorCode::WriteTimeout,
                _,
            ) if idempotent => delayed,
            (
                _,
                ErrorDetails::ReadFailure { failures, .. }
                | ErrorDetails::WriteFailure { failures, .. },
            ) if idempotent && !fails_everywhere(failures, &error.message) => match is_first {
                true => RetryDecision::NEXT_NODE,
                false => delay_from(2, DELAY_AFTER_FAILURE),
            },
            _ => RetryDecision::Fail,
        }
    }
}

/// The reasons for which each replica would fail, because they lie in the statement and its data, and
/// their beginnings in the messages of errors.
const REASONS_OF_ALL: [(FailureReason, &str); 3] = [
    (FailureReason::TooManyTombstones, "READ_TOO_MANY_TOMBSTONES from "),
    (FailureReason::ReadSize, "READ_SIZE from "),
    (FailureReason::TooManyIndexes, "READ_TOO_MANY_INDEXES from "),
];

/// Returns true if all other replicas would do the same work and fail, too. In v3 and v4, only the message
/// of the error has the reasons, as in "1 failures: READ_TOO_MANY_TOMBSTONES from /127.0.0.1:7000";
/// Cassandra 3.11 does not send them.
fn fails_everywhere(failures: &Failures, message: &str) -> bool {
    REASONS_OF_ALL.iter().any(|(of_all, text)| match failures {
        Failures::Reasons(reasons) => reasons.iter().any(|(_, reason)| reason == of_all),
        Failures::Count(_) => message.contains(text),
    })
}

impl RetryPolicy for NoRetry {
    fn decide(&self, _: &FailedAttempt<'_>) -> RetryDecision {
        RetryDecision::Fail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::CloseReason;

    fn decide(
        policy: &dyn RetryPolicy,
        error: AttemptError<'_>,
        safe: bool,
        n: usize,
    ) -> RetryDecision {
        let consistency = Consistency::Quorum;
        let failed = FailedAttempt::new(error);
        policy.decide(&FailedAttempt { idempotent: safe, attempts: n, consistency, ..failed })
    }

    fn request_error(kind: RequestErrorKind, written: bool) -> RequestError {
        RequestError::new("127.0.0.1:9042".parse().unwrap(), kind, written)
    }

    #[test]
    fn a_statement_that_is_not_idempotent_is_retried_only_if_nothing_was_written() {
        let closed = |written| request_error(RequestErrorKind::Closed(CloseReason::Local), written);
        let decide = |error: &RequestError, idempotent, attempts| {
            decide(&DefaultRetry, AttemptError::NoResponse(error), idempotent, attempts)
        };
        assert_eq!(decide(&closed(false), false, 1), RetryDecision::NEXT_NODE);
        assert_eq!(decide(&closed(true), false, 1), RetryDecision::Fail);
        assert_eq!(decide(&closed(true), true, 1), RetryDecision::NEXT_NODE);
        assert_eq!(decide(&closed(true), true, MAX_ATTEMPTS), RetryDecision::Fail);
        let timed_out = |written| request_error(RequestErrorKind::TimedOut, written);
        assert_eq!(decide(&timed_out(true), false, 1), RetryDecision::Fail);
        assert_eq!(decide(&timed_out(true), true, 1), RetryDecision::NEXT_NODE);
    }

    #[test]
    fn a_refused_statement_is_retried_even_if_it_is_not_idempotent() {
        let decide = |text, idempotent, attempts| {
            let error = ServerError::new(ErrorCode::Overloaded, text);
            decide(&DefaultRetry, AttemptError::Server(&error), idempotent, attempts)
        };
        assert_eq!(decide("Server is shutting down", false, 1), RetryDecision::NEXT_NODE);
        assert_eq!(decide("Server is shutting down", true, 4), RetryDecision::NEXT_NODE);
        assert_eq!(decide("Server is shutting down", true, MAX_ATTEMPTS), RetryDecision::Fail);
        assert!(is_delayed(decide("Query timed out before it could start", false, 1)));
        assert!(is_delayed(decide("Request breached limit on bytes in flight. (...)", false, 2)));
        assert_eq!(decide("Too many in flight hints: 1024", false, 1), RetryDecision::Fail);
        assert_eq!(decide("", false, 1), RetryDecision::Fail);
    }

    fn is_delayed(decision: RetryDecision) -> bool {
        matches!(decision, RetryDecision::Retry { after, .. } if !after.is_zero())
    }

    #[test]
    fn retries_after_overload_are_delayed_and_only_for_idempotent_statements() {
        let decide = |code, idempotent, attempts| {
            let error = ServerError::new(code, "");
            decide(&DefaultRetry, AttemptError::Server(&error), idempotent, attempts)
        };
        assert_eq!(decide(ErrorCode::Overloaded, false, 1), RetryDecision::Fail);
        assert!(is_delayed(decide(ErrorCode::Overloaded, true, 1)));
        assert_eq!(decide(ErrorCode::Overloaded, true, MAX_ATTEMPTS), RetryDecision::Fail);
        assert!(is_delayed(decide(ErrorCode::Bootstrapping, false, 1)));
        assert_eq!(decide(ErrorCode::Unavailable, false, 1), RetryDecision::NEXT_NODE);
        assert_eq!(decide(ErrorCode::Unavailable, false, 2), RetryDecision::Fail);
        assert!(is_delayed(decide(ErrorCode::Unavailable, true, 2)));
        assert_eq!(decide(ErrorCode::Invalid, true, 1), RetryDecision::Fail);
    }

    #[test]
    fn failures_of_replicas_are_retried_unless_each_replica_would_fail() {
        let decide = |message: &str, failures: &Failures, idempotent, attempts| {
            let details = ErrorDetails::ReadFailure {
                consistency: Consistency::Quorum,
                received: 1,
                block_for: 2,
                failures: failures.clone(),
                data_present: true,
            };
            let message =
                format!("Operation failed - received 1 responses and 1 failures{message}");
            let error = ServerError { code: ErrorCode::ReadFailure, message, details };
            decide(&DefaultRetry, AttemptError::Server(&error), idempotent, attempts)
        };
        let node = || std::net::Ipv4Addr::LOCALHOST.into();
        let failed = |reason| Failures::Reasons(vec![(node(), reason)]);
        for (message, failures) in [
            ("", Failures::Count(1)),
            (": UNKNOWN from /127.0.0.1:7000", Failures::Count(1)),
            ("", failed(FailureReason::Unspecified)),
            ("", failed(FailureReason::IncompatibleSchema)),
        ] {
            assert_eq!(decide(message, &failures, true, 1), RetryDecision::NEXT_NODE);
            let delays = (2..5).map(|attempts| match decide(message, &failures, true, attempts) {
                RetryDecision::Retry { after, same_node: false, .. } => after.as_millis(),
                decision => panic!("{decision:?} after {attempts} attempts"),
            });
            assert_eq!(delays.collect::<Vec<_>>(), [200, 400, 800]);
            assert_eq!(decide(message, &failures, true, 5), RetryDecision::Fail);
            assert_eq!(decide(message, &failures, false, 1), RetryDecision::Fail);
        }
        for (message, failures) in [
            (": READ_TOO_MANY_TOMBSTONES from /127.0.0.1:7000", Failures::Count(1)),
            (": READ_SIZE from /127.0.0.1:7000", Failures::Count(1)),
            ("", failed(FailureReason::TooManyTombstones)),
            ("", failed(FailureReason::ReadSize)),
            ("", failed(FailureReason::TooManyIndexes)),
        ] {
            assert_eq!(decide(message, &failures, true, 1), RetryDecision::Fail);
        }
    }

    #[test]
    fn read_timeouts_are_retried_by_the_replicas_that_responded() {
        let read = |received, data_present| ServerError {
            code: ErrorCode::ReadTimeout,
            message: String::new(),
            details: ErrorDetails::ReadTimeout {
                consistency: Consistency::Quorum,
                received,
                block_for: 2,
                data_present,
            },
        };
        let default = |error: &ServerError, idempotent| {
            decide(&DefaultRetry, AttemptError::Server(error), idempotent, 1)
        };
        assert_eq!(default(&read(2, false), false), RetryDecision::SAME_NODE);
        assert_eq!(default(&read(2, true), false), RetryDecision::Fail);
        assert_eq!(default(&read(1, false), false), RetryDecision::Fail);
        assert_eq!(
            decide(&NoRetry, AttemptError::Server(&read(2, false)), true, 1),
            RetryDecision::Fail
        );
    }
}
