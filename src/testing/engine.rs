//! The execution of statements on the store.

use std::sync::Arc;
use std::time::Duration;

use super::describe::describe;
use super::received_request::ReceivedRequest;
use super::step::{Action, ReplyStep};
use super::system_tables::SystemTables;
use super::table::Table;
use crate::cql::Statement;
use crate::environment::time_since_1970;
use crate::message::{BatchKind, ErrorCode, ResultMessage, ServerError};
use crate::store::{BatchEntry, Execution, Outcome, PageRequest, Prepared};
use crate::types::NamedValue;

/// The store of a cluster, as one of its nodes uses it.
pub(super) struct Engine<'e> {
    pub(super) tables: &'e SystemTables,
}

/// The values and the attributes of a statement that is executed.
pub(super) struct Call<'c> {
    pub(super) request: &'c ReceivedRequest,
    pub(super) values: Vec<NamedValue<'c>>,
    /// The time of a v5 request, in seconds since 1970.
    pub(super) now_in_seconds: Option<i32>,
}

impl Engine<'_> {
    /// Prepares a statement. `keyspace` is the keyspace that applies to it.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns to PREPARE.
    pub(super) fn prepare(
        &self,
        text: &str,
        keyspace: Option<&str>,
    ) -> Result<Arc<Prepared>, ServerError> {
        self.tables.shared.store().prepare(text, keyspace, self.tables).map(Arc::new)
    }

    /// Executes a statement, and returns the reply.
    pub(super) fn execute(&self, prepared: &Prepared, call: &Call<'_>) -> ReplyStep {
        if let Statement::Describe(statement) = prepared.statement() {
            let keyspace = call.request.keyspace.as_deref();
            let store = self.tables.shared.store();
            return match describe(statement, keyspace, self.tables, store.schema()) {
                Ok(table) => Action::SendRows(Arc::new(table)).into(),
                Err(error) => ReplyStep::response(error),
            };
        }
        let page = PageRequest {
            size: call.request.page_size,
            state: call.request.paging_state.as_deref(),
        };
        let execution = Execution { page, values: call.values.clone(), ..execution(call) };
        let outcome = self.tables.shared.store().execute(prepared, &execution, self.tables);
        self.reply(outcome, prepared.is_conditional())
    }

    /// Executes the statements of a batch, which are applied together or not at all.
    pub(super) fn execute_batch(
        &self,
        kind: BatchKind,
        statements: &[(Arc<Prepared>, Call<'_>)],
    ) -> ReplyStep {
        let Some((_, first)) = statements.first() else {
            return ReplyStep::response(ResultMessage::Void);
        };
        let entries: Vec<_> = statements
            .iter()
            .map(|(prepared, call)| BatchEntry { prepared, values: call.values.clone() })
            .collect();
        let execution = execution(first);
        let mut store = self.tables.shared.store();
        let outcome = store.execute_batch(kind, &entries, &execution, self.tables);
        drop(store);
        self.reply(outcome, true)
    }

    /// Returns the reply to a statement, and announces a change of the schema.
    fn reply(&self, outcome: Result<Outcome, ServerError>, is_conditional: bool) -> ReplyStep {
        match outcome {
            Err(error) => ReplyStep::response(error),
            Ok(Outcome::Void) => ReplyStep::response(ResultMessage::Void),
            Ok(Outcome::SetKeyspace(keyspace)) => {
                ReplyStep::response(ResultMessage::SetKeyspace(keyspace))
            }
            Ok(Outcome::SchemaChange(change)) => {
                self.tables.shared.announce(change.clone());
                ReplyStep::response(ResultMessage::SchemaChange(change))
            }
            Ok(Outcome::Rows { columns, rows, paging_state, warnings }) => {
                match Table::encode(columns, rows) {
                    Ok(table) => {
                        let table = table.into_page(paging_state, is_conditional);
                        let mut step = ReplyStep::from(Action::SendRows(Arc::new(table)));
                        step.extras.warnings = warnings;
                        step
                    }
                    Err(error) => {
                        let message = format!("MockServer cannot encode a row: {error}");
                        ReplyStep::response(ServerError::new(ErrorCode::Server, message))
                    }
                }
            }
        }
    }
}

/// Returns the times and the timestamp of an execution, without values.
fn execution<'e>(call: &Call<'_>) -> Execution<'e> {
    Execution {
        now: microseconds(time_since_1970()),
        now_in_seconds: call.now_in_seconds,
        timestamp: call.request.timestamp,
        ..Default::default()
    }
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
