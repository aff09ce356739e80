//! Applies changes to the rows of a table.

use super::change::{Change, ChangeKind, Write};
use crate::store::data::{Cell, Expiry, Liveness, Moment, StoredRow, TableData};
use crate::store::schema::TableSchema;
use crate::types::{CqlType, NativeType, Value};

/// Applies a change.
pub(in crate::store) fn apply(change: Change, data: &mut TableData) {
    let Change { table, partition, key, at, kind } = change;
    let partition = data.partition_mut(&partition, &key);
    match kind {
        ChangeKind::DeletePartition => partition.delete(at.into()),
        ChangeKind::DeleteRange(range) => partition.delete_range(range, at.into()),
        ChangeKind::DeleteRow(key, values) => {
            partition.write(&key, &values, |row| row.delete(at.into()));
        }
        ChangeKind::Write { row: Some((key, values)), is_insert, expiry, writes } => {
            partition.write(&key, &values, |row| {
                if is_insert {
                    row.mark_live(Liveness::new(expiry, at));
                }
                write_all(row, writes, &table, expiry, at);
            });
        }
        ChangeKind::Write { row: None, expiry, writes, .. } => {
            partition.write_static(|row| write_all(row, writes, &table, expiry, at));
        }
    }
}

fn write_all(
    row: &mut StoredRow,
    writes: Vec<Write>,
    table: &TableSchema,
    expiry: Option<Expiry>,
    at: Moment,
) {
    const BLOB: &CqlType = &CqlType::Native(NativeType::Blob);
    let cql_type = |index: usize| table.column(index).map_or(BLOB, |column| &column.cql_type);
    for write in writes {
        match write {
            Write::Cell { column, value } => {
                row.write(column, Cell::new(value, expiry, at), cql_type(column));
            }
            Write::Element { column, path, value } => {
                let cell = Cell::new(value, expiry, at);
                row.write_element(column, path, cell, cql_type(column));
            }
            Write::DeleteElements { column } => row.delete_elements(column, at.into()),
            Write::ReplaceElements { column } => {
                let before = Moment { timestamp: at.timestamp.saturating_sub(1), ..at };
                row.delete_elements(column, before.into());
            }
            Write::Count { column, delta } => {
                let counter = match row.value(column, cql_type(column), at.seconds) {
                    Value::Counter(counter) | Value::BigInt(counter) => counter,
                    _ => 0,
                };
                let value = Value::Counter(counter.wrapping_add(delta));
                row.write(column, Cell::new(Some(value), None, at), cql_type(column));
            }
        }
    }
}
