//! The DESCRIBE statement.

use std::fmt;

use super::select::TableName;
use crate::types::Identifier;

/// A DESCRIBE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Describe {
    pub(crate) subject: DescribeSubject,
    /// True for `WITH INTERNALS`, which adds ids and dropped columns.
    pub(crate) with_internals: bool,
}

/// The subject of a [`Describe`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DescribeSubject {
    Cluster,
    /// The definitions of all keyspaces. With `FULL`, those of the system's keyspaces, too.
    Schema {
        is_full: bool,
    },
    /// The names of all elements of one kind.
    Names(ElementKind),
    /// The definition of a keyspace, or of the keyspace of the connection.
    Keyspace {
        name: Option<String>,
        /// True for `ONLY KEYSPACE`, which leaves the elements of the keyspace out.
        is_only: bool,
    },
    /// The definition of an element of one kind. The kind is not [`ElementKind::Keyspace`].
    Element(ElementKind, TableName),
    /// The definition of the element of this name: of a keyspace if there is one, else of a table, an
    /// index or a materialized view.
    Any(TableName),
}

/// A kind of elements of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementKind {
    Keyspace,
    Table,
    Type,
    Function,
    Aggregate,
    /// DESCRIBE has no list of indexes.
    Index,
    /// DESCRIBE has no list of materialized views.
    MaterializedView,
}

impl fmt::Display for Describe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DESCRIBE ")?;
        match &self.subject {
            DescribeSubject::Cluster => f.write_str("CLUSTER")?,
            DescribeSubject::Schema { is_full: true } => f.write_str("FULL SCHEMA")?,
            DescribeSubject::Schema { is_full: false } => f.write_str("SCHEMA")?,
            DescribeSubject::Names(kind) => write!(f, "{}S", kind.keywords())?,
            DescribeSubject::Keyspace { name, is_only } => {
                f.write_str(if *is_only { "ONLY KEYSPACE" } else { "KEYSPACE" })?;
                if let Some(name) = name {
                    write!(f, " {}", Identifier(name))?;
                }
            }
            DescribeSubject::Element(kind, name) => write!(f, "{} {name}", kind.keywords())?,
            DescribeSubject::Any(TableName { keyspace, name }) => match keyspace {
                Some(keyspace) => write!(f, "{}.{}", Subject(keyspace), Identifier(name))?,
                None => Subject(name).fmt(f)?,
            },
        }
        f.write_str(if self.with_internals { " WITH INTERNALS" } else { "" })
    }
}

/// A name that follows DESCRIBE. Without quotation marks, some names would be keywords there.
struct Subject<'a>(&'a str);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            name @ ("aggregate" | "aggregates" | "cluster" | "columnfamilies" | "function"
            | "functions" | "keyspaces" | "only" | "tables" | "type" | "types") => {
                write!(f, "\"{name}\"")
            }
            name => Identifier(name).fmt(f),
        }
    }
}

impl ElementKind {
    /// Returns the keywords that name one element of this kind.
    pub(super) const fn keywords(self) -> &'static str {
        match self {
            Self::Keyspace => "KEYSPACE",
            Self::Table => "TABLE",
            Self::Type => "TYPE",
            Self::Function => "FUNCTION",
            Self::Aggregate => "AGGREGATE",
            Self::Index => "INDEX",
            Self::MaterializedView => "MATERIALIZED VIEW",
        }
    }
}
