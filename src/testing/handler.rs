//! Chooses the reply to each request.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::fault::{FaultEffect, FaultTarget};
use super::handshake::handshake_reply;
use super::preparation::Preparation;
use super::prepared::{PreparedStatement, result_metadata_id};
use super::received_request::ReceivedRequest;
use super::reply::Reply;
use super::rows_response::rows_response;
use super::script::{Script, no_reply_error};
use super::state::ServerState;
use super::step::{Action, ReplyStep};
use super::tracing::TraceStart;
use crate::message::{
    BatchText, ErrorCode, ErrorDetails, Parameters, Prepare, PreparedResult, Ready, Request,
    RequestFrame, ResultMessage, RowsMetadata, ServerError, Variables,
};
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
type Executed = Result<Vec<ReceivedRequest>, Box<ServerError>>;

impl Handler<'_> {
    /// Returns the reply to a request. If the reply is rows, returns only the requested page.
    pub(super) fn handle(&self, frame: &RequestFrame<'_>) -> ReplyStep {
        let executed = self.executed_statements(&frame.request);
        let trace = frame.tracing.then(|| {
            let executed = executed.as_deref().unwrap_or_default();
            TraceStart::new(self.source.client, &frame.request, executed)
        });
        let mut step = match self.fault(&frame.request, &executed) {
            Some(FaultEffect::Reply(reply)) => self.faulty_reply(&reply, frame, &executed),
            Some(FaultEffect::RefuseVersion(version)) => Action::RefuseVersion(version).into(),
            Some(FaultEffect::Delay(delay)) => {
                let mut step = self.reply(frame, executed);
                step.timing.delay = step.timing.delay.saturating_add(delay);
                step
            }
            None => self.reply(frame, executed),
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
    fn fault(&self, request: &Request<'_>, executed: &Executed) -> Option<FaultEffect> {
        let mut faults = self.state.faults();
        if faults.is_empty() {
            return None;
        }
        let statements = match (request, executed) {
            (Request::Prepare(prepare), _) => vec![&*prepare.text],
            (_, Ok(executed)) => executed.iter().map(|executed| &*executed.text).collect(),
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
        executed: &Executed,
    ) -> ReplyStep {
        let executed = executed.as_deref().unwrap_or_default();
        self.record(executed);
        let first = executed.first();
        next_step(reply, first, statement_id(&frame.request, first))
    }

    fn reply(&self, frame: &RequestFrame<'_>, executed: Executed) -> ReplyStep {
        let request = &frame.request;
        let handled = self.script.request_handlers.iter().find_map(|handler| handler(frame));
        if let Some(reply) = handled.or_else(|| handshake_reply(self.script, request)) {
            let first = executed.as_ref().ok().and_then(|executed| executed.first());
            return next_step(&reply, first, statement_id(request, first));
        }
        match (request, executed) {
            (Request::Register(_), _) => ReplyStep::response(Ready),
            (Request::Prepare(prepare), _) => next_step(&self.prepare(prepare), None, &[]),
            (Request::Query(_) | Request::Execute(_), Ok(executed)) => {
                self.execute(&executed, false)
            }
            (Request::Batch(_), Ok(executed)) => self.execute(&executed, true),
            (_, Err(unprepared)) => ReplyStep::response(*unprepared),
            (request, _) => {
                let message = format!("MockServer did not expect {}", request.opcode());
                ReplyStep::response(ServerError::new(ErrorCode::Protocol, message))
            }
        }
    }

    fn executed_statements(&self, request: &Request<'_>) -> Executed {
        let source = (self.source.number, self.source.keyspace.as_deref());
        let record = |text: String, id: &[u8], parameters: &Parameters<'_>| {
            let variables = self.script.reply_or_error(&text).variables_of(&text);
            ReceivedRequest::new((text, id), source, parameters, &variables)
        };
        match request {
            Request::Query(query) => {
                Ok(vec![record(query.text.to_string(), &[], &query.parameters)])
            }
            Request::Execute(execute) => {
                let prepared = self.prepared_statement(&execute.id)?;
                Ok(vec![record(prepared.text.clone(), &execute.id, &execute.parameters)])
            }
            Request::Batch(batch) => batch
                .statements
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
                    Ok(match &statement.text {
                        BatchText::Text(text) => record(text.to_string(), &[], &parameters),
                        BatchText::Prepared(id) => {
                            record(self.prepared_statement(id)?.text.clone(), id, &parameters)
                        }
                    })
                })
                .collect(),
            _ => Ok(Vec::new()),
        }
    }

    fn prepared_statement(&self, id: &[u8]) -> Result<Arc<PreparedStatement>, Box<ServerError>> {
        self.state.prepared().get(id).ok_or_else(|| unprepared_error(id))
    }

    /// Records the statements of callers as received, without those that read system tables.
    fn record(&self, statements: &[ReceivedRequest]) {
        let from_caller =
            statements.iter().filter(|statement| !self.script.is_internal(&statement.text));
        let mut journal = self.state.journal();
        journal.extend(from_caller.clone().cloned());
        let observers = journal.observers();
        drop(journal);
        for statement in from_caller.filter(|_| !observers.is_empty()) {
            observers.iter().for_each(|observe| observe(statement));
        }
    }

    /// Records the statements as received and returns the reply to the request. The reply to a batch is
    /// the first of its statements' replies that is not a result. If all of them are results, the batch
    /// gets a result without rows.
    fn execute(&self, statements: &[ReceivedRequest], is_batch: bool) -> ReplyStep {
        self.record(statements);
        let mut steps = statements.iter().map(|statement| {
            let reply = self.script.reply_or_error(&statement.text);
            next_step(&reply, Some(statement), &statement.statement_id)
        });
        let step = steps.find(|step| !is_batch || !step.is_result());
        step.unwrap_or_else(|| ReplyStep::response(ResultMessage::Void))
    }

    /// Prepares a statement and returns the reply to the PREPARE. A statement without a reply gets an
    /// error, unless there are request handlers: a handler may reply when the statement is executed.
    fn prepare(&self, prepare: &Prepare<'_>) -> Reply {
        let text = &*prepare.text;
        let reply = match self.script.find_reply(text) {
            None if self.script.request_handlers.is_empty() => return no_reply_error(text),
            Some(reply) if matches!(reply.preparation(), Preparation::Refused) => return reply,
            reply => reply.unwrap_or_else(|| no_reply_error(text)),
        };
        let columns = reply.result_columns();
        let keyspace = prepare.keyspace.as_deref().or(self.source.keyspace.as_deref());
        let id = self.state.prepared().insert(PreparedStatement {
            text: text.to_owned(),
            keyspace: keyspace.map(str::to_owned),
            columns: columns.clone(),
        });
        let metadata = reply.preparation().metadata();
        let partition_key = metadata.map(|metadata| metadata.partition_key.clone());
        let prepared = PreparedResult {
            id,
            result_metadata_id: Some(result_metadata_id(columns.as_deref().unwrap_or_default())),
            variables: Variables {
                columns: reply.variables_of(text).into(),
                partition_key: partition_key.unwrap_or_default(),
                other_flags: Default::default(),
            },
            result: columns.map_or_else(RowsMetadata::none, RowsMetadata::new),
        };
        ResultMessage::Prepared(prepared).into()
    }
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
fn statement_id<'r>(request: &'r Request<'_>, first: Option<&'r ReceivedRequest>) -> &'r [u8] {
    match (request, first) {
        // A request handler may reply to an id that the server does not know.
        (Request::Execute(execute), _) => &execute.id,
        (_, Some(first)) => &first.statement_id,
        (_, None) => &[],
    }
}

fn unprepared_error(id: &[u8]) -> Box<ServerError> {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
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
