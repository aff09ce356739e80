//! Errors of reading the rows of a result.

use std::fmt;

use super::{TypeMismatch, ValueError};
use crate::types::{ColumnSpec, CqlType};

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
    /// The columns do not have the names that the row type wants.
    Names(Box<NameMismatch>),
}

impl TypeError {
    /// Column `index`, whose type does not fit; and the field that it was for, as `User::age`.
    #[cold]
    pub fn column(
        index: usize,
        column: &ColumnSpec,
        field: Option<&'static str>,
        mismatch: TypeMismatch,
    ) -> Self {
        let column = column.clone();
        Self::Column(Box::new(ColumnMismatch { index, column, field, mismatch }))
    }
}

/// A column whose CQL type does not fit the Rust type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMismatch {
    index: usize,
    column: ColumnSpec,
    field: Option<&'static str>,
    mismatch: TypeMismatch,
}

impl ColumnMismatch {
    /// The column's index, from zero.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The column.
    pub const fn column(&self) -> &ColumnSpec {
        &self.column
    }

    /// The field of a struct that was to be read from it, as `User::age`.
    pub const fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// What does not fit, and what would.
    pub const fn mismatch(&self) -> &TypeMismatch {
        &self.mismatch
    }
}

/// A field without a column, a column that a field cannot be told to be, or a column too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameMismatch {
    pub(in crate::types) kind: NameMismatchKind,
    /// The field, as `User::age`, or the struct.
    pub(in crate::types) field: &'static str,
    pub(in crate::types) name: String,
    /// The columns of the result.
    pub(in crate::types) columns: Vec<String>,
}

/// The kinds of [`NameMismatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameMismatchKind {
    /// No column has the field's name.
    Missing,
    /// More than one column has it.
    Ambiguous,
    /// Another field has the same name: that of a struct and of one flattened into it.
    Taken,
    /// No field has the column's name, and the struct is to have one for every column.
    Excess,
}

impl NameMismatch {
    /// What is wrong.
    pub const fn kind(&self) -> NameMismatchKind {
        self.kind
    }

    /// The field, as `User::age`; of a column too many, the struct.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// The name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for NameMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, field, name, columns } = self;
        match kind {
            NameMismatchKind::Missing => {
                write!(f, "the result has no column \"{name}\" for the field `{field}`; ")?;
                match columns.iter().find(|column| column.eq_ignore_ascii_case(name)) {
                    Some(column) => write!(f, "\"{column}\" differs in its case"),
                    None if columns.is_empty() => f.write_str("it has no columns"),
                    None => write!(f, "it has {}", columns.join(", ")),
                }
            }
            NameMismatchKind::Ambiguous => write!(
                f,
                "the result has more than one column \"{name}\" for the field `{field}`; name them \
                 apart with AS"
            ),
            NameMismatchKind::Taken => write!(
                f,
                "the column \"{name}\" is for another field already, and cannot be for the field \
                 `{field}`, too; rename one of them"
            ),
            NameMismatchKind::Excess => {
                write!(f, "`{field}` has no field for the column \"{name}\", and is strict")
            }
        }
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnCount { expected, found } => {
                write!(f, "the row type reads {expected} columns, the result has {found}")
            }
            Self::Column(mismatch) => {
                let ColumnMismatch { index, column, field, mismatch } = &**mismatch;
                let ColumnSpec { table, name, cql_type } = column;
                write!(f, "cannot read column {index} \"{name}\" of {table}: ")?;
                write!(f, "the server sends `{cql_type}`, ")?;
                mismatch.describe(f, *field)
            }
            Self::Names(mismatch) => mismatch.fmt(f),
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
    pub(in crate::types) fn new(
        row: usize,
        column: usize,
        spec: Option<&ColumnSpec>,
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

impl std::error::Error for RowError {}
