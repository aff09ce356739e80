//! Compiles terms for the type of their receiver.

use std::sync::Arc;

use super::assignment::{TermArgument, fit};
use super::compiled::CompiledTerm;
use super::constant;
use super::type_hint::resolve;
use crate::cql::{Literal, Term};
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::fit::Fit;
use crate::store::function::{self, Argument};
use crate::store::order::{sort_entries, sort_set};
use crate::store::type_text::TypeText;
use crate::store::variables::Variables;
use crate::types::{CqlType, UdtType, Value};

/// Compiles a term whose receiver, such as a column, has the type `cql_type` and the name `receiver`.
/// Adds the bind variables of the term in the order of the text.
///
/// # Errors
/// Returns the INVALID error of Cassandra if the term cannot be a value of the type, or an INVALID
/// error if this server does not support a function in it.
pub(in crate::store) fn compile(
    term: &Term,
    cql_type: &CqlType,
    receiver: &str,
    variables: &mut Variables<'_>,
) -> Result<CompiledTerm, ServerError> {
    let term = match term {
        Term::Literal(Literal::Null) => return Ok(CompiledTerm::Value(Value::Null)),
        Term::Literal(literal) => {
            return constant::value(literal, cql_type, receiver).map(CompiledTerm::Value);
        }
        Term::Marker(marker) => {
            let index = variables.add(marker, receiver, cql_type.clone());
            return Ok(CompiledTerm::Variable(index));
        }
        Term::List(terms) => list(terms, cql_type, receiver, variables)?,
        Term::Set(terms) => set(terms, cql_type, receiver, variables)?,
        Term::Map(entries) => map(entries, cql_type, receiver, variables)?,
        Term::Tuple(terms) => tuple(terms, cql_type, receiver, variables)?,
        Term::Udt(fields) => udt(fields, cql_type, receiver, variables)?,
        Term::Function { name, arguments } => {
            let table = variables.table;
            let provided: Vec<_> =
                arguments.iter().map(|term| TermArgument { term, table }).collect();
            let provided: Vec<_> = provided.iter().map(|of| of as &dyn Argument).collect();
            let function = function::find_for(name, &provided, (cql_type, receiver), table)?;
            let compile = |(index, term): (usize, &Term)| {
                let (cql_type, name) = function.argument(index);
                compile(term, cql_type, &name, variables)
            };
            let arguments = arguments.iter().enumerate().map(compile);
            return Ok(CompiledTerm::Call(function.clone(), arguments.collect::<Result<_, _>>()?));
        }
        Term::Negation(_) | Term::Arithmetic { .. } => {
            return Err(unsupported(&format!("the term {term}")));
        }
        Term::TypeHint { cql_type: hint, term } => {
            let hinted = resolve(hint, variables.table)?;
            if fit(term, &hinted, variables.table) == Fit::No {
                return Err(invalid(format!("Cannot cast value {term} to type {hint}")));
            }
            if Fit::of_type(&hinted, cql_type) == Fit::No {
                return Err(invalid(format!(
                    "Cannot assign value ({hint}){term} to {} of type {}",
                    receiver,
                    TypeText(cql_type)
                )));
            }
            return compile(term, cql_type, receiver, variables);
        }
    };
    Ok(folded(term))
}

/// Returns the error for a literal that is no value of the type of its receiver.
fn mismatch(kind: &str, receiver: &str, cql_type: &CqlType) -> ServerError {
    let cql_type = TypeText(cql_type);
    invalid(format!("Invalid {kind} literal for {receiver} of type {cql_type}"))
}

/// Checks that an element of a literal fits its type. `part` says which element it is.
fn check(
    term: &Term,
    cql_type: &CqlType,
    (kind, part): (&str, &str),
    receiver: &str,
    variables: &Variables<'_>,
) -> Result<(), ServerError> {
    match fit(term, cql_type, variables.table) {
        Fit::No => Err(invalid(format!(
            "Invalid {kind} literal for {}: {part} is not of type {}",
            receiver,
            TypeText(cql_type)
        ))),
        _ => Ok(()),
    }
}

/// Returns an error if the elements of a literal contain bind markers.
fn check_markers<'t>(
    mut terms: impl Iterator<Item = &'t Term>,
    kind: &str,
    receiver: &str,
) -> Result<(), ServerError> {
    match terms.any(has_marker) {
        true => Err(invalid(format!(
            "Invalid {kind} literal for {receiver}: bind variables are not supported inside \
             collection literals"
        ))),
        false => Ok(()),
    }
}

fn has_marker(term: &Term) -> bool {
    match term {
        Term::Literal(_) => false,
        Term::Marker(_) => true,
        Term::List(terms)
        | Term::Set(terms)
        | Term::Tuple(terms)
        | Term::Function { arguments: terms, .. } => terms.iter().any(has_marker),
        Term::Map(entries) => {
            entries.iter().any(|(key, value)| has_marker(key) || has_marker(value))
        }
        Term::Udt(fields) => fields.iter().any(|(_, term)| has_marker(term)),
        Term::TypeHint { term, .. } | Term::Negation(term) => has_marker(term),
        Term::Arithmetic { left, right, .. } => has_marker(left) || has_marker(right),
    }
}

fn elements(
    terms: &[Term],
    element: &CqlType,
    kind: &str,
    receiver: &str,
    variables: &mut Variables<'_>,
) -> Result<Vec<CompiledTerm>, ServerError> {
    for term in terms {
        check(term, element, (kind, &format!("value {term}")), receiver, variables)?;
    }
    check_markers(terms.iter(), kind, receiver)?;
    let name = format!("value({receiver})");
    terms.iter().map(|term| compile(term, element, &name, variables)).collect()
}

fn list(
    terms: &[Term],
    cql_type: &CqlType,
    receiver: &str,
    variables: &mut Variables<'_>,
) -> Result<CompiledTerm, ServerError> {
    match cql_type {
        CqlType::List(element) => {
            elements(terms, element, "list", receiver, variables).map(CompiledTerm::List)
        }
        CqlType::Vector(vector) if terms.len() == vector.dimensions => {
            elements(terms, &vector.element, "vector", receiver, variables)
                .map(CompiledTerm::Vector)
        }
        CqlType::Vector(vector) => Err(invalid(format!(
            "Invalid vector literal for {} of type {}; expected {} elements, but given {}",
            receiver,
            TypeText(cql_type),
            vector.dimensions,
            terms.len()
        ))),
        _ => Err(invalid(format!(
            "Unexpected receiver type '{}'; only list and vector are expected",
            TypeText(cql_type)
        ))),
    }
}

fn set(
    terms: &[Term],
    cql_type: &CqlType,
    receiver: &str,
    variables: &mut Variables<'_>,
) -> Result<CompiledTerm, ServerError> {
    match cql_type {
        CqlType::Set(element) => {
            let terms = elements(terms, element, "set", receiver, variables)?;
            Ok(CompiledTerm::Set(terms))
        }
        CqlType::Map(types) if terms.is_empty() => Ok(CompiledTerm::Map(Vec::new())),
        _ => Err(mismatch("set", receiver, cql_type)),
    }
}

fn map(
    entries: &[(Term, Term)],
    cql_type: &CqlType,
    receiver: &str,
    variables: &mut Variables<'_>,
) -> Result<CompiledTerm, ServerError> {
    let CqlType::Map(types) = cql_type else {
        return Err(mismatch("map", receiver, cql_type));
    };
    for (key, value) in entries {
        check(key, &types.0, ("map", &format!("key {key}")), receiver, variables)?;
        check(value, &types.1, ("map", &format!("value {value}")), receiver, variables)?;
    }
    check_markers(entries.iter().flat_map(|(key, value)| [key, value]), "map", receiver)?;
    let (key_name, value_name) = (format!("key({receiver})"), format!("value({receiver})"));
    let compile = |(key, value): &(Term, Term)| {
        let key = compile(key, &types.0, &key_name, variables)?;
        Ok((key, compile(value, &types.1, &value_name, variables)?))
    };
    let entries = entries.iter().map(compile).collect::<Result<_, ServerError>>()?;
    Ok(CompiledTerm::Map(entries))
}

fn tuple(
    terms: &[Term],
    cql_type: &CqlType,
    receiver: &str,
    variables: &mut Variables<'_>,
) -> Result<CompiledTerm, ServerError> {
    let name = receiver;
    // Cassandra reads a term in parentheses as that term.
    if let ([term], false) = (terms, matches!(cql_type, CqlType::Tuple(_))) {
        return compile(term, cql_type, receiver, variables);
    }
    let CqlType::Tuple(types) = cql_type else {
        return Err(invalid(format!(
            "Invalid tuple type literal for {name} of type {}",
            TypeText(cql_type)
        )));
    };
    if terms.len() > types.len() {
        return Err(invalid(format!(
            "Invalid tuple literal for {name}: too many elements. Type {} expects {} but got {}",
            TypeText(cql_type),
            types.len(),
            terms.len()
        )));
    }
    for (index, (term, of)) in terms.iter().zip(types).enumerate() {
        check(term, of, ("tuple", &format!("component {index}")), receiver, variables)?;
    }
    let compile = |(index, (term, of)): (usize, (&Term, &CqlType))| {
        compile(term, of, &format!("{receiver}[{index}]"), variables)
    };
    let terms = terms.iter().zip(types).enumerate().map(compile).collect::<Result<_, _>>()?;
    Ok(CompiledTerm::Tuple(terms))
}

fn udt(
    fields: &[(String, Term)],
    cql_type: &CqlType,
    receiver: &str,
    variables: &mut Variables<'_>,
) -> Result<CompiledTerm, ServerError> {
    let name = receiver;
    let CqlType::Udt(udt) = cql_type else {
        return Err(invalid(format!(
            "Invalid user type literal for {name} of type {}",
            TypeText(cql_type)
        )));
    };
    let index = |field: &str| udt.fields.iter().position(|(known, _)| known == field);
    if let Some((unknown, _)) = fields.iter().find(|(field, _)| index(field).is_none()) {
        return Err(invalid(format!(
            "Unknown field '{unknown}' in value of user defined type {}",
            udt.name
        )));
    }
    for (field, of) in &udt.fields {
        let Some((_, term)) = fields.iter().find(|(name, _)| name == field) else { continue };
        if fit(term, of, variables.table) == Fit::No {
            return Err(invalid(format!(
                "Invalid user type literal for {name}: field {field} is not of type {}",
                TypeText(of)
            )));
        }
    }
    compile_fields(fields, udt, receiver, variables)
}

fn compile_fields(
    fields: &[(String, Term)],
    udt: &Arc<UdtType>,
    receiver: &str,
    variables: &mut Variables<'_>,
) -> Result<CompiledTerm, ServerError> {
    let mut compiled = Vec::new();
    for (name, term) in fields {
        let mut known = udt.fields.iter().enumerate();
        if let Some((index, (field, of))) = known.find(|(_, (field, _))| field == name) {
            compiled.push((index, compile(term, of, &format!("{receiver}.{field}"), variables)?));
        }
    }
    Ok(CompiledTerm::Udt(Arc::clone(udt), compiled))
}

/// Returns a term whose parts are all constants as one constant. A null in a collection is an error
/// that evaluation returns.
fn folded(term: CompiledTerm) -> CompiledTerm {
    let constants = |terms: &[CompiledTerm]| -> Option<Vec<Value>> {
        terms.iter().map(|term| term.constant().cloned()).collect()
    };
    let elements =
        |terms: &[CompiledTerm]| constants(terms).filter(|values| !values.contains(&Value::Null));
    let value = match &term {
        CompiledTerm::List(terms) => elements(terms).map(Value::List),
        CompiledTerm::Vector(terms) => elements(terms).map(Value::Vector),
        CompiledTerm::Set(terms) => elements(terms).map(|values| Value::Set(sort_set(values))),
        CompiledTerm::Map(entries) => {
            let (keys, values): (Vec<_>, Vec<_>) = entries.iter().cloned().unzip();
            elements(&keys).zip(elements(&values)).map(|(keys, values)| {
                Value::Map(sort_entries(keys.into_iter().zip(values).collect()))
            })
        }
        CompiledTerm::Tuple(terms) => constants(terms).map(Value::Tuple),
        _ => None,
    };
    value.map_or(term, CompiledTerm::Value)
}
