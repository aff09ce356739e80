//! Timestamps, times to live, and what wins.

use super::*;

const TABLE: &str = "CREATE TABLE t (k int PRIMARY KEY, v int, w int, l list<int>)";

#[test]
fn the_write_with_the_highest_timestamp_wins() {
    let mut session = Session::with(&[TABLE]);
    session.check(&[
        ("INSERT INTO t (k, v, w) VALUES (1, 10, 10) USING TIMESTAMP 10", ""),
        ("UPDATE t USING TIMESTAMP 5 SET v = 5 WHERE k = 1", ""),
        ("UPDATE t USING TIMESTAMP 15 SET w = 15 WHERE k = 1", ""),
        ("SELECT v, writetime(v), w, writetime(w) FROM t", "10 10 15 15"),
        // Of equal timestamps, a deletion wins, then a cell that expires, then the greater value.
        ("UPDATE t USING TIMESTAMP 10 SET v = 9 WHERE k = 1", ""),
        ("SELECT v FROM t", "10"),
        ("UPDATE t USING TIMESTAMP 10 SET v = 11 WHERE k = 1", ""),
        ("SELECT v FROM t", "11"),
        // Values are compared as bytes.
        ("UPDATE t USING TIMESTAMP 10 SET v = -1 WHERE k = 1", ""),
        ("SELECT v FROM t", "-1"),
        ("UPDATE t USING TIMESTAMP 10 AND TTL 1000 SET v = 1 WHERE k = 1", ""),
        ("SELECT v FROM t", "1"),
        ("UPDATE t USING TIMESTAMP 10 SET v = null WHERE k = 1", ""),
        ("UPDATE t USING TIMESTAMP 10 SET v = 12 WHERE k = 1", ""),
        ("SELECT v FROM t", "null"),
    ]);
}

#[test]
fn a_new_list_replaces_older_elements_but_not_those_of_the_same_timestamp() {
    let mut session = Session::with(&[TABLE]);
    session.check(&[
        ("INSERT INTO t (k, l) VALUES (1, [1]) USING TIMESTAMP 10", ""),
        ("INSERT INTO t (k, l) VALUES (1, [2]) USING TIMESTAMP 10", ""),
        ("SELECT l FROM t", "[1, 2]"),
        ("UPDATE t USING TIMESTAMP 11 SET l = [3] WHERE k = 1", ""),
        ("SELECT l, writetime(l) FROM t", "[3] [11]"),
        ("UPDATE t USING TIMESTAMP 9 SET l = l + [4] WHERE k = 1", ""),
        ("SELECT l FROM t", "[3]"),
        ("DELETE l FROM t USING TIMESTAMP 11 WHERE k = 1", ""),
        ("SELECT l FROM t", "null"),
    ]);
}

#[test]
fn cells_and_rows_expire() {
    let mut session = Session::with(&[TABLE]);
    session.check(&[
        ("INSERT INTO t (k, v) VALUES (1, 1) USING TTL 10", ""),
        ("UPDATE t USING TTL 5 SET w = 2 WHERE k = 1", ""),
        ("SELECT v, ttl(v), w, ttl(w) FROM t", "1 8 2 4"),
    ]);
    session.now += 4_000_000;
    assert_eq!(session.run("SELECT v, ttl(v), w, ttl(w) FROM t"), "1 3 null null");
    session.now += 4_000_000;
    assert_eq!(session.run("SELECT v FROM t"), "");
    session.check(&[
        ("INSERT INTO t (k, v) VALUES (2, 1) USING TTL 0", ""),
        ("SELECT v, ttl(v) FROM t", "1 null"),
        (
            "INSERT INTO t (k, v) VALUES (2, 1) USING TTL -1",
            "0x2200 A TTL must be greater or equal to 0, but was -1",
        ),
        (
            "INSERT INTO t (k, v) VALUES (2, 1) USING TTL 630720001",
            "0x2200 ttl is too large. requested (630720001) maximum (630720000)",
        ),
    ]);
}

#[test]
fn a_table_has_a_default_time_to_live() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int PRIMARY KEY, v int) WITH default_time_to_live = 100",
        "INSERT INTO t (k, v) VALUES (1, 1)",
        "INSERT INTO t (k, v) VALUES (2, 2) USING TTL 50",
        "INSERT INTO t (k, v) VALUES (3, 3) USING TTL 0",
    ]);
    let rows = session.run("SELECT k, ttl(v) FROM t");
    assert_eq!(rows, "1 97; 2 48; 3 null");
}

#[test]
fn timestamps_of_the_store_increase_even_if_the_clock_does_not() {
    let mut session = Session::with(&[TABLE]);
    for value in 0..3 {
        session.execute(&format!("UPDATE t SET v = {value} WHERE k = 1"), &[]).unwrap();
        session.now -= 10;
    }
    assert_eq!(session.run("SELECT v FROM t"), "2");
}

#[test]
fn what_cannot_be_read_again_is_removed() {
    let mut session = Session::with(&[
        "CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c)) WITH gc_grace_seconds = 10",
    ]);
    for key in 0..30_000 {
        let statement = match key % 3 {
            0 => format!("INSERT INTO t (k, c, v) VALUES (1, {key}, 1) USING TTL 1"),
            1 => format!("DELETE FROM t WHERE k = {key}"),
            _ => format!("DELETE FROM t WHERE k = 1 AND c = {key}"),
        };
        assert_eq!(session.run(&statement), "");
    }
    let table = session.store.schema().table("ks", "t").unwrap();
    // A deletion of ten seconds ago may still hide a write.
    assert!(table.data.size() < 15_000, "{}", table.data.size());
}

#[test]
fn the_time_of_a_request_decides_what_has_expired() {
    let mut session = Session::with(&[TABLE]);
    let insert = "INSERT INTO t (k, v, w) VALUES (1, 1, 1) USING TTL 10";
    assert_eq!(session.run_at(2_000_000_000, insert), "");
    let select = "SELECT v, ttl(v) FROM t";
    assert_eq!(session.run_at(2_000_000_003, select), "1 7");
    assert_eq!(session.run_at(2_000_000_010, select), "");
    // The time to live begins at the time of the request.
    session.check(&[(select, "1 1999999004")]);
    let conditional = "UPDATE t SET w = 2 WHERE k = 1 IF v = 1";
    assert_eq!(session.run_at(2_000_000_010, conditional), "[applied]: false");
    assert_eq!(session.run_at(2_000_000_009, conditional), "[applied]: true");
}

#[test]
fn the_time_of_a_request_is_no_write_time() {
    let mut session = Session::with(&[TABLE, "CREATE TABLE c (k int PRIMARY KEY, n counter)"]);
    session.check(&[("INSERT INTO t (k, v) VALUES (1, 1) USING TIMESTAMP 1000000000", "")]);
    let conditional = |value: i32| format!("UPDATE t SET v = {value} WHERE k = 1 IF v > 0");
    let batch = |value: i32| format!("BEGIN BATCH {} APPLY BATCH", conditional(value));
    for (value, seconds) in [(2, 1), (3, 2_000_000_000)] {
        for statement in [conditional(value), batch(value)] {
            assert_eq!(session.run_at(seconds, &statement), "[applied]: true");
            let written = format!("{value} {}", session.now);
            assert_eq!(session.run("SELECT v, writetime(v) FROM t"), written);
        }
        assert_eq!(session.run_at(seconds, "UPDATE c SET n = n + 1 WHERE k = 1"), "");
        session.check(&[("UPDATE t SET v = 9 WHERE k = 1", ""), ("SELECT v FROM t", "9")]);
        let functions = "SELECT toUnixTimestamp(now()), toUnixTimestamp(currentTimestamp()) FROM t";
        let milliseconds = (session.now + 1_000_000) / 1_000;
        let present = format!("{milliseconds} {milliseconds}");
        assert_eq!(session.run_at(seconds, functions), present);
    }
    session.check(&[("SELECT n FROM c", "2")]);
}

#[test]
fn the_time_of_a_request_does_not_age_deletions() {
    let mut session = Session::with(&[TABLE, "DELETE FROM t USING TIMESTAMP 10 WHERE k = 0"]);
    for key in 1..20_000 {
        session.run_at(2_000_000_000, &format!("UPDATE t SET v = 1 WHERE k = {key}"));
    }
    session.check(&[
        ("INSERT INTO t (k, v) VALUES (0, 1) USING TIMESTAMP 9", ""),
        ("SELECT v FROM t WHERE k = 0", ""),
    ]);
}
