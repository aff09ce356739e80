//! Types and values as JSON that every language has, so that no codec carries them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cqlwire::types::{CqlType, Value};
use serde_json::{Value as Json, json};

use crate::hex;

/// The value as every language has it: numbers as text, floating-point ones as the hex of their
/// bits, bytes as hex, sets and maps in the order of their texts.
pub(crate) fn plain(value: &Value) -> Json {
    let list = |values: &[Value]| values.iter().map(plain).collect::<Vec<_>>();
    match value {
        Value::Null => Json::Null,
        Value::Empty => json!({ "empty": true }),
        Value::Ascii(text) | Value::Text(text) => json!(text),
        Value::BigInt(number) | Value::Counter(number) => json!(number.to_string()),
        Value::Int(number) => json!(number.to_string()),
        Value::SmallInt(number) => json!(number.to_string()),
        Value::TinyInt(number) => json!(number.to_string()),
        Value::Varint(number) => json!(number.to_string()),
        Value::Date(date) => json!(date.0.to_string()),
        Value::Time(time) => json!(time.0.to_string()),
        Value::Timestamp(instant) => json!(instant.0.to_string()),
        Value::Decimal(number) => json!([number.unscaled.to_string(), number.scale.to_string()]),
        Value::Double(number) => json!(hex::encode(number.to_be_bytes())),
        Value::Float(number) => json!(hex::encode(number.to_be_bytes())),
        Value::Duration(of) => {
            json!([of.months.to_string(), of.days.to_string(), of.nanoseconds.to_string()])
        }
        Value::Blob(bytes) | Value::Custom(bytes) => json!(hex::encode(bytes)),
        Value::Boolean(flag) => json!(flag),
        Value::Inet(IpAddr::V4(address)) => json!(hex::encode(address.octets())),
        Value::Inet(IpAddr::V6(address)) => json!(hex::encode(address.octets())),
        Value::Uuid(uuid) | Value::TimeUuid(uuid) => json!(uuid.to_string()),
        Value::List(elements) | Value::Tuple(elements) | Value::Vector(elements) => {
            json!(list(elements))
        }
        Value::Udt { fields, .. } => json!(list(fields)),
        Value::Set(elements) => {
            let texts = elements.iter().map(|element| plain(element).to_string());
            json!(texts.collect::<BTreeSet<_>>())
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| json!([plain(key), plain(value)]));
            let mut entries = entries.collect::<Vec<_>>();
            entries.sort_by_key(Json::to_string);
            json!(entries)
        }
        other => panic!("{other} is not known to these tests"),
    }
}

/// The type's name, or a list of its name and parameters.
pub(crate) fn cql_type(of: &CqlType) -> Json {
    match of {
        CqlType::Native(native) => json!(native.to_string()),
        CqlType::List(element) => json!(["list", cql_type(element)]),
        CqlType::Set(element) => json!(["set", cql_type(element)]),
        CqlType::Map(pair) => json!(["map", cql_type(&pair.0), cql_type(&pair.1)]),
        CqlType::Tuple(types) => json!(["tuple", types.iter().map(cql_type).collect::<Vec<_>>()]),
        CqlType::Udt(udt) => {
            let fields = udt.fields.iter().map(|(name, field)| json!([name, cql_type(field)]));
            json!(["udt", udt.keyspace, udt.name, fields.collect::<Vec<_>>()])
        }
        CqlType::Vector(vector) => {
            json!(["vector", cql_type(&vector.element), vector.dimensions])
        }
        CqlType::Custom(class) => json!(["custom", class]),
        other => panic!("{other} is not known to these tests"),
    }
}

/// Whether the value or a part of it is such a one.
pub(crate) fn has(value: &Value, is_one: &dyn Fn(&Value) -> bool) -> bool {
    let any = |values: &[Value]| values.iter().any(|part| has(part, is_one));
    is_one(value)
        || match value {
            Value::List(parts) | Value::Set(parts) | Value::Tuple(parts) | Value::Vector(parts) => {
                any(parts)
            }
            Value::Udt { fields, .. } => any(fields),
            Value::Map(entries) => {
                entries.iter().any(|(key, value)| has(key, is_one) || has(value, is_one))
            }
            _ => false,
        }
}
