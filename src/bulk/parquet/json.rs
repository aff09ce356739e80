//! The rows of a Parquet file as JSON lines, for the error files.

use serde_json::{Map, Value as Json};

use super::cell::ArrowCell;
use crate::bulk::json_text::{json_name, write_json, write_json_string};
use crate::types::{Date, MaybeUnset, Time, Value};

/// The keys of rows, in the order of their columns.
#[derive(Debug, Clone)]
pub struct JsonRows {
    keys: Vec<Vec<u8>>,
}

impl JsonRows {
    /// Returns the keys for columns, as names of fields and of columns. A load of the lines finds the columns of these keys
    /// as it finds those of the fields.
    pub(super) fn new<'n>(names: impl IntoIterator<Item = (&'n str, &'n str)>) -> Self {
        let key = |(field, column): (&str, &str)| {
            let mut key = Vec::new();
            // A field with the name of its column needs the key of this column in JSON.
            let name = if field == column { json_name(column) } else { field.to_owned() };
            write_json_string(&name, &mut key);
            key.push(b':');
            key
        };
        Self { keys: names.into_iter().map(key).collect() }
    }

    /// Returns the line of a row. Unset columns are left out.
    pub fn line(&self, values: &[MaybeUnset<Value>]) -> Vec<u8> {
        self.write(values.iter().map(JsonCell::of_value))
    }

    /// Returns the line of cells, of which `None` is left out.
    pub(super) fn write<'v>(&self, cells: impl Iterator<Item = Option<JsonCell<'v>>>) -> Vec<u8> {
        let mut line = vec![b'{'];
        for (key, cell) in self.keys.iter().zip(cells) {
            let Some(cell) = cell else { continue };
            if line.len() > 1 {
                line.push(b',');
            }
            line.extend_from_slice(key);
            match cell {
                JsonCell::Value(value) => write_json(value, &mut line),
                JsonCell::Raw(json) => line.extend_from_slice(json.to_string().as_bytes()),
            }
        }
        line.push(b'}');
        line
    }
}

/// A cell of a row that is written as JSON.
#[derive(Debug)]
pub(super) enum JsonCell<'v> {
    Value(&'v Value),
    /// The content of the file, which is not a value of the column.
    Raw(Json),
}

impl<'v> JsonCell<'v> {
    /// Returns the cell of a value, or `None` if it is unset.
    pub(super) fn of_value(value: &'v MaybeUnset<Value>) -> Option<Self> {
        match value {
            MaybeUnset::Unset => None,
            MaybeUnset::Set(value) => Some(Self::Value(value)),
        }
    }
}

/// Returns the content of a cell as JSON.
pub(super) fn cell_json(cell: ArrowCell<'_>) -> Json {
    match cell {
        ArrowCell::Null => Json::Null,
        ArrowCell::Boolean(flag) => flag.into(),
        ArrowCell::Integer(number) => match i64::try_from(number) {
            Ok(number) => number.into(),
            Err(_) => number.to_string().into(),
        },
        ArrowCell::Float(number) => Json::from(&Value::Float(number)),
        ArrowCell::Double(number) => Json::from(&Value::Double(number)),
        ArrowCell::Decimal(number) => number.to_string().into(),
        ArrowCell::Text(text) => text.into(),
        ArrowCell::Bytes(bytes) => Json::from(&Value::Blob(bytes.to_vec().into())),
        ArrowCell::Date(days) => date_text(days.into()).into(),
        ArrowCell::Time(nanoseconds) => Time(nanoseconds).to_string().into(),
        ArrowCell::Timestamp { ticks, per_second } => {
            let per_day = i128::from(per_second) * 86_400;
            let of_day = ticks.rem_euclid(per_day) * i128::from(1_000_000_000 / per_second);
            let of_day = Time(of_day.try_into().unwrap_or_default());
            format!("{} {of_day}+0000", date_text(ticks.div_euclid(per_day))).into()
        }
        ArrowCell::Interval { months, days, nanoseconds } => {
            format!("{months} months, {days} days, {nanoseconds} ns").into()
        }
        ArrowCell::List(list) => Json::Array(list.iter().map(cell_json).collect()),
        ArrowCell::Map(keys, values) => {
            let key = |cell| match cell_json(cell) {
                Json::String(text) => text,
                other => other.to_string(),
            };
            let entries = keys.iter().zip(values.iter());
            let entries = entries.map(|(name, cell)| (key(name), cell_json(cell)));
            Json::Object(entries.collect::<Map<_, _>>())
        }
        ArrowCell::Struct(fields) => {
            let fields = fields.iter().map(|(name, cell)| (name.to_owned(), cell_json(cell)));
            Json::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn date_text(days: i128) -> String {
    match i32::try_from(days) {
        Ok(days) => Date(days).to_string(),
        Err(_) => format!("1970-01-01 + {days} days"),
    }
}
