//! The byte-comparable encoding of values. The order of the bytes is the order in which the server
//! compares values of one type.

use uuid::Uuid;

use crate::types::{Decimal, Value, Varint};

/// The end of a sequence of values. It is less than the first byte of every value.
const END: u8 = 0;
/// The first byte of null, which is less than all other values.
const NULL: u8 = 1;
/// The first byte of the empty value of a type such as `int`.
const EMPTY: u8 = 2;
/// The first byte of every other value.
const PRESENT: u8 = 3;

/// Appends a value.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => return out.push(NULL),
        Value::Empty => return out.push(EMPTY),
        _ => out.push(PRESENT),
    }
    match value {
        Value::Null | Value::Empty => {}
        Value::Ascii(text) | Value::Text(text) => write_bytes(text.as_bytes(), out),
        Value::Blob(bytes) | Value::Custom(bytes) => write_bytes(bytes, out),
        Value::Boolean(flag) => out.push((*flag).into()),
        Value::TinyInt(number) => out.extend((number ^ i8::MIN).to_be_bytes()),
        Value::SmallInt(number) => out.extend((number ^ i16::MIN).to_be_bytes()),
        Value::Int(number) => write_int(*number, out),
        Value::Date(date) => write_int(date.0, out),
        Value::BigInt(number) | Value::Counter(number) => write_long(*number, out),
        Value::Time(time) => write_long(time.0, out),
        Value::Timestamp(instant) => write_long(instant.0, out),
        Value::Float(number) => {
            // As in Java, all NaNs are equal, and greater than all numbers.
            let number = if number.is_nan() { f32::NAN.copysign(1.0) } else { *number };
            let bits = number.to_bits().cast_signed();
            write_int(if bits < 0 { bits ^ i32::MAX } else { bits }, out);
        }
        Value::Double(number) => {
            let number = if number.is_nan() { f64::NAN.copysign(1.0) } else { *number };
            let bits = number.to_bits().cast_signed();
            write_long(if bits < 0 { bits ^ i64::MAX } else { bits }, out);
        }
        Value::Varint(number) => write_varint(number, out),
        Value::Decimal(number) => write_decimal(number, out),
        Value::Inet(address) => match address {
            std::net::IpAddr::V4(address) => write_bytes(&address.octets(), out),
            std::net::IpAddr::V6(address) => write_bytes(&address.octets(), out),
        },
        Value::Uuid(uuid) => write_uuid(*uuid, out),
        Value::TimeUuid(uuid) => write_time_uuid(*uuid, out),
        Value::Duration(duration) => {
            // No key has a duration, so that any order is right.
            write_int(duration.months, out);
            write_int(duration.days, out);
            write_long(duration.nanoseconds, out);
        }
        Value::List(values) | Value::Set(values) | Value::Vector(values) => {
            values.iter().for_each(|value| write(value, out));
            out.push(END);
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                write(key, out);
                write(value, out);
            }
            out.push(END);
        }
        Value::Tuple(fields) | Value::Udt { fields, .. } => {
            // A trailing null equals a missing field.
            let last = fields.iter().rposition(|field| !matches!(field, Value::Null));
            let count = last.map_or(0, |last| last.saturating_add(1));
            fields.iter().take(count).for_each(|field| write(field, out));
            out.push(END);
        }
    }
}

/// Appends bytes of any length. A zero byte is followed by 0xff, and the last byte by two zeros.
fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend([0, 0]);
}

fn write_int(number: i32, out: &mut Vec<u8>) {
    out.extend((number ^ i32::MIN).to_be_bytes());
}

fn write_long(number: i64, out: &mut Vec<u8>) {
    out.extend((number ^ i64::MIN).to_be_bytes());
}

/// Appends the sign, the length and the bytes. A longer negative number is less.
fn write_varint(number: &Varint, out: &mut Vec<u8>) {
    let bytes = number.as_bytes();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let is_negative = number.is_negative();
    out.push((!is_negative).into());
    out.extend(if is_negative { !length } else { length }.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends the sign, the exponent and the digits without trailing zeros, so that numbers that differ
/// only in their scale are equal. For a negative number, the exponent and the digits are inverted.
fn write_decimal(number: &Decimal, out: &mut Vec<u8>) {
    const NEGATIVE: u8 = 0;
    const ZERO: u8 = 1;
    const POSITIVE: u8 = 2;
    if number.is_zero() {
        return out.push(ZERO);
    }
    out.push(if number.is_negative() { NEGATIVE } else { POSITIVE });
    let start = out.len();
    let digits = number.unscaled.to_string();
    let digits = digits.trim_start_matches('-');
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    write_long(length.saturating_sub(number.scale.into()), out);
    out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    out.push(END);
    if number.is_negative() {
        out.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
}

/// Appends a value of type `uuid`: UUIDs are ordered by version, those of version 1 by time.
fn write_uuid(uuid: Uuid, out: &mut Vec<u8>) {
    let bytes = uuid.as_bytes();
    let version = bytes.get(6).map_or(0, |byte| byte >> 4);
    out.push(version);
    if version == 1 {
        out.extend(time_of(uuid).to_be_bytes());
        out.extend(bytes.iter().skip(8));
    } else {
        out.extend(bytes);
    }
}

/// Appends a value of type `timeuuid`: ordered by time, then by the other bytes as signed numbers.
fn write_time_uuid(uuid: Uuid, out: &mut Vec<u8>) {
    out.extend(time_of(uuid).to_be_bytes());
    out.extend(uuid.as_bytes().iter().skip(8).map(|byte| byte ^ 0x80));
}

/// Returns the version and the 60 bits of the time, the highest first.
fn time_of(uuid: Uuid) -> u64 {
    let (low, middle, high_and_version, _) = uuid.as_fields();
    u64::from(high_and_version) << 48 | u64::from(middle) << 32 | u64::from(low)
}
