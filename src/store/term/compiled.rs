//! Compiled terms and their evaluation.

use std::sync::Arc;

use crate::message::ServerError;
use crate::store::clock::Clock;
use crate::store::error::invalid;
use crate::store::function::Function;
use crate::store::order::{sort_entries, sort_set};
use crate::store::variables::{BoundValues, TermValue};
use crate::types::{UdtType, Value};

/// A term that was checked against the type of its receiver.
#[derive(Debug, Clone)]
pub(in crate::store) enum CompiledTerm {
    Value(Value),
    /// The index of a bind variable.
    Variable(usize),
    List(Vec<CompiledTerm>),
    Set(Vec<CompiledTerm>),
    Map(Vec<(CompiledTerm, CompiledTerm)>),
    Vector(Vec<CompiledTerm>),
    Tuple(Vec<CompiledTerm>),
    /// The fields that the term has, with their indexes.
    Udt(Arc<UdtType>, Vec<(usize, CompiledTerm)>),
    Call(Function, Vec<CompiledTerm>),
}

impl CompiledTerm {
    /// Returns the value of the term: null and `unset` if the client bound them.
    ///
    /// # Errors
    /// Returns the error of Cassandra if a part of a collection is null, if a part of a tuple or an
    /// argument of a function is unset, or if a function fails.
    pub(in crate::store) fn evaluate(
        &self,
        bound: &BoundValues,
        clock: &Clock<'_>,
    ) -> Result<TermValue, ServerError> {
        // Elements of a collection. `None` if one of them is unset, which makes the collection unset.
        let elements = |terms: &[Self], of: &str| -> Result<Option<Vec<Value>>, ServerError> {
            let mut values = Vec::with_capacity(terms.len());
            for term in terms {
                match term.evaluate(bound, clock)? {
                    TermValue::Value(Value::Null) => {
                        return Err(invalid(format!("null is not supported inside {of}")));
                    }
                    TermValue::Value(value) => values.push(value),
                    TermValue::Unset => return Ok(None),
                }
            }
            Ok(Some(values))
        };
        let value = match self {
            Self::Value(value) => Some(value.clone()),
            Self::Variable(index) => return Ok(bound.get(*index).clone()),
            Self::List(terms) => elements(terms, "collections")?.map(Value::List),
            Self::Vector(terms) => elements(terms, "vectors")?.map(Value::Vector),
            Self::Set(terms) => {
                elements(terms, "collections")?.map(|values| Value::Set(sort_set(values)))
            }
            Self::Map(entries) => {
                let (keys, values): (Vec<_>, Vec<_>) = entries.iter().cloned().unzip();
                elements(&keys, "collections")?.zip(elements(&values, "collections")?).map(
                    |(keys, values)| {
                        let entries = keys.into_iter().zip(values).collect();
                        Value::Map(sort_entries(entries))
                    },
                )
            }
            Self::Tuple(terms) => Some(Value::Tuple(self.parts(terms, bound, clock)?)),
            Self::Udt(udt, fields) => {
                let mut values = vec![Value::Null; udt.fields.len()];
                for (index, term) in fields {
                    let value = match term.evaluate(bound, clock)? {
                        TermValue::Value(value) => value,
                        TermValue::Unset => {
                            let name = udt.fields.get(*index).map_or("", |(name, _)| name);
                            return Err(invalid(format!(
                                "Invalid unset value for field '{name}' of user defined type {}",
                                udt.name
                            )));
                        }
                    };
                    if let Some(slot) = values.get_mut(*index) {
                        *slot = value;
                    }
                }
                Some(Value::Udt { udt: Arc::clone(udt), fields: values })
            }
            Self::Call(function, arguments) => {
                Some(function.call(&self.parts(arguments, bound, clock)?, clock)?)
            }
        };
        Ok(value.map_or(TermValue::Unset, TermValue::Value))
    }

    /// Returns the values of terms that must not be unset.
    fn parts(
        &self,
        terms: &[Self],
        bound: &BoundValues,
        clock: &Clock<'_>,
    ) -> Result<Vec<Value>, ServerError> {
        let part = |(index, term): (usize, &Self)| match term.evaluate(bound, clock)? {
            TermValue::Value(value) => Ok(value),
            TermValue::Unset => Err(invalid(match self {
                Self::Call(function, _) => {
                    format!("Invalid unset value for argument in call to function {function}")
                }
                _ => format!("Invalid unset value for tuple field number {index}"),
            })),
        };
        terms.iter().enumerate().map(part).collect()
    }

    /// Returns the index of the bind variable that the term is, or `None` if it is another term.
    pub(in crate::store) const fn variable(&self) -> Option<usize> {
        match self {
            Self::Variable(index) => Some(*index),
            _ => None,
        }
    }

    /// Returns the value of a term that contains no bind marker and no function.
    pub(super) const fn constant(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}
