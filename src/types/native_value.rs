//! Conversions from Rust values to [`Value`], and from [`Value`] to text, integers and booleans.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use uuid::Uuid;

use super::{Date, Decimal, Duration, Time, Timestamp, Value, Varint};

/// Implements `From` for Rust types with an obvious CQL type.
macro_rules! value_from {
    ($( $variant:ident: $($rust:ty),+; )+) => {$($(
        #[doc = concat!("Returns a [`", stringify!($variant), "`](Value::", stringify!($variant), ").")]
        impl From<$rust> for Value {
            fn from(value: $rust) -> Self {
                Self::$variant(value.into())
            }
        }
    )+)+};
}
value_from! {
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

/// Converts `None` to [`Null`](Value::Null).
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Value {
    /// Returns the text of a `text` or `ascii` value, or `None` for any other value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Ascii(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number of a `tinyint`, `smallint`, `int`, `bigint` or `counter` value, or `None` for
    /// any other value.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::BigInt(number) | Self::Counter(number) => Some(number),
            Self::Int(number) => Some(number.into()),
            Self::SmallInt(number) => Some(number.into()),
            Self::TinyInt(number) => Some(number.into()),
            _ => None,
        }
    }

    /// Returns the flag of a `boolean` value, or `None` for any other value.
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
    fn rust_values_encode_as_the_type_of_their_variant() {
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
    fn accessors_return_none_for_other_types() {
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
