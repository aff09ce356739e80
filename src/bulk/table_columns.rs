//! The columns of a table.

use std::collections::BTreeMap;

use crate::cli::Failure;
use crate::session::{Session, Statement};
use crate::table::TableName;
use crate::types::Quoted;

/// The columns of a table, in the order of `SELECT *`.
#[derive(Debug)]
pub(super) struct TableColumns(Vec<TableColumn>);

#[derive(Debug)]
struct TableColumn {
    name: String,
    kind: ColumnKind,
    type_name: String,
}

/// The kind of a column, in the order of `SELECT *`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ColumnKind {
    PartitionKey,
    Clustering,
    Static,
    Regular,
}

impl TableColumns {
    /// Reads the columns. Returns none if the table does not exist or is virtual.
    ///
    /// # Errors
    /// Returns an error if the name is invalid, and the errors of the request.
    pub(super) async fn read(table: &str, session: &Session) -> Result<Self, Failure> {
        let name = TableName::parse(table, session)?;
        let select = "SELECT column_name, position, kind, type FROM system_schema.columns \
                      WHERE keyspace_name = ? AND table_name = ?";
        let names = (name.keyspace.as_str(), name.table.as_str());
        let mut rows =
            session.stream::<(String, i32, String, String)>(Statement::new(select), names);
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
    pub(super) fn all(&self) -> Vec<String> {
        self.0.iter().map(TableColumn::selector).collect()
    }

    /// Returns the selectors of the partition key's columns.
    pub(super) fn partition_key(&self) -> Vec<String> {
        let key = self.0.iter().filter(|column| column.kind == ColumnKind::PartitionKey);
        key.map(TableColumn::selector).collect()
    }

    /// Returns true if a partition can have several rows.
    pub(super) fn has_clustering(&self) -> bool {
        self.0.iter().any(|column| column.kind == ColumnKind::Clustering)
    }

    /// Returns the selectors of columns that have one write time: those that are no part of the primary key, no
    /// counters, and no collections or user-defined types with separate elements.
    pub(super) fn with_write_time(&self) -> impl Iterator<Item = String> {
        let columns = self.0.iter().filter(|column| {
            let is_key = column.kind <= ColumnKind::Clustering;
            !is_key && column.type_name != "counter" && !column.has_separate_elements()
        });
        columns.map(TableColumn::selector)
    }
}

impl TableColumn {
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
