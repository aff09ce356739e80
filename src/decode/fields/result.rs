//! The fields of RESULT.

use std::fmt::{self, Write};

use serde_json::{Map, Value, json};

use super::schema_change::schema_change;
use super::value::{bytes, hex, joined, object};
use crate::message::{PreparedResult, ResultKind, ResultMessage, Rows, RowsMetadata, Variables};
use crate::types::{self, ColumnSpec, CqlType};
use crate::wire::{DecodeError, Reader};

/// Returns the fields of a result, except the cells of rows, which [`rows`] returns.
pub(super) fn result(result: &ResultMessage) -> Value {
    let fields = match result {
        ResultMessage::Void => json!({}),
        ResultMessage::Rows(rows) => object([("metadata", metadata(&rows.metadata))]),
        ResultMessage::SetKeyspace(keyspace) => json!({ "keyspace": keyspace }),
        ResultMessage::Prepared(prepared) => self::prepared(prepared),
        ResultMessage::SchemaChange(change) => schema_change(change),
        ResultMessage::Unknown(_, rest) => json!({ "rest": hex(rest) }),
    };
    joined(json!({ "kind": result.kind().to_string() }), fields)
}

/// Returns a pair: the fields of rows, and the bytes after the last cell as hex.
///
/// Each cell appears as hex under `rows` and, if the response describes the columns, as a CQL literal
/// under `rows_cql`. `start` is the position of the first cell in the body. It is added to the offsets
/// of errors, which count from the start of the body.
pub(in super::super) fn rows(rows: &Rows, start: usize) -> Result<(Value, String), DecodeError> {
    let mut reader = Reader::new(&rows.content);
    let columns = rows.metadata.columns.as_deref();
    // The codec has checked that the content is long enough for this count.
    let mut raw = Vec::with_capacity(rows.count);
    let mut literals = Vec::with_capacity(columns.map_or(0, |_| rows.count));
    let mut left = rows.content.len().saturating_mul(16).saturating_add(MAX_REPEATED_NAMES);
    for _ in 0..rows.count {
        let cells = (0..rows.metadata.columns_count).map(|_| reader.bytes("cell"));
        let cells = cells.collect::<Result<Vec<_>, _>>().map_err(|error| {
            DecodeError::new(error.kind(), error.field(), error.offset().saturating_add(start))
        })?;
        let literal = |(column, cell): (&ColumnSpec, &Option<&[u8]>)| {
            literal(&column.cql_type, *cell, &mut left)
        };
        literals.extend(
            columns.map(|columns| columns.iter().zip(&cells).map(literal).collect::<Value>()),
        );
        raw.push(cells.into_iter().map(bytes).collect::<Value>());
    }
    let fields = object([
        ("kind", ResultKind::Rows.to_string().into()),
        ("metadata", metadata(&rows.metadata)),
        ("rows_count", rows.count.into()),
        ("rows", raw.into()),
        ("rows_cql", columns.map(|_| literals).into()),
    ]);
    Ok((fields, hex(reader.take_rest())))
}

/// Formats a cell as a CQL literal. A cell that is invalid, or longer than the `left` bytes that may
/// still be printed, becomes an object with the error.
fn literal(cql_type: &CqlType, cell: Option<&[u8]>, left: &mut usize) -> Value {
    match cell.map(|bytes| types::Value::decode(cql_type, bytes)) {
        None => Value::Null,
        Some(Ok(value)) => {
            let mut literal = LimitedText { text: String::new(), left };
            match write!(literal, "{value}") {
                Ok(()) => literal.text.into(),
                Err(fmt::Error) => json!({ "error": "too long to print" }),
            }
        }
        Some(Err(error)) => json!({ "error": error.to_string() }),
    }
}

fn prepared(prepared: &PreparedResult) -> Value {
    let Variables { columns, partition_key, .. } = &prepared.variables;
    let flags = prepared.variables.flags();
    let metadata = object([
        ("flags", flags.names().collect()),
        ("metadata_flags", flags.bits().into()),
        ("columns_count", columns.len().into()),
        ("pk_count", partition_key.len().into()),
        ("pk_index", partition_key.as_slice().into()),
        ("columns", self::columns(columns)),
        ("user_types", user_types(columns)),
    ]);
    object([
        ("id", hex(&prepared.id).into()),
        ("result_metadata_id", bytes(prepared.result_metadata_id.as_deref())),
        ("metadata", metadata),
        ("result_metadata", self::metadata(&prepared.result)),
    ])
}

fn metadata(metadata: &RowsMetadata) -> Value {
    let flags = metadata.flags();
    let columns = metadata.columns.as_deref();
    object([
        ("flags", flags.names().collect()),
        ("metadata_flags", flags.bits().into()),
        ("columns_count", metadata.columns_count.into()),
        ("paging_state", bytes(metadata.paging_state.as_deref())),
        ("new_metadata_id", bytes(metadata.new_metadata_id.as_deref())),
        ("columns", columns.map(self::columns).into()),
        ("user_types", user_types(columns.unwrap_or_default())),
    ])
}

/// A writer that appends at most `left` bytes to `text`. A write beyond this limit fails.
struct LimitedText<'a> {
    text: String,
    left: &'a mut usize,
}

impl fmt::Write for LimitedText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        *self.left = self.left.checked_sub(text.len()).ok_or(fmt::Error)?;
        self.text.push_str(text);
        Ok(())
    }
}

/// Maximum number of bytes printed for names that the frame contains only once but the output repeats.
/// These are the table of each column, and the field names of each value of a user-defined type. The
/// limit bounds the output for hostile frames.
const MAX_REPEATED_NAMES: usize = 4 << 20;

fn columns(columns: &[ColumnSpec]) -> Value {
    let mut left = MAX_REPEATED_NAMES;
    let column = |column: &ColumnSpec| {
        let names = column.table.keyspace.len().saturating_add(column.table.table.len());
        let rest = left.checked_sub(names);
        left = rest.unwrap_or_default();
        let table = rest.map(|_| &column.table);
        object([
            ("keyspace", table.map(|table| table.keyspace.as_str()).into()),
            ("table", table.map(|table| table.table.as_str()).into()),
            ("name", (&*column.name).into()),
            ("type", column.cql_type.to_string().into()),
        ])
    };
    columns.iter().map(column).collect()
}

/// Returns the user-defined types in the columns, as an object that lists the fields of each type by
/// the type's name. The CQL of a column type contains only the name.
fn user_types(columns: &[ColumnSpec]) -> Value {
    let mut found = Map::new();
    columns.iter().for_each(|column| collect_user_types(&column.cql_type, &mut found));
    found.into()
}

fn collect_user_types(cql_type: &CqlType, found: &mut Map<String, Value>) {
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => collect_user_types(element, found),
        CqlType::Map(pair) => {
            collect_user_types(&pair.0, found);
            collect_user_types(&pair.1, found);
        }
        CqlType::Tuple(elements) => {
            elements.iter().for_each(|element| collect_user_types(element, found));
        }
        CqlType::Vector(vector) => collect_user_types(&vector.element, found),
        CqlType::Udt(udt) => {
            let field = |(name, field): &(String, CqlType)| json!({ "name": name, "type": field.to_string() });
            found.insert(cql_type.to_string(), udt.fields.iter().map(field).collect());
            udt.fields.iter().for_each(|(_, field)| collect_user_types(field, found));
        }
        CqlType::Native(_) | CqlType::Custom(_) => {}
    }
}
