//! Statements as JSON.

use std::io::{Write, stderr};
use std::net::SocketAddr;

use serde_json::{Map, Value as Json, json};

use crate::testing::ReceivedRequest;

/// Writes a line to stderr for a statement that a node has received.
pub(super) fn log(node: SocketAddr, received: &ReceivedRequest) {
    // A program that closes its end of the pipe no longer wants the log.
    let _closed = writeln!(stderr(), "{}", to_json(node, received));
}

/// Returns a statement with its values, in the JSON form of Cassandra's `SELECT JSON`, and with their
/// types. Options that the client did not send are left out.
pub(super) fn to_json(node: SocketAddr, received: &ReceivedRequest) -> Json {
    let mut object = Map::new();
    let mut add = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    let (values, types) = values(received);
    add("node", Some(node.to_string().into()));
    add("connection", Some(received.connection.into()));
    add("keyspace", received.keyspace.clone().map(Json::from));
    add("statement", Some(received.text.clone().into()));
    add("values", Some(values));
    add("types", Some(types));
    add("consistency", Some(received.consistency.to_string().into()));
    let serial = received.serial_consistency.map(|level| level.to_string().into());
    add("serial_consistency", serial);
    add("page_size", received.page_size.map(Json::from));
    add("timestamp", received.timestamp.map(Json::from));
    Json::Object(object)
}

/// Returns an object of the values and one of their types, by the names of the variables. If several
/// variables have the same name, the later ones are numbered: `id`, `id 2`.
fn values(received: &ReceivedRequest) -> (Json, Json) {
    let (mut values, mut types) = (Map::new(), Map::new());
    for (column, value) in received.variables() {
        let mut name = column.name.to_string();
        let mut number = 1;
        while values.contains_key(&name) {
            number += 1;
            name = format!("{} {number}", column.name);
        }
        let value = match value {
            Ok(value) => Json::from(&value),
            Err(error) => json!({"error": error}),
        };
        values.insert(name.clone(), value);
        types.insert(name, column.cql_type.to_string().into());
    }
    (values.into(), types.into())
}
