//! Access to the fields of a schema row by name. A field that is missing or has another type is
//! read as `None` or as an empty collection.

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;

use crate::types::{Record, Value};

/// The fields of a row by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'r>(pub(super) &'r Record);

impl<'r> Fields<'r> {
    pub(super) fn text(self, name: &str) -> Option<&'r str> {
        as_text(self.0.get(name)?)
    }

    /// Returns the texts of a list or a set.
    pub(super) fn texts(self, name: &str) -> Vec<&'r str> {
        self.values(name).iter().filter_map(as_text).collect()
    }

    /// Returns the entries of a map of texts.
    pub(super) fn map(self, name: &str) -> BTreeMap<String, String> {
        let Some(Value::Map(entries)) = self.0.get(name) else { return BTreeMap::new() };
        let texts = |(key, value)| Some((as_text(key)?.to_owned(), as_text(value)?.to_owned()));
        entries.iter().map(|(key, value)| (key, value)).filter_map(texts).collect()
    }

    pub(super) fn flag(self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Returns the booleans of a list. Null counts as false.
    pub(super) fn flags(self, name: &str) -> Vec<bool> {
        self.values(name).iter().map(|flag| *flag == Value::Boolean(true)).collect()
    }

    pub(super) fn int(self, name: &str) -> Option<i32> {
        match self.0.get(name)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn uuid(self, name: &str) -> Option<Uuid> {
        match self.0.get(name)? {
            Value::Uuid(id) | Value::TimeUuid(id) => Some(*id),
            _ => None,
        }
    }

    /// Returns the fields other than `names` that are not null.
    pub(super) fn all_except(self, names: &[&str]) -> BTreeMap<String, Value> {
        self.0
            .iter()
            .filter(|(name, value)| !names.contains(name) && **value != Value::Null)
            .map(|(name, value)| (name.to_owned(), detached(value)))
            .collect()
    }

    fn values(self, name: &str) -> &'r [Value] {
        match self.0.get(name) {
            Some(Value::List(values) | Value::Set(values)) => values,
            _ => &[],
        }
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Ascii(text) => Some(text),
        _ => None,
    }
}

/// Copies a value so that it does not share the memory of its page of rows. Otherwise the page
/// would stay in memory as long as the schema.
fn detached(value: &Value) -> Value {
    match value {
        Value::Blob(bytes) => Value::Blob(Bytes::copy_from_slice(bytes)),
        Value::Map(entries) => Value::Map(
            entries.iter().map(|(key, value)| (detached(key), detached(value))).collect(),
        ),
        other => other.clone(),
    }
}
