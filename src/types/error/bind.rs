//! Errors of binding values to a statement.

use std::fmt;

use super::{TypeMismatch, ValueError};
use crate::types::{ColumnSpec, CqlType};
use crate::wire::Counted;

/// The error of values that cannot be bound to the variables of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError(Box<BindErrorInner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct BindErrorInner {
    variable: Option<(usize, ColumnSpec)>,
    field: Option<&'static str>,
    kind: BindErrorKind,
}

/// The kinds of [`BindError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindErrorKind {
    /// The statement has more or fewer bind variables than there are values.
    Count {
        /// Number of the statement's bind variables.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// A bind variable has a name that no value has.
    Missing,
    /// A field of a `#[cql(strict)]` struct has a name that no bind variable has.
    Unused,
    /// The Rust type cannot be encoded as the variable's CQL type.
    Type(TypeMismatch),
    /// The value is invalid for the variable's CQL type.
    Value(ValueError),
    /// The value is longer than 2 GiB, or there are more than 65,535 values. These are limits of
    /// the protocol.
    TooLong,
}

impl BindError {
    /// Returns an error about the values as a whole, rather than about one variable.
    #[cold]
    pub(crate) fn new(kind: BindErrorKind) -> Self {
        Self(Box::new(BindErrorInner { variable: None, field: None, kind }))
    }

    /// Returns an error about the value of the variable at `index`.
    #[cold]
    pub(in crate::types) fn for_variable(
        kind: BindErrorKind,
        index: usize,
        variable: &ColumnSpec,
    ) -> Self {
        Self(Box::new(BindErrorInner {
            variable: Some((index, variable.clone())),
            field: None,
            kind,
        }))
    }

    /// Adds the name of the struct field with the value, such as `User::age`, or, for
    /// [`BindErrorKind::Missing`], of the struct.
    #[cold]
    pub(in crate::types) fn with_field(mut self, field: &'static str) -> Self {
        self.0.field = Some(field);
        self
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> &BindErrorKind {
        &self.0.kind
    }

    /// Returns the index (from zero) and the description of the bind variable, or `None` if the
    /// error is not about one variable.
    pub fn variable(&self) -> Option<(usize, &ColumnSpec)> {
        self.0.variable.as_ref().map(|(index, variable)| (*index, variable))
    }

    /// Returns the name of the struct field with the value, such as `User::age`, or, for
    /// [`BindErrorKind::Missing`], of the struct. Returns `None` if the values are not in a struct,
    /// or if the error is about their number.
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BindErrorInner { variable, field, kind } = &*self.0;
        if let Some((index, ColumnSpec { name, cql_type, .. })) = variable {
            write!(f, "cannot bind value {index} to \"{name}\" of type `{cql_type}`: ")?;
        }
        match kind {
            BindErrorKind::Count { expected, found } => {
                let were = if *found == 1 { "was" } else { "were" };
                let (variables, values) =
                    (Counted(*expected, "bind variable"), Counted(*found, "value"));
                write!(f, "the statement has {variables}, but {values} {were} given")
            }
            BindErrorKind::Missing => match field {
                Some(name) => {
                    write!(f, "`{name}` has no field with that name; add one or use `rename`")
                }
                None => f.write_str("no value has that name"),
            },
            BindErrorKind::Unused => {
                let field = field.unwrap_or("a value");
                write!(f, "the statement has no bind variable for `{field}`")
            }
            BindErrorKind::Type(mismatch) => {
                mismatch.describe(f, *field, "binds to")?;
                match mismatch.cql_type() {
                    CqlType::Native(native) => native
                        .rust_type()
                        .map_or(Ok(()), |rust| write!(f, "; use `{rust}` for `{native}`")),
                    _ => Ok(()),
                }
            }
            BindErrorKind::Value(cause) => {
                field.map_or(Ok(()), |field| write!(f, "field `{field}`: "))?;
                cause.fmt(f)
            }
            BindErrorKind::TooLong => {
                f.write_str("the value is longer than 2 GiB, or there are more than 65,535 values")
            }
        }
    }
}

impl std::error::Error for BindError {}
