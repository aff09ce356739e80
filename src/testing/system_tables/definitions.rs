//! The rows of `system_schema` and `system_virtual_schema`, which describe the system tables and the
//! keyspace `test`.

use super::catalog::{self, SystemTable, TableOptions, VIRTUAL};
use super::cells::{Cells, text};
use crate::store::{Column, ColumnKind, TableSchema};
use crate::types::Value;

/// The keyspaces that are not virtual: the name, the replication strategy and its factor.
pub(super) const KEYSPACES: [(&str, &str, Option<&str>); 6] = [
    ("system", "LocalStrategy", None),
    ("system_auth", "SimpleStrategy", Some("1")),
    ("system_distributed", "SimpleStrategy", Some("3")),
    ("system_schema", "LocalStrategy", None),
    ("system_traces", "SimpleStrategy", Some("2")),
    // The keyspace of scripted replies. Its tables are not known.
    ("test", "SimpleStrategy", Some("1")),
];

/// Returns the rows of `system_schema.keyspaces` for the keyspaces that `is_listed` selects.
pub(super) fn keyspaces(is_listed: impl Fn(&str) -> bool) -> Vec<Cells> {
    let row = |(name, strategy, factor): &(&str, &str, Option<&str>)| {
        let class = format!("org.apache.cassandra.locator.{strategy}");
        let mut replication = vec![("class", &*class)];
        replication.extend(factor.map(|factor| ("replication_factor", factor)));
        vec![
            ("keyspace_name", text(name)),
            ("durable_writes", Value::Boolean(true)),
            ("replication", map(&replication)),
        ]
    };
    KEYSPACES.iter().filter(|(name, ..)| is_listed(name)).map(row).collect()
}

/// Returns the rows of `system_virtual_schema.keyspaces`.
pub(super) fn virtual_keyspaces() -> Vec<Cells> {
    vec![vec![("keyspace_name", text(VIRTUAL))]]
}

/// Returns the rows of `system_schema.tables`.
pub(super) fn tables() -> Vec<Cells> {
    let row = |table: &SystemTable| table.options.as_ref().map(|options| table_row(table, options));
    catalog::tables().iter().filter_map(row).collect()
}

fn table_row(table: &SystemTable, options: &TableOptions) -> Cells {
    let mut cells = names(&table.schema);
    let compaction = format!("org.apache.cassandra.db.compaction.{}", options.compaction);
    let mut compaction = vec![
        ("class", &*compaction),
        ("max_threshold", "32"),
        ("min_threshold", &options.min_threshold),
    ];
    if options.compaction == "TimeWindowCompactionStrategy" {
        compaction.extend([("compaction_window_size", "1"), ("compaction_window_unit", "DAYS")]);
        compaction.sort_unstable();
    }
    let compressor = "org.apache.cassandra.io.compress.LZ4Compressor";
    cells.extend([
        ("additional_write_policy", text("99p")),
        ("bloom_filter_fp_chance", Value::Double(0.01)),
        ("caching", map(&[("keys", "ALL"), ("rows_per_partition", "NONE")])),
        ("comment", text(&table.comment)),
        ("compaction", map(&compaction)),
        ("compression", map(&[("chunk_length_in_kb", "16"), ("class", compressor)])),
        ("crc_check_chance", Value::Double(1.0)),
        ("dclocal_read_repair_chance", Value::Double(0.0)),
        ("default_time_to_live", Value::Int(options.default_time_to_live)),
        ("extensions", Value::Map(Vec::new())),
        ("flags", Value::Set(vec![text("compound")])),
        ("gc_grace_seconds", Value::Int(options.gc_grace_seconds)),
        ("id", Value::Uuid(options.id)),
        ("max_index_interval", Value::Int(2_048)),
        ("memtable_flush_period_in_ms", Value::Int(options.memtable_flush_period_in_ms)),
        ("min_index_interval", Value::Int(128)),
        ("read_repair", text("BLOCKING")),
        ("read_repair_chance", Value::Double(0.0)),
        ("speculative_retry", text("99p")),
    ]);
    cells
}

/// Returns the rows of `system_virtual_schema.tables`.
pub(super) fn virtual_tables() -> Vec<Cells> {
    let tables = catalog::tables().iter().filter(|table| table.options.is_none());
    let row = |table: &SystemTable| {
        let comment = [("comment", text(&table.comment))];
        names(&table.schema).into_iter().chain(comment).collect()
    };
    tables.map(row).collect()
}

/// Returns the rows of `system_schema.columns`, or of `system_virtual_schema.columns` if
/// `is_virtual`.
pub(super) fn columns(is_virtual: bool) -> Vec<Cells> {
    let tables = catalog::tables().iter().filter(|table| table.options.is_none() == is_virtual);
    tables.flat_map(|table| table_columns(&table.schema)).collect()
}

/// Returns the rows of one table's columns, in alphabetical order.
pub(super) fn table_columns(table: &TableSchema) -> Vec<Cells> {
    let columns = &table.columns;
    let row = |(index, column): (usize, &Column)| {
        let of_kind = columns.iter().take(index).filter(|other| other.kind == column.kind);
        let position = match column.kind {
            ColumnKind::PartitionKey | ColumnKind::Clustering => {
                i32::try_from(of_kind.count()).unwrap_or(i32::MAX)
            }
            ColumnKind::Static | ColumnKind::Regular => -1,
        };
        let order = match (column.kind, column.is_descending) {
            (ColumnKind::Clustering, true) => "desc",
            (ColumnKind::Clustering, false) => "asc",
            _ => "none",
        };
        let mut cells = names(table);
        cells.extend([
            ("column_name", text(&column.name)),
            ("clustering_order", text(order)),
            ("column_name_bytes", Value::Blob(column.name.clone().into())),
            ("kind", text(column.kind.name())),
            ("position", Value::Int(position)),
            ("type", text(&column.type_text)),
        ]);
        cells
    };
    let mut by_name: Vec<_> = columns.iter().enumerate().collect();
    by_name.sort_by_key(|(_, column)| &column.name);
    by_name.into_iter().map(row).collect()
}

/// Returns the row of `system_schema.indexes` for the only index of a system table.
pub(super) fn indexes() -> Vec<Cells> {
    let class = "org.apache.cassandra.service.paxos.uncommitted.PaxosUncommittedIndex";
    vec![vec![
        ("keyspace_name", text("system")),
        ("table_name", text("paxos")),
        ("index_name", text("PaxosUncommittedIndex")),
        ("kind", text("CUSTOM")),
        ("options", map(&[("class_name", class), ("target", "")])),
    ]]
}

/// Returns the cells with the name of a table.
pub(super) fn names(table: &TableSchema) -> Cells {
    let name = &table.name;
    vec![("keyspace_name", text(&name.keyspace)), ("table_name", text(&name.table))]
}

fn map(entries: &[(&str, &str)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| (text(key), text(value))).collect())
}
