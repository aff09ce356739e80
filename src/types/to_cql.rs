//! One Rust value to one CQL value.

use super::{BindErrorKind, CqlType, TypeMismatch, ValueError};
use crate::wire::{EncodeError, Writer};

/// A Rust type that encodes to CQL values: the same pairs as [`FromCql`](super::FromCql)'s table.
///
/// There is an example of a [type of one's own](super::FromCql#types-of-ones-own).
///
/// `None` is null, which deletes what is there; [`Unset`](super::Unset) leaves it as it is.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be written as a CQL value",
    label = "not a type that CQL values are written from",
    note = "the documentation of `FromCql` lists those that are; derive `ToCql` for a newtype or an \
            enum, `ToUdt` for a struct that is a user-defined type",
    note = "tuples are of 16 fields at most; an array of bytes is written as a blob by its slice, \
            `&bytes[..]`"
)]
pub trait ToCql {
    /// Whether values of this Rust type encode to `cql_type`, whichever value it is.
    ///
    /// # Errors
    /// What would fit.
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch>;

    /// The same, where the value is an element or field of another.
    ///
    /// # Errors
    /// What would fit; a type that only whole values have, such as [`Unset`](super::Unset).
    fn check_part(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        Self::check(cql_type)
    }

    /// Writes the value as a `[value]` of a type that has been [checked](Self::check), its length
    /// first.
    ///
    /// # Errors
    /// A value that its type does not allow, or one too long.
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind>;

    /// Writes all the values of a vector at once, back to back, if this Rust type can; else nothing.
    #[doc(hidden)]
    #[inline]
    fn pack(_: &[Self], _: &mut Writer<'_>) -> bool
    where
        Self: Sized,
    {
        false
    }
}

impl From<EncodeError> for BindErrorKind {
    fn from(_: EncodeError) -> Self {
        Self::TooLong
    }
}

impl From<ValueError> for BindErrorKind {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

impl From<TypeMismatch> for BindErrorKind {
    fn from(mismatch: TypeMismatch) -> Self {
        Self::Type(mismatch)
    }
}

/// The checks of a type whose values are written as those of another one, or in their place.
macro_rules! checks_of {
    ($of:ident) => {
        fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
            $of::check(cql_type)
        }

        fn check_part(cql_type: &CqlType) -> Result<(), TypeMismatch> {
            $of::check_part(cql_type)
        }
    };
}
pub(super) use checks_of;

/// Pointers to values encode as the values do.
macro_rules! pointers {
    ($( $pointer:ty, $of:ident $(, $clone:ident)?; )+) => {$(
        impl<$of: ToCql + ?Sized $(+ $clone)?> ToCql for $pointer {
            checks_of!($of);

            #[inline]
            fn to_cql(
                &self,
                cql_type: &CqlType,
                writer: &mut Writer<'_>,
            ) -> Result<(), BindErrorKind> {
                (**self).to_cql(cql_type, writer)
            }
        }
    )+};
}
pointers! {
    &T, T;
    Box<T>, T;
    std::rc::Rc<T>, T;
    std::sync::Arc<T>, T;
    std::borrow::Cow<'_, T>, T, ToOwned;
}
