//! The statements that define user-defined types.

use std::fmt;

use super::format::{Separated, exists, not_exists, write_renames};
use super::select::TableName;
use super::term::TypeName;
use crate::types::Identifier;

/// A CREATE TYPE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreateType {
    pub(crate) if_not_exists: bool,
    pub(crate) name: TableName,
    /// At least one field.
    pub(crate) fields: Vec<(String, TypeName)>,
}

/// An ALTER TYPE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlterType {
    pub(crate) if_exists: bool,
    pub(crate) name: TableName,
    pub(crate) change: TypeChange,
}

/// A change of a user-defined type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TypeChange {
    Add {
        if_not_exists: bool,
        field: String,
        cql_type: TypeName,
    },
    /// At least one pair of an old and a new name.
    Rename {
        if_exists: bool,
        fields: Vec<(String, String)>,
    },
    /// `ALTER field TYPE type`, which Cassandra refuses.
    AlterType {
        field: String,
        cql_type: TypeName,
    },
}

impl fmt::Display for CreateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { if_not_exists, name, fields } = self;
        let field = |(name, cql_type): &(String, _)| format!("{} {cql_type}", Identifier(name));
        let fields: Vec<_> = fields.iter().map(field).collect();
        write!(f, "CREATE TYPE {}{name} ({})", not_exists(*if_not_exists), Separated(&fields))
    }
}

impl fmt::Display for AlterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ALTER TYPE {}{} {}", exists(self.if_exists), self.name, self.change)
    }
}

impl fmt::Display for TypeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { if_not_exists, field, cql_type } => {
                write!(f, "ADD {}{} {cql_type}", not_exists(*if_not_exists), Identifier(field))
            }
            Self::Rename { if_exists, fields } => {
                write!(f, "RENAME {}", exists(*if_exists))?;
                write_renames(f, fields)
            }
            Self::AlterType { field, cql_type } => {
                write!(f, "ALTER {} TYPE {cql_type}", Identifier(field))
            }
        }
    }
}
