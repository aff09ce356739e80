//! The expressions of a result, and how they are computed from rows.

use super::key_range::KeyRange;
use super::metadata::{self, CellPart};
use crate::cql::MetadataFunction;
use crate::message::ServerError;
use crate::store::clock::Clock;
use crate::store::function::Function;
use crate::store::key::ClusteringKey;
use crate::store::source::Row;
use crate::store::term::CompiledTerm;
use crate::store::variables::{BoundValues, TermValue};
use crate::types::Value;

/// An expression that is evaluated on a row, or on the rows of a group.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    /// The column at an index of the table.
    Column(usize),
    Term(CompiledTerm),
    /// The times of the cells of a column.
    Metadata(MetadataFunction, CellPart),
    /// The field at an index of a user-defined type.
    Field(Box<Expression>, usize),
    /// The element of a map or a set.
    Element(Box<Expression>, CompiledTerm),
    /// The elements of a map or a set between two bounds.
    Slice {
        of: Box<Expression>,
        bounds: (Option<CompiledTerm>, Option<CompiledTerm>),
        /// True if each element is a cell. A slice without cells is null, and a slice of one cell may
        /// be empty.
        is_multi_cell: bool,
    },
    Call(Function, Vec<Expression>),
    /// The aggregate at an index of the projection.
    Aggregate(usize),
}

/// The values that expressions are computed from.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    pub(super) bound: &'s BoundValues,
    pub(super) clock: &'s Clock<'s>,
    /// The row, or the first row of the group. `None` if the group has no rows.
    pub(super) row: Option<&'s Row>,
    /// The values of the aggregates for the group. Empty while rows are added to the group.
    pub(super) aggregates: &'s [Value],
}

impl Expression {
    /// Returns the value of the expression.
    ///
    /// # Errors
    /// Returns the error of Cassandra if a function fails, or if a bind variable is null or unset that
    /// must not be.
    pub(super) fn evaluate(&self, scope: Scope<'_>) -> Result<Value, ServerError> {
        let term = |term: &CompiledTerm| match term.evaluate(scope.bound, scope.clock)? {
            TermValue::Value(value) => Ok(value),
            TermValue::Unset => Ok(Value::Null),
        };
        Ok(match self {
            Self::Column(index) => {
                scope.row.and_then(|row| row.values.get(*index)).map_or(Value::Null, Value::clone)
            }
            Self::Term(of) => term(of)?,
            Self::Metadata(function, part) => match scope.row {
                Some(row) => metadata::value(*function, part, row, term)?,
                None => Value::Null,
            },
            Self::Field(of, index) => match of.evaluate(scope)? {
                Value::Udt { mut fields, .. } if *index < fields.len() => {
                    fields.swap_remove(*index)
                }
                _ => Value::Null,
            },
            Self::Element(of, key) => {
                let key = ClusteringKey::of(&term(key)?);
                let is_key = |found: &Value| ClusteringKey::of(found) == key;
                match of.evaluate(scope)? {
                    Value::Map(entries) => {
                        let entry = entries.into_iter().find(|(found, _)| is_key(found));
                        entry.map_or(Value::Null, |(_, value)| value)
                    }
                    Value::Set(values) => values.into_iter().find(is_key).unwrap_or(Value::Null),
                    _ => Value::Null,
                }
            }
            Self::Slice { of, bounds: (from, to), is_multi_cell } => {
                let or_null = |is_empty: bool, value| match is_empty && *is_multi_cell {
                    true => Value::Null,
                    false => value,
                };
                let range = KeyRange::new(from.as_ref(), to.as_ref(), term)?;
                match of.evaluate(scope)? {
                    Value::Map(mut entries) => {
                        entries.retain(|(key, _)| range.contains(key));
                        or_null(entries.is_empty(), Value::Map(entries))
                    }
                    Value::Set(mut values) => {
                        values.retain(|value| range.contains(value));
                        or_null(values.is_empty(), Value::Set(values))
                    }
                    _ => Value::Null,
                }
            }
            Self::Call(function, arguments) => {
                let values = arguments.iter().map(|argument| argument.evaluate(scope));
                function.call(&values.collect::<Result<Vec<_>, _>>()?, scope.clock)?
            }
            Self::Aggregate(index) => scope.aggregates.get(*index).cloned().unwrap_or(Value::Null),
        })
    }
}
