//! Conversions between native types and `blob`.

use crate::types::{CqlType, Value};
use crate::wire::Writer;

/// Returns the bytes of a value as a blob.
pub(super) fn of(value: &Value, cql_type: &CqlType) -> Value {
    let mut bytes = Vec::new();
    match value.encode(cql_type, &mut Writer::new(&mut bytes)) {
        // `encode` writes a length of four bytes first.
        Ok(()) => Value::Blob(bytes.split_off(bytes.len().min(4)).into()),
        Err(_) => Value::Null,
    }
}

/// Returns the value whose bytes a blob has, or the bytes as hexadecimal digits if they are no value of
/// the type.
pub(super) fn value(blob: &Value, cql_type: &CqlType) -> Result<Value, String> {
    let Value::Blob(bytes) = blob else { return Ok(Value::Null) };
    Value::decode(cql_type, bytes).map_err(|_| base16ct::lower::encode_string(bytes))
}
