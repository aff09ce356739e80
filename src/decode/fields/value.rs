//! Converts values of the protocol to JSON.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::wire::RawValue;

/// Builds an object of these fields. Unlike `json!`, it moves the values instead of copying them.
pub(in super::super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// Formats bytes as hex.
pub(in super::super) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Formats bytes as hex, and `None` as null.
pub(in super::super) fn bytes(bytes: Option<&[u8]>) -> Value {
    bytes.map(hex).into()
}

/// Formats a bound value as hex, null, or `{"unset": true}`.
pub(super) fn raw_value(value: RawValue<'_>) -> Value {
    match value {
        RawValue::Bytes(bytes) => hex(bytes).into(),
        RawValue::Null => Value::Null,
        RawValue::Unset => json!({ "unset": true }),
    }
}

/// Formats a map as an object, or as a list of pairs if a name occurs twice. `format` formats each
/// value of the map.
pub(in super::super) fn map<K: AsRef<str>, V>(
    entries: &[(K, V)],
    format: impl Fn(&V) -> Value,
) -> Value {
    let mut names = HashSet::new();
    let entry = |(name, value): &(K, V)| (name.as_ref().to_owned(), format(value));
    match entries.iter().all(|(name, _)| names.insert(name.as_ref())) {
        true => entries.iter().map(entry).collect::<Map<_, _>>().into(),
        false => entries.iter().map(entry).map(|(name, value)| json!([name, value])).collect(),
    }
}

/// Appends the fields of the object `then` to the object `first`.
pub(super) fn joined(mut first: Value, then: Value) -> Value {
    if let (Value::Object(first), Value::Object(then)) = (&mut first, then) {
        first.extend(then);
    }
    first
}
