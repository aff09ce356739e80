//! Which reply a request gets.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;

use super::reply::{Turn, What};
use super::{Asked, Reply, Script, Shared, normal};
use crate::message::{
    Authenticate, BatchText, ErrorCode, ErrorDetails, Parameters, PreparedResult, Ready, Request,
    RequestFrame, Response, ResultMessage, RowsMetadata, ServerError, Startup, Supported,
    Variables,
};
use crate::protocol::Credentials;
use crate::wire::{Compression, Version};

/// The class whose name clients know for "a user name and a password".
const AUTHENTICATOR: &str = "org.apache.cassandra.auth.PasswordAuthenticator";

/// What is said to a request; rows are a page already.
pub(super) fn answer(shared: &Shared, script: &Script, frame: &RequestFrame<'_>) -> Turn {
    let request = &frame.request;
    let asked = asked(shared, script, request);
    let special = script.answers.iter().find_map(|answer| answer(frame));
    if let Some(reply) = special.or_else(|| opening(script, request)) {
        let first = asked.as_ref().ok().and_then(|asked| asked.first());
        let mut turn = reply.take(first);
        if let Request::Execute(execute) = request {
            turn.forgets(&Bytes::copy_from_slice(&execute.id));
        }
        return page(turn, parameters(request));
    }
    let reply = match (request, asked) {
        (Request::Register(_), _) => Reply::response(Ready),
        (Request::Prepare(prepare), _) => prepare_now(shared, script, &prepare.text),
        (Request::Query(_) | Request::Execute(_) | Request::Batch(_), Ok(asked)) => {
            let turn = run(shared, script, &asked, matches!(request, Request::Batch(_)));
            return page(turn, parameters(request));
        }
        (_, Err(unprepared)) => unprepared,
        (request, _) => {
            let message = format!("{} does not belong here", request.opcode());
            Reply::error(ErrorCode::Protocol, &message)
        }
    };
    reply.take(None)
}

/// The statements of a request, or an error if it has one that was not prepared.
fn asked(shared: &Shared, script: &Script, request: &Request<'_>) -> Result<Vec<Asked>, Reply> {
    let asked = |text: String, id: &[u8], parameters: &Parameters<'_>| {
        let variables = find(script, &text).variables_of(&text);
        Asked::new((text, id), parameters, &variables)
    };
    let text = |id: &[u8]| shared.prepared().get(id).cloned().ok_or_else(|| unprepared(id));
    match request {
        Request::Query(query) => Ok(vec![asked(query.text.to_string(), &[], &query.parameters)]),
        Request::Execute(execute) => {
            Ok(vec![asked(text(&execute.id)?, &execute.id, &execute.parameters)])
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
                    BatchText::Text(text) => asked(text.to_string(), &[], &parameters),
                    BatchText::Prepared(id) => asked(text(id)?, id, &parameters),
                })
            })
            .collect(),
        _ => Ok(Vec::new()),
    }
}

/// The reply to requests that open a connection.
fn opening(script: &Script, request: &Request<'_>) -> Option<Reply> {
    match request {
        Request::Options(_) => {
            let list = |name: &str, values: Vec<String>| (name.to_owned(), values);
            let compressions = Compression::ALL.iter().map(ToString::to_string).collect();
            let versions = Version::ALL.iter().filter(|version| **version <= script.version);
            let options = vec![
                list(Startup::CQL_VERSION, vec!["3.4.5".to_owned()]),
                list(Startup::COMPRESSION, compressions),
                list(
                    "PROTOCOL_VERSIONS",
                    versions.map(|v| format!("{}/{v}", v.number())).collect(),
                ),
            ];
            Some(Reply::response(Supported { options }))
        }
        Request::Startup(_) if script.credentials.is_some() => {
            Some(Reply::response(Authenticate { authenticator: AUTHENTICATOR.to_owned() }))
        }
        Request::Startup(_) => Some(Reply::response(Ready)),
        Request::AuthResponse(response) => {
            let expected = script.credentials.as_ref().map(Credentials::token);
            Some(match response.token.as_deref() == expected.as_deref() {
                true => Reply::response(crate::message::AuthSuccess { token: None }),
                false => Reply::error(
                    ErrorCode::Authentication,
                    "Provided username and/or password are incorrect",
                ),
            })
        }
        _ => None,
    }
}

/// A batch gives nothing, or the first thing that is not a result.
fn run(shared: &Shared, script: &Script, asked: &[Asked], is_batch: bool) -> Turn {
    let is_kept = |asked: &&Asked| {
        let is_scripted = script.by_text.contains_key(&normal(&asked.text));
        is_scripted || script.cluster.reply(&asked.text).is_none()
    };
    shared.asked().extend(asked.iter().filter(is_kept).cloned());
    let is_result = |turn: &Turn| match &turn.what {
        What::Rows(_) => true,
        What::Response(response) => matches!(**response, Response::Result(_)),
        _ => false,
    };
    let mut turns = asked.iter().map(|asked| find(script, &asked.text).take(Some(asked)));
    let turn = turns.find(|turn| !is_batch || !is_result(turn));
    turn.unwrap_or_else(|| Reply::void().take(None))
}

fn find(script: &Script, text: &str) -> Reply {
    scripted(script, text).unwrap_or_else(|| untold(text))
}

fn untold(text: &str) -> Reply {
    let message = format!("this server was not told what to answer to {}", normal(text));
    Reply::error(ErrorCode::Invalid, &message)
}

fn scripted(script: &Script, text: &str) -> Option<Reply> {
    let normal = normal(text);
    script
        .by_text
        .get(&normal)
        .cloned()
        .or_else(|| script.cluster.reply(text))
        .or_else(|| script.otherwise.clone())
        .or_else(|| use_keyspace(&normal))
}

/// Every keyspace is there.
fn use_keyspace(text: &str) -> Option<Reply> {
    let (word, keyspace) = text.split_once(' ')?;
    let keyspace = match keyspace.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => keyspace.to_lowercase(),
    };
    let is_use = word.eq_ignore_ascii_case("USE");
    is_use.then(|| Reply::response(ResultMessage::SetKeyspace(keyspace)))
}

/// Cuts the page out of rows that the request asks for.
fn page(turn: Turn, parameters: Option<&Parameters<'_>>) -> Turn {
    let (What::Rows(table), Some(parameters)) = (&turn.what, parameters) else { return turn };
    let rows = table.page(parameters.paging_state.as_deref(), parameters.page_size);
    let what = What::Response(Box::new(ResultMessage::Rows(rows).into()));
    Turn { what, ..turn }
}

const fn parameters<'a>(request: &'a Request<'_>) -> Option<&'a Parameters<'a>> {
    match request {
        Request::Query(query) => Some(&query.parameters),
        Request::Execute(execute) => Some(&execute.parameters),
        _ => None,
    }
}

/// A statement that nobody said anything of cannot be prepared, unless it may be answered by who is
/// asked about every request.
fn prepare_now(shared: &Shared, script: &Script, text: &str) -> Reply {
    let reply = match scripted(script, text) {
        None if script.answers.is_empty() => return untold(text),
        reply => reply.unwrap_or_else(|| untold(text)),
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let id = Bytes::copy_from_slice(&hasher.finish().to_be_bytes());
    shared.prepared().insert(id.to_vec(), text.to_owned());
    let prepared = PreparedResult {
        id: id.clone(),
        result_metadata_id: Some(id),
        variables: Variables {
            columns: reply.variables_of(text).into(),
            partition_key: Vec::new(),
            other_flags: Default::default(),
        },
        result: reply.columns().map_or_else(RowsMetadata::none, RowsMetadata::new),
    };
    ResultMessage::Prepared(prepared).into()
}

fn unprepared(id: &[u8]) -> Reply {
    Reply::response(ServerError {
        code: ErrorCode::Unprepared,
        message: "this server has not prepared the statement".to_owned(),
        details: ErrorDetails::Unprepared { id: Bytes::copy_from_slice(id) },
    })
}
