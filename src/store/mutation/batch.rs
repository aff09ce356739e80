//! Batches, and the execution of statements as batches of one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::change::Change;
use super::compile::MutationPlan;
use super::condition::ConditionPlan;
use super::context::Context;
use super::result::{Conditional, applied, refused};
use crate::cql::{Batch, TableName};
use crate::message::{BatchKind, ServerError};
use crate::store::error::invalid;
use crate::store::key::{ClusteringKey, PartitionKey};
use crate::store::schema::{ColumnKind, TableSchema};
use crate::store::term::{CompiledTerm, compile};
use crate::store::variables::Variables;
use crate::types::{ColumnSpec, NativeType};

/// A BATCH statement, compiled.
#[derive(Debug)]
pub(in crate::store) struct BatchPlan {
    /// The statements, each with the index of its first variable.
    pub(in crate::store) statements: Vec<(MutationPlan, usize)>,
    pub(in crate::store) timestamp: Option<CompiledTerm>,
    pub(in crate::store) variables: Vec<ColumnSpec>,
}

impl BatchPlan {
    /// Compiles a BATCH statement. `find` looks up the table of a statement.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns to PREPARE.
    pub(in crate::store) fn new(
        batch: &Batch,
        find: &dyn Fn(&TableName) -> Result<Arc<TableSchema>, ServerError>,
    ) -> Result<Self, ServerError> {
        if batch.using.ttl().is_some() {
            return Err(invalid("Global TTL on the BATCH statement is not supported."));
        }
        let tables = batch.statements.iter().map(|statement| find(statement.table()));
        let tables: Vec<_> = tables.collect::<Result<_, _>>()?;
        // A batch without statements does nothing, so that its timestamp is not read.
        let mut variables = Vec::new();
        let mut timestamp = None;
        if let (Some(term), Some(table)) = (batch.using.timestamp(), tables.first()) {
            let mut own = Variables::new(table);
            timestamp = Some(compile(term, &NativeType::BigInt.into(), "[timestamp]", &mut own)?);
            variables = own.into_columns();
        }
        let mut statements = Vec::with_capacity(batch.statements.len());
        for (statement, table) in batch.statements.iter().zip(tables) {
            let plan = MutationPlan::new(statement, table)?;
            let first = variables.len();
            variables.extend(plan.variables.iter().cloned());
            statements.push((plan, first));
        }
        if u16::try_from(variables.len()).is_err() {
            return Err(invalid("too many bind variables in a batch"));
        }
        let plans: Vec<_> = statements.iter().map(|(plan, _)| plan).collect();
        check_batch(batch.kind, timestamp.is_some(), &plans)?;
        Ok(Self { statements, timestamp, variables })
    }
}

/// A statement of a batch that is executed.
pub(in crate::store) struct BatchPart<'b> {
    pub(in crate::store) plan: &'b MutationPlan,
    pub(in crate::store) context: Context<'b>,
}

/// Checks the statements of a batch against each other.
///
/// # Errors
/// Returns the error of Cassandra if statements may not be in the same batch.
pub(in crate::store) fn check_batch(
    kind: BatchKind,
    has_timestamp: bool,
    plans: &[&MutationPlan],
) -> Result<(), ServerError> {
    let is_conditional = plans.iter().any(|plan| plan.is_conditional());
    let is_counter_batch = kind == BatchKind::Counter;
    if has_timestamp && is_conditional {
        return Err(invalid("Cannot provide custom timestamp for conditional BATCH"));
    }
    if has_timestamp && is_counter_batch {
        return Err(invalid("Cannot provide custom timestamp for counter BATCH"));
    }
    if has_timestamp && plans.iter().any(|plan| plan.has_timestamp()) {
        return Err(invalid("Timestamp must be set either on BATCH or individual statements"));
    }
    let has_counters = plans.iter().any(|plan| plan.table.is_counter());
    let has_others = plans.iter().any(|plan| !plan.table.is_counter());
    if has_timestamp && has_counters {
        return Err(invalid("Cannot provide custom timestamp for a BATCH containing counters"));
    }
    if is_counter_batch && has_others {
        return Err(invalid("Cannot include non-counter statement in a counter batch"));
    }
    if has_counters && has_others {
        return Err(invalid("Counter and non-counter mutations cannot exist in the same batch"));
    }
    if kind == BatchKind::Logged && has_counters {
        return Err(invalid("Cannot include a counter statement in a logged batch"));
    }
    let mut names = plans.iter().map(|plan| &plan.table.name);
    if is_conditional
        && let Some(first) = names.next()
        && names.any(|name| name != first)
    {
        return Err(invalid("Batch with conditions cannot span multiple tables"));
    }
    Ok(())
}

/// Evaluates the statements of a batch. Returns their changes, and the result if a statement is
/// conditional. If a condition is not met, there are no changes.
///
/// # Errors
/// Returns the error of the first statement that fails.
pub(in crate::store) fn execute_batch(
    parts: &[BatchPart<'_>],
) -> Result<(Vec<Change>, Option<Conditional>), ServerError> {
    // INSERT JSON with a bound object is compiled for the fields of the object.
    let mut with_json = Vec::with_capacity(parts.len());
    for part in parts {
        with_json.push(part.plan.with_json(&part.context)?);
    }
    let plans: Vec<_> = parts
        .iter()
        .zip(&with_json)
        .map(|(part, json)| (json.as_ref().unwrap_or(part.plan), &part.context))
        .collect();
    let conditional = match plans.iter().any(|(plan, _)| plan.is_conditional()) {
        true => Some(check_conditions(&plans)?),
        false => None,
    };
    if let Some((false, result)) = conditional {
        return Ok((Vec::new(), Some(result)));
    }
    let mut changes = Vec::new();
    for (plan, context) in &plans {
        changes.extend(plan.changes(context)?);
    }
    Ok((changes, conditional.map(|(_, result)| result)))
}

/// Evaluates the conditions of a batch. Returns true and the result if all conditions are met, or
/// false and the result that says why not.
fn check_conditions(
    plans: &[(&MutationPlan, &Context<'_>)],
) -> Result<(bool, Conditional), ServerError> {
    let mut checked: Option<PartitionKey> = None;
    let mut rows: Vec<Option<ClusteringKey>> = Vec::new();
    let mut known_rows = HashSet::new();
    let mut kinds = HashMap::new();
    let mut columns: Option<Vec<usize>> = Some(Vec::new());
    let mut is_met = true;
    let mut reads_static = false;
    for (plan, context) in plans {
        for (partition, _) in plan.partitions(context)? {
            match &checked {
                Some(known) if *known != partition => {
                    return Err(invalid("Batch with conditions cannot span multiple partitions"));
                }
                _ => checked = Some(partition),
            }
        }
        let (Some(condition), Some(partition)) = (&plan.condition, &checked) else { continue };
        let seconds = context.seconds();
        let partition = context.table.data.partition(partition);
        let static_row = partition.map(|partition| &partition.static_row);
        let static_row = static_row.filter(|row| row.is_live(seconds));
        let key = plan.checked_row(context)?;
        check_mix(&mut kinds, &key, condition)?;
        let row = match &key {
            Some(key) => partition.and_then(|of| of.row(key)).filter(|row| row.is_live(seconds)),
            None => static_row,
        };
        is_met &= condition.is_met(row, static_row, &plan.table, context)?;
        // A condition on the existence of a row reads the static columns that the statement writes.
        reads_static |= match condition {
            ConditionPlan::All(_) => condition.has(ColumnKind::Static, &plan.table),
            ConditionPlan::Exists | ConditionPlan::NotExists => {
                plan.has_operations(ColumnKind::Static)
            }
        };
        add_columns(&mut columns, condition, &plan.table);
        if known_rows.insert(key.clone()) {
            rows.push(key);
        }
    }
    let Some((first, context)) = plans.first() else {
        return Ok((true, Default::default()));
    };
    if is_met {
        return Ok((true, applied(&first.table)));
    }
    let columns = columns.map(|columns| match plans {
        [_] => columns,
        // The rows of a batch are told apart by their keys.
        _ => key_columns(&first.table).chain(columns).collect(),
    });
    let partition = checked.as_ref().and_then(|key| context.table.data.partition(key));
    Ok((false, refused(&first.table, columns, partition, &rows, reads_static, context.seconds())))
}

/// Returns an error if statements of a batch have conditions of different kinds on the same row.
fn check_mix<'p>(
    kinds: &mut HashMap<Option<ClusteringKey>, &'p ConditionPlan>,
    key: &Option<ClusteringKey>,
    condition: &'p ConditionPlan,
) -> Result<(), ServerError> {
    let known = kinds.get(key).copied();
    let fault = match (known, condition) {
        (Some(ConditionPlan::All(_)), ConditionPlan::NotExists)
        | (Some(ConditionPlan::NotExists | ConditionPlan::Exists), ConditionPlan::All(_)) => {
            Some("Cannot mix IF conditions and IF NOT EXISTS for the same row")
        }
        (Some(ConditionPlan::All(_)), ConditionPlan::Exists) => {
            Some("Cannot mix IF conditions and IF EXISTS for the same row")
        }
        (Some(ConditionPlan::Exists), ConditionPlan::NotExists)
        | (Some(ConditionPlan::NotExists), ConditionPlan::Exists) => {
            Some("Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row")
        }
        _ => None,
    };
    if known.is_none() {
        kinds.insert(key.clone(), condition);
    }
    fault.map_or(Ok(()), |fault| Err(invalid(fault)))
}

/// Adds the columns of a condition. A condition on the existence of a row stands for all columns.
fn add_columns(columns: &mut Option<Vec<usize>>, condition: &ConditionPlan, table: &TableSchema) {
    let added = condition.columns(table);
    *columns = columns.take().zip(added).map(|(mut columns, added)| {
        let is_new: Vec<_> = added.into_iter().filter(|index| !columns.contains(index)).collect();
        columns.extend(is_new);
        columns
    });
}

fn key_columns(table: &TableSchema) -> impl Iterator<Item = usize> {
    let partition = table.indexes(ColumnKind::PartitionKey);
    partition.chain(table.indexes(ColumnKind::Clustering))
}
