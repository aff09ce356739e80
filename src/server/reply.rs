//! What the server says.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::message::{
    ErrorCode, ErrorDetails, FailureReason, Failures, QueryResult, Response, Rows, RowsMetadata,
    ServerError, WriteType,
};
use crate::types::{ColumnSpec, CqlType, NativeType, ToValues, ValuesBuffer};
use crate::wire::Consistency;

/// What the server answers.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) what: What,
    pub(super) variables: Vec<ColumnSpec>,
    pub(super) delay: Duration,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Rows(Arc<Table>),
    Response(Box<Response>),
    Bytes(Bytes),
    Silence,
    Close,
}

/// Rows, encoded, from which pages are cut.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Arc<[ColumnSpec]>,
    rows: Vec<Bytes>,
}

/// A column of a reply: a name alone is `text`; otherwise a name and a type.
#[derive(Debug, Clone)]
pub struct Column(ColumnSpec);

/// The keyspace and the table of every column.
const KEYSPACE: &str = "test";
const TABLE: &str = "test";

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::from((name, NativeType::Text))
    }
}

impl<T: Into<CqlType>> From<(&str, T)> for Column {
    fn from((name, cql_type): (&str, T)) -> Self {
        Self(ColumnSpec::new(KEYSPACE, TABLE, name, cql_type))
    }
}

impl From<ColumnSpec> for Column {
    fn from(column: ColumnSpec) -> Self {
        Self(column)
    }
}

impl Reply {
    /// Nothing: the statement was run.
    pub fn void() -> Self {
        Self::response(QueryResult::Void)
    }

    /// Rows, as many a page as the client asks for.
    ///
    /// ```
    /// use cqlwire::server::Reply;
    /// use cqlwire::types::NativeType;
    ///
    /// Reply::rows([("name", NativeType::Text), ("age", NativeType::Int)], [("ada", 36), ("bob", 7)]);
    /// ```
    ///
    /// # Panics
    /// A row does not go with the columns.
    #[must_use]
    pub fn rows(
        columns: impl IntoIterator<Item = impl Into<Column>>,
        rows: impl IntoIterator<Item = impl ToValues>,
    ) -> Self {
        let columns = specs(columns);
        let encode = |row| {
            let mut buffer = ValuesBuffer::new();
            match buffer.bind(&row, &columns) {
                Ok(values) => values.iter().flat_map(cell).collect(),
                Err(error) => panic!("a row of the reply does not go with its columns: {error}"),
            }
        };
        let rows = rows.into_iter().map(encode).collect();
        Self::of(What::Rows(Arc::new(Table { columns: columns.into(), rows })))
    }

    /// An error of the server. If errors of its code have more fields, they say: at `LOCAL_QUORUM`
    /// (`SERIAL`, if it is about a CAS write), one of the two replicas that it takes is alive or
    /// has answered, without data, and one has failed; the write is `SIMPLE`; the function and the
    /// table are `test.test`. For other fields there is [`response`](Self::response), with a
    /// [`ServerError`].
    #[must_use]
    pub fn error(code: ErrorCode, message: &str) -> Self {
        let (message, details) = (message.to_owned(), details(code));
        Self::response(ServerError { code, message, details })
    }

    /// Any response.
    #[must_use]
    pub fn response(response: impl Into<Response>) -> Self {
        Self::of(What::Response(Box::new(response.into())))
    }

    /// These bytes, whatever they are, in place of a frame.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::of(What::Bytes(bytes.into()))
    }

    /// No answer.
    #[must_use]
    pub const fn silence() -> Self {
        Self::of(What::Silence)
    }

    /// The end of the connection.
    #[must_use]
    pub const fn close() -> Self {
        Self::of(What::Close)
    }

    /// The same reply, after some time; requests behind it are answered meanwhile.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// What a client is told of the statement's variables when it prepares it. Default: each `?` is
    /// a `text`.
    #[must_use]
    pub fn variables(mut self, variables: impl IntoIterator<Item = impl Into<Column>>) -> Self {
        self.variables = specs(variables);
        self
    }

    const fn of(what: What) -> Self {
        Self { what, variables: Vec::new(), delay: Duration::ZERO }
    }
}

impl From<QueryResult> for Reply {
    fn from(result: QueryResult) -> Self {
        Self::response(result)
    }
}

impl From<ServerError> for Reply {
    fn from(error: ServerError) -> Self {
        Self::response(error)
    }
}

/// The fields of an error that nobody said more of than its code.
fn details(code: ErrorCode) -> ErrorDetails {
    let consistency = Consistency::LocalQuorum;
    let (received, block_for, data_present) = (1, 2, false);
    // In v3 and v4 that is their number.
    let failures = Failures::Reasons(vec![(LOCALHOST, FailureReason::Unspecified)]);
    let (keyspace, name, write_type) = (KEYSPACE.to_owned(), TABLE.to_owned(), WriteType::Simple);
    match code {
        ErrorCode::Unavailable => {
            ErrorDetails::Unavailable { consistency, required: block_for, alive: received }
        }
        ErrorCode::WriteTimeout => ErrorDetails::WriteTimeout {
            consistency,
            received,
            block_for,
            write_type,
            contentions: None,
        },
        ErrorCode::ReadTimeout => {
            ErrorDetails::ReadTimeout { consistency, received, block_for, data_present }
        }
        ErrorCode::ReadFailure => {
            ErrorDetails::ReadFailure { consistency, received, block_for, failures, data_present }
        }
        ErrorCode::FunctionFailure => {
            ErrorDetails::FunctionFailure { keyspace, function: name, arguments: Vec::new() }
        }
        ErrorCode::WriteFailure => {
            ErrorDetails::WriteFailure { consistency, received, block_for, failures, write_type }
        }
        ErrorCode::CasWriteUnknown => {
            ErrorDetails::CasWriteUnknown { consistency: Consistency::Serial, received, block_for }
        }
        ErrorCode::AlreadyExists => ErrorDetails::AlreadyExists { keyspace, table: name },
        ErrorCode::Unprepared => ErrorDetails::Unprepared { id: Bytes::new() },
        ErrorCode::Unknown(_) => ErrorDetails::Unknown(Bytes::new()),
        _ => ErrorDetails::None,
    }
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn specs(columns: impl IntoIterator<Item = impl Into<Column>>) -> Vec<ColumnSpec> {
    columns.into_iter().map(|column| column.into().0).collect()
}

/// A value as it stands in a row.
fn cell(value: crate::types::NamedValue<'_>) -> Vec<u8> {
    let Some(bytes) = value.value.bytes() else { return (-1_i32).to_be_bytes().to_vec() };
    // A value was bound, so its length fits.
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

impl Table {
    /// A page from the row that `paging_state` names, of `size` rows; all of them without a size.
    pub(super) fn page(&self, paging_state: Option<&[u8]>, size: Option<i32>) -> Rows {
        let first = paging_state.and_then(|state| <[u8; 8]>::try_from(state).ok());
        let first = first.map_or(0, u64::from_be_bytes);
        let first = usize::try_from(first).unwrap_or(usize::MAX).min(self.rows.len());
        let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
        let end = size.map_or(self.rows.len(), |size| first.saturating_add(size));
        let end = end.min(self.rows.len());
        let next = (end < self.rows.len()).then(|| (end as u64).to_be_bytes());
        let metadata = RowsMetadata {
            paging_state: next.map(|next| Bytes::copy_from_slice(&next)),
            ..RowsMetadata::new(Arc::clone(&self.columns))
        };
        let content = self.rows[first..end].concat().into();
        Rows { metadata, count: end - first, content }
    }
}
