//! Tables, indexes and views as the Python driver exports them.

use super::super::column::{Column, ColumnKind};
use super::super::ddl::{list, map, separated};
use super::super::user_types::is_empty;
use super::super::{ClusteringOrder, Index, Table, View};
use super::text::{ExportedName, QualifiedName, option_value};

/// The options that the driver prints.
const OPTIONS: [&str; 15] = [
    "bloom_filter_fp_chance",
    "caching",
    "cdc",
    "comment",
    "compaction",
    "compression",
    "crc_check_chance",
    "dclocal_read_repair_chance",
    "default_time_to_live",
    "gc_grace_seconds",
    "max_index_interval",
    "memtable_flush_period_in_ms",
    "min_index_interval",
    "read_repair_chance",
    "speculative_retry",
];

impl Table {
    /// Returns the statements that create the table, its indexes and `views`, those of its keyspace that
    /// have it as base table.
    pub(crate) fn export<'v>(&self, views: impl Iterator<Item = &'v View>) -> String {
        let indexes = self.indexes.values().map(|index| format!("\n{}", index.export()));
        let views = views.map(|view| format!("\n\n{}", view.export()));
        [self.create_statement()].into_iter().chain(indexes).chain(views).collect()
    }

    fn create_statement(&self) -> String {
        let is_in_line = self.partition_key.len() == 1 && self.clustering.is_empty();
        let definition = |column: &Column| {
            let is_static = if column.kind == ColumnKind::Static { " static" } else { "" };
            let is_key = is_in_line && column.kind == ColumnKind::PartitionKey;
            let key = if is_key { " PRIMARY KEY" } else { "" };
            let cql_type = match is_empty(&column.type_text) {
                // The name of the type in the schema tables, which is not valid in a statement.
                true => "empty",
                false => &column.type_text,
            };
            format!("    {} {cql_type}{is_static}{key}", ExportedName(&column.name))
        };
        let key = (!is_in_line).then(|| format!("    PRIMARY KEY {}", self.exported_key()));
        let lines = self.columns_by_name().into_iter().map(definition).chain(key);
        let lines = separated(lines, ",\n");
        let name = QualifiedName(&self.keyspace, &self.name);
        format!("CREATE TABLE {name} (\n{lines}\n) WITH {};", self.exported_properties())
    }

    /// Returns the columns in the order in which the driver prints them: static columns are among the
    /// regular ones.
    fn columns_by_name(&self) -> Vec<&Column> {
        let is_key = |column: &Column| {
            matches!(column.kind, ColumnKind::PartitionKey | ColumnKind::Clustering)
        };
        let mut columns: Vec<_> = self.columns.iter().collect();
        // The sort is stable, and the columns of the key come first in their order.
        columns.sort_by_key(|column| (!is_key(column)).then_some(&column.name));
        columns
    }

    fn exported_key(&self) -> String {
        let partition = list(self.partition_key.iter().map(|name| ExportedName(name)));
        let partition = match self.partition_key.len() {
            1 => partition,
            _ => format!("({partition})"),
        };
        let clustering = self.clustering.iter().map(|(name, _)| ExportedName(name).to_string());
        format!("({})", list([partition].into_iter().chain(clustering)))
    }

    fn exported_properties(&self) -> String {
        let compact = self.is_compact.then(|| "COMPACT STORAGE".to_owned());
        let order = |(name, order): &(String, ClusteringOrder)| match order {
            ClusteringOrder::Asc => format!("{} ASC", ExportedName(name)),
            ClusteringOrder::Desc => format!("{} DESC", ExportedName(name)),
        };
        let orders = list(self.clustering.iter().map(order));
        let orders = (!orders.is_empty()).then(|| format!("CLUSTERING ORDER BY ({orders})"));
        let option = |name| Some(format!("{name} = {}", option_value(self.options.get(name)?)));
        let options = OPTIONS.into_iter().filter_map(option);
        separated(compact.into_iter().chain(orders).chain(options), "\n    AND ")
    }
}

impl View {
    /// Returns the statement that creates the view. Its condition is printed as the server stores it:
    /// quotation marks inside literals are not escaped.
    pub(crate) fn export(&self) -> String {
        let columns = match self.includes_all_columns {
            true => "*".to_owned(),
            false => {
                list(self.table.columns_by_name().iter().map(|column| ExportedName(&column.name)))
            }
        };
        format!(
            "CREATE MATERIALIZED VIEW {} AS\n    SELECT {columns}\n    FROM {}\n    WHERE {}\n    \
             PRIMARY KEY {}\n    WITH {};",
            QualifiedName(&self.table.keyspace, &self.table.name),
            QualifiedName(&self.table.keyspace, &self.base_table),
            self.where_clause,
            self.table.exported_key(),
            self.table.exported_properties(),
        )
    }
}

impl Index {
    /// Returns the statement that creates the index.
    pub(crate) fn export(&self) -> String {
        let Self { target, .. } = self;
        let table = QualifiedName(&self.keyspace, &self.table);
        let on = format!("INDEX {} ON {table} ({target})", ExportedName(&self.name));
        let class = self.class.as_ref().filter(|_| self.kind == "CUSTOM");
        let Some(class) = class else { return format!("CREATE {on};") };
        let options = match self.options.is_empty() {
            true => String::new(),
            false => format!(" WITH OPTIONS = {}", map(&self.options)),
        };
        format!("CREATE CUSTOM {on} USING '{class}'{options};")
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::SchemaPart::{Columns, Indexes, Keyspaces, Tables, Views};
    use super::super::super::rows::{Cell, int, map, read, text, texts};
    use crate::types::Value;

    const EXPORTED: &str = "CREATE TABLE ks.t (
    k int,
    c int,
    \"S\" int static,
    \"rows\" int,
    v int,
    PRIMARY KEY (k, c)
) WITH CLUSTERING ORDER BY (c DESC)
    AND bloom_filter_fp_chance = 0.01
    AND comment = 'it''s'
    AND compaction = {'class': 'Own', 'min': '4'};
CREATE CUSTOM INDEX i ON ks.t (v) USING 'a.B' WITH OPTIONS = {'mode': 'it''s'};

CREATE MATERIALIZED VIEW ks.by_v AS
    SELECT v, k
    FROM ks.t
    WHERE v = 'it's'
    PRIMARY KEY (v, k)
    WITH CLUSTERING ORDER BY (k ASC)
    AND comment = '';";

    fn column(table: &str, name: &str, kind: &str, order: &str) -> Vec<Cell> {
        vec![
            text("keyspace_name", "ks"),
            text("table_name", table),
            text("column_name", name),
            text("kind", kind),
            int("position", 0),
            text("clustering_order", order),
            text("type", "int"),
        ]
    }

    #[test]
    fn a_table_is_exported_with_its_indexes_and_views() {
        let in_keyspace = |cells: Vec<Cell>| -> Vec<Cell> {
            [text("keyspace_name", "ks")].into_iter().chain(cells).collect()
        };
        let table = in_keyspace(vec![
            text("table_name", "t"),
            texts("flags", &["compound"]),
            ("bloom_filter_fp_chance", Value::Double(0.01)),
            ("cdc", Value::Null),
            text("comment", "it's"),
            map("compaction", &[("class", "Own"), ("min", "4")]),
            map("extensions", &[]),
        ]);
        let index = in_keyspace(vec![
            text("table_name", "t"),
            text("index_name", "i"),
            text("kind", "CUSTOM"),
            map("options", &[("class_name", "a.B"), ("mode", "it's"), ("target", "v")]),
        ]);
        let view = in_keyspace(vec![
            text("view_name", "by_v"),
            text("base_table_name", "t"),
            text("where_clause", "v = 'it's'"),
            texts("flags", &["compound"]),
            text("comment", ""),
        ]);
        let schema = read([
            (Keyspaces, in_keyspace(vec![map("replication", &[])])),
            (Tables, table),
            (Columns, column("t", "v", "regular", "none")),
            (Columns, column("t", "rows", "regular", "none")),
            (Columns, column("t", "S", "static", "none")),
            (Columns, column("t", "c", "clustering", "desc")),
            (Columns, column("t", "k", "partition_key", "none")),
            (Indexes, index),
            (Views, view),
            (Columns, column("by_v", "v", "partition_key", "none")),
            (Columns, column("by_v", "k", "clustering", "asc")),
        ]);
        let keyspace = &schema.keyspaces["ks"];
        assert_eq!(keyspace.export_table(&keyspace.tables["t"]), EXPORTED);
    }
}
