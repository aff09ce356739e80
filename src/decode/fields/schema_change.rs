//! The fields of a schema change, which occurs both as an event and as a result.

use serde_json::{Value, json};

use super::value::{hex, joined};
use crate::message::{SchemaChange, SchemaTarget};

/// Returns the fields of a schema change.
pub(super) fn schema_change(change: &SchemaChange) -> Value {
    let target = match &change.target {
        SchemaTarget::Keyspace { keyspace } => {
            json!({ "target": "KEYSPACE", "keyspace": keyspace })
        }
        SchemaTarget::Table { keyspace, table } => {
            json!({ "target": "TABLE", "keyspace": keyspace, "table": table })
        }
        SchemaTarget::Type { keyspace, name } => {
            json!({ "target": "TYPE", "keyspace": keyspace, "name": name })
        }
        SchemaTarget::Function { keyspace, name, arguments } => json!({
            "target": "FUNCTION",
            "keyspace": keyspace,
            "name": name,
            "argument_types": arguments,
        }),
        SchemaTarget::Aggregate { keyspace, name, arguments } => json!({
            "target": "AGGREGATE",
            "keyspace": keyspace,
            "name": name,
            "argument_types": arguments,
        }),
        SchemaTarget::Unknown { target, rest } => json!({ "target": target, "rest": hex(rest) }),
    };
    joined(json!({ "change_type": change.kind.as_str() }), target)
}
