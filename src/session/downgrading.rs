//! A retry policy that gives up consistency for availability.

use std::time::Duration;

use super::retry::{AttemptError, DefaultRetry, FailedAttempt, RetryDecision, RetryPolicy};
use crate::message::ErrorDetails;
use crate::wire::Consistency;

/// A retry policy that lowers the consistency. If too few replicas are alive or respond in time, an
/// idempotent statement is retried once, at ONE, TWO or THREE: the number of replicas that are
/// alive or responded, but at most three. In all other cases, the policy decides like
/// [`DefaultRetry`].
///
/// A read may then miss data written at the original consistency, and a write may be lost. Use this
/// policy only for data where such an outcome is better than an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct DowngradingRetry;

impl RetryPolicy for DowngradingRetry {
    fn decide(&self, failed: &FailedAttempt<'_>) -> RetryDecision {
        let lower = match failed.error {
            AttemptError::Server(error) if failed.idempotent && failed.attempts == 1 => {
                match error.details {
                    ErrorDetails::Unavailable { alive, .. } => satisfied_by(alive),
                    ErrorDetails::ReadTimeout { received, block_for, .. }
                    | ErrorDetails::WriteTimeout { received, block_for, .. }
                        if received < block_for =>
                    {
                        satisfied_by(received)
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        match lower {
            Some(lower) => RetryDecision::Retry {
                same_node: true,
                after: Duration::ZERO,
                consistency: Some(lower),
            },
            None => DefaultRetry.decide(failed),
        }
    }
}

/// Returns the highest of ONE, TWO and THREE that `replicas` replicas satisfy; `None` if `replicas`
/// is zero or less.
const fn satisfied_by(replicas: i32) -> Option<Consistency> {
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
    use crate::message::{ErrorCode, ServerError};

    #[test]
    fn lowers_the_consistency_to_the_number_of_replicas_once_if_idempotent() {
        let decide = |received, idempotent, attempts| {
            let error = ServerError {
                code: ErrorCode::ReadTimeout,
                message: String::new(),
                details: ErrorDetails::ReadTimeout {
                    consistency: Consistency::Quorum,
                    received,
                    block_for: 3,
                    data_present: false,
                },
            };
            let failed = FailedAttempt::new(AttemptError::Server(&error));
            let failed = FailedAttempt { idempotent, attempts, ..failed };
            (DowngradingRetry.decide(&failed), DefaultRetry.decide(&failed))
        };
        for (received, lower) in [(1, Consistency::One), (2, Consistency::Two)] {
            let (decision, _) = decide(received, true, 1);
            let RetryDecision::Retry { consistency, .. } = decision else { panic!("{decision:?}") };
            assert_eq!(consistency, Some(lower));
        }
        for (received, idempotent, attempts) in
            [(1, false, 1), (1, true, 2), (0, true, 1), (3, true, 1)]
        {
            let (decision, as_default) = decide(received, idempotent, attempts);
            assert_eq!(decision, as_default);
        }
    }
}
