//! Statements and requests with very many parts, which take time in proportion to their length.

use super::*;
use crate::store::variables::TermValue;

/// The parts of a statement. Comparing them in pairs would take minutes.
const PARTS: usize = 60_000;

/// Returns the texts of all parts, separated by commas.
fn list(part: impl Fn(usize) -> String) -> String {
    (0..PARTS).map(part).collect::<Vec<_>>().join(", ")
}

#[test]
fn compiles_definitions_with_many_names() {
    let mut session = Session::new();
    let columns = list(|n| format!("c{n} int"));
    session.check(&[
        (
            &format!("CREATE TYPE u ({columns}, c0 int)"),
            "0x2200 Duplicate field name 'c0' in type 'u'",
        ),
        (&format!("CREATE TYPE u ({columns})"), "CREATED type ks.u"),
        (
            &format!("CREATE TABLE t ({columns}, c0 int, PRIMARY KEY (c1))"),
            "0x2200 Duplicate column 'c0' declaration for table 't'",
        ),
        ("CREATE TABLE t (k int PRIMARY KEY)", "CREATED table ks.t"),
        (&format!("ALTER TABLE t ADD ({columns})"), "UPDATED table ks.t"),
        (&format!("ALTER TABLE t DROP ({})", list(|n| format!("c{n}"))), "UPDATED table ks.t"),
        ("ALTER TABLE t ADD (d int, d int)", "0x2200 Column with name 'd' already exists"),
    ]);
}

#[test]
fn compiles_writes_with_many_names() {
    let mut session = Session::with(&["CREATE TABLE t (k int PRIMARY KEY, l list<int>, v int)"]);
    let (names, values) = (list(|n| format!("c{n}")), list(|_| "1".to_owned()));
    let fields = list(|n| format!("\"c{n}\": 1"));
    let additions = list(|_| "l = l + [1]".to_owned());
    session.check(&[
        (
            &format!("INSERT INTO t ({names}, c0) VALUES ({values}, 1)"),
            "0x2200 The column names contains duplicates",
        ),
        (
            &format!("INSERT INTO t ({names}) VALUES ({values})"),
            "0x2200 Undefined column name c0 in table ks.t",
        ),
        (
            &format!("INSERT INTO t JSON '{{\"k\": 1, {fields}}}'"),
            "0x2200 JSON values map contains unrecognized column: c0",
        ),
        ("INSERT INTO t JSON '{\"k\": 1, \"v\": 1, \"v\": 2}'", ""),
        ("SELECT v FROM t", "2"),
        (
            &format!("UPDATE t SET {additions}, l = [1] WHERE k = 1"),
            "0x2000 Multiple incompatible setting of column l",
        ),
    ]);
}

#[test]
fn compiles_selects_with_many_conditions() {
    let mut session = Session::with(&["CREATE TABLE t (k int PRIMARY KEY, l list<int>)"]);
    let conditions = vec!["l CONTAINS 1"; PARTS].join(" AND ");
    let select = |last: &str| format!("SELECT k FROM t WHERE {conditions}{last} ALLOW FILTERING");
    session.check(&[
        ("INSERT INTO t (k, l) VALUES (1, [1])", ""),
        (&select(""), "1"),
        (
            &select(" AND k = 1 AND k > 0"),
            "0x2200 k cannot be restricted by more than one relation if it includes an Equal",
        ),
    ]);
}

#[test]
fn reads_the_partitions_of_many_keys() {
    let mut session =
        Session::with(&["CREATE TABLE t (k int, c int, s int static, PRIMARY KEY (k, c))"]);
    let keys: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    for key in &keys {
        session.run(&format!("INSERT INTO t (k, c) VALUES ({key}, 1)"));
        session.run(&format!("INSERT INTO t (k, c) VALUES ({key}, 2)"));
    }
    let rows =
        |line: &dyn Fn(&String) -> String| keys.iter().map(line).collect::<Vec<_>>().join("; ");
    let keys_text = keys.join(", ");
    let found = session.run(&format!("SELECT DISTINCT k FROM t WHERE k IN ({keys_text})"));
    assert_eq!(found.replace('\n', "; "), rows(&|key| key.clone()));
    let of = format!("SELECT k, c FROM t WHERE k IN ({keys_text}) PER PARTITION LIMIT 1");
    assert_eq!(session.run(&of).replace('\n', "; "), rows(&|key| format!("{key} 1")));
    let values = list(|n| (PARTS - n).to_string());
    let filtered = format!("SELECT DISTINCT k FROM t WHERE k IN ({values}) LIMIT 3");
    assert_eq!(session.run(&filtered).replace('\n', "; "), "1; 2; 3");
}

#[test]
fn filters_rows_by_many_values() {
    let mut session = Session::with(&["CREATE TABLE t (k int PRIMARY KEY, v int)"]);
    for key in 0..500 {
        session.run(&format!("INSERT INTO t (k, v) VALUES ({key}, {key})"));
    }
    let values = list(|n| (PARTS - n).to_string());
    let count = format!("SELECT count(*) FROM t WHERE v IN ({values}) ALLOW FILTERING");
    assert_eq!(session.run(&count), "499");
}

#[test]
fn binds_many_named_values() {
    let session = Session::with(&["CREATE TABLE t (k int PRIMARY KEY, v int)"]);
    let text = format!("SELECT * FROM t WHERE k IN ({})", list(|n| format!(":v{n}")));
    let prepared = session.store.prepare(&text, Some("ks"), &NoTables).unwrap();
    let names: Vec<String> = (0..PARTS).rev().map(|n| format!("v{n}")).collect();
    let number = 7_i32.to_be_bytes();
    let value = |name| NamedValue { name: Some(name), value: RawValue::Bytes(&number) };
    let mut values: Vec<_> = names.iter().map(|name| value(name.as_str())).collect();
    // Of values with the same name, the last one counts.
    values.push(NamedValue { name: Some("v0"), value: RawValue::Unset });
    let bound = BoundValues::decode(prepared.variables(), values).unwrap();
    assert_eq!(bound.get(0), &TermValue::Unset);
    assert_eq!(bound.get(PARTS - 1), &TermValue::Value(Value::Int(7)));
}

#[test]
fn checks_batches_with_many_conditions() {
    let mut session = Session::with(&["CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c))"]);
    let update = |c: usize| format!("UPDATE t SET v = 1 WHERE k = 1 AND c = {c} IF v = null");
    let updates: Vec<_> = (0..20_000).map(update).collect();
    let batch = |last| format!("BEGIN BATCH {}; {last} APPLY BATCH", updates.join("; "));
    session.check(&[
        (
            &batch("INSERT INTO t (k, c) VALUES (1, 0) IF NOT EXISTS;"),
            "0x2200 Cannot mix IF conditions and IF NOT EXISTS for the same row",
        ),
        (&batch(""), "[applied]: true"),
    ]);
}
