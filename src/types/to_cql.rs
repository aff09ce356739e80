//! One Rust value to one CQL value.

use super::{BindErrorKind, CqlType, TypeMismatch, Value, ValueError};
use crate::wire::{EncodeError, Writer};

/// A Rust type that encodes to CQL values: the same pairs as [`FromCql`](super::FromCql)'s table.
pub trait ToCql {
    /// Writes the value as a `[value]` of `cql_type`, its length first.
    ///
    /// # Errors
    /// A type that this Rust type does not go with, or a value that does not fit it.
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind>;
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

impl<T: ToCql + ?Sized> ToCql for &T {
    #[inline]
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        (**self).to_cql(cql_type, writer)
    }
}

impl<T: ToCql> ToCql for Option<T> {
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

impl<T: ToCql> ToCql for [T] {
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        let (CqlType::List(element) | CqlType::Set(element)) = cql_type else {
            return Err(BindErrorKind::Type(TypeMismatch {
                rust: "slice",
                fits: "`list` or `set`",
            }));
        };
        let open = writer.open_length();
        writer.length(self.len(), "count")?;
        self.iter().try_for_each(|value| value.to_cql(element, writer))?;
        Ok(writer.close_length(open, "value")?)
    }
}

impl<T: ToCql> ToCql for Vec<T> {
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        self.as_slice().to_cql(cql_type, writer)
    }
}

impl ToCql for Value {
    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        self.encode(cql_type, writer)
    }
}
