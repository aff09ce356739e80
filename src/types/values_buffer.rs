//! A buffer that encodes values for a request.

use std::borrow::Cow;

use bytes::Bytes;

use super::values::write;
use super::{BindError, BindErrorKind, Binder, ColumnSpec, ToValues, Values};
use crate::wire::{EncodeError, EncodeErrorKind, RawValue, SharedBytes, Writer};

/// A reusable buffer that encodes the values of a statement.
///
/// ```
/// use cqlwire::types::{ColumnSpec, NativeType, ValuesBuffer};
///
/// let columns = [
///     ColumnSpec::new("k8s_test", "users", "username", NativeType::Text),
///     ColumnSpec::new("k8s_test", "users", "password", NativeType::Text),
/// ];
/// let mut buffer = ValuesBuffer::new();
/// let values = buffer.bind(&("ada", None::<&str>), &columns)?;
/// assert_eq!(values.len(), 2);
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ValuesBuffer {
    /// The encoded values. Empty if they are in `parts`.
    bytes: Vec<u8>,
    /// The encoded values in parts, if long ones are shared instead of copied: see [`Values`].
    parts: Vec<Bytes>,
    count: u16,
    named: bool,
}

/// Initial capacity for the values of one request, in bytes. Most requests have a few short values.
#[cfg(feature = "driver")]
const INITIAL_CAPACITY: usize = 64;

impl ValuesBuffer {
    /// Returns an empty buffer.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), parts: Vec::new(), count: 0, named: false }
    }

    /// Encodes `values` for the bind variables `columns` of one request. Long values are in parts, so
    /// that they are not copied when the request is encoded.
    ///
    /// # Errors
    /// Returns the errors of [`bind`](Self::bind).
    #[cfg(feature = "driver")]
    #[inline]
    pub(crate) fn from_values<V: ToValues + ?Sized>(
        values: &V,
        columns: &[ColumnSpec],
    ) -> Result<Self, BindError> {
        let capacity = if columns.is_empty() { 0 } else { INITIAL_CAPACITY };
        let mut buffer = Self { bytes: Vec::with_capacity(capacity), ..Self::new() };
        buffer.replace(values, columns)?;
        Ok(buffer)
    }

    /// Replaces the buffer's content like [`from_values`](Self::from_values), and keeps its allocation.
    ///
    /// # Errors
    /// Returns the errors of [`bind`](Self::bind). The buffer is then empty.
    #[cfg(feature = "driver")]
    #[inline]
    pub(crate) fn replace<V: ToValues + ?Sized>(
        &mut self,
        values: &V,
        columns: &[ColumnSpec],
    ) -> Result<(), BindError> {
        self.encode(values, columns)?;
        if self.bytes.len() >= crate::wire::MIN_SHARED {
            self.move_to_parts(SharedBytes::NONE);
        }
        Ok(())
    }

    /// Encodes `values` for the bind variables `columns`, and replaces the buffer's content with them.
    ///
    /// # Errors
    /// Returns an error if the number of values differs from the number of variables, or if a value
    /// cannot be encoded as the type of its variable. The buffer is then empty.
    #[inline]
    pub fn bind<V: ToValues + ?Sized>(
        &mut self,
        values: &V,
        columns: &[ColumnSpec],
    ) -> Result<Values<'_>, BindError> {
        self.encode(values, columns)?;
        Ok(self.values())
    }

    /// Encodes `values` for the bind variables `columns`, without returning them.
    #[inline]
    fn encode<V: ToValues + ?Sized>(
        &mut self,
        values: &V,
        columns: &[ColumnSpec],
    ) -> Result<(), BindError> {
        self.clear();
        let mut shared = SharedBytes::NONE;
        let writer = Writer::sharing(&mut self.bytes, &mut shared);
        match encode_values(values, columns, writer) {
            Ok(count) => {
                self.count = count;
                if !shared.is_empty() {
                    self.move_to_parts(shared);
                }
                Ok(())
            }
            Err(error) => {
                self.clear();
                Err(error)
            }
        }
    }

    /// Moves the values to parts. `shared` are the long values that were left out of `bytes`.
    #[cold]
    fn move_to_parts(&mut self, shared: SharedBytes) {
        self.parts = shared.into_parts(0, std::mem::take(&mut self.bytes).into());
    }

    /// Copies values in parts to `bytes`.
    #[cold]
    fn copy_parts(&mut self) {
        self.bytes = self.parts.concat();
        self.parts.clear();
    }

    /// Appends an encoded value. Callers must pass a name for every value of the buffer, or for
    /// none.
    ///
    /// # Errors
    /// Returns an error if the buffer already contains 65,535 values, if `name` is longer than
    /// 65,535 bytes, or if `value` is longer than 2 GiB. The buffer may then contain part of the
    /// value and must be [cleared](Self::clear).
    pub fn push(&mut self, name: Option<&str>, value: RawValue<'_>) -> Result<(), EncodeError> {
        if !self.parts.is_empty() {
            self.copy_parts();
        }
        write(&mut Writer::new(&mut self.bytes), name, value)?;
        self.named = name.is_some();
        let too_many = EncodeErrorKind::TooLong { length: 65_536, limit: 65_535 };
        self.count = self.count.checked_add(1).ok_or(EncodeError::new(too_many, "values"))?;
        Ok(())
    }

    /// Returns the values in the buffer.
    #[inline(always)]
    pub fn values(&self) -> Values<'_> {
        Values::borrowing(self.count, self.named, &self.bytes, &self.parts)
    }

    /// Removes all values. Keeps the allocation, unless long values were shared.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        if !self.parts.is_empty() {
            self.parts.clear();
        }
        self.count = 0;
        self.named = false;
    }

    /// Converts the buffer to values that own its allocation. Long values that were shared are copied.
    #[inline]
    pub fn into_values(mut self) -> Values<'static> {
        if !self.parts.is_empty() {
            self.copy_parts();
        }
        Values::new(self.count, self.named, Cow::Owned(self.bytes))
    }
}

/// Writes the encoded values of the bind variables `columns`, and returns their number.
///
/// # Errors
/// Returns the errors of [`ValuesBuffer::bind`]. Some of the values may have been written then.
#[inline]
pub(crate) fn encode_values<V: ToValues + ?Sized>(
    values: &V,
    columns: &[ColumnSpec],
    writer: Writer<'_>,
) -> Result<u16, BindError> {
    let count = u16::try_from(columns.len()).map_err(|_| BindError::new(BindErrorKind::TooLong))?;
    let mut binder = Binder::new(columns, writer);
    values.bind(&mut binder)?;
    match binder.count() {
        found if found == columns.len() => Ok(count),
        found => Err(BindError::new(BindErrorKind::Count { expected: columns.len(), found })),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::types::{NativeType, TypeMismatch};
    use crate::wire::{MIN_SHARED, Version};

    /// The columns `username`, a text, and `age`, an int.
    pub(in crate::types) fn columns() -> [ColumnSpec; 2] {
        ["username", "age"].map(|name| {
            let native = if name == "age" { NativeType::Int } else { NativeType::Text };
            ColumnSpec::new("ks", "users", name, native)
        })
    }

    #[test]
    fn bind_errors_name_the_variable_and_the_supported_types() {
        let mut buffer = ValuesBuffer::new();
        let error = buffer.bind(&("ada", "36"), &columns()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot bind value 1 to \"age\" of type `int`: Rust type `str` binds to `text` or \
             `ascii`; use `i32` for `int`"
        );
        let at = [ColumnSpec::new("ks", "users", "at", NativeType::Timestamp)];
        assert_eq!(
            buffer.bind(&(1_700_000_000_000_i64,), &at).unwrap_err().to_string(),
            "cannot bind value 0 to \"at\" of type `timestamp`: \
             Rust type `i64` binds to `bigint` or `counter`; use `Timestamp` for `timestamp`"
        );
        let mismatch = TypeMismatch::new("str", "`text` or `ascii`", &NativeType::Int.into());
        assert_eq!(error.kind(), &BindErrorKind::Type(mismatch));
        for (error, found) in [
            (buffer.bind(&("ada",), &columns()).unwrap_err(), 1),
            (buffer.bind(&("ada", 36, 1), &columns()).unwrap_err(), 3),
            (buffer.bind(&(), &columns()).unwrap_err(), 0),
        ] {
            assert_eq!(error.kind(), &BindErrorKind::Count { expected: 2, found });
        }
    }

    #[test]
    fn the_buffer_is_empty_after_a_bind_error() {
        let mut buffer = ValuesBuffer::new();
        assert!(buffer.bind(&("ada", "36"), &columns()).is_err());
        assert_eq!(buffer.values(), Values::NONE);
        assert!(buffer.bind(&("ada",), &columns()).is_err());
        assert_eq!(buffer.values(), Values::NONE);
    }

    #[test]
    fn values_in_parts_are_read_and_encoded_like_copied_ones() {
        let long: Vec<u8> = (0..MIN_SHARED).map(|index| (index % 251) as u8).collect();
        let (long, longer) = (Bytes::from(long.clone()), Bytes::from(long.repeat(2)));
        let columns: Vec<_> = ["a", "b", "c", "d", "e"]
            .map(|name| ColumnSpec::new("ks", "t", name, NativeType::Blob))
            .into();
        let short = Bytes::from_static(b"short");
        let none = None::<Bytes>;
        let rows = [
            (Some(&long), Some(&longer), none.as_ref(), Some(&short), Some(&long)),
            (none.as_ref(), Some(&long), None, None, None),
            (Some(&short), None, None, None, Some(&longer)),
        ];
        for row in rows {
            let cells = [row.0, row.1, row.2, row.3, row.4];
            let (mut shared, mut copied) = (ValuesBuffer::new(), ValuesBuffer::new());
            shared.encode(&row, &columns).unwrap();
            cells.iter().for_each(|cell| {
                copied.push(None, cell.map(|cell| &cell[..]).into()).unwrap();
            });
            assert!(!shared.parts.is_empty());
            assert_eq!(shared.values(), copied.values());
            let encode = |values: &Values<'_>| {
                let mut out = Vec::new();
                values.encode(&mut Writer::new(&mut out), Version::V4).unwrap();
                out
            };
            assert!(encode(&shared.values()) == encode(&copied.values()));
            assert!(encode(&shared.values().borrowed()) == encode(&copied.values()));
            let mut out = Vec::new();
            let mut left_out = SharedBytes::default();
            let mut writer = Writer::sharing(&mut out, &mut left_out);
            shared.values().encode(&mut writer, Version::V4).unwrap();
            assert!(out.len() < 100, "the long values are not copied");
            assert!(left_out.into_parts(0, out.into()).concat() == encode(&copied.values()));
            let owned = [shared.values().into_owned(), shared.clone().into_values()];
            assert!(owned.iter().all(|owned| *owned == copied.values()));
            for buffer in [&mut shared, &mut copied] {
                buffer.push(None, RawValue::Null).unwrap();
            }
            assert!(encode(&shared.values()) == encode(&copied.values()));
        }
    }

    #[cfg(feature = "driver")]
    #[test]
    fn long_values_of_one_request_are_not_copied_again() {
        let long = vec![1; MIN_SHARED];
        let column = ColumnSpec::new("ks", "t", "long", NativeType::Blob);
        let encoded = ValuesBuffer::from_values(&(&long[..],), &[column]).unwrap();
        let (mut out, mut left_out) = (Vec::new(), SharedBytes::default());
        let mut writer = Writer::sharing(&mut out, &mut left_out);
        let values = encoded.values();
        values.encode(&mut writer, Version::V4).unwrap();
        assert_eq!((out.len(), left_out.len()), (2, 4 + MIN_SHARED));
        let value = values.iter().next().unwrap().value;
        assert!(value == RawValue::Bytes(&long));
    }
}
