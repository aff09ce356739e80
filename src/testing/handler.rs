//! Chooses the reply to each request.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

use super::engine::{Call, Engine};
use super::fault::{FaultEffect, FaultTarget};
use super::handshake::handshake_reply;
use super::prepared::{PreparedStatement, result_metadata_id};
use super::received_request::ReceivedRequest;
use super::reply::{Reply, text_variables};
use super::rows_response::rows_response;
use super::script::Script;
use super::state::ServerState;
use super::step::{Action, ReplyStep};
use super::tracing::TraceStart;
use crate::message::{
    BatchKind, BatchStatement, BatchText, ErrorCode, ErrorDetails, Parameters, Prepare,
    PreparedResult, Ready, Request, RequestFrame, ResultMessage, RowsMetadata, ServerError,
    Variables,
};
use crate::store::Prepared;
use crate::types::{ColumnSpec, NamedValue};
use crate::wire::Context;

/// The connection that a request arrived on.
#[derive(Debug)]
pub(super) struct Source {
    /// The number of the connection.
    pub(super) number: u64,
    /// The address of the client.
    pub(super) client: IpAddr,
    /// The keyspace that USE has set.
    pub(super) keyspace: Option<String>,
}

/// Chooses the reply to one request.
pub(super) struct Handler<'h> {
    pub(super) state: &'h ServerState,
    pub(super) script: &'h Script,
    pub(super) source: &'h Source,
    pub(super) context: &'h Context,
}

/// The statements that a request executes, or an `UNPREPARED` error if the request names an unknown
/// statement id.
type Executed<'r> = Result<Vec<ExecutedStatement<'r>>, Box<ServerError>>;

/// A statement that a request executes.
struct ExecutedStatement<'r> {
    received: ReceivedRequest,
    target: Target,
    values: Vec<NamedValue<'r>>,
    now_in_seconds: Option<i32>,
}

/// The part of the server that replies to a statement.
enum Target {
    Script(Box<Reply>),
    /// The store, which has prepared the statement or refused it.
    Store(Result<Arc<Prepared>, ServerError>),
}

impl Target {
    /// Returns the bind variables of the statement `text`.
    fn variables(&self, text: &str) -> Vec<ColumnSpec> {
        match self {
            Self::Script(reply) => reply.variables_of(text),
            Self::Store(Ok(prepared)) => prepared.variables().to_vec(),
            Self::Store(Err(_)) => text_variables(text),
        }
    }
}

impl ExecutedStatement<'_> {
    fn call(&self) -> Call<'_> {
        let (values, now_in_seconds) = (self.values.clone(), self.now_in_seconds);
        Call { request: &self.received, values, now_in_seconds }
    }
}

/// Returns the first statement as the server received it.
fn first_received<'e>(executed: &'e Executed<'_>) -> Option<&'e ReceivedRequest> {
    executed.as_ref().ok()?.first().map(|statement| &statement.received)
}

impl Handler<'_> {
    /// Returns the reply to a request. If the reply is rows, returns only the requested page.
    pub(super) fn handle(&self, frame: &RequestFrame<'_>) -> ReplyStep {
        // Most handlers need no statement, and a statement that they reply to may be no CQL.
        let batch: LazyCell<Vec<_>, _> = LazyCell::new(|| match &frame.request {
            Request::Batch(batch) => batch.statements.iter().collect(),
            _ => Vec::new(),
        });
        let executed = LazyCell::new(|| self.executed_statements(&frame.request, &batch));
        let trace = frame.tracing.then(|| {
            TraceStart::new(self.source.client, &frame.request, first_received(&executed))
        });
        let mut step = match self.fault(&frame.request, &executed) {
            Some(FaultEffect::Reply(reply)) => self.faulty_reply(&reply, frame, &executed),
            Some(FaultEffect::ReplyAfterExecution(reply)) => {
                let _replaced = self.reply(frame, &executed);
                next_step(&reply, first_received(&executed), statement_id(&frame.request))
            }
            Some(FaultEffect::RefuseVersion(version)) => Action::RefuseVersion(version).into(),
            Some(FaultEffect::Delay(delay)) => {
                let mut step = self.reply(frame, &executed);
                step.timing.delay = step.timing.delay.saturating_add(delay);
                step
            }
            None => self.reply(frame, &executed),
        };
        if let Action::SendRows(table) = &step.action {
            let prepared = match &frame.request {
                Request::Execute(execute) => self.state.prepared().get(&execute.id),
                _ => None,
            };
            let rows = rows_response(table, &frame.request, prepared.as_deref(), self.context);
            step.action = Action::SendResponse(Box::new(ResultMessage::Rows(rows).into()));
        }
        if let Some(trace) = trace {
            let tables = &self.script.system_tables;
            let new_id = || tables.shared.new_time_uuid();
            let id = *step.extras.tracing_id.get_or_insert_with(new_id);
            trace.finish(id, tables.own.address, step.timing.delay, &tables.shared);
        }
        step
    }

    /// Returns the effect of the fault that applies to a request, if there is one.
    fn fault<'r>(
        &self,
        request: &Request<'_>,
        executed: &impl Deref<Target = Executed<'r>>,
    ) -> Option<FaultEffect> {
        let mut faults = self.state.faults();
        if faults.is_empty() {
            return None;
        }
        let statements = match (request, &**executed) {
            (Request::Prepare(prepare), _) => vec![&*prepare.text],
            (_, Ok(executed)) => executed.iter().map(|executed| &*executed.received.text).collect(),
            (_, Err(_)) => Vec::new(),
        };
        let is_internal = !statements.is_empty()
            && statements.iter().all(|statement| self.script.is_internal(statement));
        faults.apply(&FaultTarget {
            connection: self.source.number,
            version: self.context.version,
            opcode: request.opcode(),
            statements,
            is_internal,
        })
    }

    /// Records the statements as received and returns the reply of a fault.
    fn faulty_reply(
        &self,
        reply: &Reply,
        frame: &RequestFrame<'_>,
        executed: &Executed<'_>,
    ) -> ReplyStep {
        self.record(executed.as_deref().unwrap_or_default());
        let first = first_received(executed);
        next_step(reply, first, statement_id(&frame.request))
    }

    fn reply<'r>(
        &self,
        frame: &RequestFrame<'_>,
        executed: &impl Deref<Target = Executed<'r>>,
    ) -> ReplyStep {
        let request = &frame.request;
        let handled = self.script.request_handlers.iter().find_map(|handler| handler(frame));
        if let Some(reply) = handled.or_else(|| handshake_reply(self.script, request)) {
            let first = if reply.is_computed() { first_received(executed) } else { None };
            return next_step(&reply, first, statement_id(request));
        }
        match (request, &**executed) {
            (Request::Register(_), _) => ReplyStep::response(Ready),
            (Request::Prepare(prepare), _) => self.prepare(prepare),
            (Request::Query(_) | Request::Execute(_), Ok(executed)) => self.execute(executed),
            (Request::Batch(batch), Ok(executed)) => self.execute_batch(batch.kind, executed),
            (_, Err(unprepared)) => ReplyStep::response((**unprepared).clone()),
            (request, _) => {
                let message = format!("MockServer did not expect {}", request.opcode());
                ReplyStep::response(ServerError::new(ErrorCode::Protocol, message))
            }
        }
    }

    /// Returns the statements that a request executes. `statements` are those of a batch.
    fn executed_statements<'r>(
        &self,
        request: &'r Request<'_>,
        statements: &'r [BatchStatement<'_>],
    ) -> Executed<'r> {
        match request {
            Request::Query(query) => {
                let values = query.parameters.values.iter().collect();
                Ok(vec![self.executed_text(&query.text, &query.parameters, values)])
            }
            Request::Execute(execute) => {
                let values = execute.parameters.values.iter().collect();
                Ok(vec![self.executed_prepared(&execute.id, &execute.parameters, values)?])
            }
            Request::Batch(batch) => statements
                .iter()
                .map(|statement| {
                    let parameters = Parameters {
                        values: statement.values.borrowed(),
                        serial_consistency: batch.serial_consistency,
                        timestamp: batch.timestamp,
                        keyspace: batch.keyspace.clone(),
                        now_in_seconds: batch.now_in_seconds,
                        ..batch.consistency.into()
                    };
                    let values = statement.values.iter().collect();
                    match &statement.text {
                        BatchText::Text(text) => Ok(self.executed_text(text, &parameters, values)),
                        BatchText::Prepared(id) => self.executed_prepared(id, &parameters, values),
                    }
                })
                .collect(),
            _ => Ok(Vec::new()),
        }
    }

    /// Returns a statement that was sent as text.
    fn executed_text<'v>(
        &self,
        text: &str,
        parameters: &Parameters<'_>,
        values: Vec<NamedValue<'v>>,
    ) -> ExecutedStatement<'v> {
        let target = self.target(text, self.keyspace(parameters.keyspace.as_deref()), None);
        self.executed((text, &[]), target, parameters, values)
    }

    /// Returns a prepared statement.
    fn executed_prepared<'v>(
        &self,
        id: &[u8],
        parameters: &Parameters<'_>,
        values: Vec<NamedValue<'v>>,
    ) -> Result<ExecutedStatement<'v>, Box<ServerError>> {
        let known = self.prepared_statement(id)?;
        let target = self.target(&known.text, known.keyspace.as_deref(), known.prepared.clone());
        Ok(self.executed((&known.text, id), target, parameters, values))
    }

    fn executed<'v>(
        &self,
        (text, id): (&str, &[u8]),
        target: Target,
        parameters: &Parameters<'_>,
        values: Vec<NamedValue<'v>>,
    ) -> ExecutedStatement<'v> {
        let source = (self.source.number, self.source.keyspace.as_deref());
        let variables = target.variables(text);
        let received = ReceivedRequest::new((text.to_owned(), id), source, parameters, &variables);
        ExecutedStatement { received, target, values, now_in_seconds: parameters.now_in_seconds }
    }

    /// Returns the keyspace that applies to a request: its own, or that of the connection.
    fn keyspace<'k>(&'k self, of_request: Option<&'k str>) -> Option<&'k str> {
        of_request.or(self.source.keyspace.as_deref())
    }

    /// Returns the part of the server that replies to a statement. `prepared` is the statement as the
    /// store has prepared it before.
    fn target(
        &self,
        text: &str,
        keyspace: Option<&str>,
        prepared: Option<Arc<Prepared>>,
    ) -> Target {
        match (self.script.find_reply(text), prepared) {
            (Some(reply), _) => Target::Script(Box::new(reply)),
            (None, Some(prepared)) => Target::Store(Ok(prepared)),
            (None, None) => Target::Store(self.engine().prepare(text, keyspace)),
        }
    }

    fn engine(&self) -> Engine<'_> {
        Engine { tables: &self.script.system_tables }
    }

    fn prepared_statement(&self, id: &[u8]) -> Result<Arc<PreparedStatement>, Box<ServerError>> {
        self.state.prepared().get(id).ok_or_else(|| unprepared_error(id))
    }

    /// Records the statements of callers as received, without those that read system tables.
    fn record(&self, statements: &[ExecutedStatement<'_>]) {
        let received = statements.iter().map(|statement| &statement.received);
        let from_caller = received.filter(|received| !self.script.is_internal(&received.text));
        let mut journal = self.state.journal();
        journal.extend(from_caller.clone().cloned());
        let observers = journal.observers();
        drop(journal);
        for statement in from_caller.filter(|_| !observers.is_empty()) {
            observers.iter().for_each(|observe| observe(statement));
        }
    }

    /// Records a statement as received and returns the reply to it.
    fn execute(&self, statements: &[ExecutedStatement<'_>]) -> ReplyStep {
        self.record(statements);
        let Some(statement) = statements.first() else {
            return ReplyStep::response(ResultMessage::Void);
        };
        match &statement.target {
            Target::Script(reply) => scripted_step(reply, statement),
            Target::Store(Ok(prepared)) => self.engine().execute(prepared, &statement.call()),
            Target::Store(Err(error)) => ReplyStep::response(error.clone()),
        }
    }

    /// Records the statements as received and returns the reply to a batch: the first reply of the
    /// script that is not a result, or else the result of the statements that the store executes.
    fn execute_batch(&self, kind: BatchKind, statements: &[ExecutedStatement<'_>]) -> ReplyStep {
        self.record(statements);
        let mut of_store = Vec::new();
        for statement in statements {
            match &statement.target {
                Target::Script(reply) => {
                    let step = scripted_step(reply, statement);
                    if !step.is_result() {
                        return step;
                    }
                }
                Target::Store(Ok(prepared)) => {
                    of_store.push((Arc::clone(prepared), statement.call()));
                }
                Target::Store(Err(error)) => return ReplyStep::response(error.clone()),
            }
        }
        self.engine().execute_batch(kind, &of_store)
    }

    /// Prepares a statement and returns the reply to the PREPARE. If the store refuses the statement, it
    /// is prepared only if there are request handlers: a handler may reply when the statement is
    /// executed.
    fn prepare(&self, prepare: &Prepare<'_>) -> ReplyStep {
        let text = &*prepare.text;
        let keyspace = self.keyspace(prepare.keyspace.as_deref());
        let target = self.target(text, keyspace, None);
        let (columns, partition_key) = match &target {
            Target::Script(reply) => (reply.result_columns(), Vec::new()),
            Target::Store(Ok(prepared)) => {
                let columns = Some(prepared.columns()).filter(|columns| !columns.is_empty());
                (columns.map(Arc::from), prepared.partition_key().to_vec())
            }
            Target::Store(Err(error)) if self.script.request_handlers.is_empty() => {
                return ReplyStep::response(error.clone());
            }
            Target::Store(Err(_)) => (None, Vec::new()),
        };
        let variables = target.variables(text).into();
        let prepared = match target {
            Target::Store(prepared) => prepared.ok(),
            Target::Script(_) => None,
        };
        let id = self.state.prepared().insert(PreparedStatement {
            text: text.to_owned(),
            keyspace: keyspace.map(str::to_owned),
            columns: columns.clone(),
            prepared,
        });
        let prepared = PreparedResult {
            id,
            result_metadata_id: Some(result_metadata_id(columns.as_deref().unwrap_or_default())),
            variables: Variables {
                columns: variables,
                partition_key,
                other_flags: Default::default(),
            },
            result: columns.map_or_else(RowsMetadata::none, RowsMetadata::new),
        };
        ReplyStep::response(ResultMessage::Prepared(prepared))
    }
}

/// Returns the next step of the reply to a statement.
fn scripted_step(reply: &Reply, statement: &ExecutedStatement<'_>) -> ReplyStep {
    next_step(reply, Some(&statement.received), &statement.received.statement_id)
}

/// Returns the next step of `reply` and advances the chain. If the step is an `UNPREPARED` error
/// without a statement id, sets the id to `statement_id`.
fn next_step(reply: &Reply, executed: Option<&ReceivedRequest>, statement_id: &[u8]) -> ReplyStep {
    let mut step = reply.next_step(executed);
    step.set_unprepared_id(statement_id);
    step
}

/// Returns the id of the prepared statement that a request executes; for a batch, the id of its first
/// statement. The id is empty if the statement was sent as text, or if the request is of another kind.
fn statement_id<'r>(request: &'r Request<'_>) -> &'r [u8] {
    let of_batch = match request {
        Request::Execute(execute) => return &execute.id,
        Request::Batch(batch) => batch.statements.iter().next(),
        _ => None,
    };
    match of_batch.map(|first| first.text) {
        Some(BatchText::Prepared(Cow::Borrowed(id))) => id,
        _ => &[],
    }
}

fn unprepared_error(id: &[u8]) -> Box<ServerError> {
    let hex = base16ct::lower::encode_string(id);
    Box::new(ServerError {
        code: ErrorCode::Unprepared,
        message: format!(
            "Prepared query with ID {hex} not found (either the query was not prepared on this host \
             (maybe the host has been restarted?) or you have prepared too many queries and it has \
             been evicted from the internal cache)"
        ),
        details: ErrorDetails::Unprepared { id: Bytes::copy_from_slice(id) },
    })
}
