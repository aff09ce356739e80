//! Null, unset and empty values, which differ from each other.

use bytes::Bytes;

use super::to_cql::delegate_checks;
use super::{BindErrorKind, Cell, CqlType, FromCql, ToCql, TypeMismatch, ValueError};
use crate::wire::{RawValue, Version, Writer};

/// Reads null as `None`.
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

/// Encodes `None` as null.
impl<T: ToCql> ToCql for Option<T> {
    delegate_checks!(T);

    #[inline]
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        match self {
            Some(value) => value.to_cql(cql_type, writer),
            None => {
                writer.int(-1);
                Ok(())
            }
        }
    }

    #[inline]
    fn as_shared(&self, cql_type: &CqlType) -> Option<&Bytes> {
        self.as_ref()?.as_shared(cql_type)
    }
}

/// The unset value, which leaves a column unchanged. Null would delete the column's value.
///
/// Protocol v3 has no unset values (v4 §3). On a v3 connection, a request with an unset value
/// returns an error.
///
/// ```no_run
/// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
/// use cqlwire::types::Unset;
///
/// // If the row exists, its password does not change.
/// session.execute("INSERT INTO users (username, password) VALUES (?, ?)", ("ada", Unset)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Unset;

impl ToCql for Unset {
    fn check(_: &CqlType) -> Result<(), TypeMismatch> {
        Ok(())
    }

    fn check_part(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        Err(TypeMismatch::new("Unset", "whole values only, not parts of a value", cql_type))
    }

    #[inline]
    fn to_cql(&self, _: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        Ok(writer.value(RawValue::Unset, Version::V4, "value")?)
    }
}

/// A value, or [`Unset`]. `MaybeUnset<Option<T>>` can also be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MaybeUnset<T> {
    /// The unset value: the column does not change.
    #[default]
    Unset,
    /// The value to write.
    Set(T),
}

/// Converts `None` to [`Unset`](Self::Unset).
impl<T> From<Option<T>> for MaybeUnset<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unset, Self::Set)
    }
}

impl<T: ToCql> ToCql for MaybeUnset<T> {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        T::check(cql_type)
    }

    fn check_part(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        Unset::check_part(cql_type)
    }

    #[inline]
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        match self {
            Self::Unset => Unset.to_cql(cql_type, writer),
            Self::Set(value) => value.to_cql(cql_type, writer),
        }
    }

    #[inline]
    fn as_shared(&self, cql_type: &CqlType) -> Option<&Bytes> {
        match self {
            Self::Unset => None,
            Self::Set(value) => value.as_shared(cql_type),
        }
    }
}

/// A value, or the empty value (zero bytes) of a type whose values normally have a size, such as
/// `int` or `date`.
///
/// Cassandra accepts empty values of such types for compatibility with old clients. An empty value
/// is neither null nor zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MaybeEmpty<T> {
    /// The empty value.
    #[default]
    Empty,
    /// A value.
    Value(T),
}

impl<'r, T: FromCql<'r>> FromCql<'r> for MaybeEmpty<T> {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        T::check(cql_type)
    }

    #[inline]
    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        match T::from_cell(cell, cql_type) {
            // The error may also be about an empty part of a value that is not empty. That error is
            // returned.
            Err(ValueError::Empty) if cell.bytes().is_empty() => Ok(Self::Empty),
            value => value.map(Self::Value),
        }
    }

    fn from_null() -> Result<Self, ValueError> {
        T::from_null().map(Self::Value)
    }
}

impl<T: ToCql> ToCql for MaybeEmpty<T> {
    delegate_checks!(T);

    #[inline]
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        match self {
            Self::Empty => Ok(writer.bytes(Some(&[]), "value")?),
            Self::Value(value) => value.to_cql(cql_type, writer),
        }
    }
}

/// A value of type `T`. Null is read as the default of `T`, such as an empty collection.
///
/// ```
/// use cqlwire::types::{FromCql, OrDefault};
///
/// assert_eq!(OrDefault::<Vec<i32>>::from_null(), Ok(OrDefault(vec![])));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OrDefault<T>(pub T);

impl<'r, T: FromCql<'r> + Default> FromCql<'r> for OrDefault<T> {
    const SIZE: Option<usize> = T::SIZE;

    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        T::check(cql_type)
    }

    #[inline(always)]
    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        T::from_cell(cell, cql_type).map(Self)
    }

    #[inline]
    fn from_null() -> Result<Self, ValueError> {
        Ok(Self(T::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NativeType, ValuesBuffer};

    const INT: CqlType = CqlType::Native(NativeType::Int);

    fn bytes(value: impl ToCql) -> Vec<u8> {
        let mut out = Vec::new();
        value.to_cql(&INT, &mut Writer::new(&mut out)).unwrap();
        out
    }

    #[test]
    fn null_unset_and_empty_have_different_lengths() {
        assert_eq!(bytes(None::<i32>), (-1_i32).to_be_bytes());
        assert_eq!(bytes(Unset), (-2_i32).to_be_bytes());
        assert_eq!(bytes(MaybeUnset::<i32>::Unset), (-2_i32).to_be_bytes());
        assert_eq!(bytes(MaybeUnset::Set(None::<i32>)), (-1_i32).to_be_bytes());
        assert_eq!(bytes(MaybeEmpty::<i32>::Empty), [0; 4]);
        assert_eq!(bytes(Some(MaybeUnset::Set(MaybeEmpty::Value(7)))), [0, 0, 0, 4, 0, 0, 0, 7]);
    }

    #[test]
    fn zero_bytes_are_empty_only_if_they_are_not_a_valid_value() {
        let empty = Cell::new(&[]);
        assert_eq!(i32::from_cell(empty, &INT), Err(ValueError::Empty));
        assert_eq!(MaybeEmpty::<i32>::from_cell(empty, &INT), Ok(MaybeEmpty::Empty));
        let text = &CqlType::Native(NativeType::Text);
        assert_eq!(MaybeEmpty::<&str>::from_cell(empty, text), Ok(MaybeEmpty::Value("")));
    }

    #[test]
    fn parts_of_a_value_cannot_be_unset() {
        let list = CqlType::List(Box::new(INT));
        let columns = [crate::types::ColumnSpec::new("ks", "t", "v", list)];
        let error = ValuesBuffer::new().bind(&(vec![Some(Unset)],), &columns).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot bind value 0 to \"v\" of type `list<int>`: the element is `int`, \
             but Rust type `Unset` binds to whole values only, not parts of a value; \
             use `i32` for `int`"
        );
    }

    #[test]
    fn type_mismatches_are_found_for_every_value() {
        let columns = [crate::types::ColumnSpec::new("ks", "t", "v", INT)];
        assert!(ValuesBuffer::new().bind(&(None::<&str>,), &columns).is_err());
        assert!(ValuesBuffer::new().bind(&(MaybeUnset::<&str>::Unset,), &columns).is_err());
    }
}
