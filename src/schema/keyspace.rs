//! A keyspace, and the statements that create it and its contents.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ddl::{self, virtual_comment};
use super::element_map::ElementMap;
use super::user_types::in_dependency_order;
use super::{Aggregate, Function, Table, UserType, View};
use crate::types::{Identifier, Value};

/// A keyspace and its contents.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Keyspace {
    /// The name of the keyspace.
    pub name: String,
    /// The replication: the `class` of the strategy, and its options.
    pub replication: BTreeMap<String, String>,
    /// True if writes go to the commit log.
    pub durable_writes: bool,
    /// The strategy by which transactions choose the replicas that must answer at once (Cassandra 6.0
    /// and later, if transactions are enabled): `simple`, or a map of its parameters.
    pub fast_path: Option<Value>,
    /// True if the keyspace is virtual (Cassandra 4.0 and later): the server computes the rows of
    /// its tables, and no statement creates it.
    pub is_virtual: bool,
    /// The tables, by name.
    pub tables: ElementMap<Table>,
    /// The materialized views, by name.
    pub views: ElementMap<View>,
    /// The user-defined types, by name.
    pub types: BTreeMap<String, UserType>,
    /// The user-defined functions, by [signature](Function::signature).
    pub functions: BTreeMap<String, Arc<Function>>,
    /// The user-defined aggregates, by [signature](Aggregate::signature).
    pub aggregates: BTreeMap<String, Arc<Aggregate>>,
    pub(super) warnings: Vec<String>,
}

impl Keyspace {
    /// Returns the statement that creates the keyspace, without its contents. Returns a comment if the
    /// keyspace is virtual.
    pub fn ddl(&self) -> String {
        let name = format!("KEYSPACE {}", Identifier(&self.name));
        match self.is_virtual {
            true => virtual_comment(&format!("{name};")),
            false => format!(
                "CREATE {name} WITH replication = {}\n    AND durable_writes = {}{};",
                ddl::map(&self.replication),
                self.durable_writes,
                self.fast_path_option("\n    "),
            ),
        }
    }

    /// Returns the statements that create the keyspace and its contents, in an order in which they
    /// can be executed. The list is empty if the keyspace is virtual.
    pub fn statements(&self) -> Vec<String> {
        if self.is_virtual { Vec::new() } else { self.ddls().collect() }
    }

    /// Returns the [`statements`](Self::statements) as one script, separated by empty lines. For a
    /// virtual keyspace, returns comments that describe the keyspace and its tables.
    pub fn script(&self) -> String {
        ddl::separated(self.ddls(), "\n\n")
    }

    /// Returns a warning for each element that could not be read: see
    /// [`Schema::warnings`](super::Schema::warnings).
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns this keyspace with other tables: see [`Schema::with_tables`](super::Schema::with_tables).
    pub(super) fn with_tables<'t>(
        &self,
        tables: impl IntoIterator<Item = &'t String>,
        read: &Self,
    ) -> Option<Self> {
        let is_only_of_tables =
            self.has_types_of(read) && [self, read].iter().all(|one| one.has_only_tables());
        let mut keyspace = is_only_of_tables.then(|| self.clone())?;
        tables.into_iter().for_each(|table| keyspace.tables.update(table, &read.tables));
        Some(keyspace)
    }

    /// Returns true if a change of a table changes nothing else: there are no views and no warnings.
    pub(super) const fn has_only_tables(&self) -> bool {
        self.views.is_empty() && self.warnings.is_empty()
    }

    /// Returns true if the types are those of `other`. Equal texts of all types imply equal types, so the parsed
    /// types are not compared: a short text can name a type that is very large.
    fn has_types_of(&self, other: &Self) -> bool {
        self.types.len() == other.types.len()
            && self.types.iter().zip(&other.types).all(|((name, one), (other_name, other))| {
                name == other_name && one.has_text_of(other)
            })
    }

    /// Formats `fast_path` as an option after others; `before` is written before AND. Returns an empty
    /// string if the keyspace has none.
    pub(super) fn fast_path_option(&self, before: &str) -> String {
        let fast_path = self.fast_path.as_ref();
        fast_path.map(|value| format!("{before}AND fast_path = {value}")).unwrap_or_default()
    }

    fn ddls(&self) -> impl Iterator<Item = String> {
        let types = self.types.iter();
        let types = in_dependency_order(
            types.map(|(name, udt)| (name.as_str(), udt.field_texts.as_slice())),
        );
        let types = types.into_iter().filter_map(|name| self.types.get(name)).map(UserType::ddl);
        let tables = self.tables.values();
        let indexes = tables.clone().flat_map(|table| table.indexes.values());
        // Functions come before tables, because a column may be masked by a function.
        [self.ddl()]
            .into_iter()
            .chain(types)
            .chain(self.functions.values().map(|function| function.ddl()))
            .chain(self.aggregates.values().map(|aggregate| aggregate.ddl()))
            .chain(tables.map(|table| table.ddl()))
            .chain(indexes.map(super::Index::ddl))
            .chain(self.views.values().map(|view| view.ddl()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::SchemaPart::{self, *};
    use super::super::rows::{Cell, flag, int, map, read, text, texts};
    use crate::types::Value;

    fn column(
        table: &str,
        name: &str,
        kind: &str,
        position: i32,
        of: &str,
    ) -> (SchemaPart, Vec<Cell>) {
        let cells = vec![
            text("keyspace_name", "ks"),
            text("table_name", table),
            text("column_name", name),
            text("kind", kind),
            int("position", position),
            text("type", of),
            text("clustering_order", if kind == "clustering" { "desc" } else { "none" }),
        ];
        (Columns, cells)
    }

    fn keyspace() -> (SchemaPart, Vec<Cell>) {
        let replication = [("class", "NetworkTopologyStrategy"), ("dc'1", "3")];
        let cells = vec![
            text("keyspace_name", "ks"),
            flag("durable_writes", true),
            map("replication", &replication),
        ];
        (Keyspaces, cells)
    }

    fn in_keyspace(mut cells: Vec<Cell>) -> Vec<Cell> {
        cells.insert(0, text("keyspace_name", "ks"));
        cells
    }

    #[test]
    fn a_script_creates_elements_after_those_they_depend_on() {
        let mask_arguments = vec![
            text("table_name", "T"),
            text("column_name", "v"),
            text("function_keyspace", "system"),
            text("function_name", "mask_inner"),
            texts("function_argument_types", &["int", "int", "text"]),
            texts("function_argument_values", &["1", "", "*"]),
            (
                "function_argument_nulls",
                Value::List([false, true, false].map(Value::Boolean).to_vec()),
            ),
        ];
        let schema = read([
            // Parts and rows arrive in any order.
            column("T", "v", "regular", -1, "frozen<\"B\">"),
            column("T", "k", "partition_key", 0, "int"),
            column("T", "c", "clustering", 0, "text"),
            column("T", "s", "static", -1, "int"),
            (ColumnMasks, in_keyspace(mask_arguments)),
            (
                Tables,
                in_keyspace(vec![
                    text("table_name", "T"),
                    texts("flags", &["compound"]),
                    text("comment", "it's"),
                    text("memtable", "m"),
                    ("cdc", Value::Null),
                    ("read_repair_chance", Value::Double(0.0)),
                    text("read_repair", "NONE"),
                    ("extensions", Value::Map(Vec::new())),
                ]),
            ),
            (
                Types,
                in_keyspace(vec![
                    text("type_name", "B"),
                    texts("field_names", &["z"]),
                    texts("field_types", &["frozen<z>"]),
                ]),
            ),
            (
                Types,
                in_keyspace(vec![
                    text("type_name", "z"),
                    texts("field_names", &["n"]),
                    texts("field_types", &["list<int>"]),
                ]),
            ),
            (
                Aggregates,
                in_keyspace(vec![
                    text("aggregate_name", "sum"),
                    texts("argument_types", &["int"]),
                    text("state_func", "Plus"),
                    text("state_type", "int"),
                    text("return_type", "int"),
                    text("initcond", "0"),
                ]),
            ),
            (
                Functions,
                in_keyspace(vec![
                    text("function_name", "Plus"),
                    texts("argument_names", &["a", "b"]),
                    texts("argument_types", &["int", "int"]),
                    text("return_type", "int"),
                    flag("called_on_null_input", false),
                    text("language", "java"),
                    text("body", "return 'a'; $"),
                ]),
            ),
            (
                Indexes,
                in_keyspace(vec![
                    text("table_name", "T"),
                    text("index_name", "i"),
                    text("kind", "CUSTOM"),
                    map("options", &[("target", "v"), ("class_name", "sai"), ("o", "1")]),
                ]),
            ),
            column("V", "v", "partition_key", 0, "frozen<\"B\">"),
            column("V", "k", "clustering", 0, "int"),
            (
                Views,
                in_keyspace(vec![
                    text("view_name", "V"),
                    text("base_table_name", "T"),
                    flag("include_all_columns", false),
                    text("where_clause", "v IS NOT NULL AND s = 'it's'"),
                ]),
            ),
            keyspace(),
        ]);
        assert_eq!(schema.warnings().collect::<Vec<_>>(), [""; 0]);
        let expected = "\
CREATE KEYSPACE ks WITH replication = {'class': 'NetworkTopologyStrategy', 'dc''1': '3'}
    AND durable_writes = true;

CREATE TYPE ks.z (
    n list<int>
);

CREATE TYPE ks.\"B\" (
    z frozen<z>
);

CREATE FUNCTION ks.\"Plus\" (a int, b int)
    RETURNS NULL ON NULL INPUT
    RETURNS int
    LANGUAGE java
    AS 'return ''a''; $';

CREATE AGGREGATE ks.sum (int)
    SFUNC \"Plus\"
    STYPE int
    INITCOND 0;

CREATE TABLE ks.\"T\" (
    k int,
    c text,
    s int static,
    v frozen<\"B\"> MASKED WITH system.mask_inner(1, null, '*'),
    PRIMARY KEY (k, c)
) WITH CLUSTERING ORDER BY (c DESC)
    AND comment = 'it''s'
    AND memtable = 'm'
    AND read_repair = 'NONE';

CREATE CUSTOM INDEX i ON ks.\"T\" (v) USING 'sai' WITH OPTIONS = {'o': '1'};

CREATE MATERIALIZED VIEW ks.\"V\" AS
    SELECT v, k
    FROM ks.\"T\"
    WHERE v IS NOT NULL AND s = 'it''s'
    PRIMARY KEY (v, k) WITH CLUSTERING ORDER BY (k DESC);";
        assert_eq!(schema.keyspaces["ks"].script(), expected);
        assert_eq!(schema.keyspaces["ks"].statements().len(), 8);
    }

    #[test]
    fn internal_columns_of_compact_tables_are_left_out() {
        let table = |name, flags: &[&str]| {
            (Tables, in_keyspace(vec![text("table_name", name), texts("flags", flags)]))
        };
        let schema = read([
            keyspace(),
            table("sparse", &[]),
            column("sparse", "k", "partition_key", 0, "int"),
            column("sparse", "b", "static", -1, "int"),
            column("sparse", "column1", "clustering", 0, "text"),
            column("sparse", "value", "regular", -1, "blob"),
            table("dense", &["dense", "compound"]),
            column("dense", "k", "partition_key", 0, "int"),
            column("dense", "c", "clustering", 0, "int"),
            column("dense", "value", "regular", -1, "empty"),
            // DROP COMPACT STORAGE leaves such a table behind.
            table("dropped", &["compound"]),
            column("dropped", "k", "partition_key", 0, "int"),
            column("dropped", "value", "regular", -1, "empty"),
        ]);
        let ddl = |name| schema.table("ks", name).unwrap().ddl();
        let sparse = "CREATE TABLE ks.sparse (\n    k int PRIMARY KEY,\n    b int\n) \
             WITH COMPACT STORAGE;";
        assert_eq!(ddl("sparse"), sparse);
        let dense = "CREATE TABLE ks.dense (\n    k int,\n    c int,\n    PRIMARY KEY (k, c)\n) \
             WITH COMPACT STORAGE\n    AND CLUSTERING ORDER BY (c DESC);";
        assert_eq!(ddl("dense"), dense);
        let dropped = ddl("dropped");
        assert!(dropped.contains("value 'org.apache.cassandra.db.marshal.EmptyType'"), "{dropped}");
        assert_eq!(schema.warnings().collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn the_columns_of_tables_may_alternate() {
        let columns = (0..100).map(|index| {
            let (table, name) = (["a", "b"][index % 2], format!("c{index:02}"));
            column(table, &name, "regular", -1, "int")
        });
        let tables = ["a", "b"]
            .map(|name| (Tables, vec![text("keyspace_name", "ks"), text("table_name", name)]));
        let schema = read([keyspace()].into_iter().chain(columns).chain(tables));
        for (first, table) in ["a", "b"].into_iter().enumerate() {
            let table = schema.table("ks", table).unwrap();
            let names = table.columns.iter().map(|column| column.name.clone());
            assert!(names.eq((0..50).map(|index| format!("c{:02}", 2 * index + first))));
        }
    }

    #[test]
    fn virtual_keyspaces_and_tables_are_comments() {
        let name = || text("keyspace_name", "system_views");
        let schema = read([
            (VirtualKeyspaces, vec![name()]),
            (VirtualTables, vec![name(), text("table_name", "t"), text("comment", "a\nb")]),
            (
                VirtualColumns,
                vec![
                    name(),
                    text("table_name", "t"),
                    text("column_name", "k"),
                    text("kind", "partition_key"),
                    text("type", "text"),
                ],
            ),
        ]);
        let keyspace = &schema.keyspaces["system_views"];
        assert!(keyspace.is_virtual && keyspace.tables["t"].is_virtual);
        assert_eq!(keyspace.statements(), [""; 0]);
        let lines: Vec<_> = keyspace.script().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "-- VIRTUAL KEYSPACE system_views;");
        assert_eq!(lines[2], "-- VIRTUAL TABLE system_views.t (");
        assert!(lines.iter().all(|line| line.is_empty() || line.starts_with("-- ")), "{lines:?}");
    }
}
