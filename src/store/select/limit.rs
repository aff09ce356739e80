//! LIMIT and PER PARTITION LIMIT.

use crate::cql::{Literal, Term};
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::term::CompiledTerm;
use crate::store::variables::{BoundValues, TermValue, Variables};
use crate::types::{NativeType, Value};

/// Returns the term of a limit, and adds its bind variable.
pub(super) fn compile(
    term: Option<&Term>,
    default: &str,
    variables: &mut Variables<'_>,
) -> Result<Option<CompiledTerm>, ServerError> {
    match term {
        None => Ok(None),
        Some(Term::Marker(marker)) => {
            let index = variables.add(marker, default, NativeType::Int);
            Ok(Some(CompiledTerm::Variable(index)))
        }
        Some(term @ Term::Literal(Literal::Integer(number))) => {
            let number = number.parse::<i32>();
            let number =
                number.map_err(|_| invalid(format!("Unable to make int from '{term}'")))?;
            Ok(Some(CompiledTerm::Value(Value::Int(number))))
        }
        // The grammar has only integers and bind markers.
        Some(_) => Err(unsupported("this LIMIT")),
    }
}

/// Returns the value of a limit, or the greatest number if there is no limit.
pub(super) fn number(
    limit: Option<&CompiledTerm>,
    bound: &BoundValues,
) -> Result<u32, ServerError> {
    let value = match limit {
        None => return Ok(u32::MAX),
        Some(CompiledTerm::Variable(index)) => bound.get(*index),
        Some(CompiledTerm::Value(value)) => &TermValue::Value(value.clone()),
        Some(_) => &TermValue::Unset,
    };
    match value {
        TermValue::Unset => Ok(u32::MAX),
        TermValue::Value(Value::Int(number)) if *number > 0 => Ok(number.unsigned_abs()),
        TermValue::Value(Value::Null) => Err(invalid("Invalid null value of limit")),
        // Cassandra uses these words for both kinds of limit.
        TermValue::Value(_) => Err(invalid("LIMIT must be strictly positive")),
    }
}
