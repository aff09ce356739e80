//! Replies of the server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::error_details::default_details;
use super::preparation::{Preparation, StatementMetadata};
use super::received_request::ReceivedRequest;
use super::table::{ReplyColumn, Table, column_specs};
use crate::message::{ErrorCode, ErrorDetails, Response, ResultMessage, ServerError};
use crate::types::{ColumnSpec, ToValues};

/// A reply of a [`MockServer`](super::MockServer) to a request.
///
/// A reply is one step, or a chain of steps built with [`then`](Self::then). Each request gets the
/// next step of the chain; after the end, every request gets the last step. Clones of a reply share
/// their position in the chain.
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
    /// Number of requests that this reply and its clones have answered.
    steps_taken: Arc<AtomicUsize>,
    variables: Vec<ColumnSpec>,
    preparation: Preparation,
}

/// The reply to one request.
#[derive(Debug, Clone)]
pub(super) struct ReplyStep {
    pub(super) action: Action,
    pub(super) delay: Duration,
    /// The conditions of [`Reply::when`], which must all be true.
    pub(super) conditions: Vec<Condition>,
}

/// The function passed to [`Reply::when`].
#[derive(Clone)]
pub(super) struct Condition(Arc<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").finish_non_exhaustive()
    }
}

/// Interval at which the condition of [`Reply::when`] is checked.
const CONDITION_INTERVAL: Duration = Duration::from_millis(1);

/// The server's action in response to one request.
#[derive(Debug, Clone)]
pub(super) enum Action {
    SendRows(Arc<Table>),
    SendResponse(Box<Response>),
    SendBytes(Bytes),
    SendNothing,
    CloseConnection,
    Compute(ComputeReply),
}

/// The function passed to [`Reply::computed`].
#[derive(Clone)]
pub(super) struct ComputeReply(Arc<dyn Fn(&ReceivedRequest) -> Reply + Send + Sync>);

impl fmt::Debug for ComputeReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComputeReply").finish_non_exhaustive()
    }
}

impl ReplyStep {
    /// Returns true if the reply has neither a delay nor a condition.
    pub(super) const fn is_immediate(&self) -> bool {
        self.delay.is_zero() && self.conditions.is_empty()
    }

    /// Waits until the delay has passed and all conditions are true.
    pub(super) async fn wait(&self) {
        tokio::time::sleep(self.delay).await;
        while !self.conditions.iter().all(|Condition(is_true)| is_true()) {
            tokio::time::sleep(CONDITION_INTERVAL).await;
        }
    }

    /// If the step is an `UNPREPARED` error without a statement id, sets the id to `statement_id`.
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

    /// Calls `compute` with the executed statement and its bound values, and replies with the reply
    /// that `compute` returns.
    ///
    /// The server calls `compute` each time the statement is executed. For a batch, it calls
    /// `compute` for each statement in turn, and stops at the first that fails. `compute` may keep
    /// state, for example the rows that were written:
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

    /// Replies with `self` to the first request and with `next` to all later ones. If `self` is
    /// already a chain, appends `next` to it. Each page that the client fetches and each retry counts
    /// as a request.
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
    /// Default: no delay. Called on a chain, delays only its last step.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.last.delay = delay;
        self
    }

    /// Delays the reply until `condition` returns true, so that a test decides when the response
    /// arrives. The server calls `condition` every millisecond while the connection is open, and replies
    /// to other requests of the connection in the meantime. Default: no condition. If there are several
    /// conditions, all must be true. Called on a chain, delays only its last step.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// use cqlwire::testing::Reply;
    ///
    /// let released = Arc::new(AtomicBool::new(false));
    /// let is_released = Arc::clone(&released);
    /// let held = Reply::void().when(move || is_released.load(Ordering::SeqCst));
    /// // Once the request is in flight:
    /// released.store(true, Ordering::SeqCst);
    /// # drop(held);
    /// ```
    #[must_use]
    pub fn when(mut self, condition: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.last.conditions.push(Condition(Arc::new(condition)));
        self
    }

    /// Sets the bind variables of the statement: the metadata that a client receives when it
    /// prepares the statement, and the types that [`ReceivedRequest::values`] decodes with.
    ///
    /// Default: in a chain, the variables of the first reply that has any. Otherwise, one variable of
    /// type `text` for each `?` in the statement.
    #[must_use]
    pub fn variables(
        mut self,
        variables: impl IntoIterator<Item = impl Into<ReplyColumn>>,
    ) -> Self {
        self.variables = column_specs(variables);
        self
    }

    fn new(action: Action) -> Self {
        let last = ReplyStep { action, delay: Duration::ZERO, conditions: Vec::new() };
        Self {
            steps: Vec::new(),
            last,
            steps_taken: Arc::default(),
            variables: Vec::new(),
            preparation: Preparation::Scripted,
        }
    }

    /// Replies to a statement that the server understood, with the reply that `compute` returns when
    /// the statement is executed.
    pub(super) fn understood(
        metadata: StatementMetadata,
        compute: impl Fn(&ReceivedRequest) -> Self + Send + Sync + 'static,
    ) -> Self {
        let preparation = Preparation::Understood(Arc::new(metadata));
        Self { preparation, ..Self::computed(compute) }
    }

    /// Replies with an error, also to the PREPARE of the statement.
    pub(super) fn refusal(error: ServerError) -> Self {
        Self { preparation: Preparation::Refused, ..Self::response(error) }
    }

    /// Returns the response to the PREPARE of the statement.
    pub(super) const fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// Returns the next step and advances the chain. `executed` is the statement that the request
    /// executes, or `None` for another kind of request.
    pub(super) fn next_step(&self, executed: Option<&ReceivedRequest>) -> ReplyStep {
        let index = self.steps_taken.fetch_add(1, Ordering::Relaxed);
        let step = self.steps.get(index).unwrap_or(&self.last).clone();
        let Action::Compute(ComputeReply(compute)) = &step.action else { return step };
        let Some(executed) = executed else {
            let message =
                "MockServer: Reply::computed replies only to statements that are executed";
            return Self::error(ErrorCode::Server, message).last;
        };
        let mut computed = compute(executed).next_step(Some(executed));
        computed.delay = step.delay.saturating_add(computed.delay);
        computed.conditions.extend(step.conditions);
        computed
    }

    /// Returns the bind variables of the statement `text`: those set for this reply, or by default
    /// one for each `?`.
    pub(super) fn variables_of(&self, text: &str) -> Vec<ColumnSpec> {
        if let Some(metadata) = self.preparation.metadata() {
            return metadata.variables.clone();
        }
        if !self.variables.is_empty() {
            return self.variables.clone();
        }
        let count = text.matches('?').count();
        (1..=count).map(|number| ReplyColumn::from(&*format!("v{number}")).into()).collect()
    }

    /// Returns the columns of the first step that sends rows, or `None` if no step does.
    pub(super) fn columns(&self) -> Option<Arc<[ColumnSpec]>> {
        if let Some(metadata) = self.preparation.metadata() {
            return Some(Arc::clone(&metadata.columns));
        }
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
