//! serde_json 1: conversion of values and rows to `serde_json::Value`. [`Value::from_json`]
//! converts back.

use serde_json::Value as Json;

use super::{Form, columns, fields, key};
use crate::types::{Record, Value};

/// Converts to the JSON form of Cassandra's `SELECT JSON`, as in the [table](crate::types#json).
impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        match Form::of(value) {
            Form::Null => Self::Null,
            Form::Boolean(flag) => flag.into(),
            Form::Integer(number) => number.into(),
            Form::Unsigned(number) => number.into(),
            Form::Float(number) => number.into(),
            Form::Text(text) => text.into(),
            Form::Array(values) => values.iter().map(Self::from).collect(),
            Form::Map(entries) => {
                entries.iter().map(|(map_key, value)| (key(map_key), Self::from(value))).collect()
            }
            Form::Udt(udt, values) => {
                fields(udt, values).map(|(field, value)| (field, Self::from(value))).collect()
            }
        }
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

/// Converts to an object from column names to values. If several columns have the same name, only
/// the first is kept.
impl From<&Record> for Json {
    fn from(record: &Record) -> Self {
        columns(record).map(|(column, value)| (column, Self::from(value))).collect()
    }
}

impl From<Record> for Json {
    fn from(record: Record) -> Self {
        Self::from(&record)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::types::{ColumnSpec, NativeType, RowIter};

    fn row() -> Record {
        let columns = ["a", "B", "a"].map(|name| ColumnSpec::new("ks", "t", name, NativeType::Int));
        let page = Bytes::from_static(b"\0\0\0\x04\0\0\0\x01\xff\xff\xff\xff\0\0\0\x04\0\0\0\x02");
        RowIter::<Record>::new(&page, &columns, 1).unwrap().next().unwrap().unwrap()
    }

    #[test]
    fn rows_are_objects_by_the_names_of_their_columns() {
        assert_eq!(Json::from(row()), serde_json::json!({"a": 1, "\"B\"": null}));
    }

    #[test]
    #[cfg(feature = "serde-1")]
    fn rows_serialize_as_the_same_json() {
        assert_eq!(serde_json::to_value(row()).unwrap(), Json::from(row()));
        assert_eq!(serde_json::to_string(&row()).unwrap(), r#"{"a":1,"\"B\"":null}"#);
    }
}
