//! CREATE and DROP INDEX. The indexes are a part of the schema; reads do not use them.

use std::sync::Arc;

use super::lookup::{modifiable_keyspace, no_keyspace};
use super::options::{OptionMap, map};
use super::type_name::has_duration;
use super::{Catalog, Changed, Keyspace, table_change};
use crate::cql::{CreateIndex, DropElement, IndexPart, IndexTarget, TableName};
use crate::message::{SchemaChangeKind, ServerError};
use crate::store::error::{config, invalid};
use crate::store::schema::{Column, ColumnKind, SecondaryIndex, TableSchema};
use crate::types::{CqlType, Identifier};

impl Catalog {
    /// Creates an index of one column.
    pub(in crate::store) fn create_index(
        &mut self,
        create: &CreateIndex,
        current: Option<&str>,
    ) -> Changed {
        let given = create.name.as_ref();
        let index_keyspace = given.and_then(|name| name.keyspace.as_deref());
        let keyspace_name = create.table.keyspace.as_deref().or(index_keyspace).or(current);
        let keyspace_name = keyspace_name.ok_or_else(no_keyspace)?;
        if index_keyspace.is_some_and(|of| of != keyspace_name) {
            return Err(invalid(format!(
                "Keyspace name '{keyspace_name}' doesn't match index name '{}'",
                create.table.name
            )));
        }
        let keyspace = self.target(keyspace_name)?;
        let table_name = &create.table.name;
        if !keyspace.tables.contains_key(table_name) {
            return Err(invalid(format!("Table '{table_name}' doesn't exist")));
        }
        if let Some(TableName { name, .. }) = given
            && has_index(keyspace, name)
        {
            return match create.if_not_exists {
                true => Ok(None),
                false => Err(invalid(format!("Index '{name}' already exists"))),
            };
        }
        let Some(table) = keyspace.tables.get(table_name) else { return Ok(None) };
        if table.schema.is_counter() {
            return Err(invalid("Secondary indexes on counter tables aren't supported"));
        }
        let target = match &*create.targets {
            [target] => target,
            [] if !create.is_custom => {
                return Err(invalid(
                    "Only CUSTOM indexes can be created without specifying a target column",
                ));
            }
            [] => {
                return Err(invalid("MockServer does not support CUSTOM indexes without a column"));
            }
            _ if create.is_custom => {
                return Err(invalid(
                    "MockServer does not support CUSTOM indexes of several columns",
                ));
            }
            _ => return Err(invalid("Only CUSTOM indexes support multiple columns")),
        };
        let index = index(create, target, &table.schema, || {
            given.map_or_else(
                || available_name(keyspace, table_name, &target.column),
                |name| name.name.clone(),
            )
        })?;
        let is_same = |known: &&SecondaryIndex| {
            SecondaryIndex { name: index.name.clone(), ..(*known).clone() } == index
        };
        if let Some(known) = table.schema.secondary_indexes.iter().find(is_same) {
            return match create.if_not_exists {
                true => Ok(None),
                false => Err(invalid(format!(
                    "Index {} is a duplicate of existing index {}",
                    index.name, known.name
                ))),
            };
        }
        let mut schema = (*table.schema).clone();
        schema.secondary_indexes.push(index);
        schema.secondary_indexes.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(table) = keyspace.tables.get_mut(table_name) {
            table.schema = Arc::new(schema);
        }
        Ok(Some(table_change(SchemaChangeKind::Updated, keyspace_name, table_name)))
    }

    /// Drops an index.
    pub(in crate::store) fn drop_index(
        &mut self,
        drop: &DropElement<TableName>,
        current: Option<&str>,
    ) -> Changed {
        let keyspace_name = modifiable_keyspace(&drop.name, current)?;
        let name = &drop.name.name;
        let tables = self.keyspaces.get_mut(keyspace_name).map(|of| of.tables.iter_mut());
        for (table_name, table) in tables.into_iter().flatten() {
            if table.schema.secondary_indexes.iter().any(|index| index.name == *name) {
                let mut schema = (*table.schema).clone();
                schema.secondary_indexes.retain(|index| index.name != *name);
                table.schema = Arc::new(schema);
                return Ok(Some(table_change(
                    SchemaChangeKind::Updated,
                    keyspace_name,
                    table_name,
                )));
            }
        }
        match drop.if_exists {
            true => Ok(None),
            false => Err(invalid(format!("Index '{keyspace_name}.{name}' doesn't exist'"))),
        }
    }
}

fn has_index(keyspace: &Keyspace, name: &str) -> bool {
    let mut indexes = keyspace.tables.values().flat_map(|table| &table.schema.secondary_indexes);
    indexes.any(|index| index.name == name)
}

/// Returns a name of which the keyspace has no index.
fn available_name(keyspace: &Keyspace, table: &str, column: &str) -> String {
    let base: String = format!("{table}_{column}_idx");
    let base: String = base.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let numbered = (1_u32..).map(|number| format!("{base}_{number}"));
    let mut names = std::iter::once(base.clone()).chain(numbered);
    names.find(|name| !has_index(keyspace, name)).unwrap_or_default()
}

fn index(
    create: &CreateIndex,
    target: &IndexTarget,
    schema: &TableSchema,
    name: impl FnOnce() -> String,
) -> Result<SecondaryIndex, ServerError> {
    let Some(column) = schema.column(schema.index(&target.column)?) else {
        return Err(invalid(format!("Column '{}' doesn't exist", target.column)));
    };
    let is_collection =
        matches!(column.cql_type, CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_));
    let part = match target.part {
        IndexPart::Simple if is_collection && column.is_multi_cell() => IndexPart::Values,
        part => part,
    };
    check_target(column, part, schema, is_collection)?;
    let column_text = Identifier(&column.name);
    let target_text = match part.function() {
        Some(function) => format!("{function}({column_text})"),
        None => column_text.to_string(),
    };
    let mut options: OptionMap = map(&create.options, "options")?.unwrap_or_default();
    let is_custom = create.is_custom || create.using.is_some();
    if create.is_custom && create.using.is_none() {
        return Err(config("Unable to find custom indexer class 'legacy_local_table'"));
    }
    if !is_custom && !options.is_empty() {
        return Err(invalid("Cannot specify options for a non-CUSTOM index"));
    }
    options.extend(create.using.iter().map(|class| ("class_name".to_owned(), class.clone())));
    options.push(("target".to_owned(), target_text));
    options.sort();
    Ok(SecondaryIndex { name: name(), is_custom, column: column.name.clone(), part, options })
}

fn check_target(
    column: &Column,
    part: IndexPart,
    schema: &TableSchema,
    is_collection: bool,
) -> Result<(), ServerError> {
    let name = &column.name;
    let is_frozen_collection = is_collection && !column.is_multi_cell();
    let function = part.function().unwrap_or_default();
    if has_duration(&column.cql_type) {
        return Err(invalid(match column.cql_type {
            _ if is_collection => {
                "Secondary indexes are not supported on collections containing durations"
            }
            CqlType::Tuple(_) => {
                "Secondary indexes are not supported on tuples containing durations"
            }
            CqlType::Udt(_) => "Secondary indexes are not supported on UDTs containing durations",
            _ => "Secondary indexes are not supported on duration columns",
        }));
    }
    let is_whole_key = column.kind == ColumnKind::PartitionKey
        && schema.indexes(ColumnKind::PartitionKey).count() == 1;
    if is_whole_key {
        return Err(invalid(format!(
            "Cannot create secondary index on the only partition key column {name}"
        )));
    }
    if is_frozen_collection && part != IndexPart::Full {
        return Err(invalid(format!(
            "Cannot create {function}() index on frozen column {name}. Frozen collections are immutable \
             and must be fully indexed by using the 'full({name})' modifier"
        )));
    }
    if !is_frozen_collection && part == IndexPart::Full {
        return Err(invalid("full() indexes can only be created on frozen collections"));
    }
    if !is_collection && part != IndexPart::Simple {
        return Err(invalid(format!(
            "Cannot create {function}() index on {name}. Non-collection columns only support simple \
             indexes"
        )));
    }
    let is_map = matches!(column.cql_type, CqlType::Map(_)) && column.is_multi_cell();
    if !is_map && matches!(part, IndexPart::Keys | IndexPart::Entries) {
        return Err(invalid(format!(
            "Cannot create index on {function} of column {name} with non-map type"
        )));
    }
    match matches!(column.cql_type, CqlType::Udt(_)) && column.is_multi_cell() {
        true => Err(invalid(format!("Cannot create index on non-frozen UDT column {name}"))),
        false => Ok(()),
    }
}
