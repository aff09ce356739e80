//! The rows of `system_schema` that describe the keyspaces of clients.

use super::cells::{Cells, text};
use crate::store::{
    Catalog, Column, ColumnKind, DroppedColumn, Keyspace, SecondaryIndex, Table, TableOptions,
    UserType,
};
use crate::types::{Timestamp, Value};

/// Returns the rows of `system_schema.keyspaces`.
pub(super) fn keyspaces(catalog: &Catalog) -> Vec<Cells> {
    let row = |keyspace: &Keyspace| {
        vec![
            ("keyspace_name", text(&keyspace.name)),
            ("durable_writes", Value::Boolean(keyspace.durable_writes)),
            ("replication", map(&keyspace.replication)),
        ]
    };
    catalog.keyspaces().map(row).collect()
}

/// Returns the rows of `system_schema.types`.
pub(super) fn types(catalog: &Catalog) -> Vec<Cells> {
    let row = |of: &UserType| {
        let names = of.udt.fields.iter().map(|(name, _)| text(name)).collect();
        let types = of.field_types.iter().map(|field| text(field)).collect();
        vec![
            ("keyspace_name", text(&of.udt.keyspace)),
            ("type_name", text(&of.udt.name)),
            ("field_names", Value::List(names)),
            ("field_types", Value::List(types)),
        ]
    };
    catalog.keyspaces().flat_map(|keyspace| keyspace.types.values().map(row)).collect()
}

/// Returns the rows of `system_schema.tables`.
pub(super) fn tables(catalog: &Catalog) -> Vec<Cells> {
    of_tables(catalog, |table| vec![table_row(table)])
}

/// Returns the rows of `system_schema.columns`.
pub(super) fn columns(catalog: &Catalog) -> Vec<Cells> {
    of_tables(catalog, |table| super::definitions::table_columns(&table.schema))
}

/// Returns the rows of `system_schema.dropped_columns`.
pub(super) fn dropped_columns(catalog: &Catalog) -> Vec<Cells> {
    of_tables(catalog, |table| {
        let row = |column: &DroppedColumn| {
            let mut cells = names(table);
            cells.extend([
                ("column_name", text(&column.name)),
                ("dropped_time", Value::Timestamp(Timestamp(column.dropped.div_euclid(1_000)))),
                ("kind", text(column.kind.name())),
                ("type", text(&column.type_text)),
            ]);
            cells
        };
        table.dropped_columns.iter().map(row).collect()
    })
}

/// Returns the rows of `system_schema.indexes`.
pub(super) fn indexes(catalog: &Catalog) -> Vec<Cells> {
    of_tables(catalog, |table| {
        let row = |index: &SecondaryIndex| {
            let mut cells = names(table);
            cells.extend([
                ("index_name", text(&index.name)),
                ("kind", text(if index.is_custom { "CUSTOM" } else { "COMPOSITES" })),
                ("options", map(&index.options)),
            ]);
            cells
        };
        table.schema.secondary_indexes.iter().map(row).collect()
    })
}

fn of_tables(catalog: &Catalog, rows: impl Fn(&Table) -> Vec<Cells>) -> Vec<Cells> {
    let tables = catalog.keyspaces().flat_map(|keyspace| keyspace.tables.values());
    tables.flat_map(rows).collect()
}

fn table_row(table: &Table) -> Cells {
    let options = &table.options;
    let is_counter = |column: &Column| column.type_text == "counter";
    let columns = &table.schema.columns;
    let mut flags = vec![text("compound")];
    if columns.iter().any(|column| column.kind >= ColumnKind::Static && is_counter(column)) {
        flags.push(text("counter"));
    }
    let mut cells = names(table);
    cells.extend([
        ("additional_write_policy", text(&options.additional_write_policy)),
        ("bloom_filter_fp_chance", Value::Double(options.bloom_filter_fp_chance)),
        ("caching", map(&options.caching)),
        ("comment", text(&options.comment)),
        ("compaction", map(&options.compaction)),
        ("compression", map(&options.compression)),
        ("crc_check_chance", Value::Double(options.crc_check_chance)),
        ("dclocal_read_repair_chance", Value::Double(0.0)),
        ("default_time_to_live", Value::Int(options.default_time_to_live)),
        ("extensions", Value::Map(Vec::new())),
        ("flags", Value::Set(flags)),
        ("gc_grace_seconds", Value::Int(options.gc_grace_seconds)),
        ("id", Value::Uuid(table.id)),
        ("max_index_interval", Value::Int(options.max_index_interval)),
        ("memtable_flush_period_in_ms", Value::Int(options.memtable_flush_period_in_ms)),
        ("min_index_interval", Value::Int(options.min_index_interval)),
        ("read_repair", text(&options.read_repair)),
        ("read_repair_chance", Value::Double(0.0)),
        ("speculative_retry", text(&options.speculative_retry)),
    ]);
    cells.extend(unusual_options(options));
    cells
}

/// Returns the cells that Cassandra writes only if they differ from the default.
fn unusual_options(options: &TableOptions) -> Cells {
    let mut cells = Vec::new();
    if options.cdc {
        cells.push(("cdc", Value::Boolean(true)));
    }
    if !options.allow_auto_snapshot {
        cells.push(("allow_auto_snapshot", Value::Boolean(false)));
    }
    if !options.incremental_backups {
        cells.push(("incremental_backups", Value::Boolean(false)));
    }
    if options.memtable != "default" {
        cells.push(("memtable", text(&options.memtable)));
    }
    cells
}

fn names(table: &Table) -> Cells {
    super::definitions::names(&table.schema)
}

fn map(entries: &[(String, String)]) -> Value {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort();
    Value::Map(entries.into_iter().map(|(key, value)| (text(key), text(value))).collect())
}
