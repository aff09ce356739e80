//! The statements of DESCRIBE, as Cassandra 5.0 and 6.0 print them.

use super::ddl;
use super::user_types::in_dependency_order;
use super::{Column, Keyspace, Table, UserType};
use crate::types::{CqlType, Identifier};

/// The options of a table in the order in which Cassandra prints them. Each has the value that the
/// schema tables leave out because it is the default, or an empty text if they have it whenever the
/// server prints it.
const OPTIONS: [(&str, &str); 22] = [
    ("additional_write_policy", ""),
    ("allow_auto_snapshot", "true"),
    ("bloom_filter_fp_chance", ""),
    ("caching", ""),
    ("cdc", "false"),
    ("comment", ""),
    ("compaction", ""),
    ("compression", ""),
    ("memtable", "'default'"),
    ("crc_check_chance", ""),
    ("fast_path", ""),
    ("default_time_to_live", ""),
    ("extensions", "{}"),
    ("gc_grace_seconds", ""),
    ("incremental_backups", "true"),
    ("max_index_interval", ""),
    ("memtable_flush_period_in_ms", ""),
    ("min_index_interval", ""),
    ("read_repair", ""),
    ("transactional_mode", ""),
    ("transactional_migration_from", ""),
    ("speculative_retry", ""),
];

impl Table {
    /// Returns the statement that creates the table, as DESCRIBE prints it: all options are written,
    /// and WITH INTERNALS adds the id.
    pub(crate) fn server_ddl(&self, internals: bool) -> String {
        let option = |(name, default): (&str, &str)| match (self.options.get(name), default) {
            (Some(value), _) => Some(format!("{name} = {value}")),
            (None, "") => None,
            (None, default) => Some(format!("{name} = {default}")),
        };
        let id = self.id.filter(|_| internals).map(|id| format!("ID = {id}"));
        // DESCRIBE prints the columns whose elements are cells of their own after the others.
        let mut ordered = self.clone();
        ordered.columns.sort_by_key(|column| (column.kind, column.is_multi_cell()));
        ordered.ddl_with(id, OPTIONS.into_iter().filter_map(option))
    }
}

impl Column {
    /// Returns true if each element of the column's value is a cell of its own.
    fn is_multi_cell(&self) -> bool {
        let has_elements = matches!(
            self.cql_type,
            CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_) | CqlType::Udt(_)
        );
        has_elements && !self.type_text.starts_with("frozen<")
    }
}

impl Keyspace {
    /// Returns the statement that creates the keyspace, as DESCRIBE prints it.
    pub(crate) fn server_ddl(&self) -> String {
        let name = Identifier(&self.name);
        if self.is_virtual {
            return format!(
                "/*\nWarning: Keyspace {name} is a virtual keyspace and cannot be recreated with \
                 CQL.\nStructure, for reference:*/\n// VIRTUAL KEYSPACE {name};"
            );
        }
        let class = self.replication.get("class").map(String::as_str).unwrap_or_default();
        let class = class.strip_prefix("org.apache.cassandra.locator.").unwrap_or(class);
        let class = [format!("'class': {}", ddl::string(class))];
        let options = self.replication.iter().filter(|(name, _)| *name != "class");
        let options =
            options.map(|(name, value)| format!("{}: {}", ddl::string(name), ddl::string(value)));
        let replication = ddl::list(class.into_iter().chain(options));
        // Cassandra writes two spaces before AND.
        format!(
            "CREATE KEYSPACE {name} WITH replication = {{{replication}}}  AND durable_writes = {}{};",
            self.durable_writes,
            self.fast_path_option("  "),
        )
    }

    /// Returns the user-defined types, each after the types of its fields.
    pub(crate) fn types_in_order(&self) -> impl Iterator<Item = &UserType> {
        let types = self.types.iter();
        let texts = types.map(|(name, udt)| (name.as_str(), udt.field_texts.as_slice()));
        in_dependency_order(texts).into_iter().filter_map(|name| self.types.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::SchemaPart::{Columns, CreateStatements, Keyspaces, Tables};
    use super::super::rows::{Cell, flag, int, map, read, text, texts};
    use crate::types::Value;

    /// A table of Cassandra 6.0, as the server prints it.
    const TABLE: &str = "CREATE TABLE ks.t (
    k int PRIMARY KEY,
    v int CHECK v < 100 AND v > 0
) WITH additional_write_policy = '99p'
    AND allow_auto_snapshot = true
    AND bloom_filter_fp_chance = 0.01
    AND caching = {'keys': 'ALL', 'rows_per_partition': 'NONE'}
    AND cdc = false
    AND comment = ''
    AND compaction = {'class': 'org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy'}
    AND compression = {'chunk_length_in_kb': '16'}
    AND memtable = 'default'
    AND crc_check_chance = 1.0
    AND fast_path = 'keyspace'
    AND default_time_to_live = 0
    AND extensions = {}
    AND gc_grace_seconds = 864000
    AND incremental_backups = true
    AND max_index_interval = 2048
    AND memtable_flush_period_in_ms = 0
    AND min_index_interval = 128
    AND read_repair = 'BLOCKING'
    AND transactional_mode = 'full'
    AND transactional_migration_from = 'none'
    AND speculative_retry = '99p';";

    const KEYSPACE: &str = "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', \
                            'replication_factor': '1'}  AND durable_writes = true  \
                            AND fast_path = 'simple';";

    fn column(name: &str, kind: &str) -> Vec<Cell> {
        let name = text("column_name", name);
        vec![in_keyspace(), text("table_name", "t"), name, text("kind", kind), text("type", "int")]
    }

    fn in_keyspace() -> Cell {
        text("keyspace_name", "ks")
    }

    #[test]
    fn prints_the_constraints_and_the_options_of_6_0_in_the_order_of_the_server() {
        let compaction = "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy";
        let replication = [("class", "SimpleStrategy"), ("replication_factor", "1")];
        let keyspace = vec![
            in_keyspace(),
            flag("durable_writes", true),
            map("replication", &replication),
            map("fast_path", &[("kind", "SIMPLE")]),
        ];
        let table = vec![
            in_keyspace(),
            text("table_name", "t"),
            texts("flags", &["compound"]),
            text("additional_write_policy", "99p"),
            ("bloom_filter_fp_chance", Value::Double(0.01)),
            map("caching", &[("keys", "ALL"), ("rows_per_partition", "NONE")]),
            text("comment", ""),
            map("compaction", &[("class", compaction)]),
            map("compression", &[("chunk_length_in_kb", "16")]),
            ("crc_check_chance", Value::Double(1.0)),
            map("fast_path", &[("kind", "INHERIT_KEYSPACE")]),
            int("default_time_to_live", 0),
            map("extensions", &[]),
            int("gc_grace_seconds", 864_000),
            int("max_index_interval", 2048),
            int("memtable_flush_period_in_ms", 0),
            int("min_index_interval", 128),
            text("read_repair", "BLOCKING"),
            text("speculative_retry", "99p"),
        ];
        let statement = |kind: &str, name: &str, statement: &str| {
            let cells =
                [text("type", kind), text("name", name), text("create_statement", statement)];
            (CreateStatements, [in_keyspace()].into_iter().chain(cells).collect())
        };
        let schema = read([
            (Keyspaces, keyspace),
            (Tables, table),
            (Columns, column("k", "partition_key")),
            (Columns, column("v", "regular")),
            statement("keyspace", "ks", KEYSPACE),
            statement("table", "t", TABLE),
        ]);
        assert_eq!(schema.warnings().count(), 0);
        assert_eq!(schema.keyspaces["ks"].server_ddl(), KEYSPACE);
        let table = schema.table("ks", "t").unwrap();
        assert_eq!(table.server_ddl(false), TABLE);
        assert_eq!(table.column("v").unwrap().check.as_deref(), Some("v < 100 AND v > 0"));
        // The statement of the driver has the same options, sorted by name.
        let ours = table.ddl();
        for line in
            TABLE.lines().filter(|line| line.contains("transactional") || line.contains("v int"))
        {
            assert!(ours.contains(line.trim_end_matches(';')), "{line}\n{ours}");
        }
    }
}
