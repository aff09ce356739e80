//! The statement that defines an index.

use std::fmt;

use super::definition::Options;
use super::format::{Separated, not_exists};
use super::select::TableName;
use crate::types::Identifier;

/// A CREATE INDEX statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreateIndex {
    /// True for `CREATE CUSTOM INDEX`.
    pub(crate) is_custom: bool,
    pub(crate) if_not_exists: bool,
    /// The name. If it is absent, the server creates one. An index belongs to the keyspace of its
    /// table, so that another keyspace is an error of the statement.
    pub(crate) name: Option<TableName>,
    pub(crate) table: TableName,
    /// The indexed columns. A custom index may have none or several.
    pub(crate) targets: Vec<IndexTarget>,
    /// The class or the name of the implementation after USING.
    pub(crate) using: Option<String>,
    pub(crate) options: Options,
}

/// A column of an index, and the indexed part of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexTarget {
    pub(crate) part: IndexPart,
    pub(crate) column: String,
}

/// The part of a column's values that an index contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexPart {
    /// A column without a function: the whole value, or the elements of a collection.
    Simple,
    /// `values(column)`
    Values,
    /// `keys(column)`
    Keys,
    /// `entries(column)`
    Entries,
    /// `full(column)`, of a frozen collection.
    Full,
}

impl fmt::Display for CreateIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let custom = if self.is_custom { "CUSTOM " } else { "" };
        write!(f, "CREATE {custom}INDEX {}", not_exists(self.if_not_exists))?;
        if let Some(name) = &self.name {
            write!(f, "{name} ")?;
        }
        write!(f, "ON {} ({})", self.table, Separated(&self.targets))?;
        if let Some(using) = &self.using {
            write!(f, " USING '{}'", using.replace('\'', "''"))?;
        }
        self.options.fmt(f)
    }
}

impl fmt::Display for IndexTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = Identifier(&self.column);
        match self.part.function() {
            Some(function) => write!(f, "{function}({column})"),
            None => column.fmt(f),
        }
    }
}

impl IndexPart {
    /// Returns the name of the function around the column, or `None` for [`Simple`](Self::Simple).
    pub(crate) const fn function(self) -> Option<&'static str> {
        match self {
            Self::Simple => None,
            Self::Values => Some("values"),
            Self::Keys => Some("keys"),
            Self::Entries => Some("entries"),
            Self::Full => Some("full"),
        }
    }
}
