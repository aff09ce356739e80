//! Terms as values of the type of a column.

use super::error::{invalid, unsupported};
use super::schema::Column;
use super::variables::{Operand, Variables};
use crate::cql::{Literal, Term};
use crate::message::ServerError;
use crate::types::{CqlType, Identifier, NativeType, Value};

/// Returns the operand of a term that is compared with `column`, and adds its bind variable.
///
/// # Errors
/// Returns an INVALID error if the term is no value of the column's type, if it is null, or if this
/// server cannot evaluate it.
pub(in crate::store) fn operand(
    term: &Term,
    column: &Column,
    variables: &mut Variables<'_>,
) -> Result<Operand, ServerError> {
    match term {
        Term::Marker(marker) => {
            let index = variables.add(marker, &column.name, column.cql_type.clone());
            Ok(Operand::Variable(index))
        }
        Term::TypeHint { cql_type, term } => {
            let hinted = cql_type.0.parse::<CqlType>().ok();
            match hinted.is_some_and(|hinted| hinted == column.cql_type) {
                true => operand(term, column, variables),
                false => {
                    Err(unsupported(&format!("the type hint ({cql_type}) for {}", column.name)))
                }
            }
        }
        _ => value(term, column).map(Operand::Value),
    }
}

fn value(term: &Term, column: &Column) -> Result<Value, ServerError> {
    if !is_constant(term) {
        return Err(unsupported(&format!("the term {term}")));
    }
    let name = Identifier(&column.name);
    match Value::parse(&column.cql_type, &term.to_string()) {
        Ok(Value::Null) => Err(null_value(column)),
        // An empty string is a value of text and blob only.
        Ok(value) if value != Value::Empty => Ok(value),
        _ => Err(invalid(match (term, &column.cql_type) {
            (Term::Literal(Literal::Integer(number)), CqlType::Native(NativeType::Int)) => {
                format!("Unable to make int from '{number}'")
            }
            (Term::Literal(Literal::String(text)), CqlType::Native(NativeType::Inet)) => {
                format!("Unable to make inet address from '{text}'")
            }
            (Term::Literal(literal), cql_type) => {
                let (kind, text) = constant(literal);
                format!("Invalid {kind} constant ({text}) for \"{name}\" of type {cql_type}")
            }
            (_, cql_type) => {
                format!("Invalid {} literal for {name} of type {cql_type}", kind(term))
            }
        })),
    }
}

/// Returns the kind of a term that is not a constant, as Cassandra names it.
const fn kind(term: &Term) -> &'static str {
    match term {
        Term::List(_) => "list",
        Term::Set(_) => "set",
        Term::Map(_) => "map",
        Term::Tuple(_) => "tuple",
        _ => "user type",
    }
}

/// Returns the error for a null that is compared with `column`.
pub(in crate::store) fn null_value(column: &Column) -> ServerError {
    invalid(format!("Invalid null value in condition for column {}", column.name))
}

/// Returns true if a term contains neither bind markers nor function calls nor type hints.
fn is_constant(term: &Term) -> bool {
    match term {
        Term::Literal(_) => true,
        Term::List(terms) | Term::Set(terms) | Term::Tuple(terms) => terms.iter().all(is_constant),
        Term::Map(entries) => {
            entries.iter().all(|(key, value)| is_constant(key) && is_constant(value))
        }
        Term::Udt(fields) => fields.iter().all(|(_, value)| is_constant(value)),
        Term::Marker(_)
        | Term::Function { .. }
        | Term::TypeHint { .. }
        | Term::Negation(_)
        | Term::Arithmetic { .. } => false,
    }
}

/// Returns the kind and the text of a constant, as Cassandra names them.
fn constant(literal: &Literal) -> (&'static str, String) {
    let kind = match literal {
        Literal::Null => "NULL",
        Literal::Boolean(_) => "BOOLEAN",
        Literal::String(text) => return ("STRING", text.clone()),
        Literal::Integer(_) => "INTEGER",
        Literal::Float(_) => "FLOAT",
        Literal::Duration(_) => "DURATION",
        Literal::Uuid(_) => "UUID",
        Literal::Blob(_) => "HEX",
    };
    (kind, literal.to_string())
}
