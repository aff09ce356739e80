//! The Python driver, as a client of a node.

use std::net::SocketAddr;

use cqlwire::types::{NativeType, Value};
use cqlwire::wire::Version;
use serde_json::{Value as Json, json};

use super::table::Row;
use crate::child::Child;
use crate::interpreter;
use crate::plain::{self, plain};

/// The driver in a process of its own, which knows one node and one version of the protocol.
pub(crate) struct Python(Child);

impl Python {
    pub(crate) fn start(address: SocketAddr, version: Version) -> Result<Self, String> {
        let mut command = interpreter::command("tests/live/values/peer.py")?;
        command.arg(address.ip().to_string());
        command.args([address.port().to_string(), version.number().to_string()]);
        Child::start(&mut command).map(Self)
    }

    /// Writes a row of a table of `keyspace`.
    pub(crate) fn write(&self, row: &Row<'_>) -> Result<(), String> {
        let text = Value::Text(row.key.clone());
        let key = (plain::cql_type(&NativeType::Text.into()), plain(&text));
        let values = row.cells.iter();
        let values = values.map(|cell| (plain::cql_type(&cell.column.cql_type), plain(cell.value)));
        let values = values.chain([key]).collect::<Vec<_>>();
        let question = json!({ "do": "write", "statement": row.write(), "values": values });
        self.0.ask(&question.to_string())?;
        Ok(())
    }

    /// The values of the row's cells, as [`plain`] shows them.
    pub(crate) fn read(&self, row: &Row<'_>) -> Result<Vec<Json>, String> {
        let types = row.cells.iter().map(|cell| plain::cql_type(&cell.column.cql_type));
        let types = types.collect::<Vec<_>>();
        let question = json!({ "do": "read", "statement": row.read(), "types": types });
        match self.0.ask(&question.to_string())? {
            Json::Array(values) => Ok(values),
            other => Err(format!("no row: {other}")),
        }
    }
}
