//! Converts types and values to language-neutral JSON, for comparison with other codecs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cqlwire::types::{CqlType, Value};
use serde_json::{Value as Json, json};

use crate::hex;

/// Returns a value as JSON. Numbers are text, floating-point numbers the hex of their bits, bytes hex.
/// Sets and maps are sorted by the text of their elements.
pub(crate) fn value_to_json(value: &Value) -> Json {
    let list = |values: &[Value]| values.iter().map(value_to_json).collect::<Vec<_>>();
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
        Value::Duration(duration) => json!([
            duration.months.to_string(),
            duration.days.to_string(),
            duration.nanoseconds.to_string()
        ]),
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
            let texts = elements.iter().map(|element| value_to_json(element).to_string());
            json!(texts.collect::<BTreeSet<_>>())
        }
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| json!([value_to_json(key), value_to_json(value)]));
            let mut entries = entries.collect::<Vec<_>>();
            entries.sort_by_key(Json::to_string);
            json!(entries)
        }
        other => panic!("{other} is not known to these tests"),
    }
}

/// Returns a type as JSON: its name, or a list of its name and its parameters.
pub(crate) fn type_to_json(of: &CqlType) -> Json {
    match of {
        CqlType::Native(native) => json!(native.to_string()),
        CqlType::List(element) => json!(["list", type_to_json(element)]),
        CqlType::Set(element) => json!(["set", type_to_json(element)]),
        CqlType::Map(pair) => json!(["map", type_to_json(&pair.0), type_to_json(&pair.1)]),
        CqlType::Tuple(types) => {
            json!(["tuple", types.iter().map(type_to_json).collect::<Vec<_>>()])
        }
        CqlType::Udt(udt) => {
            let fields = udt.fields.iter().map(|(name, field)| json!([name, type_to_json(field)]));
            json!(["udt", udt.keyspace, udt.name, fields.collect::<Vec<_>>()])
        }
        CqlType::Vector(vector) => {
            json!(["vector", type_to_json(&vector.element), vector.dimensions])
        }
        CqlType::Custom(class) => json!(["custom", class]),
        other => panic!("{other} is not known to these tests"),
    }
}

/// Returns true if `matches` is true for the value or any part of it.
pub(crate) fn contains_value(value: &Value, matches: &dyn Fn(&Value) -> bool) -> bool {
    let any = |values: &[Value]| values.iter().any(|part| contains_value(part, matches));
    matches(value)
        || match value {
            Value::List(parts) | Value::Set(parts) | Value::Tuple(parts) | Value::Vector(parts) => {
                any(parts)
            }
            Value::Udt { fields, .. } => any(fields),
            Value::Map(entries) => entries
                .iter()
                .any(|(key, value)| contains_value(key, matches) || contains_value(value, matches)),
            _ => false,
        }
}
