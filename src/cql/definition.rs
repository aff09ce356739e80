//! The statements that define keyspaces and tables, and DROP.

use std::fmt;

use super::format::{Separated, exists, names, not_exists, write_all, write_renames};
use super::select::TableName;
use super::term::{FunctionName, Literal, Term, TypeName};
use crate::types::Identifier;

/// A CREATE KEYSPACE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreateKeyspace {
    pub(crate) if_not_exists: bool,
    pub(crate) name: String,
    pub(crate) options: Options,
}

/// An ALTER KEYSPACE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlterKeyspace {
    pub(crate) if_exists: bool,
    pub(crate) name: String,
    pub(crate) options: Options,
}

/// A DROP statement for an element of the schema with a name of type `N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DropElement<N> {
    pub(crate) if_exists: bool,
    pub(crate) name: N,
}

/// The options after WITH, in the order of the text. No name occurs twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options(pub(crate) Vec<(String, OptionValue)>);

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OptionValue {
    /// A constant other than null.
    Literal(Literal),
    /// A map of constants other than null. No key occurs twice.
    Map(Vec<(Literal, Literal)>),
}

/// A CREATE TABLE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreateTable {
    pub(crate) if_not_exists: bool,
    pub(crate) table: TableName,
    pub(crate) columns: Vec<ColumnDefinition>,
    /// The primary keys, in the order of the text. A table has exactly one; any other number is an
    /// error of the statement.
    pub(crate) primary_keys: Vec<PrimaryKey>,
    pub(crate) clustering_order: Vec<ClusteringOrder>,
    /// True for `COMPACT STORAGE`.
    pub(crate) is_compact: bool,
    pub(crate) options: Options,
}

/// The definition of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: String,
    pub(crate) cql_type: TypeName,
    pub(crate) is_static: bool,
    pub(crate) mask: Option<Mask>,
}

/// The function that masks the values of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mask {
    /// `MASKED WITH DEFAULT`
    Default,
    /// `MASKED WITH function(..)`
    Function { name: FunctionName, arguments: Vec<Term> },
}

/// A primary key: `PRIMARY KEY` after a column, or `PRIMARY KEY ((a, b), c)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrimaryKey {
    /// At least one column.
    pub(crate) partition: Vec<String>,
    pub(crate) clustering: Vec<String>,
}

/// A part of CLUSTERING ORDER BY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClusteringOrder {
    pub(crate) column: String,
    pub(crate) is_descending: bool,
}

/// An ALTER TABLE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlterTable {
    pub(crate) if_exists: bool,
    pub(crate) table: TableName,
    pub(crate) change: TableChange,
}

/// A change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TableChange {
    /// At least one column.
    Add {
        if_not_exists: bool,
        columns: Vec<ColumnDefinition>,
    },
    Drop {
        if_exists: bool,
        /// At least one column.
        columns: Vec<String>,
        /// The number of `USING TIMESTAMP`, in microseconds since 1970.
        timestamp: Option<String>,
    },
    /// At least one pair of an old and a new name.
    Rename {
        if_exists: bool,
        columns: Vec<(String, String)>,
    },
    /// `ALTER column TYPE type`, which Cassandra refuses.
    AlterType {
        column: String,
        cql_type: TypeName,
    },
    /// `ALTER column MASKED WITH ..`, or `ALTER column DROP MASKED`.
    AlterMask {
        if_exists: bool,
        column: String,
        mask: Option<Mask>,
    },
    /// `DROP COMPACT STORAGE`
    DropCompactStorage,
    With(Options),
}

impl Options {
    /// Returns the value of an option, or `None` if the statement does not have it.
    pub(crate) fn get(&self, name: &str) -> Option<&OptionValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl fmt::Display for CreateKeyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { if_not_exists, name, options } = self;
        write!(f, "CREATE KEYSPACE {}{}", not_exists(*if_not_exists), Identifier(name))?;
        options.fmt(f)
    }
}

impl fmt::Display for AlterKeyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { if_exists, name, options } = self;
        write!(f, "ALTER KEYSPACE {}{}{options}", exists(*if_exists), Identifier(name))
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = |(name, value): &(String, _)| format!("{} = {value}", Identifier(name));
        write_all(f, "WITH", &self.0.iter().map(option).collect::<Vec<_>>())
    }
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Map(entries) => {
                let entry = |(key, value): &(_, _)| format!("{key}: {value}");
                let entries: Vec<_> = entries.iter().map(entry).collect();
                write!(f, "{{{}}}", Separated(&entries))
            }
        }
    }
}

impl fmt::Display for CreateTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CREATE TABLE {}{} (", not_exists(self.if_not_exists), self.table)?;
        Separated(&self.columns).fmt(f)?;
        for (index, key) in self.primary_keys.iter().enumerate() {
            let comma = if index == 0 && self.columns.is_empty() { "" } else { ", " };
            write!(f, "{comma}PRIMARY KEY {key}")?;
        }
        f.write_str(")")?;
        let mut properties = Vec::new();
        if self.is_compact {
            properties.push("COMPACT STORAGE".to_owned());
        }
        if !self.clustering_order.is_empty() {
            let order = Separated(&self.clustering_order);
            properties.push(format!("CLUSTERING ORDER BY ({order})"));
        }
        write_all(f, "WITH", &properties)?;
        match properties.is_empty() {
            true => self.options.fmt(f),
            // The first option follows other properties.
            false => f.write_str(&self.options.to_string().replacen(" WITH ", " AND ", 1)),
        }
    }
}

impl fmt::Display for ColumnDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, cql_type, is_static, mask } = self;
        write!(f, "{} {cql_type}{}", Identifier(name), if *is_static { " STATIC" } else { "" })?;
        mask.as_ref().map_or(Ok(()), |mask| write!(f, " {mask}"))
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("MASKED WITH DEFAULT"),
            Self::Function { name, arguments } => {
                write!(f, "MASKED WITH {name}({})", Separated(arguments))
            }
        }
    }
}

impl fmt::Display for PrimaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(({})", names(&self.partition))?;
        if !self.clustering.is_empty() {
            write!(f, ", {}", names(&self.clustering))?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for ClusteringOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.is_descending { "DESC" } else { "ASC" };
        write!(f, "{} {direction}", Identifier(&self.column))
    }
}

impl fmt::Display for AlterTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ALTER TABLE {}{}{}", exists(self.if_exists), self.table, self.change)
    }
}

impl fmt::Display for TableChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { if_not_exists, columns } => {
                write!(f, " ADD {}({})", not_exists(*if_not_exists), Separated(columns))
            }
            Self::Drop { if_exists, columns, timestamp } => {
                write!(f, " DROP {}({})", exists(*if_exists), names(columns))?;
                match timestamp {
                    Some(timestamp) => write!(f, " USING TIMESTAMP {timestamp}"),
                    None => Ok(()),
                }
            }
            Self::Rename { if_exists, columns } => {
                write!(f, " RENAME {}", exists(*if_exists))?;
                write_renames(f, columns)
            }
            Self::AlterType { column, cql_type } => {
                write!(f, " ALTER {} TYPE {cql_type}", Identifier(column))
            }
            Self::AlterMask { if_exists, column, mask } => {
                write!(f, " ALTER {}{} ", exists(*if_exists), Identifier(column))?;
                match mask {
                    Some(mask) => mask.fmt(f),
                    None => f.write_str("DROP MASKED"),
                }
            }
            Self::DropCompactStorage => f.write_str(" DROP COMPACT STORAGE"),
            Self::With(options) => options.fmt(f),
        }
    }
}
