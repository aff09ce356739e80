//! The rows that a statement writes: WHERE of UPDATE and DELETE, and the key columns of INSERT.

use std::ops::Bound;
use std::sync::Arc;

use super::context::Context;
use crate::cql::{Comparison, Condition, InValues, Operand, Relation};
use crate::message::ServerError;
use crate::store::data::RowRange;
use crate::store::error::invalid;
use crate::store::key::{ClusteringKey, PartitionKey};
use crate::store::schema::{Column, ColumnKind, TableSchema};
use crate::store::term::{CompiledTerm, compile};
use crate::store::variables::{TermValue, Variables};
use crate::types::{CqlType, Value};

/// Greatest number of keys that one statement writes.
const MAX_KEYS: usize = 65_536;

/// The key of a partition, and the values of its columns.
pub(super) type KeyAndValues = (PartitionKey, Arc<[Value]>);

/// The restrictions of the key columns.
#[derive(Debug, Default)]
pub(super) struct KeyPlan {
    /// The restrictions with the indexes of their columns, at most one `=` or IN for a column.
    tests: Vec<(usize, KeyTest)>,
}

/// The restriction of a key column.
#[derive(Debug)]
pub(super) enum KeyTest {
    Equal(CompiledTerm),
    In(Vec<CompiledTerm>),
    /// `IN ?`
    InList(CompiledTerm),
    /// `<`, `<=`, `>` or `>=`
    Slice(Comparison, CompiledTerm),
}

/// The rows of each partition that a statement writes.
#[derive(Debug)]
pub(super) enum RowTargets {
    /// The static columns, or the whole partition.
    Partition,
    Rows(Vec<(ClusteringKey, Box<[Value]>)>),
    Ranges(Vec<RowRange>),
}

/// The name of a statement in errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum StatementKind {
    Insert,
    Update,
    Delete,
}

impl StatementKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl KeyPlan {
    /// Adds the value that an INSERT gives a key column.
    pub(super) fn push_equal(&mut self, column: usize, term: CompiledTerm) {
        self.tests.push((column, KeyTest::Equal(term)));
    }

    /// Compiles WHERE of an UPDATE or a DELETE, and adds its bind variables.
    pub(super) fn new(
        relations: &[Relation],
        kind: StatementKind,
        table: &TableSchema,
        variables: &mut Variables<'_>,
    ) -> Result<Self, ServerError> {
        let mut plan = Self::default();
        let mut others = Vec::new();
        for relation in relations {
            let name = match &relation.operand {
                Operand::Column(name) => name,
                Operand::Token(_) => {
                    return Err(invalid(format!(
                        "The token function cannot be used in WHERE clauses for {} statements",
                        kind.name()
                    )));
                }
                Operand::Element(name, _) => {
                    let index = table.index(name)?;
                    others.push((index, name.as_str()));
                    continue;
                }
                Operand::Tuple(columns) => {
                    plan.push_tuple(columns, relation, table, variables)?;
                    continue;
                }
            };
            let index = table.index(name)?;
            let Some(column) = table.column(index) else { continue };
            let test = test(column, relation, variables)?;
            if column.kind.is_key() {
                plan.push(index, test, column)?;
            } else {
                others.push((index, name));
            }
        }
        plan.check_partition(kind, table)?;
        if !others.is_empty() {
            others.sort_unstable();
            let names: Vec<_> = others.into_iter().map(|(_, name)| name).collect();
            return Err(invalid(format!(
                "Non PRIMARY KEY columns found in where clause: {} ",
                names.join(", ")
            )));
        }
        Ok(plan)
    }

    fn push(&mut self, index: usize, test: KeyTest, column: &Column) -> Result<(), ServerError> {
        let name = &column.name;
        let known = self.tests.iter().filter(|(known, _)| *known == index);
        for (_, known) in known {
            let exact = [known, &test].into_iter().find_map(KeyTest::exact_name);
            if let Some(exact) = exact {
                return Err(invalid(format!(
                    "{name} cannot be restricted by more than one relation if it includes an {exact}"
                )));
            }
            if let (KeyTest::Slice(known, _), KeyTest::Slice(new, _)) = (known, &test)
                && is_lower(*known) == is_lower(*new)
            {
                let bound = if is_lower(*new) { "start" } else { "end" };
                return Err(invalid(format!(
                    "More than one restriction was found for the {bound} bound on {name}"
                )));
            }
        }
        self.tests.push((index, test));
        Ok(())
    }

    /// Adds the restrictions of `(a, b) = (1, 2)`.
    fn push_tuple(
        &mut self,
        columns: &[String],
        relation: &Relation,
        table: &TableSchema,
        variables: &mut Variables<'_>,
    ) -> Result<(), ServerError> {
        let Condition::Compare(Comparison::Equal, crate::cql::Term::Tuple(terms)) =
            &relation.condition
        else {
            return Err(invalid(format!(
                "MockServer does not support the condition {relation} in a statement that writes"
            )));
        };
        if terms.len() != columns.len() {
            return Err(invalid(format!(
                "Expected {} elements in value tuple, but got {}: {}",
                columns.len(),
                terms.len(),
                crate::cql::Term::Tuple(terms.clone())
            )));
        }
        for (name, term) in columns.iter().zip(terms) {
            let index = table.index(name)?;
            let Some(column) = table.column(index) else { continue };
            if column.kind != ColumnKind::Clustering {
                return Err(invalid(format!(
                    "Multi-column relations can only be applied to clustering columns but was applied \
                     to: {name}"
                )));
            }
            let term = compile(term, &column.cql_type, name, variables)?;
            self.push(index, KeyTest::Equal(term), column)?;
        }
        Ok(())
    }

    /// Returns an error if a column of the partition key has no `=` or IN.
    pub(super) fn check_partition(
        &self,
        kind: StatementKind,
        table: &TableSchema,
    ) -> Result<(), ServerError> {
        let missing = self.missing(ColumnKind::PartitionKey, table);
        if !missing.is_empty() {
            return Err(invalid(format!(
                "Some partition key parts are missing: {}",
                missing.join(", ")
            )));
        }
        let mut key = table.indexes(ColumnKind::PartitionKey);
        match key.any(|index| self.of(index).any(KeyTest::is_slice)) {
            true => Err(invalid(format!(
                "Only EQ and IN relation are supported on the partition key (unless you use the token() \
                 function) for {} statements",
                kind.name()
            ))),
            false => Ok(()),
        }
    }

    fn missing<'t>(&self, kind: ColumnKind, table: &'t TableSchema) -> Vec<&'t str> {
        let missing = table.indexes(kind).filter(|index| self.of(*index).next().is_none());
        missing.filter_map(|index| Some(table.column(index)?.name.as_str())).collect()
    }

    fn of(&self, index: usize) -> impl Iterator<Item = &KeyTest> {
        self.tests.iter().filter(move |(known, _)| *known == index).map(|(_, test)| test)
    }

    /// Returns true if a clustering column is restricted.
    pub(super) fn has_clustering(&self, table: &TableSchema) -> bool {
        table.indexes(ColumnKind::Clustering).any(|index| self.of(index).next().is_some())
    }

    /// Returns true if a column of this kind is restricted by IN.
    pub(super) fn has_in(&self, kind: ColumnKind, table: &TableSchema) -> bool {
        table.indexes(kind).any(|index| {
            self.of(index).any(|test| matches!(test, KeyTest::In(_) | KeyTest::InList(_)))
        })
    }

    /// Returns true if all clustering columns are restricted by `=` or IN.
    pub(super) fn selects_rows(&self, table: &TableSchema) -> bool {
        let is_selected = |index| self.of(index).any(|test| !test.is_slice());
        table.indexes(ColumnKind::Clustering).all(is_selected)
    }

    /// Returns true if all columns of the primary key are restricted by `=`.
    pub(super) fn is_exact(&self, table: &TableSchema) -> bool {
        let is_exact = |index| self.of(index).any(|test| matches!(test, KeyTest::Equal(_)));
        table.indexes(ColumnKind::PartitionKey).all(is_exact)
            && table.indexes(ColumnKind::Clustering).all(is_exact)
    }

    /// Checks the restrictions of clustering columns. `needs_all` is true if the statement writes
    /// single rows.
    pub(super) fn check_clustering(
        &self,
        kind: StatementKind,
        needs_all: bool,
        table: &TableSchema,
    ) -> Result<(), ServerError> {
        let clustering: Vec<_> = table.indexes(ColumnKind::Clustering).collect();
        let slice = clustering.iter().find(|index| self.of(**index).any(KeyTest::is_slice));
        if kind != StatementKind::Delete && slice.is_some() {
            return Err(invalid(format!(
                "Slice restrictions are not supported on the clustering columns in {} statements",
                kind.name()
            )));
        }
        let missing = self.missing(ColumnKind::Clustering, table);
        if needs_all && !missing.is_empty() {
            return Err(invalid(format!(
                "Some clustering keys are missing: {}",
                missing.join(", ")
            )));
        }
        // A restricted column follows restricted columns, of which none is a slice.
        let mut before: Option<(&str, bool)> = None;
        for index in clustering {
            let Some(column) = table.column(index) else { continue };
            let (is_restricted, is_slice) =
                (self.of(index).next().is_some(), self.of(index).any(KeyTest::is_slice));
            if let Some((previous, was_slice)) = before
                && is_restricted
            {
                let name = &column.name;
                return Err(invalid(match was_slice {
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
            if (!is_restricted || is_slice) && before.is_none() {
                before = Some((&column.name, is_slice));
            }
        }
        Ok(())
    }

    /// Returns the bind variables of the partition key, in key order. Empty if a part of the key has
    /// no bind variable.
    pub(super) fn partition_variables(&self, table: &TableSchema) -> Vec<u16> {
        let variable = |index| {
            let test = self.of(index).last()?;
            let variable = match test {
                KeyTest::Equal(term) => term.variable(),
                KeyTest::In(terms) => terms.last().and_then(CompiledTerm::variable),
                KeyTest::InList(_) | KeyTest::Slice(..) => None,
            };
            u16::try_from(variable?).ok()
        };
        let key = table.indexes(ColumnKind::PartitionKey).map(variable);
        key.collect::<Option<_>>().unwrap_or_default()
    }

    /// Returns the keys of the partitions, each with the values of its columns.
    pub(super) fn partitions(
        &self,
        table: &TableSchema,
        context: &Context<'_>,
    ) -> Result<Vec<KeyAndValues>, ServerError> {
        let indexes: Vec<_> = table.indexes(ColumnKind::PartitionKey).collect();
        let mut keys = Vec::new();
        for values in self.combinations(&indexes, table, context)? {
            let columns = indexes.iter().filter_map(|index| table.column(*index));
            let typed: Vec<_> =
                values.iter().zip(columns).map(|(value, of)| (value, &of.cql_type)).collect();
            keys.push((PartitionKey::new(&typed)?, values.into()));
        }
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        keys.dedup_by(|(a, _), (b, _)| a == b);
        Ok(keys)
    }

    /// Returns the rows of each partition.
    pub(super) fn rows(
        &self,
        table: &TableSchema,
        context: &Context<'_>,
    ) -> Result<RowTargets, ServerError> {
        let clustering: Vec<_> = table.indexes(ColumnKind::Clustering).collect();
        let is_exact = |index: &usize| {
            let mut tests = self.of(*index);
            tests.any(|test| !test.is_slice())
        };
        let exact: Vec<_> = clustering.iter().copied().take_while(is_exact).collect();
        let next = clustering.get(exact.len()).copied();
        let has_slice = next.is_some_and(|index| self.of(index).next().is_some());
        if exact.is_empty() && !has_slice && !clustering.is_empty() {
            return Ok(RowTargets::Partition);
        }
        let descending = |index: &usize| table.column(*index).is_some_and(|of| of.is_descending);
        let prefixes = self.combinations(&exact, table, context)?.into_iter().map(|values| {
            let key = ClusteringKey::new(values.iter().zip(exact.iter().map(descending)));
            (key, values)
        });
        if exact.len() == clustering.len() {
            let mut rows: Vec<_> =
                prefixes.map(|(key, values)| (key, values.into_boxed_slice())).collect();
            rows.sort_by(|(a, _), (b, _)| a.cmp(b));
            rows.dedup_by(|(a, _), (b, _)| a == b);
            return Ok(RowTargets::Rows(rows));
        }
        let mut ranges = Vec::new();
        for (prefix, values) in prefixes {
            let mut range = match exact.is_empty() {
                true => (Bound::Unbounded, Bound::Unbounded),
                false => prefix.prefix_range(),
            };
            if let (true, Some(next)) = (has_slice, next)
                && let Some(column) = table.column(next)
            {
                for test in self.of(next) {
                    let KeyTest::Slice(comparison, term) = test else { continue };
                    let value = key_value(term, column, context)?;
                    let prefix = values.iter().zip(exact.iter().map(descending));
                    let bounded = prefix.chain([(&value, column.is_descending)]);
                    narrow(&mut range, *comparison, &ClusteringKey::new(bounded), column);
                }
            }
            ranges.push(range);
        }
        Ok(RowTargets::Ranges(ranges))
    }

    /// Returns the values of columns, all combinations of those of IN.
    fn combinations(
        &self,
        indexes: &[usize],
        table: &TableSchema,
        context: &Context<'_>,
    ) -> Result<Vec<Vec<Value>>, ServerError> {
        let mut combinations = vec![Vec::with_capacity(indexes.len())];
        for index in indexes {
            let (Some(column), Some(test)) = (table.column(*index), self.of(*index).next()) else {
                continue;
            };
            let values = test.values(column, context)?;
            if let [value] = &*values {
                combinations.iter_mut().for_each(|of| of.push(value.clone()));
                continue;
            }
            if combinations.len().saturating_mul(values.len()) > MAX_KEYS {
                return Err(invalid(format!(
                    "MockServer does not support more than {MAX_KEYS} keys in a statement that writes"
                )));
            }
            let with = |known: &Vec<Value>, value: &Value| {
                known.iter().chain([value]).cloned().collect::<Vec<_>>()
            };
            combinations = combinations
                .iter()
                .flat_map(|known| values.iter().map(move |value| with(known, value)))
                .collect();
        }
        Ok(combinations)
    }
}

/// Narrows a range to the keys of which the next column compares with the last value of `bound`.
fn narrow(range: &mut RowRange, comparison: Comparison, bound: &ClusteringKey, column: &Column) {
    let after = |bound: &ClusteringKey| {
        // No key follows the greatest one.
        bound.prefix_successor().map_or_else(|| Bound::Excluded(bound.clone()), Bound::Included)
    };
    let is_inclusive = matches!(comparison, Comparison::LessOrEqual | Comparison::GreaterOrEqual);
    match (is_lower(comparison) != column.is_descending, is_inclusive) {
        (true, true) => range.0 = Bound::Included(bound.clone()),
        (true, false) => range.0 = after(bound),
        (false, true) => range.1 = bound.prefix_end(),
        (false, false) => range.1 = Bound::Excluded(bound.clone()),
    }
}

const fn is_lower(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual)
}

impl KeyTest {
    const fn is_slice(&self) -> bool {
        matches!(self, Self::Slice(..))
    }

    const fn exact_name(&self) -> Option<&'static str> {
        match self {
            Self::Equal(_) => Some("Equal"),
            Self::In(_) | Self::InList(_) => Some("IN"),
            Self::Slice(..) => None,
        }
    }

    fn values(&self, column: &Column, context: &Context<'_>) -> Result<Vec<Value>, ServerError> {
        match self {
            Self::Equal(term) | Self::Slice(_, term) => {
                key_value(term, column, context).map(|value| vec![value])
            }
            Self::In(terms) => terms.iter().map(|term| key_value(term, column, context)).collect(),
            Self::InList(term) => match term.evaluate(context.bound, &context.clock)? {
                TermValue::Value(Value::List(values)) => match values.contains(&Value::Null) {
                    true => Err(null_value(column)),
                    false => Ok(values),
                },
                TermValue::Value(Value::Empty) => Ok(Vec::new()),
                TermValue::Value(_) => Err(null_value(column)),
                TermValue::Unset => Err(unset_value(column)),
            },
        }
    }
}

fn key_value(
    term: &CompiledTerm,
    column: &Column,
    context: &Context<'_>,
) -> Result<Value, ServerError> {
    match term.evaluate(context.bound, &context.clock)? {
        TermValue::Value(Value::Null) => Err(null_value(column)),
        TermValue::Value(value) => Ok(value),
        TermValue::Unset => Err(unset_value(column)),
    }
}

fn null_value(column: &Column) -> ServerError {
    invalid(format!("Invalid null value in condition for column {}", column.name))
}

fn unset_value(column: &Column) -> ServerError {
    invalid(format!("Invalid unset value for column {}", column.name))
}

/// Compiles the condition of a key column.
fn test(
    column: &Column,
    relation: &Relation,
    variables: &mut Variables<'_>,
) -> Result<KeyTest, ServerError> {
    let name = &column.name;
    match &relation.condition {
        Condition::Compare(comparison, term) => {
            let is_slice = match comparison {
                Comparison::Equal => false,
                Comparison::Less
                | Comparison::LessOrEqual
                | Comparison::Greater
                | Comparison::GreaterOrEqual => true,
                Comparison::NotEqual => {
                    return Err(invalid(format!("Unsupported \"!=\" relation: {relation}")));
                }
                Comparison::Contains | Comparison::ContainsKey => {
                    return Err(invalid(format!(
                        "Cannot use {comparison} on non-collection column {name}"
                    )));
                }
                Comparison::Like => {
                    return Err(invalid(format!(
                        "LIKE restriction is only supported on properly indexed columns. {relation} is \
                         not valid."
                    )));
                }
            };
            let term = compile(term, &column.cql_type, name, variables)?;
            Ok(if is_slice { KeyTest::Slice(*comparison, term) } else { KeyTest::Equal(term) })
        }
        Condition::In(InValues::Terms(terms)) => {
            let terms = terms.iter().map(|term| compile(term, &column.cql_type, name, variables));
            Ok(KeyTest::In(terms.collect::<Result<_, _>>()?))
        }
        Condition::In(InValues::Marker(marker)) => {
            let list = CqlType::List(Box::new(column.cql_type.clone()));
            let variable = variables.add(marker, &format!("in({name})"), list);
            Ok(KeyTest::InList(CompiledTerm::Variable(variable)))
        }
        Condition::IsNotNull => Err(invalid(format!("Unsupported restriction: {relation}"))),
    }
}
