//! Columns of lists, sets and maps.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow_schema::{ArrowError, FieldRef, Fields};

use super::column::{Column, Failure, Limits, RawCell};
use super::offsets::Offsets;
use super::raw_value::{RAW_TYPE, RawValue};
use super::validity::Validity;
use crate::types::{Cell, CqlType, Elements, Entries, FromCql, ValueError};

/// A column of lists or sets.
pub(super) struct ListColumn {
    cql_type: CqlType,
    field: FieldRef,
    elements: Box<dyn Column>,
    ends: Offsets,
    validity: Validity,
}

impl ListColumn {
    /// Returns a column of lists whose elements are described by `field`.
    pub(super) fn new(field: FieldRef, elements: Box<dyn Column>) -> Self {
        let cql_type = CqlType::List(Box::new(RAW_TYPE));
        let (ends, validity) = (Offsets::default(), Validity::default());
        Self { cql_type, field, elements, ends, validity }
    }
}

impl Column for ListColumn {
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        let (start, mut elements) = (self.elements.len(), Vec::new());
        for cell in cells {
            if let Some(bytes) = cell.filter(|bytes| !bytes.is_empty()) {
                for element in Elements::from_cell(Cell::new(bytes), &self.cql_type)? {
                    let RawValue(element) = element?;
                    elements.push(element);
                }
            }
            self.ends.push(start.saturating_add(elements.len()), limits)?;
        }
        self.validity.extend_non_empty(cells, limits);
        self.elements.extend(&elements, limits)
    }

    fn extend_nulls(&mut self, count: usize) {
        self.ends.extend_empty(count);
        self.validity.extend_nulls(count);
    }

    fn null_len(&self) -> usize {
        Offsets::SIZE
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn truncate(&mut self, len: usize) {
        self.elements.truncate(self.ends.truncate(len));
        self.validity.truncate(len);
    }

    fn byte_len(&self) -> usize {
        let own = self.ends.byte_len().saturating_add(self.validity.byte_len());
        own.saturating_add(self.elements.byte_len())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        // All parts become empty, also if one of them fails.
        let (ends, nulls) = (self.ends.finish(), self.validity.finish());
        let elements = self.elements.finish();
        Ok(Arc::new(ListArray::try_new(Arc::clone(&self.field), ends, elements?, nulls)?))
    }
}

/// A column of maps.
pub(super) struct MapColumn {
    cql_type: CqlType,
    /// The field of the entries.
    field: FieldRef,
    /// The fields of the keys and the values.
    entry: Fields,
    keys: Box<dyn Column>,
    values: Box<dyn Column>,
    /// True if the empty value is a value of the keys' type, and not null.
    has_empty_keys: bool,
    ends: Offsets,
    validity: Validity,
}

impl MapColumn {
    /// Returns a column of maps. `field` describes the entries, and `entry` their keys and values.
    pub(super) fn new(
        (field, entry): (FieldRef, Fields),
        keys: Box<dyn Column>,
        values: Box<dyn Column>,
        has_empty_keys: bool,
    ) -> Self {
        let cql_type = CqlType::Map(Box::new((RAW_TYPE, RAW_TYPE)));
        let (ends, validity) = (Offsets::default(), Validity::default());
        Self { cql_type, field, entry, keys, values, has_empty_keys, ends, validity }
    }
}

impl Column for MapColumn {
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        let (start, mut keys, mut values) = (self.keys.len(), Vec::new(), Vec::new());
        for cell in cells {
            if let Some(bytes) = cell.filter(|bytes| !bytes.is_empty()) {
                for entry in Entries::from_cell(Cell::new(bytes), &self.cql_type)? {
                    let (RawValue(key), RawValue(value)) = entry?;
                    if key.is_none_or(|key| key.is_empty() && !self.has_empty_keys) {
                        let text = "a key is null or empty, which Arrow maps cannot represent";
                        return Err(ValueError::Other(text).into());
                    }
                    keys.push(key);
                    values.push(value);
                }
            }
            self.ends.push(start.saturating_add(keys.len()), limits)?;
        }
        self.validity.extend_non_empty(cells, limits);
        self.keys.extend(&keys, limits)?;
        self.values.extend(&values, limits)
    }

    fn extend_nulls(&mut self, count: usize) {
        self.ends.extend_empty(count);
        self.validity.extend_nulls(count);
    }

    fn null_len(&self) -> usize {
        Offsets::SIZE
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn truncate(&mut self, len: usize) {
        let entries = self.ends.truncate(len);
        self.keys.truncate(entries);
        self.values.truncate(entries);
        self.validity.truncate(len);
    }

    fn byte_len(&self) -> usize {
        let own = self.ends.byte_len().saturating_add(self.validity.byte_len());
        own.saturating_add(self.keys.byte_len()).saturating_add(self.values.byte_len())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        // All parts become empty, also if one of them fails.
        let (ends, nulls) = (self.ends.finish(), self.validity.finish());
        let (keys, values) = (self.keys.finish(), self.values.finish());
        let entries = StructArray::try_new(self.entry.clone(), vec![keys?, values?], None)?;
        Ok(Arc::new(MapArray::try_new(Arc::clone(&self.field), ends, entries, nulls, false)?))
    }
}
