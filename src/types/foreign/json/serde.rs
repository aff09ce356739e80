//! serde 1: `Serialize` for values and rows. The serialized form is that of JSON in every data
//! format.

use serde_core::ser::{Serialize, SerializeMap, Serializer};

use super::{Form, columns, fields, key};
use crate::types::{Record, Value};

/// Serializes the [JSON form](crate::types#json).
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Form::of(self) {
            Form::Null => serializer.serialize_unit(),
            Form::Boolean(flag) => serializer.serialize_bool(flag),
            Form::Integer(number) => serializer.serialize_i64(number),
            Form::Unsigned(number) => serializer.serialize_u64(number),
            Form::Float(number) => serializer.serialize_f64(number),
            Form::Text(text) => serializer.serialize_str(&text),
            Form::Array(values) => serializer.collect_seq(values),
            Form::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(map_key, value)| (key(map_key), value)))
            }
            Form::Udt(udt, values) => serializer.collect_map(fields(udt, values)),
        }
    }
}

/// Serializes a map from column names to values. If several columns have the same name, only the
/// first is serialized.
impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        columns(self).try_for_each(|(column, value)| map.serialize_entry(&column, value))?;
        map.end()
    }
}
