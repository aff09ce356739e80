//! The schemas of the system tables, read from `schema.txt`.

use std::sync::{Arc, LazyLock};

use uuid::Uuid;

use crate::store::{Column, ColumnKind, TableSchema};
use crate::types::TableSpec;

/// A system table of Cassandra 5.0.6.
#[derive(Debug)]
pub(super) struct SystemTable {
    pub(super) schema: Arc<TableSchema>,
    /// The options of the table; `None` for a virtual table.
    pub(super) options: Option<TableOptions>,
    pub(super) comment: String,
}

/// The options in which system tables differ.
#[derive(Debug)]
pub(super) struct TableOptions {
    pub(super) id: Uuid,
    pub(super) gc_grace_seconds: i32,
    pub(super) memtable_flush_period_in_ms: i32,
    pub(super) default_time_to_live: i32,
    /// The class of the compaction strategy without its package.
    pub(super) compaction: String,
    pub(super) min_threshold: String,
}

static TABLES: LazyLock<Vec<SystemTable>> = LazyLock::new(|| parse(include_str!("schema.txt")));

/// The keyspace whose tables are virtual.
pub(super) const VIRTUAL: &str = "system_virtual_schema";

/// Returns all system tables. The tables of a keyspace are adjacent and in alphabetical order.
pub(super) fn tables() -> &'static [SystemTable] {
    &TABLES
}

/// Parses the tables of `schema.txt`. Lines that are not understood are left out; a test checks that
/// there are none.
fn parse(text: &str) -> Vec<SystemTable> {
    let mut tables: Vec<(SystemTable, Vec<Column>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match (line.strip_prefix("  "), tables.last_mut()) {
            (Some(line), Some((_, columns))) => columns.extend(parse_column(line)),
            (None, _) => tables.extend(parse_table(line).map(|table| (table, Vec::new()))),
            (Some(_), None) => {}
        }
    }
    let with_columns = |(table, columns): (SystemTable, Vec<Column>)| {
        let name = Arc::clone(&table.schema.name);
        let is_virtual = table.options.is_none();
        SystemTable {
            schema: Arc::new(TableSchema {
                name,
                columns,
                is_virtual,
                secondary_indexes: Vec::new(),
            }),
            ..table
        }
    };
    tables.into_iter().map(with_columns).collect()
}

fn parse_table(line: &str) -> Option<SystemTable> {
    let (keyspace, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(' ')?;
    let (options, comment) = match keyspace {
        VIRTUAL => (None, rest),
        _ => {
            let mut parts = rest.splitn(6, ' ');
            let options = parse_options(&mut parts)?;
            (Some(options), parts.next().unwrap_or_default())
        }
    };
    let name = Arc::new(TableSpec { keyspace: keyspace.to_owned(), table: name.to_owned() });
    let schema =
        TableSchema { name, columns: Vec::new(), is_virtual: false, secondary_indexes: Vec::new() };
    Some(SystemTable { schema: Arc::new(schema), options, comment: comment.to_owned() })
}

fn parse_options<'t>(parts: &mut impl Iterator<Item = &'t str>) -> Option<TableOptions> {
    let id = parts.next()?.parse().ok()?;
    let gc_grace_seconds = parts.next()?.parse().ok()?;
    let memtable_flush_period_in_ms = parts.next()?.parse().ok()?;
    let default_time_to_live = parts.next()?.parse().ok()?;
    let (compaction, min_threshold) = parts.next()?.split_once(',')?;
    Some(TableOptions {
        id,
        gc_grace_seconds,
        memtable_flush_period_in_ms,
        default_time_to_live,
        compaction: compaction.to_owned(),
        min_threshold: min_threshold.to_owned(),
    })
}

fn parse_column(line: &str) -> Option<Column> {
    let mut parts = line.splitn(3, ' ');
    let name = parts.next()?.to_owned();
    let (kind, is_descending) = match parts.next()? {
        "partition_key" => (ColumnKind::PartitionKey, false),
        "clustering" => (ColumnKind::Clustering, false),
        "clustering_desc" => (ColumnKind::Clustering, true),
        "static" => (ColumnKind::Static, false),
        "regular" => (ColumnKind::Regular, false),
        _ => return None,
    };
    let type_text = parts.next()?.to_owned();
    let cql_type = type_text.parse().ok()?;
    Some(Column { name, kind, cql_type, type_text, is_descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_schema_is_understood() {
        let lines = include_str!("schema.txt").lines().filter(|line| !line.starts_with('#'));
        let (columns, tables): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("  "));
        assert_eq!(super::tables().len(), tables.len());
        let parsed = super::tables().iter().map(|table| table.schema.columns.len());
        assert_eq!(parsed.sum::<usize>(), columns.len());
        for table in super::tables() {
            let kinds = || table.schema.columns.iter().map(|column| column.kind);
            assert!(kinds().is_sorted(), "{}", table.schema.name);
            assert_eq!(kinds().next(), Some(ColumnKind::PartitionKey), "{}", table.schema.name);
            assert_eq!(table.options.is_none(), table.schema.name.keyspace == VIRTUAL);
        }
    }
}
