//! Values as CQL writes them.

use std::fmt;

use super::Value;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null | Self::Empty => f.write_str("null"),
            Self::Ascii(text) | Self::Text(text) => quoted(f, text),
            Self::BigInt(number) | Self::Counter(number) => number.fmt(f),
            Self::Blob(bytes) | Self::Custom(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Boolean(flag) => flag.fmt(f),
            Self::Date(date) => write!(f, "'{date}'"),
            Self::Decimal(number) => number.fmt(f),
            Self::Double(number) => float(f, *number, number),
            Self::Duration(duration) if *duration == super::Duration::default() => {
                f.write_str("0ns")
            }
            Self::Duration(duration) => duration.fmt(f),
            Self::Float(number) => float(f, f64::from(*number), number),
            Self::Inet(address) => write!(f, "'{address}'"),
            Self::Int(number) => number.fmt(f),
            Self::SmallInt(number) => number.fmt(f),
            Self::Time(time) => write!(f, "'{time}'"),
            Self::Timestamp(instant) => write!(f, "'{instant}'"),
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

/// A name as CQL writes it: in double quotes, unless it is all lower case.
struct Identifier<'a>(&'a str);

impl fmt::Display for Identifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts_plain = self.0.starts_with(|c: char| c.is_ascii_lowercase());
        if starts_plain && self.0.chars().all(plain) {
            f.write_str(self.0)
        } else {
            write!(f, "\"{}\"", self.0.replace('"', "\"\""))
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "'{}'", text.replace('\'', "''"))
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
    use super::super::{Date, Duration, Timestamp};
    use super::*;

    #[test]
    fn literals() {
        let map = Value::Map(vec![(Value::Int(1), Value::Set(vec![Value::Boolean(true)]))]);
        for (value, literal) in [
            (Value::Blob(vec![0, 0xab].into()), "0x00ab"),
            (Value::Double(1.0), "1.0"),
            (Value::Float(0.1), "0.1"),
            (Value::Double(f64::NEG_INFINITY), "-Infinity"),
            (Value::Date(Date(0)), "'1970-01-01'"),
            (Value::Timestamp(Timestamp(0)), "'1970-01-01 00:00:00.000+0000'"),
            (Value::Duration(Duration { days: -1, ..Duration::default() }), "-1d"),
            (Value::Inet([127, 0, 0, 1].into()), "'127.0.0.1'"),
            (Value::Tuple(vec![Value::Null, Value::Text("a'b".into())]), "(null, 'a''b')"),
            (map, "{1: {true}}"),
        ] {
            assert_eq!(value.to_string(), literal);
        }
    }

    #[test]
    fn names_are_quoted_when_they_must_be() {
        for (name, written) in
            [("users", "users"), ("User", "\"User\""), ("a\"b", "\"a\"\"b\""), ("1a", "\"1a\"")]
        {
            assert_eq!(Identifier(name).to_string(), written);
        }
    }
}
