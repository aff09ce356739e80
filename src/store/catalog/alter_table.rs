//! ALTER TABLE.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::create_table::{check_fields, column, no_masks, static_without_clustering};
use super::lookup::modifiable_keyspace;
use super::table_options::table_id;
use super::type_budget::TypeBudget;
use super::type_name::DefinedType;
use super::{Catalog, Changed, DroppedColumn, Keyspace, Table, table_change};
use crate::cql::{AlterTable, ColumnDefinition, TableChange};
use crate::message::{SchemaChangeKind, ServerError};
use crate::store::error::{config, invalid};
use crate::store::schema::{Column, ColumnKind, TableSchema};
use crate::types::{CqlType, Identifier, NativeType};

impl Catalog {
    /// Changes the columns or the options of a table. `now` is the time of the drop of a column, in
    /// microseconds since 1970.
    pub(in crate::store) fn alter_table(
        &mut self,
        alter: &AlterTable,
        current: Option<&str>,
        now: i64,
    ) -> Changed {
        let keyspace_name = modifiable_keyspace(&alter.table, current)?;
        let name = &alter.table.name;
        let keyspace = self.keyspaces.get_mut(keyspace_name);
        let Some(keyspace) = keyspace.filter(|keyspace| keyspace.tables.contains_key(name)) else {
            return match alter.if_exists {
                true => Ok(None),
                false => Err(invalid(format!("Table '{keyspace_name}.{name}' doesn't exist"))),
            };
        };
        let Some(mut table) = keyspace.tables.remove(name) else { return Ok(None) };
        // The table is put back whatever the result is.
        let result = change(&mut table, keyspace, &alter.change, now);
        let changed = table_change(SchemaChangeKind::Updated, &keyspace.name, name);
        keyspace.tables.insert(name.clone(), table);
        result.map(|is_changed| is_changed.then_some(changed))
    }
}

/// Changes a table. Returns false if there was nothing to change.
fn change(
    table: &mut Table,
    keyspace: &Keyspace,
    change: &TableChange,
    now: i64,
) -> Result<bool, ServerError> {
    match change {
        TableChange::Add { if_not_exists, columns } => {
            add(table, keyspace, columns, *if_not_exists)
        }
        TableChange::Drop { if_exists, columns, timestamp } => {
            let timestamp = timestamp.as_ref().and_then(|timestamp| timestamp.parse().ok());
            drop_columns(table, columns, *if_exists, timestamp.unwrap_or(now))
        }
        TableChange::Rename { if_exists, columns } => rename(table, columns, *if_exists),
        TableChange::AlterType { .. } => {
            Err(invalid("Altering column types is no longer supported"))
        }
        TableChange::AlterMask { if_exists, column, mask } => {
            let is_known = table.schema.columns.iter().any(|known| known.name == *column);
            match mask {
                Some(_) => Err(no_masks()),
                None if is_known || *if_exists => Ok(false),
                None => Err(invalid(format!(
                    "Column with name '{column}' doesn't exist on table '{}'",
                    table.schema.name.table
                ))),
            }
        }
        TableChange::DropCompactStorage => {
            Err(invalid("DROP COMPACT STORAGE is disabled. Enable in cassandra.yaml to use."))
        }
        TableChange::With(options) => {
            if table_id(options)?.is_some() {
                return Err(config("Cannot alter table id."));
            }
            let changed = table.options.clone().with(options)?;
            if table.schema.is_counter() && changed.default_time_to_live > 0 {
                return Err(invalid("Cannot set default_time_to_live on a table with counters"));
            }
            let is_changed = changed != table.options;
            table.options = changed;
            Ok(is_changed)
        }
    }
}

fn add(
    table: &mut Table,
    keyspace: &Keyspace,
    definitions: &[ColumnDefinition],
    if_not_exists: bool,
) -> Result<bool, ServerError> {
    let mut columns = table.schema.columns.clone();
    let mut budget = TypeBudget::new();
    for column in &columns {
        budget.spend(&column.cql_type, 1)?;
    }
    let mut known: HashSet<_> = columns.iter().map(|column| column.name.clone()).collect();
    for definition in definitions {
        let name = &definition.name;
        let of = keyspace.define(&definition.cql_type.0, &mut budget)?;
        if known.contains(name) {
            match if_not_exists {
                true => continue,
                false => return Err(invalid(format!("Column with name '{name}' already exists"))),
            }
        }
        if definition.mask.is_some() {
            return Err(no_masks());
        }
        let has_clustering = table.schema.indexes(ColumnKind::Clustering).next().is_some();
        if definition.is_static && !has_clustering {
            return Err(static_without_clustering());
        }
        check_fields(&of, keyspace, || {
            format!(
                "Non-frozen UDTs with nested non-frozen collections are not supported for column \
                 {name}"
            )
        })?;
        let kind = if definition.is_static { ColumnKind::Static } else { ColumnKind::Regular };
        check_dropped(table, name, &of, kind)?;
        if of.is_counter() != table.schema.is_counter() && has_values(&table.schema) {
            let (column, table_kind) = match of.is_counter() {
                true => ("counter", "non counter"),
                false => ("non counter", "counter"),
            };
            return Err(config(format!(
                "{}: Cannot have a {column} column (\"{name}\") in a {table_kind} table",
                table.schema.name
            )));
        }
        known.insert(name.clone());
        columns.push(column(name, kind, &of));
    }
    let is_changed = columns.len() > table.schema.columns.len();
    replace_columns(table, columns);
    Ok(is_changed)
}

fn has_values(schema: &TableSchema) -> bool {
    schema.columns.iter().any(|column| !column.kind.is_key())
}

/// Returns an error if a column of this name was dropped, and had another type or kind.
fn check_dropped(
    table: &Table,
    name: &str,
    of: &DefinedType,
    kind: ColumnKind,
) -> Result<(), ServerError> {
    let Some(dropped) = table.dropped_columns.iter().find(|known| known.name == name) else {
        return Ok(());
    };
    let is_compatible = |old: &str| old == of.text() || old == "text" && of.text() == "blob";
    if !is_compatible(&dropped.type_text) {
        return Err(invalid(format!(
            "Cannot re-add previously dropped column '{name}' of type {}, incompatible with previous \
             type {}",
            of.text(),
            dropped.type_text
        )));
    }
    if dropped.kind != kind {
        return Err(invalid(format!(
            "Cannot re-add previously dropped column '{name}' of kind {}, incompatible with previous \
             kind {}",
            kind.name().to_uppercase(),
            dropped.kind.name().to_uppercase()
        )));
    }
    match of.cql_type == CqlType::from(NativeType::Counter) {
        true => Err(invalid(format!("Cannot re-add previously dropped counter column {name}"))),
        false => Ok(()),
    }
}

fn drop_columns(
    table: &mut Table,
    names: &[String],
    if_exists: bool,
    now: i64,
) -> Result<bool, ServerError> {
    let columns = table.schema.columns.iter().map(|column| (&*column.name, column));
    let mut columns: HashMap<_, _> = columns.collect();
    let mut dropped = Vec::new();
    for name in names {
        let Some(column) = columns.remove(&**name).cloned() else {
            match if_exists {
                true => continue,
                false => {
                    return Err(invalid(format!(
                        "Column {name} was not found in table '{}'",
                        table.schema.name
                    )));
                }
            }
        };
        if column.kind.is_key() {
            return Err(invalid(format!("Cannot drop PRIMARY KEY column {name}")));
        }
        if column.is_multi_cell() && matches!(column.cql_type, CqlType::Udt(_)) {
            return Err(invalid(format!(
                "Cannot drop non-frozen column {name} of user type {}",
                column.type_text
            )));
        }
        check_indexes(table, name, "drop")?;
        dropped.push(DroppedColumn {
            name: column.name,
            kind: column.kind,
            type_text: column.type_text,
            dropped: now,
        });
    }
    let is_changed = !dropped.is_empty();
    let names: HashSet<_> = dropped.iter().map(|column| column.name.as_str()).collect();
    table.dropped_columns.retain(|known| !names.contains(&*known.name));
    let mut columns = table.schema.columns.clone();
    columns.retain(|column| !names.contains(&*column.name));
    table.dropped_columns.extend(dropped);
    replace_columns(table, columns);
    Ok(is_changed)
}

/// Returns an error if a column has an index.
fn check_indexes(table: &Table, column: &str, verb: &str) -> Result<(), ServerError> {
    let indexes = table.schema.secondary_indexes.iter().filter(|index| index.column == column);
    let indexes: Vec<_> = indexes.map(|index| index.name.as_str()).collect();
    match indexes.is_empty() {
        true => Ok(()),
        false => Err(invalid(format!(
            "Cannot {verb} column {column} because it has dependent secondary indexes ({})",
            indexes.join(", ")
        ))),
    }
}

fn rename(
    table: &mut Table,
    renames: &[(String, String)],
    if_exists: bool,
) -> Result<bool, ServerError> {
    let mut columns = table.schema.columns.clone();
    let mut is_changed = false;
    for (from, to) in renames {
        let name = &table.schema.name;
        let is_taken = columns.iter().any(|known| known.name == *to);
        let Some(column) = columns.iter_mut().find(|known| known.name == *from) else {
            match if_exists {
                true => continue,
                false => {
                    let from = Identifier(from);
                    return Err(invalid(format!("Undefined column name {from} in table {name}")));
                }
            }
        };
        if !column.kind.is_key() {
            return Err(invalid(format!("Cannot rename non PRIMARY KEY column {from}")));
        }
        if is_taken {
            return Err(invalid(format!(
                "Cannot rename column {from} to {to} in table '{name}'; another column with that name \
                 already exists"
            )));
        }
        check_indexes(table, from, "rename")?;
        column.name.clone_from(to);
        is_changed = true;
    }
    // The order of key columns does not depend on their names.
    table.schema = Arc::new(TableSchema { columns, ..(*table.schema).clone() });
    Ok(is_changed)
}

/// Gives a table new columns, and its cells the indexes of their columns.
fn replace_columns(table: &mut Table, mut columns: Vec<Column>) {
    columns.sort_by(|a, b| {
        let by_name = if a.kind.is_key() { std::cmp::Ordering::Equal } else { a.name.cmp(&b.name) };
        a.kind.cmp(&b.kind).then(by_name)
    });
    let old = Arc::clone(&table.schema);
    let positions: HashMap<_, _> =
        columns.iter().map(|column| column.name.as_str()).zip(0_usize..).collect();
    let index = |index: usize| positions.get(&*old.column(index)?.name).copied();
    table.data.reindex(index);
    table.schema = Arc::new(TableSchema { columns, ..(*old).clone() });
}
