//! Formats values as CQL literals.

use std::fmt;

use base16ct::lower::encode_string;

use super::Identifier;
use crate::types::temporal::civil;
use crate::types::{Date, Timestamp, Value};

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Empty => f.write_str("''"),
            Self::Ascii(text) | Self::Text(text) => quoted(f, text),
            Self::BigInt(number) | Self::Counter(number) => number.fmt(f),
            Self::Blob(bytes) | Self::Custom(bytes) => {
                write!(f, "0x{}", encode_string(bytes))
            }
            Self::Boolean(flag) => flag.fmt(f),
            Self::Date(date) => self::date(f, *date),
            Self::Decimal(number) => number.fmt(f),
            Self::Double(number) => float(f, *number, number),
            Self::Duration(duration) => duration.fmt(f),
            Self::Float(number) => float(f, f64::from(*number), number),
            Self::Inet(address) => write!(f, "'{address}'"),
            Self::Int(number) => number.fmt(f),
            Self::SmallInt(number) => number.fmt(f),
            Self::Time(time) => write!(f, "'{time}'"),
            Self::Timestamp(instant) => timestamp(f, *instant),
            Self::TinyInt(number) => number.fmt(f),
            Self::Uuid(uuid) | Self::TimeUuid(uuid) => uuid.fmt(f),
            Self::Varint(number) => number.fmt(f),
            Self::List(values) | Self::Vector(values) => sequence(f, "[", values, "]"),
            Self::Set(values) => sequence(f, "{", values, "}"),
            Self::Tuple(values) => sequence(f, "(", values, ")"),
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", comma(index))?;
                }
                f.write_str("}")
            }
            Self::Udt { udt, fields } => {
                f.write_str("{")?;
                for (index, ((name, _), value)) in udt.fields.iter().zip(fields).enumerate() {
                    write!(f, "{}{}: {value}", comma(index), Identifier(name))?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "'{}'", text.replace('\'', "''"))
}

/// Formats a date as text if its year is 0 to 9999, and as its number on the wire otherwise.
/// Versions of Cassandra parse the text of other years differently.
fn date(f: &mut fmt::Formatter<'_>, date: Date) -> fmt::Result {
    match date.ymd() {
        (0..=9_999, ..) => write!(f, "'{date}'"),
        _ => write!(f, "{}", date.0.cast_unsigned() ^ 0x8000_0000),
    }
}

/// Formats an instant as text if its year is 1583 to 9999, and as its number of milliseconds
/// otherwise. Cassandra 3 parses dates before the Gregorian calendar in the Julian calendar.
fn timestamp(f: &mut fmt::Formatter<'_>, instant: Timestamp) -> fmt::Result {
    match civil(instant.days()) {
        (1_583..=9_999, ..) => write!(f, "'{instant}'"),
        _ => write!(f, "{}", instant.0),
    }
}

fn float(f: &mut fmt::Formatter<'_>, number: f64, shortest: &dyn fmt::Debug) -> fmt::Result {
    match number {
        number if number.is_nan() => f.write_str("NaN"),
        f64::INFINITY => f.write_str("Infinity"),
        f64::NEG_INFINITY => f.write_str("-Infinity"),
        _ => shortest.fmt(f),
    }
}

fn sequence(f: &mut fmt::Formatter<'_>, open: &str, values: &[Value], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (index, value) in values.iter().enumerate() {
        write!(f, "{}{value}", comma(index))?;
    }
    f.write_str(close)
}

const fn comma(index: usize) -> &'static str {
    if index == 0 { "" } else { ", " }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Duration;

    #[test]
    fn values_format_as_literals() {
        let map = Value::Map(vec![(Value::Int(1), Value::Set(vec![Value::Boolean(true)]))]);
        for (value, literal) in [
            (Value::Blob(vec![0, 0xab].into()), "0x00ab"),
            (Value::Double(1.0), "1.0"),
            (Value::Float(0.1), "0.1"),
            (Value::Double(f64::NEG_INFINITY), "-Infinity"),
            (Value::Date(Date(0)), "'1970-01-01'"),
            (Value::Timestamp(Timestamp(0)), "'1970-01-01 00:00:00.000+0000'"),
            (Value::Date(Date(i32::MIN)), "0"),
            (Value::Date(Date(i32::MAX)), "4294967295"),
            (Value::Timestamp(Timestamp(-12_212_553_600_001)), "-12212553600001"),
            (Value::Timestamp(Timestamp(i64::MAX)), "9223372036854775807"),
            (Value::Empty, "''"),
            (Value::Duration(Duration::default()), "0ns"),
            (Value::Duration(Duration { days: -1, ..Duration::default() }), "-1d"),
            (Value::Inet([127, 0, 0, 1].into()), "'127.0.0.1'"),
            (Value::Tuple(vec![Value::Null, Value::Text("a'b".into())]), "(null, 'a''b')"),
            (map, "{1: {true}}"),
        ] {
            assert_eq!(value.to_string(), literal);
        }
    }
}
