//! Every field of every message, by the name that the codec's errors have for it.
//!
//! Bytes are hex, null is null, what is not set is `{"unset": true}`. Flags are a list of names, and
//! the same as a number. A map is an object, or a list of pairs if a name occurs in it twice, which
//! an object cannot hold.

mod request;
mod response;
mod result;

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::wire::RawValue;

pub(super) use request::request;
pub(super) use response::response;
pub(super) use result::rows;

/// An object of these fields. Where a field may be large this is better than `json!`, which copies
/// values instead of taking them.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// Bytes as hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

/// Bytes that may be null.
pub(super) fn bytes(bytes: Option<&[u8]>) -> Value {
    bytes.map(hex).into()
}

fn value(value: RawValue<'_>) -> Value {
    match value {
        RawValue::Bytes(bytes) => hex(bytes).into(),
        RawValue::Null => Value::Null,
        RawValue::Unset => json!({ "unset": true }),
    }
}

/// A map of the protocol, each of whose values `shown` shows.
pub(super) fn map<K: AsRef<str>, V>(entries: &[(K, V)], shown: impl Fn(&V) -> Value) -> Value {
    let mut names = HashSet::new();
    let entry = |(name, value): &(K, V)| (name.as_ref().to_owned(), shown(value));
    match entries.iter().all(|(name, _)| names.insert(name.as_ref())) {
        true => entries.iter().map(entry).collect::<Map<_, _>>().into(),
        false => entries.iter().map(entry).map(|(name, value)| json!([name, value])).collect(),
    }
}

/// The fields of one object, and then those of another.
fn joined(mut first: Value, then: Value) -> Value {
    if let (Value::Object(first), Value::Object(then)) = (&mut first, then) {
        first.extend(then);
    }
    first
}
