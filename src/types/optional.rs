//! Null, not set, and empty, which are three things.

use super::to_cql::checks_of;
use super::{BindErrorKind, Cell, CqlType, FromCql, ToCql, TypeMismatch, ValueError};
use crate::wire::{RawValue, Version, Writer};

/// `None` is null.
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

/// `None` is null.
impl<T: ToCql> ToCql for Option<T> {
    checks_of!(T);

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
}

/// "Not set": the statement leaves the column as it is, where null would delete it.
///
/// Protocol v3 has no such thing; a request that has one is refused there.
///
/// ```no_run
/// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
/// use cqlwire::types::Unset;
///
/// // Whatever password ada has, she keeps it.
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
        Err(TypeMismatch::new("Unset", "whole values only, not with parts of one", cql_type))
    }

    #[inline]
    fn to_cql(&self, _: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        Ok(writer.value(RawValue::Unset, Version::V4, "value")?)
    }
}

/// A value, or [`Unset`]. With an `Option` inside it also says null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MaybeUnset<T> {
    /// The column is left as it is.
    #[default]
    Unset,
    /// The column gets this value.
    Set(T),
}

/// `None` is not set.
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
}

/// A value, or the empty value, of no bytes, of a type whose values have some.
///
/// Cassandra keeps it for old clients, in numbers, dates and the like; it is neither null nor zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MaybeEmpty<T> {
    /// No bytes at all.
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
            // A part of the value may be empty, too, which is another thing.
            Err(ValueError::Empty) if cell.bytes().is_empty() => Ok(Self::Empty),
            value => value.map(Self::Value),
        }
    }

    fn from_null() -> Result<Self, ValueError> {
        T::from_null().map(Self::Value)
    }
}

impl<T: ToCql> ToCql for MaybeEmpty<T> {
    checks_of!(T);

    #[inline]
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        match self {
            Self::Empty => Ok(writer.bytes(Some(&[]), "value")?),
            Self::Value(value) => value.to_cql(cql_type, writer),
        }
    }
}

/// A value, or the default of its type for null: a collection that is null is an empty one.
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
    fn null_not_set_and_empty_have_lengths_of_their_own() {
        assert_eq!(bytes(None::<i32>), (-1_i32).to_be_bytes());
        assert_eq!(bytes(Unset), (-2_i32).to_be_bytes());
        assert_eq!(bytes(MaybeUnset::<i32>::Unset), (-2_i32).to_be_bytes());
        assert_eq!(bytes(MaybeUnset::Set(None::<i32>)), (-1_i32).to_be_bytes());
        assert_eq!(bytes(MaybeEmpty::<i32>::Empty), [0; 4]);
        assert_eq!(bytes(Some(MaybeUnset::Set(MaybeEmpty::Value(7)))), [0, 0, 0, 4, 0, 0, 0, 7]);
    }

    #[test]
    fn empty_is_read_as_empty_only_where_it_is_no_value() {
        let empty = Cell::new(&[]);
        assert_eq!(i32::from_cell(empty, &INT), Err(ValueError::Empty));
        assert_eq!(MaybeEmpty::<i32>::from_cell(empty, &INT), Ok(MaybeEmpty::Empty));
        let text = &CqlType::Native(NativeType::Text);
        assert_eq!(MaybeEmpty::<&str>::from_cell(empty, text), Ok(MaybeEmpty::Value("")));
    }

    #[test]
    fn parts_of_a_value_are_never_not_set() {
        let list = CqlType::List(Box::new(INT));
        let columns = [crate::types::ColumnSpec::new("ks", "t", "v", list)];
        let error = ValuesBuffer::new().bind(&(vec![Some(Unset)],), &columns).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot bind value 0 to \"v\" of type `list<int>`: its element is `int`, \
             and a Rust `Unset` goes with whole values only, not with parts of one; \
             `i32` goes with `int`"
        );
    }

    #[test]
    fn a_type_that_does_not_fit_is_found_whatever_the_value_is() {
        let columns = [crate::types::ColumnSpec::new("ks", "t", "v", INT)];
        assert!(ValuesBuffer::new().bind(&(None::<&str>,), &columns).is_err());
        assert!(ValuesBuffer::new().bind(&(MaybeUnset::<&str>::Unset,), &columns).is_err());
    }
}
