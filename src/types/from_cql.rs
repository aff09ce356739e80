//! One CQL value to one Rust value.

use bytes::Bytes;

use super::{CqlType, NativeType, TypeMismatch, Value, ValueError};
use crate::wire::Reader;

/// The bytes of one value, on their way to a Rust type.
///
/// Text costs next to nothing: the page that a cell belongs to has usually been found to be UTF-8
/// as a whole, so a cell is only cut out of it.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'r> {
    bytes: &'r [u8],
    /// The whole page as text, or nothing when it is not; and where the cell begins in it.
    page: &'r str,
    start: usize,
    shared: Option<&'r Bytes>,
}

impl<'r> Cell<'r> {
    /// A value that is not part of a page.
    pub const fn new(bytes: &'r [u8]) -> Self {
        Self { bytes, page: "", start: 0, shared: None }
    }

    /// A value that begins at `start` of `page`, which is the text of `shared` or empty.
    #[inline]
    pub(super) const fn of_page(
        bytes: &'r [u8],
        page: &'r str,
        start: usize,
        shared: &'r Bytes,
    ) -> Self {
        Self { bytes, page, start, shared: Some(shared) }
    }

    /// A value inside of this one, with its `bytes`.
    pub(super) const fn part(self, bytes: &'r [u8]) -> Self {
        Self { bytes, page: "", start: 0, shared: self.shared }
    }

    /// The value's bytes.
    #[inline]
    pub const fn bytes(self) -> &'r [u8] {
        self.bytes
    }

    /// The value's bytes, shared with the response they came in where there is one.
    pub fn share(self) -> Bytes {
        match self.shared {
            Some(page) => page.slice_ref(self.bytes),
            None => Bytes::copy_from_slice(self.bytes),
        }
    }

    /// The value's bytes as text.
    ///
    /// # Errors
    /// [`ValueError::InvalidUtf8`].
    #[inline(always)]
    pub fn text(self) -> Result<&'r str, ValueError> {
        if !self.page.is_empty()
            && let Some(text) = self.page.get(self.start..self.start.wrapping_add(self.bytes.len()))
        {
            return Ok(text);
        }
        std::str::from_utf8(self.bytes).map_err(|_| ValueError::InvalidUtf8)
    }

    /// The value as exactly `N` bytes.
    ///
    /// # Errors
    /// [`ValueError::Empty`] for no bytes at all, [`ValueError::Size`] for another number.
    #[inline(always)]
    pub fn array<const N: usize>(self) -> Result<[u8; N], ValueError> {
        self.bytes.try_into().map_err(|_| wrong_size(N, self.bytes.len()))
    }

    /// The elements of a list or set, or the keys and values of a map: `[bytes]` after `[bytes]`,
    /// as many as the `[int]` before them says, `each` times over.
    pub(super) fn elements(
        self,
        each: usize,
    ) -> Result<impl Iterator<Item = Result<Option<Self>, ValueError>>, ValueError> {
        let mut reader = Reader::new(self.bytes);
        let claimed = reader.int("count").map_err(|_| ValueError::TooShort)?;
        let smallest = each.saturating_mul(4);
        let count = usize::try_from(claimed)
            .ok()
            .filter(|count| {
                count.checked_mul(smallest).is_some_and(|all| all <= reader.rest().len())
            })
            .ok_or(ValueError::Count(claimed))?
            .saturating_mul(each);
        if count == 0 && !reader.is_empty() {
            return Err(ValueError::TooLong);
        }
        Ok((0..count).map(move |index| {
            let element = reader.bytes("element").map_err(|_| ValueError::TooShort)?;
            if index.wrapping_add(1) == count && !reader.is_empty() {
                return Err(ValueError::TooLong);
            }
            Ok(element.map(|bytes| self.part(bytes)))
        }))
    }
}

#[inline]
const fn wrong_size(expected: usize, found: usize) -> ValueError {
    match found {
        0 => ValueError::Empty,
        found => ValueError::Size { expected, found },
    }
}

/// A Rust type that CQL values decode to.
///
/// | CQL | Rust | null |
/// |---|---|---|
/// | `ascii`, `text` | `&str`, `String`, `Box<str>` | needs `Option` |
/// | `bigint`, `counter` | `i64` | needs `Option` |
/// | `blob` | `&[u8]`, `Vec<u8>`, [`Bytes`] | needs `Option` |
/// | `boolean` | `bool` | needs `Option` |
/// | `date`, `time`, `timestamp`, `duration` | [`Date`](super::Date), [`Time`](super::Time), [`Timestamp`](super::Timestamp), [`Duration`](super::Duration) | needs `Option` |
/// | `decimal`, `varint` | [`Decimal`](super::Decimal), [`Varint`](super::Varint) | needs `Option` |
/// | `double`, `float` | `f64`, `f32` | needs `Option` |
/// | `inet` | [`IpAddr`](std::net::IpAddr) | needs `Option` |
/// | `int`, `smallint`, `tinyint` | `i32`, `i16`, `i8` | needs `Option` |
/// | `uuid`, `timeuuid` | [`Uuid`](uuid::Uuid) | needs `Option` |
/// | `list`, `set` | `Vec<T>` | needs `Option`: an empty collection comes as null |
/// | any | [`Value`] | [`Value::Null`] |
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
}

/// The columns of a borrowed type's `check`: the types, and what the error then says.
pub(super) fn check_native(
    cql_type: &CqlType,
    fits: &[NativeType],
    mismatch: TypeMismatch,
) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::Native(native) if fits.contains(native) => Ok(()),
        _ => Err(mismatch),
    }
}

impl<'r, T: FromCql<'r>> FromCql<'r> for Option<T> {
    const SIZE: Option<usize> = T::SIZE;

    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        T::check(cql_type)
    }

    #[inline(always)]
    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        T::from_cell(cell, cql_type).map(Some)
    }

    #[inline]
    fn from_null() -> Result<Self, ValueError> {
        Ok(None)
    }
}

impl<'r, T: FromCql<'r>> FromCql<'r> for Vec<T> {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        match cql_type {
            CqlType::List(element) | CqlType::Set(element) => T::check(element),
            _ => Err(TypeMismatch { rust: "Vec", fits: "`list` or `set`" }),
        }
    }

    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        let (CqlType::List(element) | CqlType::Set(element)) = cql_type else {
            return Err(ValueError::OutOfRange);
        };
        cell.elements(1)?.map(|cell| T::from_optional(cell?, element)).collect()
    }
}

impl<'r> FromCql<'r> for Value {
    fn check(_: &CqlType) -> Result<(), TypeMismatch> {
        Ok(())
    }

    #[inline(always)]
    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        Self::of_cell(cql_type, cell)
    }

    #[inline]
    fn from_null() -> Result<Self, ValueError> {
        Ok(Self::Null)
    }
}
