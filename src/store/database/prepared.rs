//! Prepared statements.

use std::sync::{Arc, Mutex};

use crate::cql::{Select, Statement, TableName};
use crate::message::ServerError;
use crate::store::catalog::{find_table, qualified};
use crate::store::mutation::{BatchPlan, MutationPlan};
use crate::store::select::SelectPlan;
use crate::store::source::Database;
use crate::types::{ColumnSpec, TableSpec};

/// A statement that was checked against the schema.
///
/// If the schema changes, [`Store::execute`](super::Store::execute) checks the statement again, once
/// for each change.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(super) statement: Statement,
    /// The keyspace of the connection.
    pub(super) keyspace: Option<String>,
    pub(super) plan: Plan,
    /// The version of the schema.
    pub(super) version: u64,
    /// The statement compiled for a later version of the schema.
    pub(super) recompiled: Mutex<Option<Arc<Prepared>>>,
}

/// A statement, compiled.
#[derive(Debug)]
pub(super) enum Plan {
    Select(Box<SelectPlan>),
    Mutation(Box<MutationPlan>),
    Batch(BatchPlan),
    Truncate(Arc<TableSpec>),
    /// A statement that is not compiled: USE, or a change of the schema.
    Other,
}

impl Plan {
    pub(super) fn new(
        statement: &Statement,
        keyspace: Option<&str>,
        database: &dyn Database,
    ) -> Result<Self, ServerError> {
        Ok(match statement {
            Statement::Select(select) => {
                let table = qualified(&select.table, keyspace)?;
                let select = Select { table, ..select.clone() };
                Self::Select(Box::new(SelectPlan::new(&select, database)?))
            }
            Statement::Mutation(mutation) => {
                let table = find_table(mutation.table(), keyspace, database)?;
                Self::Mutation(Box::new(MutationPlan::new(mutation, table)?))
            }
            Statement::Batch(batch) => {
                let find = |name: &TableName| find_table(name, keyspace, database);
                Self::Batch(BatchPlan::new(batch, &find)?)
            }
            Statement::Truncate(name) => {
                Self::Truncate(Arc::clone(&find_table(name, keyspace, database)?.name))
            }
            _ => Self::Other,
        })
    }
}

impl Prepared {
    /// Returns the statement.
    pub(crate) const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Returns the bind variables.
    pub(crate) fn variables(&self) -> &[ColumnSpec] {
        match &self.plan {
            Plan::Select(plan) => &plan.variables,
            Plan::Mutation(plan) => &plan.variables,
            Plan::Batch(plan) => &plan.variables,
            Plan::Truncate(_) | Plan::Other => &[],
        }
    }

    /// Returns the indexes of the bind variables that form the partition key, in key order. Empty if a
    /// part of the key has no bind variable.
    pub(crate) fn partition_key(&self) -> &[u16] {
        match &self.plan {
            Plan::Select(plan) => &plan.partition_key,
            Plan::Mutation(plan) => &plan.partition_key,
            Plan::Batch(_) | Plan::Truncate(_) | Plan::Other => &[],
        }
    }

    /// Returns the columns of the result. As in Cassandra, the columns of a conditional statement are
    /// known only when it is executed.
    pub(crate) fn columns(&self) -> &[ColumnSpec] {
        match &self.plan {
            Plan::Select(plan) => &plan.columns,
            _ => &[],
        }
    }

    /// Returns true if the statement has an IF clause.
    pub(crate) fn is_conditional(&self) -> bool {
        match &self.plan {
            Plan::Mutation(plan) => plan.is_conditional(),
            Plan::Batch(plan) => plan.statements.iter().any(|(plan, _)| plan.is_conditional()),
            Plan::Select(_) | Plan::Truncate(_) | Plan::Other => false,
        }
    }

    pub(super) fn mutation(&self) -> Option<&MutationPlan> {
        match &self.plan {
            Plan::Mutation(plan) => Some(plan),
            _ => None,
        }
    }
}

/// Returns the keywords of a statement that the store does not execute.
pub(super) const fn name(statement: &Statement) -> &'static str {
    match statement {
        Statement::Describe(_) => "DESCRIBE",
        Statement::Other(keywords) => keywords,
        _ => "",
    }
}
