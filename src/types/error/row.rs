//! Errors of reading rows.

use std::fmt;

use super::{TypeMismatch, ValueError};
use crate::types::{ColumnSpec, CqlType};
use crate::wire::Counted;

/// A mismatch between the columns of a result and the row type.
///
/// Reported once for a page, before its first row is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeError {
    /// The result has more or fewer columns than the row type reads.
    ColumnCount {
        /// Number of columns that the row type reads.
        expected: usize,
        /// Number of columns in the result.
        found: usize,
    },
    /// The Rust type cannot read a column's CQL type.
    Column(Box<ColumnMismatch>),
    /// The names of the columns do not match the fields of the row type.
    Names(Box<NameMismatch>),
}

impl TypeError {
    /// Creates the error of a column with an unsupported type. `index` counts from zero, and `field` is
    /// the struct field that reads the column, such as `User::age`.
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

/// A column with a CQL type that the Rust type cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMismatch {
    index: usize,
    column: ColumnSpec,
    field: Option<&'static str>,
    mismatch: TypeMismatch,
}

impl ColumnMismatch {
    /// Returns the column's index, from zero.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Returns the column's name, type and table.
    pub const fn column(&self) -> &ColumnSpec {
        &self.column
    }

    /// Returns the struct field that reads the column, such as `User::age`, or `None` if the row type
    /// is not a struct.
    pub const fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// Returns the Rust type, the CQL type that it cannot read, and the CQL types that it reads.
    pub const fn mismatch(&self) -> &TypeMismatch {
        &self.mismatch
    }
}

/// A mismatch between the names of a result's columns and of a struct's fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameMismatch {
    pub(in crate::types) kind: NameMismatchKind,
    /// The field, such as `User::age`, or, for [`NameMismatchKind::Excess`], the struct.
    pub(in crate::types) field: &'static str,
    pub(in crate::types) name: String,
    /// The names of the result's columns.
    pub(in crate::types) columns: Vec<String>,
}

/// The kinds of [`NameMismatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameMismatchKind {
    /// No column has the field's name.
    Missing,
    /// More than one column has the field's name.
    Ambiguous,
    /// Two fields have the column's name: for example, a field of the struct and a field of a
    /// struct that is flattened into it.
    Duplicate,
    /// No field has the column's name, and the struct is `#[cql(strict)]`.
    Excess,
}

impl NameMismatch {
    /// Returns the kind of the mismatch.
    pub const fn kind(&self) -> NameMismatchKind {
        self.kind
    }

    /// Returns the name of the field, such as `User::age`, or, for [`NameMismatchKind::Excess`], of
    /// the struct.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Returns the name of the column. For [`NameMismatchKind::Missing`], the result has no such
    /// column.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for NameMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, field, name, columns } = self;
        match kind {
            NameMismatchKind::Missing => {
                write!(f, "the result has no column \"{name}\" for field `{field}`; ")?;
                match columns.iter().find(|column| column.eq_ignore_ascii_case(name)) {
                    Some(column) => write!(f, "column \"{column}\" differs only in case"),
                    None if columns.is_empty() => f.write_str("it has no columns"),
                    None => write!(f, "its columns are {}", columns.join(", ")),
                }
            }
            NameMismatchKind::Ambiguous => write!(
                f,
                "the result has more than one column \"{name}\" for field `{field}`; rename one with \
                 AS"
            ),
            NameMismatchKind::Duplicate => write!(
                f,
                "column \"{name}\" belongs to field `{field}` and to another field; rename one of the \
                 fields"
            ),
            NameMismatchKind::Excess => {
                write!(
                    f,
                    "`{field}` is strict and has no field for column \"{name}\"; add one or select \
                     fewer columns"
                )
            }
        }
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnCount { expected, found } => {
                let columns = Counted(*found, "column");
                write!(f, "the result has {columns}, but the row type reads {expected}")
            }
            Self::Column(mismatch) => {
                let ColumnMismatch { index, column, field, mismatch } = &**mismatch;
                let ColumnSpec { table, name, cql_type } = column;
                write!(f, "column {index} \"{name}\" of {table} is `{cql_type}`")?;
                f.write_str(if mismatch.is_in_part() { ": " } else { ", but " })?;
                mismatch.describe(f, *field, "reads")
            }
            Self::Names(mismatch) => mismatch.fmt(f),
        }
    }
}

impl std::error::Error for TypeError {}

/// The error of a cell that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError(Box<RowErrorInner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct RowErrorInner {
    row: usize,
    column: usize,
    name: String,
    cql_type: Option<CqlType>,
    cause: ValueError,
}

impl RowError {
    #[cold]
    pub(crate) fn new(
        row: usize,
        column: usize,
        spec: Option<&ColumnSpec>,
        cause: ValueError,
    ) -> Self {
        let name = spec.map(|spec| spec.name.to_string()).unwrap_or_default();
        let cql_type = spec.map(|spec| spec.cql_type.clone());
        Self(Box::new(RowErrorInner { row, column, name, cql_type, cause }))
    }

    /// Returns the row's index within its page, from zero.
    pub fn row(&self) -> usize {
        self.0.row
    }

    /// Returns the column's index, from zero.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// Returns the reason why the cell could not be decoded.
    pub fn cause(&self) -> ValueError {
        self.0.cause
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RowErrorInner { row, column, name, cql_type, cause } = &*self.0;
        write!(f, "cannot read row {row}, column {column} \"{name}\"")?;
        if let Some(cql_type) = cql_type {
            write!(f, " of type `{cql_type}`")?;
        }
        write!(f, ": {cause}")
    }
}

impl std::error::Error for RowError {}
