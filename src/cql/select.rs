//! The SELECT statement.

use std::fmt;

use super::format::{Separated, names, write_all};
use super::term::{BindMarker, FirstName, FunctionName, Operator, Term, TypeName};
use crate::types::Identifier;

/// A SELECT statement.
///
/// Names without quotation marks are in lower case. `Display` writes the statement as CQL. Parsing
/// that text yields an equal statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Select {
    /// True for `SELECT JSON`, which returns each row as one JSON object.
    pub(crate) is_json: bool,
    /// True for `SELECT DISTINCT`, which returns each partition once.
    pub(crate) is_distinct: bool,
    pub(crate) selection: Selection,
    pub(crate) table: TableName,
    /// The conditions of WHERE, which must all be true.
    pub(crate) relations: Vec<Relation>,
    pub(crate) group_by: Vec<String>,
    pub(crate) order_by: Vec<Ordering>,
    /// Either an integer literal or a bind marker.
    pub(crate) per_partition_limit: Option<Term>,
    /// Either an integer literal or a bind marker.
    pub(crate) limit: Option<Term>,
    pub(crate) allow_filtering: bool,
}

/// The columns of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// `*`
    All,
    /// At least one column.
    Columns(Vec<SelectedColumn>),
}

/// A column of the result, with the alias that follows `AS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectedColumn {
    pub(crate) selector: Selector,
    pub(crate) alias: Option<String>,
}

/// An expression that is evaluated for each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    Column(String),
    /// A term. Calls of functions are [`Selector::Function`], whatever their arguments are.
    Term(Term),
    /// `count(*)`, or `count(1)`.
    CountRows,
    /// `writetime(..)`, `maxwritetime(..)` or `ttl(..)`.
    Metadata {
        function: MetadataFunction,
        of: Box<Selector>,
    },
    /// `CAST(selector AS type)`
    Cast {
        selector: Box<Selector>,
        cql_type: TypeName,
    },
    Function {
        name: FunctionName,
        arguments: Vec<Selector>,
    },
    /// `selector.field`, of a user-defined type.
    Field {
        of: Box<Selector>,
        field: String,
    },
    /// `selector[key]`, of a map or a set.
    Element {
        of: Box<Selector>,
        key: Term,
    },
    /// `selector[from..to]`, of a map or a set. Both ends are optional.
    Slice {
        of: Box<Selector>,
        from: Option<Term>,
        to: Option<Term>,
    },
    /// `-selector`
    Negation(Box<Selector>),
    /// `a + b`
    Arithmetic {
        operator: Operator,
        left: Box<Selector>,
        right: Box<Selector>,
    },
}

/// A function that returns metadata of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetadataFunction {
    WriteTime,
    MaxWriteTime,
    Ttl,
}

/// The name of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) keyspace: Option<String>,
    pub(crate) name: String,
}

/// A condition of WHERE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) operand: Operand,
    pub(crate) condition: Condition,
}

/// The left side of a [`Relation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    Column(String),
    /// `column[key]`
    Element(String, Term),
    /// `(a, b)`: at least one column.
    Tuple(Vec<String>),
    /// `token(a, b)`: at least one column.
    Token(Vec<String>),
}

/// The condition that the operand of a [`Relation`] meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Compare(Comparison, Term),
    In(InValues),
    IsNotNull,
}

/// An operator between an operand and a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    ContainsKey,
    Like,
}

/// The values of `IN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InValues {
    /// `IN ?`, which binds a list.
    Marker(BindMarker),
    Terms(Vec<Term>),
}

/// A part of ORDER BY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ordering {
    pub(crate) column: String,
    pub(crate) direction: Direction,
}

/// The direction of an [`Ordering`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
    /// `ANN OF term`: by the distance to a vector.
    NearestTo(Term),
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SELECT ")?;
        if self.is_json {
            f.write_str("JSON ")?;
        }
        if self.is_distinct {
            f.write_str("DISTINCT ")?;
        }
        match &self.selection {
            Selection::All => f.write_str("*")?,
            Selection::Columns(columns) => Separated(columns).fmt(f)?,
        }
        write!(f, " FROM {}", self.table)?;
        write_all(f, "WHERE", &self.relations)?;
        if !self.group_by.is_empty() {
            write!(f, " GROUP BY {}", names(&self.group_by))?;
        }
        if !self.order_by.is_empty() {
            write!(f, " ORDER BY {}", Separated(&self.order_by))?;
        }
        if let Some(limit) = &self.per_partition_limit {
            write!(f, " PER PARTITION LIMIT {limit}")?;
        }
        if let Some(limit) = &self.limit {
            write!(f, " LIMIT {limit}")?;
        }
        f.write_str(if self.allow_filtering { " ALLOW FILTERING" } else { "" })
    }
}

impl fmt::Display for SelectedColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.selector.fmt(f)?;
        match &self.alias {
            Some(alias) => write!(f, " AS {}", Identifier(alias)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optional =
            |term: &Option<Term>| term.as_ref().map_or_else(String::new, Term::to_string);
        match self {
            Self::Column(name) => FirstName(name).fmt(f),
            Self::Term(term) => term.fmt(f),
            Self::CountRows => f.write_str("count(*)"),
            Self::Metadata { function, of } => write!(f, "{function}({of})"),
            Self::Cast { selector, cql_type } => write!(f, "cast({selector} as {cql_type})"),
            Self::Function { name, arguments } => write!(f, "{name}({})", Separated(arguments)),
            Self::Field { of, field } => write!(f, "{of}.{}", Identifier(field)),
            Self::Element { of, key } => write!(f, "{of}[{key}]"),
            Self::Slice { of, from, to } => {
                write!(f, "{of}[{} .. {}]", optional(from), optional(to))
            }
            Self::Negation(of) => write!(f, "- {of}"),
            Self::Arithmetic { operator, left, right } => write!(f, "{left} {operator} {right}"),
        }
    }
}

impl MetadataFunction {
    /// Returns the function of this name, in any case, or `None` if there is no such function.
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut functions = [Self::WriteTime, Self::MaxWriteTime, Self::Ttl].into_iter();
        functions.find(|function| function.name().eq_ignore_ascii_case(name))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::WriteTime => "writetime",
            Self::MaxWriteTime => "maxwritetime",
            Self::Ttl => "ttl",
        }
    }
}

impl fmt::Display for MetadataFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keyspace) = &self.keyspace {
            write!(f, "{}.", Identifier(keyspace))?;
        }
        Identifier(&self.name).fmt(f)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operand, self.condition)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(comparison, term) => write!(f, "{comparison} {term}"),
            Self::In(InValues::Marker(marker)) => write!(f, "IN {marker}"),
            Self::In(InValues::Terms(terms)) => write!(f, "IN ({})", Separated(terms)),
            Self::IsNotNull => f.write_str("IS NOT NULL"),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => Identifier(name).fmt(f),
            Self::Element(name, key) => write!(f, "{}[{key}]", Identifier(name)),
            Self::Tuple(columns) => write!(f, "({})", names(columns)),
            Self::Token(columns) => write!(f, "token({})", names(columns)),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "CONTAINS",
            Self::ContainsKey => "CONTAINS KEY",
            Self::Like => "LIKE",
        })
    }
}

impl fmt::Display for Ordering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Identifier(&self.column).fmt(f)?;
        match &self.direction {
            Direction::Ascending => f.write_str(" ASC"),
            Direction::Descending => f.write_str(" DESC"),
            Direction::NearestTo(term) => write!(f, " ANN OF {term}"),
        }
    }
}
