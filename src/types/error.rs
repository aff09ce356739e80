//! What can go wrong between CQL values and Rust values.

use std::fmt;

use super::CqlType;

/// A value whose bytes do not fit its type, or whose content does not fit the Rust type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// Null, where the Rust type has no place for it: `Option` has.
    Null,
    /// The empty value (no bytes at all), where the Rust type has no place for it.
    Empty,
    /// A value of the wrong size for its type.
    Size {
        /// The bytes that its type takes.
        expected: usize,
        /// The bytes that are there.
        found: usize,
    },
    /// The value ends inside one of its parts.
    TooShort,
    /// The value goes on after its last part.
    TooLong,
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// `ascii` that is not US-ASCII.
    InvalidAscii,
    /// A number that its type does not allow, such as a time after midnight.
    OutOfRange,
    /// A count of elements that is negative or more than the bytes that are left.
    Count(i32),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("the value is null, and the Rust type is not an Option"),
            Self::Empty => f.write_str("the value is empty, which the Rust type cannot say"),
            Self::Size { expected, found } => {
                write!(f, "the value has {found} bytes, its type takes {expected}")
            }
            Self::TooShort => f.write_str("the value ends inside one of its parts"),
            Self::TooLong => f.write_str("the value goes on after its last part"),
            Self::InvalidUtf8 => f.write_str("the text is not valid UTF-8"),
            Self::InvalidAscii => f.write_str("the text is not US-ASCII"),
            Self::OutOfRange => f.write_str("the value is out of the range of its type"),
            Self::Count(count) => {
                write!(f, "{count} elements are claimed, which the value cannot hold")
            }
        }
    }
}

impl std::error::Error for ValueError {}

/// A Rust type that does not go with a CQL type, whatever the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeMismatch {
    /// The Rust type.
    pub rust: &'static str,
    /// The CQL types that go with it.
    pub fits: &'static str,
}

impl fmt::Display for TypeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a Rust `{}` goes with {}", self.rust, self.fits)
    }
}

/// The columns of a result do not fit the Rust type that is to be read from its rows.
///
/// Found when the result arrives, before any row is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeError {
    /// The row type reads another number of columns than the result has.
    ColumnCount {
        /// Columns that the row type reads.
        expected: usize,
        /// Columns that the result has.
        found: usize,
    },
    /// A column's type does not fit.
    Column(Box<ColumnMismatch>),
}

/// A column whose CQL type does not fit the Rust type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMismatch {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) table: String,
    pub(super) cql_type: CqlType,
    pub(super) mismatch: TypeMismatch,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnCount { expected, found } => {
                write!(f, "the row type reads {expected} columns, the result has {found}")
            }
            Self::Column(column) => write!(
                f,
                "cannot read column {} \"{}\" of {}: the server sends `{}`, {}",
                column.index, column.name, column.table, column.cql_type, column.mismatch
            ),
        }
    }
}

impl std::error::Error for TypeError {}

/// A cell that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError(Box<BadCell>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct BadCell {
    row: usize,
    column: usize,
    name: String,
    cql_type: Option<CqlType>,
    cause: ValueError,
}

impl RowError {
    #[cold]
    pub(super) fn new(
        row: usize,
        column: usize,
        spec: Option<&super::ColumnSpec>,
        cause: ValueError,
    ) -> Self {
        let name = spec.map(|spec| spec.name.to_string()).unwrap_or_default();
        let cql_type = spec.map(|spec| spec.cql_type.clone());
        Self(Box::new(BadCell { row, column, name, cql_type, cause }))
    }

    /// The row's index within its page, from zero.
    pub fn row(&self) -> usize {
        self.0.row
    }

    /// The column's index, from zero.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// What is wrong with the cell.
    pub fn cause(&self) -> ValueError {
        self.0.cause
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadCell { row, column, name, cql_type, cause } = &*self.0;
        write!(f, "cannot read row {row}, column {column} \"{name}\"")?;
        if let Some(cql_type) = cql_type {
            write!(f, " of type `{cql_type}`")?;
        }
        write!(f, ": {cause}")
    }
}

impl std::error::Error for RowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.cause)
    }
}

/// Values that cannot be bound to the variables of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError(Box<BadBinding>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct BadBinding {
    variable: Option<(usize, String, CqlType)>,
    kind: BindErrorKind,
}

/// The kinds of [`BindError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindErrorKind {
    /// The statement has another number of variables than there are values.
    Count {
        /// Variables of the statement.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// The Rust type does not go with the variable's type.
    Type(TypeMismatch),
    /// The value does not fit the variable's type.
    Value(ValueError),
    /// The value is longer than the protocol can carry: 2 GiB, or 65,535 values.
    TooLong,
    /// "Not set" does not exist in protocol v3.
    UnsetInV3,
}

impl BindError {
    #[cold]
    pub(super) fn new(kind: BindErrorKind, variable: Option<(usize, &super::ColumnSpec)>) -> Self {
        let variable =
            variable.map(|(index, spec)| (index, spec.name.to_string(), spec.cql_type.clone()));
        Self(Box::new(BadBinding { variable, kind }))
    }

    /// What is wrong.
    pub fn kind(&self) -> BindErrorKind {
        self.0.kind
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((index, name, cql_type)) = &self.0.variable {
            write!(f, "cannot bind value {index} to \"{name}\", a `{cql_type}`: ")?;
        }
        match self.0.kind {
            BindErrorKind::Count { expected, found } => {
                write!(f, "the statement has {expected} variables, {found} values were given")
            }
            BindErrorKind::Type(mismatch) => mismatch.fmt(f),
            BindErrorKind::Value(cause) => cause.fmt(f),
            BindErrorKind::TooLong => f.write_str("longer than the protocol can carry"),
            BindErrorKind::UnsetInV3 => f.write_str("protocol v3 has no \"not set\""),
        }
    }
}

impl std::error::Error for BindError {}
