//! What the server says.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::Asked;
use crate::message::{
    ErrorCode, ErrorDetails, FailureReason, Failures, Response, ResultMessage, Rows, RowsMetadata,
    ServerError, WriteType,
};
use crate::types::{ColumnSpec, CqlType, NativeType, ToValues, ValuesBuffer};
use crate::wire::Consistency;

/// What the server answers.
///
/// A reply may have several turns, which are counted however often it is cloned:
///
/// ```
/// use cqlwire::message::ErrorCode;
/// use cqlwire::testing::Reply;
///
/// let fails_once = Reply::error(ErrorCode::ReadTimeout, "too slow").then(Reply::void());
/// ```
#[derive(Debug, Clone)]
pub struct Reply {
    /// The turns before the last.
    turns: Vec<Turn>,
    last: Turn,
    /// How many turns were taken.
    taken: Arc<AtomicUsize>,
    variables: Vec<ColumnSpec>,
}

/// What the server answers this time.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) what: What,
    pub(super) delay: Duration,
}

impl Turn {
    /// If it says that a statement is not prepared, and not which, it is the one of this id.
    pub(super) fn forgets(&mut self, statement: &Bytes) {
        if let What::Response(response) = &mut self.what
            && let Response::Error(error) = &mut **response
            && let ErrorDetails::Unprepared { id } = &mut error.details
            && id.is_empty()
        {
            id.clone_from(statement);
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Rows(Arc<Table>),
    Response(Box<Response>),
    Bytes(Bytes),
    Silence,
    Close,
    Computed(Compute),
}

/// What makes a reply to a statement.
#[derive(Clone)]
pub(super) struct Compute(Arc<dyn Fn(&Asked) -> Reply + Send + Sync>);

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compute").finish_non_exhaustive()
    }
}

/// Rows, encoded, from which pages are cut.
#[derive(Debug)]
pub(super) struct Table {
    columns: Arc<[ColumnSpec]>,
    rows: Vec<Bytes>,
}

/// A column of a reply: a name alone is `text`; otherwise a name and a type.
#[derive(Debug, Clone)]
pub struct ReplyColumn(pub(super) ColumnSpec);

/// The keyspace and the table of every column.
const KEYSPACE: &str = "test";
const TABLE: &str = "test";

impl From<&str> for ReplyColumn {
    fn from(name: &str) -> Self {
        Self::from((name, NativeType::Text))
    }
}

impl<T: Into<CqlType>> From<(&str, T)> for ReplyColumn {
    fn from((name, cql_type): (&str, T)) -> Self {
        Self(ColumnSpec::new(KEYSPACE, TABLE, name, cql_type))
    }
}

impl From<ColumnSpec> for ReplyColumn {
    fn from(column: ColumnSpec) -> Self {
        Self(column)
    }
}

impl Reply {
    /// Nothing: the statement was run.
    pub fn void() -> Self {
        Self::response(ResultMessage::Void)
    }

    /// Rows, as many a page as the client asks for.
    ///
    /// ```
    /// use cqlwire::testing::Reply;
    /// use cqlwire::types::NativeType;
    ///
    /// Reply::rows([("name", NativeType::Text), ("age", NativeType::Int)], [("ada", 36), ("bob", 7)]);
    /// ```
    ///
    /// # Panics
    /// A row does not go with the columns.
    #[must_use]
    pub fn rows(
        columns: impl IntoIterator<Item = impl Into<ReplyColumn>>,
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
    /// table are `test.test`; the id is that of the statement. For other fields there is
    /// [`response`](Self::response), with a [`ServerError`].
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
    pub fn silence() -> Self {
        Self::of(What::Silence)
    }

    /// The end of the connection.
    #[must_use]
    pub fn close() -> Self {
        Self::of(What::Close)
    }

    /// What `answer` says to a statement, whose values it may read. It is asked when the statement
    /// is run; of a batch, about one after the other until one fails. What `answer` keeps makes the
    /// server remember:
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::Mutex;
    ///
    /// use cqlwire::testing::Reply;
    /// use cqlwire::types::NativeType;
    ///
    /// let ages = Mutex::new(HashMap::from([("ada".to_owned(), 36)]));
    /// Reply::computed(move |asked| {
    ///     let (name,) = asked.values::<(&str,)>();
    ///     let age = ages.lock().unwrap().get(name).copied();
    ///     Reply::rows([("age", NativeType::Int)], age.map(|age| (age,)))
    /// })
    /// .variables(["name"]);
    /// ```
    ///
    /// If `answer` panics, the connection ends.
    #[must_use]
    pub fn computed(answer: impl Fn(&Asked) -> Self + Send + Sync + 'static) -> Self {
        Self::of(What::Computed(Compute(Arc::new(answer))))
    }

    /// This reply, and from the next time on `next`. Every page is a time, every attempt, too.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.turns.push(self.last);
        self.turns.extend(next.turns);
        self.last = next.last;
        // Clones that were made before go on by themselves.
        self.taken = Arc::default();
        if self.variables.is_empty() {
            self.variables = next.variables;
        }
        self
    }

    /// The same reply, after some time; requests behind it are answered meanwhile. Of several that
    /// come one [`then`](Self::then) the other, the last.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.last.delay = delay;
        self
    }

    /// What a client is told of the statement's variables when it prepares it, and the types as
    /// which its values are read. Default: those of the first of several replies that has some;
    /// else each `?` is a `text`.
    #[must_use]
    pub fn variables(
        mut self,
        variables: impl IntoIterator<Item = impl Into<ReplyColumn>>,
    ) -> Self {
        self.variables = specs(variables);
        self
    }

    fn of(what: What) -> Self {
        let last = Turn { what, delay: Duration::ZERO };
        Self { turns: Vec::new(), last, taken: Arc::default(), variables: Vec::new() }
    }

    /// Takes the next turn, at a statement if it is one.
    pub(super) fn take(&self, asked: Option<&Asked>) -> Turn {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let mut turn = self.turns.get(taken).unwrap_or(&self.last).clone();
        if let What::Computed(Compute(compute)) = &turn.what {
            let Some(asked) = asked else {
                let message = "Reply::computed answers only statements that are run";
                return Self::error(ErrorCode::Server, message).last;
            };
            let computed = compute(asked).take(Some(asked));
            let delay = turn.delay.saturating_add(computed.delay);
            turn = Turn { delay, ..computed };
        }
        if let Some(asked) = asked {
            turn.forgets(&asked.id);
        }
        turn
    }

    /// The variables of the statement, whose text this is.
    pub(super) fn variables_of(&self, text: &str) -> Vec<ColumnSpec> {
        if !self.variables.is_empty() {
            return self.variables.clone();
        }
        let count = text.matches('?').count();
        (1..=count).map(|number| ReplyColumn::from(&*format!("v{number}")).0).collect()
    }

    /// The columns of the rows that it gives sometime, as far as they are known.
    pub(super) fn columns(&self) -> Option<Arc<[ColumnSpec]>> {
        self.turns.iter().chain([&self.last]).find_map(|turn| match &turn.what {
            What::Rows(table) => Some(Arc::clone(&table.columns)),
            _ => None,
        })
    }
}

impl From<ResultMessage> for Reply {
    fn from(result: ResultMessage) -> Self {
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

fn specs(columns: impl IntoIterator<Item = impl Into<ReplyColumn>>) -> Vec<ColumnSpec> {
    columns.into_iter().map(|column| column.into().0).collect()
}

/// A value as it stands in a row.
pub(super) fn cell(value: crate::types::NamedValue<'_>) -> Vec<u8> {
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
