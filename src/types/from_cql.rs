//! [`FromCql`], which decodes a CQL value to a Rust value.

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
/// | `tuple` | tuples of up to 16 fields |
/// | `vector` | `Vec`, arrays |
/// | a custom type | `&[u8]`, `Vec<u8>`, `Box<[u8]>`, [`Bytes`](bytes::Bytes) |
/// | any, and null | [`Value`](super::Value) |
///
/// Cargo features add types of other crates: see [`types`](super).
///
/// [`Value`](super::Value) and `Option<T>` accept null, and [`OrDefault<T>`](super::OrDefault) reads it
/// as the default of `T`. For all other types null is an error. Cassandra stores an empty
/// `list`, `set` or `map` as null, unless it is frozen.
///
/// The empty value (zero bytes) is an error for types whose values are never empty, such as `int`.
/// [`MaybeEmpty<T>`](super::MaybeEmpty) accepts it.
///
/// # Custom types
/// Enums and newtypes derive this trait. A type that validates its values implements it on top of
/// another type, and reports errors with [`ValueError::Other`]:
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
///             _ => Err(ValueError::Other("an email address needs an @")),
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
///     "cannot read row 0, column 0 \"email\" of type `text`: an email address needs an @"
/// );
/// # Ok::<(), cqlwire::types::TypeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be decoded from a CQL value",
    label = "does not implement `FromCql`",
    note = "derive `FromCql` for a newtype or an enum, `FromUdt` for a struct; read bytes as `&[u8]` or `Vec<u8>`"
)]
pub trait FromCql<'r>: Sized {
    /// Size of every value in bytes, or `None` if it varies. Rows skip over cells of known size
    /// faster.
    const SIZE: Option<usize> = None;

    /// Checks that values of `cql_type` can be decoded to this Rust type. Called once for each column
    /// of a page.
    ///
    /// # Errors
    /// Returns the CQL types that are supported if `cql_type` is not.
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch>;

    /// Decodes a value that is not null. The caller has [checked](Self::check) the type.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a valid value of `cql_type`, or if the Rust type cannot
    /// hold the value.
    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError>;

    /// Returns the Rust value for null.
    ///
    /// # Errors
    /// Returns [`ValueError::Null`] if the Rust type cannot represent null: the default.
    #[inline]
    fn from_null() -> Result<Self, ValueError> {
        Err(ValueError::Null)
    }

    /// Decodes a value, or null for `None`.
    ///
    /// # Errors
    /// Returns the errors of [`from_cell`](Self::from_cell) and [`from_null`](Self::from_null).
    #[inline(always)]
    fn from_optional(cell: Option<Cell<'r>>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        match cell {
            Some(cell) => Self::from_cell(cell, cql_type),
            None => Self::from_null(),
        }
    }

    /// Decodes all elements of a vector at once. Returns `None` unless any [`SIZE`](Self::SIZE) bytes
    /// are a valid value.
    #[doc(hidden)]
    #[inline]
    fn unpack(_: &'r [u8]) -> Option<Vec<Self>> {
        None
    }

    /// Decodes all elements of a vector to an array, like [`unpack`](Self::unpack).
    #[doc(hidden)]
    #[inline]
    fn unpack_array<const N: usize>(_: &'r [u8]) -> Option<[Self; N]> {
        None
    }
}

/// Decodes the struct field `path`, such as `User::age`.
///
/// # Errors
/// Returns [`ValueError::NullField`] if the cell is null and the field's type is not optional, and
/// the errors of [`FromCql::from_cell`].
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
