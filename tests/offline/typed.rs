//! Rust values of every type round-trip through the wire format, alone and as dynamic values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cqlwire::types::{
    Cell, CqlType, Date, Decimal, Duration, FromCql, MaybeEmpty, NativeType, Time, Timestamp,
    ToCql, Value, Varint,
};
use cqlwire::wire::Writer;
use proptest::arbitrary::any;
use proptest::collection::{btree_map, btree_set, hash_map, hash_set, vec};
use proptest::prelude::{Strategy, prop_oneof};
use proptest::test_runner::TestRunner;
use uuid::Uuid;

/// Checks that generated values round-trip as `T`, and that decoding them as a [`Value`] and encoding
/// that gives the same bytes.
fn check_round_trips<T>(cql_type: impl Into<CqlType>, values: impl Strategy<Value = T>)
where
    T: ToCql + for<'r> FromCql<'r> + PartialEq + Debug,
{
    let cql_type = cql_type.into();
    <T as ToCql>::check(&cql_type).unwrap();
    <T as FromCql<'_>>::check(&cql_type).unwrap();
    let mut runner = TestRunner::default();
    let outcome = runner.run(&values, |value| {
        let bytes = write(&value, &cql_type);
        assert_eq!(T::from_cell(Cell::new(&bytes), &cql_type).as_ref(), Ok(&value));
        let dynamic = Value::decode(&cql_type, &bytes).unwrap();
        assert_eq!(write(&dynamic, &cql_type), bytes);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{cql_type}: {error}"));
}

fn write(value: &impl ToCql, cql_type: &CqlType) -> Vec<u8> {
    let mut out = Vec::new();
    value.to_cql(cql_type, &mut Writer::new(&mut out)).unwrap();
    out.split_off(4)
}

fn list(of: impl Into<CqlType>) -> CqlType {
    CqlType::List(Box::new(of.into()))
}

fn set(of: impl Into<CqlType>) -> CqlType {
    CqlType::Set(Box::new(of.into()))
}

fn map(key: impl Into<CqlType>, value: impl Into<CqlType>) -> CqlType {
    CqlType::Map(Box::new((key.into(), value.into())))
}

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

#[test]
fn native_values_round_trip_as_rust_values() {
    use NativeType as Is;
    check_round_trips(Is::Boolean, any::<bool>());
    check_round_trips(Is::TinyInt, any::<i8>());
    check_round_trips(Is::SmallInt, any::<i16>());
    check_round_trips(Is::Int, any::<i32>());
    check_round_trips(Is::BigInt, any::<i64>());
    check_round_trips(Is::Counter, any::<i64>());
    check_round_trips(Is::Float, any::<f32>());
    check_round_trips(Is::Double, any::<f64>());
    check_round_trips(Is::Text, text());
    check_round_trips(Is::Ascii, "[ -~]{0,12}");
    check_round_trips(Is::Blob, vec(any::<u8>(), 0..12));
    check_round_trips(Is::Inet, any::<IpAddr>());
    check_round_trips(Is::Inet, any::<Ipv4Addr>());
    check_round_trips(Is::Inet, any::<Ipv6Addr>());
    check_round_trips(Is::Uuid, any::<u128>().prop_map(Uuid::from_u128));
    check_round_trips(Is::TimeUuid, any::<u128>().prop_map(Uuid::from_u128));
    check_round_trips(Is::Date, any::<i32>().prop_map(Date));
    check_round_trips(Is::Time, (0..=Time::MAX.0).prop_map(Time));
    check_round_trips(Is::Timestamp, any::<i64>().prop_map(Timestamp));
    check_round_trips(Is::Varint, any::<i128>().prop_map(Varint::from));
    check_round_trips(
        Is::Varint,
        vec(any::<u8>(), 1..40).prop_map(|bytes| Varint::from_bytes(&bytes)),
    );
    let digits = vec(any::<u8>(), 1..40).prop_map(|bytes| Varint::from_bytes(&bytes));
    let decimal = |(scale, unscaled)| Decimal { scale, unscaled };
    check_round_trips(Is::Decimal, (any::<i32>(), digits).prop_map(decimal));
    let duration = |(months, days, nanoseconds)| Duration { months, days, nanoseconds };
    check_round_trips(Is::Duration, (0..=i32::MAX, 0..=i32::MAX, 0..=i64::MAX).prop_map(duration));
    check_round_trips(Is::Duration, (i32::MIN..=0, i32::MIN..=0, i64::MIN..=0).prop_map(duration));
    let empty = prop_oneof![
        proptest::strategy::Just(MaybeEmpty::Empty),
        any::<i32>().prop_map(MaybeEmpty::Value)
    ];
    check_round_trips(Is::Int, empty);
}

#[test]
fn collections_round_trip_as_std_collections() {
    let (int, text_type) = (NativeType::Int, NativeType::Text);
    check_round_trips(list(int), vec(any::<Option<i32>>(), 0..5));
    check_round_trips(list(list(text_type)), vec(vec(text(), 0..3), 0..3));
    check_round_trips(set(text_type), btree_set(text(), 0..5));
    check_round_trips(set(int), hash_set(any::<i32>(), 0..5));
    check_round_trips(set(set(int)), btree_set(btree_set(any::<i32>(), 0..3), 0..3));
    check_round_trips(map(int, text_type), btree_map(any::<i32>(), text(), 0..5));
    check_round_trips(map(text_type, list(int)), hash_map(text(), vec(any::<i32>(), 0..3), 0..5));
    check_round_trips::<HashMap<i32, BTreeMap<String, HashSet<i64>>>>(
        map(int, map(text_type, set(NativeType::BigInt))),
        hash_map(any::<i32>(), btree_map(text(), hash_set(any::<i64>(), 0..3), 0..3), 0..3),
    );
    check_round_trips::<BTreeSet<Vec<u8>>>(
        set(NativeType::Blob),
        btree_set(vec(any::<u8>(), 0..4), 0..4),
    );
}

#[test]
fn tuples_and_vectors_round_trip() {
    let (int, text_type) = (NativeType::Int, NativeType::Text);
    let pair = || CqlType::Tuple(vec![int.into(), text_type.into()]);
    check_round_trips(pair(), (any::<Option<i32>>(), proptest::option::of(text())));
    check_round_trips(list(pair()), vec((any::<i32>(), text()), 0..3));
    check_round_trips(CqlType::vector(NativeType::Float.into(), 3), any::<[f32; 3]>());
    check_round_trips(CqlType::vector(NativeType::Double.into(), 2), vec(any::<f64>(), 2));
    check_round_trips(CqlType::vector(NativeType::Boolean.into(), 4), any::<[bool; 4]>());
    check_round_trips(CqlType::vector(NativeType::TinyInt.into(), 4), any::<[i8; 4]>());
    check_round_trips(CqlType::vector(text_type.into(), 2), [text(), text()]);
    check_round_trips(CqlType::vector(list(int), 2), vec(vec(any::<i32>(), 0..3), 2));
    check_round_trips(
        CqlType::vector(CqlType::vector(NativeType::BigInt.into(), 2), 2),
        any::<[[i64; 2]; 2]>(),
    );
}
