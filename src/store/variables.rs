//! The bind variables of a statement, and the values bound to them.

use super::error::invalid;
use super::schema::TableSchema;
use crate::cql::BindMarker;
use crate::message::ServerError;
use crate::types::{ColumnSpec, CqlType, Value};

/// The bind variables that a statement has so far. Markers are added in the order of the text.
pub(in crate::store) struct Variables<'t> {
    table: &'t TableSchema,
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

/// A value of a statement: known when the statement is prepared, or bound when it is executed.
#[derive(Debug, Clone)]
pub(in crate::store) enum Operand {
    Value(Value),
    /// The index of a bind variable.
    Variable(usize),
}

/// The values bound to the variables of a statement.
pub(in crate::store) struct BoundValues(Vec<Value>);

impl BoundValues {
    /// Matches `values`, each with the name of its variable, to the variables. If there are fewer
    /// values than variables, variables of the same name share a value.
    ///
    /// # Errors
    /// Returns an INVALID error if a variable has no value, or if there are too many values.
    pub(in crate::store) fn new(
        variables: &[ColumnSpec],
        values: &[(Box<str>, Value)],
    ) -> Result<Self, ServerError> {
        let amount = || invalid("Invalid amount of bind variables");
        if values.len() == variables.len() {
            return Ok(Self(values.iter().map(|(_, value)| value.clone()).collect()));
        }
        if values.len() > variables.len() {
            return Err(amount());
        }
        let value_of = |variable: &ColumnSpec| {
            let value = values.iter().find(|(name, _)| *name == variable.name);
            value.map(|(_, value)| value.clone()).ok_or_else(amount)
        };
        variables.iter().map(value_of).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the value of an operand.
    pub(in crate::store) fn get<'v>(&'v self, operand: &'v Operand) -> &'v Value {
        match operand {
            Operand::Value(value) => value,
            Operand::Variable(index) => self.0.get(*index).unwrap_or(&Value::Null),
        }
    }
}
