//! Rust values of every kind: the same through the wire, and the same to the dynamic value.

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

/// Many values of a Rust type, written and read as themselves, as dynamic values, and as borrowed.
fn survive<T>(cql_type: impl Into<CqlType>, values: impl Strategy<Value = T>)
where
    T: ToCql + for<'r> FromCql<'r> + PartialEq + Debug,
{
    let cql_type = cql_type.into();
    <T as ToCql>::check(&cql_type).unwrap();
    <T as FromCql<'_>>::check(&cql_type).unwrap();
    let mut runner = TestRunner::default();
    let held = runner.run(&values, |value| {
        let bytes = write(&value, &cql_type);
        assert_eq!(T::from_cell(Cell::new(&bytes), &cql_type).as_ref(), Ok(&value));
        let dynamic = Value::decode(&cql_type, &bytes).unwrap();
        assert_eq!(write(&dynamic, &cql_type), bytes);
        Ok(())
    });
    held.unwrap_or_else(|error| panic!("{cql_type}: {error}"));
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
    survive(Is::Boolean, any::<bool>());
    survive(Is::TinyInt, any::<i8>());
    survive(Is::SmallInt, any::<i16>());
    survive(Is::Int, any::<i32>());
    survive(Is::BigInt, any::<i64>());
    survive(Is::Counter, any::<i64>());
    survive(Is::Float, any::<f32>());
    survive(Is::Double, any::<f64>());
    survive(Is::Text, text());
    survive(Is::Ascii, "[ -~]{0,12}");
    survive(Is::Blob, vec(any::<u8>(), 0..12));
    survive(Is::Inet, any::<IpAddr>());
    survive(Is::Inet, any::<Ipv4Addr>());
    survive(Is::Inet, any::<Ipv6Addr>());
    survive(Is::Uuid, any::<u128>().prop_map(Uuid::from_u128));
    survive(Is::TimeUuid, any::<u128>().prop_map(Uuid::from_u128));
    survive(Is::Date, any::<i32>().prop_map(Date));
    survive(Is::Time, (0..=Time::MAX.0).prop_map(Time));
    survive(Is::Timestamp, any::<i64>().prop_map(Timestamp));
    survive(Is::Varint, any::<i128>().prop_map(Varint::from));
    survive(Is::Varint, vec(any::<u8>(), 1..40).prop_map(|bytes| Varint::from_bytes(&bytes)));
    let digits = vec(any::<u8>(), 1..40).prop_map(|bytes| Varint::from_bytes(&bytes));
    let decimal = |(scale, unscaled)| Decimal { scale, unscaled };
    survive(Is::Decimal, (any::<i32>(), digits).prop_map(decimal));
    let duration = |(months, days, nanoseconds)| Duration { months, days, nanoseconds };
    survive(Is::Duration, (0..=i32::MAX, 0..=i32::MAX, 0..=i64::MAX).prop_map(duration));
    survive(Is::Duration, (i32::MIN..=0, i32::MIN..=0, i64::MIN..=0).prop_map(duration));
    let empty = prop_oneof![
        proptest::strategy::Just(MaybeEmpty::Empty),
        any::<i32>().prop_map(MaybeEmpty::Value)
    ];
    survive(Is::Int, empty);
}

#[test]
fn collections_round_trip_as_std_collections() {
    let (int, text_type) = (NativeType::Int, NativeType::Text);
    survive(list(int), vec(any::<Option<i32>>(), 0..5));
    survive(list(list(text_type)), vec(vec(text(), 0..3), 0..3));
    survive(set(text_type), btree_set(text(), 0..5));
    survive(set(int), hash_set(any::<i32>(), 0..5));
    survive(set(set(int)), btree_set(btree_set(any::<i32>(), 0..3), 0..3));
    survive(map(int, text_type), btree_map(any::<i32>(), text(), 0..5));
    survive(map(text_type, list(int)), hash_map(text(), vec(any::<i32>(), 0..3), 0..5));
    survive::<HashMap<i32, BTreeMap<String, HashSet<i64>>>>(
        map(int, map(text_type, set(NativeType::BigInt))),
        hash_map(any::<i32>(), btree_map(text(), hash_set(any::<i64>(), 0..3), 0..3), 0..3),
    );
    survive::<BTreeSet<Vec<u8>>>(set(NativeType::Blob), btree_set(vec(any::<u8>(), 0..4), 0..4));
}

#[test]
fn tuples_and_vectors_round_trip() {
    let (int, text_type) = (NativeType::Int, NativeType::Text);
    let pair = || CqlType::Tuple(vec![int.into(), text_type.into()]);
    survive(pair(), (any::<Option<i32>>(), proptest::option::of(text())));
    survive(list(pair()), vec((any::<i32>(), text()), 0..3));
    survive(CqlType::vector(NativeType::Float.into(), 3), any::<[f32; 3]>());
    survive(CqlType::vector(NativeType::Double.into(), 2), vec(any::<f64>(), 2));
    survive(CqlType::vector(NativeType::Boolean.into(), 4), any::<[bool; 4]>());
    survive(CqlType::vector(NativeType::TinyInt.into(), 4), any::<[i8; 4]>());
    survive(CqlType::vector(text_type.into(), 2), [text(), text()]);
    survive(CqlType::vector(list(int), 2), vec(vec(any::<i32>(), 0..3), 2));
    survive(
        CqlType::vector(CqlType::vector(NativeType::BigInt.into(), 2), 2),
        any::<[[i64; 2]; 2]>(),
    );
}
