//! DELETE.

use super::*;

const ROWS: [&str; 7] = [
    "CREATE TABLE t (k int, c int, d int, s int static, v int, PRIMARY KEY (k, c, d))",
    "INSERT INTO t (k, c, d, v, s) VALUES (1, 1, 1, 111, 1)",
    "INSERT INTO t (k, c, d, v) VALUES (1, 1, 2, 112)",
    "INSERT INTO t (k, c, d, v) VALUES (1, 2, 1, 121)",
    "INSERT INTO t (k, c, d, v) VALUES (1, 3, 1, 131)",
    "INSERT INTO t (k, c, d, v) VALUES (2, 1, 1, 211)",
    "INSERT INTO t (k, c, d, v) VALUES (3, 1, 1, 311)",
];

#[test]
fn deletes_columns_rows_ranges_and_partitions() {
    for (statement, rows) in [
        ("DELETE v FROM t WHERE k = 1 AND c = 1 AND d = 2", "111; null; 121; 131; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND c = 1 AND d = 2", "111; 121; 131; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND c = 1 AND d IN (1, 2)", "121; 131; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND c = 1", "121; 131; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND c IN (1, 3)", "121; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND c > 1", "111; 112; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND c >= 1 AND c < 3", "131; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND c = 1 AND d <= 1", "112; 121; 131; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND (c, d) IN ((1, 2), (3, 1))", "111; 121; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND (c, d) > (1, 1)", "111; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND (c, d) >= (1, 2) AND (c) < (3)", "111; 131; 211; 311"),
        ("DELETE FROM t WHERE k = 1 AND c > 5 AND c < 2", "111; 112; 121; 131; 211; 311"),
        ("DELETE FROM t WHERE k IN (1, 3)", "211"),
        ("DELETE FROM t WHERE k = 2", "111; 112; 121; 131; 311"),
        ("DELETE FROM t USING TIMESTAMP 5 WHERE k = 2", "111; 112; 121; 131; 211; 311"),
    ] {
        let mut session = Session::with(&ROWS);
        assert_eq!(session.run(statement), "", "{statement}");
        assert_eq!(session.run("SELECT v FROM t"), rows, "{statement}");
        // What was deleted can be written again.
        session.check(&[
            ("INSERT INTO t (k, c, d, v) VALUES (1, 1, 2, 7)", ""),
            ("SELECT v FROM t WHERE k = 1 AND c = 1 AND d = 2", "7"),
        ]);
    }
}

#[test]
fn deletes_ranges_in_descending_order() {
    for (statement, rows) in [
        ("DELETE FROM t WHERE k = 1 AND c > 1", "1"),
        ("DELETE FROM t WHERE k = 1 AND c >= 2", "1"),
        ("DELETE FROM t WHERE k = 1 AND c < 3", "3"),
        ("DELETE FROM t WHERE k = 1 AND c <= 2", "3"),
        ("DELETE FROM t WHERE k = 1 AND c > 1 AND c <= 2", "3; 1"),
    ] {
        let mut session = Session::with(&[
            "CREATE TABLE t (k int, c int, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (c DESC)",
            "INSERT INTO t (k, c) VALUES (1, 1)",
            "INSERT INTO t (k, c) VALUES (1, 2)",
            "INSERT INTO t (k, c) VALUES (1, 3)",
        ]);
        assert_eq!(session.run(statement), "", "{statement}");
        assert_eq!(session.run("SELECT c FROM t"), rows, "{statement}");
    }
}

#[test]
fn a_deletion_hides_older_writes_that_come_later() {
    for deletion in [
        "DELETE FROM t USING TIMESTAMP 100 WHERE k = 1",
        "DELETE FROM t USING TIMESTAMP 100 WHERE k = 1 AND c >= 1",
        "DELETE FROM t USING TIMESTAMP 100 WHERE k = 1 AND c = 1",
        "DELETE FROM t USING TIMESTAMP 100 WHERE k = 1 AND c = 1 AND d = 1",
    ] {
        let mut session = Session::with(&ROWS[..1]);
        session.check(&[
            (deletion, ""),
            ("INSERT INTO t (k, c, d, v) VALUES (1, 1, 1, 1) USING TIMESTAMP 100", ""),
            ("SELECT v FROM t", ""),
            ("INSERT INTO t (k, c, d, v) VALUES (1, 1, 1, 2) USING TIMESTAMP 101", ""),
            ("SELECT v FROM t", "2"),
            (deletion, ""),
            ("SELECT v FROM t", "2"),
        ]);
    }
}

#[test]
fn refuses_deletions_that_cassandra_refuses() {
    let mut session = Session::with(&ROWS);
    session.check(&[
        (
            "DELETE v FROM t WHERE k = 1",
            "0x2200 Range deletions are not supported for specific columns",
        ),
        (
            "DELETE v FROM t WHERE k = 1 AND c = 1 AND d > 1",
            "0x2200 Range deletions are not supported for specific columns",
        ),
        (
            "DELETE k FROM t WHERE k = 1",
            "0x2200 Invalid identifier k for deletion (should not be a PRIMARY KEY part)",
        ),
        (
            "DELETE v[1] FROM t WHERE k = 1 AND c = 1 AND d = 1",
            "0x2200 Invalid deletion operation for non collection column v",
        ),
        (
            "DELETE FROM t WHERE k = 1 AND (d, c) > (1, 2)",
            "0x2200 Clustering columns must appear in the PRIMARY KEY order in multi-column relations: \
             (d, c) > (1, 2)",
        ),
        ("DELETE FROM t WHERE c = 1", "0x2200 Some partition key parts are missing: k"),
        (
            "DELETE FROM t WHERE k > 1",
            "0x2200 Only EQ and IN relation are supported on the partition key (unless you use the \
             token() function) for DELETE statements",
        ),
        (
            "DELETE FROM t WHERE k = 1 AND d = 1",
            "0x2200 PRIMARY KEY column \"d\" cannot be restricted as preceding column \"c\" is not \
             restricted",
        ),
        (
            "DELETE FROM t WHERE k = 1 AND c > 1 AND d = 1",
            "0x2200 Clustering column \"d\" cannot be restricted (preceding column \"c\" is restricted \
             by a non-EQ relation)",
        ),
        (
            "DELETE FROM t WHERE k = 1 AND c = 1 AND c = 2",
            "0x2200 c cannot be restricted by more than one relation if it includes an Equal",
        ),
        ("SELECT count(*) FROM t", "6"),
    ]);
}
