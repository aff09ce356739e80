//! The choice of a function by its name and the types of its arguments.

use std::fmt;

use super::signature::{self, Function, Scalar, Signature};
use super::{cast, collection};
use crate::cql::FunctionName;
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::fit::Fit;
use crate::store::schema::{ColumnKind, TableSchema};
use crate::store::type_text::TypeText;
use crate::types::{CqlType, NativeType};

/// An argument of a function that is not chosen yet. `Display` writes it as CQL.
pub(in crate::store) trait Argument: fmt::Display {
    /// Returns how well the argument fits a type.
    fn fit(&self, cql_type: &CqlType) -> Fit;

    /// Returns the type of the argument by itself, or `None` if it has none.
    fn inferred(&self) -> Option<CqlType>;
}

/// Returns the function that a statement calls for a receiver of type `receiver_type`.
///
/// # Errors
/// Returns the INVALID error of Cassandra if no function of this name has these arguments, or if its
/// result is no value of the receiver.
pub(in crate::store) fn find_for(
    name: &FunctionName,
    provided: &[&dyn Argument],
    (receiver_type, receiver): (&CqlType, &str),
    table: &TableSchema,
) -> Result<Function, ServerError> {
    let Some(function) = find(name, provided, Some(receiver_type), table)? else {
        let is_aggregate = ["avg", "count", "max", "min", "sum"].contains(&&*name.name);
        return Err(invalid(match is_aggregate {
            true => "Aggregation function are not supported in the where clause".to_owned(),
            false => format!("Unknown function {name} called"),
        }));
    };
    match Fit::of_type(&function.result, receiver_type) {
        Fit::No => Err(invalid(format!(
            "Type error: cannot assign result of function {function} (type {}) to {} (type {})",
            TypeText(&function.result),
            receiver,
            TypeText(receiver_type)
        ))),
        _ => Ok(function),
    }
}

/// Returns the fit of the result of a call for a type.
pub(in crate::store) fn fit(name: &FunctionName, cql_type: &CqlType, table: &TableSchema) -> Fit {
    if matches!(&*name.name, "fromjson" | "from_json") {
        return Fit::Weak;
    }
    let signatures = candidates(name, None, Some(cql_type), table).unwrap_or_default();
    let fits = signatures.iter().map(|of| Fit::of_type(&of.result, cql_type));
    fits.max().unwrap_or(Fit::No)
}

/// Returns the result type of the only function of this name, or `None`.
pub(in crate::store) fn result_type(name: &FunctionName, table: &TableSchema) -> Option<CqlType> {
    let signatures = candidates(name, None, None, table).ok()?;
    let mut types = signatures.into_iter().map(|signature| signature.result);
    let first = types.next()?;
    types.all(|other| other == first).then_some(first)
}

/// Returns the function that a statement calls, or `None` if there is no function of this name.
///
/// # Errors
/// Returns the INVALID error of Cassandra if no function of this name has these arguments, or if
/// several have.
pub(in crate::store) fn find(
    name: &FunctionName,
    provided: &[&dyn Argument],
    receiver: Option<&CqlType>,
    table: &TableSchema,
) -> Result<Option<Function>, ServerError> {
    let candidates = candidates(name, Some(provided), receiver, table)?;
    let function = |signature: &Signature| Function::new(&name.name, signature);
    let text = &name.name;
    if let [only] = &*candidates {
        let expected = only.arguments.len();
        if expected != provided.len() {
            let found = provided.len();
            return Err(invalid(format!(
                "Invalid number of arguments in call to function system.{text}: {expected} required \
                 but {found} provided"
            )));
        }
        for (index, (argument, of)) in provided.iter().zip(&only.arguments).enumerate() {
            if argument.fit(of) == Fit::No {
                return Err(invalid(format!(
                    "Type error: {argument} cannot be passed as argument {index} of function \
                     system.{text} of type {}",
                    TypeText(of)
                )));
            }
        }
        return Ok(Some(function(only)));
    }
    let mut compatible: Vec<&Signature> = Vec::new();
    for candidate in &candidates {
        let is_wanted = receiver.is_none_or(|of| Fit::of_type(&candidate.result, of) != Fit::No);
        match is_wanted.then(|| fit_of_arguments(candidate, provided)) {
            Some(Fit::Exact) => return Ok(Some(function(candidate))),
            Some(Fit::Weak) => compatible.push(candidate),
            Some(Fit::No) | None => {}
        }
    }
    match &*compatible {
        [] if candidates.is_empty() => Ok(None),
        [] => Err(invalid(format!(
            "Invalid call to function {name}, none of its type signatures match (known type \
             signatures: {})",
            texts(text, candidates.iter())
        ))),
        [only] => Ok(Some(function(only))),
        several => Err(invalid(format!(
            "Ambiguous call to function {name} (can be matched by following signatures: {}): use type \
             casts to disambiguate",
            texts(text, several.iter().copied())
        ))),
    }
}

fn fit_of_arguments(signature: &Signature, provided: &[&dyn Argument]) -> Fit {
    if signature.arguments.len() != provided.len() {
        return Fit::No;
    }
    let fits = provided.iter().zip(&signature.arguments).map(|(of, to)| of.fit(to));
    fits.min().unwrap_or(Fit::Exact)
}

/// Returns signatures as Cassandra's errors list them.
fn texts<'s>(name: &str, signatures: impl Iterator<Item = &'s Signature>) -> String {
    let text = |signature: &Signature| {
        let arguments: Vec<_> =
            signature.arguments.iter().map(|of| TypeText(of).to_string()).collect();
        let result = TypeText(&signature.result);
        format!("system.{name} : ({}) -> {result}", arguments.join(", "))
    };
    signatures.map(text).collect::<Vec<_>>().join(", ")
}

/// Returns the signatures of the functions of a name. Those of some functions depend on the arguments
/// or on the receiver. `provided` is `None` if only the types of the results are of interest.
fn candidates(
    name: &FunctionName,
    provided: Option<&[&dyn Argument]>,
    receiver: Option<&CqlType>,
    table: &TableSchema,
) -> Result<Vec<Signature>, ServerError> {
    if name.keyspace.as_deref().is_some_and(|keyspace| keyspace != "system") {
        return Ok(Vec::new());
    }
    let text = &*name.name;
    let one_argument = |kind: &str| match provided {
        Some([argument]) => argument.inferred().ok_or_else(|| {
            invalid(format!(
                "Cannot infer type of argument {argument} in call to function \
                 system.{text}({kind}): use type casts to disambiguate"
            ))
        }),
        _ => {
            let message = format!("Invalid number of arguments for function system.{text}({kind})");
            Err(invalid(message))
        }
    };
    let one = |scalar, argument: CqlType, result: CqlType| {
        vec![Signature { scalar, arguments: vec![argument], result }]
    };
    Ok(match text {
        "token" => {
            let key = table.indexes(ColumnKind::PartitionKey);
            let key = key.filter_map(|index| table.column(index)).map(|of| of.cql_type.clone());
            let result = NativeType::BigInt.into();
            vec![Signature { scalar: Scalar::Token, arguments: key.collect(), result }]
        }
        "tojson" | "to_json" if provided.is_none() => {
            one(Scalar::ToJson, NativeType::Blob.into(), NativeType::Text.into())
        }
        "tojson" | "to_json" => one(Scalar::ToJson, one_argument("any")?, NativeType::Text.into()),
        "fromjson" | "from_json" => match receiver {
            Some(of) => one(Scalar::FromJson, NativeType::Text.into(), of.clone()),
            None => {
                let message = format!(
                    "{text}() cannot be used in the selection clause of a SELECT statement"
                );
                return Err(invalid(message));
            }
        },
        "map_keys" | "map_values" | "collection_count" | "collection_min" | "collection_max"
            if provided.is_some() =>
        {
            let kind = if text.starts_with("map_") { "map" } else { "collection" };
            let argument = one_argument(kind)?;
            match collection::signature(text, argument.clone()) {
                Some(signature) => vec![signature],
                None => {
                    let name = provided.and_then(<[_]>::first).map(ToString::to_string);
                    return Err(invalid(format!(
                        "Function system.{text} requires a {kind} argument, but found argument {} of \
                         type {}",
                        name.unwrap_or_default(),
                        TypeText(&argument)
                    )));
                }
            }
        }
        _ if text.starts_with("cast_as_") => cast::signatures(text),
        _ if signature::is_unsupported(text) => {
            return Err(unsupported(&format!("the function {text}")));
        }
        _ => signature::fixed(text),
    })
}
