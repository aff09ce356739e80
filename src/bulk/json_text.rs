//! The text of a value in a JSON line.

use std::io::Write;

use serde_json::Value as Json;

use crate::types::Value;

/// Appends the JSON of a value: see the [table](crate::types#json).
pub(super) fn write_json(value: &Value, out: &mut Vec<u8>) {
    let written = match value {
        Value::Null => out.write_all(b"null"),
        Value::Ascii(text) | Value::Text(text) => return write_json_string(text, out),
        Value::Boolean(flag) => write!(out, "{flag}"),
        Value::BigInt(number) | Value::Counter(number) => write!(out, "{number}"),
        Value::Int(number) => write!(out, "{number}"),
        Value::SmallInt(number) => write!(out, "{number}"),
        Value::TinyInt(number) => write!(out, "{number}"),
        value => serde_json::to_writer(out, &Json::from(value)).map_err(Into::into),
    };
    debug_assert!(written.is_ok(), "writing to a Vec does not fail");
}

/// Appends a JSON string.
pub(super) fn write_json_string(text: &str, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out, text);
    debug_assert!(written.is_ok(), "writing to a Vec does not fail");
}

/// Returns a column's name as a key of the row's object: in double quotes unless it is lower case, like the names of
/// Cassandra's `SELECT JSON`.
pub(super) fn json_name(name: &str) -> String {
    if name == name.to_lowercase() { name.to_owned() } else { format!("\"{name}\"") }
}
