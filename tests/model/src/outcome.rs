//! The kinds of requests, and how a request ended.

use cqlwire::session::Error;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
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
    /// A logged batch that is not marked as idempotent. In turn, its rows are in one partition and in
    /// several.
    LoggedBatch,
    /// An unlogged batch that is marked as idempotent. In turn, its rows are in one partition and in
    /// several.
    UnloggedBatch,
    /// An INSERT that replaces a row. Its text contains the values, and it is marked as idempotent.
    Overwrite,
    /// A SELECT of a wide partition, in small pages.
    ReadPartition,
    /// A SELECT of a whole table, in small pages.
    ReadTable,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Insert,
        Self::UnmarkedInsert,
        Self::Read,
        Self::Increment,
        Self::Swap,
        Self::Append,
        Self::LoggedBatch,
        Self::UnloggedBatch,
        Self::Overwrite,
        Self::ReadPartition,
        Self::ReadTable,
    ];

    /// Returns true if the driver may send the request twice.
    pub const fn is_idempotent(self) -> bool {
        match self {
            Self::Insert | Self::UnloggedBatch | Self::Overwrite => true,
            Self::Read | Self::ReadPartition | Self::ReadTable => true,
            Self::UnmarkedInsert
            | Self::Increment
            | Self::Swap
            | Self::Append
            | Self::LoggedBatch => false,
        }
    }

    /// Returns true if the request writes.
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Read | Self::ReadPartition | Self::ReadTable)
    }

    /// Returns true if the request is a stream of pages.
    pub const fn has_pages(self) -> bool {
        matches!(self, Self::ReadPartition | Self::ReadTable)
    }

    /// Returns the name of the kind in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insert => "idempotent insert",
            Self::UnmarkedInsert => "insert",
            Self::Read => "read",
            Self::Increment => "counter update",
            Self::Swap => "conditional write",
            Self::Append => "list append",
            Self::LoggedBatch => "logged batch",
            Self::UnloggedBatch => "unlogged batch",
            Self::Overwrite => "overwrite",
            Self::ReadPartition => "partition read",
            Self::ReadTable => "table read",
        }
    }
}

/// The outcome of a write, as the driver reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The write succeeded.
    Acknowledged,
    /// The write failed or was cancelled, and may have been applied.
    Uncertain,
    /// The write failed, and was not applied.
    NotApplied,
}

impl Outcome {
    /// Returns the outcome of a write with this result.
    pub fn of<T>(result: &Result<T, Error>) -> Self {
        match result {
            Ok(_) => Self::Acknowledged,
            Err(error) if error.may_have_been_applied() => Self::Uncertain,
            Err(_) => Self::NotApplied,
        }
    }
}

/// The outcomes of a sequence of writes.
///
/// A write is [`Outcome::Uncertain`] from its beginning until its result is known. A request that is
/// cancelled therefore stays uncertain.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(Vec<Outcome>);

impl Outcomes {
    /// Begins a write, and returns its number.
    pub(crate) fn begin(&mut self) -> u32 {
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(Outcome::Uncertain);
        number
    }

    /// Ends the write that began last.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if let Some(last) = self.0.last_mut() {
            *last = outcome;
        }
    }

    /// Returns the number of the writes that began.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Returns the outcome of a write. A write that never began was not applied.
    pub(crate) fn get(&self, number: u32) -> Outcome {
        self.0.get(number as usize).copied().unwrap_or(Outcome::NotApplied)
    }

    /// Returns the numbers of the writes that began, with their outcomes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, Outcome)> {
        (0..).zip(self.0.iter().copied())
    }
}
