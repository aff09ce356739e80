//! Equality, order and hash of [`Value`].

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use uuid::Uuid;

use super::{Date, Decimal, Time, Timestamp, UdtType, Value, Varint};

/// Values are equal if their types and their contents are equal. Floating-point numbers are compared
/// by their bits: NaN equals itself, and 0.0 differs from -0.0.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Values of the same variant are ordered like the Rust values that they contain. Values of
/// different variants are ordered like the variants of the enum. This order differs from the
/// server's clustering order.
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// The sort key of a value: its content, with floating-point numbers mapped to integers.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key<'v> {
    Null,
    Empty,
    Ascii(&'v str),
    BigInt(i64),
    Blob(&'v [u8]),
    Boolean(bool),
    Counter(i64),
    Date(Date),
    Decimal(&'v Decimal),
    Double(i64),
    Duration(i32, i32, i64),
    Float(i32),
    Inet(IpAddr),
    Int(i32),
    SmallInt(i16),
    Text(&'v str),
    Time(Time),
    TimeUuid(Uuid),
    Timestamp(Timestamp),
    TinyInt(i8),
    Uuid(Uuid),
    Varint(&'v Varint),
    List(&'v [Value]),
    Set(&'v [Value]),
    Map(&'v [(Value, Value)]),
    Tuple(&'v [Value]),
    Udt(&'v UdtType, &'v [Value]),
    Vector(&'v [Value]),
    Custom(&'v [u8]),
}

impl Value {
    fn key(&self) -> Key<'_> {
        match self {
            Self::Null => Key::Null,
            Self::Empty => Key::Empty,
            Self::Ascii(text) => Key::Ascii(text),
            Self::BigInt(number) => Key::BigInt(*number),
            Self::Blob(bytes) => Key::Blob(bytes),
            Self::Boolean(flag) => Key::Boolean(*flag),
            Self::Counter(number) => Key::Counter(*number),
            Self::Date(date) => Key::Date(*date),
            Self::Decimal(number) => Key::Decimal(number),
            // The bits of positive numbers, read as integers, are in the order of the numbers. The
            // bits of negative numbers are in reverse order. Flipping all of them but the sign
            // corrects this.
            Self::Double(number) => {
                let bits = number.to_bits().cast_signed();
                Key::Double(if bits < 0 { bits ^ i64::MAX } else { bits })
            }
            Self::Duration(duration) => {
                Key::Duration(duration.months, duration.days, duration.nanoseconds)
            }
            Self::Float(number) => {
                let bits = number.to_bits().cast_signed();
                Key::Float(if bits < 0 { bits ^ i32::MAX } else { bits })
            }
            Self::Inet(address) => Key::Inet(*address),
            Self::Int(number) => Key::Int(*number),
            Self::SmallInt(number) => Key::SmallInt(*number),
            Self::Text(text) => Key::Text(text),
            Self::Time(time) => Key::Time(*time),
            Self::TimeUuid(uuid) => Key::TimeUuid(*uuid),
            Self::Timestamp(instant) => Key::Timestamp(*instant),
            Self::TinyInt(number) => Key::TinyInt(*number),
            Self::Uuid(uuid) => Key::Uuid(*uuid),
            Self::Varint(number) => Key::Varint(number),
            Self::List(values) => Key::List(values),
            Self::Set(values) => Key::Set(values),
            Self::Map(entries) => Key::Map(entries),
            Self::Tuple(values) => Key::Tuple(values),
            Self::Udt { udt, fields } => Key::Udt(udt, fields),
            Self::Vector(values) => Key::Vector(values),
            Self::Custom(bytes) => Key::Custom(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn floating_point_numbers_are_ordered_and_equal_to_themselves() {
        let numbers =
            [f64::NEG_INFINITY, -1.5, -f64::MIN_POSITIVE, -0.0, 0.0, 1.5, f64::INFINITY, f64::NAN];
        for (index, number) in numbers.into_iter().enumerate() {
            for (other_index, other) in numbers.into_iter().enumerate() {
                let order = Value::Double(number).cmp(&Value::Double(other));
                assert_eq!(order, index.cmp(&other_index), "{number} {other}");
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "`f64::MIN_POSITIVE` is skipped below, all others are exact"
                )]
                let order = Value::Float(number as f32).cmp(&Value::Float(other as f32));
                if number.abs() != f64::MIN_POSITIVE && other.abs() != f64::MIN_POSITIVE {
                    assert_eq!(order, index.cmp(&other_index), "{number} {other}");
                }
            }
        }
    }

    #[test]
    fn values_of_different_types_are_different_keys() {
        let values = [
            Value::Null,
            Value::Empty,
            Value::Int(1),
            Value::BigInt(1),
            Value::Text("a".into()),
            Value::Ascii("a".into()),
            Value::List(vec![Value::Float(f32::NAN)]),
            Value::Set(vec![Value::Float(f32::NAN)]),
        ];
        let set: HashSet<_> = values.iter().cloned().chain(values.clone()).collect();
        assert_eq!(set.len(), values.len());
    }
}
