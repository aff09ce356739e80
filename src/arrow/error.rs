//! Errors of building record batches.

use std::fmt;

use arrow_schema::ArrowError;

use crate::types::{ColumnSpec, RowError};
use crate::wire::Counted;

/// An error in the pages from which a record batch is built.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecordBatchError {
    /// A cell that is invalid for its type, or that Arrow cannot represent.
    Row(RowError),
    /// A result without rows, such as that of an INSERT.
    NoRows,
    /// A page without a description of its columns. Create the builder from the columns of the prepared statement.
    NoColumns,
    /// A page with more or fewer columns than the builder has. Finish the batch, and create another builder.
    ColumnCount {
        /// Number of columns of the builder.
        expected: usize,
        /// Number of columns of the page.
        found: usize,
    },
    /// A column whose name or type differs from that of the builder. Finish the batch, and create another builder.
    Column {
        /// Index of the column, from zero.
        index: usize,
        /// The column of the builder.
        expected: Box<ColumnSpec>,
        /// The column of the page.
        found: Box<ColumnSpec>,
    },
    /// A column that would have more than 2^31 - 1 bytes of text, or elements of lists, in one batch. Finish the
    /// batch, and append the page to the next one. If the batch is empty, request smaller pages.
    TooLarge {
        /// Name of the column.
        column: Box<str>,
    },
    /// A page whose nulls take too much memory: Arrow stores elements below null vectors, and fields below null tuples
    /// and user-defined types. They may take 128 MiB, and 16 times the length of the page. Request smaller pages.
    NullsTooLarge {
        /// Name of the column that exceeds the limit.
        column: Box<str>,
    },
    /// A vector type without elements, or with more than 2^31 - 1.
    Dimensions {
        /// Name of the column.
        column: Box<str>,
        /// Number of elements of the vector type.
        dimensions: usize,
    },
    /// An error of the arrow crates.
    Arrow(ArrowError),
}

impl fmt::Display for RecordBatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(error) => error.fmt(f),
            Self::NoRows => {
                f.write_str("the statement returns no rows; use a statement such as SELECT")
            }
            Self::NoColumns => f.write_str(
                "the page does not describe its columns; use those of the prepared statement",
            ),
            Self::ColumnCount { expected, found } => {
                let columns = Counted(*found, "column");
                write!(
                    f,
                    "the page has {columns}, but the record batch has {expected}; finish the batch and \
                     create another builder"
                )
            }
            Self::Column { index, expected, found } => {
                let ColumnSpec { name, cql_type, .. } = &**expected;
                write!(
                    f,
                    "column {index} of the page is \"{}\" of type `{}`, but that of the record batch \
                     is \"{name}\" of type `{cql_type}`; finish the batch and create another builder",
                    found.name, found.cql_type
                )
            }
            Self::TooLarge { column } => {
                write!(
                    f,
                    "column \"{column}\" is too large for one record batch; finish the batch before \
                     this page, or request smaller pages"
                )
            }
            Self::NullsTooLarge { column } => {
                write!(
                    f,
                    "the elements and fields below the nulls of column \"{column}\" take too much \
                     memory; request smaller pages, or leave the column out"
                )
            }
            Self::Dimensions { column, dimensions } => {
                let elements = Counted(*dimensions, "element");
                write!(
                    f,
                    "column \"{column}\" has vectors of {elements}, which Arrow does not have; leave the \
                     column out"
                )
            }
            Self::Arrow(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecordBatchError {}

impl From<RowError> for RecordBatchError {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

impl From<ArrowError> for RecordBatchError {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}
