//! Tests of the statements that are not SELECT.

use super::{check_errors, check_formats};

/// Statements and their formatted texts, by kind.
pub(super) const STATEMENTS: [&[(&str, &str)]; 4] = [MUTATIONS, DEFINITIONS, CHANGES, OTHERS];

const MUTATIONS: &[(&str, &str)] = &[
    ("INSERT INTO t (a) VALUES (1)", "INSERT INTO t (a) VALUES (1)"),
    (
        "insert into ks.\"T\"(a,\"B\",c)values(?,:x,'it''s')if not exists using ttl 5 and timestamp ?;",
        "INSERT INTO ks.\"T\" (a, \"B\", c) VALUES (?, :x, 'it''s') IF NOT EXISTS USING TTL 5 AND \
         TIMESTAMP ?",
    ),
    (
        "INSERT INTO t (a) VALUES (1, 2) USING TIMESTAMP -1 AND TTL :t",
        "INSERT INTO t (a) VALUES (1, 2) USING TIMESTAMP -1 AND TTL :t",
    ),
    (
        "INSERT INTO t (a, b) VALUES ([1], {x: (1, 2), y: {'a': 0xA}}) USING TTL 0",
        "INSERT INTO t (a, b) VALUES ([1], {x: (1, 2), y: {'a': 0xa}}) USING TTL 0",
    ),
    ("INSERT INTO t JSON '{\"a\": 1}'", "INSERT INTO t JSON '{\"a\": 1}'"),
    ("INSERT INTO json JSON $${}$$ default null", "INSERT INTO json JSON '{}'"),
    (
        "INSERT INTO t JSON ? DEFAULT UNSET IF NOT EXISTS USING TTL ?",
        "INSERT INTO t JSON ? DEFAULT UNSET IF NOT EXISTS USING TTL ?",
    ),
    ("INSERT INTO t JSON :j", "INSERT INTO t JSON :j"),
    ("UPDATE t SET a=1 WHERE k=2", "UPDATE t SET a = 1 WHERE k = 2"),
    (
        "UPDATE t USING TIMESTAMP ? AND TTL 3 SET a = null, l[0] = 1, m['k'] = :v, u.f = 2 WHERE \
         k IN (1, 2) AND (c, d) = (3, 4) IF EXISTS",
        "UPDATE t USING TIMESTAMP ? AND TTL 3 SET a = null, l[0] = 1, m['k'] = :v, u.f = 2 WHERE \
         k IN (1, 2) AND (c, d) = (3, 4) IF EXISTS",
    ),
    (
        "UPDATE t SET c = c + 1, d = d - 1, e = e -1, f += 2, g -= ?, h=h+{1}, i = i-- x\n-{1}, j = j 2 WHERE k = 1",
        "UPDATE t SET c += 1, d -= 1, e -= 1, f += 2, g -= ?, h += {1}, i -= {1}, j += 2 WHERE k = 1",
    ),
    (
        "UPDATE t SET l = [1] + l, m = ? + m, a = 1 + 2 * f(), b = f() + 1, c = ks.f() - 1 WHERE k = 1",
        "UPDATE t SET l = [1] + l, m = ? + m, a = 1 + 2 * f(), b = f() + 1, c = ks.f() - 1 WHERE k = 1",
    ),
    (
        "UPDATE t SET m['a'] = 1, m['b'] = 2, m += {'c': 3} WHERE k = 1",
        "UPDATE t SET m['a'] = 1, m['b'] = 2, m += {'c': 3} WHERE k = 1",
    ),
    (
        "UPDATE t SET a = 1 WHERE k = 1 IF b = 1 AND c != null AND d >= ? AND e in (1, 2) AND f IN ? \
         AND l[0] = 1 AND m['k'] IN (1) AND u.f < 2 AND s CONTAINS 1 AND m CONTAINS KEY 2",
        "UPDATE t SET a = 1 WHERE k = 1 IF b = 1 AND c != null AND d >= ? AND e IN (1, 2) AND f IN ? \
         AND l[0] = 1 AND m['k'] IN (1) AND u.f < 2 AND s CONTAINS 1 AND m CONTAINS KEY 2",
    ),
    (
        "UPDATE t SET a = 1 WHERE k = 1 IF exists = 1 AND b IN ()",
        "UPDATE t SET a = 1 WHERE k = 1 IF exists = 1 AND b IN ()",
    ),
    ("DELETE FROM t WHERE k = 1", "DELETE FROM t WHERE k = 1"),
    (
        "DELETE a , l[0], m[?], u.\"F\" FROM t USING TIMESTAMP 5 WHERE k = 1 AND c > 2 IF EXISTS",
        "DELETE a, l[0], m[?], u.\"F\" FROM t USING TIMESTAMP 5 WHERE k = 1 AND c > 2 IF EXISTS",
    ),
    ("DELETE a FROM t WHERE k = 1 IF a = 2", "DELETE a FROM t WHERE k = 1 IF a = 2"),
    ("BEGIN BATCH APPLY BATCH", "BEGIN BATCH APPLY BATCH"),
    (
        "begin unlogged batch using timestamp 1 insert into t (a) values (1); update t set b = 2 \
         where a = 1 delete from t where a = 1; apply batch;",
        "BEGIN UNLOGGED BATCH USING TIMESTAMP 1 INSERT INTO t (a) VALUES (1); UPDATE t SET b = 2 \
         WHERE a = 1; DELETE FROM t WHERE a = 1; APPLY BATCH",
    ),
    (
        "BEGIN COUNTER BATCH UPDATE t SET c = c + 1 WHERE k = ? APPLY BATCH",
        "BEGIN COUNTER BATCH UPDATE t SET c += 1 WHERE k = ?; APPLY BATCH",
    ),
];

const DEFINITIONS: &[(&str, &str)] = &[
    (
        "CREATE KEYSPACE IF NOT EXISTS ks WITH replication = {'class': 'SimpleStrategy', \
         'replication_factor': 1} and DURABLE_WRITES=false",
        "CREATE KEYSPACE IF NOT EXISTS ks WITH replication = {'class': 'SimpleStrategy', \
         'replication_factor': 1} AND durable_writes = false",
    ),
    ("CREATE SCHEMA a WITH b = 'c'", "CREATE KEYSPACE a WITH b = 'c'"),
    ("CREATE TABLE t (a int PRIMARY KEY)", "CREATE TABLE t (a int, PRIMARY KEY ((a)))"),
    (
        "create columnfamily if not exists ks.t (a int, b List < frozen<\"U\"> > static, c vector<float, 3>, \
         primary key (a, b, c),)",
        "CREATE TABLE IF NOT EXISTS ks.t (a int, b list<frozen<\"U\">> STATIC, c vector<float,3>, \
         PRIMARY KEY ((a), b, c))",
    ),
    (
        "CREATE TABLE t (PRIMARY KEY ((a, \"B\"), c), a int MASKED WITH DEFAULT, \"B\" text, c uuid \
         MASKED WITH mask_inner(1, null)) WITH CLUSTERING ORDER BY (c DESC, d ASC) AND comment='x' \
         AND COMPACT STORAGE AND compaction = {'class': 'LeveledCompactionStrategy', 'enabled': true} \
         AND gc_grace_seconds = 1",
        "CREATE TABLE t (a int MASKED WITH DEFAULT, \"B\" text, c uuid MASKED WITH \
         mask_inner(1, null), PRIMARY KEY ((a, \"B\"), c)) WITH COMPACT STORAGE AND CLUSTERING ORDER \
         BY (c DESC, d ASC) AND comment = 'x' AND compaction = {'class': \
         'LeveledCompactionStrategy', 'enabled': true} AND gc_grace_seconds = 1",
    ),
    ("CREATE TABLE t (PRIMARY KEY (a))", "CREATE TABLE t (PRIMARY KEY ((a)))"),
    ("CREATE TABLE t (a int)", "CREATE TABLE t (a int)"),
    (
        "CREATE TABLE t (a int PRIMARY KEY, b int PRIMARY KEY) WITH id = 1 AND caching = {}",
        "CREATE TABLE t (a int, b int, PRIMARY KEY ((a)), PRIMARY KEY ((b))) WITH id = 1 AND \
         caching = {}",
    ),
    (
        "CREATE TYPE IF NOT EXISTS ks.u (\"A\" int, type frozen<list<u2>>, )",
        "CREATE TYPE IF NOT EXISTS ks.u (\"A\" int, type frozen<list<u2>>)",
    ),
    ("CREATE INDEX ON t (a)", "CREATE INDEX ON t (a)"),
    (
        "create index if not exists i on ks.t (keys(m)) USING 'sai'",
        "CREATE INDEX IF NOT EXISTS i ON ks.t (keys(m)) USING 'sai'",
    ),
    (
        "CREATE CUSTOM INDEX i ON t (values(a), entries(b), full(c), values) USING 'a.B' WITH \
         OPTIONS = {'mode': 'CONTAINS'}",
        "CREATE CUSTOM INDEX i ON t (values(a), entries(b), full(c), values) USING 'a.B' WITH \
         options = {'mode': 'CONTAINS'}",
    ),
    ("CREATE CUSTOM INDEX ON t () USING 'a'", "CREATE CUSTOM INDEX ON t () USING 'a'"),
];

const CHANGES: &[(&str, &str)] = &[
    (
        "ALTER KEYSPACE IF EXISTS ks WITH durable_writes = true",
        "ALTER KEYSPACE IF EXISTS ks WITH durable_writes = true",
    ),
    ("ALTER TABLE t ADD a int static", "ALTER TABLE t ADD (a int STATIC)"),
    (
        "ALTER TABLE IF EXISTS ks.t ADD IF NOT EXISTS (a int, b text)",
        "ALTER TABLE IF EXISTS ks.t ADD IF NOT EXISTS (a int, b text)",
    ),
    ("ALTER TABLE t DROP a", "ALTER TABLE t DROP (a)"),
    (
        "ALTER TABLE t DROP IF EXISTS (a, b) USING TIMESTAMP 5",
        "ALTER TABLE t DROP IF EXISTS (a, b) USING TIMESTAMP 5",
    ),
    ("ALTER TABLE t DROP COMPACT STORAGE", "ALTER TABLE t DROP COMPACT STORAGE"),
    ("ALTER TABLE t DROP compact", "ALTER TABLE t DROP (compact)"),
    (
        "ALTER TABLE t RENAME IF EXISTS a TO b AND c TO \"D\"",
        "ALTER TABLE t RENAME IF EXISTS a TO b AND c TO \"D\"",
    ),
    ("ALTER TABLE t ALTER type TYPE bigint", "ALTER TABLE t ALTER type TYPE bigint"),
    ("ALTER TABLE t ALTER IF EXISTS a DROP MASKED", "ALTER TABLE t ALTER IF EXISTS a DROP MASKED"),
    (
        "ALTER TABLE t ALTER a MASKED WITH mask_null()",
        "ALTER TABLE t ALTER a MASKED WITH mask_null()",
    ),
    ("ALTER TABLE t WITH comment='a' AND b=1", "ALTER TABLE t WITH comment = 'a' AND b = 1"),
    ("ALTER TYPE IF EXISTS ks.u ADD a int", "ALTER TYPE IF EXISTS ks.u ADD a int"),
    ("ALTER TYPE u ADD IF NOT EXISTS a int", "ALTER TYPE u ADD IF NOT EXISTS a int"),
    (
        "ALTER TYPE u RENAME IF EXISTS a TO b AND c TO d",
        "ALTER TYPE u RENAME IF EXISTS a TO b AND c TO d",
    ),
    ("ALTER TYPE u ALTER a TYPE text", "ALTER TYPE u ALTER a TYPE text"),
    ("DROP KEYSPACE IF EXISTS \"KS\"", "DROP KEYSPACE IF EXISTS \"KS\""),
    ("drop schema ks", "DROP KEYSPACE ks"),
    ("DROP COLUMNFAMILY ks.t", "DROP TABLE ks.t"),
    ("DROP TABLE IF EXISTS t", "DROP TABLE IF EXISTS t"),
    ("DROP TYPE IF EXISTS ks.u", "DROP TYPE IF EXISTS ks.u"),
    ("DROP INDEX IF EXISTS ks.i", "DROP INDEX IF EXISTS ks.i"),
];

const OTHERS: &[(&str, &str)] = &[
    ("TRUNCATE t;", "TRUNCATE TABLE t"),
    ("truncate columnfamily ks.\"T\"", "TRUNCATE TABLE ks.\"T\""),
    ("TRUNCATE TABLE t", "TRUNCATE TABLE t"),
    ("USE ks", "USE ks"),
    ("use\"Ks\"", "USE \"Ks\""),
    ("DESCRIBE CLUSTER", "DESCRIBE CLUSTER"),
    ("desc full schema", "DESCRIBE FULL SCHEMA"),
    ("DESC SCHEMA WITH INTERNALS", "DESCRIBE SCHEMA WITH INTERNALS"),
    ("DESCRIBE KEYSPACES", "DESCRIBE KEYSPACES"),
    ("DESCRIBE KEYSPACE", "DESCRIBE KEYSPACE"),
    ("DESCRIBE KEYSPACE \"Ks\";", "DESCRIBE KEYSPACE \"Ks\""),
    ("DESCRIBE ONLY KEYSPACE ks WITH INTERNALS", "DESCRIBE ONLY KEYSPACE ks WITH INTERNALS"),
    ("DESCRIBE ONLY SCHEMA ks", "DESCRIBE ONLY KEYSPACE ks"),
    ("DESCRIBE COLUMNFAMILIES", "DESCRIBE TABLES"),
    ("DESCRIBE TABLE ks.t", "DESCRIBE TABLE ks.t"),
    ("DESCRIBE COLUMNFAMILY t WITH INTERNALS", "DESCRIBE TABLE t WITH INTERNALS"),
    ("DESCRIBE INDEX ks.i", "DESCRIBE INDEX ks.i"),
    ("DESCRIBE MATERIALIZED VIEW v", "DESCRIBE MATERIALIZED VIEW v"),
    ("DESCRIBE TYPES", "DESCRIBE TYPES"),
    ("DESCRIBE TYPE ks.u", "DESCRIBE TYPE ks.u"),
    ("DESCRIBE FUNCTIONS", "DESCRIBE FUNCTIONS"),
    ("DESCRIBE FUNCTION ks.f", "DESCRIBE FUNCTION ks.f"),
    ("DESCRIBE AGGREGATES", "DESCRIBE AGGREGATES"),
    ("DESCRIBE AGGREGATE a", "DESCRIBE AGGREGATE a"),
    ("DESCRIBE ks.t", "DESCRIBE ks.t"),
    ("DESCRIBE \"cluster\"", "DESCRIBE \"cluster\""),
    ("DESCRIBE users", "DESCRIBE users"),
    ("CREATE FUNCTION f(a int) RETURNS NULL ...", "CREATE FUNCTION"),
    ("create or replace aggregate g(int)", "CREATE AGGREGATE"),
    ("CREATE MATERIALIZED VIEW v AS SELECT", "CREATE MATERIALIZED VIEW"),
    ("DROP TRIGGER x ON t", "DROP TRIGGER"),
    ("GRANT SELECT ON t TO r", "GRANT"),
    ("LIST ROLES", "LIST"),
];

#[test]
fn parses_each_form_of_each_statement() {
    STATEMENTS.iter().for_each(|statements| check_formats(statements));
}

#[test]
fn errors_name_the_position_in_each_kind_of_statement() {
    check_errors(&[
        ("", "line 1:0 no viable alternative at input '<EOF>', expecting a statement"),
        ("  ;", "line 1:2 no viable alternative at input ';', expecting a statement"),
        (
            "SELEC * FROM t",
            "line 1:0 no viable alternative at input 'SELEC', expecting a statement",
        ),
        ("CREATE foo", "line 1:7 no viable alternative at input 'foo', expecting a statement"),
        ("INSERT t (a) VALUES (1)", "line 1:7 mismatched input 't' expecting INTO"),
        (
            "INSERT INTO t () VALUES ()",
            "line 1:15 no viable alternative at input ')', expecting a name",
        ),
        (
            "INSERT INTO t (a) VALUES ()",
            "line 1:26 no viable alternative at input ')', expecting a term",
        ),
        ("INSERT INTO t (a VALUES (1)", "line 1:17 mismatched input 'VALUES' expecting )"),
        (
            "INSERT INTO t JSON 1",
            "line 1:19 no viable alternative at input '1', expecting a string or a bind marker",
        ),
        (
            "INSERT INTO t (a) VALUES (1) USING TTL 'a'",
            "line 1:39 no viable alternative at input ''a'', expecting an integer or a bind marker",
        ),
        (
            "INSERT INTO t (a) VALUES (1) USING TLL 1",
            "line 1:35 no viable alternative at input 'TLL', expecting TIMESTAMP or TTL",
        ),
        (
            "INSERT INTO t (a) VALUES (1) IF EXISTS",
            "line 1:32 mismatched input 'EXISTS' expecting NOT",
        ),
        (
            "INSERT INTO t (a) VALUES (1) USING TTL 1 IF NOT EXISTS",
            "line 1:41 mismatched input 'IF' expecting EOF",
        ),
        ("INSERT INTO ? (a) VALUES (1)", "Bind variables cannot be used for table names"),
        ("USE ?", "Bind variables cannot be used for keyspace names"),
        ("UPDATE t SET a = 1", "line 1:18 mismatched input '<EOF>' expecting WHERE"),
        (
            "UPDATE t SET a = b WHERE k = 1",
            "line 1:17 no viable alternative at input 'b', expecting a term",
        ),
        (
            "UPDATE t SET a = b + 1 WHERE k = 1",
            "Only expressions of the form X = X +<value> are supported.",
        ),
        (
            "UPDATE t SET a = [1] + b WHERE k = 1",
            "Only expressions of the form X = <value> + X are supported.",
        ),
        ("UPDATE t SET a = 1, a = 2 WHERE k = 1", "Multiple incompatible setting of column a"),
        (
            "UPDATE t SET m['k'] = 1, m = {} WHERE k = 1",
            "Multiple incompatible setting of column m",
        ),
        (
            "UPDATE t SET a = 1 WHERE k = 1 IF",
            "line 1:33 no viable alternative at input '<EOF>', expecting a name",
        ),
        (
            "UPDATE t SET a = 1 WHERE k = 1 IF a LIKE 'b'",
            "line 1:36 no viable alternative at input 'LIKE', expecting an operator",
        ),
        (
            "UPDATE t SET a = 1 WHERE k = 1 IF EXISTS AND a = 1",
            "line 1:41 mismatched input 'AND' expecting EOF",
        ),
        (
            "DELETE * FROM t WHERE k = 1",
            "line 1:7 no viable alternative at input '*', expecting a name",
        ),
        ("DELETE FROM t", "line 1:13 mismatched input '<EOF>' expecting WHERE"),
        (
            "DELETE FROM t USING TTL 1 WHERE k = 1",
            "line 1:20 mismatched input 'TTL' expecting TIMESTAMP",
        ),
        (
            "BEGIN BATCH SELECT * FROM t APPLY BATCH",
            "line 1:12 no viable alternative at input 'SELECT', expecting INSERT, UPDATE, DELETE or \
             APPLY",
        ),
        (
            "BEGIN BATCH INSERT INTO t (a) VALUES (1);",
            "line 1:41 no viable alternative at input '<EOF>', expecting INSERT, UPDATE, DELETE or \
             APPLY",
        ),
        ("BEGIN LOGGED BATCH APPLY BATCH", "line 1:6 mismatched input 'LOGGED' expecting BATCH"),
        ("CREATE KEYSPACE ks", "line 1:18 mismatched input '<EOF>' expecting WITH"),
        ("CREATE KEYSPACE ks WITH a = {'b': 1} AND a = 2", "Multiple definitions for property 'a'"),
        ("CREATE KEYSPACE ks WITH a = {'b': 1, 'b': 2}", "Multiple definition for property b"),
        (
            "CREATE KEYSPACE ks WITH a = {'b': ?}",
            "Invalid property value: ? (bind variables are not supported in DDL queries) for property: b",
        ),
        ("CREATE KEYSPACE ks WITH a = {b(): 1}", "Invalid property name: b()"),
        (
            "CREATE KEYSPACE ks WITH a = null",
            "line 1:28 no viable alternative at input 'null', expecting a literal or a map",
        ),
        ("CREATE TABLE t", "line 1:14 mismatched input '<EOF>' expecting ("),
        ("CREATE TABLE t ()", "line 1:16 no viable alternative at input ')', expecting a name"),
        ("CREATE TABLE t (a)", "line 1:17 no viable alternative at input ')', expecting a type"),
        (
            "CREATE TABLE t (a int PRIMARY KEY) WITH CLUSTERING ORDER BY (a)",
            "line 1:62 no viable alternative at input ')', expecting ASC or DESC",
        ),
        (
            "CREATE TYPE int (a int)",
            "line 1:12 no viable alternative at input 'int', expecting a name",
        ),
        (
            "CREATE INDEX ON t (a) USING sai",
            "line 1:28 no viable alternative at input 'sai', expecting a string",
        ),
        (
            "ALTER TABLE t",
            "line 1:13 no viable alternative at input '<EOF>', expecting ADD, ALTER, DROP, RENAME or \
             WITH",
        ),
        (
            "ALTER TABLE t DROP a USING TIMESTAMP ?",
            "line 1:37 mismatched input '?' expecting INTEGER",
        ),
        ("ALTER TYPE u RENAME a b", "line 1:22 mismatched input 'b' expecting TO"),
        ("DROP TABLE IF t", "line 1:14 mismatched input 't' expecting EXISTS"),
        ("TRUNCATE TABLE", "line 1:14 no viable alternative at input '<EOF>', expecting a name"),
        ("DESCRIBE FULL", "line 1:13 mismatched input '<EOF>' expecting SCHEMA"),
        ("DESCRIBE", "line 1:8 no viable alternative at input '<EOF>', expecting a name"),
        ("DESCRIBE CLUSTER WITH", "line 1:21 mismatched input '<EOF>' expecting INTERNALS"),
        ("USE a; USE b", "line 1:7 mismatched input 'USE' expecting EOF"),
    ]);
}
