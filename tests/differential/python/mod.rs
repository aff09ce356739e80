//! The Python driver `cassandra-driver`.

use std::sync::LazyLock;

use cqlwire::message::ErrorCode;
use cqlwire::types::Value;
use cqlwire::wire::{Compression, Opcode};
use serde_json::{Value as Json, json};

use crate::cases::Case;
use crate::child::Child;
use crate::peer::{Answer, Peer, Skip};
use crate::segments::{self, Payload, Payloads, Segments};
use crate::values::{ValueSkip, Values};
use crate::{hex, interpreter, json_values};

/// The driver, in a child process that is installed and started on first use.
pub(crate) struct Python;

static CHILD: LazyLock<Result<Child, String>> =
    LazyLock::new(|| Child::start(&mut interpreter::command("python/peer.py")?));

/// Sends a request to the driver.
pub(crate) fn call(request: &Json) -> Result<Json, String> {
    CHILD.as_ref().map_err(Clone::clone)?.call(&request.to_string())
}

impl Peer for Python {
    fn answer(&self, case: &Case) -> Result<Answer, String> {
        let compression = case.context.compression.map(|compression| compression.to_string());
        let version = case.version().number();
        if case.is_response {
            let bytes = hex::encode(&case.bytes);
            let fields = call(&json!({
                "do": "decode", "version": version, "compression": compression, "bytes": bytes,
            }))?;
            Ok(Answer { fields: Some(fields), bytes: None })
        } else {
            let bytes = call(&json!({
                "do": "encode", "version": version, "compression": compression,
                "opcode": case.opcode.code(), "fields": case.fields,
            }))?;
            let bytes = hex::decode(bytes.as_str().unwrap_or_default())?;
            Ok(Answer { fields: None, bytes: Some(bytes) })
        }
    }
}

impl Segments for Python {
    fn read(&self, compression: Option<Compression>, bytes: &[u8]) -> Result<Payloads, String> {
        segments::from_json(&call(&json!({
            "do": "payloads", "bytes": hex::encode(bytes),
            "compression": compression.map(|compression| compression.to_string()),
        }))?)
    }

    fn write(&self, compression: Option<Compression>, of: &[Payload]) -> Result<Vec<u8>, String> {
        let payloads = of.iter().map(|of| json!([of.self_contained, hex::encode(&of.bytes)]));
        let bytes = call(&json!({
            "do": "segments", "payloads": payloads.collect::<Vec<_>>(),
            "compression": compression.map(|compression| compression.to_string()),
        }))?;
        hex::decode(bytes.as_str().unwrap_or_default())
    }
}

impl Values for Python {
    fn answer(&self, cql_type: &Json, bytes: &[u8]) -> Result<(Json, Vec<u8>), String> {
        let bytes = hex::encode(bytes);
        let mut answer = call(&json!({ "do": "value", "type": cql_type, "bytes": bytes }))?;
        let written = hex::decode(answer[1].as_str().unwrap_or_default())?;
        Ok((answer[0].take(), written))
    }
}

/// The known differences of the driver, which encodes only requests and decodes only responses.
pub(crate) const SKIPS: &[Skip] = &[
    Skip {
        name: "null_tokens",
        reason: "it cannot send a null token, and reads a null token as an empty one",
        applies: |case| case.message().get("token").is_some_and(Json::is_null),
    },
    Skip {
        name: "tokens_that_are_not_text",
        reason: "it decodes the token of AUTH_SUCCESS as UTF-8",
        applies: |case| {
            let token = case.message()["token"].as_str().and_then(|token| hex::decode(token).ok());
            case.opcode == Opcode::AuthSuccess
                && token.is_some_and(|token| String::from_utf8(token).is_err())
        },
    },
    Skip {
        name: "names_for_values",
        reason: "it sends values by position only",
        applies: |case| case.parameters()["values"].is_object(),
    },
    Skip {
        name: "skip_metadata",
        reason: "it never sets the flag",
        applies: |case| case.parameters()["skip_metadata"] == true,
    },
    Skip {
        name: "now_in_seconds",
        reason: "it does not have the field",
        applies: |case| case.parameters()["now_in_seconds"].is_number(),
    },
    Skip {
        name: "negative_timestamps",
        reason: "it packs the timestamp as an unsigned number",
        applies: |case| case.parameters()["timestamp"].as_i64().is_some_and(|at| at < 0),
    },
    Skip {
        name: "empty_is_absent",
        reason: "it leaves out a page size of 0 and an empty paging state",
        applies: |case| {
            let of = case.parameters();
            of["page_size"] == 0 || of["paging_state"] == ""
        },
    },
    Skip {
        name: "empty_keyspace",
        reason: "it writes the flag or the name of an empty keyspace, but not both",
        applies: |case| {
            let is_empty = case.parameters()["keyspace"] == "";
            is_empty && matches!(case.opcode, Opcode::Prepare | Opcode::Batch)
        },
    },
    Skip {
        name: "contentions",
        reason: "it ignores the last field of a WRITE_TIMEOUT of CAS",
        applies: |case| case.message()["details"]["contentions"].is_number(),
    },
    Skip {
        name: "user_types_in_class_names",
        reason: "it looks up the keyspace as a type name, and reads the hex of the type's name as \
            the dimensions of a vector if it has only digits",
        applies: |case| has_user_type_in_vector(case.message(), false),
    },
    Skip {
        name: "cas_write_unknown",
        reason: "it knows neither the error nor its fields",
        applies: |case| case.message()["code"] == ErrorCode::CasWriteUnknown.code(),
    },
];

/// Returns true if a vector contains a user-defined type.
fn has_user_type_in_vector(fields: &Json, in_vector: bool) -> bool {
    match fields {
        Json::Object(fields) => fields.values().any(|of| has_user_type_in_vector(of, in_vector)),
        Json::Array(list) => {
            let is = |name: &str| list.first().is_some_and(|first| first == name);
            let in_vector = in_vector || is("vector");
            in_vector && is("udt") || list.iter().any(|of| has_user_type_in_vector(of, in_vector))
        }
        _ => false,
    }
}

/// Distance from 1970, in milliseconds, up to which a float of seconds is exact: about 136 years.
const EXACT_RANGE: u64 = 1 << 42;

/// The known differences of the driver's values.
pub(crate) const VALUE_SKIPS: &[ValueSkip] = &[
    ValueSkip {
        name: "nulls_in_collections",
        reason: "it writes nulls in collections as empty values",
        applies: |value| {
            json_values::contains_value(value, &|part| match part {
                Value::List(elements) | Value::Set(elements) => elements.contains(&Value::Null),
                Value::Map(entries) => entries.iter().any(|(_, value)| *value == Value::Null),
                _ => false,
            })
        },
    },
    ValueSkip {
        name: "far_instants",
        reason: "it computes timestamps as a float of seconds, and supports the years 1 to 9999 only",
        applies: |value| {
            json_values::contains_value(value, &|part| match part {
                Value::Timestamp(instant) => instant.0.unsigned_abs() > EXACT_RANGE,
                _ => false,
            })
        },
    },
    ValueSkip {
        name: "empty_custom_values",
        reason: "it reads empty custom values as null",
        applies: |value| {
            json_values::contains_value(
                value,
                &|part| matches!(part, Value::Custom(bytes) if bytes.is_empty()),
            )
        },
    },
    ValueSkip {
        name: "counters_in_vectors",
        reason: "it writes them without the length that Cassandra's CounterColumnType requires",
        applies: |value| {
            json_values::contains_value(value, &|part| match part {
                Value::Vector(elements) => matches!(elements.first(), Some(Value::Counter(_))),
                _ => false,
            })
        },
    },
];
