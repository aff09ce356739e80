//! Terms as values of a type, with the results and the error texts of Cassandra 5.0.6.

use std::sync::Arc;

use super::compile;
use crate::cql::{Condition, Term, parse_select};
use crate::store::clock::{Clock, UuidSource};
use crate::store::schema::{Column, ColumnKind, TableSchema};
use crate::store::variables::{BoundValues, TermValue, Variables};
use crate::types::{CqlType, NamedValue, NativeType, TableSpec, UdtType};
use crate::wire::RawValue;

/// The table `ks.t (a int, b int, u ud, PRIMARY KEY ((a, b)))` with the type `ud (x int, "Y y" text)`.
fn table() -> TableSchema {
    let udt = UdtType {
        keyspace: "ks".to_owned(),
        name: "ud".to_owned(),
        fields: vec![
            ("x".to_owned(), NativeType::Int.into()),
            ("Y y".to_owned(), NativeType::Text.into()),
        ],
    };
    let column = |name: &str, kind, cql_type: CqlType| Column {
        name: name.to_owned(),
        kind,
        type_text: cql_type.to_string(),
        cql_type,
        is_descending: false,
    };
    let columns = vec![
        column("a", ColumnKind::PartitionKey, NativeType::Int.into()),
        column("b", ColumnKind::PartitionKey, NativeType::Int.into()),
        column("u", ColumnKind::Regular, CqlType::Udt(Arc::new(udt))),
    ];
    let name = TableSpec { keyspace: "ks".to_owned(), table: "t".to_owned() };
    TableSchema { name: Arc::new(name), columns, is_virtual: false, secondary_indexes: Vec::new() }
}

fn parse(term: &str) -> Term {
    let select = parse_select(&format!("SELECT a FROM ks.t WHERE a = {term}")).unwrap();
    match &select.relations[0].condition {
        Condition::Compare(_, term) => term.clone(),
        other => panic!("{other}"),
    }
}

/// Returns the value of a term for a column `v`, or the error message.
fn evaluate(cql_type: &str, term: &str, bound: &[RawValue<'_>]) -> Result<String, String> {
    let table = table();
    let cql_type = match cql_type {
        "ud" => table.columns[2].cql_type.clone(),
        other => other.parse().unwrap(),
    };
    let mut variables = Variables::new(&table);
    let term =
        compile(&parse(term), &cql_type, "v", &mut variables).map_err(|error| error.message)?;
    let bound = bound.iter().map(|value| NamedValue { name: None, value: *value });
    let bound = BoundValues::decode(&variables.into_columns(), bound).map_err(|it| it.message)?;
    let uuids = UuidSource::new(1);
    let clock = Clock { now: 1_700_000_000_123_456, seconds: 1_700_000_000, uuids: &uuids };
    match term.evaluate(&bound, &clock).map_err(|error| error.message)? {
        TermValue::Value(value) => Ok(value.to_string()),
        TermValue::Unset => Ok("unset".to_owned()),
    }
}

#[test]
fn evaluates_terms_as_values_of_the_type_of_the_column() {
    for (cql_type, term, value) in [
        ("int", "null", "null"),
        ("list<int>", "[1, 2, 2]", "[1, 2, 2]"),
        ("set<int>", "{3, 1, 2, 1}", "{1, 2, 3}"),
        ("map<text, int>", "{'k': 1, 'a': 2, 'k': 3}", "{'a': 2, 'k': 3}"),
        ("map<text, int>", "{}", "{}"),
        ("tuple<int, text>", "(1, null)", "(1, null)"),
        ("ud", "{\"Y y\": 'a'}", "{x: null, \"Y y\": 'a'}"),
        ("vector<float, 2>", "[1, 2.5]", "[1.0, 2.5]"),
        ("set<frozen<set<int>>>", "{{2}, {1, 3}}", "{{1, 3}, {2}}"),
        ("blob", "int_as_blob(1)", "0x00000001"),
        ("blob", "intAsBlob((int)1)", "0x00000001"),
        ("int", "blob_as_int(0x01020304)", "16909060"),
        ("list<int>", "fromjson('[1, 2]')", "[1, 2]"),
        ("text", "to_json(1)", "'1'"),
        ("bigint", "token(1, 1)", "5765203080415074583"),
        ("timestamp", "toTimestamp('2020-01-02')", "'2020-01-02 00:00:00.000+0000'"),
        ("bigint", "to_unix_timestamp((timestamp)-1)", "-1"),
        ("timestamp", "current_timestamp()", "'2023-11-14 22:13:20.123+0000'"),
        ("date", "currentDate()", "'2023-11-14'"),
        ("time", "current_time()", "'22:13:20.123456000'"),
        ("timestamp", "to_timestamp(now())", "'2023-11-14 22:13:20.123+0000'"),
        ("date", "to_date(to_timestamp(now()))", "'2023-11-14'"),
        (
            "timeuuid",
            "minTimeuuid('2013-02-02 10:00+0000')",
            "4e52d000-6d1f-11e2-8080-808080808080",
        ),
        (
            "timeuuid",
            "max_timeuuid('2013-01-01 00:05+0000')",
            "e23f450f-53a6-11e2-7f7f-7f7f7f7f7f7f",
        ),
    ] {
        assert_eq!(evaluate(cql_type, term, &[]), Ok(value.to_owned()), "{cql_type} {term}");
    }
}

#[test]
fn refuses_terms_with_the_words_of_cassandra() {
    for (cql_type, term, error) in [
        ("list<int>", "[1, null]", "null is not supported inside collections"),
        ("vector<float, 2>", "[1, null]", "null is not supported inside vectors"),
        ("list<int>", "['a']", "Invalid list literal for v: value 'a' is not of type int"),
        ("list<int>", "{1}", "Invalid set literal for v of type list<int>"),
        ("set<int>", "{'a'}", "Invalid set literal for v: value 'a' is not of type int"),
        ("map<text, int>", "{'a': 'b'}", "Invalid map literal for v: value 'b' is not of type int"),
        ("map<text, int>", "{1: 1}", "Invalid map literal for v: key 1 is not of type text"),
        ("map<text, int>", "{1}", "Invalid set literal for v of type map<text, int>"),
        (
            "tuple<int, text>",
            "(1, 'a', 2)",
            "Invalid tuple literal for v: too many elements. Type frozen<tuple<int, text>> expects 2 \
             but got 3",
        ),
        (
            "tuple<int, text>",
            "('a', 'a')",
            "Invalid tuple literal for v: component 0 is not of type int",
        ),
        ("tuple<int, text>", "{1}", "Invalid set literal for v of type frozen<tuple<int, text>>"),
        (
            "vector<float, 2>",
            "[1]",
            "Invalid vector literal for v of type vector<float, 2>; expected 2 elements, but given 1",
        ),
        (
            "vector<float, 2>",
            "[1, 'a']",
            "Invalid vector literal for v: value 'a' is not of type float",
        ),
        ("int", "[1]", "Unexpected receiver type 'int'; only list and vector are expected"),
        ("int", "{1: 1}", "Invalid map literal for v of type int"),
        ("int", "(1, 1)", "Invalid tuple type literal for v of type int"),
        ("int", "{a: 1}", "Invalid user type literal for v of type int"),
        ("int", "'a'", "Invalid STRING constant (a) for \"v\" of type int"),
        ("blob", "''", "Invalid STRING constant () for \"v\" of type blob"),
        ("int", "(bigint)1", "Cannot assign value (bigint)1 to v of type int"),
        ("int", "(int)'a'", "Cannot cast value 'a' to type int"),
        ("int", "(nope)1", "Unknown type ks.nope"),
        (
            "int",
            "now()",
            "Type error: cannot assign result of function system.now (type timeuuid) to v (type int)",
        ),
        (
            "timeuuid",
            "uuid()",
            "Type error: cannot assign result of function system.uuid (type uuid) to v (type timeuuid)",
        ),
        ("int", "foo()", "Unknown function foo called"),
        (
            "timeuuid",
            "now(1)",
            "Invalid number of arguments in call to function system.now: 0 required but 1 provided",
        ),
        (
            "timestamp",
            "to_timestamp(null)",
            "Ambiguous call to function to_timestamp (can be matched by following signatures: \
             system.to_timestamp : (timeuuid) -> timestamp, system.to_timestamp : (date) -> \
             timestamp): use type casts to disambiguate",
        ),
        (
            "blob",
            "intasblob('a')",
            "Type error: 'a' cannot be passed as argument 0 of function system.intasblob of type int",
        ),
        (
            "int",
            "blobasint(0x01)",
            "In call to function system.blobasint, value 0x01 is not a valid binary representation \
             for type int",
        ),
        (
            "bigint",
            "token(1)",
            "Invalid number of arguments in call to function system.token: 2 required but 1 provided",
        ),
        ("timestamp", "totimestamp('a')", "Unable to coerce 'a' to a formatted date (long)"),
        ("timestamp", "'x'", "Unable to parse a date/time from 'x'"),
        ("date", "'x'", "Unable to coerce 'x' to a formatted date (long)"),
        ("time", "'x'", "(TimeType) Unable to coerce 'x' to a formatted time (long)"),
        ("blob", "0x1", "cannot parse '1' as hex bytes"),
        ("bigint", "99999999999999999999", "Unable to make long from '99999999999999999999'"),
        (
            "timeuuid",
            "fcd0f4ba-4a3f-47ff-bc66-809e63825dee",
            "TimeUUID supports only version 1 UUIDs",
        ),
        (
            "list<int>",
            "from_json('[\"a\"]')",
            "org.apache.cassandra.serializers.MarshalException: Unable to make int from 'a'",
        ),
    ] {
        assert_eq!(evaluate(cql_type, term, &[]), Err(error.to_owned()), "{cql_type} {term}");
    }
}

#[test]
fn binds_variables_within_collections_tuples_and_functions() {
    let one = RawValue::Bytes(&[0, 0, 0, 1]);
    for (cql_type, term, bound, result) in [
        ("int", "?", one, Ok("1")),
        ("int", "?", RawValue::Null, Ok("null")),
        ("int", "?", RawValue::Unset, Ok("unset")),
        (
            "list<int>",
            "[2, ?]",
            one,
            Err("Invalid list literal for v: bind variables are not supported inside collection \
                 literals"),
        ),
        (
            "map<text, frozen<set<int>>>",
            "{'a': {?}}",
            one,
            Err("Invalid map literal for v: bind variables are not supported inside collection \
                 literals"),
        ),
        ("tuple<int, int>", "(2, ?)", one, Ok("(2, 1)")),
        ("tuple<int, int>", "(2, ?)", RawValue::Null, Ok("(2, null)")),
        ("ud", "{x: ?}", one, Ok("{x: 1, \"Y y\": null}")),
        ("blob", "int_as_blob(?)", one, Ok("0x00000001")),
        ("blob", "int_as_blob(?)", RawValue::Null, Ok("null")),
        ("int", "?", RawValue::Bytes(&[1, 2, 3]), Err("Expected 4 or 0 byte int (3)")),
    ] {
        let result = result.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(evaluate(cql_type, term, &[bound]), result, "{cql_type} {term}");
    }
    let amount = Err("Invalid amount of bind variables".to_owned());
    assert_eq!(evaluate("int", "?", &[]), amount);
    assert_eq!(evaluate("int", "1", &[one]), amount);

    let table = table();
    let mut variables = Variables::new(&table);
    compile(&parse("(?, ?)"), &"tuple<int, text>".parse().unwrap(), "t", &mut variables).unwrap();
    compile(&parse("{\"Y y\": ?, x: ?}"), &table.columns[2].cql_type, "u", &mut variables).unwrap();
    compile(&parse("blobAsInt(?)"), &NativeType::Int.into(), "i", &mut variables).unwrap();
    let variables = variables.into_columns();
    let variables: Vec<_> =
        variables.iter().map(|column| format!("{} {}", column.name, column.cql_type)).collect();
    let expected =
        ["t[0] int", "t[1] text", "u.Y y text", "u.x int", "arg0(system.blobasint) blob"];
    assert_eq!(variables, expected);
}
