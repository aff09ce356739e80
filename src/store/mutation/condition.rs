//! The conditions of IF.

use super::context::Context;
use crate::cql::{Comparison, Condition, IfCondition, InValues, Target, TargetCondition};
use crate::message::ServerError;
use crate::store::data::StoredRow;
use crate::store::error::{invalid, invalid_unset};
use crate::store::key::ClusteringKey;
use crate::store::schema::{Column, ColumnKind, TableSchema};
use crate::store::term::{CompiledTerm, compile};
use crate::store::variables::Variables;
use crate::types::{CqlType, NativeType, Value};

/// The condition of a statement.
#[derive(Debug)]
pub(super) enum ConditionPlan {
    NotExists,
    Exists,
    /// All of these conditions.
    All(Vec<ColumnTest>),
}

/// A condition on a column, or on a part of it.
#[derive(Debug)]
pub(super) struct ColumnTest {
    /// The index of the column.
    pub(super) column: usize,
    part: Part,
    test: Test,
}

#[derive(Debug)]
enum Part {
    Whole,
    /// The element of a list or a map, by its index or key.
    Element(CompiledTerm),
    Field(usize),
}

#[derive(Debug)]
enum Test {
    Compare(Comparison, CompiledTerm),
    In(Vec<CompiledTerm>),
    InList(CompiledTerm),
}

impl ConditionPlan {
    /// Compiles the conditions of IF, and adds their bind variables.
    pub(super) fn new(
        condition: Option<&IfCondition>,
        table: &TableSchema,
        variables: &mut Variables<'_>,
    ) -> Result<Option<Self>, ServerError> {
        match condition {
            None => Ok(None),
            Some(IfCondition::Exists) => Ok(Some(Self::Exists)),
            Some(IfCondition::All(conditions)) => {
                let tests = conditions.iter().map(|of| column_test(of, table, variables));
                tests.collect::<Result<_, _>>().map(|tests| Some(Self::All(tests)))
            }
        }
    }

    /// Returns the same condition, which is one on the existence of a row.
    pub(super) const fn existence(&self) -> Self {
        match self {
            Self::Exists => Self::Exists,
            Self::NotExists | Self::All(_) => Self::NotExists,
        }
    }

    /// Returns true if a column of this kind has a condition.
    pub(super) fn has(&self, kind: ColumnKind, table: &TableSchema) -> bool {
        match self {
            Self::NotExists | Self::Exists => false,
            Self::All(tests) => {
                let kind_of = |test: &ColumnTest| table.column(test.column).map(|of| of.kind);
                tests.iter().any(|test| kind_of(test) == Some(kind))
            }
        }
    }

    /// Returns the indexes of the columns with conditions, each once and the static columns last, or
    /// `None` if the condition is on the existence of the row.
    pub(super) fn columns(&self, table: &TableSchema) -> Option<Vec<usize>> {
        let Self::All(tests) = self else { return None };
        let mut columns = Vec::new();
        for test in tests {
            if !columns.contains(&test.column) {
                columns.push(test.column);
            }
        }
        columns.sort_by_key(|index| {
            table.column(*index).is_some_and(|column| column.kind == ColumnKind::Static)
        });
        Some(columns)
    }

    /// Returns true if the condition is met. `row` is the row, or `None` if it does not exist. If the
    /// statement selects no row, both rows are the static columns.
    pub(super) fn is_met(
        &self,
        row: Option<&StoredRow>,
        static_row: Option<&StoredRow>,
        table: &TableSchema,
        context: &Context<'_>,
    ) -> Result<bool, ServerError> {
        let tests = match self {
            Self::NotExists => return Ok(row.is_none()),
            Self::Exists => return Ok(row.is_some()),
            Self::All(tests) => tests,
        };
        // The values of all conditions are evaluated. As in Cassandra, the first condition that is not
        // met decides the result, so that the comparisons after it cannot fail.
        let mut is_met = true;
        for test in tests {
            let Some(column) = table.column(test.column) else { continue };
            let row = if column.kind == ColumnKind::Static { static_row } else { row };
            is_met &= test.is_met(row, column, context, is_met)?;
        }
        Ok(is_met)
    }
}

impl ColumnTest {
    /// Returns true if the condition is met. If `compares` is false, only checks its values.
    fn is_met(
        &self,
        row: Option<&StoredRow>,
        column: &Column,
        context: &Context<'_>,
        compares: bool,
    ) -> Result<bool, ServerError> {
        let whole = row
            .map_or(Value::Null, |row| row.value(self.column, &column.cql_type, context.seconds()));
        let found = match &self.part {
            Part::Whole => whole,
            Part::Field(index) => match whole {
                Value::Udt { fields, .. } => fields.into_iter().nth(*index).unwrap_or(Value::Null),
                _ => Value::Null,
            },
            Part::Element(key) => {
                let kind = match column.cql_type {
                    CqlType::List(_) => "list",
                    _ => "map",
                };
                match context.value(key)? {
                    None => return Err(invalid_unset(&format!("{kind} element access"))),
                    Some(Value::Null) => {
                        return Err(invalid(format!(
                            "Invalid null value for {kind} element access"
                        )));
                    }
                    Some(Value::Int(index)) if index < 0 && kind == "list" => {
                        return Err(invalid(format!("Invalid negative list index {index}")));
                    }
                    Some(key) => element(whole, &key),
                }
            }
        };
        let is_multi_cell = column.is_multi_cell() && matches!(self.part, Part::Whole);
        let given = |term: &CompiledTerm| match context.value(term)? {
            Some(value) if is_multi_cell && is_empty(&value) => Ok(Value::Null),
            Some(value) => Ok(value),
            None => Err(invalid("Invalid 'unset' value in condition")),
        };
        match &self.test {
            Test::Compare(comparison, term) => {
                let given = given(term)?;
                Ok(compares && compare(&found, *comparison, &given)?)
            }
            Test::In(terms) => {
                let mut is_in = false;
                for term in terms {
                    is_in |= is_equal(&found, &given(term)?);
                }
                Ok(is_in)
            }
            Test::InList(term) => match given(term)? {
                Value::List(values) => Ok(values.iter().any(|value| is_equal(&found, value))),
                _ => Err(invalid("Invalid null list in IN condition")),
            },
        }
    }
}

/// Returns the element of a list at an index, or of a map with a key.
fn element(whole: Value, key: &Value) -> Value {
    match (whole, key) {
        (Value::List(values), Value::Int(index)) => {
            let index = usize::try_from(*index).unwrap_or(usize::MAX);
            values.into_iter().nth(index).unwrap_or(Value::Null)
        }
        (Value::Map(entries), key) => {
            let key = ClusteringKey::of(key);
            let mut entries = entries.into_iter();
            let entry = entries.find(|(known, _)| ClusteringKey::of(known) == key);
            entry.map_or(Value::Null, |(_, value)| value)
        }
        _ => Value::Null,
    }
}

/// Returns true for a collection without elements, which a column that is not frozen cannot
/// distinguish from null.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::List(values) | Value::Set(values) => values.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

fn is_equal(found: &Value, given: &Value) -> bool {
    ClusteringKey::of(found) == ClusteringKey::of(given)
}

fn compare(found: &Value, comparison: Comparison, given: &Value) -> Result<bool, ServerError> {
    if matches!(comparison, Comparison::Equal) {
        return Ok(is_equal(found, given));
    }
    if matches!(comparison, Comparison::NotEqual) {
        return Ok(!is_equal(found, given));
    }
    if *given == Value::Null {
        return Err(invalid(format!("Invalid comparison with null for operator \"{comparison}\"")));
    }
    if *found == Value::Null {
        return Ok(false);
    }
    let order = ClusteringKey::of(found).cmp(&ClusteringKey::of(given));
    Ok(match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Contains => match found {
            Value::List(values) | Value::Set(values) => {
                values.iter().any(|value| is_equal(value, given))
            }
            Value::Map(entries) => entries.iter().any(|(_, value)| is_equal(value, given)),
            _ => false,
        },
        Comparison::ContainsKey => match found {
            Value::Map(entries) => entries.iter().any(|(key, _)| is_equal(key, given)),
            _ => false,
        },
        Comparison::Equal | Comparison::NotEqual | Comparison::Like => false,
    })
}

fn column_test(
    of: &TargetCondition,
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<ColumnTest, ServerError> {
    let index = table.index(of.target.column())?;
    let Some(column) = table.column(index) else {
        return Err(invalid("unknown column"));
    };
    let name = &column.name;
    if column.cql_type == NativeType::Counter.into() {
        return Err(invalid("Conditions on counters are not supported"));
    }
    let (part, cql_type, receiver) = part(&of.target, column, variables)?;
    let test = match &of.condition {
        Condition::Compare(comparison, term) => {
            let (cql_type, receiver) = match (comparison, &cql_type) {
                (Comparison::Contains, CqlType::List(element) | CqlType::Set(element)) => {
                    ((**element).clone(), format!("value({name})"))
                }
                (Comparison::Contains, CqlType::Map(types)) => {
                    (types.1.clone(), format!("value({name})"))
                }
                (Comparison::ContainsKey, CqlType::Map(types)) => {
                    (types.0.clone(), format!("key({name})"))
                }
                (Comparison::Contains | Comparison::ContainsKey, _) => {
                    return Err(invalid(format!(
                        "Cannot use {comparison} on non-collection column {name}"
                    )));
                }
                _ => (cql_type.clone(), receiver),
            };
            let is_slice = matches!(
                comparison,
                Comparison::Less
                    | Comparison::LessOrEqual
                    | Comparison::Greater
                    | Comparison::GreaterOrEqual
            );
            if is_slice && cql_type == NativeType::Duration.into() {
                return Err(invalid(format!(
                    "Slice conditions ( {comparison} ) are not supported on durations"
                )));
            }
            Test::Compare(*comparison, compile(term, &cql_type, &receiver, variables)?)
        }
        Condition::In(InValues::Terms(terms)) => {
            let terms = terms.iter().map(|term| compile(term, &cql_type, &receiver, variables));
            Test::In(terms.collect::<Result<_, _>>()?)
        }
        Condition::In(InValues::Marker(marker)) => {
            let list = CqlType::List(Box::new(cql_type.clone()));
            let variable = variables.add(marker, &format!("in({name})"), list);
            Test::InList(CompiledTerm::Variable(variable))
        }
        Condition::IsNotNull => {
            return Err(invalid(format!("Unsupported restriction: {name} IS NOT NULL")));
        }
    };
    if column.kind.is_key() {
        return Err(invalid(format!("PRIMARY KEY column '{name}' cannot have IF conditions")));
    }
    Ok(ColumnTest { column: index, part, test })
}

/// Returns the part of a column that a condition tests, its type, and the name of its bind variable.
fn part(
    target: &Target,
    column: &Column,
    variables: &mut Variables<'_>,
) -> Result<(Part, CqlType, String), ServerError> {
    let name = &column.name;
    match (target, &column.cql_type) {
        (Target::Column(_), cql_type) => Ok((Part::Whole, cql_type.clone(), name.clone())),
        (Target::Element(_, key), CqlType::List(element)) => {
            let key = compile(key, &NativeType::Int.into(), &format!("idx({name})"), variables)?;
            Ok((Part::Element(key), (**element).clone(), format!("value({name})")))
        }
        (Target::Element(_, key), CqlType::Map(types)) => {
            let key = compile(key, &types.0, &format!("key({name})"), variables)?;
            Ok((Part::Element(key), types.1.clone(), format!("value({name})")))
        }
        (Target::Element(..), CqlType::Set(_)) => {
            Err(invalid(format!("Invalid element access syntax for set column {name}")))
        }
        (Target::Element(..), _) => {
            Err(invalid(format!("Invalid element access syntax for non-collection column {name}")))
        }
        (Target::Field(_, field), CqlType::Udt(udt)) => {
            let index = udt.fields.iter().position(|(known, _)| known == field);
            let found = index.and_then(|index| Some((index, udt.fields.get(index)?)));
            match found {
                Some((index, (_, cql_type))) => {
                    Ok((Part::Field(index), cql_type.clone(), format!("{name}.{field}")))
                }
                None => Err(invalid(format!("Unknown field {field} for column {name}"))),
            }
        }
        (Target::Field(..), _) => {
            Err(invalid(format!("Cannot reference field of non-UDT column {name}")))
        }
    }
}
