//! A buffer that encodes values for a request.

use std::borrow::Cow;

use super::values::write;
use super::{BindError, BindErrorKind, Binder, ColumnSpec, ToValues, Values};
use crate::wire::{EncodeError, EncodeErrorKind, RawValue, Writer};

/// Room in which values are encoded, and which can be used again.
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
    /// A buffer without values.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), count: 0, named: false }
    }

    /// Encodes `values` for the variables `columns`, in place of what the buffer held.
    ///
    /// # Errors
    /// Another number of values than of variables, or a value that does not go with its variable.
    #[inline]
    pub fn bind<V: ToValues + ?Sized>(
        &mut self,
        values: &V,
        columns: &[ColumnSpec],
    ) -> Result<Values<'_>, BindError> {
        self.clear();
        let count = |kind| BindError::new(kind);
        self.count = u16::try_from(columns.len()).map_err(|_| count(BindErrorKind::TooLong))?;
        let mut binder = Binder::new(columns, &mut self.bytes);
        if let Err(error) = values.bind(&mut binder) {
            return Err(self.abandon(error));
        }
        let (expected, found) = (columns.len(), binder.count());
        if found != expected {
            return Err(self.abandon(count(BindErrorKind::Count { expected, found })));
        }
        Ok(self.values())
    }

    /// Forgets what was bound before the error: half of the values are no values.
    #[cold]
    fn abandon(&mut self, error: BindError) -> BindError {
        self.clear();
        error
    }

    /// Adds a value that is already encoded. Either every value has a name, or none.
    ///
    /// # Errors
    /// More than 65,535 values, or a name or value that is too long.
    pub fn push(&mut self, name: Option<&str>, value: RawValue<'_>) -> Result<(), EncodeError> {
        write(&mut Writer::new(&mut self.bytes), name, value)?;
        self.named = name.is_some();
        let too_many = EncodeErrorKind::TooLong { length: 65_536, limit: 65_535 };
        self.count = self.count.checked_add(1).ok_or(EncodeError::new(too_many, "values"))?;
        Ok(())
    }

    /// The values in the buffer.
    #[inline]
    pub fn values(&self) -> Values<'_> {
        Values::new(self.count, self.named, Cow::Borrowed(&self.bytes))
    }

    /// Forgets the values and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.named = false;
    }

    /// The values, with the room they take.
    pub fn into_values(self) -> Values<'static> {
        Values::new(self.count, self.named, Cow::Owned(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NativeType, TypeMismatch};

    fn columns() -> [ColumnSpec; 2] {
        ["username", "age"].map(|name| {
            let native = if name == "age" { NativeType::Int } else { NativeType::Text };
            ColumnSpec::new("ks", "users", name, native)
        })
    }

    #[test]
    fn binding_says_which_value_does_not_fit_and_what_would() {
        let mut buffer = ValuesBuffer::new();
        let error = buffer.bind(&("ada", "36"), &columns()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot bind value 1 to \"age\" of type `int`: a Rust `str` goes with `text` or `ascii`; \
             `i32` goes with `int`"
        );
        let at = [ColumnSpec::new("ks", "users", "at", NativeType::Timestamp)];
        assert_eq!(
            buffer.bind(&(1_700_000_000_000_i64,), &at).unwrap_err().to_string(),
            "cannot bind value 0 to \"at\" of type `timestamp`: \
             a Rust `i64` goes with `bigint` or `counter`; `Timestamp` goes with `timestamp`"
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
    fn nothing_is_left_of_values_that_could_not_be_bound() {
        let mut buffer = ValuesBuffer::new();
        assert!(buffer.bind(&("ada", "36"), &columns()).is_err());
        assert_eq!(buffer.values(), Values::NONE);
        assert!(buffer.bind(&("ada",), &columns()).is_err());
        assert_eq!(buffer.values(), Values::NONE);
    }
}
