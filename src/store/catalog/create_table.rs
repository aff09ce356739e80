//! CREATE and DROP TABLE.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::lookup::{already_exists, is_valid_name, keyspace_of, modifiable_keyspace};
use super::table_options::{TableOptions, table_id};
use super::type_budget::TypeBudget;
use super::type_name::{DefinedType, has_duration};
use super::{Catalog, Changed, Keyspace, Table, table_change};
use crate::cql::{ColumnDefinition, CreateTable, DropElement, PrimaryKey, TableName};
use crate::message::{SchemaChangeKind, ServerError};
use crate::store::error::{config, invalid};
use crate::store::schema::{Column, ColumnKind, TableSchema};
use crate::types::{CqlType, TableSpec};

/// Limit on the columns of a primary key. The statements on a table compare its key columns in pairs.
const MAX_KEY_COLUMNS: usize = 1_000;

impl Catalog {
    /// Creates a table. `id` is its id, if the options give it none.
    pub(in crate::store) fn create_table(
        &mut self,
        create: &CreateTable,
        current: Option<&str>,
        id: Uuid,
    ) -> Changed {
        let name = &create.table.name;
        // The parser of Cassandra finds these errors, before it looks up the keyspace.
        let key = check_statement(create)?;
        let keyspace = self.target(keyspace_of(&create.table, current)?)?;
        if keyspace.tables.contains_key(name) {
            return match create.if_not_exists {
                true => Ok(None),
                false => Err(already_exists(&keyspace.name, name)),
            };
        }
        if create.is_compact {
            return Err(invalid("MockServer does not support COMPACT STORAGE in CREATE TABLE"));
        }
        let options = TableOptions::default().with(&create.options)?;
        let columns = columns(create, key, keyspace)?;
        let is_counter = columns.iter().any(|(_, of)| of.is_counter());
        if is_counter && options.default_time_to_live > 0 {
            return Err(invalid("Cannot set default_time_to_live on a table with counters"));
        }
        if !is_valid_name(name) {
            return Err(config(format!(
                "{}.{name}: Table name must not be empty or not contain non-alphanumeric-underscore \
                 characters (got \"{name}\")",
                keyspace.name
            )));
        }
        let table_name = TableSpec { keyspace: keyspace.name.clone(), table: name.clone() };
        let schema = TableSchema {
            name: Arc::new(table_name),
            columns: columns.into_iter().map(|(column, _)| column).collect(),
            is_virtual: false,
            secondary_indexes: Vec::new(),
        };
        let table = Table {
            schema: Arc::new(schema),
            id: table_id(&create.options)?.unwrap_or(id),
            options,
            dropped_columns: Vec::new(),
            data: Default::default(),
        };
        keyspace.tables.insert(name.clone(), table);
        Ok(Some(table_change(SchemaChangeKind::Created, &keyspace.name, name)))
    }

    /// Drops a table.
    pub(in crate::store) fn drop_table(
        &mut self,
        drop: &DropElement<TableName>,
        current: Option<&str>,
    ) -> Changed {
        let keyspace = modifiable_keyspace(&drop.name, current)?;
        let name = &drop.name.name;
        let tables = self.keyspaces.get_mut(keyspace).map(|keyspace| &mut keyspace.tables);
        match tables.and_then(|tables| tables.remove(name)) {
            Some(_) => Ok(Some(table_change(SchemaChangeKind::Dropped, keyspace, name))),
            None if drop.if_exists => Ok(None),
            None => Err(invalid(format!("Table '{keyspace}.{name}' doesn't exist"))),
        }
    }
}

/// Returns the primary key of a statement that repeats nothing.
fn check_statement(create: &CreateTable) -> Result<&PrimaryKey, ServerError> {
    let table = &create.table.name;
    let mut known = HashSet::with_capacity(create.columns.len());
    for ColumnDefinition { name, .. } in &create.columns {
        if !known.insert(name) {
            return Err(invalid(format!(
                "Duplicate column '{name}' declaration for table '{table}'"
            )));
        }
    }
    known.clear();
    for order in &create.clustering_order {
        let name = &order.column;
        if !known.insert(name) {
            return Err(invalid(format!(
                "Duplicate column '{name}' in CLUSTERING ORDER BY clause for table '{table}'"
            )));
        }
    }
    match &*create.primary_keys {
        [key] => Ok(key),
        // The words are those of the server.
        [] => Err(invalid(format!(
            "No PRIMARY KEY specifed for table '{table}' (exactly one required)"
        ))),
        _ => Err(invalid(format!(
            "Multiple PRIMARY KEY specified for table '{table}' (exactly one required)"
        ))),
    }
}

/// Returns the columns of a new table in the order of `SELECT *`.
fn columns(
    create: &CreateTable,
    key: &PrimaryKey,
    keyspace: &Keyspace,
) -> Result<Vec<(Column, DefinedType)>, ServerError> {
    let table = &create.table.name;
    let mut defined = Vec::with_capacity(create.columns.len());
    let mut budget = TypeBudget::new();
    for column in &create.columns {
        if column.mask.is_some() {
            return Err(no_masks());
        }
        defined.push((column, keyspace.define(&column.cql_type.0, &mut budget)?));
    }
    for (_, of) in &defined {
        check_fields(of, keyspace, || {
            "Non-frozen UDTs with nested non-frozen collections are not supported".to_owned()
        })?;
    }
    if key.partition.len().saturating_add(key.clustering.len()) > MAX_KEY_COLUMNS {
        return Err(invalid(format!(
            "MockServer does not support more than {MAX_KEY_COLUMNS} columns in a primary key"
        )));
    }
    let positions: HashMap<_, _> =
        defined.iter().map(|(column, _)| &column.name).zip(0_usize..).collect();
    let mut seen: HashSet<&String> = HashSet::new();
    let keys = key.partition.iter().map(|name| (name, ColumnKind::PartitionKey));
    let keys = keys.chain(key.clustering.iter().map(|name| (name, ColumnKind::Clustering)));
    let mut columns = Vec::with_capacity(defined.len());
    for (name, kind) in keys {
        let known = positions.get(name).and_then(|position| defined.get(*position));
        let Some((column, of)) = known else {
            return Err(invalid(format!(
                "Unknown column '{name}' referenced in PRIMARY KEY for table '{table}'"
            )));
        };
        if !seen.insert(name) {
            return Err(invalid(format!(
                "Duplicate column '{name}' in PRIMARY KEY clause for table '{table}'"
            )));
        }
        check_key_column(name, of, column.is_static)?;
        columns.push((self::column(name, kind, of), of.clone()));
    }
    check_order(create, key)?;
    for (column, _) in columns.iter_mut().filter(|(of, _)| of.kind == ColumnKind::Clustering) {
        let mut order = create.clustering_order.iter();
        column.is_descending = order.any(|of| of.column == column.name && of.is_descending);
    }
    let mut others: Vec<_> =
        defined.into_iter().filter(|(of, _)| !seen.contains(&of.name)).collect();
    others.sort_by_key(|(of, _)| (!of.is_static, of.name.clone()));
    if key.clustering.is_empty() && others.iter().any(|(of, _)| of.is_static) {
        return Err(static_without_clustering());
    }
    if others.iter().any(|(_, of)| of.is_counter()) && !others.iter().all(|(_, of)| of.is_counter())
    {
        return Err(invalid("Cannot mix counter and non counter columns in the same table"));
    }
    columns.extend(others.into_iter().map(|(definition, of)| {
        let kind = if definition.is_static { ColumnKind::Static } else { ColumnKind::Regular };
        (column(&definition.name, kind, &of), of)
    }));
    Ok(columns)
}

pub(super) fn column(name: &str, kind: ColumnKind, of: &DefinedType) -> Column {
    Column {
        name: name.to_owned(),
        kind,
        cql_type: of.cql_type.clone(),
        type_text: of.text(),
        is_descending: false,
    }
}

pub(super) fn no_masks() -> ServerError {
    invalid(
        "Cannot mask columns because dynamic data masking is not enabled. You can enable it with the \
         dynamic_data_masking_enabled property on cassandra.yaml",
    )
}

pub(super) fn static_without_clustering() -> ServerError {
    invalid(
        "Static columns are only useful (and thus allowed) if the table has at least one clustering \
         column",
    )
}

/// Returns an error if a field of a user-defined type that is not frozen is a collection that is not
/// frozen.
pub(super) fn check_fields(
    of: &DefinedType,
    keyspace: &Keyspace,
    message: impl Fn() -> String,
) -> Result<(), ServerError> {
    let CqlType::Udt(udt) = &of.cql_type else { return Ok(()) };
    let fields = keyspace.types.get(&udt.name).map(|known| known.field_types.as_slice());
    let is_open =
        |text: &String| ["list<", "set<", "map<"].iter().any(|name| text.starts_with(name));
    match of.is_multi_cell() && fields.unwrap_or_default().iter().any(is_open) {
        true => Err(invalid(message())),
        false => Ok(()),
    }
}

fn check_key_column(name: &str, of: &DefinedType, is_static: bool) -> Result<(), ServerError> {
    if of.is_multi_cell() {
        let (kind, text) = match &of.cql_type {
            CqlType::Udt(udt) => ("user-defined", format!("\"{}.{}\"", udt.keyspace, udt.name)),
            _ => ("collection", of.text()),
        };
        return Err(invalid(format!(
            "Invalid non-frozen {kind} type {text} for PRIMARY KEY column '{name}'"
        )));
    }
    let fault = if of.is_counter() {
        Some("counter")
    } else if has_duration(&of.cql_type) {
        Some("duration")
    } else {
        None
    };
    if let Some(fault) = fault {
        return Err(invalid(format!(
            "{fault} type is not supported for PRIMARY KEY column '{name}'"
        )));
    }
    match is_static {
        true => Err(invalid(format!("Static column '{name}' cannot be part of the PRIMARY KEY"))),
        false => Ok(()),
    }
}

/// Returns an error if CLUSTERING ORDER BY does not name the clustering columns in their order.
fn check_order(create: &CreateTable, key: &PrimaryKey) -> Result<(), ServerError> {
    let order = &create.clustering_order;
    let others = order.iter().filter(|of| !key.clustering.contains(&of.column));
    let others: Vec<_> = others.map(|of| of.column.as_str()).collect();
    if !others.is_empty() {
        return Err(invalid(format!(
            "Only clustering key columns can be defined in CLUSTERING ORDER directive: [{}] are not \
             clustering columns",
            others.join(", ")
        )));
    }
    for (given, expected) in order.iter().zip(&key.clustering) {
        if given.column == *expected {
            continue;
        }
        return Err(invalid(match order.iter().any(|of| of.column == *expected) {
            true => format!(
                "The order of columns in the CLUSTERING ORDER directive must match that of the \
                 clustering columns ({expected} must appear before {})",
                given.column
            ),
            false => format!("Missing CLUSTERING ORDER for column {expected}"),
        }));
    }
    Ok(())
}
