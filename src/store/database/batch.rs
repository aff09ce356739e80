//! Batches.

use super::{Execution, Outcome, Prepared, Store, System};
use crate::message::{BatchKind, ServerError};
use crate::store::error::invalid;
use crate::store::mutation::{BatchPart, BatchPlan, MutationPlan, check_batch, execute_batch};
use crate::store::variables::{BoundValues, TermValue};
use crate::types::{NamedValue, Value};

/// A statement of a BATCH request, with its values.
#[derive(Debug, Clone)]
pub(crate) struct BatchEntry<'e> {
    pub(crate) prepared: &'e Prepared,
    pub(crate) values: Vec<NamedValue<'e>>,
}

impl Store {
    /// Executes a BATCH request. `execution` has no values of its own.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns. A batch of which one statement fails changes
    /// nothing.
    pub(crate) fn execute_batch(
        &mut self,
        kind: BatchKind,
        entries: &[BatchEntry<'_>],
        execution: &Execution<'_>,
        system: &dyn System,
    ) -> Result<Outcome, ServerError> {
        let mut recompiled = Vec::with_capacity(entries.len());
        for entry in entries {
            recompiled.push(self.recompiled(entry.prepared, system)?);
        }
        let mut statements = Vec::with_capacity(entries.len());
        for (entry, recompiled) in entries.iter().zip(&recompiled) {
            let prepared = recompiled.as_deref().unwrap_or(entry.prepared);
            let plan = prepared.mutation().ok_or_else(|| {
                invalid(
                    "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.",
                )
            })?;
            let values = entry.values.iter().copied();
            statements.push((plan, BoundValues::decode(&plan.variables, values)?));
        }
        let plans: Vec<_> = statements.iter().map(|(plan, _)| *plan).collect();
        check_batch(kind, false, &plans)?;
        self.execute_all(&statements, execution, None)
    }

    /// Executes a BATCH statement.
    pub(super) fn execute_text_batch(
        &mut self,
        plan: &BatchPlan,
        bound: &BoundValues,
        execution: &Execution<'_>,
    ) -> Result<Outcome, ServerError> {
        let timestamp = match &plan.timestamp {
            None => None,
            Some(term) => {
                let clock = execution.clock(&self.uuids);
                match term.evaluate(bound, &clock)? {
                    TermValue::Value(Value::BigInt(timestamp)) => Some(timestamp),
                    TermValue::Value(_) => return Err(invalid("Invalid null value of timestamp")),
                    TermValue::Unset => None,
                }
            }
        };
        let part =
            |(plan, first): &'_ (MutationPlan, usize)| bound.part(*first, plan.variables.len());
        let bound: Vec<_> = plan.statements.iter().map(part).collect();
        let plans = plan.statements.iter().map(|(plan, _)| plan);
        let statements: Vec<_> = plans.zip(bound).collect();
        self.execute_all(&statements, execution, timestamp)
    }

    fn execute_all(
        &mut self,
        statements: &[(&MutationPlan, BoundValues)],
        execution: &Execution<'_>,
        timestamp: Option<i64>,
    ) -> Result<Outcome, ServerError> {
        let is_internal =
            statements.iter().any(|(plan, _)| plan.is_conditional() || plan.table.is_counter());
        let timestamp = match timestamp {
            Some(timestamp) => timestamp,
            None => self.timestamp(execution, is_internal),
        };
        let mut parts = Vec::with_capacity(statements.len());
        for (plan, bound) in statements {
            let context = self.context(&plan.table.name, bound, execution, timestamp)?;
            parts.push(BatchPart { plan, context });
        }
        let (changes, result) = execute_batch(&parts)?;
        drop(parts);
        self.apply(changes, execution.now);
        Ok(Outcome::written(result))
    }
}
