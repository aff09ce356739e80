//! Restrictions with the values of their terms.

use super::restriction::{Operands, Operator, Restriction, Target};
use crate::message::ServerError;
use crate::store::clock::Clock;
use crate::store::error::invalid;
use crate::store::key::ClusteringKey;
use crate::store::schema::TableSchema;
use crate::store::source::Row;
use crate::store::variables::{BoundValues, TermValue};
use crate::types::Value;

/// A restriction and the values of its terms.
#[derive(Debug)]
pub(super) struct BoundRestriction<'r> {
    pub(super) restriction: &'r Restriction,
    /// The key of the map, for a [`Target::Element`].
    element: Option<ClusteringKey>,
    /// The values that are compared: one value for a column, several for a tuple of columns.
    pub(super) values: Vec<Vec<Value>>,
    /// The values in the form in which they are compared, in ascending order.
    keys: Vec<ClusteringKey>,
}

impl<'r> BoundRestriction<'r> {
    /// Evaluates the terms of a restriction.
    ///
    /// # Errors
    /// Returns the INVALID error of Cassandra if a value is null or unset.
    pub(super) fn new(
        restriction: &'r Restriction,
        table: &TableSchema,
        bound: &BoundValues,
        clock: &Clock<'_>,
    ) -> Result<Self, ServerError> {
        let null = |position: usize| absent("null", restriction, position, table);
        let unset = || absent("unset", restriction, 0, table);
        let evaluate =
            |term: &crate::store::term::CompiledTerm| match term.evaluate(bound, clock)? {
                TermValue::Value(value) => Ok(value),
                TermValue::Unset => Err(unset()),
            };
        let is_tuple = matches!(restriction.target, Target::Tuple(_));
        let parts = |value: Value| -> Result<Vec<Value>, ServerError> {
            let parts = match value {
                Value::Tuple(parts) if is_tuple => parts,
                value => vec![value],
            };
            match parts.iter().position(|part| *part == Value::Null) {
                Some(position) => Err(null(position)),
                None => Ok(parts),
            }
        };
        let values = match &restriction.operands {
            Operands::Terms(terms) => {
                let values = terms.iter().map(|term| evaluate(term).and_then(parts));
                values.collect::<Result<Vec<_>, _>>()?
            }
            Operands::List(list) => match evaluate(list)? {
                Value::List(values) => {
                    values.into_iter().map(parts).collect::<Result<Vec<_>, _>>()?
                }
                _ => return Err(null(0)),
            },
        };
        let element = match &restriction.target {
            Target::Element(_, key) => match evaluate(key)? {
                Value::Null => return Err(null(0)),
                key => Some(ClusteringKey::of(&key)),
            },
            _ => None,
        };
        let mut keys: Vec<_> = values.iter().map(|values| key(values)).collect();
        keys.sort_unstable();
        Ok(Self { restriction, element, values, keys })
    }

    /// Returns true if a row meets the condition. A null of the row meets no condition.
    pub(super) fn matches(&self, row: &Row) -> bool {
        let value = |index: &usize| match row.values.get(*index) {
            None | Some(Value::Null) => None,
            Some(value) => Some(value),
        };
        let found = match &self.restriction.target {
            // The least token is the end of the ring, too.
            Target::Token
                if self.restriction.is_slice()
                    && !self.restriction.is_lower_bound()
                    && self.values.iter().flatten().eq([&Value::BigInt(i64::MIN)]) =>
            {
                return true;
            }
            Target::Token => ClusteringKey::of(&Value::BigInt(row.partition.token())),
            Target::Tuple(indexes) => {
                let values: Option<Vec<&Value>> = indexes.iter().map(value).collect();
                let Some(values) = values else { return false };
                ClusteringKey::new(values.into_iter().map(|value| (value, false)))
            }
            Target::Element(index, _) => {
                let Some(Value::Map(entries)) = value(index) else { return false };
                let is_wanted =
                    |key: &Value| self.element.as_ref() == Some(&ClusteringKey::of(key));
                let Some((_, value)) = entries.iter().find(|(key, _)| is_wanted(key)) else {
                    return false;
                };
                ClusteringKey::of(value)
            }
            Target::Column(index) => {
                let Some(value) = value(index) else { return false };
                match self.restriction.operator {
                    Operator::Contains | Operator::ContainsKey => return self.contains(value),
                    _ => ClusteringKey::of(value),
                }
            }
        };
        let is = |test: fn(&ClusteringKey, &ClusteringKey) -> bool| {
            self.keys.iter().any(|key| test(&found, key))
        };
        match self.restriction.operator {
            Operator::Equal | Operator::In => self.keys.binary_search(&found).is_ok(),
            Operator::Less => is(|found, key| found < key),
            Operator::LessOrEqual => is(|found, key| found <= key),
            Operator::Greater => is(|found, key| found > key),
            Operator::GreaterOrEqual => is(|found, key| found >= key),
            Operator::Contains | Operator::ContainsKey => false,
        }
    }

    /// Returns true if a collection contains the value of the restriction.
    fn contains(&self, collection: &Value) -> bool {
        let is_wanted = |value: &Value| self.keys.first() == Some(&ClusteringKey::of(value));
        match (collection, self.restriction.operator) {
            (Value::Map(entries), Operator::ContainsKey) => {
                entries.iter().any(|(key, _)| is_wanted(key))
            }
            (Value::Map(entries), _) => entries.iter().any(|(_, value)| is_wanted(value)),
            (Value::List(values) | Value::Set(values), _) => values.iter().any(is_wanted),
            _ => false,
        }
    }
}

fn key(values: &[Value]) -> ClusteringKey {
    ClusteringKey::new(values.iter().map(|value| (value, false)))
}

/// Returns the error for a null or unset value. `position` is that of the column in a tuple.
fn absent(
    kind: &str,
    restriction: &Restriction,
    position: usize,
    table: &TableSchema,
) -> ServerError {
    let column = restriction.columns().get(position).and_then(|index| table.column(*index));
    invalid(match column {
        None => format!("Invalid {kind} token value"),
        Some(column) if !column.kind.is_key() => {
            format!("Unsupported {kind} value for column {}", column.name)
        }
        Some(column) if kind == "null" => {
            format!("Invalid null value in condition for column {}", column.name)
        }
        Some(column) => format!("Invalid unset value for column {}", column.name),
    })
}
