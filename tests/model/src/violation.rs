//! The promises that a driver can break.

use crate::outcome::Outcome;

/// A broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// A request received the answer to another request.
    ForeignAnswer,
    /// The answer to a request could not be decoded, or was of another kind than the request. A server
    /// that sends malformed answers causes it, too.
    MalformedAnswer,
    /// An error says that a write was not applied, but the write is there.
    UntrueNotApplied,
    /// An acknowledged write is not there.
    Lost,
    /// A write was done more often than it was requested.
    DoneTwice,
    /// A conditional write was refused although the register had the value that it named.
    RefusedWrongly,
    /// A read returned a row twice.
    RepeatedRow,
    /// A read returned rows in another order than that of their table.
    OutOfOrder,
    /// A batch was applied in part, although its batch log or its only partition makes it atomic.
    TornBatch,
    /// A request did not end in time.
    Unended,
    /// The session did not answer in time after the last fault.
    NotRecovered,
    /// Something that requests use was not returned after all requests had ended.
    NotReturned,
    /// An error, a `Debug` text or a log event contains a secret.
    SecretShown,
    /// An idempotent request failed although other nodes were healthy.
    IdempotentFailed,
    /// A request failed because a node that is shutting down refused it.
    RefusedByShutdown,
    /// A connection was lost although the server was running.
    ConnectionLost,
}

impl Violation {
    /// Returns the promise that the driver broke if the database shows the effect of a write with this
    /// outcome `times` times. Returns `None` if the number agrees with the outcome.
    pub const fn of(outcome: Outcome, times: usize) -> Option<Self> {
        match (outcome, times) {
            (Outcome::Acknowledged, 0) => Some(Self::Lost),
            (Outcome::NotApplied, 1..) => Some(Self::UntrueNotApplied),
            (_, 2..) => Some(Self::DoneTwice),
            _ => None,
        }
    }

    /// Returns the violations of this kind in a few words, for reports.
    pub const fn description(self) -> &'static str {
        match self {
            Self::ForeignAnswer => "foreign answers",
            Self::MalformedAnswer => "malformed answers",
            Self::UntrueNotApplied => "untrue \"not applied\"",
            Self::Lost => "acknowledged writes lost",
            Self::DoneTwice => "writes done twice",
            Self::RefusedWrongly => "conditional writes refused although their condition was true",
            Self::RepeatedRow => "rows that a read returned twice",
            Self::OutOfOrder => "rows out of order",
            Self::TornBatch => "batches applied in part",
            Self::Unended => "requests that did not end in time",
            Self::NotRecovered => "sessions that did not answer in time after the last fault",
            Self::NotReturned => "requests, permits or tasks that were not returned",
            Self::SecretShown => "texts with a secret",
            Self::IdempotentFailed => "idempotent requests failed",
            Self::RefusedByShutdown => "requests failed that a node refused as shutting down",
            Self::ConnectionLost => "connections lost to a running server",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_effects_agrees_with_the_outcome_or_is_a_violation() {
        use Outcome::{Acknowledged, NotApplied, Uncertain};
        for (outcome, expected) in [
            (Acknowledged, [Some(Violation::Lost), None, Some(Violation::DoneTwice)]),
            (Uncertain, [None, None, Some(Violation::DoneTwice)]),
            (
                NotApplied,
                [None, Some(Violation::UntrueNotApplied), Some(Violation::UntrueNotApplied)],
            ),
        ] {
            assert_eq!(
                [0, 1, 2].map(|times| Violation::of(outcome, times)),
                expected,
                "{outcome:?}"
            );
        }
    }
}
