//! INSERT, UPDATE and batches.

use super::*;

fn int(number: i32) -> Option<Value> {
    Some(Value::Int(number))
}

/// Cassandra stores blobs of any length in a `tinyint`.
#[test]
fn accepts_a_byte_as_a_tinyint() {
    let mut session = Session::with(&["CREATE TABLE t (k int PRIMARY KEY, v tinyint)"]);
    session.check(&[
        ("INSERT INTO t (k, v) VALUES (1, 0x0A)", ""),
        ("UPDATE t SET v = 0xff WHERE k = 1", ""),
        ("SELECT v FROM t", "-1"),
        (
            "INSERT INTO t (k, v) VALUES (1, 0x0A0B)",
            "0x2200 Invalid HEX constant (0a0b) for \"v\" of type tinyint",
        ),
    ]);
}

#[test]
fn inserts_and_updates_rows() {
    let mut session = Session::with(&["CREATE TABLE t (k int, c int, v text, PRIMARY KEY (k, c))"]);
    session.check(&[
        ("INSERT INTO t (k, c, v) VALUES (1, 1, 'a')", ""),
        ("INSERT INTO t (k, c) VALUES (1, 2)", ""),
        ("UPDATE t SET v = 'b' WHERE k = 1 AND c = 3", ""),
        ("SELECT * FROM t", "1 1 'a'; 1 2 null; 1 3 'b'"),
        // A row that only UPDATE wrote ends with its last value.
        ("UPDATE t SET v = null WHERE k = 1 AND c IN (2, 3)", ""),
        ("SELECT * FROM t", "1 1 'a'; 1 2 null"),
        ("INSERT INTO t (k, c, v) VALUES (1, 1, 'c')", ""),
        ("SELECT v FROM t WHERE k = 1 AND c = 1", "'c'"),
        ("INSERT INTO t (k, v) VALUES (1, 'a')", "0x2200 Some clustering keys are missing: c"),
        ("INSERT INTO t (c, v) VALUES (1, 'a')", "0x2200 Some partition key parts are missing: k"),
        ("INSERT INTO t (k, c) VALUES (1)", "0x2200 Unmatched column names/values"),
        ("INSERT INTO t (k, k, c) VALUES (1, 1, 1)", "0x2200 The column names contains duplicates"),
        ("INSERT INTO t (k, c, x) VALUES (1, 1, 1)", "0x2200 Undefined column name x in table ks.t"),
        (
            "INSERT INTO t (k, c) VALUES (null, 1)",
            "0x2200 Invalid null value in condition for column k",
        ),
        ("UPDATE t SET v = 'a' WHERE k = 1", "0x2200 Some clustering keys are missing: c"),
        ("UPDATE t SET c = 1 WHERE k = 1 AND c = 1", "0x2200 PRIMARY KEY part c found in SET part"),
        (
            "UPDATE t SET v = 'a' WHERE k = 1 AND c = 1 AND v = 'b'",
            "0x2200 Non PRIMARY KEY columns found in where clause: v ",
        ),
        (
            "UPDATE t SET v = 'a' WHERE k = 1 AND c > 1",
            "0x2200 Slice restrictions are not supported on the clustering columns in UPDATE statements",
        ),
        (
            "UPDATE t SET v = 'a' WHERE token(k) = 1 AND c = 1",
            "0x2200 The token function cannot be used in WHERE clauses for UPDATE statements",
        ),
        ("TRUNCATE t", ""),
        ("SELECT * FROM t", ""),
    ]);
}

#[test]
fn binds_values() {
    let mut session = Session::with(&["CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c))"]);
    let insert = "INSERT INTO t (k, c, v) VALUES (?, ?, ?)";
    assert_eq!(session.bind(insert, &[int(1), int(1), int(5)]), "");
    assert_eq!(session.bind(insert, &[int(1), int(1), None]), "");
    assert_eq!(session.run("SELECT v FROM t"), "5");
    assert_eq!(session.bind(insert, &[int(1), int(1), Some(Value::Null)]), "");
    assert_eq!(session.run("SELECT v FROM t"), "null");
    let error = "0x2200 Invalid amount of bind variables";
    assert_eq!(session.bind(insert, &[int(1), int(1)]), error);
    let error = "0x2200 Invalid unset value for column c";
    assert_eq!(session.bind(insert, &[int(1), None, int(1)]), error);
    let update = "UPDATE t USING TTL ? SET v = ? WHERE k = ? AND c IN ?";
    let keys = Some(Value::List(vec![Value::Int(1), Value::Int(2)]));
    assert_eq!(session.bind(update, &[int(100), int(7), int(1), keys]), "");
    assert_eq!(session.run("SELECT c, v, ttl(v) FROM t"), "1 7 99; 2 7 99");
    let prepared = session.store.prepare(update, Some("ks"), &NoTables).unwrap();
    let names: Vec<_> = prepared.variables().iter().map(|of| &*of.name).collect();
    assert_eq!(names, ["[ttl]", "v", "k", "in(c)"]);
    assert_eq!(prepared.partition_key(), [2]);
}

#[test]
fn writes_collections_and_their_elements() {
    let mut session = Session::with(&[
        "CREATE TYPE u (a int, b text)",
        "CREATE TABLE t (k int PRIMARY KEY, l list<int>, s set<int>, m map<text, int>, u u, \
         f frozen<set<int>>)",
        "INSERT INTO t (k, l, s, m, u, f) VALUES (1, [3, 1], {2, 1}, {'b': 2, 'a': 1}, {a: 1, b: 'x'}, \
         {5, 4})",
    ]);
    session.check(&[
        ("SELECT * FROM t", "1 {4, 5} [3, 1] {'a': 1, 'b': 2} {1, 2} {a: 1, b: 'x'}"),
        ("UPDATE t SET l = l + [9], s = s + {0}, m = m + {'c': 3} WHERE k = 1", ""),
        ("UPDATE t SET l = [7, 8] + l WHERE k = 1", ""),
        ("SELECT l, s, m FROM t", "[7, 8, 3, 1, 9] {0, 1, 2} {'a': 1, 'b': 2, 'c': 3}"),
        ("UPDATE t SET l[1] = 80, m['a'] = 10, u.b = 'y' WHERE k = 1", ""),
        ("UPDATE t SET l = l - [3, 9], s = s - {0, 7}, m = m - {'b'} WHERE k = 1", ""),
        ("SELECT l, s, m, u FROM t", "[7, 80, 1] {1, 2} {'a': 10, 'c': 3} {a: 1, b: 'y'}"),
        ("DELETE l[0], s[1], m['a'], u.a FROM t WHERE k = 1", ""),
        ("SELECT l, s, m, u FROM t", "[80, 1] {2} {'c': 3} {a: null, b: 'y'}"),
        ("UPDATE t SET l = [5], s = {}, m = null, f = {} WHERE k = 1", ""),
        ("SELECT l, s, m, f FROM t", "[5] null null {}"),
        ("UPDATE t SET l[1] = 1 WHERE k = 1", "0x2200 List index 1 out of bound, list has size 1"),
        (
            "UPDATE t SET l[0] = 1 WHERE k = 2",
            "0x2200 Attempted to set an element on a list which is null",
        ),
        (
            "DELETE l[0] FROM t WHERE k = 2",
            "0x2200 Attempted to delete an element from a list which is null",
        ),
        (
            "UPDATE t SET f = f + {1} WHERE k = 1",
            "0x2200 Invalid operation (f = f + {1}) for frozen collection column f",
        ),
        (
            "UPDATE t SET s[1] = 1 WHERE k = 1",
            "0x2200 Invalid operation (s[1] = 1) for set column s",
        ),
        ("UPDATE t SET u.z = 1 WHERE k = 1", "0x2200 UDT column u does not have a field named z"),
    ]);
}

#[test]
fn writes_static_columns() {
    let mut session =
        Session::with(&["CREATE TABLE t (k int, c int, s int static, v int, PRIMARY KEY (k, c))"]);
    session.check(&[
        ("INSERT INTO t (k, s) VALUES (1, 10)", ""),
        ("SELECT * FROM t", "1 null 10 null"),
        ("INSERT INTO t (k, c, v) VALUES (1, 1, 5)", ""),
        ("INSERT INTO t (k, c, s) VALUES (1, 2, 11)", ""),
        ("SELECT * FROM t", "1 1 11 5; 1 2 11 null"),
        ("UPDATE t SET s = 12 WHERE k = 1", ""),
        ("SELECT DISTINCT k, s FROM t", "1 12"),
        (
            "UPDATE t SET s = 13 WHERE k = 1 AND c = 1",
            "0x2200 Invalid restrictions on clustering columns since the UPDATE statement modifies only \
             static columns",
        ),
        ("DELETE FROM t WHERE k = 1 AND c = 1", ""),
        ("DELETE s FROM t WHERE k = 1", ""),
        ("SELECT * FROM t", "1 2 null null"),
    ]);
}

#[test]
fn counts() {
    let mut session = Session::with(&["CREATE TABLE t (k int PRIMARY KEY, c counter, d counter)"]);
    session.check(&[
        ("UPDATE t SET c = c + 5 WHERE k = 1", ""),
        ("UPDATE t SET c = c - 2, d += 1 WHERE k = 1", ""),
        ("SELECT * FROM t", "1 3 1"),
        (
            "INSERT INTO t (k, c) VALUES (1, 1)",
            "0x2200 INSERT statements are not allowed on counter tables, use UPDATE instead",
        ),
        (
            "UPDATE t SET c = 1 WHERE k = 1",
            "0x2200 Cannot set the value of counter column c (counters can only be \
             incremented/decremented, not set)",
        ),
        (
            "UPDATE t USING TTL 5 SET c = c + 1 WHERE k = 1",
            "0x2200 Cannot provide custom TTL for counter updates",
        ),
        (
            "BEGIN COUNTER BATCH UPDATE t SET c = c + 1 WHERE k = 1; UPDATE t SET c = c + 1 WHERE k = 1; \
             APPLY BATCH",
            "",
        ),
        ("SELECT c FROM t", "5"),
        ("DELETE c FROM t WHERE k = 1", ""),
        ("SELECT * FROM t", "1 null 1"),
        (
            "BEGIN BATCH UPDATE t SET c = c + 1 WHERE k = 1; APPLY BATCH",
            "0x2200 Cannot include a counter statement in a logged batch",
        ),
    ]);
}

#[test]
fn inserts_json() {
    let mut session =
        Session::with(&["CREATE TABLE t (k int PRIMARY KEY, v text, l list<int>, \"V\" int)"]);
    session.check(&[
        ("INSERT INTO t JSON '{\"k\": 1, \"v\": \"a\", \"l\": [1, 2], \"\\\"V\\\"\": 7}'", ""),
        ("SELECT * FROM t", "1 7 [1, 2] 'a'"),
        ("INSERT INTO t JSON '{\"k\": 1, \"v\": \"b\"}' DEFAULT UNSET", ""),
        ("SELECT * FROM t", "1 7 [1, 2] 'b'"),
        ("INSERT INTO t JSON '{\"k\": 1, \"v\": \"c\"}'", ""),
        ("SELECT * FROM t", "1 null null 'c'"),
        (
            "INSERT INTO t JSON '{\"k\": 1, \"z\": 1}'",
            "0x2200 JSON values map contains unrecognized column: z",
        ),
    ]);
    let json = Some(Value::Text("{\"k\": 2, \"v\": null}".into()));
    assert_eq!(session.bind("INSERT INTO t JSON ?", &[json]), "");
    assert_eq!(session.run("SELECT k FROM t WHERE k = 2"), "2");
}

#[test]
fn batches_change_everything_or_nothing() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int PRIMARY KEY, v int, l list<int>)",
        "CREATE TABLE c (k int PRIMARY KEY, c counter)",
    ]);
    session.check(&[
        (
            "BEGIN BATCH INSERT INTO t (k, v) VALUES (1, 1); UPDATE t SET v = 2 WHERE k = 2; \
             DELETE FROM t WHERE k = 3; APPLY BATCH",
            "",
        ),
        ("SELECT k, v FROM t", "1 1; 2 2"),
        (
            "BEGIN BATCH INSERT INTO t (k, v) VALUES (4, 1); UPDATE t SET l[0] = 1 WHERE k = 1; \
             APPLY BATCH",
            "0x2200 Attempted to set an element on a list which is null",
        ),
        ("SELECT k, v FROM t", "1 1; 2 2"),
        // Of a write and a deletion with the same timestamp, the deletion wins.
        (
            "BEGIN BATCH DELETE FROM t WHERE k = 1; INSERT INTO t (k, v) VALUES (1, 5); APPLY BATCH",
            "",
        ),
        ("SELECT k, v FROM t", "2 2"),
        (
            "BEGIN UNLOGGED BATCH INSERT INTO t (k, v) VALUES (1, 5); UPDATE c SET c = c + 1 WHERE k = 1; \
             APPLY BATCH",
            "0x2200 Counter and non-counter mutations cannot exist in the same batch",
        ),
        (
            "BEGIN COUNTER BATCH INSERT INTO t (k, v) VALUES (1, 5); APPLY BATCH",
            "0x2200 Cannot include non-counter statement in a counter batch",
        ),
        (
            "BEGIN BATCH USING TIMESTAMP 5 INSERT INTO t (k) VALUES (1) USING TIMESTAMP 6; APPLY BATCH",
            "0x2200 Timestamp must be set either on BATCH or individual statements",
        ),
        (
            "BEGIN BATCH USING TTL 5 INSERT INTO t (k) VALUES (1); APPLY BATCH",
            "0x2200 Global TTL on the BATCH statement is not supported.",
        ),
        ("BEGIN BATCH APPLY BATCH", ""),
    ]);
    let statement = "BEGIN BATCH USING TIMESTAMP ? INSERT INTO t (k, v) VALUES (?, ?); \
                     UPDATE t SET v = ? WHERE k = ?; APPLY BATCH";
    let values = [Some(Value::BigInt(3_000_000_000)), int(7), int(70), int(80), int(8)];
    assert_eq!(session.bind(statement, &values), "");
    assert_eq!(session.run("SELECT v, writetime(v) FROM t WHERE k = 8"), "80 3000000000");
}

#[test]
fn the_batch_request_accepts_only_statements_that_write() {
    let mut session = Session::with(&["CREATE TABLE t (k int PRIMARY KEY, v int)"]);
    let mut batch = |statements: &[(&str, &[Option<Value>])]| {
        let prepare = |(text, values): &(&str, &[Option<Value>])| {
            let prepared = session.store.prepare(text, Some("ks"), &NoTables).unwrap();
            let encoded = encode(prepared.variables(), values);
            (prepared, encoded)
        };
        let prepared: Vec<_> = statements.iter().map(prepare).collect();
        let entries: Vec<_> = prepared
            .iter()
            .map(|(prepared, encoded)| BatchEntry { prepared, values: named(encoded) })
            .collect();
        session.now += 1_000_000;
        let execution = Execution { now: session.now, ..Execution::default() };
        let kind = crate::message::BatchKind::Logged;
        text(session.store.execute_batch(kind, &entries, &execution, &NoTables))
    };
    let insert = "INSERT INTO t (k, v) VALUES (?, ?)";
    assert_eq!(batch(&[(insert, &[int(1), int(2)]), (insert, &[int(2), int(3)])]), "");
    assert_eq!(
        batch(&[(insert, &[int(9), int(2)]), ("SELECT * FROM t", &[])]),
        "0x2200 Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed."
    );
    assert_eq!(
        batch(&[(insert, &[int(9), int(2)]), (insert, &[int(1)])]),
        "0x2200 Invalid amount of bind variables"
    );
    assert_eq!(batch(&[]), "");
    assert_eq!(session.run("SELECT * FROM t"), "1 2; 2 3");
}
