//! Values as JSON, as `toJson` and `SELECT JSON` write them.

use std::fmt::Write;
use std::iter;

use super::java::{decimal, double, float, inet, timestamp};
use crate::types::Value;

/// Returns a value as JSON.
pub(in crate::store) fn to_json(value: &Value) -> String {
    let mut json = String::new();
    write_value(&mut json, value);
    json
}

/// Returns a row as a JSON object. A column whose name is not in lower case is in quotation marks,
/// within those of the key.
pub(in crate::store) fn object<'v>(cells: impl Iterator<Item = (&'v str, &'v Value)>) -> String {
    let mut json = String::new();
    let key = |json: &mut String, name: &str| match name == name.to_lowercase() {
        true => write_text(json, name),
        false => write_text(json, &format!("\"{name}\"")),
    };
    write_items(&mut json, ['{', '}'], cells, |json, (name, value)| {
        key(json, name);
        json.push_str(": ");
        write_value(json, value);
    });
    json
}

fn write_value(json: &mut String, value: &Value) {
    match value {
        Value::Null => json.push_str("null"),
        Value::Empty => json.push_str("\"\""),
        Value::Ascii(text) | Value::Text(text) => write_text(json, text),
        // JSON has no such numbers.
        Value::Double(number) if !number.is_finite() => json.push_str("null"),
        Value::Float(number) if !number.is_finite() => json.push_str("null"),
        Value::Double(number) => json.push_str(&double(*number)),
        Value::Float(number) => json.push_str(&float(*number)),
        Value::Decimal(number) => json.push_str(&decimal(number)),
        Value::Inet(address) => write_text(json, &inet(*address)),
        Value::BigInt(_)
        | Value::Boolean(_)
        | Value::Counter(_)
        | Value::Int(_)
        | Value::SmallInt(_)
        | Value::TinyInt(_)
        | Value::Varint(_) => json.push_str(&value.to_string()),
        Value::Timestamp(instant) => write_text(json, &timestamp(*instant)),
        Value::Blob(_)
        | Value::Custom(_)
        | Value::Date(_)
        | Value::Duration(_)
        | Value::Time(_)
        | Value::TimeUuid(_)
        | Value::Uuid(_) => write_text(json, value.to_string().trim_matches('\'')),
        Value::List(values) | Value::Set(values) | Value::Tuple(values) | Value::Vector(values) => {
            write_items(json, ['[', ']'], values.iter(), write_value);
        }
        Value::Map(entries) => write_items(json, ['{', '}'], entries.iter(), write_entry),
        Value::Udt { udt, fields } => {
            // Missing fields at the end are null.
            let fields = fields.iter().chain(iter::repeat(&Value::Null));
            let cells = udt.fields.iter().zip(fields);
            json.push_str(&object(cells.map(|((name, _), value)| (&**name, value))));
        }
    }
}

fn write_entry(json: &mut String, (key, value): &(Value, Value)) {
    match key {
        Value::Ascii(text) | Value::Text(text) => write_text(json, text),
        // Keys of other types are the text of their JSON.
        other => write_text(json, to_json(other).trim_matches('"')),
    }
    json.push_str(": ");
    write_value(json, value);
}

fn write_items<T>(
    json: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    json.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            json.push_str(", ");
        }
        write(json, item);
    }
    json.push(close);
}

pub(super) fn write_text(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            c if c < ' ' => {
                // Writing to a `String` does not fail.
                let _written = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CqlType, NativeType};

    #[test]
    fn values_are_written_as_cassandra_writes_them() {
        for (cql_type, literal, json) in [
            ("text", "'a\"b'", r#""a\"b""#),
            ("int", "-5", "-5"),
            ("double", "1.5", "1.5"),
            ("boolean", "true", "true"),
            ("inet", "'127.0.0.1'", r#""127.0.0.1""#),
            ("blob", "0x01ab", r#""0x01ab""#),
            (
                "uuid",
                "fcd0f4ba-4a3f-47ff-bc66-809e63825dee",
                r#""fcd0f4ba-4a3f-47ff-bc66-809e63825dee""#,
            ),
            ("timestamp", "'2020-01-02 03:04:05.006+0000'", r#""2020-01-02 03:04:05.006Z""#),
            ("map<text, text>", "{'class': 'a', 'b': 'c'}", r#"{"class": "a", "b": "c"}"#),
            ("map<int, list<int>>", "{1: [2, 3]}", r#"{"1": [2, 3]}"#),
            ("set<text>", "{'x'}", r#"["x"]"#),
            ("tuple<int, text>", "(1, null)", "[1, null]"),
        ] {
            let cql_type: CqlType = cql_type.parse().unwrap();
            assert_eq!(to_json(&Value::parse(&cql_type, literal).unwrap()), json);
        }
        let row = [("a", &Value::Int(1)), ("B", &Value::Null)];
        assert_eq!(object(row.into_iter()), r#"{"a": 1, "\"B\"": null}"#);
        assert_eq!(
            Value::parse(&NativeType::Text.into(), "'\u{1}'").map(|v| to_json(&v)).unwrap(),
            "\"\\u0001\""
        );
    }
}
