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
/// | `bigint`, `varint` | `partitioner::Token`, with the feature `driver` or `testing` |
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
/// [`Value`](super::Value) and `Option<T>` accept null, and [`OrDefault<T>`](super::OrDefault)
/// reads null as the default of `T`. For all other types null is an error. Cassandra stores an
/// empty `list`, `set` or `map` as null unless the type is frozen.
///
/// The empty value (zero bytes) is an error for types whose values normally have a size, such as
/// `int`. [`MaybeEmpty<T>`](super::MaybeEmpty) accepts the empty value.
///
/// # Custom types
/// Enums and newtypes can derive this trait. A type that validates its values calls the
/// implementation of another type, and reports invalid values with [`ValueError::Other`]:
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
    /// Size of every value in bytes, or `None` if the size varies. Cells of known size are read
    /// faster.
    const SIZE: Option<usize> = None;

    /// Checks that values of `cql_type` can be decoded to this Rust type. Called once for each column
    /// of a page.
    ///
    /// # Errors
    /// Returns an error with the CQL types that this Rust type supports if `cql_type` is none of
    /// them.
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch>;

    /// Decodes a value that is not null. The caller must have [checked](Self::check) the type.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a valid value of `cql_type`, or if the Rust type
    /// cannot represent the value.
    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError>;

    /// Returns the Rust value for null.
    ///
    /// # Errors
    /// Returns [`ValueError::Null`] if the Rust type cannot represent null. The default
    /// implementation always returns this error.
    #[inline]
    fn from_null() -> Result<Self, ValueError> {
        Err(ValueError::Null)
    }

    /// Decodes a value. `None` is null.
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

    /// Decodes all elements of a vector at once. Only types for which any [`SIZE`](Self::SIZE)
    /// bytes are a valid value override the default implementation, which returns `None`.
    #[doc(hidden)]
    #[inline]
    fn unpack(_: &'r [u8]) -> Option<Vec<Self>> {
        None
    }

    /// Decodes the elements of a list or set at once, each preceded by its length. Returns `None` if an
    /// element is null, or is not [`SIZE`](Self::SIZE) bytes long. The default implementation returns
    /// `None`.
    #[doc(hidden)]
    #[inline]
    fn unpack_parts(_: &'r [u8]) -> Option<Vec<Self>> {
        None
    }

    /// Decodes all elements of a vector to an array, like [`unpack`](Self::unpack). Also returns
    /// `None` if the number of elements is not `N`.
    #[doc(hidden)]
    #[inline]
    fn unpack_array<const N: usize>(_: &'r [u8]) -> Option<[Self; N]> {
        None
    }
}

/// Decodes the struct field `path`, such as `User::age`.
///
/// # Errors
/// Returns [`ValueError::NullField`] if the cell is null and the field's type cannot represent
/// null. Otherwise returns the errors of [`FromCql::from_cell`].
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
