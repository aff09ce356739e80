//! The kinds of requests, and how a request ended.

use cqlwire::session::Error;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// An INSERT that is marked as idempotent.
    Insert,
    /// An INSERT that is not marked as idempotent.
    UnmarkedInsert,
    /// A SELECT of an acknowledged row.
    Read,
    /// A counter update.
    Increment,
    /// A conditional write.
    Swap,
    /// A write that appends to a list.
    Append,
}

impl Kind {
    /// Returns true if the driver may send the request twice.
    pub(crate) const fn is_idempotent(self) -> bool {
        matches!(self, Self::Insert | Self::Read)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Insert => "idempotent insert",
            Self::UnmarkedInsert => "insert",
            Self::Read => "read",
            Self::Increment => "counter update",
            Self::Swap => "conditional write",
            Self::Append => "list append",
        }
    }
}

/// The outcome of a write, as the driver reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The write succeeded.
    Acknowledged,
    /// The write failed, and may have been applied.
    Uncertain,
    /// The write failed, and was not applied.
    NotApplied,
}

impl Outcome {
    pub(crate) fn of<T>(result: &Result<T, Error>) -> Self {
        match result {
            Ok(_) => Self::Acknowledged,
            Err(error) if error.may_have_been_applied() => Self::Uncertain,
            Err(_) => Self::NotApplied,
        }
    }

    /// Returns the promise that the driver broke if the database shows the effect of the write
    /// `times` times. Returns `None` if the number agrees with the outcome.
    pub(crate) const fn broken_promise(self, times: usize) -> Option<Violation> {
        match (self, times) {
            (Self::Acknowledged, 0) => Some(Violation::Lost),
            (Self::NotApplied, 1..) => Some(Violation::UntrueNotApplied),
            (_, 2..) => Some(Violation::DoneTwice),
            _ => None,
        }
    }
}

/// A broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Violation {
    /// A request received the answer to another request.
    ForeignAnswer,
    /// An error says that a write was not applied, but the write is there.
    UntrueNotApplied,
    /// An acknowledged write is not there.
    Lost,
    /// A write was done more often than it was requested.
    DoneTwice,
    /// A conditional write was refused although the register had the value that it named.
    RefusedWrongly,
    /// An idempotent request failed although other nodes were healthy.
    IdempotentFailed,
    /// A request failed because a node that is shutting down refused it.
    RefusedByShutdown,
    /// A connection was lost although the server was running.
    ConnectionLost,
}

impl Violation {
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::ForeignAnswer => "foreign answers",
            Self::UntrueNotApplied => "untrue \"not applied\"",
            Self::Lost => "acknowledged writes lost",
            Self::DoneTwice => "writes done twice",
            Self::RefusedWrongly => "conditional writes refused although their condition was true",
            Self::IdempotentFailed => "idempotent requests failed",
            Self::RefusedByShutdown => "requests failed that a node refused as shutting down",
            Self::ConnectionLost => "connections lost to a running server",
        }
    }
}
