//! serde 1: `Serialize`, in the forms of JSON whatever the format.

use serde_core::ser::{Serialize, SerializeMap, Serializer};

use super::{Form, columns, fields, key};
use crate::types::{Record, Value};

/// As JSON: see the [table](crate::types#json).
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
                serializer.collect_map(entries.iter().map(|(key_of, value)| (key(key_of), value)))
            }
            Form::Udt(udt, values) => serializer.collect_map(fields(udt, values)),
        }
    }
}

/// As a JSON object, by the names of the columns. Of columns of one name, the first.
impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        columns(self).try_for_each(|(column, value)| map.serialize_entry(&column, value))?;
        map.end()
    }
}
