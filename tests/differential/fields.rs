//! Converts the fields of messages to JSON, for comparison with the fields that peers read. Field names
//! are those of the specification. Bytes are hex. A type is its name, or a list of its name and its
//! parameters.

use std::net::IpAddr;

use cqlwire::message::{
    BatchMessage, BatchText, ErrorDetails, Event, Failures, Parameters, PreparedResult, Request,
    RequestFrame, Response, ResponseFrame, ResultMessage, Rows, RowsMetadata, SchemaChange,
    SchemaTarget, ServerError,
};
use cqlwire::types::{ColumnSpec, Values};
use cqlwire::wire::{BytesMap, Consistency, RawValue, Reader};
use serde_json::{Map, Value, json};

use crate::hex;
use crate::json_values::type_to_json;

pub(crate) fn request(frame: &RequestFrame<'_>) -> Value {
    json!({
        "stream": frame.stream.0,
        "tracing": frame.tracing,
        "custom_payload": payload(&frame.custom_payload),
        "message": request_message(&frame.request),
    })
}

pub(crate) fn response(frame: &ResponseFrame) -> Value {
    json!({
        "stream": frame.stream.0,
        "tracing_id": frame.tracing_id.map(|id| id.to_string()),
        "warnings": frame.warnings,
        "custom_payload": payload(&frame.custom_payload),
        "message": response_message(&frame.response),
    })
}

/// Returns bytes as hex, or null for `None`.
pub(crate) fn bytes(bytes: Option<impl AsRef<[u8]>>) -> Value {
    bytes.map(|bytes| hex::encode(bytes.as_ref())).into()
}

fn payload(payload: &BytesMap) -> Value {
    payload.iter().map(|(key, value)| (key.clone(), bytes(value.as_ref()))).collect()
}

fn request_message(request: &Request<'_>) -> Value {
    match request {
        Request::Startup(startup) => json!({
            "options": startup.options.iter()
                .map(|(key, value)| (key.to_string(), json!(value)))
                .collect::<Map<_, _>>(),
        }),
        Request::Query(query) => json!({
            "text": query.text,
            "parameters": parameters(&query.parameters),
        }),
        Request::Prepare(prepare) => json!({ "text": prepare.text, "keyspace": prepare.keyspace }),
        Request::Execute(execute) => json!({
            "id": hex::encode(&execute.id),
            "result_metadata_id": bytes(execute.result_metadata_id.as_ref()),
            "parameters": parameters(&execute.parameters),
        }),
        Request::Register(register) => json!({ "event_types": register.event_types }),
        Request::Batch(message) => batch(message),
        Request::AuthResponse(response) => json!({ "token": bytes(response.token.as_ref()) }),
        _ => json!({}),
    }
}

fn parameters(of: &Parameters<'_>) -> Value {
    json!({
        "consistency": of.consistency.code(),
        "values": values(&of.values),
        "skip_metadata": of.skip_metadata,
        "page_size": of.page_size,
        "paging_state": bytes(of.paging_state.as_ref()),
        "serial_consistency": of.serial_consistency.map(Consistency::code),
        "timestamp": of.timestamp,
        "keyspace": of.keyspace,
        "now_in_seconds": of.now_in_seconds,
    })
}

/// Returns named values as an object, and other values as a list.
fn values(values: &Values<'_>) -> Value {
    let value = |value: RawValue<'_>| match value {
        RawValue::Bytes(bytes) => json!(hex::encode(bytes)),
        RawValue::Null => Value::Null,
        RawValue::Unset => json!({ "unset": true }),
    };
    let named = values.iter().map(|of| (of.name.unwrap_or_default().to_owned(), value(of.value)));
    match values.is_named() && !values.is_empty() {
        true => named.collect::<Map<_, _>>().into(),
        false => named.map(|(_, value)| value).collect::<Vec<_>>().into(),
    }
}

fn batch(batch: &BatchMessage<'_>) -> Value {
    let statements = batch.statements.iter().map(|statement| {
        let values = values(&statement.values);
        match &statement.text {
            BatchText::Text(text) => json!({ "text": text, "values": values }),
            BatchText::Prepared(id) => json!({ "id": hex::encode(id), "values": values }),
        }
    });
    json!({
        "kind": batch.kind.code(),
        "statements": statements.collect::<Vec<_>>(),
        "consistency": batch.consistency.code(),
        "serial_consistency": batch.serial_consistency.map(Consistency::code),
        "timestamp": batch.timestamp,
        "keyspace": batch.keyspace,
        "now_in_seconds": batch.now_in_seconds,
    })
}

fn response_message(response: &Response) -> Value {
    match response {
        Response::Error(error) => json!({
            "code": error.code.code(),
            "message": error.message,
            "details": details(error),
        }),
        Response::Authenticate(message) => json!({ "authenticator": message.authenticator }),
        Response::Supported(supported) => json!({
            "options": supported.options.iter()
                .map(|(key, values)| (key.clone(), json!(values)))
                .collect::<Map<_, _>>(),
        }),
        Response::Result(message) => result(message),
        Response::Event(message) => event(message),
        Response::AuthChallenge(message) => json!({ "token": bytes(message.token.as_ref()) }),
        Response::AuthSuccess(message) => json!({ "token": bytes(message.token.as_ref()) }),
        _ => json!({}),
    }
}

fn details(error: &ServerError) -> Value {
    let failures = |failures: &Failures| match failures {
        Failures::Count(count) => json!(count),
        Failures::Reasons(reasons) => reasons
            .iter()
            .map(|(address, reason)| (ip(*address), json!(reason.code())))
            .collect::<Map<_, _>>()
            .into(),
    };
    match &error.details {
        ErrorDetails::Unavailable { consistency, required, alive } => json!({
            "consistency": consistency.code(), "required": required, "alive": alive,
        }),
        ErrorDetails::WriteTimeout {
            consistency,
            received,
            block_for,
            write_type,
            contentions,
        } => json!({
            "consistency": consistency.code(), "received": received, "block_for": block_for,
            "write_type": write_type.as_str(), "contentions": contentions,
        }),
        ErrorDetails::ReadTimeout { consistency, received, block_for, data_present } => json!({
            "consistency": consistency.code(), "received": received, "block_for": block_for,
            "data_present": data_present,
        }),
        ErrorDetails::ReadFailure {
            consistency,
            received,
            block_for,
            failures: failed,
            data_present,
        } => json!({
            "consistency": consistency.code(), "received": received, "block_for": block_for,
            "failures": failures(failed), "data_present": data_present,
        }),
        ErrorDetails::FunctionFailure { keyspace, function, arguments } => json!({
            "keyspace": keyspace, "function": function, "arguments": arguments,
        }),
        ErrorDetails::WriteFailure {
            consistency,
            received,
            block_for,
            failures: failed,
            write_type,
        } => json!({
            "consistency": consistency.code(), "received": received, "block_for": block_for,
            "failures": failures(failed), "write_type": write_type.as_str(),
        }),
        ErrorDetails::CasWriteUnknown { consistency, received, block_for } => json!({
            "consistency": consistency.code(), "received": received, "block_for": block_for,
        }),
        ErrorDetails::AlreadyExists { keyspace, table } => json!({
            "keyspace": keyspace, "table": table,
        }),
        ErrorDetails::Unprepared { id } => json!({ "id": hex::encode(id) }),
        ErrorDetails::RateLimit { operation, rejected_by_coordinator } => json!({
            "operation": operation, "rejected_by_coordinator": rejected_by_coordinator,
        }),
        _ => json!({}),
    }
}

fn result(result: &ResultMessage) -> Value {
    match result {
        ResultMessage::Void => json!({ "kind": "void" }),
        ResultMessage::Rows(rows) => json!({
            "kind": "rows",
            "metadata": metadata(&rows.metadata),
            "rows": cells(rows),
        }),
        ResultMessage::SetKeyspace(keyspace) => {
            json!({ "kind": "set_keyspace", "keyspace": keyspace })
        }
        ResultMessage::Prepared(of) => prepared(of),
        ResultMessage::SchemaChange(change) => {
            json!({ "kind": "schema_change", "change": schema_change(change) })
        }
        unknown => json!({ "kind": unknown.kind().code() }),
    }
}

fn cells(rows: &Rows) -> Value {
    let mut reader = Reader::new(&rows.content);
    let mut cell = || bytes(reader.bytes("cell").expect("the page should have all cells"));
    let columns = rows.metadata.columns_count;
    let rows = (0..rows.count).map(|_| (0..columns).map(|_| cell()).collect::<Vec<_>>());
    rows.collect::<Vec<_>>().into()
}

fn prepared(prepared: &PreparedResult) -> Value {
    json!({
        "kind": "prepared",
        "id": hex::encode(&prepared.id),
        "result_metadata_id": bytes(prepared.result_metadata_id.as_ref()),
        "variables": columns(&prepared.variables.columns),
        "partition_key": prepared.variables.partition_key,
        "result": metadata(&prepared.result),
    })
}

fn metadata(metadata: &RowsMetadata) -> Value {
    json!({
        "columns_count": metadata.columns_count,
        "columns": metadata.columns.as_ref().map(|of| columns(of)),
        "paging_state": bytes(metadata.paging_state.as_ref()),
        "new_metadata_id": bytes(metadata.new_metadata_id.as_ref()),
    })
}

fn columns(columns: &[ColumnSpec]) -> Value {
    let column = |column: &ColumnSpec| {
        json!([
            column.table.keyspace,
            column.table.table,
            column.name,
            type_to_json(&column.cql_type)
        ])
    };
    columns.iter().map(column).collect::<Vec<_>>().into()
}

fn event(event: &Event) -> Value {
    match event {
        Event::Topology { change, address } => json!({
            "type": "TOPOLOGY_CHANGE", "change": change.as_str(), "address": [ip(address.ip()), address.port()],
        }),
        Event::Status { change, address } => json!({
            "type": "STATUS_CHANGE", "change": change.as_str(), "address": [ip(address.ip()), address.port()],
        }),
        Event::Schema(change) => json!({
            "type": "SCHEMA_CHANGE", "change": schema_change(change),
        }),
        other => json!({ "unknown": format!("{other:?}") }),
    }
}

/// Returns the bytes of an address as hex, because IPv6 addresses have several notations.
pub(crate) fn ip(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => hex::encode(address.octets()),
        IpAddr::V6(address) => hex::encode(address.octets()),
    }
}

fn schema_change(change: &SchemaChange) -> Value {
    let kind = change.kind.as_str();
    let of = |target: &str, keyspace: &str, object: Option<&str>, arguments: Option<&[String]>| {
        json!({
            "change": kind, "target": target, "keyspace": keyspace, "object": object,
            "arguments": arguments,
        })
    };
    match &change.target {
        SchemaTarget::Keyspace { keyspace } => of("KEYSPACE", keyspace, None, None),
        SchemaTarget::Table { keyspace, table } => of("TABLE", keyspace, Some(table), None),
        SchemaTarget::Type { keyspace, name } => of("TYPE", keyspace, Some(name), None),
        SchemaTarget::Function { keyspace, name, arguments } => {
            of("FUNCTION", keyspace, Some(name), Some(arguments))
        }
        SchemaTarget::Aggregate { keyspace, name, arguments } => {
            of("AGGREGATE", keyspace, Some(name), Some(arguments))
        }
        unknown => of(&format!("{unknown:?}"), "", None, None),
    }
}
