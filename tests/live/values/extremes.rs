//! Extreme values of every type.

use std::net::IpAddr;

use bytes::Bytes;
use cqlwire::types::{
    CqlType, Date, Decimal, Duration, NativeType, Time, Timestamp, UdtType, Value, Varint,
};
use uuid::Uuid;

use super::table::Column;

/// Length of the longest values, in bytes.
const LONG: usize = 1 << 20;

/// Returns extreme values of a native type, for columns and for elements of other types.
pub(crate) fn values_of(native: NativeType) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.into());
    let ascii = |text: &str| Value::Ascii(text.into());
    match native {
        NativeType::Ascii => vec![ascii(""), ascii("\0"), ascii("it's\x7f")],
        NativeType::BigInt => [i64::MIN, -1, 0, 1, i64::MAX].map(Value::BigInt).to_vec(),
        NativeType::Blob => {
            [vec![], vec![0], vec![0xff; 70_000]].map(|of| Value::Blob(of.into())).to_vec()
        }
        NativeType::Boolean => [false, true].map(Value::Boolean).to_vec(),
        NativeType::Counter => [i64::MIN, -1, 0, 1, i64::MAX].map(Value::Counter).to_vec(),
        NativeType::Date => [i32::MIN, -719_528, -1, 0, 1, 2_932_896, i32::MAX]
            .map(|days| Value::Date(Date(days)))
            .to_vec(),
        NativeType::Decimal => decimals(),
        NativeType::Double => doubles().map(Value::Double).to_vec(),
        NativeType::Duration => durations(),
        NativeType::Float => floats().map(Value::Float).to_vec(),
        NativeType::Inet => {
            ["0.0.0.0", "255.255.255.255", "::", "::1", "fe80::1", "2001:db8::ffff"]
                .map(|address| Value::Inet(address.parse().expect("an address")))
                .to_vec()
        }
        NativeType::Int => [i32::MIN, -1, 0, 1, i32::MAX].map(Value::Int).to_vec(),
        NativeType::SmallInt => [i16::MIN, -1, 0, 1, i16::MAX].map(Value::SmallInt).to_vec(),
        NativeType::Text => {
            vec![text(""), text("\0"), text("'\"\n\u{7ff}\u{800}\u{ffff}\u{10ffff}")]
        }
        NativeType::Time => [0, 1, Time::MAX.0].map(|at| Value::Time(Time(at))).to_vec(),
        NativeType::TimeUuid => [0x1000_0000_0000_0000, !(0xe << 76)]
            .map(|bits| Value::TimeUuid(Uuid::from_u128(bits & !(0xf << 76) | 1 << 76)))
            .to_vec(),
        NativeType::Timestamp => [i64::MIN, -62_135_596_800_001, -1, 0, 1, i64::MAX]
            .map(|at| Value::Timestamp(Timestamp(at)))
            .to_vec(),
        NativeType::TinyInt => [i8::MIN, -1, 0, 1, i8::MAX].map(Value::TinyInt).to_vec(),
        NativeType::Uuid => [0, 1, u128::MAX].map(|of| Value::Uuid(Uuid::from_u128(of))).to_vec(),
        NativeType::Varint => varints().into_iter().map(Value::Varint).collect(),
        unknown => panic!("native type {unknown} is not in this test"),
    }
}

/// Returns extreme values of a native type for columns only.
pub(crate) fn column_values_of(native: NativeType) -> Vec<Value> {
    match native {
        NativeType::Ascii => vec![Value::Ascii("x".repeat(LONG))],
        NativeType::Text => vec![Value::Text("é".repeat(LONG / 2))],
        NativeType::Blob => vec![Value::Blob(vec![0xff; LONG].into())],
        // An IPv4-mapped IPv6 address, which Java converts to IPv4 when it parses it.
        NativeType::Inet => {
            let mapped = "::ffff:127.0.0.1".parse::<IpAddr>().expect("an address");
            vec![Value::Inet(mapped), Value::Empty]
        }
        // Cassandra refuses empty values of these types.
        NativeType::Counter
        | NativeType::Date
        | NativeType::Duration
        | NativeType::SmallInt
        | NativeType::Time
        | NativeType::TinyInt => vec![],
        _ => vec![Value::Empty],
    }
}

fn doubles() -> [f64; 10] {
    [
        f64::NEG_INFINITY,
        f64::MIN,
        -f64::MIN_POSITIVE,
        -0.0,
        0.0,
        f64::from_bits(1),
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ]
}

fn floats() -> [f32; 10] {
    [
        f32::NEG_INFINITY,
        f32::MIN,
        -f32::MIN_POSITIVE,
        -0.0,
        0.0,
        f32::from_bits(1),
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
        f32::NAN,
    ]
}

/// Returns extreme varints. The last two have a thousand bytes.
fn varints() -> Vec<Varint> {
    let long = |first: u8| Varint::from_bytes(&[&[first], &[0x5a; 999][..]].concat());
    let mut numbers = [i128::MIN, -129, -128, 0, 127, 128, i128::MAX].map(Varint::from).to_vec();
    numbers.extend([0x80, 0x7f].map(long));
    numbers
}

/// Returns decimals: each extreme varint with scale 1, and short numbers with extreme scales.
fn decimals() -> Vec<Value> {
    let plain = varints().into_iter().map(|unscaled| Decimal { scale: 1, unscaled });
    let scales = [i32::MIN, i32::MIN + 1, -1, 0, i32::MAX].into_iter();
    let scaled = scales.flat_map(|scale| {
        [0, -129].map(|unscaled| Decimal { scale, unscaled: Varint::from(unscaled) })
    });
    plain.chain(scaled).map(Value::Decimal).collect()
}

fn durations() -> Vec<Value> {
    let of = |(months, days, nanoseconds)| Value::Duration(Duration { months, days, nanoseconds });
    let all = [
        (0, 0, 0),
        (i32::MAX, i32::MAX, i64::MAX),
        (i32::MIN, i32::MIN, i64::MIN),
        (-1, 0, -1),
        (0, 1, 0),
        (1, 0, 63),
        (0, 0, -64),
    ];
    all.map(of).to_vec()
}

/// Returns columns with lists of each native type.
pub(crate) fn lists() -> Vec<Column> {
    let natives = NativeType::KNOWN.iter().copied().filter(|of| *of != NativeType::Counter);
    let column = |native: NativeType| {
        let lists = together_and_alone(native).into_iter().map(Value::List).collect::<Vec<_>>();
        Column::new(CqlType::List(Box::new(native.into())), lists)
    };
    natives.map(column).collect()
}

/// Returns a list of all values of a type, and a list for each value alone, because tests may skip
/// single values.
fn together_and_alone(native: NativeType) -> Vec<Vec<Value>> {
    let all = values_of(native);
    let alone = all.iter().map(|value| vec![value.clone()]).collect::<Vec<_>>();
    [vec![all], alone].concat()
}

/// Returns columns of nested, frozen and custom types.
pub(crate) fn nested(udt: &std::sync::Arc<UdtType>) -> Vec<Column> {
    let [int, text, blob] =
        [NativeType::Int, NativeType::Text, NativeType::Blob].map(CqlType::from);
    let list = |of: &CqlType| CqlType::List(Box::new(of.clone()));
    let set = |of: &CqlType| CqlType::Set(Box::new(of.clone()));
    let map = |key: &CqlType, of: &CqlType| CqlType::Map(Box::new((key.clone(), of.clone())));
    let ints = |count: i32| (0..count).map(Value::Int).collect::<Vec<_>>();
    let texts = || vec![Value::Text(String::new()), Value::Text("x".repeat(70_000))];
    let pair = CqlType::Tuple(vec![int.clone(), text.clone()]);
    let pairs = || {
        [
            vec![Value::Int(1)],
            vec![Value::Int(1), Value::Null],
            vec![Value::Null, Value::Text("x".into())],
            vec![Value::Null, Value::Null],
            vec![Value::Int(1), Value::Text(String::new())],
            vec![Value::Empty, Value::Null],
        ]
    };
    let udts = || pairs().map(|fields| Value::Udt { udt: udt.clone(), fields });
    let deep = (0..12).fold(int.clone(), |of, _| list(&of));
    let deep_value = (0..12).fold(Value::Int(1), |of, _| Value::List(vec![of]));
    let key = set(&pair);
    let keys = || Value::Set(vec![Value::Tuple(vec![Value::Int(1), Value::Text("k".into())])]);
    vec![
        Column::new(list(&text), [Value::List(vec![]), Value::List(texts())]),
        Column::new(list(&int), [Value::List(ints(10_000))]),
        Column::new(set(&text), [Value::Set(vec![]), Value::Set(ints(0))]),
        Column::new(set(&int), [Value::Set(ints(1_000))]),
        Column::new(
            map(&text, &blob),
            [
                Value::Map(vec![]),
                Value::Map(vec![(Value::Text(String::new()), Value::Blob(Bytes::new()))]),
                Value::Map(vec![(Value::Text("x".into()), Value::Blob(vec![0; 70_000].into()))]),
            ],
        ),
        Column::frozen(list(&text), [Value::List(vec![]), Value::List(texts())]),
        Column::frozen(set(&text), [Value::Set(vec![]), Value::Set(texts())]),
        Column::frozen(map(&int, &int), [Value::Map(vec![])]),
        Column::frozen(deep, [deep_value]),
        Column::new(
            map(&key, &map(&key, &list(&key))),
            [Value::Map(vec![(
                keys(),
                Value::Map(vec![(keys(), Value::List(vec![keys(), keys()]))]),
            )])],
        ),
        Column::new(
            pair.clone(),
            [vec![Value::Empty], pairs().map(Value::Tuple).to_vec()].concat(),
        ),
        Column::new(list(&pair), pairs().map(|pair| Value::List(vec![Value::Tuple(pair); 2]))),
        Column::frozen(CqlType::Udt(udt.clone()), [vec![Value::Empty], udts().to_vec()].concat()),
        Column::new(CqlType::Udt(udt.clone()), [vec![Value::Empty], udts().to_vec()].concat()),
        Column::new(list(&CqlType::Udt(udt.clone())), udts().map(|udt| Value::List(vec![udt; 2]))),
        Column::new(
            custom("CompositeType(UTF8Type,Int32Type)"),
            [Value::Custom(Bytes::from_static(b"\0\x02\xc3\xa9\0\0\x04\0\0\0\x01\0"))],
        ),
        Column::new(
            custom("DynamicCompositeType(s=>UTF8Type,i=>Int32Type)"),
            [Value::Custom(Bytes::from_static(b"\x80s\0\x02\xc3\xa9\0\x80i\0\x04\0\0\0\x01\0"))],
        ),
        Column::new(
            custom("LexicalUUIDType"),
            [[0; 16], [0xff; 16]].map(|id| Value::Custom(id.to_vec().into())),
        ),
    ]
}

fn custom(class: &str) -> CqlType {
    CqlType::Custom(format!("org.apache.cassandra.db.marshal.{class}").into())
}

/// Returns columns of vectors, with elements of fixed and of variable length.
pub(crate) fn vectors(udt: &std::sync::Arc<UdtType>) -> Vec<Column> {
    let many = |native: NativeType, values: Vec<Value>| {
        Column::new(CqlType::vector(native.into(), values.len()), [Value::Vector(values)])
    };
    let natives = NativeType::KNOWN.iter().copied().filter(|of| *of != NativeType::Counter);
    let of_natives = natives.map(|native| {
        let values = together_and_alone(native);
        let dimensions = values[0].len();
        let vector = |values: Vec<Value>| {
            Value::Vector(values.into_iter().cycle().take(dimensions).collect())
        };
        let vectors = values.into_iter().map(vector).collect::<Vec<_>>();
        Column::new(CqlType::vector(native.into(), dimensions), vectors)
    });
    let mut columns = of_natives.collect::<Vec<_>>();
    let of_texts = CqlType::vector(NativeType::Text.into(), 2);
    let texts =
        |first: &str| Value::Vector(vec![Value::Text(first.into()), Value::Text("x".repeat(200))]);
    let of_ints = CqlType::vector(NativeType::Int.into(), 2);
    let ints = |first| Value::Vector(vec![Value::Int(first), Value::Int(i32::MIN)]);
    let lists = CqlType::List(Box::new(of_ints.clone()));
    columns.extend([
        many(NativeType::Float, vec![Value::Float(-1.5); 1_536]),
        many(NativeType::Double, vec![Value::Double(f64::MAX); 8_192]),
        many(NativeType::Boolean, vec![Value::Boolean(true)]),
        Column::new(
            CqlType::vector(of_texts.clone(), 2),
            [Value::Vector(vec![texts(""), texts("é")])],
        ),
        Column::new(CqlType::vector(of_ints.clone(), 2), [Value::Vector(vec![ints(1), ints(2)])]),
        Column::new(
            CqlType::vector(lists.clone(), 2),
            [Value::Vector(vec![Value::List(vec![]), Value::List(vec![ints(1), ints(2)])])],
        ),
        Column::new(CqlType::Set(Box::new(of_texts)), [Value::Set(vec![texts("a"), texts("b")])]),
        Column::new(
            CqlType::Map(Box::new((of_ints.clone(), of_ints))),
            [Value::Map(vec![(ints(1), ints(2)), (ints(3), ints(4))])],
        ),
        Column::new(
            CqlType::vector(CqlType::Udt(udt.clone()), 1),
            [Value::Vector(vec![Value::Udt {
                udt: udt.clone(),
                fields: vec![Value::Int(1), Value::Text("x".into())],
            }])],
        ),
    ]);
    columns
}
