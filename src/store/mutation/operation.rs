//! The operations of SET and of DELETE on columns.

use crate::cql::{self, Assignment, Target, Term};
use crate::message::ServerError;
use crate::store::error::invalid;
use crate::store::schema::{Column, TableSchema};
use crate::store::term::{CompiledTerm, compile};
use crate::store::variables::Variables;
use crate::types::{CqlType, Identifier, NativeType};

/// An operation on one column.
#[derive(Debug)]
pub(super) struct Operation {
    /// The index of the column.
    pub(super) column: usize,
    pub(super) kind: OperationKind,
}

/// The kind of an [`Operation`].
#[derive(Debug)]
pub(super) enum OperationKind {
    Set(CompiledTerm),
    /// The element of a list or a map: its index or key, and its new value.
    SetElement(CompiledTerm, CompiledTerm),
    /// The field of a user-defined type.
    SetField(usize, CompiledTerm),
    /// Appends to a list, adds to a set or a map, or increments a counter.
    Add(CompiledTerm),
    Prepend(CompiledTerm),
    /// Removes from a list, a set or a map, or decrements a counter.
    Subtract(CompiledTerm),
    Delete,
    DeleteElement(CompiledTerm),
    DeleteField(usize),
}

impl OperationKind {
    /// Returns true if the operation replaces the whole column.
    pub(super) const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_))
    }
}

/// Compiles a part of SET, and adds its bind variables.
pub(super) fn assignment(
    assignment: &Assignment,
    is_conditional: bool,
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<Operation, ServerError> {
    let index = table.index(assignment.target.column())?;
    let Some(column) = table.column(index) else {
        return Err(invalid("unknown column"));
    };
    if column.kind.is_key() {
        return Err(invalid(format!(
            "PRIMARY KEY part {} found in SET part",
            Identifier(&column.name)
        )));
    }
    let kind = match (&assignment.target, &assignment.operation) {
        (Target::Column(_), cql::Operation::Set(term)) => set(term, column, variables)?,
        (Target::Column(_), operation) => {
            let is_scalar = matches!(
                &column.cql_type,
                CqlType::Native(native) if *native != NativeType::Counter
            );
            if is_conditional && is_scalar {
                // Cassandra adds to numbers and texts in conditional statements.
                return Err(invalid(format!(
                    "MockServer does not support the operation {assignment} in a conditional UPDATE"
                )));
            }
            change(assignment, operation, column, variables)?
        }
        (Target::Element(_, key), cql::Operation::Set(term)) => {
            set_element(assignment, key, term, column, variables)?
        }
        (Target::Field(_, field), cql::Operation::Set(term)) => {
            let CqlType::Udt(udt) = &column.cql_type else {
                return Err(invalid(format!(
                    "Invalid operation ({assignment}) for non-UDT column {}",
                    column.name
                )));
            };
            if !column.is_multi_cell() {
                return Err(invalid(format!(
                    "Invalid operation ({assignment}) for frozen UDT column {}",
                    column.name
                )));
            }
            let field_index = field_index(column, field)?;
            let cql_type = udt.fields.get(field_index).map_or(&column.cql_type, |(_, of)| of);
            let receiver = format!("{}.{field}", column.name);
            OperationKind::SetField(field_index, compile(term, cql_type, &receiver, variables)?)
        }
        // The grammar has no such assignments.
        _ => return Err(invalid(format!("Invalid operation ({assignment})"))),
    };
    Ok(Operation { column: index, kind })
}

/// Compiles the new value of a column.
pub(super) fn set(
    term: &Term,
    column: &Column,
    variables: &mut Variables<'_>,
) -> Result<OperationKind, ServerError> {
    if is_counter(column) {
        return Err(invalid(format!(
            "Cannot set the value of counter column {} (counters can only be incremented/decremented, \
             not set)",
            column.name
        )));
    }
    compile(term, &column.cql_type, &column.name, variables).map(OperationKind::Set)
}

fn is_counter(column: &Column) -> bool {
    column.cql_type == NativeType::Counter.into()
}

/// Compiles an addition or a subtraction.
fn change(
    assignment: &Assignment,
    operation: &cql::Operation,
    column: &Column,
    variables: &mut Variables<'_>,
) -> Result<OperationKind, ServerError> {
    let name = &column.name;
    // Cassandra writes the operation with the column on both sides.
    let text = match operation {
        cql::Operation::Add(term) => format!("{name} = {name} + {term}"),
        cql::Operation::Prepend(term) => format!("{name} = {term} - {name}"),
        cql::Operation::Subtract(term) => format!("{name} = {name} - {term}"),
        cql::Operation::Set(_) => assignment.to_string(),
    };
    let fault =
        |reason: &str| Err(invalid(format!("Invalid operation ({text}) for {reason} {name}")));
    let is_collection =
        matches!(column.cql_type, CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_));
    if is_collection && !column.is_multi_cell() {
        return fault("frozen collection column");
    }
    let mut own = |term: &Term| compile(term, &column.cql_type, name, variables);
    match (operation, &column.cql_type) {
        (cql::Operation::Add(term), _) if is_collection || is_counter(column) => {
            own(term).map(OperationKind::Add)
        }
        (cql::Operation::Prepend(term), CqlType::List(_)) => own(term).map(OperationKind::Prepend),
        (cql::Operation::Prepend(term), _) => {
            own(term)?;
            fault("non list column")
        }
        (cql::Operation::Subtract(term), CqlType::Map(types)) => {
            let keys = CqlType::Set(Box::new(types.0.clone()));
            compile(term, &keys, name, variables).map(OperationKind::Subtract)
        }
        (cql::Operation::Subtract(term), _) if is_collection || is_counter(column) => {
            own(term).map(OperationKind::Subtract)
        }
        (_, CqlType::Tuple(_) | CqlType::Udt(_)) => fault("tuple column"),
        _ => fault("non counter column"),
    }
}

fn set_element(
    assignment: &Assignment,
    key: &Term,
    term: &Term,
    column: &Column,
    variables: &mut Variables<'_>,
) -> Result<OperationKind, ServerError> {
    let name = &column.name;
    let (key_type, key_name, value_type) = match &column.cql_type {
        CqlType::List(element) => (NativeType::Int.into(), "idx", &**element),
        CqlType::Map(types) => (types.0.clone(), "key", &types.1),
        CqlType::Set(_) => {
            return Err(invalid(format!("Invalid operation ({assignment}) for set column {name}")));
        }
        _ => {
            return Err(invalid(format!(
                "Invalid operation ({assignment}) for non collection column {name}"
            )));
        }
    };
    if !column.is_multi_cell() {
        return Err(invalid(format!(
            "Invalid operation ({assignment}) for frozen collection column {name}"
        )));
    }
    let key = compile(key, &key_type, &format!("{key_name}({name})"), variables)?;
    let value = compile(term, value_type, &format!("value({name})"), variables)?;
    Ok(OperationKind::SetElement(key, value))
}

/// Compiles a column of DELETE, and adds its bind variables.
pub(super) fn deletion(
    target: &Target,
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<Operation, ServerError> {
    let index = table.index(target.column())?;
    let Some(column) = table.column(index) else {
        return Err(invalid("unknown column"));
    };
    let name = &column.name;
    if column.kind.is_key() {
        return Err(invalid(format!(
            "Invalid identifier {name} for deletion (should not be a PRIMARY KEY part)"
        )));
    }
    let fault =
        |reason: &str| Err(invalid(format!("Invalid deletion operation for {reason} {name}")));
    let kind = match target {
        Target::Column(_) => OperationKind::Delete,
        Target::Element(_, key) => {
            let (key_type, key_name) = match &column.cql_type {
                CqlType::List(_) => (NativeType::Int.into(), "idx"),
                CqlType::Set(element) => ((**element).clone(), "value"),
                CqlType::Map(types) => (types.0.clone(), "key"),
                _ => return fault("non collection column"),
            };
            if !column.is_multi_cell() {
                return fault("frozen collection column");
            }
            let key = compile(key, &key_type, &format!("{key_name}({name})"), variables)?;
            OperationKind::DeleteElement(key)
        }
        Target::Field(_, field) => {
            if !matches!(column.cql_type, CqlType::Udt(_)) {
                return Err(invalid(format!(
                    "Invalid field deletion operation for non-UDT column {name}"
                )));
            }
            if !column.is_multi_cell() {
                return Err(invalid(format!(
                    "Frozen UDT column {name} does not support field deletions"
                )));
            }
            OperationKind::DeleteField(field_index(column, field)?)
        }
    };
    Ok(Operation { column: index, kind })
}

fn field_index(column: &Column, field: &str) -> Result<usize, ServerError> {
    let fields = match &column.cql_type {
        CqlType::Udt(udt) => &*udt.fields,
        _ => &[],
    };
    fields.iter().position(|(known, _)| known == field).ok_or_else(|| {
        invalid(format!("UDT column {} does not have a field named {field}", column.name))
    })
}
