//! The fields of requests.

use serde_json::{Value, json};

use super::value::{bytes, hex, joined, map, object, raw_value};
use crate::message::{BatchMessage, BatchText, Parameters, Request};
use crate::types::{NamedValue, Values};
use crate::wire::Consistency;

/// Returns the fields of a request.
pub(in super::super) fn request(request: &Request<'_>) -> Value {
    match request {
        Request::Startup(startup) => {
            object([("options", map(&startup.options, |value| value.as_ref().into()))])
        }
        Request::Options(_) => json!({}),
        Request::Query(query) => with_parameters(json!({ "query": query.text }), &query.parameters),
        Request::Prepare(prepare) => json!({
            "query": prepare.text,
            "prepare_flags": prepare.flags(),
            "keyspace": prepare.keyspace,
        }),
        Request::Execute(execute) => {
            let id = json!({
                "id": hex(&execute.id),
                "result_metadata_id": bytes(execute.result_metadata_id.as_deref()),
            });
            with_parameters(id, &execute.parameters)
        }
        Request::Register(register) => json!({ "event_types": register.event_types }),
        Request::Batch(batch) => self::batch(batch),
        Request::AuthResponse(response) => json!({ "token": bytes(response.token.as_deref()) }),
        Request::Unknown(_, body) => json!({ "body": hex(body) }),
    }
}

/// Appends the fields of query parameters to the object `first`.
fn with_parameters(first: Value, parameters: &Parameters<'_>) -> Value {
    let flags = parameters.flags();
    let then = object([
        ("consistency", parameters.consistency.to_string().into()),
        ("flags", flags.names().collect()),
        ("query_flags", flags.bits().into()),
        ("values", values(&parameters.values)),
        ("page_size", parameters.page_size.into()),
        ("paging_state", bytes(parameters.paging_state.as_deref())),
        ("serial_consistency", consistency(parameters.serial_consistency)),
        ("timestamp", parameters.timestamp.into()),
        ("keyspace", parameters.keyspace.as_deref().into()),
        ("now_in_seconds", parameters.now_in_seconds.into()),
    ]);
    joined(first, then)
}

fn batch(batch: &BatchMessage<'_>) -> Value {
    let statements = batch.statements.iter().map(|statement| {
        let (kind, text) = match &statement.text {
            BatchText::Text(text) => (0, ("query", text.as_ref().into())),
            BatchText::Prepared(id) => (1, ("id", hex(id).into())),
        };
        object([("kind", kind.into()), text, ("values", values(&statement.values))])
    });
    let flags = batch.flags();
    object([
        ("type", batch.kind.to_string().into()),
        ("statements", statements.collect()),
        ("consistency", batch.consistency.to_string().into()),
        ("flags", flags.names().collect()),
        ("query_flags", flags.bits().into()),
        ("serial_consistency", consistency(batch.serial_consistency)),
        ("timestamp", batch.timestamp.into()),
        ("keyspace", batch.keyspace.as_deref().into()),
        ("now_in_seconds", batch.now_in_seconds.into()),
    ])
}

/// Formats bound values as a list. A named value becomes an object with the fields `name` and `value`.
fn values(values: &Values<'_>) -> Value {
    let formatted = values.iter().map(|NamedValue { name, value }| match name {
        None => raw_value(value),
        Some(name) => object([("name", name.into()), ("value", raw_value(value))]),
    });
    formatted.collect()
}

fn consistency(consistency: Option<Consistency>) -> Value {
    consistency.map(|consistency| consistency.to_string()).into()
}
