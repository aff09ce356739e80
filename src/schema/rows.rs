//! Schema rows for tests.

use bytes::Bytes;

use super::{Schema, SchemaPart};
use crate::types::{ColumnSpec, CqlType, NativeType, Record, RowIter, Value};
use crate::wire::Writer;

/// A column name and its value.
pub(super) type Cell = (&'static str, Value);

pub(super) fn text(name: &'static str, text: &str) -> Cell {
    (name, Value::Text(text.to_owned()))
}

pub(super) fn int(name: &'static str, number: i32) -> Cell {
    (name, Value::Int(number))
}

pub(super) fn flag(name: &'static str, flag: bool) -> Cell {
    (name, Value::Boolean(flag))
}

pub(super) fn texts(name: &'static str, texts: &[&str]) -> Cell {
    (name, Value::List(texts.iter().map(|text| Value::Text((*text).to_owned())).collect()))
}

pub(super) fn map(name: &'static str, entries: &[(&str, &str)]) -> Cell {
    let text = |text: &str| Value::Text(text.to_owned());
    (name, Value::Map(entries.iter().map(|(key, value)| (text(key), text(value))).collect()))
}

/// Builds a record by encoding the cells as a row and decoding that row.
pub(super) fn record(cells: &[Cell]) -> Record {
    let types: Vec<CqlType> = cells.iter().map(|(_, value)| type_of(value)).collect();
    let mut page = Vec::new();
    for ((_, value), cql_type) in cells.iter().zip(&types) {
        value.encode(cql_type, &mut Writer::new(&mut page)).unwrap();
    }
    let columns: Vec<_> = cells
        .iter()
        .zip(types)
        .map(|((name, _), cql_type)| ColumnSpec::new("system_schema", "t", name, cql_type))
        .collect();
    let page = Bytes::from(page);
    let mut rows = RowIter::<Record>::new(&page, &columns, 1).unwrap();
    rows.next().unwrap().unwrap()
}

/// Reads a schema from rows.
pub(super) fn read(rows: impl IntoIterator<Item = (SchemaPart, Vec<Cell>)>) -> Schema {
    let mut reader = Schema::reader();
    for (part, cells) in rows {
        reader.row(part, record(&cells));
    }
    reader.finish()
}

/// Returns the type of a value.
pub(super) fn type_of(value: &Value) -> CqlType {
    let text = || CqlType::from(NativeType::Text);
    match value {
        Value::Int(_) => NativeType::Int.into(),
        Value::Boolean(_) => NativeType::Boolean.into(),
        Value::Double(_) => NativeType::Double.into(),
        Value::Blob(_) => NativeType::Blob.into(),
        Value::Uuid(_) => NativeType::Uuid.into(),
        Value::List(values) => CqlType::List(Box::new(values.first().map_or_else(text, type_of))),
        Value::Map(entries) => {
            let value = entries.first().map_or_else(text, |(_, value)| type_of(value));
            CqlType::Map(Box::new((text(), value)))
        }
        _ => text(),
    }
}
