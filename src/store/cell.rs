//! Bytes of bound values as values.

use super::error::invalid;
use super::order::sorted;
use super::type_text::TypeText;
use crate::message::ServerError;
use crate::types::{CqlType, NativeType, Value};

/// Decodes a bound value. The elements of sets and maps may be in any order.
///
/// # Errors
/// Returns the INVALID error of Cassandra if the bytes are no value of the type.
pub(in crate::store) fn decode(cql_type: &CqlType, bytes: &[u8]) -> Result<Value, ServerError> {
    match Value::decode(cql_type, bytes) {
        Ok(Value::TimeUuid(uuid)) if uuid.get_version_num() != 1 => {
            Err(invalid("Invalid version for TimeUUID type."))
        }
        Ok(value) => Ok(sorted(value, cql_type)),
        Err(_) => Err(invalid(undecodable(cql_type, bytes))),
    }
}

/// Returns the error text of Cassandra for bytes that are no value of a type.
fn undecodable(cql_type: &CqlType, bytes: &[u8]) -> String {
    let length = bytes.len();
    let expected = |expected: &str| format!("Expected {expected} ({length})");
    let CqlType::Native(native) = cql_type else {
        return match cql_type {
            CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_) if length < 4 => {
                "Not enough bytes to read a collection".to_owned()
            }
            _ => format!("Invalid bytes for a value of type {}", TypeText(cql_type)),
        };
    };
    match native {
        NativeType::Ascii => {
            let byte = bytes.iter().find(|byte| !byte.is_ascii()).unwrap_or(&0);
            format!("Invalid byte for ascii: {}", byte.cast_signed())
        }
        NativeType::Text => "String didn't validate.".to_owned(),
        NativeType::BigInt | NativeType::Counter => expected("8 or 0 byte long"),
        NativeType::Boolean => expected("1 or 0 byte value"),
        NativeType::Date => expected("4 byte long for date"),
        NativeType::Time => expected("8 byte long for time"),
        NativeType::Timestamp => expected("8 or 0 byte long for date"),
        NativeType::Decimal => expected("0 or at least 4 bytes"),
        NativeType::Double => expected("8 or 0 byte value for a double"),
        NativeType::Float => expected("4 or 0 byte value for a float"),
        NativeType::Int => expected("4 or 0 byte int"),
        NativeType::SmallInt => expected("2 bytes for a smallint"),
        NativeType::TinyInt => expected("1 byte for a tinyint"),
        NativeType::Inet => format!("Expected 4 or 16 byte inetaddress; got {length}"),
        NativeType::Uuid => format!("UUID should be 16 or 0 bytes ({length})"),
        NativeType::TimeUuid => format!("TimeUUID should be 16 or 0 bytes ({length})"),
        NativeType::Duration if length < 3 => {
            format!("Expected at least 3 bytes for a duration ({length})")
        }
        _ => format!("Invalid bytes for a value of type {native}"),
    }
}
