//! The bind variables of a statement, and the values bound to them.

use std::collections::HashMap;

use super::cell;
use super::error::invalid;
use super::schema::TableSchema;
use crate::cql::BindMarker;
use crate::message::ServerError;
use crate::types::{ColumnSpec, CqlType, NamedValue, Value};
use crate::wire::RawValue;

/// The bind variables that a statement has so far. Markers are added in the order of the text.
pub(in crate::store) struct Variables<'t> {
    pub(in crate::store) table: &'t TableSchema,
    columns: Vec<ColumnSpec>,
}

impl<'t> Variables<'t> {
    pub(in crate::store) const fn new(table: &'t TableSchema) -> Self {
        Self { table, columns: Vec::new() }
    }

    /// Adds a bind variable and returns its index. A marker without a name gets the name `default`.
    pub(in crate::store) fn add(
        &mut self,
        marker: &BindMarker,
        default: &str,
        cql_type: impl Into<CqlType>,
    ) -> usize {
        let name = match marker {
            BindMarker::Positional => default,
            BindMarker::Named(name) => name,
        };
        self.columns.push(self.table.spec(name, cql_type));
        self.columns.len().saturating_sub(1)
    }

    pub(in crate::store) fn into_columns(self) -> Vec<ColumnSpec> {
        self.columns
    }
}

/// The result of a term: a value, which may be null, or `unset`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum TermValue {
    Value(Value),
    /// The client left a bind variable unset.
    Unset,
}

/// The values bound to the variables of a statement.
pub(crate) struct BoundValues(Vec<TermValue>);

impl BoundValues {
    /// Decodes the values of a request with the types of `variables`. A value with a name is bound to
    /// all variables of this name.
    ///
    /// # Errors
    /// Returns an INVALID error if a variable has no value, if there are too many values without
    /// names, or if the bytes of a value do not fit its variable.
    pub(crate) fn decode<'v>(
        variables: &[ColumnSpec],
        values: impl IntoIterator<Item = NamedValue<'v>>,
    ) -> Result<Self, ServerError> {
        let values: Vec<_> = values.into_iter().collect();
        let amount = || invalid("Invalid amount of bind variables");
        let is_named = values.iter().any(|value| value.name.is_some());
        if !is_named && values.len() != variables.len() {
            return Err(amount());
        }
        // Of values with the same name, the last one counts.
        let by_name: HashMap<&str, &NamedValue<'_>> =
            values.iter().filter_map(|value| Some((value.name?, value))).collect();
        let bind = |(index, variable): (usize, &ColumnSpec)| {
            let value = match is_named {
                true => by_name.get(&*variable.name).copied(),
                false => values.get(index),
            };
            match value.ok_or_else(amount)?.value {
                RawValue::Unset => Ok(TermValue::Unset),
                RawValue::Null => Ok(TermValue::Value(Value::Null)),
                RawValue::Bytes(bytes) => {
                    cell::decode(&variable.cql_type, bytes).map(TermValue::Value)
                }
            }
        };
        variables.iter().enumerate().map(bind).collect::<Result<_, _>>().map(Self)
    }

    /// Matches `values`, each with the name of its variable, to the variables. If there are fewer
    /// values than variables, variables of the same name share a value.
    ///
    /// # Errors
    /// Returns an INVALID error if a variable has no value, or if there are too many values.
    #[cfg(test)]
    pub(in crate::store) fn new(
        variables: &[ColumnSpec],
        values: &[(Box<str>, Value)],
    ) -> Result<Self, ServerError> {
        let amount = || invalid("Invalid amount of bind variables");
        let term = |value: &Value| TermValue::Value(value.clone());
        if values.len() == variables.len() {
            return Ok(Self(values.iter().map(|(_, value)| term(value)).collect()));
        }
        if values.len() > variables.len() {
            return Err(amount());
        }
        // Of values with the same name, the first one counts.
        let by_name: HashMap<&str, &Value> =
            values.iter().rev().map(|(name, value)| (&**name, value)).collect();
        let value_of = |variable: &ColumnSpec| {
            by_name.get(&*variable.name).copied().map(term).ok_or_else(amount)
        };
        variables.iter().map(value_of).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the values of the variables of one statement in a batch.
    pub(in crate::store) fn part(&self, first: usize, count: usize) -> Self {
        Self(self.0.iter().skip(first).take(count).cloned().collect())
    }

    /// Returns the value of the variable at an index.
    pub(in crate::store) fn get(&self, index: usize) -> &TermValue {
        const NULL: &TermValue = &TermValue::Value(Value::Null);
        self.0.get(index).unwrap_or(NULL)
    }
}
