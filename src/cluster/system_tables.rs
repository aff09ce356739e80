//! The rows of the server's system tables: their memory, and why they could not be read.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::connection::{RequestError, RequestErrorKind};
use crate::message::{ErrorCode, ServerError};
use crate::types::{ColumnSpec, CqlType, FromRow, Record, Value};
use crate::wire::DecodeErrorKind;

/// Why a system table could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The request failed without a valid response.
    Request(Box<RequestError>),
    /// The server returned an error that may be temporary.
    Server(Box<ServerError>),
    /// The server has no such table, or the user may not read it.
    Missing,
    /// The server refuses to read this table, which every Cassandra version has, and which the session has
    /// read before.
    Refused(&'static str),
    /// The server returned a page, and refused the next one each time, as Cassandra does if the schema
    /// changes while DESCRIBE is read.
    Interrupted,
    /// The read took too long, or the server returned too many pages.
    Timeout,
    /// The rows take more memory than [`MAX_ROWS_MEMORY`].
    TooLarge,
}

impl ReadError {
    /// Returns true if the server returned more than the driver reads. Every node has the same rows,
    /// so another connection would not help.
    pub(super) fn is_too_large(&self) -> bool {
        match self {
            Self::TooLarge => true,
            Self::Request(error) => matches!(
                error.kind,
                RequestErrorKind::Decode(error)
                    if matches!(
                        error.kind(),
                        DecodeErrorKind::FrameTooLong { .. }
                            | DecodeErrorKind::DecompressedTooLong { .. }
                    )
            ),
            Self::Server(_)
            | Self::Missing
            | Self::Refused(_)
            | Self::Interrupted
            | Self::Timeout => false,
        }
    }

    /// Returns true if the server could not answer, or with too much, and the connection works.
    pub(super) fn is_of_server(&self) -> bool {
        self.is_too_large() || !matches!(self, Self::Request(_))
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Server(error) => error.fmt(f),
            Self::Missing => f.write_str("the server has no such system table"),
            Self::Refused(table) => {
                write!(f, "the server refuses to read {table}, which the session has read before")
            }
            Self::Interrupted => f.write_str(
                "the server refused to continue the read of a system table after its first page",
            ),
            Self::Timeout => f.write_str("reading the system tables timed out"),
            Self::TooLarge => write!(
                f,
                "the rows of the system tables take more than the limit of {} MiB of memory; if the \
                 schema is too large, build the session with `fetch_schema(false)`",
                MAX_ROWS_MEMORY >> 20
            ),
        }
    }
}

/// Maximum length of the body of a response to the driver's own requests, in bytes, compressed and
/// uncompressed: 16 MiB. A page of `system.peers` for nodes with 256 tokens each has about 7 MiB.
pub(super) const MAX_BODY: usize = 16 << 20;

/// Maximum memory for the rows of one read of the topology or the schema, in bytes: 256 MiB. A schema
/// of 1,000,000 columns stays below it.
const MAX_ROWS_MEMORY: usize = 256 << 20;

/// The memory that is left for the rows of one read, in bytes.
#[derive(Debug)]
pub(super) struct MemoryBudget(AtomicUsize);

impl MemoryBudget {
    /// Creates a budget of [`MAX_ROWS_MEMORY`] bytes.
    pub(super) const fn new() -> Self {
        Self(AtomicUsize::new(MAX_ROWS_MEMORY))
    }

    /// Takes `bytes` bytes from the budget.
    ///
    /// # Errors
    /// Returns an error if less memory is left.
    pub(super) fn take(&self, bytes: usize) -> Result<(), ReadError> {
        let take = |left: usize| left.checked_sub(bytes);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|_| ReadError::TooLarge)
    }

    /// Adds `bytes` bytes to the budget, because their rows are not kept.
    pub(super) fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A row of a system table, as the driver keeps it.
pub(super) trait SystemRow: for<'r> FromRow<'r> {
    /// True if the row may refer to the page from which it was read.
    const KEEPS_PAGE: bool;

    /// Returns the memory that the row takes, in bytes, without unused capacity and without the page.
    fn memory(&self) -> usize;
}

impl SystemRow for Record {
    const KEEPS_PAGE: bool = false;

    fn memory(&self) -> usize {
        self.values().iter().map(memory).sum::<usize>() + size_of::<Self>()
    }
}

/// Returns the memory that a value takes, in bytes, without unused capacity.
fn memory(value: &Value) -> usize {
    let all = |values: &[Value]| values.iter().map(memory).sum();
    let content = match value {
        Value::Ascii(text) | Value::Text(text) => text.len(),
        Value::Blob(bytes) | Value::Custom(bytes) => bytes.len(),
        Value::List(values) | Value::Set(values) | Value::Tuple(values) | Value::Vector(values) => {
            all(values)
        }
        Value::Map(pairs) => pairs.iter().map(|(key, value)| memory(key) + memory(value)).sum(),
        Value::Udt { fields, .. } => all(fields),
        // The table columns that the driver reads have no other types of variable length.
        _ => 0,
    };
    size_of::<Value>() + content
}

/// Returns the memory that descriptions of columns take, in bytes.
pub(super) fn columns_memory(columns: &[ColumnSpec]) -> usize {
    let of_column = |ColumnSpec { table, name, cql_type }: &ColumnSpec| {
        let texts = name.len() + table.keyspace.len() + table.table.len();
        size_of::<ColumnSpec>() + texts + type_memory(cql_type)
    };
    columns.iter().map(of_column).sum()
}

/// Returns the memory that a type takes, in bytes. The recursion is bounded because the decoder limits nesting.
fn type_memory(cql_type: &CqlType) -> usize {
    let content = match cql_type {
        CqlType::Native(_) => 0,
        CqlType::List(element) | CqlType::Set(element) => type_memory(element),
        CqlType::Map(entry) => type_memory(&entry.0) + type_memory(&entry.1),
        CqlType::Tuple(elements) => elements.iter().map(type_memory).sum(),
        CqlType::Vector(vector) => type_memory(&vector.element) + vector.class.len(),
        CqlType::Udt(udt) => {
            let fields = udt.fields.iter();
            fields.map(|(name, field)| size_of::<String>() + name.len() + type_memory(field)).sum()
        }
        CqlType::Custom(name) => name.len(),
    };
    size_of::<CqlType>() + content
}

/// Turns [`ReadError::Missing`] into `None`.
pub(super) fn none_if_missing<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(rows) => Ok(Some(rows)),
        Err(ReadError::Missing) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns true if the error means that the server lacks or forbids what was requested, so it would
/// return the error again.
pub(super) const fn is_permanent(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Invalid | ErrorCode::Syntax | ErrorCode::Unauthorized | ErrorCode::Config
    )
}
