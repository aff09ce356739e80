//! The server's action in response to one request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::table::Table;
use crate::message::{ErrorDetails, Response};
use crate::wire::{BytesMap, Version};

/// The reply to one request.
#[derive(Debug, Clone)]
pub(super) struct ReplyStep {
    pub(super) action: Action,
    pub(super) timing: Timing,
    pub(super) extras: Extras,
}

/// The server's action in response to one request.
#[derive(Debug, Clone)]
pub(super) enum Action {
    SendRows(Arc<Table>),
    SendResponse(Box<Response>),
    SendBytes(Bytes),
    SendNothing,
    CloseConnection,
    /// Refuses this version, which is the version of the request.
    RefuseVersion(Version),
}

/// The time at which a reply is sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Timing {
    pub(super) delay: Duration,
    /// The conditions of [`Reply::when`](super::Reply::when), which must all be true.
    pub(super) conditions: Vec<Condition>,
}

/// The parts of a response that stand before its message.
#[derive(Debug, Clone, Default)]
pub(super) struct Extras {
    pub(super) tracing_id: Option<Uuid>,
    pub(super) warnings: Vec<String>,
    pub(super) custom_payload: BytesMap,
}

/// The function passed to [`Reply::when`](super::Reply::when).
#[derive(Clone)]
pub(super) struct Condition(pub(super) Arc<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").finish_non_exhaustive()
    }
}

/// Interval at which the condition of [`Reply::when`](super::Reply::when) is checked.
const CONDITION_INTERVAL: Duration = Duration::from_millis(1);

impl Timing {
    /// Returns true if there is neither a delay nor a condition.
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

    /// Waits for both times, one after the other.
    pub(super) fn add(&mut self, other: Self) {
        self.delay = self.delay.saturating_add(other.delay);
        self.conditions.extend(other.conditions);
    }
}

impl Extras {
    /// Adds the warnings and the payload of `other`. Keeps the tracing id, if there is one.
    pub(super) fn add(&mut self, other: Self) {
        self.tracing_id = self.tracing_id.or(other.tracing_id);
        self.warnings.extend(other.warnings);
        self.custom_payload.extend(other.custom_payload);
    }
}

impl From<Action> for ReplyStep {
    fn from(action: Action) -> Self {
        Self { action, timing: Timing::default(), extras: Extras::default() }
    }
}

impl ReplyStep {
    /// Returns a step that sends `response` at once.
    pub(super) fn response(response: impl Into<Response>) -> Self {
        Action::SendResponse(Box::new(response.into())).into()
    }

    /// Returns true if the step sends a result, and not an error, for example.
    pub(super) const fn is_result(&self) -> bool {
        match &self.action {
            Action::SendRows(_) => true,
            Action::SendResponse(response) => matches!(**response, Response::Result(_)),
            _ => false,
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
