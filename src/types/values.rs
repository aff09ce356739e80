//! The values that a request binds to the variables of its statement.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};

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
            return Err(EncodeError::new(
                EncodeErrorKind::NotInVersion(version),
                "a value that is not set",
            ));
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
        let count = |kind| BindError::new(kind);
        self.count = u16::try_from(columns.len()).map_err(|_| count(BindErrorKind::TooLong))?;
        let writer = Writer::new(&mut self.bytes);
        let mut binder = Binder { columns, next: 0, writer };
        if let Err(error) = values.bind(&mut binder) {
            return Err(self.abandon(error));
        }
        let (expected, found) = (columns.len(), binder.next);
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
    pub fn value<V: ToCql + ?Sized>(&mut self, value: &V) -> Result<(), BindError> {
        let index = self.next;
        self.next = index.wrapping_add(1);
        let Some(column) = self.columns.get(index) else { return Ok(()) };
        let writer = &mut self.writer;
        let bound = V::check(&column.cql_type).map_err(Into::into);
        let bound = bound.and_then(|()| value.to_cql(&column.cql_type, writer));
        bound.map_err(|kind| misfit(kind, index, column))
    }

    /// The same, with the field of a struct, as `User::age`, which an error names.
    #[inline]
    pub fn field<V: ToCql + ?Sized>(
        &mut self,
        field: &'static str,
        value: &V,
    ) -> Result<(), BindError> {
        self.value(value).map_err(|error| error.with_field(field))
    }

    /// Binds all variables that are left, each to the value of its name.
    ///
    /// # Errors
    /// A variable whose name no value has, a value that does not go with its variable, and, where
    /// the values are strict, one that no variable asks for.
    pub fn by_name<V: ToNamedValues + ?Sized>(&mut self, values: &V) -> Result<(), BindError> {
        let columns = self.columns;
        for (index, column) in columns.iter().enumerate().skip(self.next) {
            if !values.bind_named(&column.name, self)? {
                return Err(missing(index, column, V::STRUCT));
            }
        }
        let has = |name: &str| columns.iter().any(|column| *column.name == *name);
        match values.unused(&has).filter(|_| V::IS_STRICT) {
            Some(field) => Err(BindError::new(BindErrorKind::Unused).with_field(field)),
            None => Ok(()),
        }
    }
}

#[cold]
fn missing(index: usize, column: &ColumnSpec, of: Option<&'static str>) -> BindError {
    let error = BindError::of(BindErrorKind::Missing, index, column);
    match of {
        Some(name) => error.with_field(name),
        None => error,
    }
}

#[cold]
fn misfit(kind: BindErrorKind, index: usize, column: &ColumnSpec) -> BindError {
    BindError::of(kind, index, column)
}

/// The values of a whole statement: a tuple or slice, by position; a map from names, or a struct that
/// derives it (feature `derive`), by name.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not the values of a statement",
    label = "neither a tuple nor a slice, a map or a struct that derives `ToValues`",
    note = "derive `ToValues` for a struct; one value alone is the tuple `(value,)`",
    note = "tuples are of 16 values at most"
)]
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

/// Values that are bound to the variables of their names, in whatever order.
///
/// A variable is called as the column that it is compared with or written to, or as its marker
/// `:name`. Servers have names of their own for the others:
///
/// | in the statement | the variable's name |
/// |---|---|
/// | `a = ?`, `a < ?` | `a` |
/// | `a = :name` | `name` |
/// | `a IN ?` | `in(a)` |
/// | `a CONTAINS ?`, `a CONTAINS KEY ?` | `value(a)`, `key(a)` |
/// | `a[?] = ?` | `key(a)` and `value(a)` of a map, `idx(a)` and `value(a)` of a list |
/// | `token(a, b) > ?` | `partition key token` |
/// | `(a, b) > ?` | `(a,b)` |
/// | `LIMIT ?`, `PER PARTITION LIMIT ?` | `[limit]`, `[per_partition_limit]` |
/// | `USING TTL ? AND TIMESTAMP ?` | `[ttl]`, `[timestamp]` |
/// | `f(?)` | `arg0(ks.f)`, counting from 0 |
///
/// Variables of one name get the same value: give those of `a > ? AND a < ?` names of their own.
///
/// ```
/// use cqlwire::types::{ColumnSpec, NativeType, ValuesBuffer};
/// use std::collections::BTreeMap;
///
/// let variables = ["username", "password"]
///     .map(|name| ColumnSpec::new("ks", "users", name, NativeType::Text));
/// let user = BTreeMap::from([("password", "secret"), ("username", "ada")]);
/// let mut buffer = ValuesBuffer::new();
/// assert_eq!(
///     buffer.bind(&user, &variables)?,
///     ValuesBuffer::new().bind(&("ada", "secret"), &variables)?
/// );
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the values of a `{Self}` have no names",
    label = "neither a map nor a struct with named fields that derives `ToValues`"
)]
pub trait ToNamedValues {
    /// The struct, for messages.
    #[doc(hidden)]
    const STRUCT: Option<&'static str> = None;

    /// Whether every field must have a variable.
    #[doc(hidden)]
    const IS_STRICT: bool = false;

    /// Binds the value called `name`, if there is one, as the next variable, and says whether there
    /// is.
    ///
    /// # Errors
    /// What [`Binder::value`] returns.
    fn bind_named(&self, name: &str, binder: &mut Binder<'_>) -> Result<bool, BindError>;

    /// The first field that is not there.
    #[doc(hidden)]
    fn unused(&self, _has: &dyn Fn(&str) -> bool) -> Option<&'static str> {
        None
    }
}

macro_rules! maps {
    ($( $map:ident<$name:ident, $value:ident $(, $hasher:ident)?>: $($bound:path),+; )+) => {$(
        impl<$name, $value: ToCql $(, $hasher: BuildHasher)?> ToNamedValues
            for $map<$name, $value $(, $hasher)?>
        where
            $name: Borrow<str> $(+ $bound)+,
        {
            fn bind_named(&self, name: &str, binder: &mut Binder<'_>) -> Result<bool, BindError> {
                let bound = self.get(name).map(|value| binder.value(value)).transpose()?;
                Ok(bound.is_some())
            }
        }

        /// By name.
        impl<$name, $value: ToCql $(, $hasher: BuildHasher)?> ToValues
            for $map<$name, $value $(, $hasher)?>
        where
            $name: Borrow<str> $(+ $bound)+,
        {
            fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
                binder.by_name(self)
            }

            fn is_empty(&self) -> bool {
                self.is_empty()
            }
        }
    )+};
}
maps! {
    BTreeMap<K, V>: Ord;
    HashMap<K, V, S>: Eq, Hash;
}

/// Pointers to values bind as the values do.
macro_rules! pointers {
    ($( $pointer:ty; )+) => {$(
        impl<V: ToNamedValues + ?Sized> ToNamedValues for $pointer {
            const STRUCT: Option<&'static str> = V::STRUCT;
            const IS_STRICT: bool = V::IS_STRICT;

            fn bind_named(&self, name: &str, binder: &mut Binder<'_>) -> Result<bool, BindError> {
                (**self).bind_named(name, binder)
            }

            fn unused(&self, has: &dyn Fn(&str) -> bool) -> Option<&'static str> {
                (**self).unused(has)
            }
        }

        impl<V: ToValues + ?Sized> ToValues for $pointer {
            #[inline]
            fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
                (**self).bind(binder)
            }

            fn is_empty(&self) -> bool {
                (**self).is_empty()
            }
        }
    )+};
}
pointers! {
    &V;
    Box<V>;
    std::sync::Arc<V>;
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
    fn pointers_bind_what_they_point_to() {
        let columns = columns();
        let mut buffer = ValuesBuffer::new();
        let values = buffer.bind(&("ada", 36), &columns).unwrap();
        let boxed: Box<dyn ToValues> = Box::new(("ada", 36));
        assert_eq!(ValuesBuffer::new().bind(&boxed, &columns).unwrap(), values);
        assert!(!ToValues::is_empty(&boxed));
        let shared: std::sync::Arc<dyn ToValues + Send + Sync> = std::sync::Arc::new(("ada", 36));
        assert_eq!(ValuesBuffer::new().bind(&shared, &columns).unwrap(), values);
        assert!(ToValues::is_empty(&Box::new(())));
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
