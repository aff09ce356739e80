//! Replies of the server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::received_request::ReceivedRequest;
use super::step::{Action, Condition, Extras, ReplyStep, Timing};
use super::table::{ReplyColumn, Table, column_specs};
use crate::message::{ErrorCode, Response, ResultMessage, ServerError};
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
    steps: Vec<Step>,
    last: Step,
    /// Number of requests that this reply and its clones have answered.
    steps_taken: Arc<AtomicUsize>,
    variables: Vec<ColumnSpec>,
    /// The columns set with [`columns`](Self::columns).
    columns: Option<Arc<[ColumnSpec]>>,
}

/// A step of a chain: the action, or the function that chooses it.
#[derive(Debug, Clone)]
struct Step {
    source: Source,
    timing: Timing,
    extras: Extras,
}

#[derive(Debug, Clone)]
enum Source {
    Action(Action),
    Compute(ComputeReply),
}

/// The function passed to [`Reply::computed`].
#[derive(Clone)]
struct ComputeReply(Arc<dyn Fn(&ReceivedRequest) -> Reply + Send + Sync>);

impl fmt::Debug for ComputeReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComputeReply").finish_non_exhaustive()
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
    /// `compute` for each statement in turn, and stops at the first that fails.
    ///
    /// If reads only have to return what was written, set no reply: the server executes the statements on
    /// its database. `compute` may read the values, and keep state of its own:
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
        Self::from_source(Source::Compute(ComputeReply(Arc::new(compute))))
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
        self.columns = self.columns.or(next.columns);
        self
    }

    /// Delays the reply. The server replies to other requests of the connection in the meantime.
    /// Default: no delay. Called on a chain, delays only its last step.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.last.timing.delay = delay;
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
        self.last.timing.conditions.push(Condition(Arc::new(condition)));
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

    /// Sets the columns that a client receives when it prepares the statement, for a reply whose rows
    /// are [computed](Self::computed). Default: the columns of the first step that sends
    /// [rows](Self::rows), or none.
    ///
    /// Some drivers decode rows with the columns of the PREPARE. The rows must then have the same
    /// columns.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = impl Into<ReplyColumn>>) -> Self {
        self.columns = Some(column_specs(columns).into());
        self
    }

    /// Adds a warning to the response. In v3, which has no warnings, the response is sent without it.
    /// Called on a chain, adds the warning only to its last step.
    #[must_use]
    pub fn warning(mut self, warning: &str) -> Self {
        self.last.extras.warnings.push(warning.to_owned());
        self
    }

    /// Adds an entry to the custom payload of the response. In v3, which has no custom payload, the
    /// response is sent without it. Called on a chain, adds the entry only to its last step.
    #[must_use]
    pub fn custom_payload(mut self, key: &str, value: impl Into<Bytes>) -> Self {
        self.last.extras.custom_payload.push((key.to_owned(), Some(value.into())));
        self
    }

    /// Sends this tracing id with the response, whether or not the client asks for tracing. Default: a
    /// new id for each request that asks for tracing, and none for other requests. Called on a chain,
    /// sets the id only of its last step.
    #[must_use]
    pub const fn tracing_id(mut self, id: Uuid) -> Self {
        self.last.extras.tracing_id = Some(id);
        self
    }

    fn new(action: Action) -> Self {
        Self::from_source(Source::Action(action))
    }

    fn from_source(source: Source) -> Self {
        let last = Step { source, timing: Timing::default(), extras: Extras::default() };
        Self {
            steps: Vec::new(),
            last,
            steps_taken: Arc::default(),
            variables: Vec::new(),
            columns: None,
        }
    }

    /// Returns true if a step needs the statement that a request executes.
    pub(super) fn is_computed(&self) -> bool {
        let mut steps = self.steps.iter().chain([&self.last]);
        steps.any(|step| matches!(step.source, Source::Compute(_)))
    }

    /// Returns the next step and advances the chain. `executed` is the statement that the request
    /// executes, or `None` for another kind of request.
    pub(super) fn next_step(&self, executed: Option<&ReceivedRequest>) -> ReplyStep {
        let index = self.steps_taken.fetch_add(1, Ordering::Relaxed);
        let Step { source, timing, extras } = self.steps.get(index).unwrap_or(&self.last).clone();
        let action = match (source, executed) {
            (Source::Action(action), _) => action,
            (Source::Compute(ComputeReply(compute)), Some(executed)) => {
                let mut computed = compute(executed).next_step(Some(executed));
                computed.timing.add(timing);
                computed.extras.add(extras);
                return computed;
            }
            (Source::Compute(_), None) => {
                let message =
                    "MockServer: Reply::computed replies only to statements that are executed";
                return ReplyStep::response(ServerError::new(ErrorCode::Server, message));
            }
        };
        ReplyStep { action, timing, extras }
    }

    /// Returns the bind variables of the statement `text`: those set for this reply, or by default
    /// one for each `?`.
    pub(super) fn variables_of(&self, text: &str) -> Vec<ColumnSpec> {
        if !self.variables.is_empty() {
            return self.variables.clone();
        }
        text_variables(text)
    }

    /// Returns the columns that the response to the PREPARE of the statement describes, or `None` if
    /// the statement returns no rows.
    pub(super) fn result_columns(&self) -> Option<Arc<[ColumnSpec]>> {
        let of_rows = |step: &Step| match &step.source {
            Source::Action(Action::SendRows(table)) => Some(Arc::clone(table.columns())),
            _ => None,
        };
        let steps = self.steps.iter().chain([&self.last]);
        self.columns.clone().or_else(|| steps.into_iter().find_map(of_rows))
    }
}

/// Returns one variable of type `text` for each `?` in a statement.
pub(super) fn text_variables(statement: &str) -> Vec<ColumnSpec> {
    let count = statement.matches('?').count();
    (1..=count).map(|number| ReplyColumn::from(&*format!("v{number}")).into()).collect()
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
