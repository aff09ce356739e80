//! Rust values as a [`Value`], and the plainest of them out of one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use uuid::Uuid;

use super::{Date, Decimal, Duration, Time, Timestamp, Value, Varint};

/// Declares of which Rust types a variant is made: those that mean one CQL type.
macro_rules! made_of {
    ($( $variant:ident: $($rust:ty),+; )+) => {$($(
        #[doc = concat!("[`", stringify!($variant), "`](Value::", stringify!($variant), ").")]
        impl From<$rust> for Value {
            fn from(value: $rust) -> Self {
                Self::$variant(value.into())
            }
        }
    )+)+};
}
made_of! {
    BigInt: i64;
    Blob: Bytes, Vec<u8>;
    Boolean: bool;
    Date: Date;
    Decimal: Decimal;
    Double: f64;
    Duration: Duration;
    Float: f32;
    Inet: IpAddr, Ipv4Addr, Ipv6Addr;
    Int: i32;
    SmallInt: i16;
    Text: &str, String;
    Time: Time;
    Timestamp: Timestamp;
    TinyInt: i8;
    Uuid: Uuid;
    Varint: Varint;
}

/// `None` is [`Null`](Value::Null).
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Value {
    /// The text of a `text` or an `ascii`.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Ascii(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a `tinyint`, a `smallint`, an `int`, a `bigint` or a `counter`.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::BigInt(number) | Self::Counter(number) => Some(number),
            Self::Int(number) => Some(number.into()),
            Self::SmallInt(number) => Some(number.into()),
            Self::TinyInt(number) => Some(number.into()),
            _ => None,
        }
    }

    /// The flag of a `boolean`.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NativeType;
    use crate::wire::Writer;

    #[test]
    fn values_are_of_the_type_that_their_rust_type_means() {
        let native = [
            (NativeType::BigInt, Value::from(-1_i64)),
            (NativeType::Counter, Value::from(-1_i64)),
            (NativeType::Blob, Value::from(vec![1])),
            (NativeType::Blob, Value::from(Bytes::from_static(&[1]))),
            (NativeType::Boolean, Value::from(true)),
            (NativeType::Date, Value::from(Date(1))),
            (NativeType::Decimal, Value::from(Decimal::new(1, 2))),
            (NativeType::Double, Value::from(0.5)),
            (NativeType::Duration, Value::from(Duration::default())),
            (NativeType::Float, Value::from(0.5_f32)),
            (NativeType::Inet, Value::from(Ipv4Addr::LOCALHOST)),
            (NativeType::Inet, Value::from(IpAddr::from(Ipv6Addr::LOCALHOST))),
            (NativeType::Inet, Value::from(Ipv6Addr::LOCALHOST)),
            (NativeType::Int, Value::from(-1)),
            (NativeType::SmallInt, Value::from(-1_i16)),
            (NativeType::Text, Value::from("é")),
            (NativeType::Text, Value::from(String::from("é"))),
            (NativeType::Ascii, Value::from("e")),
            (NativeType::Time, Value::from(Time(1))),
            (NativeType::Timestamp, Value::from(Timestamp(1))),
            (NativeType::TinyInt, Value::from(-1_i8)),
            (NativeType::Uuid, Value::from(Uuid::max())),
            (NativeType::TimeUuid, Value::from(Some(Uuid::max()))),
            (NativeType::Varint, Value::from(Some(Varint::from(1)))),
        ];
        for (native, value) in native {
            assert_ne!(value, Value::Null);
            value.encode(&native.into(), &mut Writer::new(&mut Vec::new())).unwrap();
        }
        assert_eq!(Value::from(None::<i32>), Value::Null);
    }

    #[test]
    fn what_another_type_has_is_not_taken_out() {
        assert_eq!(Value::from("é").as_str(), Some("é"));
        assert_eq!(Value::Ascii("e".into()).as_str(), Some("e"));
        let numbers = [
            Value::from(-7_i8),
            Value::from(-7_i16),
            Value::from(-7),
            Value::from(-7_i64),
            Value::Counter(-7),
        ];
        for number in &numbers {
            assert_eq!(
                (number.as_i64(), number.as_bool(), number.as_str()),
                (Some(-7), None, None)
            );
        }
        assert_eq!(Value::from(true).as_bool(), Some(true));
        for other in [Value::Null, Value::Empty, Value::from(true), Value::from(Timestamp(7))] {
            assert_eq!((other.as_i64(), other.as_str()), (None, None));
        }
    }
}
