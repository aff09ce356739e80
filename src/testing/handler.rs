//! Chooses the reply to each request.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;

use super::preparation::Preparation;
use super::received_request::ReceivedRequest;
use super::reply::{Action, Reply, ReplyStep};
use super::script::{Script, no_reply_error};
use super::state::ServerState;
use super::system_tables::CQL_VERSION;
use crate::message::{
    AuthSuccess, Authenticate, BatchText, ErrorCode, ErrorDetails, EventType, Parameters,
    PreparedResult, Ready, Request, RequestFrame, Response, ResultMessage, RowsMetadata,
    ServerError, Startup, Supported, Variables,
};
use crate::protocol::Credentials;
use crate::wire::{Compression, Version};

/// The class name sent in AUTHENTICATE. Clients know that it expects a user name and a password.
const AUTHENTICATOR: &str = "org.apache.cassandra.auth.PasswordAuthenticator";

/// Returns the reply to a request. If the reply is rows, returns only the requested page.
pub(super) fn handle_request(
    state: &ServerState,
    script: &Script,
    frame: &RequestFrame<'_>,
) -> ReplyStep {
    let request = &frame.request;
    let executed = executed_statements(state, script, request);
    let handled = script.request_handlers.iter().find_map(|handler| handler(frame));
    let reply = match handled.or_else(|| handshake_reply(script, request)) {
        Some(reply) => {
            let first = executed.as_ref().ok().and_then(|executed| executed.first());
            next_step(&reply, first, statement_id(request, first))
        }
        None => match (request, executed) {
            (Request::Register(_), _) => next_step(&Reply::response(Ready), None, &[]),
            (Request::Prepare(prepare), _) => {
                next_step(&prepare_reply(state, script, &prepare.text), None, &[])
            }
            (Request::Query(_) | Request::Execute(_), Ok(executed)) => {
                execute(state, script, &executed, false)
            }
            (Request::Batch(_), Ok(executed)) => execute(state, script, &executed, true),
            (_, Err(unprepared)) => next_step(&Reply::response(*unprepared), None, &[]),
            (request, _) => {
                let message = format!("MockServer did not expect {}", request.opcode());
                next_step(&Reply::error(ErrorCode::Protocol, &message), None, &[])
            }
        },
    };
    cut_page(reply, parameters(request))
}

/// Returns the next step of `reply` and advances the chain. If the step is an `UNPREPARED` error
/// without a statement id, sets the id to `statement_id`.
fn next_step(reply: &Reply, executed: Option<&ReceivedRequest>, statement_id: &[u8]) -> ReplyStep {
    let mut step = reply.next_step(executed);
    step.set_unprepared_id(statement_id);
    step
}

/// Returns the statements that a request executes, or an `UNPREPARED` error if the request names an
/// unknown statement id.
fn executed_statements(
    state: &ServerState,
    script: &Script,
    request: &Request<'_>,
) -> Result<Vec<ReceivedRequest>, Box<ServerError>> {
    let record = |text: String, id: &[u8], parameters: &Parameters<'_>| {
        let variables = script.reply_or_error(&text).variables_of(&text);
        ReceivedRequest::new((text, id), parameters, &variables)
    };
    let prepared_text =
        |id: &[u8]| state.prepared().get(id).cloned().ok_or_else(|| unprepared_error(id));
    match request {
        Request::Query(query) => Ok(vec![record(query.text.to_string(), &[], &query.parameters)]),
        Request::Execute(execute) => {
            let text = prepared_text(&execute.id)?;
            Ok(vec![record(text, &execute.id, &execute.parameters)])
        }
        Request::Batch(batch) => batch
            .statements
            .iter()
            .map(|statement| {
                let parameters = Parameters {
                    values: statement.values.borrowed(),
                    serial_consistency: batch.serial_consistency,
                    timestamp: batch.timestamp,
                    ..batch.consistency.into()
                };
                Ok(match &statement.text {
                    BatchText::Text(text) => record(text.to_string(), &[], &parameters),
                    BatchText::Prepared(id) => record(prepared_text(id)?, id, &parameters),
                })
            })
            .collect(),
        _ => Ok(Vec::new()),
    }
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

/// Returns the reply to a request of the handshake, or `None` for other requests.
fn handshake_reply(script: &Script, request: &Request<'_>) -> Option<Reply> {
    match request {
        Request::Options(_) => {
            let option = |name: &str, values: Vec<String>| (name.to_owned(), values);
            let compressions = Compression::ALL.iter().map(ToString::to_string).collect();
            let versions = Version::ALL.iter().filter(|version| **version <= script.version);
            let versions = versions.map(|v| format!("{}/{v}", v.number())).collect();
            let mut options = vec![
                option(Startup::CQL_VERSION, vec![CQL_VERSION.to_owned()]),
                option(Startup::COMPRESSION, compressions),
                option("PROTOCOL_VERSIONS", versions),
            ];
            if script.graceful_disconnect {
                let event = EventType::GracefulDisconnect;
                options.push(option(event.as_str(), vec!["true".to_owned()]));
            }
            Some(Reply::response(Supported { options }))
        }
        Request::Startup(_) if script.credentials.is_some() => {
            Some(Reply::response(Authenticate { authenticator: AUTHENTICATOR.to_owned() }))
        }
        Request::Startup(_) => Some(Reply::response(Ready)),
        Request::AuthResponse(response) => {
            let expected = script.credentials.as_ref().map(Credentials::token);
            Some(match response.token.as_deref() == expected.as_deref() {
                true => Reply::response(AuthSuccess { token: None }),
                false => Reply::error(
                    ErrorCode::Authentication,
                    "Provided username and/or password are incorrect",
                ),
            })
        }
        _ => None,
    }
}

/// Records the statements as received and returns the reply to the request. The reply to a batch is
/// the first of its statements' replies that is not a result. If all of them are results, the batch
/// gets a result without rows.
fn execute(
    state: &ServerState,
    script: &Script,
    statements: &[ReceivedRequest],
    is_batch: bool,
) -> ReplyStep {
    let from_caller = statements.iter().filter(|statement| !script.is_internal(&statement.text));
    state.received().extend(from_caller.cloned());
    let is_result = |step: &ReplyStep| match &step.action {
        Action::SendRows(_) => true,
        Action::SendResponse(response) => matches!(**response, Response::Result(_)),
        _ => false,
    };
    let mut steps = statements.iter().map(|statement| {
        let reply = script.reply_or_error(&statement.text);
        next_step(&reply, Some(statement), &statement.statement_id)
    });
    let step = steps.find(|step| !is_batch || !is_result(step));
    step.unwrap_or_else(|| Reply::void().next_step(None))
}

/// Replaces the rows of a step by the page that the request asks for. Returns any other step
/// unchanged.
fn cut_page(step: ReplyStep, parameters: Option<&Parameters<'_>>) -> ReplyStep {
    let (Action::SendRows(table), Some(parameters)) = (&step.action, parameters) else {
        return step;
    };
    let rows = table.page(parameters.paging_state.as_deref(), parameters.page_size);
    let action = Action::SendResponse(Box::new(ResultMessage::Rows(rows).into()));
    ReplyStep { action, ..step }
}

const fn parameters<'a>(request: &'a Request<'_>) -> Option<&'a Parameters<'a>> {
    match request {
        Request::Query(query) => Some(&query.parameters),
        Request::Execute(execute) => Some(&execute.parameters),
        _ => None,
    }
}

/// Prepares a statement and returns the reply to the PREPARE. A statement without a reply gets an
/// error, unless there are request handlers: a handler may reply when the statement is executed.
fn prepare_reply(state: &ServerState, script: &Script, text: &str) -> Reply {
    let reply = match script.find_reply(text) {
        None if script.request_handlers.is_empty() => return no_reply_error(text),
        Some(reply) if matches!(reply.preparation(), Preparation::Refused) => return reply,
        reply => reply.unwrap_or_else(|| no_reply_error(text)),
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let id = Bytes::copy_from_slice(&hasher.finish().to_be_bytes());
    state.prepared().insert(id.to_vec(), text.to_owned());
    let metadata = reply.preparation().metadata();
    let partition_key = metadata.map(|metadata| metadata.partition_key.clone());
    let prepared = PreparedResult {
        id: id.clone(),
        result_metadata_id: Some(id),
        variables: Variables {
            columns: reply.variables_of(text).into(),
            partition_key: partition_key.unwrap_or_default(),
            other_flags: Default::default(),
        },
        result: reply.columns().map_or_else(RowsMetadata::none, RowsMetadata::new),
    };
    ResultMessage::Prepared(prepared).into()
}

fn unprepared_error(id: &[u8]) -> Box<ServerError> {
    Box::new(ServerError {
        code: ErrorCode::Unprepared,
        message: "MockServer has not prepared this statement".to_owned(),
        details: ErrorDetails::Unprepared { id: Bytes::copy_from_slice(id) },
    })
}
