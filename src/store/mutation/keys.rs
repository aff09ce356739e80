//! The rows that a statement writes: WHERE of UPDATE and DELETE, and the key columns of INSERT.

use std::ops::Bound;
use std::sync::Arc;

use super::context::Context;
use crate::cql::{Comparison, Condition, InValues, Operand, Relation, Term};
use crate::message::ServerError;
use crate::store::data::RowRange;
use crate::store::error::invalid;
use crate::store::key::{ClusteringKey, MAX_KEYS, PartitionKey};
use crate::store::schema::{Column, ColumnKind, TableSchema};
use crate::store::term::{CompiledTerm, compile};
use crate::store::variables::{TermValue, Variables};
use crate::types::{CqlType, Value};

/// The key of a partition, and the values of its columns.
pub(super) type KeyAndValues = (PartitionKey, Arc<[Value]>);

/// The restrictions of the key columns.
#[derive(Debug, Default)]
pub(super) struct KeyPlan {
    /// The restrictions with the indexes of their columns, at most one `=` or IN for a column.
    tests: Vec<(Vec<usize>, KeyTest)>,
}

/// The restriction of a key column.
#[derive(Debug)]
pub(super) enum KeyTest {
    Equal(CompiledTerm),
    In(Vec<CompiledTerm>),
    /// `IN ?`
    InList(CompiledTerm),
    /// `<`, `<=`, `>` or `>=`, with a term for each column of `(a, b) > (1, 2)`.
    Slice(Comparison, Vec<CompiledTerm>),
    /// `(a, b) IN ((1, 2), (3, 4))`, or `(a, b) = (1, 2)`.
    Tuples(Vec<Vec<CompiledTerm>>),
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
        self.tests.push((vec![column], KeyTest::Equal(term)));
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
            let test = test(column, relation, kind, variables)?;
            if column.kind.is_key() {
                plan.push(vec![index], test, &column.name)?;
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

    fn push(&mut self, columns: Vec<usize>, test: KeyTest, name: &str) -> Result<(), ServerError> {
        let is_shared = |known: &Vec<usize>| known.iter().any(|index| columns.contains(index));
        let known = self.tests.iter().filter(|(known, _)| is_shared(known));
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
        self.tests.push((columns, test));
        Ok(())
    }

    /// Adds the restriction of `(a, b) = (1, 2)`, `(a, b) IN ((1, 2))` or `(a, b) > (1, 2)`.
    fn push_tuple(
        &mut self,
        columns: &[String],
        relation: &Relation,
        table: &TableSchema,
        variables: &mut Variables<'_>,
    ) -> Result<(), ServerError> {
        let mut indexes = Vec::with_capacity(columns.len());
        for name in columns {
            let index = table.index(name)?;
            if table.column(index).is_none_or(|column| column.kind != ColumnKind::Clustering) {
                return Err(invalid(format!(
                    "Multi-column relations can only be applied to clustering columns but was applied \
                     to: {name}"
                )));
            }
            // The clustering columns are adjacent.
            if indexes.last().is_some_and(|last: &usize| last.saturating_add(1) != index) {
                return Err(invalid(format!(
                    "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: \
                     {relation}"
                )));
            }
            indexes.push(index);
        }
        let mut tuple = |term: &Term| tuple(term, relation, &indexes, table, variables);
        let test = match &relation.condition {
            Condition::Compare(Comparison::Equal, term) => KeyTest::Tuples(vec![tuple(term)?]),
            Condition::Compare(
                comparison @ (Comparison::Less
                | Comparison::LessOrEqual
                | Comparison::Greater
                | Comparison::GreaterOrEqual),
                term,
            ) => KeyTest::Slice(*comparison, tuple(term)?),
            Condition::In(InValues::Terms(terms)) => {
                KeyTest::Tuples(terms.iter().map(tuple).collect::<Result<_, _>>()?)
            }
            _ => return Err(unsupported(relation)),
        };
        let mut directions = indexes.iter().map(|index| is_descending(table, *index));
        let first = directions.next();
        if test.is_slice() && directions.any(|direction| Some(direction) != first) {
            return Err(unsupported(relation));
        }
        self.push(indexes, test, &columns.join(", "))
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
        let tests = self.tests.iter().filter(move |(known, _)| known.contains(&index));
        tests.map(|(_, test)| test)
    }

    /// Returns true if a clustering column is restricted.
    pub(super) fn has_clustering(&self, table: &TableSchema) -> bool {
        table.indexes(ColumnKind::Clustering).any(|index| self.of(index).next().is_some())
    }

    /// Returns true if a column of this kind is restricted by IN.
    pub(super) fn has_in(&self, kind: ColumnKind, table: &TableSchema) -> bool {
        table.indexes(kind).any(|index| {
            self.of(index).any(|test| match test {
                KeyTest::In(_) | KeyTest::InList(_) => true,
                KeyTest::Tuples(tuples) => tuples.len() != 1,
                KeyTest::Equal(_) | KeyTest::Slice(..) => false,
            })
        })
    }

    /// Returns true if all clustering columns are restricted by `=` or IN.
    pub(super) fn selects_rows(&self, table: &TableSchema) -> bool {
        let is_selected = |index| self.of(index).any(|test| !test.is_slice());
        table.indexes(ColumnKind::Clustering).all(is_selected)
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
            let starts = |(columns, _): &(Vec<usize>, KeyTest)| columns.first() == Some(&index);
            if let Some((previous, was_slice)) = before
                && self.tests.iter().any(starts)
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
                KeyTest::InList(_) | KeyTest::Slice(..) | KeyTest::Tuples(_) => None,
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
        let is_exact = |index: &usize| self.of(*index).any(|test| !test.is_slice());
        let exact: Vec<_> = clustering.iter().copied().take_while(is_exact).collect();
        let next = clustering.get(exact.len()).copied();
        let has_slice = next.is_some_and(|index| self.of(index).next().is_some());
        if exact.is_empty() && !has_slice && !clustering.is_empty() {
            return Ok(RowTargets::Partition);
        }
        let directions = clustering.iter().map(|index| is_descending(table, *index));
        let directions: Vec<_> = directions.collect();
        let key =
            |values: &[Value]| ClusteringKey::new(values.iter().zip(directions.iter().copied()));
        let prefixes = self.combinations(&exact, table, context)?;
        if exact.len() == clustering.len() {
            let row = |values: Vec<Value>| (key(&values), values.into_boxed_slice());
            let mut rows: Vec<_> = prefixes.into_iter().map(row).collect();
            rows.sort_by(|(a, _), (b, _)| a.cmp(b));
            rows.dedup_by(|(a, _), (b, _)| a == b);
            return Ok(RowTargets::Rows(rows));
        }
        let mut ranges = Vec::new();
        for values in prefixes {
            let mut range = match exact.is_empty() {
                true => (Bound::Unbounded, Bound::Unbounded),
                false => key(&values).prefix_range(),
            };
            for (columns, test) in &self.tests {
                let KeyTest::Slice(comparison, terms) = test else { continue };
                let mut bounded = values.clone();
                for (index, term) in columns.iter().zip(terms) {
                    let Some(column) = table.column(*index) else { continue };
                    bounded.push(key_value(term, column, context)?);
                }
                let first = columns.first();
                let is_descending = first.is_some_and(|index| is_descending(table, *index));
                narrow(&mut range, *comparison, &key(&bounded), is_descending);
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
            let test = self.tests.iter().find(|(columns, _)| columns.contains(index));
            let (Some(column), Some((columns, test))) = (table.column(*index), test) else {
                continue;
            };
            // The first column of a tuple stands for all of them.
            if columns.first() != Some(index) {
                continue;
            }
            let values: Vec<Vec<Value>> = match test {
                KeyTest::Tuples(tuples) => {
                    let tuple = |terms: &Vec<CompiledTerm>| {
                        let columns = columns.iter().filter_map(|index| table.column(*index));
                        let values = terms.iter().zip(columns);
                        values.map(|(term, column)| key_value(term, column, context)).collect()
                    };
                    tuples.iter().map(tuple).collect::<Result<_, _>>()?
                }
                test => {
                    let values = test.values(column, context)?;
                    values.into_iter().map(|value| vec![value]).collect()
                }
            };
            if let [values] = &*values {
                combinations.iter_mut().for_each(|of| of.extend_from_slice(values));
                continue;
            }
            if combinations.len().saturating_mul(values.len()) > MAX_KEYS {
                return Err(invalid(format!(
                    "MockServer does not support more than {MAX_KEYS} keys in a statement that writes"
                )));
            }
            let with = |known: &Vec<Value>, values: &Vec<Value>| {
                known.iter().chain(values).cloned().collect::<Vec<_>>()
            };
            combinations = combinations
                .iter()
                .flat_map(|known| values.iter().map(move |values| with(known, values)))
                .collect();
        }
        Ok(combinations)
    }
}

fn is_descending(table: &TableSchema, index: usize) -> bool {
    table.column(index).is_some_and(|column| column.is_descending)
}

fn unsupported(relation: &Relation) -> ServerError {
    invalid(format!(
        "MockServer does not support the condition {relation} in a statement that writes"
    ))
}

/// Compiles a tuple of clustering values.
fn tuple(
    term: &Term,
    relation: &Relation,
    indexes: &[usize],
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<Vec<CompiledTerm>, ServerError> {
    let Term::Tuple(terms) = term else { return Err(unsupported(relation)) };
    if terms.len() != indexes.len() {
        return Err(invalid(format!(
            "Expected {} elements in value tuple, but got {}: {term}",
            indexes.len(),
            terms.len()
        )));
    }
    let columns = indexes.iter().filter_map(|index| table.column(*index));
    let compile =
        |(term, column): (&Term, &Column)| compile(term, &column.cql_type, &column.name, variables);
    terms.iter().zip(columns).map(compile).collect()
}

/// Narrows a range to the keys that compare with `bound`. The range of each slice is within the range
/// of the columns before it.
fn narrow(
    range: &mut RowRange,
    comparison: Comparison,
    bound: &ClusteringKey,
    is_descending: bool,
) {
    let after = |bound: &ClusteringKey| {
        // No key follows the greatest one.
        bound.prefix_successor().map_or_else(|| Bound::Excluded(bound.clone()), Bound::Included)
    };
    let is_inclusive = matches!(comparison, Comparison::LessOrEqual | Comparison::GreaterOrEqual);
    match (is_lower(comparison) != is_descending, is_inclusive) {
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
            Self::Tuples(tuples) if tuples.len() == 1 => Some("Equal"),
            Self::In(_) | Self::InList(_) | Self::Tuples(_) => Some("IN"),
            Self::Slice(..) => None,
        }
    }

    fn values(&self, column: &Column, context: &Context<'_>) -> Result<Vec<Value>, ServerError> {
        match self {
            Self::Equal(term) => key_value(term, column, context).map(|value| vec![value]),
            // These are evaluated with all their columns.
            Self::Slice(..) | Self::Tuples(_) => Ok(Vec::new()),
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
    kind: StatementKind,
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
                    return Err(invalid(format!("Cannot use {} with {comparison}", kind.name())));
                }
                Comparison::Like => {
                    compile(term, &column.cql_type, name, variables)?;
                    return Err(invalid(format!(
                        "LIKE restriction is only supported on properly indexed columns. {relation} is \
                         not valid."
                    )));
                }
            };
            let term = compile(term, &column.cql_type, name, variables)?;
            Ok(match is_slice {
                true => KeyTest::Slice(*comparison, vec![term]),
                false => KeyTest::Equal(term),
            })
        }
        Condition::In(InValues::Terms(terms)) => {
            let mut compile = |term| compile(term, &column.cql_type, name, variables);
            // IN with one term is equality.
            match &**terms {
                [term] => compile(term).map(KeyTest::Equal),
                terms => terms.iter().map(compile).collect::<Result<_, _>>().map(KeyTest::In),
            }
        }
        Condition::In(InValues::Marker(marker)) => {
            let list = CqlType::List(Box::new(column.cql_type.clone()));
            let variable = variables.add(marker, &format!("in({name})"), list);
            Ok(KeyTest::InList(CompiledTerm::Variable(variable)))
        }
        Condition::IsNotNull => Err(invalid(format!("Unsupported restriction: {relation}"))),
    }
}
