//! The target that decodes a value as each Rust type that its CQL type supports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use uuid::Uuid;

use crate::types::{
    Cell, CqlType, Date, Decimal, Duration, Elements, FromCql, MaybeEmpty, Time, Timestamp, ToCql,
    Value, Varint,
};
use crate::wire::{Reader, Writer};

/// Decodes a CQL type, and the rest of `data` as a value of this type, once for each Rust type that
/// `TYPES` lists.
pub fn typed(data: &[u8]) {
    let mut reader = Reader::new(data);
    let Ok(cql_type) = CqlType::decode(&mut reader) else { return };
    let value = Bytes::copy_from_slice(reader.take_rest());
    for assert_type_round_trips in TYPES {
        assert_type_round_trips(&cql_type, &value);
    }
    if <Elements<'_, &str> as FromCql>::check(&cql_type).is_ok() {
        let elements = Elements::<&str>::from_cell(Cell::new(&value), &cql_type);
        let elements = elements.and_then(Iterator::collect::<Result<Vec<_>, _>>);
        assert_eq!(elements, Vec::from_cell(Cell::new(&value), &cql_type));
    }
}

/// The round-trip check of each Rust type.
const TYPES: [fn(&CqlType, &Bytes); 34] = [
    assert_round_trips::<bool>,
    assert_round_trips::<i8>,
    assert_round_trips::<i16>,
    assert_round_trips::<i32>,
    assert_round_trips::<i64>,
    assert_round_trips::<f32>,
    assert_round_trips::<f64>,
    assert_round_trips::<String>,
    assert_round_trips::<Vec<u8>>,
    assert_round_trips::<Bytes>,
    assert_round_trips::<Uuid>,
    assert_round_trips::<IpAddr>,
    assert_round_trips::<Ipv4Addr>,
    assert_round_trips::<Ipv6Addr>,
    assert_round_trips::<Date>,
    assert_round_trips::<Time>,
    assert_round_trips::<Timestamp>,
    assert_round_trips::<Duration>,
    assert_round_trips::<Varint>,
    assert_round_trips::<Decimal>,
    assert_round_trips::<Option<i32>>,
    assert_round_trips::<MaybeEmpty<i32>>,
    assert_round_trips::<Vec<Option<String>>>,
    assert_round_trips::<Vec<f32>>,
    assert_round_trips::<Vec<MaybeEmpty<i64>>>,
    assert_round_trips::<[f32; 3]>,
    assert_round_trips::<[String; 2]>,
    assert_round_trips::<BTreeSet<String>>,
    assert_round_trips::<BTreeSet<Vec<i32>>>,
    assert_round_trips::<BTreeMap<i32, Option<String>>>,
    assert_round_trips::<BTreeMap<String, Vec<Bytes>>>,
    assert_round_trips::<(Option<i32>, Option<String>)>,
    assert_round_trips::<Vec<(i32, Vec<String>)>>,
    assert_round_trips::<Value>,
];

/// Asserts that `value` survives a round trip. Does nothing if `T` does not support `cql_type`, or if
/// `value` is not a valid `T`.
fn assert_round_trips<T: ToCql + for<'r> FromCql<'r>>(cql_type: &CqlType, value: &Bytes) {
    // Every type that decodes must also encode. The reverse does not hold: an array encodes as a list,
    // but no list decodes as an array, because a list may have any length.
    if <T as FromCql>::check(cql_type).is_err() {
        return;
    }
    <T as ToCql>::check(cql_type).expect("a type that decodes also encodes");
    let Ok(decoded) = T::from_cell(Cell::new(value), cql_type) else { return };
    let encoded = encode(&decoded, cql_type);
    let again = T::from_cell(Cell::new(&encoded), cql_type).expect("an encoded value decodes");
    // NaN differs from itself, so the bytes are compared.
    assert_eq!(encode(&again, cql_type), encoded);
}

/// Returns the encoded value without its length.
fn encode(value: &impl ToCql, cql_type: &CqlType) -> Vec<u8> {
    let mut out = Vec::new();
    value.to_cql(cql_type, &mut Writer::new(&mut out)).expect("a decoded value encodes");
    out.split_off(4)
}
