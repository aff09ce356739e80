//! The store: prepares and executes statements.

mod batch;
mod outcome;
mod prepared;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use batch::BatchEntry;
pub(crate) use outcome::Outcome;
pub(crate) use prepared::Prepared;
pub(crate) use view::System;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::catalog::Catalog;
use super::clock::{Clock, UuidSource};
use super::error::invalid;
use super::mutation::{BatchPart, Change, Context, Positions, apply, execute_batch};
use super::select::PageRequest;
use super::variables::BoundValues;
use crate::cql::Statement;
use crate::message::ServerError;
use crate::types::{NamedValue, TableSpec};
use prepared::Plan;
use view::View;

/// A CQL database in memory.
///
/// The store has no clock: the caller passes the time of each execution. It is not durable, and it
/// knows neither replicas nor consistency levels.
#[derive(Debug)]
pub(crate) struct Store {
    catalog: Catalog,
    /// The number of changes of the schema.
    version: u64,
    /// The last timestamp that the store gave a write.
    last_timestamp: i64,
    positions: Positions,
    uuids: UuidSource,
}

/// The values and the attributes of an execution.
#[derive(Debug, Clone, Default)]
pub(crate) struct Execution<'e> {
    pub(crate) values: Vec<NamedValue<'e>>,
    /// The time of the server, in microseconds since 1970. It gives the timestamps of the store, the
    /// times of UUIDs and functions, and the age of deletions.
    pub(crate) now: i64,
    /// The time that decides which cells have expired, and from which times to live are counted, in
    /// seconds since 1970. `None` for the time of the server.
    pub(crate) now_in_seconds: Option<i32>,
    /// The timestamp of the request, in microseconds since 1970. `None` for the time of the store.
    pub(crate) timestamp: Option<i64>,
    pub(crate) page: PageRequest<'e>,
}

impl Execution<'_> {
    /// Returns the times of the execution, with the source of its UUIDs.
    fn clock<'u>(&self, uuids: &'u UuidSource) -> Clock<'u> {
        let seconds = self.now_in_seconds.map(i64::from);
        let seconds = seconds.unwrap_or_else(|| self.now.div_euclid(1_000_000));
        Clock { now: self.now, seconds, uuids }
    }
}

impl Store {
    /// Returns an empty store. `seed` determines the UUIDs that the store makes. `datacenters` are those
    /// of the nodes, which a keyspace may be replicated to.
    pub(crate) fn new(seed: u64, datacenters: BTreeSet<String>) -> Self {
        Self {
            catalog: Catalog::new(datacenters),
            version: 0,
            last_timestamp: i64::MIN,
            positions: Positions::default(),
            uuids: UuidSource::new(seed),
        }
    }

    /// Returns the keyspaces that clients created.
    pub(crate) const fn schema(&self) -> &Catalog {
        &self.catalog
    }

    /// Prepares a statement. `keyspace` is the keyspace of the connection.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns to PREPARE, or an INVALID error if the store does
    /// not support a part of the statement.
    pub(crate) fn prepare(
        &self,
        text: &str,
        keyspace: Option<&str>,
        system: &dyn System,
    ) -> Result<Prepared, ServerError> {
        let statement =
            crate::cql::parse_statement(text).map_err(|error| super::syntax_error(&error))?;
        self.compile(statement, keyspace, system)
    }

    fn compile(
        &self,
        statement: Statement,
        keyspace: Option<&str>,
        system: &dyn System,
    ) -> Result<Prepared, ServerError> {
        let view = View::new(&self.catalog, system);
        let plan = Plan::new(&statement, keyspace, &view)?;
        let keyspace = keyspace.map(str::to_owned);
        let version = self.version;
        Ok(Prepared { statement, keyspace, plan, version, recompiled: Mutex::default() })
    }

    /// Returns the statement compiled for the current schema, or `None` if it is up to date. The
    /// statement is compiled once for each change of the schema.
    fn recompiled(
        &self,
        prepared: &Prepared,
        system: &dyn System,
    ) -> Result<Option<Arc<Prepared>>, ServerError> {
        if prepared.version == self.version {
            return Ok(None);
        }
        let mut kept = prepared.recompiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recompiled) = kept.as_ref().filter(|kept| kept.version == self.version) {
            return Ok(Some(Arc::clone(recompiled)));
        }
        let statement = prepared.statement.clone();
        let recompiled = self.compile(statement, prepared.keyspace.as_deref(), system)?;
        Ok(Some(Arc::clone(kept.insert(Arc::new(recompiled)))))
    }

    /// Executes a statement.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns. A statement that fails changes nothing.
    pub(crate) fn execute(
        &mut self,
        prepared: &Prepared,
        execution: &Execution<'_>,
        system: &dyn System,
    ) -> Result<Outcome, ServerError> {
        let recompiled = self.recompiled(prepared, system)?;
        let prepared = recompiled.as_deref().unwrap_or(prepared);
        let values = execution.values.iter().copied();
        let bound = BoundValues::decode(prepared.variables(), values)?;
        match &prepared.plan {
            Plan::Select(plan) => {
                let clock = execution.clock(&self.uuids);
                let view = View::new(&self.catalog, system);
                let result = plan.execute(&view, &bound, &clock, execution.page)?;
                Ok(Outcome::selected(plan.columns.clone(), result))
            }
            Plan::Mutation(plan) => {
                let is_internal = plan.is_conditional() || plan.table.is_counter();
                let timestamp = self.timestamp(execution, is_internal);
                let context = self.context(&plan.table.name, &bound, execution, timestamp)?;
                let parts = [BatchPart { plan, context }];
                let (changes, result) = execute_batch(&parts)?;
                self.apply(changes, execution.now);
                Ok(Outcome::written(result))
            }
            Plan::Batch(plan) => self.execute_text_batch(plan, &bound, execution),
            Plan::Truncate(table) => {
                let found = self.catalog.table_mut(&table.keyspace, &table.table);
                found.ok_or_else(|| not_writable(table))?.data.truncate();
                Ok(Outcome::Void)
            }
            Plan::Other => self.define(prepared, execution, system),
        }
    }

    /// Executes a statement that changes no rows.
    fn define(
        &mut self,
        prepared: &Prepared,
        execution: &Execution<'_>,
        system: &dyn System,
    ) -> Result<Outcome, ServerError> {
        let current = prepared.keyspace.as_deref();
        let catalog = &mut self.catalog;
        let changed = match &prepared.statement {
            Statement::Use(keyspace) => {
                let view = View::new(catalog, system);
                return match super::Database::has_keyspace(&view, keyspace) {
                    true => Ok(Outcome::SetKeyspace(keyspace.clone())),
                    false => Err(invalid(format!("Keyspace '{keyspace}' does not exist"))),
                };
            }
            Statement::CreateKeyspace(create) => catalog.create_keyspace(create),
            Statement::AlterKeyspace(alter) => catalog.alter_keyspace(alter),
            Statement::DropKeyspace(drop) => catalog.drop_keyspace(drop),
            Statement::CreateTable(create) => {
                let id = execution.clock(&self.uuids).timeuuid();
                catalog.create_table(create, current, id)
            }
            Statement::AlterTable(alter) => catalog.alter_table(alter, current, execution.now),
            Statement::DropTable(drop) => catalog.drop_table(drop, current),
            Statement::CreateType(create) => catalog.create_type(create, current),
            Statement::AlterType(alter) => catalog.alter_type(alter, current),
            Statement::DropType(drop) => catalog.drop_type(drop, current),
            Statement::CreateIndex(create) => catalog.create_index(create, current),
            Statement::DropIndex(drop) => catalog.drop_index(drop, current),
            statement => Err(invalid(format!(
                "MockServer does not support the statement {}",
                prepared::name(statement)
            ))),
        };
        let Some(change) = changed? else { return Ok(Outcome::Void) };
        self.version = self.version.saturating_add(1);
        Ok(Outcome::SchemaChange(change))
    }

    /// Returns the timestamp of an execution. Timestamps of the store always increase.
    fn timestamp(&mut self, execution: &Execution<'_>, is_internal: bool) -> i64 {
        match execution.timestamp {
            Some(timestamp) if !is_internal => timestamp,
            _ => {
                self.last_timestamp = execution.now.max(self.last_timestamp.saturating_add(1));
                self.last_timestamp
            }
        }
    }

    fn context<'c>(
        &'c self,
        table: &TableSpec,
        bound: &'c BoundValues,
        execution: &Execution<'_>,
        timestamp: i64,
    ) -> Result<Context<'c>, ServerError> {
        let found = self.catalog.table(&table.keyspace, &table.table);
        let table = found.ok_or_else(|| not_writable(table))?;
        let clock = execution.clock(&self.uuids);
        Ok(Context { bound, clock, timestamp, table, positions: &self.positions })
    }

    fn apply(&mut self, changes: Vec<Change>, now: i64) {
        let seconds = now.div_euclid(1_000_000);
        for change in changes {
            let name = Arc::clone(&change.table.name);
            if let Some(table) = self.catalog.table_mut(&name.keyspace, &name.table) {
                apply(change, &mut table.data);
                table.data.purge(seconds, table.options.gc_grace_seconds.into());
            }
        }
    }
}

/// Returns the error for a write to a system table.
fn not_writable(table: &TableSpec) -> ServerError {
    invalid(format!("MockServer does not support writes to the system table {table}"))
}
