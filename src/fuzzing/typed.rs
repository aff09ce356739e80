//! Values of a type, read as every Rust type that goes with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use uuid::Uuid;

use crate::types::{
    Cell, CqlType, Date, Decimal, Duration, Elements, FromCql, MaybeEmpty, Time, Timestamp, ToCql,
    Value, Varint,
};
use crate::wire::{Reader, Writer};

/// A type, and a value of it.
pub fn typed(data: &[u8]) {
    let mut reader = Reader::new(data);
    let Ok(cql_type) = CqlType::decode(&mut reader) else { return };
    let value = Bytes::copy_from_slice(reader.take_rest());
    for survives in TYPES {
        survives(&cql_type, &value);
    }
    if <Elements<'_, &str> as FromCql>::check(&cql_type).is_ok() {
        let elements = Elements::<&str>::from_cell(Cell::new(&value), &cql_type);
        let elements = elements.and_then(Iterator::collect::<Result<Vec<_>, _>>);
        assert_eq!(elements, Vec::from_cell(Cell::new(&value), &cql_type));
    }
}

/// What goes with a type must read its values or say why not; what it reads it writes and reads
/// again.
const TYPES: [fn(&CqlType, &Bytes); 34] = [
    survives::<bool>,
    survives::<i8>,
    survives::<i16>,
    survives::<i32>,
    survives::<i64>,
    survives::<f32>,
    survives::<f64>,
    survives::<String>,
    survives::<Vec<u8>>,
    survives::<Bytes>,
    survives::<Uuid>,
    survives::<IpAddr>,
    survives::<Ipv4Addr>,
    survives::<Ipv6Addr>,
    survives::<Date>,
    survives::<Time>,
    survives::<Timestamp>,
    survives::<Duration>,
    survives::<Varint>,
    survives::<Decimal>,
    survives::<Option<i32>>,
    survives::<MaybeEmpty<i32>>,
    survives::<Vec<Option<String>>>,
    survives::<Vec<f32>>,
    survives::<Vec<MaybeEmpty<i64>>>,
    survives::<[f32; 3]>,
    survives::<[String; 2]>,
    survives::<BTreeSet<String>>,
    survives::<BTreeSet<Vec<i32>>>,
    survives::<BTreeMap<i32, Option<String>>>,
    survives::<BTreeMap<String, Vec<Bytes>>>,
    survives::<(Option<i32>, Option<String>)>,
    survives::<Vec<(i32, Vec<String>)>>,
    survives::<Value>,
];

fn survives<T: ToCql + for<'r> FromCql<'r>>(cql_type: &CqlType, value: &Bytes) {
    // Not the other way round: an array is written as a list, whose length nobody knows beforehand.
    if <T as FromCql>::check(cql_type).is_err() {
        return;
    }
    <T as ToCql>::check(cql_type).expect("a type that it is read from, it is written to");
    let Ok(read) = T::from_cell(Cell::new(value), cql_type) else { return };
    let written = write(&read, cql_type);
    let again = T::from_cell(Cell::new(&written), cql_type).expect("what we write we read");
    // By their bytes, for not a number is not itself.
    assert_eq!(write(&again, cql_type), written);
}

/// The bytes of a value, without their length.
fn write(value: &impl ToCql, cql_type: &CqlType) -> Vec<u8> {
    let mut out = Vec::new();
    value.to_cql(cql_type, &mut Writer::new(&mut out)).expect("what was read can be written");
    out.split_off(4)
}
