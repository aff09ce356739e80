//! Invalid values. For each Rust type that reads them, the error must name the row, the column and
//! the fault.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use cqlwire::types::{
    ColumnSpec, CqlType, Date, Decimal, Duration, FromCql, NativeType, RowIter, Time, Timestamp,
    Value, Varint,
};
use uuid::Uuid;

/// Returns the error of reading `bytes` as a `T`, without its location. The value is in the second row
/// and the second column of a page.
fn error<T>(cql_type: &CqlType, bytes: &[u8]) -> String
where
    T: for<'r> FromCql<'r> + std::fmt::Debug,
{
    let columns = [("k", &NativeType::Int.into()), ("v", cql_type)]
        .map(|(name, cql_type)| ColumnSpec::new("ks", "t", name, cql_type.clone()));
    let mut page = b"\0\0\0\x04\0\0\0\x01\xff\xff\xff\xff\0\0\0\x04\0\0\0\x02".to_vec();
    page.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    page.extend(bytes);
    let page = Bytes::from(page);
    let mut rows = RowIter::<(i32, Option<T>)>::new(&page, &columns, 2).unwrap();
    assert!(matches!(rows.next(), Some(Ok((1, None)))));
    let error = rows.next().unwrap().unwrap_err();
    assert_eq!((error.row(), error.column()), (1, 1));
    let text = error.to_string();
    let place = format!("cannot read row 1, column 1 \"v\" of type `{cql_type}`: ");
    text.strip_prefix(&place).unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// Asserts that reading the bytes as each of the Rust types fails with this message.
macro_rules! assert_fails {
    ($cql_type:expr, $bytes:expr, $message:expr; $($rust:ty),+) => {
        $( assert_eq!(error::<$rust>(&CqlType::from($cql_type.clone()), &$bytes), $message); )+
    };
}

fn list(of: NativeType) -> CqlType {
    CqlType::List(Box::new(of.into()))
}

fn set(of: NativeType) -> CqlType {
    CqlType::Set(Box::new(of.into()))
}

fn map(key: NativeType, value: NativeType) -> CqlType {
    CqlType::Map(Box::new((key.into(), value.into())))
}

use NativeType as Is;

#[test]
fn refuses_values_of_a_wrong_size() {
    assert_fails!(Is::Boolean, [1, 0], "the value has 2 bytes, but its type takes 1"; bool, Value);
    assert_fails!(Is::TinyInt, [0; 2], "the value has 2 bytes, but its type takes 1"; i8, Value);
    assert_fails!(Is::SmallInt, [0; 4], "the value has 4 bytes, but its type takes 2"; i16, Value);
    assert_fails!(Is::Int, [0; 8], "the value has 8 bytes, but its type takes 4"; i32, Value);
    assert_fails!(Is::BigInt, [0; 4], "the value has 4 bytes, but its type takes 8"; i64, Value);
    assert_fails!(Is::Counter, [0; 4], "the value has 4 bytes, but its type takes 8"; i64, Value);
    assert_fails!(Is::Float, [0; 8], "the value has 8 bytes, but its type takes 4"; f32, Value);
    assert_fails!(Is::Double, [0; 4], "the value has 4 bytes, but its type takes 8"; f64, Value);
    assert_fails!(Is::Date, [0; 5], "the value has 5 bytes, but its type takes 4"; Date, Value);
    assert_fails!(Is::Time, [0; 7], "the value has 7 bytes, but its type takes 8"; Time, Value);
    assert_fails!(Is::Timestamp, [0; 9], "the value has 9 bytes, but its type takes 8"; Timestamp, Value);
    assert_fails!(Is::Uuid, [0; 15], "the value has 15 bytes, but its type takes 16"; Uuid, Value);
    assert_fails!(Is::TimeUuid, [0; 17], "the value has 17 bytes, but its type takes 16"; Uuid, Value);
    assert_fails!(Is::Inet, [0; 5], "the value has 5 bytes, but its type takes 4"; IpAddr, Value);
    assert_fails!(Is::Inet, [0; 16], "the value has 16 bytes, but its type takes 4"; Ipv4Addr);
    assert_fails!(Is::Inet, [0; 4], "the value has 4 bytes, but its type takes 16"; Ipv6Addr);
    assert_fails!(Is::Decimal, [0, 0, 0], "the value ends inside one of its parts"; Decimal, Value);
    assert_fails!(Is::Decimal, [0; 4], "the value ends inside one of its parts"; Decimal, Value);
    assert_fails!(Is::Duration, [0, 0], "the value ends inside one of its parts"; Duration, Value);
    assert_fails!(Is::Duration, [0; 4], "the value has extra bytes after its last part"; Duration, Value);
}

#[test]
fn refuses_empty_values_that_the_rust_type_cannot_represent() {
    const EMPTY: &str = "the value is empty (0 bytes), which the Rust type cannot represent";
    assert_fails!(Is::Int, [], EMPTY; i32);
    assert_fails!(Is::Varint, [], EMPTY; Varint);
    assert_fails!(Is::Decimal, [], EMPTY; Decimal);
    assert_fails!(Is::Duration, [], EMPTY; Duration);
    assert_fails!(Is::Inet, [], EMPTY; IpAddr);
    assert_fails!(list(Is::Int), [], EMPTY; Vec<i32>);
    assert_fails!(map(Is::Int, Is::Int), [], EMPTY; BTreeMap<i32, i32>);
    assert_fails!(CqlType::Tuple(vec![Is::Int.into()]), [], EMPTY; (Option<i32>,));
}

#[test]
fn refuses_values_out_of_range() {
    const RANGE: &str = "the value is out of range for its CQL type";
    assert_fails!(Is::Time, 86_400_000_000_000_i64.to_be_bytes(), RANGE; Time, Value);
    assert_fails!(Is::Time, (-1_i64).to_be_bytes(), RANGE; Time, Value);
    // Months and days of opposite signs, and more months than an `int` can hold.
    assert_fails!(Is::Duration, [2, 1, 0], RANGE; Duration, Value);
    assert_fails!(Is::Duration, [0xf1, 0, 0, 0, 0, 0, 0], RANGE; Duration, Value);
}

#[test]
fn refuses_invalid_text() {
    const UTF8: &str = "the text is not valid UTF-8";
    assert_fails!(Is::Text, [b'a', 0xff], UTF8; String, Box<str>, Value);
    // A truncated character, an overlong encoding, and a surrogate.
    assert_fails!(Is::Text, [0xc3], UTF8; String, Value);
    assert_fails!(Is::Text, [0xe0, 0x80, 0x80], UTF8; String, Value);
    assert_fails!(Is::Text, [0xed, 0xa0, 0x80], UTF8; String, Value);
    assert_fails!(Is::Ascii, "é".as_bytes(), "the text is not US-ASCII"; String, Value);
    assert_fails!(list(Is::Text), [0, 0, 0, 1, 0, 0, 0, 1, 0xff], UTF8; Vec<String>, Value);
}

#[test]
fn refuses_collections_with_a_wrong_element_count() {
    let count = |count: i32| format!("the value has an invalid element count: {count}");
    let (ints, pairs) = (list(Is::Int), map(Is::Int, Is::Int));
    assert_fails!(ints, i32::MAX.to_be_bytes(), count(i32::MAX); Vec<i32>, Value);
    assert_fails!(ints, (-1_i32).to_be_bytes(), count(-1); Vec<i32>, Value);
    assert_fails!(pairs, [0, 0, 0, 1, 0, 0, 0, 0], count(1); BTreeMap<i32, i32>, HashMap<i32, i32>, Value);
    assert_fails!(ints, [0, 0], "the value ends inside one of its parts"; Vec<i32>, Value);
    assert_fails!(ints, [0, 0, 0, 1, 0, 0, 0, 9, 0], "the value ends inside one of its parts"; Vec<i32>, Value);
    assert_fails!(ints, [0; 5], "the value has extra bytes after its last part"; Vec<i32>, Value);
    let one_and_more = [0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7, 1];
    assert_fails!(ints, one_and_more, "the value has extra bytes after its last part"; Vec<i32>, Value);
    let with_null = [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff];
    const NULL: &str = "the value is null, but the Rust type is not an `Option`";
    assert_fails!(ints, with_null, NULL; Vec<i32>);
    assert_fails!(set(Is::Int), with_null, NULL; BTreeSet<i32>, HashSet<i32>);
}

#[test]
fn refuses_sets_and_maps_with_duplicates() {
    const TWICE: &str = "the value has a duplicate element or key";
    let twice = [&[0, 0, 0, 2][..], &[0, 0, 0, 4, 0, 0, 0, 7].repeat(2)].concat();
    assert_fails!(set(Is::Int), twice, TWICE; BTreeSet<i32>, HashSet<i32>);
    let twice = [&[0, 0, 0, 2][..], &[0, 0, 0, 4, 0, 0, 0, 7].repeat(4)].concat();
    assert_fails!(map(Is::Int, Is::Int), twice, TWICE; BTreeMap<i32, i32>, HashMap<i32, i32>);
}

#[test]
fn refuses_tuples_and_vectors_of_a_wrong_length() {
    let pair = CqlType::Tuple(vec![Is::Int.into(), Is::Int.into()]);
    let field = [0, 0, 0, 4, 0, 0, 0, 7];
    const NULL: &str = "the value is null, but the Rust type is not an `Option`";
    assert_fails!(pair, field, NULL; (i32, i32));
    assert_fails!(pair, field.repeat(3), "the value has extra bytes after its last part"; (i32, i32), Value);
    assert_fails!(pair, field[..7], "the value ends inside one of its parts"; (i32, i32), Value);
    let floats = CqlType::vector(Is::Float.into(), 2);
    assert_fails!(floats, [0; 4], "the value ends inside one of its parts"; Vec<f32>, [f32; 2], Value);
    assert_fails!(floats, [0; 12], "the value has extra bytes after its last part"; Vec<f32>, [f32; 2], Value);
    let texts = CqlType::vector(Is::Text.into(), 2);
    assert_fails!(texts, [1, b'a', 9], "the value ends inside one of its parts"; Vec<String>, Value);
    assert_fails!(texts, [0, 0, 0], "the value has extra bytes after its last part"; Vec<String>, Value);
}

/// An implementation that expands the scale, or is quadratic in the digits, would not finish.
#[test]
fn reads_huge_numbers_in_linear_time() {
    let digits = vec![0x55; 1 << 20];
    let varint: Varint = read(&Is::Varint.into(), &digits);
    assert_eq!(varint.as_bytes(), digits);
    for scale in [i32::MIN, i32::MAX] {
        let bytes = [&scale.to_be_bytes()[..], &digits].concat();
        let decimal: Decimal = read(&Is::Decimal.into(), &bytes);
        assert_eq!((decimal.scale, decimal.unscaled.as_bytes()), (scale, &digits[..]));
        let small: Decimal = read(&Is::Decimal.into(), &[&scale.to_be_bytes()[..], &[7]].concat());
        assert!(small.to_string().len() < 20, "{small}");
    }
}

fn read<'r, T: FromCql<'r>>(cql_type: &'r CqlType, bytes: &'r [u8]) -> T {
    T::from_cell(cqlwire::types::Cell::new(bytes), cql_type).unwrap()
}
