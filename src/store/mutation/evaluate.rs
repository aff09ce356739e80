//! Evaluates a statement that writes.

use std::sync::Arc;

use super::change::{Change, ChangeKind, Write};
use super::compile::MutationPlan;
use super::context::Context;
use super::keys::{KeyAndValues, RowTargets, StatementKind};
use super::operation::{Operation, OperationKind};
use crate::message::ServerError;
use crate::store::catalog::MAX_TTL;
use crate::store::data::{Expiry, Moment, Path, StoredColumn, StoredRow};
use crate::store::error::invalid;
use crate::store::key::ClusteringKey;
use crate::store::schema::{Column, ColumnKind};
use crate::store::term::CompiledTerm;
use crate::types::{CqlType, Value};

impl MutationPlan {
    /// Returns the timestamp of the statement, or that of the execution.
    pub(super) fn timestamp(&self, context: &Context<'_>) -> Result<i64, ServerError> {
        let Some(term) = &self.timestamp else { return Ok(context.timestamp) };
        match context.value(term)? {
            None => Ok(context.timestamp),
            Some(Value::BigInt(timestamp)) => Ok(timestamp),
            Some(_) => Err(invalid("Invalid null value of timestamp")),
        }
    }

    /// Returns the expiry of the written cells.
    fn expiry(&self, context: &Context<'_>) -> Result<Option<Expiry>, ServerError> {
        let default = context.table.options.default_time_to_live;
        let ttl = match self.ttl.as_ref().map(|term| context.value(term)).transpose()? {
            None | Some(None) => default,
            Some(Some(Value::Int(ttl))) => ttl,
            // A null is no time to live, whatever the default of the table is.
            Some(Some(_)) => 0,
        };
        if ttl < 0 {
            return Err(invalid(format!("A TTL must be greater or equal to 0, but was {ttl}")));
        }
        if ttl > MAX_TTL {
            return Err(invalid(format!(
                "ttl is too large. requested ({ttl}) maximum ({MAX_TTL})"
            )));
        }
        Ok(Expiry::after(ttl, context.seconds()))
    }

    /// Returns the keys of the partitions that the statement writes.
    pub(super) fn partitions(
        &self,
        context: &Context<'_>,
    ) -> Result<Vec<KeyAndValues>, ServerError> {
        self.keys.partitions(&self.table, context)
    }

    /// Returns the row that a conditional statement checks: its key, or `None` for the static
    /// columns.
    pub(super) fn checked_row(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<ClusteringKey>, ServerError> {
        match self.row_targets(context)? {
            RowTargets::Rows(rows) => Ok(rows.into_iter().next().map(|(key, _)| key)),
            RowTargets::Partition | RowTargets::Ranges(_) => Ok(None),
        }
    }

    fn row_targets(&self, context: &Context<'_>) -> Result<RowTargets, ServerError> {
        match self.writes_rows() {
            true => self.keys.rows(&self.table, context),
            false => Ok(RowTargets::Partition),
        }
    }

    /// Returns the changes that the statement makes.
    pub(in crate::store) fn changes(
        &self,
        context: &Context<'_>,
    ) -> Result<Vec<Change>, ServerError> {
        let at = Moment { timestamp: self.timestamp(context)?, seconds: context.seconds() };
        let expiry = self.expiry(context)?;
        let rows = self.row_targets(context)?;
        let mut changes = Vec::new();
        for (partition, key) in self.partitions(context)? {
            let current = context.table.data.partition(&partition);
            let mut push = |kind| {
                let table = Arc::clone(&self.table);
                let (partition, key) = (partition.clone(), Arc::clone(&key));
                changes.push(Change { table, partition, key, at, kind });
            };
            if self.kind == StatementKind::Delete && self.operations.is_empty() {
                match &rows {
                    RowTargets::Partition => push(ChangeKind::DeletePartition),
                    RowTargets::Ranges(ranges) => {
                        ranges
                            .iter()
                            .for_each(|range| push(ChangeKind::DeleteRange(range.clone())));
                    }
                    RowTargets::Rows(rows) => {
                        let delete = |(key, values): &(ClusteringKey, Box<[Value]>)| {
                            ChangeKind::DeleteRow(key.clone(), values.clone())
                        };
                        rows.iter().for_each(|row| push(delete(row)));
                    }
                }
                continue;
            }
            let is_insert = self.kind == StatementKind::Insert;
            if let RowTargets::Rows(rows) = &rows {
                for (key, values) in rows {
                    let row = current.and_then(|partition| partition.row(key));
                    let writes = self.writes(ColumnKind::Regular, row, context)?;
                    let row = Some((key.clone(), values.clone()));
                    push(ChangeKind::Write { row, is_insert, expiry, writes });
                }
            }
            if self.has_operations(ColumnKind::Static) {
                let row = current.map(|partition| &partition.static_row);
                let writes = self.writes(ColumnKind::Static, row, context)?;
                push(ChangeKind::Write { row: None, is_insert: false, expiry, writes });
            }
        }
        Ok(changes)
    }

    /// Evaluates the operations on columns of one kind.
    fn writes(
        &self,
        kind: ColumnKind,
        row: Option<&StoredRow>,
        context: &Context<'_>,
    ) -> Result<Vec<Write>, ServerError> {
        let mut writes = Vec::new();
        for operation in &self.operations {
            if let Some(column) = self.table.column(operation.column)
                && column.kind == kind
            {
                operation.evaluate(column, row, context, &mut writes)?;
            }
        }
        Ok(writes)
    }
}

/// The live elements of a list in its row, in order.
fn list_of(row: Option<&StoredRow>, column: usize, seconds: i64) -> Vec<(&Path, &Value)> {
    match row.and_then(|row| row.column(column)) {
        Some(StoredColumn::Elements(elements)) => {
            elements.live(seconds).map(|(path, value, _)| (path, value)).collect()
        }
        _ => Vec::new(),
    }
}

impl Operation {
    fn evaluate(
        &self,
        column: &Column,
        row: Option<&StoredRow>,
        context: &Context<'_>,
        writes: &mut Vec<Write>,
    ) -> Result<(), ServerError> {
        let index = self.column;
        match &self.kind {
            OperationKind::Set(term) => {
                let Some(value) = context.value(term)? else { return Ok(()) };
                if column.is_multi_cell() {
                    writes.push(Write::ReplaceElements { column: index });
                    self.add_elements(value, column, context, writes);
                } else {
                    let value = (value != Value::Null).then_some(value);
                    writes.push(Write::Cell { column: index, value });
                }
            }
            OperationKind::SetElement(key, term) => {
                let path = self.element_path(key, column, row, context, "set an element on")?;
                if let (Some(path), Some(value)) = (path, context.value(term)?) {
                    let value = (value != Value::Null).then_some(value);
                    writes.push(Write::Element { column: index, path, value });
                }
            }
            OperationKind::SetField(field, term) => {
                if let Some(value) = context.value(term)? {
                    let value = (value != Value::Null).then_some(value);
                    let path = Path::Field(*field);
                    writes.push(Write::Element { column: index, path, value });
                }
            }
            OperationKind::Add(term) => {
                let Some(value) = context.value(term)? else { return Ok(()) };
                match value {
                    Value::Counter(delta) | Value::BigInt(delta) => {
                        writes.push(Write::Count { column: index, delta });
                    }
                    Value::Null if !column.is_multi_cell() => {
                        return Err(invalid("Invalid null value for counter increment"));
                    }
                    value => self.add_elements(value, column, context, writes),
                }
            }
            OperationKind::Prepend(term) => {
                if let Some(Value::List(values)) = context.value(term)? {
                    let paths = context.positions.prepend(values.len());
                    let elements = values.into_iter().zip(paths);
                    writes.extend(elements.map(|(value, path)| Write::Element {
                        column: index,
                        path,
                        value: Some(value),
                    }));
                }
            }
            OperationKind::Subtract(term) => {
                let Some(value) = context.value(term)? else { return Ok(()) };
                self.subtract(value, column, row, context, writes)?;
            }
            OperationKind::Delete if column.is_multi_cell() => {
                writes.push(Write::DeleteElements { column: index });
            }
            OperationKind::Delete => writes.push(Write::Cell { column: index, value: None }),
            OperationKind::DeleteElement(key) => {
                let path =
                    self.element_path(key, column, row, context, "delete an element from")?;
                writes.extend(path.map(|path| Write::Element { column: index, path, value: None }));
            }
            OperationKind::DeleteField(field) => {
                let path = Path::Field(*field);
                writes.push(Write::Element { column: index, path, value: None });
            }
        }
        Ok(())
    }

    /// Adds the elements of a collection or the fields of a user-defined type.
    fn add_elements(
        &self,
        value: Value,
        column: &Column,
        context: &Context<'_>,
        writes: &mut Vec<Write>,
    ) {
        let index = self.column;
        let mut element = |path, value| {
            writes.push(Write::Element { column: index, path, value: Some(value) });
        };
        match (value, &column.cql_type) {
            (Value::List(values), _) => {
                values.into_iter().for_each(|value| element(context.positions.append(), value));
            }
            (Value::Set(values), _) => {
                let mut add = |key| element(Path::Key(key), Value::Boolean(true));
                values.into_iter().for_each(&mut add);
            }
            (Value::Map(entries), _) => {
                entries.into_iter().for_each(|(key, value)| element(Path::Key(key), value));
            }
            (Value::Udt { fields, .. }, _) => {
                for (field, value) in fields.into_iter().enumerate() {
                    if value != Value::Null {
                        element(Path::Field(field), value);
                    }
                }
            }
            _ => {}
        }
    }

    fn subtract(
        &self,
        value: Value,
        column: &Column,
        row: Option<&StoredRow>,
        context: &Context<'_>,
        writes: &mut Vec<Write>,
    ) -> Result<(), ServerError> {
        let index = self.column;
        let delete = |path| Write::Element { column: index, path, value: None };
        match (value, &column.cql_type) {
            (Value::Counter(delta) | Value::BigInt(delta), _) => {
                let delta = delta.checked_neg().ok_or_else(|| {
                    invalid(format!(
                        "The negation of {delta} overflows supported counter precision (signed 8 bytes \
                         integer)"
                    ))
                })?;
                writes.push(Write::Count { column: index, delta });
            }
            (Value::Null, _) if !column.is_multi_cell() => {
                return Err(invalid("Invalid null value for counter increment"));
            }
            (Value::List(values), _) => {
                let current = list_of(row, index, context.seconds());
                let removed = current.into_iter().filter(|(_, value)| {
                    let key = ClusteringKey::of(value);
                    values.iter().any(|removed| ClusteringKey::of(removed) == key)
                });
                writes.extend(removed.map(|(path, _)| delete(path.clone())));
            }
            (Value::Set(keys), _) => {
                writes.extend(keys.into_iter().map(|key| delete(Path::Key(key))));
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the path of an element by its index in a list, or by its key.
    fn element_path(
        &self,
        key: &CompiledTerm,
        column: &Column,
        row: Option<&StoredRow>,
        context: &Context<'_>,
        action: &str,
    ) -> Result<Option<Path>, ServerError> {
        let kind = match column.cql_type {
            CqlType::List(_) => "value for list index",
            CqlType::Set(_) => "set element",
            _ => "map key",
        };
        let key = match context.value(key)? {
            Some(Value::Null) => return Err(invalid(format!("Invalid null {kind}"))),
            Some(key) => key,
            None => return Err(invalid(format!("Invalid unset {kind}"))),
        };
        if !matches!(column.cql_type, CqlType::List(_)) {
            return Ok(Some(Path::Key(key)));
        }
        let Value::Int(position) = key else { return Ok(None) };
        let current = list_of(row, self.column, context.seconds());
        if current.is_empty() {
            return Err(invalid(format!("Attempted to {action} a list which is null")));
        }
        let path = usize::try_from(position).ok().and_then(|position| current.get(position));
        match path {
            Some((path, _)) => Ok(Some((*path).clone())),
            None => Err(invalid(format!(
                "List index {position} out of bound, list has size {}",
                current.len()
            ))),
        }
    }
}
