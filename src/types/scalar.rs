//! Decoding and encoding of native types. Each Rust type is listed with the CQL types that it
//! supports.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::check::check_native;
use super::{
    BindErrorKind, Cell, ColumnSpec, CqlType, Date, Decimal, Duration, FromCql, FromRow,
    NativeType, Row, Time, Timestamp, ToCql, TypeError, TypeMismatch, ValueError, Varint, vint,
};
use crate::wire::Writer;

/// Implements [`FromCql`], and [`FromRow`] for rows of one column.
macro_rules! from_cql {
    ($( $rust:ty as $name:literal [$($native:ident)+], $from:expr $(, { $($more:tt)* })?; )+) => {$(
        impl<'r> FromCql<'r> for $rust {
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                check_native($name, &[$(NativeType::$native),+], cql_type)
            }

            #[inline(always)]
            fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
                let from: fn(Cell<'r>, &CqlType) -> Result<Self, ValueError> = $from;
                from(cell, cql_type)
            }

            $($($more)*)?
        }
        single_column_row!($rust);
    )+};
}

/// Implements [`FromRow`] for a type that reads a row of one column.
macro_rules! single_column_row {
    ($rust:ty) => {
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
    };
}

/// Implements [`ToCql`].
macro_rules! to_cql {
    ($( $rust:ty as $name:literal [$($native:ident)+], $to:expr $(, { $($more:tt)* })?; )+) => {$(
        impl ToCql for $rust {
            #[inline]
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                check_native($name, &[$(NativeType::$native),+], cql_type)
            }

            #[inline]
            fn to_cql(&self, _: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
                let to: fn(&Self, &mut Writer<'_>) -> Result<(), BindErrorKind> = $to;
                to(self, writer)
            }

            $($($more)*)?
        }
    )+};
}

pub(super) use {from_cql, single_column_row, to_cql};

/// Implements [`FromCql`] and [`ToCql`] for types of fixed size. Any bytes of that size must be a
/// valid value.
macro_rules! fixed_size {
    ($( $rust:ty as $name:literal [$($native:ident)+], $from:expr, $to:expr; )+) => {
        from_cql! {$(
            $rust as $name [$($native)+], |cell, _| cell.array().map($from), {
                const SIZE: Option<usize> = Some(size_of::<$rust>());

                #[inline]
                fn unpack(bytes: &'r [u8]) -> Option<Vec<Self>> {
                    Some(bytes.as_chunks().0.iter().map(|bytes| $from(*bytes)).collect())
                }

                #[inline]
                fn unpack_parts(bytes: &'r [u8]) -> Option<Vec<Self>> {
                    const SIZE: usize = size_of::<$rust>();
                    const { assert!(SIZE <= 16, "the length is compared as one byte") };
                    let [.., length] = SIZE.to_be_bytes();
                    let (parts, rest) = bytes.as_chunks::<{ 4 + SIZE }>();
                    let mut are_sized = rest.is_empty();
                    let values = parts.iter().map(|part| {
                        // A branch for each element would keep the loop from being vectorized.
                        are_sized &= part.first_chunk() == Some(&[0, 0, 0, length]);
                        $from(part.last_chunk().copied().unwrap_or_default())
                    });
                    let values = values.collect();
                    are_sized.then_some(values)
                }

                #[inline]
                fn unpack_array<const N: usize>(bytes: &'r [u8]) -> Option<[Self; N]> {
                    <[_; N]>::try_from(bytes.as_chunks().0).map(|chunks| chunks.map($from)).ok()
                }
            };
        )+}
        to_cql! {$(
            $rust as $name [$($native)+],
                |value, writer| {
                    writer.value_array($to(*value));
                    Ok(())
                }, {
                    fn pack(values: &[Self], writer: &mut Writer<'_>) -> bool {
                        let chunks = writer.zeroed(size_of_val(values)).as_chunks_mut().0;
                        chunks.iter_mut().zip(values).for_each(|(bytes, value)| *bytes = $to(*value));
                        true
                    }
                };
        )+}
    };
}

fixed_size! {
    bool as "bool" [Boolean], |[byte]: [u8; 1]| byte != 0, |value| [u8::from(value)];
    i8 as "i8" [TinyInt], i8::from_be_bytes, i8::to_be_bytes;
    i16 as "i16" [SmallInt], i16::from_be_bytes, i16::to_be_bytes;
    i32 as "i32" [Int], i32::from_be_bytes, i32::to_be_bytes;
    i64 as "i64" [BigInt Counter], i64::from_be_bytes, i64::to_be_bytes;
    f32 as "f32" [Float], f32::from_be_bytes, f32::to_be_bytes;
    f64 as "f64" [Double], f64::from_be_bytes, f64::to_be_bytes;
    Uuid as "Uuid" [Uuid TimeUuid], Uuid::from_bytes, Uuid::into_bytes;
    Date as "Date" [Date],
        // On the wire, dates are unsigned and 2^31 is 1970-01-01.
        |bytes| Date((u32::from_be_bytes(bytes) ^ 0x8000_0000).cast_signed()),
        |Date(days)| (days.cast_unsigned() ^ 0x8000_0000).to_be_bytes();
    Timestamp as "Timestamp" [Timestamp],
        |bytes| Timestamp(i64::from_be_bytes(bytes)), |Timestamp(millis)| millis.to_be_bytes();
}

from_cql! {
    &'r str as "&str" [Text Ascii], text;
    String as "String" [Text Ascii], string;
    Box<str> as "Box<str>" [Text Ascii], |cell, cql_type| text(cell, cql_type).map(Box::from);
    Arc<str> as "Arc<str>" [Text Ascii], |cell, cql_type| text(cell, cql_type).map(Arc::from);
    Cow<'r, str> as "Cow<str>" [Text Ascii], |cell, cql_type| text(cell, cql_type).map(Cow::from);
    Time as "Time" [Time], |cell, _| {
        let time = Time(i64::from_be_bytes(cell.array()?));
        time.is_valid().then_some(time).ok_or(ValueError::OutOfRange)
    };
    IpAddr as "IpAddr" [Inet], |cell, _| match cell.bytes().len() {
        16 => cell.array::<16>().map(IpAddr::from),
        _ => cell.array::<4>().map(IpAddr::from),
    };
    Ipv4Addr as "Ipv4Addr" [Inet], |cell, _| cell.array::<4>().map(Ipv4Addr::from);
    Ipv6Addr as "Ipv6Addr" [Inet], |cell, _| cell.array::<16>().map(Ipv6Addr::from);
    Varint as "Varint" [Varint], |cell, _| match cell.bytes() {
        [] => Err(ValueError::Empty),
        bytes => Ok(Varint::from_bytes(bytes)),
    };
    Decimal as "Decimal" [Decimal], |cell, _| match cell.bytes().split_first_chunk() {
        Some((_, [])) => Err(ValueError::TooShort),
        Some((scale, unscaled)) => Ok(Decimal {
            scale: i32::from_be_bytes(*scale),
            unscaled: Varint::from_bytes(unscaled),
        }),
        None if cell.bytes().is_empty() => Err(ValueError::Empty),
        None => Err(ValueError::TooShort),
    };
    Duration as "Duration" [Duration], |cell, _| duration(cell);
}

to_cql! {
    str as "str" [Text Ascii], |text, writer| Ok(writer.bytes(Some(text.as_bytes()), "value")?);
    String as "String" [Text Ascii],
        |text, writer| Ok(writer.bytes(Some(text.as_bytes()), "value")?);
    Time as "Time" [Time], |time, writer| {
        if !time.is_valid() {
            return Err(ValueError::OutOfRange.into());
        }
        writer.value_array(time.0.to_be_bytes());
        Ok(())
    };
    IpAddr as "IpAddr" [Inet], |address, writer| {
        match address {
            IpAddr::V4(address) => writer.value_array(address.octets()),
            IpAddr::V6(address) => writer.value_array(address.octets()),
        }
        Ok(())
    };
    Ipv4Addr as "Ipv4Addr" [Inet], |address, writer| {
        writer.value_array(address.octets());
        Ok(())
    };
    Ipv6Addr as "Ipv6Addr" [Inet], |address, writer| {
        writer.value_array(address.octets());
        Ok(())
    };
    Varint as "Varint" [Varint],
        |number, writer| Ok(writer.bytes(Some(number.as_bytes()), "value")?);
    Decimal as "Decimal" [Decimal], |number, writer| {
        let open = writer.open_length();
        writer.int(number.scale);
        writer.raw(number.unscaled.as_bytes());
        Ok(writer.close_length(open, "value")?)
    };
    Duration as "Duration" [Duration], |duration, writer| {
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

/// Implements [`FromCql`] or [`ToCql`] for byte types, which read and write blobs and custom types.
macro_rules! bytes {
    (read: $( $rust:ty as $name:literal, $from:expr; )+) => {$(
        impl<'r> FromCql<'r> for $rust {
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                check_bytes($name, cql_type)
            }

            #[inline(always)]
            fn from_cell(cell: Cell<'r>, _: &'r CqlType) -> Result<Self, ValueError> {
                let from: fn(Cell<'r>) -> Self = $from;
                Ok(from(cell))
            }
        }
        single_column_row!($rust);
    )+};
    (write: $( $rust:ty as $name:literal $(, $shared:expr)?; )+) => {$(
        impl ToCql for $rust {
            #[inline]
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                check_bytes($name, cql_type)
            }

            #[inline]
            fn to_cql(&self, _: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
                Ok(writer.bytes(Some(self), "value")?)
            }

            $(#[inline]
            fn as_shared(&self, _: &CqlType) -> Option<&Bytes> {
                let shared: fn(&Self) -> Option<&Bytes> = $shared;
                shared(self)
            })?
        }
    )+};
}
bytes! { read:
    &'r [u8] as "&[u8]", Cell::bytes;
    Vec<u8> as "Vec<u8>", |cell| cell.bytes().to_vec();
    Box<[u8]> as "Box<[u8]>", |cell| cell.bytes().into();
    Bytes as "Bytes", Cell::share;
}
bytes! { write: [u8] as "[u8]"; Vec<u8> as "Vec<u8>"; Bytes as "Bytes", |bytes| Some(bytes); }

#[inline]
fn check_bytes(rust: &'static str, cql_type: &CqlType) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::Native(NativeType::Blob | NativeType::Unknown(_)) | CqlType::Custom(_) => Ok(()),
        _ => Err(TypeMismatch::new(rust, "`blob` or a custom type", cql_type)),
    }
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
    fn every_byte_except_zero_is_true() {
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
    fn a_type_mismatch_names_the_supported_types() {
        let mismatch = <i32 as FromCql>::check(&NativeType::Text.into()).unwrap_err();
        assert_eq!(mismatch.to_string(), "Rust type `i32` supports `int`");
        let mismatch = str::check(&NativeType::Int.into()).unwrap_err();
        assert_eq!(mismatch.to_string(), "Rust type `str` supports `text` or `ascii`");
    }
}
