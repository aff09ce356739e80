//! Errors of binding values to a statement.

use std::fmt;

use super::{TypeMismatch, ValueError};
use crate::types::{ColumnSpec, CqlType};

/// Values that cannot be bound to the variables of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError(Box<BadBinding>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct BadBinding {
    variable: Option<(usize, ColumnSpec)>,
    field: Option<&'static str>,
    kind: BindErrorKind,
}

/// The kinds of [`BindError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindErrorKind {
    /// The statement has another number of variables than there are values.
    Count {
        /// Variables of the statement.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// No value has the variable's name.
    Missing,
    /// No variable has the name of a value, all of which are to be used.
    Unused,
    /// The Rust type does not go with the variable's type.
    Type(TypeMismatch),
    /// The value does not fit the variable's type.
    Value(ValueError),
    /// The value is longer than the protocol can carry: 2 GiB, or 65,535 values.
    TooLong,
}

impl BindError {
    /// What is wrong with the values as a whole.
    #[cold]
    pub(in crate::types) fn new(kind: BindErrorKind) -> Self {
        Self(Box::new(BadBinding { variable: None, field: None, kind }))
    }

    /// What is wrong with the value of variable `index`.
    #[cold]
    pub(in crate::types) fn of(kind: BindErrorKind, index: usize, variable: &ColumnSpec) -> Self {
        Self(Box::new(BadBinding { variable: Some((index, variable.clone())), field: None, kind }))
    }

    /// The same, for the field of a struct that the value is, as `User::age`, or for the struct.
    #[cold]
    pub(in crate::types) fn with_field(mut self, field: &'static str) -> Self {
        self.0.field = Some(field);
        self
    }

    /// What is wrong.
    pub fn kind(&self) -> &BindErrorKind {
        &self.0.kind
    }

    /// The index and description of the variable.
    pub fn variable(&self) -> Option<(usize, &ColumnSpec)> {
        self.0.variable.as_ref().map(|(index, variable)| (*index, variable))
    }

    /// The field of a struct that was to be bound, as `User::age`; of a variable that is
    /// [missing](BindErrorKind::Missing), the struct.
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadBinding { variable, field, kind } = &*self.0;
        if let Some((index, ColumnSpec { name, cql_type, .. })) = variable {
            write!(f, "cannot bind value {index} to \"{name}\" of type `{cql_type}`: ")?;
        }
        match kind {
            BindErrorKind::Count { expected, found } => {
                write!(f, "the statement has {expected} variables, {found} values were given")
            }
            BindErrorKind::Missing => match field {
                Some(name) => {
                    write!(f, "`{name}` has no field of that name; give it to one with `rename`")
                }
                None => f.write_str("no value has that name"),
            },
            BindErrorKind::Unused => {
                let field = field.unwrap_or("a value");
                write!(f, "the statement has no variable for `{field}`")
            }
            BindErrorKind::Type(mismatch) => {
                mismatch.describe(f, *field)?;
                match mismatch.cql_type() {
                    CqlType::Native(native) => native
                        .rust_type()
                        .map_or(Ok(()), |rust| write!(f, "; `{rust}` goes with `{native}`")),
                    _ => Ok(()),
                }
            }
            BindErrorKind::Value(cause) => {
                field.map_or(Ok(()), |field| write!(f, "the field `{field}`: "))?;
                cause.fmt(f)
            }
            BindErrorKind::TooLong => f.write_str("longer than the protocol can carry"),
        }
    }
}

impl std::error::Error for BindError {}
