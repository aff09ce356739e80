//! Elements of collections and vectors that are not decoded.

use super::column::RawCell;
use crate::types::{Cell, CqlType, FromCql, TypeMismatch, ValueError};

/// The bytes of an element of any type.
pub(super) struct RawValue<'r>(pub(super) RawCell<'r>);

impl<'r> FromCql<'r> for RawValue<'r> {
    fn check(_: &CqlType) -> Result<(), TypeMismatch> {
        Ok(())
    }

    #[inline]
    fn from_cell(cell: Cell<'r>, _: &'r CqlType) -> Result<Self, ValueError> {
        Ok(Self(Some(cell.bytes())))
    }

    #[inline]
    fn from_null() -> Result<Self, ValueError> {
        Ok(Self(None))
    }
}
