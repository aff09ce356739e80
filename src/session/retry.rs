//! What follows a failed attempt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::connection::{RequestError, RequestErrorKind};
use crate::message::{ErrorCode, ErrorDetails, ServerError, WriteType};
use crate::wire::Consistency;

/// Decides whether a request is made again after an attempt has failed.
///
/// A statement that the server has forgotten is prepared again without asking, and what no node
/// could do better is never asked: a syntax error stays one.
///
/// ```
/// use cqlwire::session::{FailedAttempt, RetryDecision, RetryPolicy};
///
/// /// Asks one other node, whatever happened.
/// #[derive(Debug)]
/// struct OnceMore;
///
/// impl RetryPolicy for OnceMore {
///     fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
///         match failed.attempts {
///             1 if failed.is_safe() => RetryDecision::NEXT_NODE,
///             _ => RetryDecision::Fail,
///         }
///     }
/// }
/// ```
pub trait RetryPolicy: fmt::Debug + Send + Sync {
    /// What to do after `failed`.
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision;
}

/// One for several sessions or statements.
impl<P: RetryPolicy + ?Sized> RetryPolicy for Arc<P> {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        (**self).decide(failed)
    }
}

/// What follows a failed attempt. When all nodes have been asked they are asked anew, so that a
/// policy which always retries does so until the time of the request is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryDecision {
    /// The request is made again.
    Retry {
        /// Whether by the same node, as long as it is connected.
        same_node: bool,
        /// After this pause.
        after: Duration,
        /// At this consistency in place of the one asked for.
        consistency: Option<Consistency>,
    },
    /// The user is told.
    Fail,
}

impl RetryDecision {
    /// The request is made again at once, by another node.
    pub const NEXT_NODE: Self =
        Self::Retry { same_node: false, after: Duration::ZERO, consistency: None };

    /// The request is made again at once, by the same node.
    pub const SAME_NODE: Self =
        Self::Retry { same_node: true, after: Duration::ZERO, consistency: None };
}

/// An attempt that has failed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FailedAttempt<'a> {
    /// Why.
    pub reason: AttemptError<'a>,
    /// Whether the statement may be run twice: it was said to be idempotent, or only reads, or was
    /// only being prepared.
    pub idempotent: bool,
    /// How many attempts there were so far, this one included.
    pub attempts: usize,
    /// The consistency of this one.
    pub consistency: Consistency,
    /// The text of the statement; of a batch, how many it has.
    pub statement: &'a str,
}

/// Why an attempt has failed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum AttemptError<'a> {
    /// The server said so.
    Server(&'a ServerError),
    /// There was no answer.
    NoAnswer(&'a RequestError),
}

impl<'a> FailedAttempt<'a> {
    /// The first attempt of a statement without a text that is not idempotent, at LOCAL_ONE: to try
    /// a policy on, once its fields are set.
    pub const fn new(reason: AttemptError<'a>) -> Self {
        let consistency = Consistency::LocalOne;
        Self { reason, idempotent: false, attempts: 1, consistency, statement: "" }
    }

    /// Whether making the request again cannot do anything twice: the statement is idempotent, or
    /// nothing was done.
    pub fn is_safe(&self) -> bool {
        self.idempotent
            || match self.reason {
                AttemptError::NoAnswer(error) => !error.may_have_been_applied(),
                AttemptError::Server(error) => did_nothing(error.code),
            }
    }
}

/// Whether a server that says this has not begun with the request.
const fn did_nothing(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Bootstrapping | ErrorCode::Unavailable)
}

/// The policy of a session that was not given another: makes a request again where that can do no
/// harm and some good, at most five times, and gives a cluster that is busy or not whole some time.
///
/// | what happened | what follows |
/// |---|---|
/// | the connection ended | another node, at once |
/// | the node is starting | another node after a pause that doubles |
/// | too few replicas are alive | another node: once, or if idempotent after a pause that doubles |
/// | enough replicas answered a read, but not the one with the data; the batch log was not written | the same node, once |
/// | the node is overloaded or failed; too few replicas answered in time | if idempotent, another node after a pause that doubles |
/// | a replica failed | if idempotent, another node, twice |
/// | no answer in the time of an attempt | if idempotent, another node |
///
/// What is not idempotent is made again only where nothing of it was done.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultRetry;

/// Never makes a request again.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRetry;

/// [`DefaultRetry`], but where too few replicas are alive or answer, what is idempotent is asked for
/// once more at the consistency that they are enough for.
///
/// A read may then miss what was written at the consistency asked for, and a write may be lost:
/// only for data for which that is better than no answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct DowngradingRetry;

/// So often a request is made, at most.
const MAX_ATTEMPTS: usize = 5;

/// How often, if a replica failed: it may do so at every node, after much work.
const MAX_AFTER_FAILURE: usize = 3;

/// The pause after the first attempt that was too much for a node; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

impl RetryPolicy for DefaultRetry {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        let FailedAttempt { idempotent, attempts, .. } = *failed;
        if attempts >= MAX_ATTEMPTS || !failed.is_safe() && !is_read(failed) {
            return RetryDecision::Fail;
        }
        let is_first = attempts == 1;
        let paused = RetryDecision::Retry {
            same_node: false,
            after: FIRST_PAUSE * (1 << (attempts - 1).min(MAX_ATTEMPTS)),
            consistency: None,
        };
        let error = match failed.reason {
            AttemptError::Server(error) => error,
            AttemptError::NoAnswer(error) => {
                return match error.kind {
                    RequestErrorKind::Closed(_) | RequestErrorKind::TimedOut => {
                        RetryDecision::NEXT_NODE
                    }
                    _ => RetryDecision::Fail,
                };
            }
        };
        match (error.code, &error.details) {
            (ErrorCode::Bootstrapping, _) => paused,
            (ErrorCode::Unavailable, _) if idempotent => paused,
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
            ) if idempotent => paused,
            (ErrorCode::ReadFailure | ErrorCode::WriteFailure, _)
                if idempotent && attempts < MAX_AFTER_FAILURE =>
            {
                RetryDecision::NEXT_NODE
            }
            _ => RetryDecision::Fail,
        }
    }
}

/// Whether only reading has failed, which does nothing.
fn is_read(failed: &FailedAttempt<'_>) -> bool {
    matches!(failed.reason, AttemptError::Server(error) if error.code == ErrorCode::ReadTimeout)
}

impl RetryPolicy for NoRetry {
    fn decide(&self, _: &FailedAttempt<'_>) -> RetryDecision {
        RetryDecision::Fail
    }
}

impl RetryPolicy for DowngradingRetry {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        let enough = match failed.reason {
            AttemptError::Server(error) if failed.idempotent && failed.attempts == 1 => {
                match error.details {
                    ErrorDetails::Unavailable { alive, .. } => enough_for(alive),
                    ErrorDetails::ReadTimeout { received, block_for, .. }
                    | ErrorDetails::WriteTimeout { received, block_for, .. }
                        if received < block_for =>
                    {
                        enough_for(received)
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        match enough {
            Some(lower) => RetryDecision::Retry {
                same_node: true,
                after: Duration::ZERO,
                consistency: Some(lower),
            },
            None => DefaultRetry.decide(failed),
        }
    }
}

/// The highest consistency that so many replicas are enough for.
const fn enough_for(replicas: i32) -> Option<Consistency> {
    match replicas {
        ..=0 => None,
        1 => Some(Consistency::One),
        2 => Some(Consistency::Two),
        _ => Some(Consistency::Three),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::CloseReason;

    fn decide(
        policy: &dyn RetryPolicy,
        reason: AttemptError<'_>,
        safe: bool,
        n: usize,
    ) -> RetryDecision {
        let consistency = Consistency::Quorum;
        let failed = FailedAttempt::new(reason);
        policy.decide(&FailedAttempt { idempotent: safe, attempts: n, consistency, ..failed })
    }

    fn request_error(kind: RequestErrorKind, written: bool) -> RequestError {
        RequestError::new("127.0.0.1:9042".parse().unwrap(), kind, written)
    }

    #[test]
    fn nothing_is_done_twice_that_could_do_harm() {
        let lost = |written| request_error(RequestErrorKind::Closed(CloseReason::Local), written);
        let decide = |error: &RequestError, idempotent, attempts| {
            decide(&DefaultRetry, AttemptError::NoAnswer(error), idempotent, attempts)
        };
        assert_eq!(decide(&lost(false), false, 1), RetryDecision::NEXT_NODE);
        assert_eq!(decide(&lost(true), false, 1), RetryDecision::Fail);
        assert_eq!(decide(&lost(true), true, 1), RetryDecision::NEXT_NODE);
        assert_eq!(decide(&lost(true), true, MAX_ATTEMPTS), RetryDecision::Fail);
        let late = |written| request_error(RequestErrorKind::TimedOut, written);
        assert_eq!(decide(&late(true), false, 1), RetryDecision::Fail);
        assert_eq!(decide(&late(true), true, 1), RetryDecision::NEXT_NODE);
    }

    #[test]
    fn a_busy_server_is_given_time_and_asked_again_only_where_that_is_safe() {
        let decide = |code, idempotent, attempts| {
            let error = ServerError::new(code, "");
            decide(&DefaultRetry, AttemptError::Server(&error), idempotent, attempts)
        };
        let pauses =
            |decision| matches!(decision, RetryDecision::Retry { after, .. } if !after.is_zero());
        assert_eq!(decide(ErrorCode::Overloaded, false, 1), RetryDecision::Fail);
        assert!(pauses(decide(ErrorCode::Overloaded, true, 1)));
        assert_eq!(decide(ErrorCode::Overloaded, true, MAX_ATTEMPTS), RetryDecision::Fail);
        assert!(pauses(decide(ErrorCode::Bootstrapping, false, 1)));
        assert_eq!(decide(ErrorCode::Unavailable, false, 1), RetryDecision::NEXT_NODE);
        assert_eq!(decide(ErrorCode::Unavailable, false, 2), RetryDecision::Fail);
        assert!(pauses(decide(ErrorCode::Unavailable, true, 2)));
        assert_eq!(decide(ErrorCode::Invalid, true, 1), RetryDecision::Fail);
    }

    #[test]
    fn a_timeout_of_replicas_is_read_for_what_it_says() {
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
        let lower = decide(&DowngradingRetry, AttemptError::Server(&read(1, false)), true, 1);
        let RetryDecision::Retry { consistency, .. } = lower else { panic!("{lower:?}") };
        assert_eq!(consistency, Some(Consistency::One));
        let kept = decide(&DowngradingRetry, AttemptError::Server(&read(1, false)), false, 1);
        assert_eq!(kept, RetryDecision::Fail);
        assert_eq!(
            decide(&NoRetry, AttemptError::Server(&read(2, false)), true, 1),
            RetryDecision::Fail
        );
    }
}
