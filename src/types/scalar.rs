//! The native types, a line each: the Rust type, the CQL types that go with it, the bytes both ways.

use std::net::IpAddr;

use bytes::Bytes;
use uuid::Uuid;

use super::from_cql::check_native;
use super::{
    BindErrorKind, Cell, ColumnSpec, CqlType, Date, Decimal, Duration, FromCql, FromRow,
    NativeType, Row, Time, Timestamp, ToCql, TypeError, TypeMismatch, ValueError, Varint, vint,
};
use crate::wire::Writer;

/// Declares how Rust types are read, as a value and as a row of one column.
macro_rules! from_cql {
    ($(
        $rust:ty as $name:literal, $fits:literal, [$($native:ident)+] $(of $size:expr)?, $from:expr;
    )+) => {$(
        impl<'r> FromCql<'r> for $rust {
            $( const SIZE: Option<usize> = Some($size); )?

            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                let mismatch = TypeMismatch { rust: $name, fits: $fits };
                check_native(cql_type, &[$(NativeType::$native),+], mismatch)
            }

            #[inline(always)]
            fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
                let from: fn(Cell<'r>, &CqlType) -> Result<Self, ValueError> = $from;
                from(cell, cql_type)
            }
        }

        impl<'r> FromRow<'r> for $rust {
            type Plan = ();

            fn plan(columns: &[ColumnSpec]) -> Result<(), TypeError> {
                <(Self,)>::plan(columns)
            }

            #[inline]
            fn from_row(row: &mut Row<'r>, (): &()) -> Result<Self, ValueError> {
                row.value()
            }
        }
    )+};
}

/// Declares how Rust types are written.
macro_rules! to_cql {
    ($( $rust:ty as $name:literal, $fits:literal, [$($native:ident)+], $to:expr; )+) => {$(
        impl ToCql for $rust {
            #[inline]
            fn to_cql(
                &self,
                cql_type: &CqlType,
                writer: &mut Writer<'_>,
            ) -> Result<(), BindErrorKind> {
                let CqlType::Native($(NativeType::$native)|+) = cql_type else {
                    let mismatch = TypeMismatch { rust: $name, fits: $fits };
                    return Err(BindErrorKind::Type(mismatch));
                };
                let to: fn(&Self, &mut Writer<'_>) -> Result<(), BindErrorKind> = $to;
                to(self, writer)
            }
        }
    )+};
}

/// Declares Rust types whose values have one size, both ways.
macro_rules! fixed_size {
    ($( $rust:ty as $name:literal, $fits:literal, [$($native:ident)+], $from:expr, $to:expr; )+) => {
        from_cql! {$(
            $rust as $name, $fits, [$($native)+] of size_of::<$rust>(),
                |cell, _| cell.array().map($from);
        )+}
        to_cql! {$(
            $rust as $name, $fits, [$($native)+], |value, writer| {
                writer.value_array($to(*value));
                Ok(())
            };
        )+}
    };
}

fixed_size! {
    bool as "bool", "`boolean`", [Boolean],
        |[byte]: [u8; 1]| byte != 0, |value| [u8::from(value)];
    i8 as "i8", "`tinyint`", [TinyInt], i8::from_be_bytes, i8::to_be_bytes;
    i16 as "i16", "`smallint`", [SmallInt], i16::from_be_bytes, i16::to_be_bytes;
    i32 as "i32", "`int`", [Int], i32::from_be_bytes, i32::to_be_bytes;
    i64 as "i64", "`bigint` or `counter`", [BigInt Counter], i64::from_be_bytes, i64::to_be_bytes;
    f32 as "f32", "`float`", [Float], f32::from_be_bytes, f32::to_be_bytes;
    f64 as "f64", "`double`", [Double], f64::from_be_bytes, f64::to_be_bytes;
    Uuid as "Uuid", "`uuid` or `timeuuid`", [Uuid TimeUuid], Uuid::from_bytes, Uuid::into_bytes;
    Date as "Date", "`date`", [Date],
        // The wire counts from 2^31 days before 1970, so that it needs no sign.
        |bytes| Date((u32::from_be_bytes(bytes) ^ 0x8000_0000).cast_signed()),
        |Date(days)| (days.cast_unsigned() ^ 0x8000_0000).to_be_bytes();
    Timestamp as "Timestamp", "`timestamp`", [Timestamp],
        |bytes| Timestamp(i64::from_be_bytes(bytes)), |Timestamp(millis)| millis.to_be_bytes();
}

from_cql! {
    &'r str as "&str", "`text` or `ascii`", [Text Ascii], text;
    String as "String", "`text` or `ascii`", [Text Ascii], string;
    Box<str> as "Box<str>", "`text` or `ascii`", [Text Ascii],
        |cell, cql_type| text(cell, cql_type).map(Box::from);
    &'r [u8] as "&[u8]", "`blob`", [Blob], |cell, _| Ok(cell.bytes());
    Vec<u8> as "Vec<u8>", "`blob`", [Blob], |cell, _| Ok(cell.bytes().to_vec());
    Bytes as "Bytes", "`blob`", [Blob], |cell, _| Ok(cell.share());
    Time as "Time", "`time`", [Time], |cell, _| {
        let time = Time(i64::from_be_bytes(cell.array()?));
        time.is_valid().then_some(time).ok_or(ValueError::OutOfRange)
    };
    IpAddr as "IpAddr", "`inet`", [Inet], |cell, _| match cell.bytes().len() {
        16 => cell.array::<16>().map(IpAddr::from),
        _ => cell.array::<4>().map(IpAddr::from),
    };
    Varint as "Varint", "`varint`", [Varint], |cell, _| match cell.bytes() {
        [] => Err(ValueError::Empty),
        bytes => Ok(Varint::from_bytes(bytes)),
    };
    Decimal as "Decimal", "`decimal`", [Decimal], |cell, _| match cell.bytes().split_first_chunk() {
        Some((_, [])) => Err(ValueError::TooShort),
        Some((scale, unscaled)) => Ok(Decimal {
            scale: i32::from_be_bytes(*scale),
            unscaled: Varint::from_bytes(unscaled),
        }),
        None if cell.bytes().is_empty() => Err(ValueError::Empty),
        None => Err(ValueError::TooShort),
    };
    Duration as "Duration", "`duration`", [Duration], |cell, _| duration(cell);
}

to_cql! {
    str as "str", "`text` or `ascii`", [Text Ascii],
        |text, writer| Ok(writer.bytes(Some(text.as_bytes()), "value")?);
    String as "String", "`text` or `ascii`", [Text Ascii],
        |text, writer| Ok(writer.bytes(Some(text.as_bytes()), "value")?);
    Box<str> as "Box<str>", "`text` or `ascii`", [Text Ascii],
        |text, writer| Ok(writer.bytes(Some(text.as_bytes()), "value")?);
    [u8] as "[u8]", "`blob`", [Blob], |bytes, writer| Ok(writer.bytes(Some(bytes), "value")?);
    Vec<u8> as "Vec<u8>", "`blob`", [Blob], |bytes, writer| Ok(writer.bytes(Some(bytes), "value")?);
    Bytes as "Bytes", "`blob`", [Blob], |bytes, writer| Ok(writer.bytes(Some(bytes), "value")?);
    Time as "Time", "`time`", [Time], |time, writer| {
        if !time.is_valid() {
            return Err(ValueError::OutOfRange.into());
        }
        writer.value_array(time.0.to_be_bytes());
        Ok(())
    };
    IpAddr as "IpAddr", "`inet`", [Inet], |address, writer| {
        match address {
            IpAddr::V4(address) => writer.value_array(address.octets()),
            IpAddr::V6(address) => writer.value_array(address.octets()),
        }
        Ok(())
    };
    Varint as "Varint", "`varint`", [Varint],
        |number, writer| Ok(writer.bytes(Some(number.as_bytes()), "value")?);
    Decimal as "Decimal", "`decimal`", [Decimal], |number, writer| {
        let open = writer.open_length();
        writer.int(number.scale);
        writer.raw(number.unscaled.as_bytes());
        Ok(writer.close_length(open, "value")?)
    };
    Duration as "Duration", "`duration`", [Duration], |duration, writer| {
        if !duration.is_valid() {
            return Err(ValueError::OutOfRange.into());
        }
        let mut bytes = Vec::with_capacity(12);
        for part in [duration.months.into(), duration.days.into(), duration.nanoseconds] {
            vint::write_signed(part, &mut bytes);
        }
        Ok(writer.bytes(Some(&bytes), "value")?)
    };
}

#[inline(always)]
fn text<'r>(cell: Cell<'r>, cql_type: &CqlType) -> Result<&'r str, ValueError> {
    let text = cell.text()?;
    match cql_type {
        CqlType::Native(NativeType::Ascii) => ascii(text),
        _ => Ok(text),
    }
}

#[inline(always)]
fn string(cell: Cell<'_>, cql_type: &CqlType) -> Result<String, ValueError> {
    text(cell, cql_type).map(str::to_owned)
}

#[inline(never)]
fn ascii(text: &str) -> Result<&str, ValueError> {
    if text.is_ascii() { Ok(text) } else { Err(ValueError::InvalidAscii) }
}

fn duration(cell: Cell<'_>) -> Result<Duration, ValueError> {
    let mut bytes = cell.bytes();
    if bytes.is_empty() {
        return Err(ValueError::Empty);
    }
    let mut int = || {
        let number = vint::read_signed(&mut bytes)?;
        i32::try_from(number).map_err(|_| ValueError::OutOfRange)
    };
    let (months, days) = (int()?, int()?);
    let duration = Duration { months, days, nanoseconds: vint::read_signed(&mut bytes)? };
    match bytes {
        [] if duration.is_valid() => Ok(duration),
        [] => Err(ValueError::OutOfRange),
        _ => Err(ValueError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'r, T: FromCql<'r>>(bytes: &'r [u8], native: NativeType) -> Result<T, ValueError> {
        let cql_type = CqlType::Native(native);
        T::check(&cql_type).unwrap();
        T::from_cell(Cell::new(bytes), Box::leak(Box::new(cql_type)))
    }

    #[test]
    fn the_epoch_of_dates_is_two_to_the_31() {
        assert_eq!(read(&[0x80, 0, 0, 0], NativeType::Date), Ok(Date(0)));
        assert_eq!(read(&[0, 0, 0, 0], NativeType::Date), Ok(Date(i32::MIN)));
    }

    #[test]
    fn every_byte_but_zero_is_true() {
        for byte in 0..=u8::MAX {
            assert_eq!(read(&[byte], NativeType::Boolean), Ok(byte != 0));
        }
    }

    #[test]
    fn values_of_the_wrong_size_are_errors() {
        assert_eq!(
            read::<i32>(&[1, 2, 3], NativeType::Int),
            Err(ValueError::Size { expected: 4, found: 3 })
        );
        assert_eq!(read::<i32>(&[], NativeType::Int), Err(ValueError::Empty));
        assert_eq!(read::<&str>(&[], NativeType::Text), Ok(""));
        assert_eq!(read::<&str>(&[0xc3], NativeType::Text), Err(ValueError::InvalidUtf8));
        assert_eq!(read::<&str>("é".as_bytes(), NativeType::Ascii), Err(ValueError::InvalidAscii));
        assert_eq!(read::<Time>(&[0xff; 8], NativeType::Time), Err(ValueError::OutOfRange));
        assert_eq!(read::<Decimal>(&[0, 0, 0, 1], NativeType::Decimal), Err(ValueError::TooShort));
        let mixed_signs = [2, 1, 0];
        assert_eq!(
            read::<Duration>(&mixed_signs, NativeType::Duration),
            Err(ValueError::OutOfRange)
        );
    }

    #[test]
    fn a_type_that_does_not_fit_says_what_would() {
        let mismatch = i32::check(&NativeType::Text.into()).unwrap_err();
        assert_eq!(mismatch.to_string(), "a Rust `i32` goes with `int`");
        let mut out = Vec::new();
        let error = "x".to_cql(&NativeType::Int.into(), &mut Writer::new(&mut out)).unwrap_err();
        assert!(matches!(error, BindErrorKind::Type(_)));
        assert!(out.is_empty());
    }
}
