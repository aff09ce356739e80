//! A buffer that encodes values for a request.

use std::borrow::Cow;

use bytes::Bytes;

use super::values::write;
use super::{BindError, BindErrorKind, Binder, ColumnSpec, ToValues, Values};
use crate::wire::{EncodeError, EncodeErrorKind, MIN_SHARED, RawValue, SharedBytes, Writer};

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
    bytes: Vec<u8>,
    /// Long values that are not copied to `bytes`.
    shared: SharedBytes,
    count: u16,
    named: bool,
}

impl ValuesBuffer {
    /// Returns an empty buffer.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), shared: SharedBytes::NONE, count: 0, named: false }
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

    /// Encodes `values` like [`bind`](Self::bind), without returning them.
    #[inline]
    pub(crate) fn encode<V: ToValues + ?Sized>(
        &mut self,
        values: &V,
        columns: &[ColumnSpec],
    ) -> Result<(), BindError> {
        self.clear();
        let writer = Writer::sharing(&mut self.bytes, &mut self.shared);
        match encode_values(values, columns, writer) {
            Ok(count) => {
                self.count = count;
                Ok(())
            }
            Err(error) => {
                self.clear();
                Err(error)
            }
        }
    }

    /// Appends an encoded value. Callers must pass a name for every value of the buffer, or for
    /// none.
    ///
    /// # Errors
    /// Returns an error if the buffer already contains 65,535 values, if `name` is longer than
    /// 65,535 bytes, or if `value` is longer than 2 GiB. The buffer may then contain part of the
    /// value and must be [cleared](Self::clear).
    pub fn push(&mut self, name: Option<&str>, value: RawValue<'_>) -> Result<(), EncodeError> {
        write(&mut Writer::new(&mut self.bytes), name, value)?;
        self.named = name.is_some();
        let too_many = EncodeErrorKind::TooLong { length: 65_536, limit: 65_535 };
        self.count = self.count.checked_add(1).ok_or(EncodeError::new(too_many, "values"))?;
        Ok(())
    }

    /// Returns the values in the buffer.
    #[inline(always)]
    pub fn values(&self) -> Values<'_> {
        match self.shared.is_empty() {
            true => Values::new(self.count, self.named, Cow::Borrowed(&self.bytes)),
            false => self.shared_values(),
        }
    }

    #[cold]
    fn shared_values(&self) -> Values<'static> {
        self.clone().into_values()
    }

    /// Removes all values and keeps the allocation.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.shared.clear();
        self.count = 0;
        self.named = false;
    }

    /// Converts the buffer to values that own its allocation.
    #[inline]
    pub fn into_values(self) -> Values<'static> {
        match self.shared.is_empty() && self.bytes.len() < MIN_SHARED {
            true => Values::new(self.count, self.named, Cow::Owned(self.bytes)),
            false => self.into_parts(),
        }
    }

    #[cold]
    fn into_parts(self) -> Values<'static> {
        let parts = self.shared.into_parts(0, Bytes::from(self.bytes));
        Values::from_parts(self.count, self.named, parts)
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
    use crate::wire::Version;

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
            assert!(!shared.shared.is_empty());
            assert_eq!(shared.values(), copied.values());
            let encode = |values: &Values<'_>| {
                let mut out = Vec::new();
                values.encode(&mut Writer::new(&mut out), Version::V4).unwrap();
                out
            };
            let (shared, copied) = (shared.into_values(), copied.values());
            assert_eq!(shared, copied);
            assert!(encode(&shared) == encode(&copied));
            assert!(encode(&shared.borrowed()) == encode(&copied));
            let mut out = Vec::new();
            let mut left_out = SharedBytes::default();
            shared.encode(&mut Writer::sharing(&mut out, &mut left_out), Version::V4).unwrap();
            assert!(out.len() < 100, "the long values are not copied");
            assert!(left_out.into_parts(0, out.into()).concat() == encode(&copied));
        }
    }

    #[test]
    fn named_values_in_parts_keep_their_names() {
        let mut buffer = ValuesBuffer::new();
        buffer.push(Some("long"), RawValue::Bytes(&[1; MIN_SHARED])).unwrap();
        buffer.push(Some("null"), RawValue::Null).unwrap();
        let copied = buffer.clone();
        let values = buffer.into_values();
        assert_eq!(values, copied.values());
        assert_eq!(values.iter().nth(1).unwrap().name, Some("null"));
    }
}
