//! Which reply a request gets.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::reply::What;
use super::{Reply, Script, Shared, normal};
use crate::message::{
    Authenticate, BatchText, ErrorCode, ErrorDetails, Parameters, Prepared, QueryResult, Ready,
    Request, RequestFrame, Response, RowsMetadata, ServerError, Startup, Supported, Variables,
};
use crate::protocol::Credentials;
use crate::types::{ColumnSpec, NativeType};
use crate::wire::{Compression, Version};

/// The class whose name clients know for "a user name and a password".
const AUTHENTICATOR: &str = "org.apache.cassandra.auth.PasswordAuthenticator";

/// The reply to a request; rows are a page already.
pub(super) fn answer(shared: &Shared, script: &Script, frame: &RequestFrame<'_>) -> Reply {
    let request = &frame.request;
    if let Some(reply) = script.answers.iter().find_map(|answer| answer(frame)) {
        return page(reply, parameters(request));
    }
    if let Some(reply) = opening(script, request) {
        return reply;
    }
    match request {
        Request::Register(_) => Reply::response(Ready),
        Request::Query(query) => run(shared, script, &query.text, &query.parameters),
        Request::Prepare(prepare) => prepare_now(shared, script, &prepare.text),
        Request::Execute(execute) => match shared.text(&execute.id) {
            Some(text) => run(shared, script, &text, &execute.parameters),
            None => unprepared(&execute.id),
        },
        Request::Batch(batch) => {
            let texts = batch.statements.iter().map(|statement| match &statement.text {
                BatchText::Text(text) => Ok(text.clone().into_owned()),
                BatchText::Prepared(id) => shared.text(id).ok_or_else(|| unprepared(id)),
            });
            match texts.collect::<Result<Vec<_>, _>>() {
                Ok(texts) => run_batch(shared, script, &texts),
                Err(unprepared) => unprepared,
            }
        }
        request => {
            let message = format!("{} does not belong here", request.opcode());
            Reply::error(ErrorCode::Protocol, &message)
        }
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

fn run(shared: &Shared, script: &Script, text: &str, parameters: &Parameters<'_>) -> Reply {
    let is_scripted = script.by_text.contains_key(&normal(text));
    if is_scripted || script.cluster.reply(text).is_none() {
        shared.statements().push(text.to_owned());
    }
    page(find(script, text), Some(parameters))
}

/// A batch gives nothing, or the first thing that is not a result.
fn run_batch(shared: &Shared, script: &Script, texts: &[String]) -> Reply {
    shared.statements().extend_from_slice(texts);
    let is_result = |reply: &Reply| match &reply.what {
        What::Rows(_) => true,
        What::Response(response) => matches!(**response, Response::Result(_)),
        _ => false,
    };
    let mut replies = texts.iter().map(|text| find(script, text));
    replies.find(|reply| !is_result(reply)).unwrap_or_else(Reply::void)
}

fn find(script: &Script, text: &str) -> Reply {
    scripted(script, text).unwrap_or_else(|| {
        let message = format!("this server was not told what to answer to {}", normal(text));
        Reply::error(ErrorCode::Invalid, &message)
    })
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
    is_use.then(|| Reply::response(QueryResult::SetKeyspace(keyspace)))
}

/// Cuts the page out of rows that the request asks for.
fn page(reply: Reply, parameters: Option<&Parameters<'_>>) -> Reply {
    let (What::Rows(table), Some(parameters)) = (&reply.what, parameters) else { return reply };
    let rows = table.page(parameters.paging_state.as_deref(), parameters.page_size);
    let what = What::Response(Box::new(QueryResult::Rows(rows).into()));
    Reply { what, ..reply }
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
    let reply = find(script, text);
    if script.answers.is_empty() && scripted(script, text).is_none() {
        return reply;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let id = Bytes::copy_from_slice(&hasher.finish().to_be_bytes());
    shared.prepared().insert(id.to_vec(), text.to_owned());
    let columns = match reply.variables.is_empty() {
        true => questions(text),
        false => reply.variables.into(),
    };
    let result = match &reply.what {
        What::Rows(table) => RowsMetadata::new(Arc::clone(&table.columns)),
        _ => RowsMetadata::none(),
    };
    let variables =
        Variables { columns, partition_key: Vec::new(), other_flags: Default::default() };
    let result_metadata_id = Some(id.clone());
    QueryResult::Prepared(Prepared { id, result_metadata_id, variables, result }).into()
}

/// A `text` for each question mark.
fn questions(text: &str) -> Arc<[ColumnSpec]> {
    let count = text.matches('?').count();
    let variable =
        |number: usize| ColumnSpec::new("test", "test", &format!("v{number}"), NativeType::Text);
    (1..=count).map(variable).collect()
}

fn unprepared(id: &[u8]) -> Reply {
    Reply::response(ServerError {
        code: ErrorCode::Unprepared,
        message: "this server has not prepared the statement".to_owned(),
        details: ErrorDetails::Unprepared { id: Bytes::copy_from_slice(id) },
    })
}

impl Shared {
    fn text(&self, id: &[u8]) -> Option<String> {
        self.prepared().get(id).cloned()
    }
}
