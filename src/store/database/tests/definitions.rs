//! Statements that define keyspaces, tables, types and indexes.

use super::*;

#[test]
fn creates_alters_and_drops_keyspaces() {
    let simple = "replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    let create = |name: &str| format!("CREATE KEYSPACE {name} WITH {simple}");
    let mut session = Session::new();
    for (statement, expected) in [
        (create("a"), "CREATED keyspace a"),
        (create("a"), "0x2400 Cannot add existing keyspace \"a\""),
        (create("IF NOT EXISTS a"), ""),
        (
            "CREATE KEYSPACE b WITH replication = {'class': 'Foo'}".into(),
            "0x2300 Unable to find replication strategy class 'org.apache.cassandra.locator.Foo'",
        ),
        (
            "CREATE KEYSPACE b WITH replication = {'class': 'NetworkTopologyStrategy', 'dc9': 1}"
                .into(),
            "0x2300 Unrecognized strategy option {dc9} passed to NetworkTopologyStrategy for keyspace b",
        ),
        (
            format!("CREATE KEYSPACE \"a-b\" WITH {simple}"),
            "0x2200 Keyspace name must not be empty and must contain alphanumeric or underscore \
             characters only (got \"a-b\")",
        ),
        (
            "CREATE KEYSPACE b WITH replication = {'replication_factor': 1}".into(),
            "0x2300 Missing replication strategy class",
        ),
        (
            "CREATE KEYSPACE b WITH durable_writes = true".into(),
            "0x2200 Missing mandatory option 'replication'",
        ),
        (format!("CREATE KEYSPACE b WITH {simple} AND foo = 1"), "0x2000 Unknown property 'foo'"),
        ("ALTER KEYSPACE a WITH durable_writes = false".into(), "UPDATED keyspace a"),
        (
            "ALTER KEYSPACE z WITH durable_writes = false".into(),
            "0x2200 Keyspace 'z' doesn't exist",
        ),
        ("ALTER KEYSPACE IF EXISTS z WITH durable_writes = false".into(), ""),
        ("USE a".into(), "use a"),
        ("USE z".into(), "0x2200 Keyspace 'z' does not exist"),
        ("DROP KEYSPACE a".into(), "DROPPED keyspace a"),
        ("DROP KEYSPACE a".into(), "0x2200 Keyspace 'a' doesn't exist"),
        ("DROP KEYSPACE IF EXISTS a".into(), ""),
        ("DROP KEYSPACE system".into(), "0x2100 system keyspace is not user-modifiable."),
    ] {
        assert_eq!(session.run(&statement), expected, "{statement}");
    }
    session.run(
        "CREATE KEYSPACE n WITH replication = {'class': 'NetworkTopologyStrategy', \
         'replication_factor': 3} AND durable_writes = false",
    );
    let keyspace = session.store.schema().keyspace("n").unwrap();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let class = "org.apache.cassandra.locator.NetworkTopologyStrategy";
    assert_eq!(keyspace.replication, [pair("class", class), pair("datacenter1", "3")]);
    assert!(!keyspace.durable_writes);
}

#[test]
fn creates_and_drops_tables() {
    let mut session = Session::new();
    session.check(&[
        ("CREATE TABLE t (k int PRIMARY KEY, v text)", "CREATED table ks.t"),
        (
            "CREATE TABLE t (k int PRIMARY KEY)",
            "0x2400 Cannot add already existing table \"t\" to keyspace \"ks\"",
        ),
        ("CREATE TABLE IF NOT EXISTS ks.t (k int PRIMARY KEY)", ""),
        ("CREATE TABLE z.t (k int PRIMARY KEY)", "0x2200 Keyspace 'z' doesn't exist"),
        (
            "CREATE TABLE u (k int)",
            "0x2200 No PRIMARY KEY specifed for table 'u' (exactly one required)",
        ),
        (
            "CREATE TABLE u (k int PRIMARY KEY, c int PRIMARY KEY)",
            "0x2200 Multiple PRIMARY KEY specified for table 'u' (exactly one required)",
        ),
        (
            "CREATE TABLE u (k int, k int, PRIMARY KEY (k))",
            "0x2200 Duplicate column 'k' declaration for table 'u'",
        ),
        (
            "CREATE TABLE u (k int, PRIMARY KEY (k, x))",
            "0x2200 Unknown column 'x' referenced in PRIMARY KEY for table 'u'",
        ),
        (
            "CREATE TABLE u (k list<int> PRIMARY KEY)",
            "0x2200 Invalid non-frozen collection type list<int> for PRIMARY KEY column 'k'",
        ),
        (
            "CREATE TABLE u (k duration PRIMARY KEY)",
            "0x2200 duration type is not supported for PRIMARY KEY column 'k'",
        ),
        (
            "CREATE TABLE u (k int PRIMARY KEY, s int static)",
            "0x2200 Static columns are only useful (and thus allowed) if the table has at least one \
             clustering column",
        ),
        (
            "CREATE TABLE u (k int PRIMARY KEY, c counter, v int)",
            "0x2200 Cannot mix counter and non counter columns in the same table",
        ),
        ("CREATE TABLE u (k int PRIMARY KEY, v foo)", "0x2200 Unknown type ks.foo"),
        (
            "CREATE TABLE u (k int PRIMARY KEY, v list<list<int>>)",
            "0x2200 Non-frozen collections are not allowed inside collections: list<list<int>>",
        ),
        (
            "CREATE TABLE u (k int PRIMARY KEY, v set<counter>)",
            "0x2200 Counters are not allowed inside collections: set<counter>",
        ),
        (
            "CREATE TABLE u (k int, c int, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (d DESC)",
            "0x2200 Only clustering key columns can be defined in CLUSTERING ORDER directive: [d] are \
             not clustering columns",
        ),
        (
            "CREATE TABLE u (k int PRIMARY KEY) WITH gc_grace_seconds = -1",
            "0x2300 gc_grace_seconds must be greater than or equal to 0 (got -1)",
        ),
        (
            "CREATE TABLE u (k int PRIMARY KEY) WITH compaction = {'class': 'Foo'}",
            "0x2300 Unable to find compaction strategy class 'org.apache.cassandra.db.compaction.Foo'",
        ),
        ("DROP TABLE t", "DROPPED table ks.t"),
        ("DROP TABLE t", "0x2200 Table 'ks.t' doesn't exist"),
        ("DROP TABLE IF EXISTS t", ""),
        ("SELECT * FROM t", "0x2200 table t does not exist"),
        ("INSERT INTO t (k) VALUES (1)", "0x2200 table t does not exist"),
        ("INSERT INTO z.t (k) VALUES (1)", "0x2200 keyspace z does not exist"),
        ("TRUNCATE t", "0x2200 table t does not exist"),
    ]);
}

#[test]
fn orders_the_columns_of_a_table_and_freezes_what_is_nested() {
    let session = Session::with(&[
        "CREATE TYPE a (x int, y list<text>)",
        "CREATE TABLE t (z int, b text static, a int, k int, l map<text, frozen<list<int>>>, c int, \
         t tuple<int, list<int>>, u frozen<a>, v vector<float, 3>, PRIMARY KEY ((k), c)) \
         WITH CLUSTERING ORDER BY (c DESC) AND comment = 'it''s' AND default_time_to_live = 10 \
         AND compaction = {'class': 'LeveledCompactionStrategy'}",
    ]);
    let table = session.store.schema().table("ks", "t").unwrap();
    let columns: Vec<_> = table
        .schema
        .columns
        .iter()
        .map(|column| format!("{} {} {}", column.name, column.kind.name(), column.type_text))
        .collect();
    let expected = [
        "k partition_key int",
        "c clustering int",
        "b static text",
        "a regular int",
        "l regular map<text, frozen<list<int>>>",
        "t regular frozen<tuple<int, frozen<list<int>>>>",
        "u regular frozen<a>",
        "v regular vector<float, 3>",
        "z regular int",
    ];
    assert_eq!(columns, expected);
    assert!(table.schema.columns[1].is_descending);
    assert_eq!(table.options.comment, "it's");
    assert_eq!(table.options.default_time_to_live, 10);
    assert_eq!(table.options.bloom_filter_fp_chance, 0.1);
    let class = "org.apache.cassandra.db.compaction.LeveledCompactionStrategy";
    let compaction = [("class", class), ("max_threshold", "32"), ("min_threshold", "4")];
    let compaction = compaction.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(table.options.compaction, compaction);
}

#[test]
fn alters_tables() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int, c int, s int static, v int, w list<int>, PRIMARY KEY (k, c))",
        "INSERT INTO t (k, c, s, v, w) VALUES (1, 2, 3, 4, [5])",
    ]);
    session.check(&[
        ("ALTER TABLE t ADD a text", "UPDATED table ks.t"),
        ("ALTER TABLE t ADD a text", "0x2200 Column with name 'a' already exists"),
        ("ALTER TABLE t ADD IF NOT EXISTS a text", ""),
        ("SELECT * FROM t", "1 2 3 null 4 [5]"),
        ("UPDATE t SET a = 'x' WHERE k = 1 AND c = 2", ""),
        ("ALTER TABLE t DROP v", "UPDATED table ks.t"),
        ("SELECT * FROM t", "1 2 3 'x' [5]"),
        ("ALTER TABLE t DROP v", "0x2200 Column v was not found in table 'ks.t'"),
        ("ALTER TABLE t DROP c", "0x2200 Cannot drop PRIMARY KEY column c"),
        (
            "ALTER TABLE t ADD v text",
            "0x2200 Cannot re-add previously dropped column 'v' of type text, incompatible with \
             previous type int",
        ),
        ("ALTER TABLE t ADD v int", "UPDATED table ks.t"),
        ("SELECT * FROM t", "1 2 3 'x' null [5]"),
        ("ALTER TABLE t RENAME c TO d", "UPDATED table ks.t"),
        ("SELECT d FROM t WHERE k = 1 AND d = 2", "2"),
        ("ALTER TABLE t RENAME v TO w", "0x2200 Cannot rename non PRIMARY KEY column v"),
        ("ALTER TABLE t WITH comment = 'x'", "UPDATED table ks.t"),
        ("ALTER TABLE t WITH id = 'x'", "0x2300 Invalid table id"),
        ("ALTER TABLE t ALTER v TYPE text", "0x2200 Altering column types is no longer supported"),
        ("ALTER TABLE z ADD v int", "0x2200 Table 'ks.z' doesn't exist"),
        ("ALTER TABLE IF EXISTS z ADD v int", ""),
    ]);
}

#[test]
fn creates_alters_and_drops_types() {
    let mut session = Session::new();
    session.check(&[
        ("CREATE TYPE a (x int)", "CREATED type ks.a"),
        ("CREATE TYPE a (x int)", "0x2200 A user type with name 'a' already exists"),
        ("CREATE TYPE IF NOT EXISTS a (x int)", ""),
        ("CREATE TYPE b (x int, x int)", "0x2200 Duplicate field name 'x' in type 'b'"),
        ("CREATE TYPE b (x counter)", "0x2200 A user type cannot contain counters"),
        ("CREATE TYPE b (x a)", "0x2200 A user type cannot contain non-frozen UDTs"),
        ("CREATE TYPE b (x frozen<a>)", "CREATED type ks.b"),
        ("CREATE TABLE t (k int PRIMARY KEY, b frozen<b>, a a)", "CREATED table ks.t"),
        ("INSERT INTO t (k, b, a) VALUES (1, {x: {x: 2}}, {x: 3})", ""),
        ("ALTER TYPE a ADD y text", "UPDATED type ks.a"),
        (
            "ALTER TYPE a ADD y text",
            "0x2200 Cannot add field y to type ks.a: a field with name y already exists",
        ),
        (
            "ALTER TYPE a ADD z frozen<b>",
            "0x2200 Cannot add new field z of type frozen<ks.b> to user type ks.a as it would create \
             a circular reference",
        ),
        ("UPDATE t SET a.y = 'z' WHERE k = 1", ""),
        ("SELECT a FROM t", "{x: 3, y: 'z'}"),
        ("ALTER TYPE z ADD y text", "0x2200 Type ks.z doesn't exist"),
        ("DROP TYPE a", "0x2200 Cannot drop user type 'ks.a' as it is still used by user types b"),
        ("DROP TYPE b", "0x2200 Cannot drop user type 'ks.b' as it is still used by tables t"),
        ("DROP TABLE t", "DROPPED table ks.t"),
        ("DROP TYPE b", "DROPPED type ks.b"),
        ("DROP TYPE a", "DROPPED type ks.a"),
        ("DROP TYPE a", "0x2200 Type 'ks.a' doesn't exist"),
    ]);
}

#[test]
fn creates_and_drops_indexes() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int PRIMARY KEY, v int, m map<text, int>, f frozen<list<int>>)",
    ]);
    session.check(&[
        ("CREATE INDEX ON t (v)", "UPDATED table ks.t"),
        (
            "CREATE INDEX ON t (v)",
            "0x2200 Index t_v_idx_1 is a duplicate of existing index t_v_idx",
        ),
        ("CREATE INDEX t_v_idx ON t (m)", "0x2200 Index 't_v_idx' already exists"),
        ("CREATE INDEX IF NOT EXISTS t_v_idx ON t (v)", ""),
        ("CREATE INDEX i ON t (keys(m))", "UPDATED table ks.t"),
        ("CREATE INDEX ON t (x)", "0x2200 Undefined column name x in table ks.t"),
        (
            "CREATE INDEX ON t (k)",
            "0x2200 Cannot create secondary index on the only partition key column k",
        ),
        ("CREATE INDEX ON t (full(f))", "UPDATED table ks.t"),
        (
            "ALTER TABLE t DROP v",
            "0x2200 Cannot drop column v because it has dependent secondary indexes (t_v_idx)",
        ),
        ("DROP INDEX t_v_idx", "UPDATED table ks.t"),
        ("DROP INDEX t_v_idx", "0x2200 Index 'ks.t_v_idx' doesn't exist'"),
        ("DROP INDEX IF EXISTS t_v_idx", ""),
    ]);
    let indexes = &session.store.schema().table("ks", "t").unwrap().schema.secondary_indexes;
    let names: Vec<_> = indexes.iter().map(|index| &*index.name).collect();
    assert_eq!(names, ["i", "t_f_idx"]);
    assert_eq!(indexes[0].options, [("target".to_owned(), "keys(m)".to_owned())]);
}

const TOO_LARGE: &str = "0x2200 MockServer does not support user-defined types and tables with more \
                         than 100000 parts";
const TOO_DEEP: &str = "0x2200 MockServer does not support types that nest deeper than 128";

#[test]
fn refuses_types_that_expand_exponentially() {
    let mut session = Session::with(&["CREATE TYPE t0 (a int)"]);
    let create = |n: usize, inner: usize| {
        format!("CREATE TYPE t{n} (a frozen<t{inner}>, b frozen<t{inner}>)")
    };
    // The type tN has 3 * 2^N - 1 parts.
    for n in 1..=15 {
        assert_eq!(session.run(&create(n, n - 1)), format!("CREATED type ks.t{n}"));
    }
    assert_eq!(session.run(&create(16, 15)), TOO_LARGE);
    assert_eq!(session.run("CREATE TYPE v (a frozen<t14>, b vector<frozen<t15>, 3>)"), TOO_LARGE);
    let columns = "a frozen<t15>, b frozen<t15>";
    assert_eq!(session.run(&format!("CREATE TABLE t (k int PRIMARY KEY, {columns})")), TOO_LARGE);
    session.check(&[
        ("CREATE TABLE t (k int PRIMARY KEY, a frozen<t15>)", "CREATED table ks.t"),
        ("ALTER TABLE t ADD b frozen<t15>", TOO_LARGE),
        ("ALTER TYPE t15 ADD c frozen<t14>", TOO_LARGE),
        // Each type that contains t0 grows.
        ("ALTER TYPE t0 ADD b frozen<list<int>>", TOO_LARGE),
        ("ALTER TYPE t13 ADD c int", "UPDATED type ks.t13"),
    ]);
}

#[test]
fn refuses_types_that_nest_deeper_than_the_limit() {
    let mut session = Session::with(&["CREATE TYPE t2 (a int)"]);
    let create = |n: usize| format!("CREATE TYPE t{n} (a frozen<t{}>)", n - 1);
    // The type tN has depth N.
    for n in 3..=128 {
        assert_eq!(session.run(&create(n)), format!("CREATED type ks.t{n}"));
    }
    session.check(&[
        (&create(129), TOO_DEEP),
        ("ALTER TYPE t2 ADD b frozen<list<int>>", TOO_DEEP),
        ("CREATE TABLE t (k int PRIMARY KEY, a list<frozen<t128>>)", TOO_DEEP),
        ("CREATE TABLE t (k int PRIMARY KEY, a frozen<t128>)", "CREATED table ks.t"),
        ("ALTER TYPE t2 ADD b int", "UPDATED type ks.t2"),
    ]);
}

#[test]
fn refuses_primary_keys_with_too_many_columns() {
    let mut session = Session::new();
    let create = |table: &str, count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("c{n}")).collect();
        let columns: Vec<_> = names.iter().map(|name| format!("{name} int")).collect();
        let (columns, names) = (columns.join(", "), names.join(", "));
        format!("CREATE TABLE {table} ({columns}, PRIMARY KEY ({names}))")
    };
    assert_eq!(session.run(&create("a", 1000)), "CREATED table ks.a");
    let error = "0x2200 MockServer does not support more than 1000 columns in a primary key";
    assert_eq!(session.run(&create("b", 1001)), error);
}
