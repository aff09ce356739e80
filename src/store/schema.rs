//! The schema of a table.

use std::sync::Arc;

use super::error::invalid;
use crate::cql::IndexPart;
use crate::message::ServerError;
use crate::types::{ColumnSpec, CqlType, Identifier, NativeType, TableSpec};

/// The schema of a table.
#[derive(Debug, Clone)]
pub(crate) struct TableSchema {
    pub(crate) name: Arc<TableSpec>,
    /// The columns in the order of `SELECT *`: the partition key, the clustering columns, then the
    /// static and the regular columns by name.
    pub(crate) columns: Vec<Column>,
    /// True for a virtual table, which may be filtered without ALLOW FILTERING.
    pub(crate) is_virtual: bool,
    pub(crate) secondary_indexes: Vec<SecondaryIndex>,
}

/// An index of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecondaryIndex {
    pub(crate) name: String,
    /// True if the statement names the implementation of the index.
    pub(crate) is_custom: bool,
    /// The name of the column.
    pub(crate) column: String,
    /// The part of the column's values that the index contains.
    pub(crate) part: IndexPart,
    /// The options as `system_schema.indexes` has them.
    pub(crate) options: Vec<(String, String)>,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    pub(crate) cql_type: CqlType,
    /// The type as `system_schema.columns` has it, with `frozen`.
    pub(crate) type_text: String,
    /// True for a clustering column in descending order.
    pub(crate) is_descending: bool,
}

/// The role of a column in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ColumnKind {
    PartitionKey,
    Clustering,
    Static,
    Regular,
}

impl ColumnKind {
    /// Returns the name of the kind in `system_schema.columns`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::PartitionKey => "partition_key",
            Self::Clustering => "clustering",
            Self::Static => "static",
            Self::Regular => "regular",
        }
    }

    /// Returns true if the column is a part of the primary key.
    pub(in crate::store) const fn is_key(self) -> bool {
        matches!(self, Self::PartitionKey | Self::Clustering)
    }
}

impl Column {
    /// Returns true if each element of the column's collection is a cell of its own.
    pub(in crate::store) fn is_multi_cell(&self) -> bool {
        let is_collection = matches!(
            self.cql_type,
            CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_) | CqlType::Udt(_)
        );
        is_collection && !self.type_text.starts_with("frozen<")
    }
}

impl TableSchema {
    /// Returns true if the values of the table are counters.
    pub(in crate::store) fn is_counter(&self) -> bool {
        let counter = CqlType::from(NativeType::Counter);
        self.columns.iter().any(|column| column.cql_type == counter)
    }

    /// Returns the index of a column.
    ///
    /// # Errors
    /// Returns an INVALID error if there is no such column.
    pub(in crate::store) fn index(&self, column: &str) -> Result<usize, ServerError> {
        self.columns.iter().position(|known| known.name == column).ok_or_else(|| {
            let (column, table) = (Identifier(column), &self.name);
            invalid(format!("Undefined column name {column} in table {table}"))
        })
    }

    /// Returns the indexes of the columns of one kind.
    pub(in crate::store) fn indexes(&self, kind: ColumnKind) -> impl Iterator<Item = usize> {
        let columns = self.columns.iter().enumerate();
        columns.filter(move |(_, column)| column.kind == kind).map(|(index, _)| index)
    }

    /// Returns the column at an index, or `None` if there is no such column.
    pub(in crate::store) fn column(&self, index: usize) -> Option<&Column> {
        self.columns.get(index)
    }

    /// Returns the description of a result column or a bind variable that belongs to this table.
    pub(in crate::store) fn spec(&self, name: &str, cql_type: impl Into<CqlType>) -> ColumnSpec {
        ColumnSpec { table: Arc::clone(&self.name), name: name.into(), cql_type: cql_type.into() }
    }
}
