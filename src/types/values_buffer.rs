//! A buffer that encodes values for a request.

use std::borrow::Cow;

use super::values::write;
use super::{BindError, BindErrorKind, Binder, ColumnSpec, ToValues, Values};
use crate::wire::{EncodeError, EncodeErrorKind, RawValue, Writer};

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
    count: u16,
    named: bool,
}

impl ValuesBuffer {
    /// Returns an empty buffer.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), count: 0, named: false }
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
        self.clear();
        self.count =
            u16::try_from(columns.len()).map_err(|_| BindError::new(BindErrorKind::TooLong))?;
        let mut binder = Binder::new(columns, &mut self.bytes);
        if let Err(error) = values.bind(&mut binder) {
            return Err(self.abandon(error));
        }
        let (expected, found) = (columns.len(), binder.count());
        if found != expected {
            return Err(self.abandon(BindError::new(BindErrorKind::Count { expected, found })));
        }
        Ok(self.values())
    }

    /// Clears the values that were encoded before `error` occurred, and returns `error`.
    #[cold]
    fn abandon(&mut self, error: BindError) -> BindError {
        self.clear();
        error
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
    #[inline]
    pub fn values(&self) -> Values<'_> {
        Values::new(self.count, self.named, Cow::Borrowed(&self.bytes))
    }

    /// Removes all values and keeps the allocation.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.named = false;
    }

    /// Converts the buffer to values that own its allocation.
    pub fn into_values(self) -> Values<'static> {
        Values::new(self.count, self.named, Cow::Owned(self.bytes))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::types::{NativeType, TypeMismatch};

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
}
