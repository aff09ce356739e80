//! The conditions of WHERE.

use super::selector::find;
use crate::cql::{self, Comparison, Condition, InValues, Relation, Term};
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::schema::{Column, ColumnKind};
use crate::store::term::{CompiledTerm, compile};
use crate::store::variables::Variables;
use crate::types::{CqlType, Identifier, NativeType};

/// A condition that each row of the result meets.
#[derive(Debug)]
pub(super) struct Restriction {
    pub(super) target: Target,
    pub(super) operator: Operator,
    pub(super) operands: Operands,
}

/// The left side of a [`Restriction`]. Columns are indexes of the table.
#[derive(Debug)]
pub(super) enum Target {
    Column(usize),
    /// The value of a key of a map.
    Element(usize, CompiledTerm),
    /// Clustering columns, which are compared like a tuple.
    Tuple(Vec<usize>),
    /// The token of the partition key.
    Token,
}

/// The operator of a [`Restriction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Contains,
    ContainsKey,
}

/// The terms that a [`Restriction`] compares with. Each term of a [`Target::Tuple`] is a tuple.
#[derive(Debug)]
pub(super) enum Operands {
    /// The only term, or the terms of `IN (..)`.
    Terms(Vec<CompiledTerm>),
    /// The list of `IN ?`.
    List(CompiledTerm),
}

/// Returns the restrictions of a SELECT, and adds their bind variables.
///
/// # Errors
/// Returns an INVALID error if Cassandra refuses a condition, or if this server does not support it.
pub(super) fn restrictions(
    relations: &[Relation],
    variables: &mut Variables<'_>,
) -> Result<Vec<Restriction>, ServerError> {
    let compile = |relation: &Relation| {
        let condition = &relation.condition;
        match &relation.operand {
            cql::Operand::Column(name) => column(relation, name, condition, variables),
            cql::Operand::Element(name, key) => element(name, key, condition, variables),
            cql::Operand::Tuple(names) => tuple(relation, names, condition, variables),
            cql::Operand::Token(names) => token(relation, names, condition, variables),
        }
    };
    relations.iter().map(compile).collect()
}

/// Returns the operator of a comparison, or `None` for `!=` and `LIKE`.
const fn operator(comparison: Comparison) -> Option<Operator> {
    Some(match comparison {
        Comparison::Equal => Operator::Equal,
        Comparison::Less => Operator::Less,
        Comparison::LessOrEqual => Operator::LessOrEqual,
        Comparison::Greater => Operator::Greater,
        Comparison::GreaterOrEqual => Operator::GreaterOrEqual,
        Comparison::Contains => Operator::Contains,
        Comparison::ContainsKey => Operator::ContainsKey,
        Comparison::NotEqual | Comparison::Like => return None,
    })
}

fn not_supported(relation: &Relation) -> ServerError {
    unsupported(&format!("the condition {relation}"))
}

fn column(
    relation: &Relation,
    name: &str,
    condition: &Condition,
    variables: &mut Variables<'_>,
) -> Result<Restriction, ServerError> {
    let (index, column) = find(name, variables.table)?;
    check_operator(relation, column)?;
    let target = Target::Column(index);
    let cql_type = &column.cql_type;
    let (operator, operands) = match condition {
        Condition::Compare(comparison, term) => {
            let operator = operator(*comparison).ok_or_else(|| not_supported(relation))?;
            let (cql_type, receiver) = match (operator, cql_type) {
                (Operator::ContainsKey, CqlType::Map(types)) => (&types.0, format!("key({name})")),
                (Operator::ContainsKey, _) => {
                    return Err(invalid(format!(
                        "Cannot use CONTAINS KEY on non-map column {}",
                        Identifier(name)
                    )));
                }
                (Operator::Contains, CqlType::Map(types)) => (&types.1, format!("value({name})")),
                (Operator::Contains, CqlType::List(of) | CqlType::Set(of)) => {
                    (&**of, format!("value({name})"))
                }
                _ => (cql_type, name.to_owned()),
            };
            let term = compile(term, cql_type, &receiver, variables)?;
            (operator, Operands::Terms(vec![term]))
        }
        Condition::In(values) => {
            let compile = |term: &Term, variables: &mut Variables<'_>| {
                compile(term, cql_type, name, variables)
            };
            in_values(values, cql_type, &format!("in({name})"), variables, compile)?
        }
        Condition::IsNotNull => return Err(not_supported(relation)),
    };
    Ok(Restriction { target, operator, operands })
}

/// Returns the operator and the operands of IN. `cql_type` is the type of each value, `marker_name` the
/// name of the bind variable of `IN ?`, and `compile` compiles one value.
fn in_values(
    values: &InValues,
    cql_type: &CqlType,
    marker_name: &str,
    variables: &mut Variables<'_>,
    compile: impl Fn(&Term, &mut Variables<'_>) -> Result<CompiledTerm, ServerError>,
) -> Result<(Operator, Operands), ServerError> {
    match values {
        InValues::Terms(terms) => {
            // As in Cassandra, `IN` with one term is `=`.
            let operator = if terms.len() == 1 { Operator::Equal } else { Operator::In };
            let terms = terms.iter().map(|term| compile(term, variables));
            Ok((operator, Operands::Terms(terms.collect::<Result<_, _>>()?)))
        }
        InValues::Marker(marker) => {
            let list = CqlType::List(Box::new(cql_type.clone()));
            let index = variables.add(marker, marker_name, list);
            Ok((Operator::In, Operands::List(CompiledTerm::Variable(index))))
        }
    }
}

/// Returns the error of Cassandra if the operator of a condition does not fit the column.
fn check_operator(relation: &Relation, column: &Column) -> Result<(), ServerError> {
    let name = &column.name;
    let is_collection =
        matches!(column.cql_type, CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_));
    let operator = match &relation.condition {
        Condition::Compare(Comparison::NotEqual, _) => {
            return Err(invalid(format!("Unsupported \"!=\" relation: {relation}")));
        }
        Condition::Compare(Comparison::Like, _) => {
            return Err(invalid(format!(
                "LIKE restriction is only supported on properly indexed columns. {relation} is not \
                 valid."
            )));
        }
        Condition::IsNotNull => {
            return Err(invalid(format!("Unsupported restriction: {relation}")));
        }
        Condition::Compare(operator @ (Comparison::Contains | Comparison::ContainsKey), _) => {
            return match is_collection {
                true => Ok(()),
                false => {
                    Err(invalid(format!("Cannot use {operator} on non-collection column {name}")))
                }
            };
        }
        Condition::Compare(operator, _) => operator.to_string(),
        Condition::In(_) => "IN".to_owned(),
    };
    let is_slice = matches!(
        &relation.condition,
        Condition::Compare(
            Comparison::Less
                | Comparison::LessOrEqual
                | Comparison::Greater
                | Comparison::GreaterOrEqual,
            _
        )
    );
    match &column.cql_type {
        CqlType::Udt(_) if column.is_multi_cell() => Err(invalid(format!(
            "Non-frozen UDT column '{name}' ({}) cannot be restricted by any relation",
            column.type_text
        ))),
        _ if column.is_multi_cell() => Err(invalid(format!(
            "Collection column '{name}' ({}) cannot be restricted by a '{operator}' relation",
            column.type_text
        ))),
        CqlType::Native(NativeType::Duration) if is_slice => {
            Err(invalid("Slice restrictions are not supported on duration columns"))
        }
        _ => Ok(()),
    }
}

fn element(
    name: &str,
    key: &Term,
    condition: &Condition,
    variables: &mut Variables<'_>,
) -> Result<Restriction, ServerError> {
    let (index, column) = find(name, variables.table)?;
    let types = match &column.cql_type {
        CqlType::Map(types) => types,
        CqlType::List(_) => {
            let message = "Indexes on list entries (c[index] = value) are not supported.";
            return Err(invalid(message.replace("c[", &format!("{name}["))));
        }
        _ => return Err(invalid(format!("Column {name} cannot be used as a map"))),
    };
    let Condition::Compare(Comparison::Equal, term) = condition else {
        return Err(invalid("Only EQ relations are supported on map entries"));
    };
    if !column.is_multi_cell() {
        return Err(invalid(format!(
            "Map-entry equality predicates on frozen map column {name} are not supported"
        )));
    }
    let key = compile(key, &types.0, &format!("key({name})"), variables)?;
    let term = compile(term, &types.1, &format!("value({name})"), variables)?;
    Ok(Restriction {
        target: Target::Element(index, key),
        operator: Operator::Equal,
        operands: Operands::Terms(vec![term]),
    })
}

fn tuple(
    relation: &Relation,
    names: &[String],
    condition: &Condition,
    variables: &mut Variables<'_>,
) -> Result<Restriction, ServerError> {
    let table = variables.table;
    let mut columns: Vec<(usize, &Column)> = Vec::new();
    for name in names {
        let (index, column) = find(name, table)?;
        if column.kind != ColumnKind::Clustering {
            return Err(invalid(format!(
                "Multi-column relations can only be applied to clustering columns but was applied \
                 to: {name}"
            )));
        }
        if columns.iter().any(|(other, _)| *other == index) {
            return Err(invalid(format!(
                "Column \"{name}\" appeared twice in a relation: {relation}"
            )));
        }
        if columns.last().is_some_and(|(last, _)| last.saturating_add(1) != index) {
            return Err(invalid(format!(
                "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: \
                 {relation}"
            )));
        }
        columns.push((index, column));
    }
    let tuple_type =
        CqlType::Tuple(columns.iter().map(|(_, column)| column.cql_type.clone()).collect());
    let tuple_name = format!("({})", names.join(","));
    let compile_tuple = |term: &Term, variables: &mut Variables<'_>| match term {
        Term::Tuple(terms) if terms.len() == columns.len() => {
            let part = |(term, (_, column)): (&Term, &(usize, &Column))| {
                compile(term, &column.cql_type, &column.name, variables)
            };
            let parts = terms.iter().zip(&columns).map(part).collect::<Result<_, _>>()?;
            Ok(CompiledTerm::Tuple(parts))
        }
        Term::Tuple(terms) => Err(invalid(format!(
            "Expected {} elements in value tuple, but got {}: {term}",
            columns.len(),
            terms.len()
        ))),
        Term::Marker(marker) => {
            let index = variables.add(marker, &tuple_name, tuple_type.clone());
            Ok(CompiledTerm::Variable(index))
        }
        _ => Err(not_supported(relation)),
    };
    let (operator, operands) = match condition {
        Condition::Compare(comparison, term) => match operator(*comparison) {
            Some(operator) if !matches!(operator, Operator::Contains | Operator::ContainsKey) => {
                (operator, Operands::Terms(vec![compile_tuple(term, variables)?]))
            }
            _ => return Err(not_supported(relation)),
        },
        Condition::In(values) => {
            in_values(values, &tuple_type, &format!("in{tuple_name}"), variables, compile_tuple)?
        }
        Condition::IsNotNull => return Err(not_supported(relation)),
    };
    let target = Target::Tuple(columns.iter().map(|(index, _)| *index).collect());
    Ok(Restriction { target, operator, operands })
}

fn token(
    relation: &Relation,
    names: &[String],
    condition: &Condition,
    variables: &mut Variables<'_>,
) -> Result<Restriction, ServerError> {
    let table = variables.table;
    let columns = names.iter().map(|name| find(name, table).map(|(index, _)| index));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let key: Vec<usize> = table.indexes(ColumnKind::PartitionKey).collect();
    let is_of_key = |index: &usize| key.contains(index);
    if columns.len() != key.len() || !columns.iter().all(is_of_key) {
        return Err(invalid(
            "The token() function must be applied to all partition key components or none of them",
        ));
    }
    if columns != key {
        let names: Vec<_> =
            key.iter().filter_map(|index| table.column(*index)).map(|of| &*of.name).collect();
        return Err(invalid(format!(
            "The token function arguments must be in the partition key order: {}",
            names.join(", ")
        )));
    }
    let Condition::Compare(comparison, term) = condition else {
        return Err(not_supported(relation));
    };
    let operator = match operator(*comparison) {
        Some(Operator::Contains | Operator::ContainsKey) | None => {
            return Err(not_supported(relation));
        }
        Some(operator) => operator,
    };
    let cql_type = NativeType::BigInt.into();
    let term = compile(term, &cql_type, "partition key token", variables)?;
    Ok(Restriction { target: Target::Token, operator, operands: Operands::Terms(vec![term]) })
}

impl Restriction {
    /// Returns the columns that the condition restricts, or an empty list for the token.
    pub(super) fn columns(&self) -> &[usize] {
        match &self.target {
            Target::Column(index) | Target::Element(index, _) => std::slice::from_ref(index),
            Target::Tuple(indexes) => indexes,
            Target::Token => &[],
        }
    }

    /// Returns true for an `=` of a whole column or of a tuple of columns.
    pub(super) const fn is_equal(&self) -> bool {
        matches!(self.operator, Operator::Equal) && !matches!(self.target, Target::Element(..))
    }

    /// Returns true for `=` and `IN`.
    pub(super) const fn is_exact(&self) -> bool {
        self.is_equal() || matches!(self.operator, Operator::In)
    }

    /// Returns true for `<`, `<=`, `>` and `>=`.
    pub(super) const fn is_slice(&self) -> bool {
        self.is_lower_bound() || matches!(self.operator, Operator::Less | Operator::LessOrEqual)
    }

    /// Returns true for `>` and `>=`.
    pub(super) const fn is_lower_bound(&self) -> bool {
        matches!(self.operator, Operator::Greater | Operator::GreaterOrEqual)
    }

    /// Returns the last bind variable that is compared with the column, or `None` if there is none.
    /// The list of `IN ?` is no value of the column.
    pub(super) fn last_variable(&self) -> Option<usize> {
        match &self.operands {
            Operands::List(_) => None,
            Operands::Terms(terms) => terms.iter().filter_map(CompiledTerm::variable).next_back(),
        }
    }
}
