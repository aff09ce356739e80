//! Replies of the server.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::received_request::ReceivedRequest;
use super::table::{KEYSPACE, ReplyColumn, TABLE, Table, column_specs};
use crate::message::{
    ErrorCode, ErrorDetails, FailureReason, Failures, Response, ResultMessage, ServerError,
    WriteType,
};
use crate::types::{ColumnSpec, ToValues};
use crate::wire::Consistency;

/// A reply of a [`MockServer`](super::MockServer) to a request.
///
/// A reply is one step, or several steps that [`then`](Self::then) chains. Each request takes the
/// next step; the last step repeats. Clones of a reply share their position in the chain.
///
/// ```
/// use cqlwire::message::ErrorCode;
/// use cqlwire::testing::Reply;
///
/// let fails_once = Reply::error(ErrorCode::ReadTimeout, "too slow").then(Reply::void());
/// ```
#[derive(Debug, Clone)]
pub struct Reply {
    /// The steps before the last one.
    steps: Vec<ReplyStep>,
    last: ReplyStep,
    /// Number of steps that requests have taken.
    steps_taken: Arc<AtomicUsize>,
    variables: Vec<ColumnSpec>,
}

/// The reply to one request.
#[derive(Debug, Clone)]
pub(super) struct ReplyStep {
    pub(super) action: Action,
    pub(super) delay: Duration,
}

/// The action of the server on one request.
#[derive(Debug, Clone)]
pub(super) enum Action {
    SendRows(Arc<Table>),
    SendResponse(Box<Response>),
    SendBytes(Bytes),
    SendNothing,
    CloseConnection,
    Compute(ComputeReply),
}

/// The function of [`Reply::computed`].
#[derive(Clone)]
pub(super) struct ComputeReply(Arc<dyn Fn(&ReceivedRequest) -> Reply + Send + Sync>);

impl fmt::Debug for ComputeReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComputeReply").finish_non_exhaustive()
    }
}

impl ReplyStep {
    /// Sets the statement id of an `UNPREPARED` error that has none.
    pub(super) fn set_unprepared_id(&mut self, statement_id: &[u8]) {
        if let Action::SendResponse(response) = &mut self.action
            && let Response::Error(error) = &mut **response
            && let ErrorDetails::Unprepared { id } = &mut error.details
            && id.is_empty()
        {
            *id = Bytes::copy_from_slice(statement_id);
        }
    }
}

impl Reply {
    /// Replies with a result without rows, as for a write.
    pub fn void() -> Self {
        Self::response(ResultMessage::Void)
    }

    /// Replies with rows. The server splits them into pages of the size that the client requests.
    ///
    /// A column is a name (type `text`), or a name and a type. A row is a tuple, an array, a `Vec`
    /// of [`Value`](crate::types::Value)s, or anything else that implements [`ToValues`].
    ///
    /// ```
    /// use cqlwire::testing::Reply;
    /// use cqlwire::types::NativeType;
    ///
    /// Reply::rows([("name", NativeType::Text), ("age", NativeType::Int)], [("ada", 36), ("bob", 7)]);
    /// ```
    ///
    /// # Panics
    /// Panics if a row does not fit the columns.
    #[must_use]
    pub fn rows(
        columns: impl IntoIterator<Item = impl Into<ReplyColumn>>,
        rows: impl IntoIterator<Item = impl ToValues>,
    ) -> Self {
        Self::new(Action::SendRows(Arc::new(Table::new(column_specs(columns), rows))))
    }

    /// Replies with an ERROR of this code and message.
    ///
    /// Error codes with further fields get these values:
    ///
    /// | field | value |
    /// |---|---|
    /// | consistency | `LOCAL_QUORUM`; `SERIAL` for `CAS_WRITE_UNKNOWN` |
    /// | replicas required | 2 |
    /// | replicas alive, or responses received | 1 |
    /// | data present | false |
    /// | replicas failed | 1 |
    /// | write type | `SIMPLE` |
    /// | table, function | `test.test` |
    /// | statement id of `UNPREPARED` | the id of the executed statement |
    ///
    /// For other values, pass a [`ServerError`] to [`response`](Self::response).
    #[must_use]
    pub fn error(code: ErrorCode, message: &str) -> Self {
        let (message, details) = (message.to_owned(), default_details(code));
        Self::response(ServerError { code, message, details })
    }

    /// Replies with any response message.
    #[must_use]
    pub fn response(response: impl Into<Response>) -> Self {
        Self::new(Action::SendResponse(Box::new(response.into())))
    }

    /// Sends raw bytes in place of a frame, to test how a client handles malformed input.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(Action::SendBytes(bytes.into()))
    }

    /// Sends no response, to test timeouts. The connection stays open.
    #[must_use]
    pub fn silence() -> Self {
        Self::new(Action::SendNothing)
    }

    /// Sends no response, and closes the connection.
    #[must_use]
    pub fn close() -> Self {
        Self::new(Action::CloseConnection)
    }

    /// Replies with what `compute` returns for the executed statement, whose values it can read.
    ///
    /// The server calls `compute` each time the statement is executed. For a batch it calls it once
    /// per statement, until a statement fails. `compute` may keep state, so that the server
    /// remembers what was written:
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::Mutex;
    ///
    /// use cqlwire::testing::Reply;
    /// use cqlwire::types::NativeType;
    ///
    /// let ages = Mutex::new(HashMap::from([("ada".to_owned(), 36)]));
    /// Reply::computed(move |request| {
    ///     let (name,) = request.values::<(&str,)>();
    ///     let age = ages.lock().unwrap().get(name).copied();
    ///     Reply::rows([("age", NativeType::Int)], age.map(|age| (age,)))
    /// })
    /// .variables(["name"]);
    /// ```
    ///
    /// If `compute` panics, the server closes the connection.
    #[must_use]
    pub fn computed(compute: impl Fn(&ReceivedRequest) -> Self + Send + Sync + 'static) -> Self {
        Self::new(Action::Compute(ComputeReply(Arc::new(compute))))
    }

    /// Replies with `self` to the first request and with `next` to all later ones. Each page and
    /// each retry is a request of its own.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.steps.push(self.last);
        self.steps.extend(next.steps);
        self.last = next.last;
        // Clones made earlier keep their own position.
        self.steps_taken = Arc::default();
        if self.variables.is_empty() {
            self.variables = next.variables;
        }
        self
    }

    /// Delays the reply. The server replies to other requests of the connection in the meantime.
    /// Default: no delay. In a chain of replies, applies to the last one.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.last.delay = delay;
        self
    }

    /// Sets the bind variables of the statement: the metadata that a client receives when it
    /// prepares the statement, and the types that [`ReceivedRequest::values`] decodes with.
    ///
    /// Default: the variables of the first reply in the chain that has some, or else one `text` per
    /// `?` in the statement.
    #[must_use]
    pub fn variables(
        mut self,
        variables: impl IntoIterator<Item = impl Into<ReplyColumn>>,
    ) -> Self {
        self.variables = column_specs(variables);
        self
    }

    fn new(action: Action) -> Self {
        let last = ReplyStep { action, delay: Duration::ZERO };
        Self { steps: Vec::new(), last, steps_taken: Arc::default(), variables: Vec::new() }
    }

    /// Takes the next step. `executed` is the statement, if the request executes one.
    pub(super) fn next_step(&self, executed: Option<&ReceivedRequest>) -> ReplyStep {
        let index = self.steps_taken.fetch_add(1, Ordering::Relaxed);
        let step = self.steps.get(index).unwrap_or(&self.last).clone();
        let Action::Compute(ComputeReply(compute)) = &step.action else { return step };
        let Some(executed) = executed else {
            let message =
                "MockServer: Reply::computed replies only to statements that are executed";
            return Self::error(ErrorCode::Server, message).last;
        };
        let computed = compute(executed).next_step(Some(executed));
        ReplyStep { delay: step.delay.saturating_add(computed.delay), ..computed }
    }

    /// Returns the bind variables of the statement `text`.
    pub(super) fn variables_of(&self, text: &str) -> Vec<ColumnSpec> {
        if !self.variables.is_empty() {
            return self.variables.clone();
        }
        let count = text.matches('?').count();
        (1..=count).map(|number| ReplyColumn::from(&*format!("v{number}")).into()).collect()
    }

    /// Returns the columns of the first step that has rows, or `None` if no step has.
    pub(super) fn columns(&self) -> Option<Arc<[ColumnSpec]>> {
        self.steps.iter().chain([&self.last]).find_map(|step| match &step.action {
            Action::SendRows(table) => Some(Arc::clone(table.columns())),
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

/// Returns the fields that [`Reply::error`] documents.
fn default_details(code: ErrorCode) -> ErrorDetails {
    let consistency = Consistency::LocalQuorum;
    let (received, block_for, data_present) = (1, 2, false);
    // v3 and v4 encode only the number of reasons.
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
