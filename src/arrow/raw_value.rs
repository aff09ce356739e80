//! Elements of collections and vectors that are not decoded.

use super::column::RawCell;
use crate::types::{Cell, CqlType, FromCql, NativeType, TypeMismatch, ValueError};

/// The type of elements in the types of columns. It stands for all types, because a copy of the real type at each
/// level of nesting would take memory in proportion to the square of its length.
pub(super) const RAW_TYPE: CqlType = CqlType::Native(NativeType::Blob);

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
