//! The statements of DESCRIBE, as Cassandra 5.0 prints them.

use super::ddl;
use super::user_types::in_dependency_order;
use super::{Column, Keyspace, Table, UserType};
use crate::types::{CqlType, Identifier};

/// The options of a table in the order in which Cassandra 5.0 prints them. Each has the value that the
/// schema tables leave out because it is the default, or an empty text if they always have it.
const OPTIONS: [(&str, &str); 19] = [
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
    ("default_time_to_live", ""),
    ("extensions", "{}"),
    ("gc_grace_seconds", ""),
    ("incremental_backups", "true"),
    ("max_index_interval", ""),
    ("memtable_flush_period_in_ms", ""),
    ("min_index_interval", ""),
    ("read_repair", ""),
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
            "CREATE KEYSPACE {name} WITH replication = {{{replication}}}  AND durable_writes = {};",
            self.durable_writes
        )
    }

    /// Returns the user-defined types, each after the types of its fields.
    pub(crate) fn types_in_order(&self) -> impl Iterator<Item = &UserType> {
        let types = self.types.iter();
        let texts = types.map(|(name, udt)| (name.as_str(), udt.field_texts.as_slice()));
        in_dependency_order(texts).into_iter().filter_map(|name| self.types.get(name))
    }
}
