//! A column of a table.

use std::sync::Arc;

use super::ddl::{self, list};
use super::fields::Fields;
use crate::types::{CqlType, Identifier};

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// The name of the column.
    pub name: String,
    /// The type of the column.
    pub cql_type: CqlType,
    /// The type as the server writes it. Unlike `cql_type`, it shows which parts are frozen. Columns
    /// of the same type share the text.
    pub type_text: Arc<str>,
    /// The kind of the column: part of the key, static or regular.
    pub kind: ColumnKind,
    /// Position within the partition key or the clustering key, from zero. `None` for other columns.
    pub position: Option<usize>,
    /// The order of a clustering column. `None` for other columns.
    pub order: Option<ClusteringOrder>,
    /// The function call after `MASKED WITH` (Cassandra 5.0 and later), if any.
    pub mask: Option<String>,
    /// The conditions after `CHECK` that each written value must satisfy (Cassandra 6.0 and later),
    /// such as `v < 100 AND v > 0` or `LENGTH() < 8`. The server answers a write that violates them
    /// with [`ErrorCode::Invalid`](crate::message::ErrorCode::Invalid).
    pub check: Option<String>,
}

/// The kind of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ColumnKind {
    /// A column of the partition key, which determines the nodes that store a row.
    PartitionKey,
    /// A clustering column, which orders the rows of a partition.
    Clustering,
    /// A column with one value for all rows of a partition.
    Static,
    /// Any other column.
    Regular,
}

impl ColumnKind {
    /// Returns the kind that the server calls `name`, or `None` if it is unknown.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "partition_key" => Self::PartitionKey,
            "clustering" => Self::Clustering,
            "static" => Self::Static,
            "regular" => Self::Regular,
            _ => return None,
        })
    }
}

/// The order of a clustering column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the variants are the keywords")]
pub enum ClusteringOrder {
    Asc,
    Desc,
}

impl Column {
    /// Formats the column as in `CREATE TABLE`.
    pub(super) fn definition(&self) -> String {
        let is_static = if self.kind == ColumnKind::Static { " static" } else { "" };
        let mask = self.mask.as_ref().map(|mask| format!(" MASKED WITH {mask}"));
        let check = self.check.as_ref().map(|check| format!(" CHECK {check}"));
        let name = Identifier(&self.name);
        let (mask, check) = (mask.unwrap_or_default(), check.unwrap_or_default());
        format!("{name} {}{is_static}{mask}{check}", self.type_text)
    }
}

/// Formats the call of the function that masks a column, as `MASKED WITH` expects it: without the
/// first argument, which is the column itself. Returns `None` if the row has no function name.
pub(super) fn mask(fields: Fields<'_>) -> Option<String> {
    let name = Identifier(fields.text("function_name")?);
    let keyspace = fields.text("function_keyspace");
    let keyspace = keyspace.map(|keyspace| format!("{}.", Identifier(keyspace)));
    let values = fields.texts("function_argument_values");
    let nulls = fields.flags("function_argument_nulls");
    let types = fields.texts("function_argument_types");
    let types = types.into_iter().map(Some).chain(std::iter::repeat(None));
    let nulls = nulls.into_iter().chain(std::iter::repeat(false));
    let arguments = values.into_iter().zip(nulls).zip(types).map(|((value, is_null), cql_type)| {
        // The server stores arguments without quotes, and blobs without the prefix `0x`.
        match cql_type {
            _ if is_null => "null".to_owned(),
            Some("blob") => format!("0x{value}"),
            Some("ascii" | "text" | "varchar" | "date" | "time" | "timestamp" | "inet") => {
                ddl::string(value)
            }
            _ => value.to_owned(),
        }
    });
    Some(format!("{}{name}({})", keyspace.unwrap_or_default(), list(arguments)))
}
