//! The values that a request binds to the variables of its statement.

use std::borrow::Cow;
use std::fmt;

use super::{BindError, BindErrorKind, ColumnSpec, ToCql};
use crate::wire::{DecodeError, EncodeError, EncodeErrorKind, RawValue, Reader, Version, Writer};

/// Values as QUERY, EXECUTE and BATCH carry them: encoded, by position or by name (v4 §4.1.4).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Values<'a> {
    count: u16,
    named: bool,
    /// The `[value]`s, each after its `[string]` name if they are named.
    bytes: Cow<'a, [u8]>,
}

/// One of the [`Values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedValue<'a> {
    /// The variable's name, where values go by name.
    pub name: Option<&'a str>,
    /// The value.
    pub value: RawValue<'a>,
}

impl<'a> Values<'a> {
    /// No values.
    pub const NONE: Self = Self { count: 0, named: false, bytes: Cow::Borrowed(&[]) };

    /// How many values there are.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether they go by name.
    pub const fn is_named(&self) -> bool {
        self.named
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = NamedValue<'_>> {
        let mut reader = Reader::new(&self.bytes);
        // The bytes were read once when they were decoded, or written by us.
        (0..self.count).map_while(move |_| read(&mut reader, self.named, Version::V4).ok())
    }

    /// The same values, borrowed.
    pub fn borrowed(&self) -> Values<'_> {
        Values { bytes: Cow::Borrowed(&self.bytes), ..*self }
    }

    /// Reads the count and then the values, checking that they are whole.
    ///
    /// # Errors
    /// Input that ends early, and a length that is neither of a value, nor null, nor not set.
    pub fn decode(
        reader: &mut Reader<'a>,
        named: bool,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let smallest = if named { 6 } else { 4 };
        let count = reader.short_count(smallest, "values_count")?;
        let bytes = reader.rest();
        for _ in 0..count {
            read(reader, named, version)?;
        }
        let length = bytes.len().saturating_sub(reader.rest().len());
        let bytes = Cow::Borrowed(bytes.get(..length).unwrap_or_default());
        let values = Self { count: u16::try_from(count).unwrap_or(u16::MAX), named, bytes };
        Ok(if version == Version::V3 { values.with_plain_nulls() } else { values })
    }

    /// In v3 every negative length is null: from here on, it is written as -1.
    fn with_plain_nulls(self) -> Self {
        let mut reader = Reader::new(&self.bytes);
        let mut plain = ValuesBuffer::new();
        for _ in 0..self.count {
            let Ok(NamedValue { name, value }) = read(&mut reader, self.named, Version::V3) else {
                return self;
            };
            if plain.push(name, value).is_err() {
                return self;
            }
        }
        if plain.bytes == *self.bytes { self } else { Self { bytes: plain.bytes.into(), ..self } }
    }

    /// Writes the count and then the values.
    ///
    /// # Errors
    /// A value that is not set, in v3, which has none.
    #[inline]
    pub fn encode(&self, writer: &mut Writer<'_>, version: Version) -> Result<(), EncodeError> {
        if version == Version::V3 && self.has_unset() {
            return Err(EncodeError::new(EncodeErrorKind::NotInVersion(version), "value"));
        }
        writer.short(self.count);
        writer.raw(&self.bytes);
        Ok(())
    }

    #[inline(never)]
    fn has_unset(&self) -> bool {
        self.iter().any(|named| named.value == RawValue::Unset)
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn read<'a>(
    reader: &mut Reader<'a>,
    named: bool,
    version: Version,
) -> Result<NamedValue<'a>, DecodeError> {
    let name = if named { Some(reader.string("value_name")?) } else { None };
    Ok(NamedValue { name, value: reader.value(version, "value")? })
}

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
        let count = |kind| BindError::new(kind, None);
        self.count = u16::try_from(columns.len()).map_err(|_| count(BindErrorKind::TooLong))?;
        let writer = Writer::new(&mut self.bytes);
        let mut binder = Binder { columns, next: 0, writer };
        values.bind(&mut binder)?;
        if binder.next != columns.len() {
            let found = binder.next;
            return Err(count(BindErrorKind::Count { expected: columns.len(), found }));
        }
        Ok(self.values())
    }

    /// Adds a value that is already encoded. Either every value has a name, or none.
    ///
    /// # Errors
    /// More than 65,535 values, or a name or value that is too long.
    pub fn push(&mut self, name: Option<&str>, value: RawValue<'_>) -> Result<(), EncodeError> {
        let mut writer = Writer::new(&mut self.bytes);
        if let Some(name) = name {
            writer.string(name, "value_name")?;
        }
        writer.value(value, Version::V4, "value")?;
        self.named = name.is_some();
        let too_many = EncodeErrorKind::TooLong { length: 65_536, limit: 65_535 };
        self.count = self.count.checked_add(1).ok_or(EncodeError::new(too_many, "values"))?;
        Ok(())
    }

    /// The values in the buffer.
    #[inline]
    pub fn values(&self) -> Values<'_> {
        Values { count: self.count, named: self.named, bytes: Cow::Borrowed(&self.bytes) }
    }

    /// Forgets the values and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.named = false;
    }

    /// The values, with the room they take.
    pub fn into_values(self) -> Values<'static> {
        Values { count: self.count, named: self.named, bytes: Cow::Owned(self.bytes) }
    }
}

/// Takes the values of a statement, one variable after the other.
#[derive(Debug)]
pub struct Binder<'b> {
    columns: &'b [ColumnSpec],
    next: usize,
    writer: Writer<'b>,
}

impl Binder<'_> {
    /// Binds the next variable.
    ///
    /// # Errors
    /// A value that does not go with it. A value too many is counted, and refused at the end.
    #[inline(always)]
    pub fn value(&mut self, value: &(impl ToCql + ?Sized)) -> Result<(), BindError> {
        let index = self.next;
        self.next = index.wrapping_add(1);
        let Some(column) = self.columns.get(index) else { return Ok(()) };
        match value.to_cql(&column.cql_type, &mut self.writer) {
            Ok(()) => Ok(()),
            Err(kind) => Err(misfit(kind, index, column)),
        }
    }
}

#[cold]
fn misfit(kind: BindErrorKind, index: usize, column: &ColumnSpec) -> BindError {
    BindError::new(kind, Some((index, column)))
}

/// The values of a whole statement: a tuple, a slice, or a struct that says how.
pub trait ToValues {
    /// Binds every value.
    ///
    /// # Errors
    /// What [`Binder::value`] returns.
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError>;

    /// Whether there are no values at all, so that the statement need not be prepared for them.
    fn is_empty(&self) -> bool {
        false
    }
}

impl<V: ToValues + ?Sized> ToValues for &V {
    #[inline]
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        (**self).bind(binder)
    }

    fn is_empty(&self) -> bool {
        (**self).is_empty()
    }
}

impl<T: ToCql> ToValues for [T] {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        self.iter().try_for_each(|value| binder.value(value))
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<T: ToCql> ToValues for Vec<T> {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        self.as_slice().bind(binder)
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<T: ToCql, const N: usize> ToValues for [T; N] {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        self.as_slice().bind(binder)
    }

    fn is_empty(&self) -> bool {
        N == 0
    }
}

impl ToValues for () {
    fn bind(&self, _: &mut Binder<'_>) -> Result<(), BindError> {
        Ok(())
    }

    fn is_empty(&self) -> bool {
        true
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: ToCql, $($rest: ToCql),*> ToValues for ($first, $($rest,)*) {
            #[inline]
            fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
                #[expect(non_snake_case, reason = "a value is called as its type")]
                let ($first, $($rest,)*) = self;
                binder.value($first)?;
                $(binder.value($rest)?;)*
                Ok(())
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}
tuples!(A B C D E F G H I J K L M N O P);

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
    fn tuples_and_slices_bind_by_position() {
        let mut buffer = ValuesBuffer::new();
        let values = buffer.bind(&("ada", 36), &columns()).unwrap();
        let seen: Vec<_> = values.iter().map(|named| named.value.bytes()).collect();
        assert_eq!(seen, [Some(&b"ada"[..]), Some(&[0, 0, 0, 36])]);
        let both = [columns()[0].clone(), columns()[0].clone()];
        assert_eq!(buffer.bind(&["a", "b"], &both).unwrap().len(), 2);
    }

    #[test]
    fn binding_says_which_value_does_not_fit_and_what_would() {
        let mut buffer = ValuesBuffer::new();
        let error = buffer.bind(&("ada", "36"), &columns()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot bind value 1 to \"age\", a `int`: a Rust `str` goes with `text` or `ascii`"
        );
        let mismatch = TypeMismatch { rust: "str", fits: "`text` or `ascii`" };
        assert_eq!(error.kind(), BindErrorKind::Type(mismatch));
        for (error, found) in [
            (buffer.bind(&("ada",), &columns()).unwrap_err(), 1),
            (buffer.bind(&("ada", 36, 1), &columns()).unwrap_err(), 3),
            (buffer.bind(&(), &columns()).unwrap_err(), 0),
        ] {
            assert_eq!(error.kind(), BindErrorKind::Count { expected: 2, found });
        }
    }

    #[test]
    fn not_set_is_refused_in_v3_and_odd_nulls_become_plain() {
        let mut buffer = ValuesBuffer::new();
        buffer.push(Some("a"), RawValue::Unset).unwrap();
        let mut out = Vec::new();
        assert!(buffer.values().encode(&mut Writer::new(&mut out), Version::V3).is_err());
        buffer.values().encode(&mut Writer::new(&mut out), Version::V4).unwrap();
        let decoded = Values::decode(&mut Reader::new(&out), true, Version::V3).unwrap();
        let null = NamedValue { name: Some("a"), value: RawValue::Null };
        assert_eq!(decoded.iter().collect::<Vec<_>>(), [null]);
    }
}
