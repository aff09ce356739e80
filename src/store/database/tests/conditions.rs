//! IF.

use super::*;

#[test]
fn inserts_if_the_row_does_not_exist() {
    let mut session = Session::with(&["CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c))"]);
    session.check(&[
        ("INSERT INTO t (k, c, v) VALUES (1, 1, 1) IF NOT EXISTS", "[applied]: true"),
        ("INSERT INTO t (k, c, v) VALUES (1, 1, 2) IF NOT EXISTS", "[applied] k c v: false 1 1 1"),
        ("INSERT INTO t (k, c, v) VALUES (1, 2, 2) IF NOT EXISTS USING TTL 2", "[applied]: true"),
        ("DELETE FROM t WHERE k = 1 AND c = 1", ""),
        ("INSERT INTO t (k, c, v) VALUES (1, 1, 3) IF NOT EXISTS", "[applied]: true"),
        ("SELECT * FROM t", "1 1 3"),
        (
            "INSERT INTO t (k, c) VALUES (1, 1) IF NOT EXISTS USING TIMESTAMP 5",
            "0x2200 Cannot provide custom timestamp for conditional updates",
        ),
    ]);
}

#[test]
fn updates_and_deletes_if_conditions_are_met() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int PRIMARY KEY, v int, w text, l list<int>, m map<text, int>)",
        "INSERT INTO t (k, v, w, l, m) VALUES (1, 1, 'a', [1, 2], {'x': 5})",
    ]);
    session.check(&[
        ("UPDATE t SET v = 2 WHERE k = 1 IF v = 1", "[applied]: true"),
        ("UPDATE t SET v = 3 WHERE k = 1 IF v = 1 AND w = 'a'", "[applied] v w: false 2 'a'"),
        ("UPDATE t SET v = 3 WHERE k = 2 IF v = 1", "[applied]: false"),
        ("UPDATE t SET v = 3 WHERE k = 1 IF v IN (1, 2) AND w != 'b'", "[applied]: true"),
        ("UPDATE t SET v = 4 WHERE k = 1 IF v > 2 AND v <= 3", "[applied]: true"),
        ("UPDATE t SET v = 5 WHERE k = 1 IF l[1] = 2 AND m['x'] >= 5", "[applied]: true"),
        ("UPDATE t SET v = 6 WHERE k = 1 IF l = [1, 2] AND m CONTAINS KEY 'x'", "[applied]: true"),
        ("UPDATE t SET v = 7 WHERE k = 1 IF l CONTAINS 3", "[applied] l: false [1, 2]"),
        ("UPDATE t SET v = 7 WHERE k = 1 IF EXISTS", "[applied]: true"),
        ("UPDATE t SET v = 7 WHERE k = 9 IF EXISTS", "[applied]: false"),
        ("UPDATE t SET v = 8 WHERE k = 9 IF v = null", "[applied]: true"),
        ("DELETE w FROM t WHERE k = 1 IF w = 'a'", "[applied]: true"),
        ("UPDATE t SET w = 'c' WHERE k = 1 IF w = null", "[applied]: true"),
        ("DELETE FROM t WHERE k = 1 IF v = 1", "[applied] v: false 7"),
        ("DELETE FROM t WHERE k = 1 IF EXISTS", "[applied]: true"),
        ("SELECT k, v FROM t", "9 8"),
        (
            "UPDATE t SET v = 1 WHERE k = 1 IF v < null",
            "0x2200 Invalid comparison with null for operator \"<\"",
        ),
        (
            "UPDATE t SET v = 1 WHERE k = 1 IF k = 1",
            "0x2200 PRIMARY KEY column 'k' cannot have IF conditions",
        ),
        (
            "UPDATE t SET v = 1 WHERE k IN (1, 2) IF v = 1",
            "0x2200 IN on the partition key is not supported with conditional updates",
        ),
    ]);
}

#[test]
fn conditions_on_static_columns_need_no_row() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int, c int, s int static, v int, PRIMARY KEY (k, c))",
        "INSERT INTO t (k, s) VALUES (1, 5)",
    ]);
    session.check(&[
        ("UPDATE t SET s = 6 WHERE k = 1 IF s = 5", "[applied]: true"),
        ("UPDATE t SET s = 7 WHERE k = 1 IF s = 5", "[applied] s: false 6"),
        ("UPDATE t SET v = 1 WHERE k = 1 AND c = 1 IF s = 5", "[applied] s: false 6"),
        ("UPDATE t SET v = 1 WHERE k = 1 AND c = 1 IF s = 6", "[applied]: true"),
        ("SELECT * FROM t", "1 1 6 1"),
    ]);
}

/// The expected results are those of Cassandra 5.0.6.
#[test]
fn a_refused_statement_returns_static_values_that_it_reads_or_writes() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int, c int, s int static, r int static, v int, w int, PRIMARY KEY (k, c))",
        "INSERT INTO t (k, c, v) VALUES (1, 1, 1)",
        "INSERT INTO t (k, r) VALUES (2, 5)",
    ]);
    session.check(&[
        ("DELETE w FROM t WHERE k = 1 AND c = 2 IF s != 2 AND v = 3", "[applied]: false"),
        (
            "UPDATE t SET r = 6, v = 1 WHERE k = 2 AND c = 2 IF EXISTS",
            "[applied] k c r s v w: false 2 null 5 null null null",
        ),
        ("UPDATE t SET v = 1 WHERE k = 2 AND c = 2 IF EXISTS", "[applied]: false"),
        (
            "UPDATE t SET r = 6 WHERE k = 2 AND c = 2 IF s = 1 AND v = 3",
            "[applied] v s: false null null",
        ),
    ]);
}

#[test]
fn a_batch_is_applied_if_all_its_conditions_are_met() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c))",
        "CREATE TABLE u (k int PRIMARY KEY, v int)",
        "INSERT INTO t (k, c, v) VALUES (1, 1, 1)",
    ]);
    session.check(&[
        (
            "BEGIN BATCH UPDATE t SET v = 2 WHERE k = 1 AND c = 1 IF v = 1; \
             INSERT INTO t (k, c, v) VALUES (1, 2, 2); APPLY BATCH",
            "[applied]: true",
        ),
        ("SELECT * FROM t", "1 1 2; 1 2 2"),
        (
            "BEGIN BATCH UPDATE t SET v = 3 WHERE k = 1 AND c = 1 IF v = 1; \
             UPDATE t SET v = 3 WHERE k = 1 AND c = 2 IF v = 2; APPLY BATCH",
            "[applied] k c v: false 1 1 2; false 1 2 2",
        ),
        ("SELECT * FROM t", "1 1 2; 1 2 2"),
        (
            "BEGIN BATCH UPDATE t SET v = 3 WHERE k = 1 AND c = 1 IF v = 1; \
             INSERT INTO t (k, c, v) VALUES (2, 2, 2); APPLY BATCH",
            "0x2200 Batch with conditions cannot span multiple partitions",
        ),
        (
            "BEGIN BATCH UPDATE t SET v = 3 WHERE k = 1 AND c = 1 IF v = 1; \
             INSERT INTO u (k, v) VALUES (1, 2); APPLY BATCH",
            "0x2200 Batch with conditions cannot span multiple tables",
        ),
    ]);
}
