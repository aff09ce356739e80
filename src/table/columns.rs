//! The columns of a table.

use std::collections::BTreeMap;

use super::table_name::TableName;
use crate::session::{Error, Session, Statement};
use crate::types::Quoted;
use crate::wire::Consistency;

/// The columns of a table, in the order of `SELECT *`.
#[derive(Debug)]
pub(crate) struct TableColumns(pub(super) Vec<TableColumn>);

/// A column of a table.
#[derive(Debug)]
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) type_name: String,
}

/// The kind of a column, in the order of `SELECT *`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ColumnKind {
    PartitionKey,
    Clustering,
    Static,
    Regular,
}

impl TableColumns {
    /// Reads the columns. Returns none if the table does not exist or is virtual.
    ///
    /// # Errors
    /// Returns the errors of [`Session::execute`].
    pub(crate) async fn read(name: &TableName, session: &Session) -> Result<Self, Error> {
        let select = "SELECT column_name, position, kind, type FROM system_schema.columns \
                      WHERE keyspace_name = ? AND table_name = ?";
        let select = Statement::new(select).consistency(Consistency::LocalOne);
        let names = (name.keyspace.as_str(), name.table.as_str());
        let mut rows = session.stream::<(String, i32, String, String)>(select, names);
        let mut columns = BTreeMap::new();
        while let Some((column, position, kind, type_name)) = rows.try_next().await? {
            let kind = match kind.as_str() {
                "partition_key" => ColumnKind::PartitionKey,
                "clustering" => ColumnKind::Clustering,
                "static" => ColumnKind::Static,
                _ => ColumnKind::Regular,
            };
            columns.insert((kind, position, column), type_name);
        }
        let columns = columns.into_iter();
        let column = |((kind, _, name), type_name)| TableColumn { name, kind, type_name };
        Ok(Self(columns.map(column).collect()))
    }

    /// Returns the selectors of all columns as CQL text.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.iter().map(TableColumn::selector).collect()
    }

    /// Returns the selectors of the partition key's columns.
    pub(crate) fn partition_key(&self) -> Vec<String> {
        let key = self.0.iter().filter(|column| column.kind == ColumnKind::PartitionKey);
        key.map(TableColumn::selector).collect()
    }

    /// Returns true if a partition can have several rows.
    pub(crate) fn has_clustering(&self) -> bool {
        self.0.iter().any(|column| column.kind == ColumnKind::Clustering)
    }

    /// Returns the selectors of columns that have one write time: those that are no part of the primary key, no
    /// counters, and no collections or user-defined types with separate elements.
    pub(crate) fn with_write_time(&self) -> impl Iterator<Item = String> {
        let columns = self.0.iter().filter(|column| {
            !column.kind.is_key() && !column.is_counter() && !column.has_separate_elements()
        });
        columns.map(TableColumn::selector)
    }
}

impl ColumnKind {
    /// Returns true if the column is part of the primary key.
    pub(super) fn is_key(self) -> bool {
        self <= Self::Clustering
    }
}

impl TableColumn {
    pub(super) fn is_counter(&self) -> bool {
        self.type_name == "counter"
    }

    fn selector(&self) -> String {
        Quoted(&self.name).to_string()
    }

    /// Returns true if the type is a collection or a user-defined type that is not frozen.
    fn has_separate_elements(&self) -> bool {
        let head = self.type_name.split('<').next().unwrap_or_default();
        match head {
            "frozen" | "tuple" | "vector" => false,
            "list" | "set" | "map" => true,
            head => !NATIVE_TYPES.contains(&head) && !head.starts_with('\''),
        }
    }
}

/// The names of the types in `system_schema` that are not user-defined.
const NATIVE_TYPES: [&str; 21] = [
    "ascii",
    "bigint",
    "blob",
    "boolean",
    "counter",
    "date",
    "decimal",
    "double",
    "duration",
    "empty",
    "float",
    "inet",
    "int",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timeuuid",
    "tinyint",
    "uuid",
    "varint",
];
