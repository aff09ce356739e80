//! The conditions of WHERE.

use crate::cql::{self, Comparison, Condition, InValues, Relation};
use crate::message::ServerError;
use crate::store::clock::Clock;
use crate::store::error::{invalid, unsupported};
use crate::store::schema::{Column, ColumnKind, TableSchema};
use crate::store::source::Row;
use crate::store::term::{CompiledTerm, compile};
use crate::store::variables::{BoundValues, TermValue, Variables};
use crate::types::{CqlType, NativeType, Value};

/// The condition that one column of a row meets.
#[derive(Debug)]
pub(super) struct Restriction {
    /// The index of the column.
    pub(super) column: usize,
    pub(super) test: Test,
}

/// The comparison of a column with the operands of a [`Restriction`].
#[derive(Debug)]
pub(super) enum Test {
    Equal(CompiledTerm),
    Less(CompiledTerm),
    LessOrEqual(CompiledTerm),
    Greater(CompiledTerm),
    GreaterOrEqual(CompiledTerm),
    In(Vec<CompiledTerm>),
    /// `IN ?`, whose value is a list.
    InList(CompiledTerm),
}

const NEEDS_FILTERING: &str = "Cannot execute this query as it might involve data filtering and thus \
     may have unpredictable performance. If you want to execute this query despite the performance \
     unpredictability, use ALLOW FILTERING";

/// Returns the restrictions of a SELECT, and adds their bind variables.
///
/// # Errors
/// Returns an INVALID error if Cassandra refuses the conditions, or if this server does not support
/// them.
pub(super) fn restrictions(
    relations: &[Relation],
    table: &TableSchema,
    variables: &mut Variables<'_>,
    allow_filtering: bool,
) -> Result<Vec<Restriction>, ServerError> {
    let compile = |relation| restriction(relation, table, variables);
    let restrictions = relations.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
    check_repetition(&restrictions, table)?;
    if !allow_filtering {
        check_filtering(&restrictions, table)?;
    }
    Ok(restrictions)
}

fn restriction(
    relation: &Relation,
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<Restriction, ServerError> {
    let unsupported = || unsupported(&format!("the condition {relation}"));
    let cql::Operand::Column(name) = &relation.operand else { return Err(unsupported()) };
    let index = table.index(name)?;
    let column = table.column(index).ok_or_else(unsupported)?;
    check_operator(relation, column)?;
    let test = match &relation.condition {
        Condition::Compare(comparison, term) => {
            let test = match comparison {
                Comparison::Equal => Test::Equal,
                Comparison::Less => Test::Less,
                Comparison::LessOrEqual => Test::LessOrEqual,
                Comparison::Greater => Test::Greater,
                Comparison::GreaterOrEqual => Test::GreaterOrEqual,
                _ => return Err(unsupported()),
            };
            if *comparison != Comparison::Equal && !is_ordered(&column.cql_type) {
                return Err(unsupported());
            }
            test(compile(term, &column.cql_type, &column.name, variables)?)
        }
        Condition::In(InValues::Terms(terms)) => {
            let operands =
                terms.iter().map(|term| compile(term, &column.cql_type, &column.name, variables));
            Test::In(operands.collect::<Result<_, _>>()?)
        }
        Condition::In(InValues::Marker(marker)) => {
            let list = CqlType::List(Box::new(column.cql_type.clone()));
            let index = variables.add(marker, &format!("in({name})"), list);
            Test::InList(CompiledTerm::Variable(index))
        }
        Condition::IsNotNull => return Err(unsupported()),
    };
    Ok(Restriction { column: index, test })
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
    match column.is_multi_cell() {
        true => Err(invalid(format!(
            "Collection column '{name}' ({}) cannot be restricted by a '{operator}' relation",
            column.type_text
        ))),
        false => Ok(()),
    }
}

/// Returns true if the order of [`Value`]s is the order of the server for this type.
const fn is_ordered(cql_type: &CqlType) -> bool {
    matches!(
        cql_type,
        CqlType::Native(
            NativeType::Ascii
                | NativeType::BigInt
                | NativeType::Blob
                | NativeType::Boolean
                | NativeType::Date
                | NativeType::Int
                | NativeType::SmallInt
                | NativeType::Text
                | NativeType::Time
                | NativeType::Timestamp
                | NativeType::TinyInt
        )
    )
}

/// Returns an error if a column has an `=` or an `IN` and another restriction.
fn check_repetition(restrictions: &[Restriction], table: &TableSchema) -> Result<(), ServerError> {
    for (index, restriction) in restrictions.iter().enumerate() {
        let kind = match restriction.test {
            Test::Equal(_) => "Equal",
            Test::In(_) | Test::InList(_) => "IN",
            _ => continue,
        };
        let mut others = restrictions.iter().enumerate();
        if others.any(|(other, with)| other != index && with.column == restriction.column) {
            let name = table.column(restriction.column).map_or("", |column| &column.name);
            return Err(invalid(format!(
                "{name} cannot be restricted by more than one relation if it includes an {kind}"
            )));
        }
    }
    Ok(())
}

/// Returns an error if the restrictions do not select whole partitions or slices of them. Virtual
/// tables may be filtered, except by a clustering column without the one before it.
fn check_filtering(restrictions: &[Restriction], table: &TableSchema) -> Result<(), ServerError> {
    if restrictions.is_empty() {
        return Ok(());
    }
    let is_filtered = |kind| {
        restrictions.iter().any(|restriction| {
            table.column(restriction.column).is_some_and(|column| column.kind == kind)
        })
    };
    let has_whole_key = table
        .indexes(ColumnKind::PartitionKey)
        .all(|index| restrictions.iter().any(|of| of.column == index && of.is_exact()));
    // The order of the checks is Cassandra's.
    let has_part_of_key = is_filtered(ColumnKind::PartitionKey) && !has_whole_key;
    if has_part_of_key && !table.is_virtual {
        return Err(invalid(NEEDS_FILTERING));
    }
    check_clustering(restrictions, table)?;
    let needs_filtering =
        !has_whole_key || is_filtered(ColumnKind::Static) || is_filtered(ColumnKind::Regular);
    match needs_filtering && !table.is_virtual {
        true => Err(invalid(NEEDS_FILTERING)),
        false => Ok(()),
    }
}

/// Returns an error if a clustering column is restricted, and the one before it has no `=` or `IN`.
fn check_clustering(restrictions: &[Restriction], table: &TableSchema) -> Result<(), ServerError> {
    let of = |index| restrictions.iter().filter(move |restriction| restriction.column == index);
    let is_exact = |index| of(index).any(Restriction::is_exact);
    let mut before: Option<(&Column, bool)> = None;
    for index in table.indexes(ColumnKind::Clustering) {
        let Some(column) = table.column(index) else { continue };
        let (is_restricted, is_exact) = (of(index).next().is_some(), is_exact(index));
        if let Some((previous, is_restricted_before)) = before
            && is_restricted
        {
            let (name, previous) = (&column.name, &previous.name);
            return Err(invalid(match is_restricted_before {
                true => format!(
                    "Clustering column \"{name}\" cannot be restricted (preceding column \
                     \"{previous}\" is restricted by a non-EQ relation)"
                ),
                false => format!(
                    "PRIMARY KEY column \"{name}\" cannot be restricted as preceding column \
                     \"{previous}\" is not restricted"
                ),
            }));
        }
        if !is_exact && before.is_none() {
            before = Some((column, is_restricted));
        }
    }
    Ok(())
}

impl Restriction {
    /// Returns the restriction with the values of its terms.
    ///
    /// # Errors
    /// Returns an INVALID error if a value of the condition is null, or the empty key of a partition.
    pub(super) fn bind(
        &self,
        table: &TableSchema,
        bound: &BoundValues,
        clock: &Clock<'_>,
    ) -> Result<BoundRestriction<'_>, ServerError> {
        let column = table.column(self.column).ok_or_else(|| invalid("unknown column"))?;
        let name = &column.name;
        let is_whole_key = column.kind == ColumnKind::PartitionKey
            && table.indexes(ColumnKind::PartitionKey).count() == 1;
        let mut values = Vec::new();
        for term in self.operands() {
            values.push(match term.evaluate(bound, clock)? {
                TermValue::Value(Value::Null) => {
                    return Err(invalid(format!(
                        "Invalid null value in condition for column {name}"
                    )));
                }
                TermValue::Unset => {
                    return Err(invalid(format!("Invalid unset value for column {name}")));
                }
                TermValue::Value(Value::Text(text) | Value::Ascii(text))
                    if is_whole_key && text.is_empty() =>
                {
                    return Err(invalid("Key may not be empty"));
                }
                TermValue::Value(value) => value,
            });
        }
        Ok(BoundRestriction { column: self.column, test: &self.test, values })
    }

    /// Returns true for `=`.
    pub(super) const fn is_equal(&self) -> bool {
        matches!(self.test, Test::Equal(_))
    }

    /// Returns true for `=` and `IN`.
    pub(super) const fn is_exact(&self) -> bool {
        matches!(self.test, Test::Equal(_) | Test::In(_) | Test::InList(_))
    }

    /// Returns the last bind variable that is compared with the column, or `None` if there is none.
    /// The list of `IN ?` is no value of the column.
    pub(super) fn last_variable(&self) -> Option<usize> {
        match &self.test {
            Test::InList(_) => None,
            _ => self.operands().iter().filter_map(CompiledTerm::variable).next_back(),
        }
    }

    fn operands(&self) -> &[CompiledTerm] {
        match &self.test {
            Test::In(operands) => operands,
            Test::Equal(operand)
            | Test::Less(operand)
            | Test::LessOrEqual(operand)
            | Test::Greater(operand)
            | Test::GreaterOrEqual(operand)
            | Test::InList(operand) => std::slice::from_ref(operand),
        }
    }
}

/// A restriction and the values of its terms.
#[derive(Debug)]
pub(super) struct BoundRestriction<'r> {
    column: usize,
    test: &'r Test,
    values: Vec<Value>,
}

impl BoundRestriction<'_> {
    /// Returns true if a row meets the condition. A null of the row meets no condition.
    pub(super) fn matches(&self, row: &Row) -> bool {
        let found = match row.values.get(self.column) {
            None | Some(Value::Null) => return false,
            Some(found) => found,
        };
        let first = self.values.first().unwrap_or(&Value::Null);
        match self.test {
            Test::Equal(_) => found == first,
            Test::Less(_) => found < first,
            Test::LessOrEqual(_) => found <= first,
            Test::Greater(_) => found > first,
            Test::GreaterOrEqual(_) => found >= first,
            Test::In(_) => self.values.contains(found),
            Test::InList(_) => matches!(first, Value::List(values) if values.contains(found)),
        }
    }
}
