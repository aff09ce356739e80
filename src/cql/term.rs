//! The terms of CQL: the values of a statement that are known before any row is read.

use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

use super::format::Separated;
use crate::types::Identifier;

/// A term: a literal, a bind marker, or a call of a function.
///
/// `Display` writes the term as CQL. Parsing that text yields an equal term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term {
    Literal(Literal),
    Marker(BindMarker),
    /// `[a, b]`: a list or a vector.
    List(Vec<Term>),
    /// `{a, b}`: a set. `{}` is an empty set or an empty map.
    Set(Vec<Term>),
    /// `{a: b}`: a map with at least one entry.
    Map(Vec<(Term, Term)>),
    /// `{field: a}`: a value of a user-defined type with at least one field.
    Udt(Vec<(String, Term)>),
    /// `(a, b)`: a tuple with at least one element.
    Tuple(Vec<Term>),
    Function {
        name: FunctionName,
        arguments: Vec<Term>,
    },
    /// `(type) a`: a term of a given type.
    TypeHint {
        cql_type: TypeName,
        term: Box<Term>,
    },
    /// `-a`, where `a` is not a number.
    Negation(Box<Term>),
    /// `a + b`
    Arithmetic {
        operator: Operator,
        left: Box<Term>,
        right: Box<Term>,
    },
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A constant. Numbers keep their text, because the type of the column decides how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    /// The text between the quotation marks, without escapes.
    String(String),
    Integer(String),
    /// A number with a fraction or an exponent, `NaN` or `Infinity`.
    Float(String),
    Duration(String),
    Uuid(Uuid),
    /// The hexadecimal digits after `0x`.
    Blob(String),
}

/// A bind marker: `?`, or `:name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BindMarker {
    Positional,
    Named(String),
}

/// The name of a function. A name without quotation marks is in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionName {
    pub(crate) keyspace: Option<String>,
    pub(crate) name: String,
}

/// The name of a CQL type, as [`CqlType::parse_with`](crate::types::CqlType::parse_with) reads it.
/// User-defined types are resolved by the reader of the statement, which knows the keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeName(pub(crate) String);

impl Literal {
    /// Returns the text of the literal without quotation marks, which is the value of an option.
    pub(crate) fn raw_text(&self) -> Cow<'_, str> {
        match self {
            Self::String(text) => Cow::Borrowed(text),
            _ => Cow::Owned(self.to_string()),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Marker(marker) => marker.fmt(f),
            Self::List(terms) => write!(f, "[{}]", Separated(terms)),
            Self::Set(terms) => write!(f, "{{{}}}", Separated(terms)),
            Self::Map(entries) => {
                let entries: Vec<_> = entries.iter().map(|(key, value)| Pair(key, value)).collect();
                write!(f, "{{{}}}", Separated(&entries))
            }
            Self::Udt(fields) => {
                let pair =
                    |(name, value): &'_ (String, Self)| format!("{}: {value}", Identifier(name));
                let fields: Vec<_> = fields.iter().map(pair).collect();
                write!(f, "{{{}}}", Separated(&fields))
            }
            Self::Tuple(terms) => write!(f, "({})", Separated(terms)),
            Self::Function { name, arguments } => write!(f, "{name}({})", Separated(arguments)),
            Self::TypeHint { cql_type, term } => write!(f, "({cql_type}){term}"),
            Self::Negation(term) => write!(f, "- {term}"),
            Self::Arithmetic { operator, left, right } => write!(f, "{left} {operator} {right}"),
        }
    }
}

impl Operator {
    pub(crate) const ALL: [Self; 5] =
        [Self::Add, Self::Subtract, Self::Multiply, Self::Divide, Self::Remainder];

    /// Returns the symbol of the operator.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

/// The entry of a map.
struct Pair<'a>(&'a Term, &'a Term);

impl fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0, self.1)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(flag) => flag.fmt(f),
            Self::String(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Integer(number) | Self::Float(number) => f.write_str(number),
            Self::Duration(duration) => f.write_str(duration),
            Self::Uuid(uuid) => uuid.fmt(f),
            Self::Blob(digits) => write!(f, "0x{digits}"),
        }
    }
}

impl fmt::Display for BindMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Positional => f.write_str("?"),
            Self::Named(name) => write!(f, ":{}", Identifier(name)),
        }
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keyspace.as_deref() {
            None => {}
            // After CONTAINS, the word without quotation marks is a keyword.
            Some("key") => f.write_str("\"key\".")?,
            Some(keyspace) => write!(f, "{}.", Identifier(keyspace))?,
        }
        match &*self.name {
            // The only reserved word that is the name of a function.
            "token" if self.keyspace.is_none() => f.write_str("token"),
            // With these words in front, the arguments are no list of selectors; `key` is a keyword after
            // CONTAINS.
            name @ ("cast" | "key" | "maxwritetime" | "ttl" | "writetime") => {
                write!(f, "\"{name}\"")
            }
            name => FirstName(name).fmt(f),
        }
    }
}

/// A name that may be the first word of a selection. Without quotation marks, `json` and `distinct`
/// would be modifiers of SELECT there, and `as` after them would begin an alias.
pub(super) struct FirstName<'a>(pub(super) &'a str);

impl fmt::Display for FirstName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            name @ ("as" | "distinct" | "json") => write!(f, "\"{name}\""),
            name => Identifier(name).fmt(f),
        }
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
