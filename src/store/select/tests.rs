//! SELECT on a table, with the results and the error texts of Cassandra 5.0.6.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{PageRequest, SelectPlan};
use crate::cql::parse_select;
use crate::store::clock::{Clock, UuidSource};
use crate::store::source::CellTimes;
use crate::store::variables::BoundValues;
use crate::store::{Column, ColumnKind, Database, Row, Scan, TableSchema, select_rows};
use crate::types::{TableSpec, Value};

/// The keyspace `ks` with the table `t (a int, b int, c int, "D" text static, m map<text, int>,
/// v int, PRIMARY KEY ((a, b), c))`.
struct Tables(Arc<TableSchema>);

impl Tables {
    fn new() -> Self {
        let column = |(name, kind, type_text): (&str, ColumnKind, &str)| Column {
            name: name.to_owned(),
            kind,
            cql_type: type_text.parse().unwrap(),
            type_text: type_text.to_owned(),
            is_descending: false,
        };
        let columns = [
            ("a", ColumnKind::PartitionKey, "int"),
            ("b", ColumnKind::PartitionKey, "int"),
            ("c", ColumnKind::Clustering, "int"),
            ("d", ColumnKind::Clustering, "int"),
            ("S", ColumnKind::Static, "text"),
            ("m", ColumnKind::Regular, "map<text, int>"),
            ("v", ColumnKind::Regular, "int"),
        ];
        let name = TableSpec { keyspace: "ks".to_owned(), table: "t".to_owned() };
        Self(Arc::new(TableSchema {
            name: Arc::new(name),
            columns: columns.map(column).into(),
            is_virtual: false,
            secondary_indexes: Vec::new(),
        }))
    }
}

impl Database for Tables {
    fn has_keyspace(&self, keyspace: &str) -> bool {
        keyspace == "ks"
    }

    fn table(&self, keyspace: &str, table: &str) -> Option<Arc<TableSchema>> {
        (keyspace == "ks" && table == "t").then(|| Arc::clone(&self.0))
    }

    fn scan<'d>(
        &'d self,
        table: &'d TableSchema,
        scan: &'d Scan,
    ) -> Box<dyn Iterator<Item = Row> + 'd> {
        let row = |[a, b, c, d, v]: [i32; 5]| {
            let m = Value::Map(vec![(Value::Text("k".into()), Value::Int(v))]);
            let values = [a, b, c, d].into_iter().map(Value::Int);
            let values = values.chain([Value::Text("s".into()), m, Value::Int(v)]);
            Row::written_at(5, table, values.collect())
        };
        let mut rows =
            [[1, 1, 1, 1, 10], [1, 1, 2, 1, 20], [1, 1, 2, 2, 30], [2, 1, 1, 1, 40]].map(row);
        rows[3].values[6] = Value::Null;
        rows[3].times[6] = CellTimes::Absent;
        Box::new(select_rows(rows.into(), scan).into_iter())
    }
}

/// Returns the names of the columns and the rows of a statement, as text, or the error message.
fn run(statement: &str, values: &[(&str, Value)]) -> Result<(String, String), String> {
    let tables = Tables::new();
    let parsed = parse_select(statement).map_err(|error| error.to_string())?;
    let plan = SelectPlan::new(&parsed, &tables).map_err(|error| error.message)?;
    let values: Vec<_> =
        values.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    let bound = BoundValues::new(&plan.variables, &values).map_err(|error| error.message)?;
    let uuids = UuidSource::new(1);
    let clock = Clock { now: 0, seconds: 0, uuids: &uuids };
    let page = PageRequest::default();
    let rows = plan.execute(&tables, &bound, &clock, page).map_err(|error| error.message)?.rows;
    let names: Vec<_> = plan.columns.iter().map(|column| &*column.name).collect();
    let row = |row: &Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
    Ok((names.join(" "), rows.iter().map(row).collect::<Vec<_>>().join("; ")))
}

#[test]
fn returns_the_selected_columns_of_the_selected_rows() {
    for (statement, names, rows) in [
        ("SELECT a, v FROM ks.t", "a v", "2 null; 1 10; 1 20; 1 30"),
        ("SELECT * FROM ks.t LIMIT 1", "a b c d S m v", "2 1 1 1 's' {'k': 40} null"),
        ("SELECT v AS \"V\" FROM ks.t WHERE a = 1 AND b = 1 AND c = 2", "V", "20; 30"),
        ("SELECT v FROM ks.t WHERE a IN (1, 2) AND b IN (1) AND c IN (1)", "v", "10; null"),
        ("SELECT v FROM ks.t WHERE a = 1 AND b = 1 AND c > 1 AND c <= 2", "v", "20; 30"),
        ("SELECT c FROM ks.t WHERE v >= 20 ALLOW FILTERING", "c", "2; 2"),
        ("SELECT v FROM ks.t WHERE a = 1 AND b = 1 ORDER BY c DESC LIMIT 2", "v", "30; 20"),
        ("SELECT v FROM ks.t WHERE a = 1 AND b = 1 ORDER BY c, d", "v", "10; 20; 30"),
        ("SELECT v FROM ks.t PER PARTITION LIMIT 1", "v", "null; 10"),
        ("SELECT DISTINCT a, b, \"S\" FROM ks.t", "a b S", "2 1 's'; 1 1 's'"),
        ("SELECT count(*), count(v), a FROM ks.t LIMIT 1", "count system.count(v) a", "4 3 2"),
        ("SELECT count(1) AS n FROM ks.t WHERE a = 7 AND b = 1", "n", "0"),
        (
            "SELECT toJson(m) AS m, TOJSON(v), to_json(a) FROM ks.t LIMIT 1",
            "m system.tojson(v) system.to_json(a)",
            "'{\"k\": 40}' 'null' '2'",
        ),
        ("SELECT JSON a, \"S\" AS s FROM ks.t LIMIT 1", "[json]", "'{\"a\": 2, \"s\": \"s\"}'"),
        (
            "SELECT writetime(v), ttl(v), maxwritetime(\"S\") FROM ks.t WHERE a = 2 AND b = 1",
            "writetime(v) ttl(v) maxwritetime(S)",
            "null null 5",
        ),
        ("SELECT v FROM ks.t WHERE a = (int) 2 AND b = 1", "v", "null"),
    ] {
        let expected = Ok((names.to_owned(), rows.to_owned()));
        assert_eq!(run(statement, &[]), expected, "{statement}");
    }
}

#[test]
fn refuses_statements_with_the_words_of_cassandra() {
    let filtering = "Cannot execute this query as it might involve data filtering and thus may have \
                     unpredictable performance. If you want to execute this query despite the \
                     performance unpredictability, use ALLOW FILTERING";
    for (statement, error) in [
        ("SELECT x FROM ks.t", "Undefined column name x in table ks.t"),
        ("SELECT \"V\" FROM ks.t", "Undefined column name \"V\" in table ks.t"),
        ("SELECT tojson(x) FROM ks.t", "Undefined column name x in table ks.t"),
        ("SELECT cast(x AS text) FROM ks.t", "Undefined column name x in table ks.t"),
        ("SELECT v FROM ks.t WHERE x = 1", "Undefined column name x in table ks.t"),
        ("SELECT * FROM ks.nope", "table nope does not exist"),
        ("SELECT * FROM nope.t", "keyspace nope does not exist"),
        (
            "SELECT * FROM t",
            "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename",
        ),
        (
            "SELECT writetime(a) FROM ks.t",
            "Cannot use selection function writetime on PRIMARY KEY part a",
        ),
        ("SELECT TTL(c) FROM ks.t", "Cannot use selection function ttl on PRIMARY KEY part c"),
        ("SELECT foo(a) FROM ks.t", "Unknown function 'foo'"),
        (
            "SELECT tojson() FROM ks.t",
            "Invalid number of arguments for function system.tojson(any)",
        ),
        (
            "SELECT -5 FROM ks.t",
            "Cannot infer type for term -5 in selection clause (try using a cast to force a type)",
        ),
        ("SELECT v FROM ks.t WHERE v = 1", filtering),
        ("SELECT v FROM ks.t WHERE a = 1", filtering),
        ("SELECT v FROM ks.t WHERE a = 1 AND b > 2", filtering),
        ("SELECT v FROM ks.t WHERE c = 1", filtering),
        ("SELECT v FROM ks.t WHERE a = 1 AND b = 2 AND v > 3", filtering),
        (
            "SELECT v FROM ks.t WHERE a = 1 AND b = 2 AND d = 3",
            "PRIMARY KEY column \"d\" cannot be restricted as preceding column \"c\" is not restricted",
        ),
        (
            "SELECT v FROM ks.t WHERE a = 1 AND b = 2 AND c > 1 AND d = 3",
            "Clustering column \"d\" cannot be restricted (preceding column \"c\" is restricted by a \
             non-EQ relation)",
        ),
        (
            "SELECT v FROM ks.t WHERE a = 'x' AND b = 2",
            "Invalid STRING constant (x) for \"a\" of type int",
        ),
        (
            "SELECT v FROM ks.t WHERE a = 2.5 AND b = 2",
            "Invalid FLOAT constant (2.5) for \"a\" of type int",
        ),
        (
            "SELECT v FROM ks.t WHERE a = '' AND b = 2",
            "Invalid STRING constant () for \"a\" of type int",
        ),
        (
            "SELECT v FROM ks.t WHERE a = null AND b = 2",
            "Invalid null value in condition for column a",
        ),
        (
            "SELECT v FROM ks.t WHERE a = 1 AND a = 2 AND b = 1",
            "a cannot be restricted by more than one relation if it includes an Equal",
        ),
        ("SELECT v FROM ks.t WHERE a != 1", "Unsupported \"!=\" relation: a != 1"),
        (
            "SELECT v FROM ks.t WHERE a LIKE 'x' AND b = 1",
            "LIKE restriction is only supported on properly indexed columns. a LIKE 'x' is not valid.",
        ),
        ("SELECT v FROM ks.t WHERE v IS NOT NULL", "Unsupported restriction: v IS NOT NULL"),
        ("SELECT v FROM ks.t WHERE v CONTAINS 1", "Cannot use CONTAINS on non-collection column v"),
        (
            "SELECT v FROM ks.t WHERE m = {'a': 1} ALLOW FILTERING",
            "Collection column 'm' (map<text, int>) cannot be restricted by a '=' relation",
        ),
        ("SELECT v FROM ks.t WHERE a = {1} AND b = 1", "Invalid set literal for a of type int"),
        (
            "SELECT v FROM ks.t WHERE a = 99999999999 AND b = 1",
            "Unable to make int from '99999999999'",
        ),
        (
            "SELECT v FROM ks.t ORDER BY c",
            "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.",
        ),
        (
            "SELECT v FROM ks.t WHERE a = 1 AND b = 1 ORDER BY v",
            "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got v",
        ),
        ("SELECT v FROM ks.t LIMIT 99999999999", "Unable to make int from '99999999999'"),
        ("SELECT v FROM ks.t PER PARTITION LIMIT 0", "LIMIT must be strictly positive"),
        ("SELECT v FROM ks.t LIMIT 0", "LIMIT must be strictly positive"),
        ("SELECT v FROM ks.t LIMIT -1", "LIMIT must be strictly positive"),
        (
            "SELECT DISTINCT a FROM ks.t",
            "SELECT DISTINCT queries must request all the partition key columns (missing b)",
        ),
        (
            "SELECT DISTINCT v FROM ks.t",
            "SELECT DISTINCT queries must only request partition key columns and/or static columns \
             (not v)",
        ),
        ("SELECT v FROM ks.t WHERE a = ? AND b = 1", "Invalid amount of bind variables"),
    ] {
        assert_eq!(run(statement, &[]), Err(error.to_owned()), "{statement}");
    }
}

#[test]
fn names_the_parts_that_it_does_not_support() {
    for (statement, part) in [
        ("SELECT mask_null(v) FROM ks.t", "the function mask_null"),
        (
            "SELECT count(*) FROM ks.t WHERE a = 1 AND b IN (1, 2) ORDER BY c",
            "ORDER BY of the groups of several partitions",
        ),
    ] {
        let error = run(statement, &[]).unwrap_err();
        let expected = format!("MockServer does not support {part} in a SELECT");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn describes_and_binds_variables_in_the_order_of_the_text() {
    let tables = Tables::new();
    let statement =
        "SELECT v FROM ks.t WHERE b = :x AND a = ? AND c IN ? PER PARTITION LIMIT ? LIMIT ?";
    let plan = SelectPlan::new(&parse_select(statement).unwrap(), &tables).unwrap();
    let variable =
        |column: &crate::types::ColumnSpec| format!("{} {}", column.name, column.cql_type);
    let variables: Vec<_> = plan.variables.iter().map(variable).collect();
    let expected =
        ["x int", "a int", "in(c) list<int>", "[per_partition_limit] int", "[limit] int"];
    assert_eq!(variables, expected);
    assert_eq!(plan.partition_key, [1, 0]);

    let list = Value::List(vec![Value::Int(2), Value::Int(9)]);
    let numbers = |limit| {
        let limits = [("[per_partition_limit]", Value::Int(2)), ("[limit]", Value::Int(limit))];
        [("x", Value::Int(1)), ("a", Value::Int(1)), ("in(c)", list.clone())]
            .into_iter()
            .chain(limits)
            .collect::<Vec<_>>()
    };
    assert_eq!(run(statement, &numbers(1)).unwrap().1, "20");
    assert_eq!(run(statement, &numbers(0)).unwrap_err(), "LIMIT must be strictly positive");

    let same = "SELECT v FROM ks.t WHERE a = :n AND b = :n AND c = :c";
    let plan = SelectPlan::new(&parse_select(same).unwrap(), &tables).unwrap();
    assert_eq!(plan.partition_key, [0, 1]);
    let values = [("n", Value::Int(1)), ("c", Value::Int(2))];
    assert_eq!(run(same, &values).unwrap().1, "20; 30");
    let null = [("n", Value::Null), ("c", Value::Int(2))];
    let error = "Invalid null value in condition for column a";
    assert_eq!(run(same, &null).unwrap_err(), error);

    for statement in
        ["SELECT v FROM ks.t WHERE a = 1 AND b = ?", "SELECT v FROM ks.t WHERE a IN ? AND b = ?"]
    {
        let plan = SelectPlan::new(&parse_select(statement).unwrap(), &tables).unwrap();
        assert_eq!(plan.partition_key, [0_u16; 0], "{statement}");
    }
}

/// Parts of which the next test makes statements.
const PARTS: [&str; 40] = [
    "a",
    "b",
    "c",
    "d",
    "\"S\"",
    "m",
    "v",
    "x",
    "tojson(",
    "count(",
    "count(*)",
    "ttl(",
    "writetime(",
    "cast(",
    "as",
    ")",
    "(",
    ",",
    ".",
    "[",
    "]",
    "JSON ",
    "DISTINCT ",
    "=",
    "<",
    ">=",
    "IN",
    "CONTAINS",
    "AND",
    "?",
    ":n",
    "1",
    "-1",
    "'s'",
    "{'k': 1}",
    "{}",
    "null",
    "0x00",
    "LIMIT",
    "ALLOW FILTERING",
];

proptest! {
    #[test]
    fn arbitrary_statements_and_values_never_panic(
        columns in vec(select(PARTS.to_vec()), 1..5),
        conditions in vec(select(PARTS.to_vec()), 0..14),
        values in vec(prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::Int),
            Just(Value::Text(String::new())),
            Just(Value::List(vec![Value::Int(1)])),
        ], 0..4),
    ) {
        let (columns, conditions) = (columns.concat(), conditions.join(" "));
        let values: Vec<_> = values.into_iter().map(|value| ("n", value)).collect();
        for columns in [&*columns, "*"] {
            for conditions in [&*conditions, &format!("WHERE a = 1 AND b = 1 AND {conditions}")] {
                let _result = run(&format!("SELECT {columns} FROM ks.t {conditions}"), &values);
            }
        }
    }
}
