//! SELECT on tables of a user. The expected results and error texts are those of Cassandra 5.0.6 for
//! the same tables and rows.

use std::sync::Arc;

use super::{PageRequest, SelectPlan};
use crate::cql::{IndexPart, parse_select};
use crate::store::clock::{Clock, UuidSource};
use crate::store::source::{CellTime, CellTimes};
use crate::store::variables::BoundValues;
use crate::store::{
    Column, ColumnKind, Database, Row, Scan, SecondaryIndex, TableSchema, select_rows,
};
use crate::types::{CqlType, NativeType, TableSpec, UdtType, Value};

/// Tables of the keyspace `ks`, with their rows.
pub(super) struct Tables(Vec<(Arc<TableSchema>, Vec<Row>)>);

fn udt() -> Arc<UdtType> {
    let fields =
        vec![("x".to_owned(), NativeType::Int.into()), ("Y y".to_owned(), NativeType::Text.into())];
    Arc::new(UdtType { keyspace: "ks".to_owned(), name: "ud".to_owned(), fields })
}

/// Returns a table. Each column is `p` for the partition key, `c` or `d` for clustering columns in
/// ascending or descending order, `s` for a static or `r` for a regular column, then its name and its
/// type.
fn table(name: &str, columns: &[&str]) -> Arc<TableSchema> {
    let column = |text: &&str| {
        let mut parts = text.splitn(3, ' ');
        let kind = parts.next().unwrap();
        let name = parts.next().unwrap().to_owned();
        let type_text = parts.next().unwrap().to_owned();
        let udt = |_: Option<&str>, name: &str| (name == "ud").then(udt);
        Column {
            name,
            kind: match kind {
                "p" => ColumnKind::PartitionKey,
                "s" => ColumnKind::Static,
                "r" => ColumnKind::Regular,
                _ => ColumnKind::Clustering,
            },
            cql_type: CqlType::parse_with(&type_text, udt).unwrap(),
            type_text,
            is_descending: kind == "d",
        }
    };
    let name = TableSpec { keyspace: "ks".to_owned(), table: name.to_owned() };
    Arc::new(TableSchema {
        name: Arc::new(name),
        columns: columns.iter().map(column).collect(),
        is_virtual: false,
        secondary_indexes: Vec::new(),
    })
}

/// Returns a row of literals, written at 1,000 with a time to live of 60 seconds. A row whose
/// clustering columns are null has only static values.
fn row(table: &TableSchema, literals: &[&str]) -> Row {
    let values = table.columns.iter().zip(literals);
    let values: Vec<_> =
        values.map(|(column, literal)| Value::parse(&column.cql_type, literal).unwrap()).collect();
    let is_static = table
        .columns
        .iter()
        .zip(&values)
        .any(|(column, value)| column.kind == ColumnKind::Clustering && *value == Value::Null);
    let time = |_: &Value| CellTime { written: 1_000, ttl: Some(60) };
    let times = table.columns.iter().zip(&values).map(|(column, value)| match value {
        Value::Null => CellTimes::Absent,
        _ if column.kind.is_key() => CellTimes::Absent,
        _ if !column.is_multi_cell() => CellTimes::Cell(time(value)),
        Value::Map(entries) => {
            CellTimes::Elements(entries.iter().map(|(key, _)| Some(time(key))).collect())
        }
        Value::List(values) | Value::Set(values) | Value::Udt { fields: values, .. } => {
            let time = |value: &Value| (*value != Value::Null).then(|| time(value));
            CellTimes::Elements(values.iter().map(time).collect())
        }
        _ => CellTimes::Absent,
    });
    let times = times.collect();
    let mut row = Row { times, ..Row::written_at(1_000, table, values) };
    if is_static {
        row.clustering = None;
    }
    row
}

/// Returns a table with an index of each kind.
fn indexed() -> Arc<TableSchema> {
    let columns = [
        "p k int",
        "c c int",
        "r f frozen<set<int>>",
        "r l list<int>",
        "r m map<int, text>",
        "r mk map<int, text>",
        "r me map<int, text>",
        "r v int",
        "r w int",
    ];
    let mut table = TableSchema::clone(&table("i", &columns));
    let index = |(column, part): (&str, IndexPart)| SecondaryIndex {
        name: format!("i_{column}_idx"),
        is_custom: false,
        column: column.to_owned(),
        part,
        options: Vec::new(),
    };
    let parts = [
        ("c", IndexPart::Simple),
        ("f", IndexPart::Full),
        ("l", IndexPart::Simple),
        ("m", IndexPart::Values),
        ("mk", IndexPart::Keys),
        ("me", IndexPart::Entries),
        ("v", IndexPart::Simple),
    ];
    table.secondary_indexes = parts.map(index).into();
    Arc::new(table)
}

impl Tables {
    pub(super) fn new() -> Self {
        let o = table("o", &["p k int", "c c int", "d d int", "s s int", "r v int"]);
        let rows = [
            ["0", "1", "1", "10", "1"],
            ["0", "1", "2", "10", "2"],
            ["0", "2", "1", "10", "3"],
            ["1", "1", "1", "null", "4"],
            ["2", "5", "1", "null", "5"],
            ["3", "null", "null", "7", "null"],
        ];
        let o_rows = rows.iter().map(|literals| row(&o, literals)).collect();
        let u = table(
            "u",
            &[
                "p k int",
                "r db double",
                "r de decimal",
                "r du duration",
                "r f frozen<ud>",
                "r fl float",
                "r l list<int>",
                "r m map<int, text>",
                "r n ud",
                "r se set<int>",
                "r si smallint",
                "r tt tuple<int, text>",
                "r ts timestamp",
                "r tu timeuuid",
                "r v int",
                "r vi varint",
            ],
        );
        let u_rows = [
            [
                "1",
                "1",
                "1.50",
                "1mo2d3h",
                "{x: 1, \"Y y\": 'a'}",
                "1.1",
                "[1, 2, 2]",
                "{1: 'a', 2: 'b'}",
                "{x: 2, \"Y y\": null}",
                "{1, 2, 3}",
                "7",
                "(1, null)",
                "'2020-01-02 03:04:05.006+0000'",
                "50554d6e-29bb-11e5-b345-feff819cdc9f",
                "5",
                "12345678901234567890",
            ],
            [
                "2",
                "NaN",
                "-0.00001",
                "null",
                "null",
                "-Infinity",
                "null",
                "null",
                "null",
                "null",
                "null",
                "null",
                "null",
                "null",
                "2",
                "null",
            ],
            [
                "3", "1e22", "1e20", "null", "null", "16777216", "null", "null", "null", "null",
                "null", "null", "-1", "null", "null", "null",
            ],
        ];
        let u_rows = u_rows.iter().map(|literals| row(&u, literals)).collect();
        Self(vec![(o, o_rows), (u, u_rows), (indexed(), Vec::new())])
    }
}

impl Database for Tables {
    fn has_keyspace(&self, keyspace: &str) -> bool {
        keyspace == "ks"
    }

    fn table(&self, keyspace: &str, table: &str) -> Option<Arc<TableSchema>> {
        let mut tables = self.0.iter().map(|(table, _)| table);
        let is_named =
            |of: &&Arc<TableSchema>| of.name.keyspace == keyspace && of.name.table == table;
        tables.find(is_named).cloned()
    }

    fn scan<'d>(
        &'d self,
        table: &'d TableSchema,
        scan: &'d Scan,
    ) -> Box<dyn Iterator<Item = Row> + 'd> {
        let rows = self.0.iter().find(|(known, _)| known.name == table.name);
        let rows = rows.map(|(_, rows)| rows.clone()).unwrap_or_default();
        Box::new(select_rows(rows, scan).into_iter())
    }
}

/// Returns the names of the columns, and the rows of a statement in the form `1|2; 3|4`, or the error
/// text.
pub(super) fn run(statement: &str) -> Result<(String, String), String> {
    let tables = Tables::new();
    let parsed = parse_select(statement).map_err(|error| error.to_string())?;
    let plan = SelectPlan::new(&parsed, &tables).map_err(|error| error.message)?;
    let bound = BoundValues::new(&plan.variables, &[]).map_err(|error| error.message)?;
    let uuids = UuidSource::new(1);
    let clock = Clock { now: 1_700_000_000_000_000, seconds: 1_700_000_000, uuids: &uuids };
    let result = plan.execute(&tables, &bound, &clock, PageRequest::default());
    let result = result.map_err(|error| error.message)?;
    for row in &result.rows {
        assert_eq!(row.len(), plan.columns.len(), "{statement}");
        for (value, column) in row.iter().zip(&plan.columns) {
            let mut out = Vec::new();
            let encoded = value.encode(&column.cql_type, &mut crate::wire::Writer::new(&mut out));
            assert!(encoded.is_ok(), "{statement}: {value} is no {}", column.cql_type);
        }
    }
    let names: Vec<_> = plan.columns.iter().map(|column| &*column.name).collect();
    let row = |row: &Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|");
    Ok((names.join("|"), result.rows.iter().map(row).collect::<Vec<_>>().join("; ")))
}

fn assert_rows(cases: &[(&str, &str)]) {
    for (statement, rows) in cases {
        let result = run(statement).map(|(_, rows)| rows);
        assert_eq!(result, Ok((*rows).to_owned()), "{statement}");
    }
}

fn assert_errors(cases: &[(&str, &str)]) {
    for (statement, error) in cases {
        assert_eq!(run(statement), Err((*error).to_owned()), "{statement}");
    }
}

#[test]
fn reads_partitions_ranges_of_rows_and_ranges_of_tokens_in_the_order_of_cassandra() {
    assert_rows(&[
        (
            "SELECT * FROM ks.o",
            "1|1|1|null|4; 0|1|2|10|2; 0|1|1|10|1; 0|2|1|10|3; 2|5|1|null|5; 3|null|null|7|null",
        ),
        ("SELECT k, c, d FROM ks.o WHERE k IN (2, 0, 1)", "0|1|2; 0|1|1; 0|2|1; 1|1|1; 2|5|1"),
        ("SELECT k, c, d FROM ks.o WHERE k = 0 AND (c, d) > (1, 1)", "0|1|2; 0|2|1"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND (c, d) >= (1, 1) AND (c, d) < (2, 1)", "1|2; 1|1"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND (c, d) IN ((2, 1), (1, 1))", "1|1; 2|1"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND (c, d) = (1, 1)", "1|1"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND (c) > (1)", "2|1"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND c IN (2, 1, 2) AND d IN (1, 2)", "1|2; 1|1; 2|1"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND c IN (2, 1, 2) ORDER BY c DESC", "2|1; 1|1; 1|2"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND c IN (1, 2) AND d > 1", "1|2"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND c >= 1 AND c < 2", "1|2; 1|1"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND c > 5 AND c < 2", ""),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND c = 1 AND d <= 1", "1|1"),
        ("SELECT c, d FROM ks.o WHERE k = 0 AND c = 1 AND d >= 2", "1|2"),
        ("SELECT c, d FROM ks.o WHERE k = 0 ORDER BY c DESC, d ASC", "2|1; 1|1; 1|2"),
        ("SELECT k, c FROM ks.o WHERE c = 1 ALLOW FILTERING", "1|1; 0|1; 0|1"),
        ("SELECT k, d FROM ks.o WHERE d = 1 ALLOW FILTERING", "1|1; 0|1; 0|1; 2|1"),
        ("SELECT k, c FROM ks.o WHERE k > 0 AND c = 1 ALLOW FILTERING", "1|1"),
        ("SELECT k, c FROM ks.o WHERE k = 0 AND c > 0 AND d = 1 ALLOW FILTERING", "0|1; 0|2"),
        ("SELECT k, s FROM ks.o WHERE s = 7 ALLOW FILTERING", "3|7"),
        ("SELECT k, s FROM ks.o WHERE s = 10 ALLOW FILTERING", "0|10; 0|10; 0|10"),
        ("SELECT k, s FROM ks.o WHERE k = 3", "3|7"),
        ("SELECT DISTINCT k, s FROM ks.o", "1|null; 0|10; 2|null; 3|7"),
        ("SELECT DISTINCT k FROM ks.o WHERE k IN (0, 3)", "0; 3"),
        ("SELECT k, c FROM ks.o PER PARTITION LIMIT 1", "1|1; 0|1; 2|5; 3|null"),
        ("SELECT k FROM ks.o WHERE token(k) > -9223372036854775808", "1; 0; 0; 0; 2; 3"),
        ("SELECT k FROM ks.o WHERE token(k) <= -9223372036854775808", "1; 0; 0; 0; 2; 3"),
        ("SELECT k FROM ks.o WHERE token(k) > 0", "3"),
        ("SELECT k FROM ks.o WHERE token(k) > token(1) AND token(k) <= token(2)", "0; 0; 0; 2"),
        ("SELECT k FROM ks.o WHERE token(k) > token(2) AND token(k) < token(1)", ""),
        ("SELECT k FROM ks.o WHERE token(k) = token(0)", "0; 0; 0"),
        ("SELECT k FROM ks.o WHERE token(k) = 5 AND k = 0", ""),
        ("SELECT c FROM ks.o WHERE k = 0 AND v > 1 AND v < 3 ALLOW FILTERING", "1"),
        ("SELECT c FROM ks.o WHERE k = 0 AND v IN (1, 3) ALLOW FILTERING", "1; 2"),
        ("SELECT c FROM ks.o WHERE k = 0 AND v IN () ALLOW FILTERING", ""),
        ("SELECT c FROM ks.o WHERE k IN ()", ""),
        ("SELECT c FROM ks.o WHERE k = 0 AND c IN ()", ""),
        // Without a page size, the rows of several partitions are sorted.
        ("SELECT k, c, d FROM ks.o WHERE k IN (2, 0, 1) ORDER BY c DESC LIMIT 2", "2|5|1; 0|2|1"),
        ("SELECT v FROM ks.o WHERE k IN (2, 0, 1) ORDER BY c LIMIT 3", "2; 1; 4"),
    ]);
}

#[test]
fn filters_by_indexed_columns_without_allow_filtering() {
    for condition in [
        "v = 1",
        "v IN (1)",
        "k = 1 AND v = 1",
        "k = 1 AND c > 1 AND v = 1",
        "token(k) > 1 AND v = 1",
        "c = 1",
        "f = {1}",
        "l CONTAINS 1",
        "m CONTAINS 'a'",
        "mk CONTAINS KEY 1",
        "me[1] = 'a'",
    ] {
        let result = run(&format!("SELECT k FROM ks.i WHERE {condition}"));
        assert_eq!(result.map(|(_, rows)| rows), Ok(String::new()), "{condition}");
    }
    for condition in [
        "w = 1",
        "v > 1",
        "v IN (1, 2)",
        "v = 1 AND w = 1",
        "k = 1 AND v = 1 AND w = 1",
        "f CONTAINS 1",
        "m CONTAINS KEY 1",
        "m[1] = 'a'",
        "mk CONTAINS 'a'",
    ] {
        let error = run(&format!("SELECT k FROM ks.i WHERE {condition}")).unwrap_err();
        assert!(error.ends_with("use ALLOW FILTERING"), "{condition}: {error}");
    }
}

#[test]
fn filters_by_every_type() {
    assert_rows(&[
        ("SELECT k FROM ks.u WHERE m CONTAINS 'a' ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE m CONTAINS 'c' ALLOW FILTERING", ""),
        ("SELECT k FROM ks.u WHERE m CONTAINS KEY 1 ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE m[1] = 'a' ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE l CONTAINS 2 AND se CONTAINS 3 ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE f = {x: 1, \"Y y\": 'a'} ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE f > {x: 0} ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE tt = (1, null) ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE tt = (1, 'a') ALLOW FILTERING", ""),
        ("SELECT k FROM ks.u WHERE db > 0 ALLOW FILTERING", "1; 2; 3"),
        ("SELECT k FROM ks.u WHERE de < 1.6 ALLOW FILTERING", "1; 2"),
        ("SELECT k FROM ks.u WHERE de = 1.5 ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE du = 1mo2d3h ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE k > 1 ALLOW FILTERING", "2; 3"),
        ("SELECT k FROM ks.u WHERE si IN (7, 8) ALLOW FILTERING", "1"),
        ("SELECT k FROM ks.u WHERE k = blobasint(0x00000001)", "1"),
        ("SELECT k FROM ks.u WHERE k = (int)1", "1"),
        ("SELECT k FROM ks.u WHERE tu > minTimeuuid('2015-07-13') ALLOW FILTERING", "1"),
    ]);
}

#[test]
fn computes_columns_with_the_names_of_cassandra() {
    for (statement, names, rows) in [
        (
            "SELECT m[1], se[1], se[1..2], m[1..1], m[2..], m[..1], m[9], m[8..9] FROM ks.u WHERE k = 1",
            "m[1]|se[1]|se[1..2]|m[1..1]|m[2..]|m[..1]|m[9]|m[8..9]",
            "'a'|1|{1, 2}|{1: 'a'}|{2: 'b'}|{1: 'a'}|null|null",
        ),
        (
            "SELECT writetime(m), writetime(m[1]), ttl(m), maxwritetime(m), writetime(l) FROM ks.u \
             WHERE k = 1",
            "writetime(m)|writetime(m[1])|ttl(m)|maxwritetime(m)|writetime(l)",
            "[1000, 1000]|1000|[60, 60]|1000|[1000, 1000, 1000]",
        ),
        (
            "SELECT writetime(m[1..1]), writetime(n), writetime(n.x), ttl(n.x), writetime(f) FROM ks.u \
             WHERE k = 1",
            "writetime(m[1..1])|writetime(n)|writetime(n.x)|ttl(n.x)|writetime(f)",
            "[1000]|[1000, null]|1000|60|1000",
        ),
        ("SELECT writetime(m), ttl(v) FROM ks.u WHERE k = 2", "writetime(m)|ttl(v)", "null|60"),
        ("SELECT n.x, f.\"Y y\", f.x AS q FROM ks.u WHERE k = 1", "n.x|f.Y y|q", "2|'a'|1"),
        (
            "SELECT (int)5, (text)'a', to_date(now()), (list<int>)[1, 2] FROM ks.u WHERE k = 1",
            "(int)5|(text)'a'|system.to_date(system.now())|(list<int>)[1, 2]",
            "5|'a'|'2023-11-14'|[1, 2]",
        ),
        (
            "SELECT intasblob(v), bigint_as_blob(token(k)), token(5) FROM ks.u WHERE k = 1",
            "system.intasblob(v)|system.bigint_as_blob(system.token(k))|system.token(5)",
            "0x00000005|0xc78499982ae4e0cf|-7509452495886106294",
        ),
        (
            "SELECT cast(v as text), cast(v as bigint), cast(ts as date), cast(v as int), \
             cast(tu as timestamp), cast(fl as int) FROM ks.u WHERE k = 1",
            "cast(v as text)|cast(v as bigint)|cast(ts as date)|v|cast(tu as timestamp)|\
             cast(fl as int)",
            "'5'|5|'2020-01-02'|5|'2015-07-14 00:00:18.805+0000'|1",
        ),
        (
            "SELECT cast(db as text), cast(fl as text), cast(de as text), cast(ts as text) FROM ks.u",
            "cast(db as text)|cast(fl as text)|cast(de as text)|cast(ts as text)",
            "'1.0'|'1.1'|'1.50'|'2020-01-02T03:04:05.006Z'; 'NaN'|'-Infinity'|'-0.00001'|null; \
             '1.0E22'|'1.6777216E7'|'1E+20'|'1969-12-31T23:59:59.999Z'",
        ),
        (
            "SELECT abs(v), exp(v), log(v), log10(v), round(db) FROM ks.u WHERE k = 1",
            "system.abs(v)|system.exp(v)|system.log(v)|system.log10(v)|system.round(db)",
            "5|148|1|0|1.0",
        ),
        (
            "SELECT map_keys(m), map_values(m), collection_count(m), collection_min(l), \
             collection_max(l) FROM ks.u WHERE k = 1",
            "system.map_keys(m)|system.map_values(m)|system.collection_count(m)|\
             system.collection_min(l)|system.collection_max(l)",
            "{1, 2}|['a', 'b']|2|1|2",
        ),
        (
            "SELECT toJson('a'), totimestamp('2020-01-01'), v AS \"x y\" FROM ks.u WHERE k = 1",
            "system.tojson('a')|system.totimestamp('2020-01-01')|x y",
            "'\"a\"'|'2020-01-01 00:00:00.000+0000'|5",
        ),
        (
            "SELECT JSON k AS \"K\", v AS k, count(*) FROM ks.u WHERE k = 1",
            "[json]",
            "'{\"\\\"K\\\"\": 1, \"k\": 5, \"count\": 1}'",
        ),
        (
            "SELECT JSON db, de, du, f, fl, m, n, se, si, ts, tt, tu, vi FROM ks.u WHERE k = 1",
            "[json]",
            "'{\"db\": 1.0, \"de\": 1.50, \"du\": \"1mo2d3h\", \"f\": {\"x\": 1, \"\\\"Y y\\\"\": \
             \"a\"}, \"fl\": 1.1, \"m\": {\"1\": \"a\", \"2\": \"b\"}, \"n\": {\"x\": 2, \
             \"\\\"Y y\\\"\": null}, \"se\": [1, 2, 3], \"si\": 7, \"ts\": \
             \"2020-01-02 03:04:05.006Z\", \"tt\": [1, null], \"tu\": \
             \"50554d6e-29bb-11e5-b345-feff819cdc9f\", \"vi\": 12345678901234567890}'",
        ),
    ] {
        let expected = Ok((names.to_owned(), rows.to_owned()));
        assert_eq!(run(statement), expected, "{statement}");
    }
}

#[test]
fn aggregates_groups_of_rows() {
    for (statement, names, rows) in [
        (
            "SELECT min(v), max(v), sum(v), avg(v), count(v), count(*) FROM ks.u",
            "system.min(v)|system.max(v)|system.sum(v)|system.avg(v)|system.count(v)|count",
            "2|5|7|3|2|3",
        ),
        (
            "SELECT sum(de), avg(de), sum(fl), avg(fl), sum(db), min(db), max(db), min(fl) FROM ks.u",
            "system.sum(de)|system.avg(de)|system.sum(fl)|system.avg(fl)|system.sum(db)|\
             system.min(db)|system.max(db)|system.min(fl)",
            "100000000000000000001.49999|33333333333333333333.83333|-Infinity|-Infinity|NaN|1.0|NaN|\
             -Infinity",
        ),
        (
            "SELECT max(f), min(ts), sum(si), avg(si), min(l), max(5) FROM ks.u",
            "system.max(f)|system.min(ts)|system.sum(si)|system.avg(si)|system.min(l)|system.max(5)",
            "{x: 1, \"Y y\": 'a'}|'1969-12-31 23:59:59.999+0000'|7|7|[1, 2, 2]|5",
        ),
        (
            "SELECT min(v), avg(v), sum(v), count(v), v FROM ks.u WHERE k = 9",
            "system.min(v)|system.avg(v)|system.sum(v)|system.count(v)|v",
            "null|0|0|0|null",
        ),
        ("SELECT min(v) FROM ks.u WHERE k = 9 GROUP BY k", "system.min(v)", ""),
        ("SELECT count(*), v FROM ks.u WHERE k = 9", "count|v", "0|null"),
        ("SELECT count(*) FROM ks.o LIMIT 1", "count", "6"),
        ("SELECT k, count(*) FROM ks.o GROUP BY k", "k|count", "1|1; 0|3; 2|1; 3|1"),
        ("SELECT k FROM ks.o GROUP BY k", "k", "1; 0; 2; 3"),
        (
            "SELECT k, c, count(*) FROM ks.o GROUP BY k, c PER PARTITION LIMIT 1",
            "k|c|count",
            "1|1|1; 0|1|2; 2|5|1; 3|null|1",
        ),
        ("SELECT k, c, count(*) FROM ks.o GROUP BY k, c LIMIT 2", "k|c|count", "1|1|1; 0|1|2"),
        ("SELECT c, count(*) FROM ks.o WHERE k = 0 GROUP BY c", "c|count", "1|2; 2|1"),
        ("SELECT DISTINCT k, count(*) FROM ks.o", "k|count", "1|4"),
        ("SELECT count(*) FROM ks.o WHERE k IN (0, 1)", "count", "4"),
        (
            "SELECT min(c), max(c), count(s), sum(s) FROM ks.o",
            "system.min(c)|system.max(c)|system.count(s)|system.sum(s)",
            "1|5|4|37",
        ),
        (
            "SELECT toJson(max(v)), max(toJson(v)) FROM ks.o WHERE k = 0",
            "system.tojson(system.max(v))|system.max(system.tojson(v))",
            "'3'|'3'",
        ),
    ] {
        let expected = Ok((names.to_owned(), rows.to_owned()));
        assert_eq!(run(statement), expected, "{statement}");
    }
}

#[test]
fn refuses_conditions_and_orders_with_the_words_of_cassandra() {
    assert_errors(&[
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (d) > (1)",
            "PRIMARY KEY column \"d\" cannot be restricted as preceding column \"c\" is not restricted",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (d, c) > (1, 1)",
            "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: \
             (d, c) > (1, 1)",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (c, d) > (1, 2, 3)",
            "Expected 2 elements in value tuple, but got 3: (1, 2, 3)",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (c, d) > (1)",
            "Expected 2 elements in value tuple, but got 1: (1)",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (c, d) > (1, 'a')",
            "Invalid STRING constant (a) for \"d\" of type int",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (c, d) > (1, null)",
            "Invalid null value in condition for column d",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (c, c) > (1, 1)",
            "Column \"c\" appeared twice in a relation: (c, c) > (1, 1)",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (c, d) > (1, 1) AND c > 0",
            "More than one restriction was found for the start bound on c",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND (c, d) > (1, 1) AND c = 1",
            "Column \"c\" cannot be restricted by both an equality and an inequality relation",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND c > 1 AND c > 2",
            "More than one restriction was found for the start bound on c",
        ),
        (
            "SELECT c FROM ks.o WHERE k = 0 AND c < 1 AND c <= 2",
            "More than one restriction was found for the end bound on c",
        ),
        (
            "SELECT k, s FROM ks.o WHERE k = 3 AND c = 1",
            "Cannot restrict clustering columns when selecting only static columns",
        ),
        (
            "SELECT DISTINCT k FROM ks.o WHERE c = 1 ALLOW FILTERING",
            "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or \
             static columns.",
        ),
        (
            "SELECT DISTINCT k FROM ks.o WHERE c = 1",
            "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or \
             static columns.",
        ),
        (
            "SELECT count(*) FROM ks.o PER PARTITION LIMIT 1",
            "PER PARTITION LIMIT is not allowed with aggregate queries.",
        ),
        ("SELECT k FROM ks.o WHERE token(k) > null", "Invalid null token value"),
        (
            "SELECT k FROM ks.o WHERE token(k) = token(0) AND token(k) > 5",
            "k cannot be restricted by more than one relation if it includes an Equal",
        ),
        (
            "SELECT k FROM ks.o WHERE token(k) > 'a'",
            "Invalid STRING constant (a) for \"partition key token\" of type bigint",
        ),
        (
            "SELECT k FROM ks.o WHERE token(v) = 1",
            "The token() function must be applied to all partition key components or none of them",
        ),
        (
            "SELECT k FROM ks.u WHERE m[1] > 'a' ALLOW FILTERING",
            "Only EQ relations are supported on map entries",
        ),
        (
            "SELECT k FROM ks.u WHERE m CONTAINS 1 ALLOW FILTERING",
            "Invalid INTEGER constant (1) for \"value(m)\" of type text",
        ),
        (
            "SELECT k FROM ks.u WHERE m['a'] = 'a' ALLOW FILTERING",
            "Invalid STRING constant (a) for \"key(m)\" of type int",
        ),
        (
            "SELECT k FROM ks.u WHERE si[1] = 'a' ALLOW FILTERING",
            "Column si cannot be used as a map",
        ),
        (
            "SELECT k FROM ks.u WHERE m CONTAINS null ALLOW FILTERING",
            "Unsupported null value for column m",
        ),
        (
            "SELECT k FROM ks.u WHERE si = null ALLOW FILTERING",
            "Unsupported null value for column si",
        ),
        (
            "SELECT k FROM ks.u WHERE n = {x: 2} ALLOW FILTERING",
            "Non-frozen UDT column 'n' (ud) cannot be restricted by any relation",
        ),
        (
            "SELECT k FROM ks.u WHERE du > 1d ALLOW FILTERING",
            "Slice restrictions are not supported on duration columns",
        ),
        (
            "SELECT k FROM ks.u WHERE (k) = (1)",
            "Multi-column relations can only be applied to clustering columns but was applied to: k",
        ),
        (
            "SELECT k FROM ks.u WHERE k = max(1)",
            "Aggregation function are not supported in the where clause",
        ),
    ]);
}

#[test]
fn refuses_selections_and_groups_with_the_words_of_cassandra() {
    assert_errors(&[
        (
            "SELECT now(1) FROM ks.u",
            "Invalid number of arguments in call to function system.now: 0 required but 1 provided",
        ),
        (
            "SELECT totimestamp(v) FROM ks.u",
            "Invalid call to function totimestamp, none of its type signatures match (known type \
             signatures: system.totimestamp : (timeuuid) -> timestamp, system.totimestamp : (date) -> \
             timestamp)",
        ),
        (
            "SELECT intasblob(tu) FROM ks.u",
            "Type error: tu cannot be passed as argument 0 of function system.intasblob of type int",
        ),
        (
            "SELECT cast(v as date) FROM ks.u",
            "Invalid call to function system.cast_as_date, none of its type signatures match (known \
             type signatures: system.cast_as_date : (timestamp) -> date, system.cast_as_date : \
             (timeuuid) -> date)",
        ),
        ("SELECT cast(v as counter) FROM ks.u", "v cannot be cast to counter"),
        (
            "SELECT cast(fl as decimal) FROM ks.u WHERE k = 2",
            "java.lang.NumberFormatException: Character I is neither a decimal digit number, decimal \
             point, nor \"e\" notation exponential mark.",
        ),
        (
            "SELECT cast(null as int) FROM ks.u",
            "Cannot infer type for term NULL in selection clause (try using a cast to force a type)",
        ),
        (
            "SELECT collection_count(v) FROM ks.u",
            "Function system.collection_count requires a collection argument, but found argument v of \
             type int",
        ),
        (
            "SELECT cast(5 as text) FROM ks.u",
            "Cannot infer type for term 5 in selection clause (try using a cast to force a type)",
        ),
        ("SELECT min(v, v) FROM ks.u", "Invalid number of arguments for function system.min(any)"),
        (
            "SELECT count(v, v) FROM ks.u",
            "Invalid number of arguments in call to function system.count: 1 required but 2 provided",
        ),
        (
            "SELECT max(min(v)) FROM ks.u",
            "aggregate functions cannot be used as arguments of aggregate functions",
        ),
        (
            "SELECT l[1] FROM ks.u",
            "Element selection is only allowed on sets and maps, but l is a list",
        ),
        (
            "SELECT k[1] FROM ks.u",
            "Invalid element selection: k is of type int is not a collection",
        ),
        ("SELECT k[1..2] FROM ks.u", "Invalid slice selection: k of type int is not a collection"),
        ("SELECT v.x FROM ks.u", "Invalid field selection: v of type int is not a user type"),
        (
            "SELECT tt.x FROM ks.u",
            "Invalid field selection: tt of type frozen<tuple<int, text>> is not a user type",
        ),
        ("SELECT n.nope FROM ks.u", "n of type ud has no field nope"),
        (
            "SELECT fromjson('1') FROM ks.u",
            "fromjson() cannot be used in the selection clause of a SELECT statement",
        ),
        (
            "SELECT tojson(?) FROM ks.u",
            "Cannot infer type of argument ? in call to function system.tojson(any): use type casts \
             to disambiguate",
        ),
        (
            "SELECT k FROM ks.o GROUP BY v",
            "Group by is currently only supported on the columns of the PRIMARY KEY, got v",
        ),
        (
            "SELECT k FROM ks.o GROUP BY k, d",
            "Group by currently only support groups of columns following their declared order in the \
             PRIMARY KEY",
        ),
        (
            "SELECT k FROM ks.o GROUP BY k, c, c",
            "Group by currently only support groups of columns following their declared order in the \
             PRIMARY KEY",
        ),
        (
            "SELECT DISTINCT k FROM ks.o GROUP BY k, c",
            "Grouping on clustering columns is not allowed for SELECT DISTINCT queries",
        ),
    ]);
}
