//! The fields of responses, except RESULT.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use super::result;
use super::schema_change::schema_change;
use super::value::{bytes, hex, joined, map, object};
use crate::message::{
    ErrorDetails, Event, EventType, FailureReason, Failures, Response, ServerError,
};
use crate::wire::Consistency;

/// Returns the fields of a response, except the cells of rows, which [`rows`](super::rows) returns.
pub(in super::super) fn response(response: &Response) -> Value {
    match response {
        Response::Error(error) => self::error(error),
        Response::Ready(_) => json!({}),
        Response::Authenticate(message) => json!({ "authenticator": message.authenticator }),
        Response::Supported(supported) => {
            object([("options", map(&supported.options, |values| values.as_slice().into()))])
        }
        Response::Result(result) => result::result(result),
        Response::Event(event) => self::event(event),
        Response::AuthChallenge(message) => json!({ "token": bytes(message.token.as_deref()) }),
        Response::AuthSuccess(message) => json!({ "token": bytes(message.token.as_deref()) }),
        Response::Unknown(_, body) => json!({ "body": hex(body) }),
    }
}

fn error(error: &ServerError) -> Value {
    let first = json!({
        "code": error.code.code(),
        "code_name": error.code.name(),
        "message": error.message,
    });
    joined(first, details(&error.details))
}

fn details(details: &ErrorDetails) -> Value {
    match details {
        ErrorDetails::Unavailable { consistency, required, alive } => json!({
            "consistency": consistency.to_string(),
            "required": required,
            "alive": alive,
        }),
        ErrorDetails::WriteTimeout {
            consistency,
            received,
            block_for,
            write_type,
            contentions,
        } => joined(
            replica_fields(*consistency, *received, *block_for),
            json!({ "write_type": write_type.as_str(), "contentions": contentions }),
        ),
        ErrorDetails::ReadTimeout { consistency, received, block_for, data_present } => joined(
            replica_fields(*consistency, *received, *block_for),
            json!({ "data_present": data_present }),
        ),
        ErrorDetails::ReadFailure { consistency, received, block_for, failures, data_present } => {
            let first = joined(
                replica_fields(*consistency, *received, *block_for),
                failure_fields(failures),
            );
            joined(first, json!({ "data_present": data_present }))
        }
        ErrorDetails::FunctionFailure { keyspace, function, arguments } => json!({
            "keyspace": keyspace,
            "function": function,
            "arg_types": arguments,
        }),
        ErrorDetails::WriteFailure { consistency, received, block_for, failures, write_type } => {
            let first = joined(
                replica_fields(*consistency, *received, *block_for),
                failure_fields(failures),
            );
            joined(first, json!({ "write_type": write_type.as_str() }))
        }
        ErrorDetails::CasWriteUnknown { consistency, received, block_for } => {
            replica_fields(*consistency, *received, *block_for)
        }
        ErrorDetails::AlreadyExists { keyspace, table } => {
            json!({ "keyspace": keyspace, "table": table })
        }
        ErrorDetails::Unprepared { id } => json!({ "id": hex(id) }),
        ErrorDetails::RateLimit { operation, rejected_by_coordinator } => json!({
            "op_type": operation,
            "rejected_by_coordinator": rejected_by_coordinator,
        }),
        ErrorDetails::None => json!({}),
        ErrorDetails::Unknown(rest) => json!({ "rest": hex(rest) }),
    }
}

/// Returns the first fields of timeout and failure errors: the consistency level, and the numbers of
/// responses received and required.
fn replica_fields(consistency: Consistency, received: i32, block_for: i32) -> Value {
    json!({
        "consistency": consistency.to_string(),
        "received": received,
        "blockfor": block_for,
    })
}

fn failure_fields(failures: &Failures) -> Value {
    match failures {
        Failures::Count(count) => json!({ "numfailures": count }),
        Failures::Reasons(reasons) => {
            let reason = |(endpoint, reason): &(IpAddr, FailureReason)| json!({ "endpoint": endpoint.to_string(), "failure_code": reason.code() });
            object([("reasonmap", reasons.iter().map(reason).collect())])
        }
    }
}

fn event(event: &Event) -> Value {
    let node_event = |event_type: EventType, change: &str, address: &SocketAddr| {
        json!({
            "event_type": event_type.as_str(),
            "change_type": change,
            "address": address.ip().to_string(),
            "port": address.port(),
        })
    };
    match event {
        Event::Topology { change, address } => {
            node_event(EventType::TopologyChange, change.as_str(), address)
        }
        Event::Status { change, address } => {
            node_event(EventType::StatusChange, change.as_str(), address)
        }
        Event::Schema(change) => {
            joined(json!({ "event_type": EventType::SchemaChange.as_str() }), schema_change(change))
        }
        Event::GracefulDisconnect => {
            json!({ "event_type": EventType::GracefulDisconnect.as_str() })
        }
        Event::Unknown { event_type, rest } => {
            json!({ "event_type": event_type, "rest": hex(rest) })
        }
    }
}
