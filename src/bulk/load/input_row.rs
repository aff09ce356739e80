//! The rows of a load, and the buffer in which they pass from the thread of the inputs to that of the sink.

use std::ops::Range;
use std::sync::Arc;

use crate::bulk::InputPlace;
use crate::types::{BindError, Binder, ColumnSpec, MaybeUnset, ToValues, Value};
use crate::wire::{RawValue, Reader, Version};

/// A row, and the record that it was parsed from.
#[derive(Debug)]
pub(super) struct InputRow {
    columns: Arc<[ColumnSpec]>,
    pub(super) input: usize,
    pub(super) place: InputPlace,
    /// The encoded values, then the record: one allocation for each row.
    bytes: Box<[u8]>,
    record_at: usize,
}

/// The rows of a chunk, in one allocation. It is slow to free memory in another thread than the one that allocated it.
#[derive(Debug)]
pub(super) struct RowBuffer {
    columns: Arc<[ColumnSpec]>,
    bytes: Vec<u8>,
}

/// A row in a [`RowBuffer`].
#[derive(Debug)]
pub(super) struct BufferedRow {
    pub(super) place: InputPlace,
    bytes: Range<usize>,
    record_at: usize,
}

impl RowBuffer {
    /// Returns an empty buffer for rows of values of `columns`.
    pub(super) fn new(columns: Arc<[ColumnSpec]>) -> Self {
        Self { columns, bytes: Vec::new() }
    }

    /// Returns the columns of the rows.
    pub(super) const fn columns(&self) -> &Arc<[ColumnSpec]> {
        &self.columns
    }

    /// Returns the buffer, and leaves an empty one with room for as many bytes, but at most `room`.
    pub(super) fn take(&mut self, room: usize) -> Self {
        let bytes = Vec::with_capacity(self.bytes.len().min(room));
        let columns = Arc::clone(&self.columns);
        Self { columns, bytes: std::mem::replace(&mut self.bytes, bytes) }
    }

    /// Adds a row, whose `[value]`s `encode` appends.
    ///
    /// # Errors
    /// Returns the reason of `encode` if the record is not a row. The buffer is then unchanged.
    pub(super) fn push(
        &mut self,
        place: InputPlace,
        record: &[u8],
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), String>,
    ) -> Result<BufferedRow, String> {
        let start = self.bytes.len();
        if let Err(reason) = encode(&mut self.bytes) {
            self.bytes.truncate(start);
            return Err(reason);
        }
        let record_at = self.bytes.len();
        self.bytes.extend_from_slice(record);
        Ok(BufferedRow { place, bytes: start..self.bytes.len(), record_at: record_at - start })
    }

    /// Returns a row of this buffer, copied from it: a row that waits for its node does not keep the buffer in memory.
    pub(super) fn row(&self, input: usize, row: BufferedRow) -> InputRow {
        let BufferedRow { place, bytes, record_at } = row;
        let bytes = self.bytes.get(bytes).unwrap_or_default().into();
        InputRow { columns: Arc::clone(&self.columns), input, place, bytes, record_at }
    }
}

impl BufferedRow {
    /// Returns the size of the values and the record in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl InputRow {
    /// Returns the record. It is empty if the input is not text.
    pub(super) fn record(&self) -> &[u8] {
        self.bytes.get(self.record_at..).unwrap_or_default()
    }

    /// Returns the values, up to the first one that does not decode.
    pub(super) fn values(&self) -> Vec<MaybeUnset<Value>> {
        let mut reader = Reader::new(self.encoded());
        let value = |column: &ColumnSpec| match reader.value(Version::V4, "value") {
            Ok(RawValue::Null) => Some(MaybeUnset::Set(Value::Null)),
            Ok(RawValue::Unset) => Some(MaybeUnset::Unset),
            Ok(RawValue::Bytes(bytes)) => {
                Value::decode(&column.cql_type, bytes).ok().map(MaybeUnset::Set)
            }
            Err(_) => None,
        };
        self.columns.iter().map_while(value).collect()
    }

    fn encoded(&self) -> &[u8] {
        self.bytes.get(..self.record_at).unwrap_or_default()
    }
}

impl ToValues for InputRow {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        match binder.encoded_for(&self.columns, self.encoded()) {
            true => Ok(()),
            // A type has changed since the load began. Its values are converted, or refused.
            false => self.values().bind(binder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CqlType, ValuesBuffer};

    fn columns(types: &[&str]) -> Arc<[ColumnSpec]> {
        let column = |(index, text): (usize, &&str)| {
            let cql_type: CqlType = text.parse().unwrap();
            ColumnSpec::new("ks", "t", &format!("c{index}"), cql_type)
        };
        types.iter().enumerate().map(column).collect()
    }

    /// Returns a row with an `int`, a null and an unset value.
    fn row() -> InputRow {
        let columns = columns(&["int", "text", "bigint"]);
        let mut rows = RowBuffer::new(columns);
        let place = InputPlace { line: 7, offset: 70 };
        let refused = rows.push(place, b"refused", |values| {
            values.push(1);
            Err("no row".to_owned())
        });
        assert_eq!(refused.unwrap_err(), "no row");
        let row = rows.push(place, b"record", |values| {
            values.extend([0, 0, 0, 4, 0, 0, 1, 0]);
            values.extend([(-1_i32).to_be_bytes(), (-2_i32).to_be_bytes()].concat());
            Ok(())
        });
        rows.row(3, row.unwrap())
    }

    #[test]
    fn a_row_has_its_values_and_its_record() {
        let row = row();
        assert_eq!((row.record(), row.input, row.place.line), (&b"record"[..], 3, 7));
        let mut buffer = ValuesBuffer::new();
        let values = buffer.bind(&row, &row.columns).unwrap();
        let values: Vec<_> = values.iter().map(|named| named.value).collect();
        assert_eq!(values, [RawValue::Bytes(&[0, 0, 1, 0]), RawValue::Null, RawValue::Unset]);
    }

    #[test]
    fn values_are_not_read_as_another_type() {
        let mut buffer = ValuesBuffer::new();
        // Values that are null or unset fit every type.
        let (row, other) = (row(), columns(&["int", "blob", "text"]));
        let values = buffer.bind(&row, &other).unwrap();
        let values: Vec<_> = values.iter().map(|named| named.value).collect();
        assert_eq!(values, [RawValue::Bytes(&[0, 0, 1, 0]), RawValue::Null, RawValue::Unset]);
        for types in [
            &["float", "text", "bigint"][..],
            &["int", "text"],
            &["int"; 4],
            &["int", "text", "bigint", "int"],
        ] {
            assert!(buffer.bind(&row, &columns(types)).is_err(), "{types:?}");
        }
    }
}
