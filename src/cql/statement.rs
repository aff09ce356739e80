//! The statements of CQL.

use std::fmt;

use super::definition::{AlterKeyspace, AlterTable, CreateKeyspace, CreateTable, DropElement};
use super::describe::Describe;
use super::format::exists;
use super::index::CreateIndex;
use super::mutation::{Batch, Mutation};
use super::select::{Select, TableName};
use super::user_type::{AlterType, CreateType};
use crate::types::Identifier;

/// A statement of CQL, as a server reads it.
///
/// Names without quotation marks are in lower case. `Display` writes the statement as CQL. Parsing
/// that text yields an equal statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    Select(Select),
    Mutation(Mutation),
    Batch(Batch),
    Truncate(TableName),
    /// `USE keyspace`
    Use(String),
    CreateKeyspace(CreateKeyspace),
    AlterKeyspace(AlterKeyspace),
    DropKeyspace(DropElement<String>),
    CreateTable(CreateTable),
    AlterTable(AlterTable),
    DropTable(DropElement<TableName>),
    CreateType(CreateType),
    AlterType(AlterType),
    DropType(DropElement<TableName>),
    CreateIndex(CreateIndex),
    DropIndex(DropElement<TableName>),
    Describe(Describe),
    /// Any other statement of Cassandra: its keywords, such as `CREATE FUNCTION`. The rest of the
    /// statement is not parsed.
    Other(&'static str),
}

impl From<Mutation> for Statement {
    fn from(mutation: Mutation) -> Self {
        Self::Mutation(mutation)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Select(select) => select.fmt(f),
            Self::Mutation(mutation) => mutation.fmt(f),
            Self::Batch(batch) => batch.fmt(f),
            Self::Truncate(table) => write!(f, "TRUNCATE TABLE {table}"),
            Self::Use(keyspace) => write!(f, "USE {}", Identifier(keyspace)),
            Self::CreateKeyspace(create) => create.fmt(f),
            Self::AlterKeyspace(alter) => alter.fmt(f),
            Self::DropKeyspace(DropElement { if_exists, name }) => {
                write!(f, "DROP KEYSPACE {}{}", exists(*if_exists), Identifier(name))
            }
            Self::CreateTable(create) => create.fmt(f),
            Self::AlterTable(alter) => alter.fmt(f),
            Self::DropTable(drop) => write!(f, "DROP TABLE {drop}"),
            Self::CreateType(create) => create.fmt(f),
            Self::AlterType(alter) => alter.fmt(f),
            Self::DropType(drop) => write!(f, "DROP TYPE {drop}"),
            Self::CreateIndex(create) => create.fmt(f),
            Self::DropIndex(drop) => write!(f, "DROP INDEX {drop}"),
            Self::Describe(describe) => describe.fmt(f),
            Self::Other(keywords) => f.write_str(keywords),
        }
    }
}

impl fmt::Display for DropElement<TableName> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", exists(self.if_exists), self.name)
    }
}
