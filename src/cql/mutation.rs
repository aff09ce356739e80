//! The statements that write rows.

use std::fmt;

use super::format::{Separated, names, write_all};
use super::select::{Condition, Relation, TableName};
use super::term::{BindMarker, Term};
use crate::message::BatchKind;
use crate::types::Identifier;

/// A statement that writes rows of one table. A batch consists of such statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mutation {
    Insert(Insert),
    Update(Update),
    Delete(Delete),
}

/// An INSERT statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Insert {
    pub(crate) table: TableName,
    pub(crate) values: InsertValues,
    pub(crate) if_not_exists: bool,
    pub(crate) using: Using,
}

/// The values of an INSERT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InsertValues {
    /// `(columns) VALUES (terms)`: at least one of each. Their numbers may differ, which is an error
    /// of the statement.
    Columns { columns: Vec<String>, terms: Vec<Term> },
    Json {
        value: JsonValue,
        /// True for `DEFAULT UNSET`: columns that the JSON object lacks keep their values. Otherwise
        /// they become null.
        default_unset: bool,
    },
}

/// The JSON object of an INSERT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonValue {
    Text(String),
    Marker(BindMarker),
}

/// An UPDATE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) table: TableName,
    pub(crate) using: Using,
    /// At least one assignment.
    pub(crate) assignments: Vec<Assignment>,
    /// The conditions of WHERE. There is at least one.
    pub(crate) relations: Vec<Relation>,
    pub(crate) condition: Option<IfCondition>,
}

/// A part of SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) target: Target,
    pub(crate) operation: Operation,
}

/// A column, or a part of it, that a statement writes or checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Column(String),
    /// `column[key]`, of a list, a set or a map.
    Element(String, Term),
    /// `column.field`, of a user-defined type.
    Field(String, String),
}

/// The new value of a [`Target`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `target = term`
    Set(Term),
    /// `column = column + term`, or `column += term`. The target is a column.
    Add(Term),
    /// `column = term + column`. The target is a column.
    Prepend(Term),
    /// `column = column - term`, or `column -= term`. The target is a column.
    Subtract(Term),
}

/// A DELETE statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delete {
    /// The columns and parts of columns to delete. If there are none, whole rows are deleted.
    pub(crate) targets: Vec<Target>,
    pub(crate) table: TableName,
    /// Without a TTL.
    pub(crate) using: Using,
    /// The conditions of WHERE. There is at least one.
    pub(crate) relations: Vec<Relation>,
    pub(crate) condition: Option<IfCondition>,
}

/// The condition of an UPDATE or a DELETE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfCondition {
    /// `IF EXISTS`
    Exists,
    /// `IF target = term AND ..`: at least one condition. All of them must be true.
    All(Vec<TargetCondition>),
}

/// A condition on a column, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetCondition {
    pub(crate) target: Target,
    /// A comparison other than LIKE, or IN. CONTAINS and CONTAINS KEY apply to columns only.
    pub(crate) condition: Condition,
}

/// The attributes of USING, in the order of the text, which is the order of their bind variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Using(pub(crate) Vec<Attribute>);

/// An attribute of a write: an integer literal or a bind marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// The time of the write, in microseconds since 1970.
    Timestamp(Term),
    /// The time to live of the written cells, in seconds.
    Ttl(Term),
}

/// A BATCH statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) kind: BatchKind,
    pub(crate) using: Using,
    pub(crate) statements: Vec<Mutation>,
}

impl Mutation {
    /// Returns the table that the statement writes.
    pub(crate) const fn table(&self) -> &TableName {
        match self {
            Self::Insert(insert) => &insert.table,
            Self::Update(update) => &update.table,
            Self::Delete(delete) => &delete.table,
        }
    }
}

impl Target {
    /// Returns the name of the column.
    pub(crate) fn column(&self) -> &str {
        match self {
            Self::Column(column) | Self::Element(column, _) | Self::Field(column, _) => column,
        }
    }
}

impl Using {
    /// Returns the timestamp. If there are several, the last one applies.
    pub(crate) fn timestamp(&self) -> Option<&Term> {
        self.0.iter().rev().find_map(|attribute| match attribute {
            Attribute::Timestamp(term) => Some(term),
            Attribute::Ttl(_) => None,
        })
    }

    /// Returns the time to live. If there are several, the last one applies.
    pub(crate) fn ttl(&self) -> Option<&Term> {
        self.0.iter().rev().find_map(|attribute| match attribute {
            Attribute::Ttl(term) => Some(term),
            Attribute::Timestamp(_) => None,
        })
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insert(insert) => insert.fmt(f),
            Self::Update(update) => update.fmt(f),
            Self::Delete(delete) => delete.fmt(f),
        }
    }
}

impl fmt::Display for Insert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INSERT INTO {} {}", self.table, self.values)?;
        f.write_str(if self.if_not_exists { " IF NOT EXISTS" } else { "" })?;
        self.using.fmt(f)
    }
}

impl fmt::Display for InsertValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns { columns, terms } => {
                write!(f, "({}) VALUES ({})", names(columns), Separated(terms))
            }
            Self::Json { value, default_unset } => {
                write!(f, "JSON {value}{}", if *default_unset { " DEFAULT UNSET" } else { "" })
            }
        }
    }
}

impl fmt::Display for JsonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Marker(marker) => marker.fmt(f),
        }
    }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, using, assignments, relations, condition } = self;
        write!(f, "UPDATE {table}{using} SET {}", Separated(assignments))?;
        write_all(f, "WHERE", relations)?;
        write_if(f, condition.as_ref())
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, operation } = self;
        match operation {
            Operation::Set(term) => write!(f, "{target} = {term}"),
            Operation::Add(term) => write!(f, "{target} += {term}"),
            Operation::Prepend(term) => write!(f, "{target} = {term} + {target}"),
            Operation::Subtract(term) => write!(f, "{target} -= {term}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Identifier(self.column()))?;
        match self {
            Self::Column(_) => Ok(()),
            Self::Element(_, key) => write!(f, "[{key}]"),
            Self::Field(_, field) => write!(f, ".{}", Identifier(field)),
        }
    }
}

impl fmt::Display for Delete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DELETE ")?;
        if !self.targets.is_empty() {
            write!(f, "{} ", Separated(&self.targets))?;
        }
        write!(f, "FROM {}{}", self.table, self.using)?;
        write_all(f, "WHERE", &self.relations)?;
        write_if(f, self.condition.as_ref())
    }
}

fn write_if(f: &mut fmt::Formatter<'_>, condition: Option<&IfCondition>) -> fmt::Result {
    match condition {
        None => Ok(()),
        Some(IfCondition::Exists) => f.write_str(" IF EXISTS"),
        Some(IfCondition::All(conditions)) => write_all(f, "IF", conditions),
    }
}

impl fmt::Display for TargetCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.target, self.condition)
    }
}

impl fmt::Display for Using {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, "USING", &self.0)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamp(term) => write!(f, "TIMESTAMP {term}"),
            Self::Ttl(term) => write!(f, "TTL {term}"),
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            BatchKind::Unlogged => "BEGIN UNLOGGED BATCH",
            BatchKind::Counter => "BEGIN COUNTER BATCH",
            _ => "BEGIN BATCH",
        })?;
        self.using.fmt(f)?;
        self.statements.iter().try_for_each(|statement| write!(f, " {statement};"))?;
        f.write_str(" APPLY BATCH")
    }
}
