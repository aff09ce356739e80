//! The crate `scylla-cql`, the codec of the ScyllaDB driver.

use std::panic::catch_unwind;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use cqlwire::wire::{Opcode, Reader, Version};
use scylla_cql::frame::protocol_features::ProtocolFeatures;
use scylla_cql::frame::request::batch::{Batch, BatchStatement};
use scylla_cql::frame::request::execute::ExecuteV2;
use scylla_cql::frame::request::query::PagingStateResponse;
use scylla_cql::frame::request::register::Register;
use scylla_cql::frame::request::{
    AuthResponse, DeserializableRequest, Options, Prepare, Query, SerializableRequest, Startup,
};
use scylla_cql::frame::response::error::{DbError, Error};
use scylla_cql::frame::response::event::{
    Event, SchemaChangeEvent, SchemaChangeType, StatusChangeEvent, TopologyChangeEvent,
};
use scylla_cql::frame::response::result::{
    self, CollectionType, ColumnSpec, ColumnType, NativeType, RawMetadataAndRawRows,
};
use scylla_cql::frame::response::{Response, ResponseOpcode};
use scylla_cql::frame::{
    Compression, SerializedRequest, parse_response_body_extensions, read_response_frame,
};
use scylla_cql::serialize::row::SerializedValues;
use serde_json::{Value, json};

use crate::cases::{Case, whole_frame};
use crate::fields::{bytes, ip};
use crate::hex;
use crate::peer::{Answer, Peer, Skip};

/// A client codec for v4, which encodes requests and decodes responses.
pub(crate) struct Scylla;

impl Peer for Scylla {
    fn answer(&self, case: &Case) -> Result<Answer, String> {
        let compression = case.context.compression.map(|_| Compression::Lz4);
        catch_unwind(|| match case.is_response {
            true => Ok(Answer { fields: Some(read(case, compression)?), bytes: None }),
            false => Ok(Answer { fields: None, bytes: Some(write(case, compression)?) }),
        })
        .map_err(|_| "the peer panics".to_owned())?
    }
}

/// Encodes a request. Decodes the request first if the crate supports it, or else uses the fields.
fn write(case: &Case, compression: Option<Compression>) -> Result<Vec<u8>, String> {
    let plain = whole_frame(&case.bytes)?.plain_body(&case.context).map_err(|e| e.to_string())?;
    let (body, message) = (&*plain, case.message());
    match case.opcode {
        Opcode::Startup => frame(case, compression, &read_request::<Startup<'_>>(body)?),
        Opcode::Query => frame(case, compression, &read_request::<Query<'_>>(body)?),
        Opcode::Execute => frame(case, compression, &read_request::<ExecuteV2<'_>>(body)?),
        Opcode::Batch => {
            type Statements<'b> = Batch<'b, BatchStatement<'b>, Vec<SerializedValues>>;
            frame(case, compression, &read_request::<Statements<'_>>(body)?)
        }
        Opcode::Options => frame(case, compression, &Options),
        Opcode::Prepare => {
            let query = message["text"].as_str().unwrap_or_default();
            frame(case, compression, &Prepare { query })
        }
        Opcode::Register => {
            let types = message["event_types"].as_array().into_iter().flatten();
            let types = types.map(|of| of.as_str().unwrap_or_default().parse());
            let event_types_to_register_for =
                types.collect::<Result<_, _>>().map_err(|error| format!("{error}"))?;
            frame(case, compression, &Register { event_types_to_register_for })
        }
        Opcode::AuthResponse => {
            let response = message["token"].as_str().map(hex::decode).transpose()?;
            frame(case, compression, &AuthResponse { response })
        }
        other => Err(format!("the peer does not support {other}")),
    }
}

fn read_request<R: DeserializableRequest>(mut body: &[u8]) -> Result<R, String> {
    let request = R::deserialize_with_features(&mut body, &ProtocolFeatures::default());
    request.map_err(|error| error.to_string())
}

fn frame(
    case: &Case,
    compression: Option<Compression>,
    request: &impl SerializableRequest,
) -> Result<Vec<u8>, String> {
    // Like the driver: OPTIONS and STARTUP are sent before compression is negotiated.
    let is_first = matches!(case.opcode, Opcode::Startup | Opcode::Options);
    let compression = compression.filter(|_| !is_first);
    let tracing = case.fields["tracing"] == true;
    let frame = SerializedRequest::make(request, compression, tracing);
    let mut frame = frame.map_err(|error| error.to_string())?;
    let stream = case.fields["stream"].as_i64().and_then(|stream| stream.try_into().ok());
    frame.set_stream(stream.unwrap_or_default());
    Ok(frame.get_data().to_vec())
}

/// Decodes a response and returns its fields.
fn read(case: &Case, compression: Option<Compression>) -> Result<Value, String> {
    let mut source = &*case.bytes;
    // All bytes are available, so the future completes on its first poll.
    let parsed = pin!(read_response_frame(&mut source)).poll_once()?;
    let (params, opcode, body) = parsed.map_err(|error| error.to_string())?;
    let body = parse_response_body_extensions(params.flags, compression, body);
    let body = body.map_err(|error| error.to_string())?;
    let payload = body.custom_payload.unwrap_or_default();
    let payload = payload.iter().map(|(key, value)| (key.clone(), json!(hex::encode(value))));
    Ok(json!({
        "stream": params.stream,
        "tracing_id": body.trace_id.map(|id| id.to_string()),
        "warnings": body.warnings,
        "custom_payload": payload.collect::<serde_json::Map<_, _>>(),
        "message": response(opcode, body.body)?,
    }))
}

trait PollOnce: Future {
    fn poll_once(self) -> Result<Self::Output, String>;
}

impl<F: Future> PollOnce for std::pin::Pin<&mut F> {
    fn poll_once(mut self) -> Result<Self::Output, String> {
        match self.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => Err("the peer waits for more bytes".to_owned()),
        }
    }
}

fn response(opcode: ResponseOpcode, body: Bytes) -> Result<Value, String> {
    let response = Response::deserialize(&ProtocolFeatures::default(), opcode, body, None);
    Ok(match response.map_err(|error| format!("{error:?}"))? {
        Response::Error(error) => json!({
            "code": error.error.code(&ProtocolFeatures::default()),
            "message": error.reason,
            "details": details(&error),
        }),
        Response::Ready => json!({}),
        Response::Result(message) => result(message)?,
        Response::Authenticate(message) => json!({ "authenticator": message.authenticator_name }),
        Response::AuthSuccess(message) => json!({ "token": bytes(message.success_message) }),
        Response::AuthChallenge(of) => json!({ "token": bytes(of.authenticate_message) }),
        Response::Supported(message) => json!({ "options": message.options }),
        Response::Event(message) => event(&message),
    })
}

fn details(error: &Error) -> Value {
    match &error.error {
        DbError::AlreadyExists { keyspace, table } => {
            json!({ "keyspace": keyspace, "table": table })
        }
        DbError::FunctionFailure { keyspace, function, arg_types } => json!({
            "keyspace": keyspace, "function": function, "arguments": arg_types,
        }),
        DbError::Unavailable { consistency, required, alive } => json!({
            "consistency": *consistency as u16, "required": required, "alive": alive,
        }),
        DbError::ReadTimeout { consistency, received, required, data_present } => json!({
            "consistency": *consistency as u16, "received": received, "block_for": required,
            "data_present": data_present,
        }),
        DbError::WriteTimeout { consistency, received, required, write_type } => json!({
            "consistency": *consistency as u16, "received": received, "block_for": required,
            "write_type": write_type.as_str(), "contentions": null,
        }),
        DbError::ReadFailure { consistency, received, required, numfailures, data_present } => {
            json!({
                "consistency": *consistency as u16, "received": received, "block_for": required,
                "failures": numfailures, "data_present": data_present,
            })
        }
        DbError::WriteFailure { consistency, received, required, numfailures, write_type } => {
            json!({
                "consistency": *consistency as u16, "received": received, "block_for": required,
                "failures": numfailures, "write_type": write_type.as_str(),
            })
        }
        DbError::Unprepared { statement_id } => json!({ "id": hex::encode(statement_id) }),
        _ => json!({}),
    }
}

fn event(event: &Event) -> Value {
    let (kind, change, address) = match event {
        Event::TopologyChange(TopologyChangeEvent::NewNode(address)) => {
            ("TOPOLOGY_CHANGE", "NEW_NODE", address)
        }
        Event::TopologyChange(TopologyChangeEvent::RemovedNode(address)) => {
            ("TOPOLOGY_CHANGE", "REMOVED_NODE", address)
        }
        Event::StatusChange(StatusChangeEvent::Up(address)) => ("STATUS_CHANGE", "UP", address),
        Event::StatusChange(StatusChangeEvent::Down(address)) => ("STATUS_CHANGE", "DOWN", address),
        Event::SchemaChange(change) => {
            return json!({ "type": "SCHEMA_CHANGE", "change": schema_change(change) });
        }
    };
    json!({ "type": kind, "change": change, "address": [ip(address.ip()), address.port()] })
}

fn schema_change(change: &SchemaChangeEvent) -> Value {
    use SchemaChangeEvent as Of;
    let (change, target, keyspace, object, arguments) = match change {
        Of::KeyspaceChange { change_type, keyspace_name } => {
            (change_type, "KEYSPACE", keyspace_name, None, None)
        }
        Of::TableChange { change_type, keyspace_name, object_name } => {
            (change_type, "TABLE", keyspace_name, Some(object_name), None)
        }
        Of::TypeChange { change_type, keyspace_name, type_name } => {
            (change_type, "TYPE", keyspace_name, Some(type_name), None)
        }
        Of::FunctionChange { change_type, keyspace_name, function_name, arguments } => {
            (change_type, "FUNCTION", keyspace_name, Some(function_name), Some(arguments))
        }
        Of::AggregateChange { change_type, keyspace_name, aggregate_name, arguments } => {
            (change_type, "AGGREGATE", keyspace_name, Some(aggregate_name), Some(arguments))
        }
    };
    let change = match change {
        SchemaChangeType::Created => "CREATED",
        SchemaChangeType::Updated => "UPDATED",
        SchemaChangeType::Dropped => "DROPPED",
        SchemaChangeType::Invalid => "invalid",
    };
    json!({
        "change": change, "target": target, "keyspace": keyspace, "object": object,
        "arguments": arguments,
    })
}

fn result(result: result::Result) -> Result<Value, String> {
    Ok(match result {
        result::Result::Void => json!({ "kind": "void" }),
        result::Result::Rows((raw, paging)) => rows(raw, &paging)?,
        result::Result::SetKeyspace(of) => {
            json!({ "kind": "set_keyspace", "keyspace": of.keyspace_name })
        }
        result::Result::Prepared(mut of) => {
            of.prepared_metadata.pk_indexes.sort_by_key(|of| of.sequence);
            let key = of.prepared_metadata.pk_indexes.iter().map(|of| of.index);
            json!({
                "kind": "prepared",
                "id": hex::encode(&of.id),
                "result_metadata_id": null,
                "variables": columns(&of.prepared_metadata.col_specs),
                "partition_key": key.collect::<Vec<_>>(),
                "result": metadata(&of.result_metadata, None),
            })
        }
        result::Result::SchemaChange(of) => {
            json!({ "kind": "schema_change", "change": schema_change(&of.event) })
        }
    })
}

fn rows(raw: RawMetadataAndRawRows, paging: &PagingStateResponse) -> Result<Value, String> {
    let rows = raw.deserialize_metadata().map_err(|error| format!("{error:?}"))?;
    let paging_state = match paging {
        PagingStateResponse::HasMorePages { state } => state.as_bytes_slice(),
        PagingStateResponse::NoMorePages => None,
    };
    let mut reader = Reader::new(rows.raw_rows());
    let mut cell = || reader.bytes("cell").map(bytes).map_err(|error| error.to_string());
    let columns = rows.metadata().col_count();
    let cells = (0..rows.rows_count())
        .map(|_| (0..columns).map(|_| cell()).collect::<Result<Vec<_>, _>>())
        .collect::<Result<Vec<_>, _>>()?;
    Ok(json!({
        "kind": "rows",
        "metadata": metadata(rows.metadata(), paging_state.map(|state| &**state)),
        "rows": cells,
    }))
}

/// Returns the metadata. The crate cannot distinguish no columns from columns that are not described.
fn metadata(of: &result::ResultMetadata<'_>, paging_state: Option<&[u8]>) -> Value {
    let specs = of.col_specs();
    json!({
        "columns_count": of.col_count(),
        "columns": (!specs.is_empty()).then(|| columns(specs)),
        "paging_state": bytes(paging_state),
        "new_metadata_id": bytes(of.id()),
    })
}

fn columns(specs: &[ColumnSpec<'_>]) -> Value {
    let column = |of: &ColumnSpec<'_>| {
        let table = of.table_spec();
        json!([table.ks_name(), table.table_name(), of.name(), cql_type(of.typ())])
    };
    specs.iter().map(column).collect::<Vec<_>>().into()
}

fn cql_type(of: &ColumnType<'_>) -> Value {
    match of {
        ColumnType::Native(native) => native_type(native).into(),
        ColumnType::Collection { typ: CollectionType::List(element), .. } => {
            json!(["list", cql_type(element)])
        }
        ColumnType::Collection { typ: CollectionType::Set(element), .. } => {
            json!(["set", cql_type(element)])
        }
        ColumnType::Collection { typ: CollectionType::Map(key, value), .. } => {
            json!(["map", cql_type(key), cql_type(value)])
        }
        ColumnType::Vector { typ, dimensions } => json!(["vector", cql_type(typ), dimensions]),
        ColumnType::UserDefinedType { definition: udt, .. } => {
            let fields = udt.field_types.iter().map(|(name, field)| json!([name, cql_type(field)]));
            json!(["udt", udt.keyspace, udt.name, fields.collect::<Vec<_>>()])
        }
        ColumnType::Tuple(types) => {
            json!(["tuple", types.iter().map(cql_type).collect::<Vec<_>>()])
        }
        other => format!("{other:?}").into(),
    }
}

fn native_type(of: &NativeType) -> String {
    format!("{of:?}").to_lowercase()
}

/// The known differences of the crate.
pub(crate) const SKIPS: &[Skip] = &[
    Skip {
        name: "v3_and_v5",
        reason: "it supports v4 only",
        applies: |case| case.version() != Version::V4,
    },
    Skip {
        name: "custom_payload",
        reason: "it cannot send one, and refuses responses whose payload contains a null",
        applies: |case| {
            let payload = case.fields["custom_payload"].as_object();
            payload.is_some_and(|payload| match case.is_response {
                true => payload.values().any(Value::is_null),
                false => !payload.is_empty(),
            })
        },
    },
    Skip {
        name: "names_for_values",
        reason: "it sends values by position only",
        applies: |case| case.parameters()["values"].is_object(),
    },
    Skip {
        name: "columns_that_are_not_described",
        reason: "it drops the number of columns, and takes the description from PREPARE",
        applies: |case| {
            let message = case.message();
            let metadata = message.get("metadata").unwrap_or(&message["result"]);
            metadata["columns"].is_null() && metadata["columns_count"].as_u64() > Some(0)
        },
    },
    Skip {
        name: "no_columns",
        reason: "it does not distinguish a description of no columns from none",
        applies: |case| {
            let message = case.message();
            let metadata = message.get("metadata").unwrap_or(&message["result"]);
            metadata["columns"].as_array().is_some_and(Vec::is_empty)
        },
    },
    Skip {
        name: "paging_state_of_prepared",
        reason: "it drops the paging state, which the specification allows there",
        applies: |case| !case.message()["result"]["paging_state"].is_null(),
    },
    Skip {
        name: "custom_types",
        reason: "it refuses unknown classes",
        applies: |case| has_custom_type(case.message()),
    },
];

fn has_custom_type(fields: &Value) -> bool {
    match fields {
        Value::Array(list) => {
            list.first().is_some_and(|first| first == "custom") || list.iter().any(has_custom_type)
        }
        Value::Object(object) => object.values().any(has_custom_type),
        _ => false,
    }
}
