//! [`ToCql`], which encodes a Rust value as a CQL value.

use bytes::Bytes;

use super::{BindErrorKind, CqlType, TypeMismatch, ValueError};
use crate::wire::{EncodeError, Writer};

/// A Rust type that encodes as CQL values.
///
/// [`FromCql`](super::FromCql) lists the CQL type of each Rust type, and shows how to implement both
/// traits for a [custom type](super::FromCql#custom-types).
///
/// `None` is encoded as null, which deletes the column's value. [`Unset`](super::Unset) leaves the
/// column unchanged.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be encoded as a CQL value",
    label = "does not implement `ToCql`",
    note = "derive `ToCql` for a newtype or an enum, `ToUdt` for a struct; bind bytes as a slice, `&bytes[..]`"
)]
pub trait ToCql {
    /// Checks that values of this Rust type can be encoded as `cql_type`.
    ///
    /// # Errors
    /// Returns an error with the CQL types that this Rust type supports if `cql_type` is none of
    /// them.
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch>;

    /// Checks that values of this Rust type can be encoded as `cql_type` inside a collection, tuple
    /// or user-defined type.
    ///
    /// # Errors
    /// Returns an error if this Rust type does not support `cql_type`, or if its values can only be
    /// whole values, like [`Unset`](super::Unset).
    fn check_part(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        Self::check(cql_type)
    }

    /// Encodes the value as a `[value]`: its length, then its bytes. The caller must have
    /// [checked](Self::check) the type.
    ///
    /// # Errors
    /// Returns an error if the value is invalid for `cql_type`, or longer than 2 GiB.
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind>;

    /// Returns the content of the value if it can be sent without a copy. The default implementation, for
    /// Rust types whose content has to be encoded, returns `None`.
    #[doc(hidden)]
    #[inline]
    fn as_shared(&self, _: &CqlType) -> Option<&Bytes> {
        None
    }

    /// Encodes all elements of a vector at once, without lengths. The default implementation, for
    /// Rust types that do not support this, writes nothing and returns false.
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

/// Implements the checks of a type that encodes like type `$inner`.
macro_rules! delegate_checks {
    ($inner:ident) => {
        fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
            $inner::check(cql_type)
        }

        fn check_part(cql_type: &CqlType) -> Result<(), TypeMismatch> {
            $inner::check_part(cql_type)
        }
    };
}
pub(super) use delegate_checks;

/// Implements [`ToCql`] for pointers, which encode like the value that they point to.
macro_rules! pointers {
    ($( $pointer:ty, $of:ident $(, $clone:ident)?; )+) => {$(
        impl<$of: ToCql + ?Sized $(+ $clone)?> ToCql for $pointer {
            delegate_checks!($of);

            #[inline]
            fn to_cql(
                &self,
                cql_type: &CqlType,
                writer: &mut Writer<'_>,
            ) -> Result<(), BindErrorKind> {
                (**self).to_cql(cql_type, writer)
            }

            #[inline]
            fn as_shared(&self, cql_type: &CqlType) -> Option<&Bytes> {
                (**self).as_shared(cql_type)
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
