//! The Python driver as a client of a node.

use std::net::SocketAddr;

use cqlwire::types::{NativeType, Value};
use cqlwire::wire::Version;
use serde_json::{Value as Json, json};

use super::table::Row;
use crate::child::Child;
use crate::interpreter;
use crate::json_values::{self, value_to_json};

/// A Python process whose driver is connected to one node in one protocol version.
pub(crate) struct Python(Child);

impl Python {
    pub(crate) fn start(address: SocketAddr, version: Version) -> Result<Self, String> {
        let mut command = interpreter::command("tests/live/values/peer.py")?;
        command.arg(address.ip().to_string());
        command.args([address.port().to_string(), version.number().to_string()]);
        Child::start(&mut command).map(Self)
    }

    /// Writes a row.
    pub(crate) fn write(&self, row: &Row<'_>) -> Result<(), String> {
        let text = Value::Text(row.key.clone());
        let key = (json_values::type_to_json(&NativeType::Text.into()), value_to_json(&text));
        let values = row.cells.iter();
        let values = values.map(|cell| {
            (json_values::type_to_json(&cell.column.cql_type), value_to_json(cell.value))
        });
        let values = values.chain([key]).collect::<Vec<_>>();
        let request = json!({ "do": "write", "statement": row.write(), "values": values });
        self.0.call(&request.to_string())?;
        Ok(())
    }

    /// Reads a row. Returns the values of its cells in the form of [`value_to_json`].
    pub(crate) fn read(&self, row: &Row<'_>) -> Result<Vec<Json>, String> {
        let types = row.cells.iter().map(|cell| json_values::type_to_json(&cell.column.cql_type));
        let types = types.collect::<Vec<_>>();
        let request = json!({ "do": "read", "statement": row.read(), "types": types });
        match self.0.call(&request.to_string())? {
            Json::Array(values) => Ok(values),
            other => Err(format!("the answer is not a row: {other}")),
        }
    }
}
