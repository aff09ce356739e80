//! The order of keys, compared with an order that is written without the encoding.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::ops::{Bound, RangeBounds};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::*;
use crate::types::{Date, Decimal, NativeType, Time, Timestamp, Varint};

fn key(value: &Value) -> ClusteringKey {
    ClusteringKey::of(value)
}

/// Compares two values of one type as the comparators of Cassandra do.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null | Value::Empty, _) | (_, Value::Null | Value::Empty) => {
            let rank = |value: &Value| match value {
                Value::Null => 0,
                Value::Empty => 1,
                _ => 2,
            };
            rank(a).cmp(&rank(b))
        }
        (Value::Double(a), Value::Double(b)) => match (a.is_nan(), b.is_nan()) {
            (false, false) => a.total_cmp(b),
            (a, b) => a.cmp(&b),
        },
        (Value::Float(a), Value::Float(b)) => match (a.is_nan(), b.is_nan()) {
            (false, false) => a.total_cmp(b),
            (a, b) => a.cmp(&b),
        },
        (Value::Decimal(a), Value::Decimal(b)) => {
            // 10^scale is small enough to compare the numbers as integers of the same scale.
            let scaled = |number: &Decimal, to: i32| {
                number.unscaled.to_i128().unwrap() * 10_i128.pow(u32::try_from(to).unwrap())
            };
            let scale = a.scale.max(b.scale);
            scaled(a, scale - a.scale).cmp(&scaled(b, scale - b.scale))
        }
        (Value::Inet(a), Value::Inet(b)) => {
            let octets = |address: &IpAddr| match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            octets(a).cmp(&octets(b))
        }
        (Value::Uuid(a), Value::Uuid(b)) => {
            let time = |uuid: &Uuid| match uuid.get_version_num() {
                1 => u128::from(uuid.get_timestamp().unwrap().to_gregorian().0),
                _ => uuid.as_u128() >> 64,
            };
            let rest = |uuid: &Uuid| uuid.as_u64_pair().1;
            let version = |uuid: &Uuid| uuid.as_bytes()[6] >> 4;
            let by_version = version(a).cmp(&version(b));
            by_version.then(time(a).cmp(&time(b))).then(rest(a).cmp(&rest(b)))
        }
        (Value::TimeUuid(a), Value::TimeUuid(b)) => {
            let time = |uuid: &Uuid| uuid.get_timestamp().unwrap().to_gregorian().0;
            let rest = |uuid: &Uuid| -> Vec<i8> {
                uuid.as_bytes()[8..].iter().map(|byte| byte.cast_signed()).collect()
            };
            time(a).cmp(&time(b)).then(rest(a).cmp(&rest(b)))
        }
        (Value::List(a), Value::List(b))
        | (Value::Set(a), Value::Set(b))
        | (Value::Vector(a), Value::Vector(b)) => compare_all(a, b),
        (Value::Map(a), Value::Map(b)) => {
            let flat = |entries: &[(Value, Value)]| -> Vec<Value> {
                entries.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect()
            };
            compare_all(&flat(a), &flat(b))
        }
        (Value::Tuple(a), Value::Tuple(b)) => {
            let length = a.len().max(b.len());
            let padded = |fields: &[Value]| {
                let mut fields = fields.to_vec();
                fields.resize(length, Value::Null);
                fields
            };
            compare_all(&padded(a), &padded(b))
        }
        (a, b) => a.cmp(b),
    }
}

fn compare_all(a: &[Value], b: &[Value]) -> Ordering {
    let by_element = a.iter().zip(b).map(|(a, b)| compare(a, b));
    by_element.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
}

/// Returns a strategy for two values of the same type.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    fn two<T: std::fmt::Debug + 'static>(
        of: impl Strategy<Value = T> + 'static,
        value: impl Fn(T) -> Value + Copy + 'static,
    ) -> BoxedStrategy<(Value, Value)> {
        let of = of.boxed();
        let of = prop_oneof![1 => Just(Value::Empty), 20 => of.prop_map(value)].boxed();
        (of.clone(), of).boxed()
    }
    let bytes = || vec(select(vec![0, 1, 0x7f, 0x80, 0xfe, 0xff]), 0..4);
    let time_uuid = || {
        let time = select(vec![0_u64, 1, 1 << 31, 1 << 32, 1 << 48, (1 << 60) - 1]);
        (time, any::<u16>(), select(vec![0_u8, 1, 0x7f, 0x80, 0xff])).prop_map(
            |(time, counter, node)| {
                uuid::Builder::from_gregorian_timestamp(time, counter, &[node; 6]).into_uuid()
            },
        )
    };
    let uuid = prop_oneof![
        time_uuid(),
        any::<u128>().prop_map(|bits| {
            let bits = uuid::Builder::from_u128(bits).with_version(uuid::Version::Random);
            bits.into_uuid()
        }),
        select(vec![Uuid::nil(), Uuid::max()]),
    ];
    let decimal =
        (-2_000_i64..2_000, 0_i32..8).prop_map(|(digits, scale)| Decimal::new(digits, scale));
    let double = prop_oneof![
        any::<f64>(),
        select(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ];
    let scalar = prop_oneof![
        two(any::<i8>(), Value::TinyInt),
        two(any::<i16>(), Value::SmallInt),
        two(any::<i32>(), Value::Int),
        two(any::<i64>(), Value::BigInt),
        two(any::<i64>(), |number| Value::Timestamp(Timestamp(number))),
        two(any::<i32>(), |number| Value::Date(Date(number))),
        two(0..=Time::MAX.0, |number| Value::Time(Time(number))),
        two(any::<bool>(), Value::Boolean),
        two(any::<f32>(), Value::Float),
        two(double, Value::Double),
        two(bytes(), |bytes| Value::Varint(Varint::from_bytes(&bytes))),
        two(decimal, Value::Decimal),
        two("[a\u{0}\u{1}\u{ff}]{0,4}", Value::Text),
        two(bytes(), |bytes| Value::Blob(bytes.into())),
        two(any::<IpAddr>(), Value::Inet),
        two(uuid, Value::Uuid),
        two(time_uuid(), Value::TimeUuid),
    ];
    scalar.prop_recursive(3, 32, 4, |inner| {
        let lists = |build: fn(Vec<Value>) -> Value| {
            move |pairs: Vec<(Value, Value)>| {
                let (a, mut b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
                if b.len() > 2 {
                    b.pop();
                }
                (build(a), build(b))
            }
        };
        // The pairs of one list have different types; each position has one type.
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(lists(Value::Tuple)),
            vec(inner.clone(), 0..4).prop_map(lists(Value::List)),
            (inner.clone(), inner.clone()).prop_map(|((k, l), (v, w))| {
                (Value::Map(vec![(k, v)]), Value::Map(vec![(l, w)]))
            }),
            inner.prop_map(|(a, b)| {
                (
                    Value::Tuple(vec![Value::Null, a]),
                    Value::Tuple(vec![Value::Null, b, Value::Null]),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn the_order_of_the_bytes_is_the_order_of_the_values(
        (a, b) in pair(),
        (c, d) in pair(),
    ) {
        prop_assert_eq!(key(&a).cmp(&key(&b)), compare(&a, &b), "{} {}", a, b);
        let keys = [(&a, &c), (&b, &d)].map(|(first, second)| {
            ClusteringKey::new([(first, true), (second, false)])
        });
        let expected = compare(&b, &a).then(compare(&c, &d));
        prop_assert_eq!(keys[0].cmp(&keys[1]), expected);
    }

    #[test]
    fn the_range_of_a_prefix_has_the_keys_that_begin_with_its_values(
        (a, b) in pair(),
        (c, _) in pair(),
        is_descending: bool,
    ) {
        let prefix = ClusteringKey::new([(&a, is_descending)]);
        let row = ClusteringKey::new([(&b, is_descending), (&c, true)]);
        let is_within = prefix.prefix_range().contains(&row);
        prop_assert_eq!(is_within, compare(&a, &b) == Ordering::Equal);
    }
}

#[test]
fn unusual_values_have_the_order_of_cassandra() {
    let uuid = |text: &str| Value::Uuid(text.parse().unwrap());
    let time = |text: &str| Value::TimeUuid(text.parse().unwrap());
    let text = |text: &str| Value::Text(text.to_owned());
    let decimal = |number: &str| Value::Decimal(number.parse().unwrap());
    let inet = |address: &str| Value::Inet(address.parse().unwrap());
    let orders = [
        // Version 1 is before version 4, and ordered by time.
        vec![
            uuid("00000001-0000-1000-8000-000000000000"),
            uuid("ffffffff-0000-1000-8000-000000000000"),
            uuid("00000000-0001-1000-8000-000000000000"),
            uuid("00000000-0000-4000-8000-000000000000"),
            uuid("00000000-0000-4000-8000-0000000000ff"),
        ],
        // The bytes after the time are signed.
        vec![
            time("00000000-0000-1000-8000-0000000000ff"),
            time("00000000-0000-1000-8000-000000000000"),
            time("00000000-0000-1000-8000-00000000007f"),
            time("00000001-0000-1000-8000-000000000000"),
        ],
        vec![Value::Empty, text(""), text("\0"), text("a"), text("a\0"), text("ab"), text("b")],
        vec![
            decimal("-1E+1000000000"),
            decimal("-10.5"),
            decimal("-1.5"),
            decimal("-0.001"),
            decimal("0.00"),
            decimal("1E-1000000000"),
            decimal("0.09"),
            decimal("0.1"),
            decimal("9"),
            decimal("10"),
            decimal("10.01"),
        ],
        vec![
            Value::Double(f64::NEG_INFINITY),
            Value::Double(-0.0),
            Value::Double(0.0),
            Value::Double(f64::INFINITY),
            Value::Double(f64::NAN),
        ],
        // Bytes, of which an IPv4 address has fewer.
        vec![inet("::1"), inet("1.2.3.4"), inet("102:304::"), inet("200.0.0.1"), inet("ff02::1")],
        vec![
            Value::Tuple(vec![]),
            Value::Tuple(vec![Value::Null, Value::Int(-1)]),
            Value::Tuple(vec![Value::Int(-1)]),
            Value::Tuple(vec![Value::Int(-1), Value::Int(-1)]),
        ],
    ];
    for order in orders {
        assert!(order.is_sorted_by_key(key), "{order:?}");
        let mut keys: Vec<_> = order.iter().map(key).collect();
        keys.dedup();
        assert_eq!(keys.len(), order.len(), "{order:?}");
    }
    assert_eq!(key(&decimal("1.0")), key(&decimal("1.00")));
    assert_eq!(key(&decimal("0")), key(&decimal("0E+10")));
    assert_eq!(key(&Value::Float(f32::NAN)), key(&Value::Float(-f32::NAN)));
}

#[test]
fn a_partition_key_has_the_bytes_and_the_token_of_the_routing_key() {
    let (int, text) = (CqlType::from(NativeType::Int), CqlType::from(NativeType::Text));
    let user = PartitionKey::new(&[(&Value::Text("user_7".into()), &text)]).unwrap();
    assert_eq!(user.bytes(), b"user_7");
    let two =
        PartitionKey::new(&[(&Value::Int(1), &int), (&Value::Text("a".into()), &text)]).unwrap();
    assert_eq!(two.bytes(), [0, 4, 0, 0, 0, 1, 0, 0, 1, b'a', 0]);
    assert_eq!(PartitionKey::from_bytes(two.bytes()), two);
    assert!(PartitionKey::least(two.token()) < two && two < PartitionKey::least(two.token() + 1));
    // The order of the users in Cassandra.
    let mut users: Vec<_> = (0..10)
        .map(|user| (PartitionKey::from_bytes(format!("user_{user}").into_bytes()), user))
        .collect();
    users.sort();
    let users: Vec<_> = users.into_iter().map(|(_, user)| user).collect();
    assert_eq!(users, [7, 6, 1, 2, 4, 9, 3, 8, 5, 0]);
}

#[test]
fn refuses_empty_and_long_partition_keys() {
    let text = CqlType::from(NativeType::Text);
    let error = |values: &[(&Value, &CqlType)]| PartitionKey::new(values).unwrap_err().message;
    let (empty, long) = (Value::Text(String::new()), Value::Text("a".repeat(65_536)));
    assert_eq!(error(&[(&empty, &text)]), "Key may not be empty");
    let too_long = "Key length of 65536 is longer than maximum of 65535";
    assert_eq!(error(&[(&long, &text)]), too_long);
    assert_eq!(error(&[(&long, &text), (&empty, &text)]), too_long);
    assert!(PartitionKey::new(&[(&empty, &text), (&empty, &text)]).is_ok());
}

#[test]
fn the_range_of_the_greatest_prefix_has_no_upper_bound() {
    assert_eq!(ClusteringKey::from_bytes([0xff, 0xff]).prefix_end(), Bound::Unbounded);
    let end = ClusteringKey::from_bytes([1, 0xff]).prefix_end();
    assert_eq!(end, Bound::Excluded(ClusteringKey::from_bytes([2])));
}
