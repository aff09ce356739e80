//! One CQL value to one Rust value.

use super::{Cell, CqlType, TypeMismatch, ValueError};

/// A Rust type that CQL values decode to.
///
/// | CQL | Rust |
/// |---|---|
/// | `ascii`, `text` | `&str`, `String`, `Box<str>`, `Arc<str>`, `Cow<str>` |
/// | `bigint`, `counter` | `i64` |
/// | `blob` | `&[u8]`, `Vec<u8>`, `Box<[u8]>`, [`Bytes`](bytes::Bytes) |
/// | `boolean` | `bool` |
/// | `date`, `time`, `timestamp`, `duration` | [`Date`](super::Date), [`Time`](super::Time), [`Timestamp`](super::Timestamp), [`Duration`](super::Duration) |
/// | `timestamp` | [`SystemTime`](std::time::SystemTime) |
/// | `decimal`, `varint` | [`Decimal`](super::Decimal), [`Varint`](super::Varint) |
/// | `double`, `float` | `f64`, `f32` |
/// | `inet` | [`IpAddr`](std::net::IpAddr), [`Ipv4Addr`](std::net::Ipv4Addr), [`Ipv6Addr`](std::net::Ipv6Addr) |
/// | `int`, `smallint`, `tinyint` | `i32`, `i16`, `i8` |
/// | `uuid`, `timeuuid` | [`Uuid`](uuid::Uuid) |
/// | `list`, `set` | `Vec`, [`Elements`](super::Elements) |
/// | `set` | [`BTreeSet`](std::collections::BTreeSet), [`HashSet`](std::collections::HashSet) |
/// | `map` | [`BTreeMap`](std::collections::BTreeMap), [`HashMap`](std::collections::HashMap), [`Entries`](super::Entries) |
/// | `tuple` | tuples of up to 16 |
/// | `vector` | `Vec`, arrays |
/// | a custom type | `&[u8]`, `Vec<u8>`, `Box<[u8]>`, [`Bytes`](bytes::Bytes) |
/// | any, and null | [`Value`](super::Value) |
///
/// Behind features there are the types of other crates: see [`types`](super).
///
/// Null is an error for all of these but [`Value`](super::Value): `Option<T>` has a place for it,
/// and [`OrDefault<T>`](super::OrDefault) takes the default of `T`. Cassandra has no empty `list`,
/// `set` or `map` (but frozen ones): it comes back as null. The empty value, of no bytes, is an
/// error, too, where a type's values have some: [`MaybeEmpty<T>`](super::MaybeEmpty) has a place.
///
/// # Types of one's own
/// Enums and newtypes derive it. A type that looks at the value goes with what another one does, and
/// says in its own words what is wrong:
///
/// ```
/// use bytes::Bytes;
/// use cqlwire::types::{
///     BindErrorKind, Cell, ColumnSpec, CqlType, FromCql, NativeType, RowIter, ToCql, TypeMismatch,
///     ValueError,
/// };
/// use cqlwire::wire::Writer;
///
/// #[derive(Debug)]
/// struct Email(String);
///
/// impl FromCql<'_> for Email {
///     fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
///         <&str as FromCql>::check(cql_type)
///     }
///
///     fn from_cell(cell: Cell<'_>, cql_type: &CqlType) -> Result<Self, ValueError> {
///         match <&str>::from_cell(cell, cql_type)? {
///             text if text.contains('@') => Ok(Self(text.to_owned())),
///             _ => Err(ValueError::Other("the text is no address, which has an @")),
///         }
///     }
/// }
///
/// impl ToCql for Email {
///     fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
///         <str as ToCql>::check(cql_type)
///     }
///
///     fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
///         self.0.to_cql(cql_type, writer)
///     }
/// }
///
/// let columns = [ColumnSpec::new("ks", "users", "email", NativeType::Text)];
/// let page = Bytes::from_static(b"\0\0\0\x03ada");
/// let error = RowIter::<(Email,)>::new(&page, &columns, 1)?.next().unwrap().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "cannot read row 0, column 0 \"email\" of type `text`: the text is no address, which has an @"
/// );
/// # Ok::<(), cqlwire::types::TypeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "no CQL value can be read as a `{Self}`",
    label = "not a type that CQL values are read as",
    note = "the documentation of `FromCql` lists those that are; derive `FromCql` for a newtype or \
            an enum, `FromUdt` for a struct that is a user-defined type",
    note = "tuples are of 16 fields at most; the bytes of a blob are read as a `&[u8]`, not an array"
)]
pub trait FromCql<'r>: Sized {
    /// How many bytes values take, if they all take the same. Cells of that size are found faster.
    const SIZE: Option<usize> = None;

    /// Whether values of `cql_type` decode to this Rust type. Asked once per column of a result.
    ///
    /// # Errors
    /// What would fit.
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch>;

    /// Decodes a value of a type that has been [checked](Self::check).
    ///
    /// # Errors
    /// Bytes that are no value of the type, or one that the Rust type cannot hold.
    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError>;

    /// What null becomes.
    ///
    /// # Errors
    /// [`ValueError::Null`], unless the Rust type has a place for it.
    #[inline]
    fn from_null() -> Result<Self, ValueError> {
        Err(ValueError::Null)
    }

    /// Decodes a value, or null.
    ///
    /// # Errors
    /// As [`from_cell`](Self::from_cell) and [`from_null`](Self::from_null).
    #[inline(always)]
    fn from_optional(cell: Option<Cell<'r>>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        match cell {
            Some(cell) => Self::from_cell(cell, cql_type),
            None => Self::from_null(),
        }
    }

    /// All the values of a vector at once, whose elements are back to back, if any bytes of
    /// [`SIZE`](Self::SIZE) are a value.
    #[doc(hidden)]
    #[inline]
    fn unpack(_: &'r [u8]) -> Option<Vec<Self>> {
        None
    }

    /// The same, for as many as an array has.
    #[doc(hidden)]
    #[inline]
    fn unpack_array<const N: usize>(_: &'r [u8]) -> Option<[Self; N]> {
        None
    }
}

/// Reads one field, `path` for short.
///
/// # Errors
/// Null where the field has no place for it, and what its type says.
#[inline]
pub fn read_field<'r, T: FromCql<'r>>(
    path: &'static str,
    cell: Option<Cell<'r>>,
    cql_type: &'r CqlType,
) -> Result<T, ValueError> {
    match cell {
        Some(cell) => T::from_cell(cell, cql_type),
        None => T::from_null().map_err(|_| ValueError::NullField(path)),
    }
}
