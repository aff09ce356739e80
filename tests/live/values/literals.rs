//! CQL literals of every type. The server parses the literal and cqlwire reads the value; then cqlwire
//! binds the value and reads it again.

use std::net::IpAddr;

use cqlwire::types::{Date, Decimal, Duration, Time, Timestamp, Value, Varint};
use cqlwire::wire::Version;
use libtest_mimic::Failed;
use uuid::Uuid;

use crate::fleet::{Node, runtime};

/// A type and some of its values.
struct Case {
    cql_type: &'static str,
    values: Vec<Value>,
}

fn case(cql_type: &'static str, values: impl Into<Vec<Value>>) -> Case {
    Case { cql_type, values: values.into() }
}

pub(crate) fn every_literal_round_trips(node: &Node) -> Result<(), Failed> {
    Version::ALL.into_iter().try_for_each(|version| round_trips(node, version))
}

fn round_trips(node: &Node, version: Version) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.session(&runtime, |builder| builder.protocol_version(version))?;
    runtime.block_on(async {
        session.execute("CREATE TYPE pair (first int, \"Second\" text)", ()).await?;
        for (index, Case { cql_type, values }) in cases(node).into_iter().enumerate() {
            let table = format!("t{index}");
            let create = format!("CREATE TABLE {table} (k int PRIMARY KEY, v {cql_type})");
            session.execute(create, ()).await?;
            for value in values {
                let by_literal = format!("INSERT INTO {table} (k, v) VALUES (1, {value})");
                session.execute(by_literal, ()).await?;
                let by_value = format!("INSERT INTO {table} (k, v) VALUES (2, ?)");
                session.execute(by_value, std::slice::from_ref(&value)).await?;
                let select = format!("SELECT k, v FROM {table}");
                let result = session.execute(select, ()).await?;
                for row in result.rows::<(i32, Value)>()? {
                    let (k, read) = row?;
                    assert_eq!(read.to_string(), value.to_string(), "{version} {cql_type} {k}");
                    // Values of user-defined types differ in the name of the keyspace.
                    if !cql_type.contains("pair") {
                        assert_eq!(read, value, "{version} {cql_type} {k}");
                    }
                }
                assert_eq!(result.row_count(), 2);
            }
        }
        Ok(())
    })
}

fn cases(node: &Node) -> Vec<Case> {
    let text = |text: &str| Value::Text(text.into());
    let uuid = Uuid::from_u128(0x1234_5678_9abc_4def_8012_3456_789a_bcde);
    let timeuuid = Uuid::from_u128(0x50554d6e_29bb_11e5_b345_feff819cdc9f);
    let duration =
        |months, days, nanoseconds| Value::Duration(Duration { months, days, nanoseconds });
    let decimal =
        |scale, unscaled: i128| Value::Decimal(Decimal { scale, unscaled: Varint::from(unscaled) });
    let mut cases = vec![
        case("ascii", [Value::Ascii("it's".into()), Value::Ascii(String::new())]),
        case("bigint", [i64::MIN, 0, i64::MAX].map(Value::BigInt)),
        case("blob", [vec![], vec![0, 0xff]].map(|bytes| Value::Blob(bytes.into()))),
        case("boolean", [false, true].map(Value::Boolean)),
        case("date", [Date(0), Date(-719_528), Date(19_782)].map(Value::Date)),
        case("decimal", [decimal(0, 0), decimal(3, -1), decimal(-4, 12), decimal(9, i128::MAX)]),
        case("double", [0.0, -1.5, f64::MAX, f64::MIN_POSITIVE].map(Value::Double)),
        case("duration", [duration(14, 3, 7), duration(-1, -2, -3), duration(0, 0, i64::MAX)]),
        case("float", [0.0, -1.5, f32::MAX, f32::MIN_POSITIVE].map(Value::Float)),
        case("inet", ["127.0.0.1", "::1"].map(|ip| Value::Inet(ip.parse::<IpAddr>().unwrap()))),
        case("int", [i32::MIN, 0, i32::MAX].map(Value::Int)),
        case("smallint", [i16::MIN, i16::MAX].map(Value::SmallInt)),
        case("text", [text(""), text("it's né\u{1f600}"), text(&"x".repeat(70_000))]),
        case("time", [Time(0), Time::MAX].map(Value::Time)),
        case(
            "timestamp",
            [0, -1, 1_336_999_998_001].map(|millis| Value::Timestamp(Timestamp(millis))),
        ),
        case("timeuuid", [Value::TimeUuid(timeuuid)]),
        case("tinyint", [i8::MIN, i8::MAX].map(Value::TinyInt)),
        case("uuid", [uuid, timeuuid].map(Value::Uuid)),
        case("varint", [0, -129, i128::MAX].map(|number| Value::Varint(Varint::from(number)))),
        case("list<int>", [Value::List([3, 1, 3].map(Value::Int).to_vec())]),
        case("set<text>", [Value::Set(["a", "b"].map(text).to_vec())]),
        case(
            "map<text, frozen<list<int>>>",
            [Value::Map(vec![(text("k"), Value::List(vec![Value::Int(1)]))])],
        ),
        case(
            "tuple<int, text>",
            [
                Value::Tuple(vec![Value::Int(1), text("x")]),
                Value::Tuple(vec![Value::Null, text("x")]),
            ],
        ),
        case(
            "frozen<pair>",
            [Value::Udt {
                udt: std::sync::Arc::new(cqlwire::types::UdtType {
                    keyspace: String::new(),
                    name: "pair".into(),
                    fields: vec![
                        ("first".into(), cqlwire::types::NativeType::Int.into()),
                        ("Second".into(), cqlwire::types::NativeType::Text.into()),
                    ],
                }),
                fields: vec![Value::Int(1), text("x")],
            }],
        ),
    ];
    if node.is_at_least("5") {
        cases.extend([
            case("vector<float, 3>", [Value::Vector([1.0, -0.5, 3.25].map(Value::Float).to_vec())]),
            case("vector<text, 2>", [Value::Vector(vec![text(""), text("two")])]),
            case("vector<smallint, 2>", [Value::Vector([1, -2].map(Value::SmallInt).to_vec())]),
            case("vector<tinyint, 2>", [Value::Vector([1, -2].map(Value::TinyInt).to_vec())]),
            case("vector<date, 1>", [Value::Vector(vec![Value::Date(Date(1))])]),
            case("vector<time, 1>", [Value::Vector(vec![Value::Time(Time(1))])]),
            case(
                "vector<frozen<vector<int, 2>>, 1>",
                [Value::Vector(vec![Value::Vector([1, 2].map(Value::Int).to_vec())])],
            ),
            case("vector<boolean, 2>", [Value::Vector([true, false].map(Value::Boolean).to_vec())]),
            case("vector<duration, 1>", [Value::Vector(vec![duration(1, 2, 3)])]),
        ]);
    }
    cases
}
