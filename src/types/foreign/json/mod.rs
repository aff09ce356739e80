//! Values and rows as JSON, in the form that Cassandra's `SELECT JSON` returns and `fromJson` accepts.
//! [`types`](crate::types#json) documents the JSON of each type.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;

use crate::types::{Decimal, Record, Timestamp, UdtType, Value, Varint};

#[cfg(feature = "serde-json-1")]
mod read;
#[cfg(feature = "serde-1")]
mod serde;
#[cfg(feature = "serde-json-1")]
mod serde_json;

#[cfg(feature = "serde-json-1")]
pub use read::JsonError;

/// The range of timestamps that are formatted as text, in milliseconds: from 1582-10-15 to the end
/// of 9999. Timestamps outside this range are formatted as numbers of milliseconds, which every
/// Cassandra version accepts. Cassandra 3.11 uses the Julian calendar for earlier dates, and no
/// version accepts years of five digits.
const CALENDAR: RangeInclusive<i64> = -12_219_292_800_000..=253_402_300_799_999;

/// The JSON form of a value.
#[derive(Debug, PartialEq)]
enum Form<'v> {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    /// A finite number.
    Float(f64),
    Text(Cow<'v, str>),
    Array(&'v [Value]),
    Map(&'v [(Value, Value)]),
    Udt(&'v UdtType, &'v [Value]),
}

impl<'v> Form<'v> {
    fn of(value: &'v Value) -> Self {
        let text = |text: &dyn fmt::Display| Self::Text(text.to_string().into());
        match value {
            Value::Null => Self::Null,
            Value::Empty => Self::Text("".into()),
            Value::Ascii(text) | Value::Text(text) => Self::Text(text.into()),
            Value::Boolean(flag) => Self::Boolean(*flag),
            Value::BigInt(number) | Value::Counter(number) => Self::Integer(*number),
            Value::Int(number) => Self::Integer((*number).into()),
            Value::SmallInt(number) => Self::Integer((*number).into()),
            Value::TinyInt(number) => Self::Integer((*number).into()),
            Value::Varint(number) => integer(number).unwrap_or_else(|| text(number)),
            Value::Decimal(number) => decimal(number).unwrap_or_else(|| text(number)),
            Value::Double(number) if number.is_finite() => Self::Float(*number),
            // JSON numbers have 64 bits. Keep the decimal digits of the 32-bit number, such as 0.1,
            // not its exact value, which is 0.10000000149011612.
            Value::Float(number) if number.is_finite() => {
                Self::Float(number.to_string().parse().unwrap_or_else(|_| f64::from(*number)))
            }
            Value::Date(date) => Self::Text(iso(&date.to_string()).into()),
            Value::Time(time) => text(time),
            Value::Timestamp(Timestamp(millis)) if !CALENDAR.contains(millis) => {
                Self::Integer(*millis)
            }
            Value::Timestamp(instant) => {
                let printed = instant.to_string();
                text(&format_args!("{}Z", printed.strip_suffix("+0000").unwrap_or(&printed)))
            }
            Value::Inet(IpAddr::V6(address)) => Self::Text(full(*address).into()),
            Value::Inet(IpAddr::V4(address)) => text(address),
            Value::Uuid(uuid) | Value::TimeUuid(uuid) => text(uuid),
            // The JSON text of these types is their CQL literal, which has no quotes.
            Value::Blob(_)
            | Value::Custom(_)
            | Value::Duration(_)
            | Value::Double(_)
            | Value::Float(_) => text(value),
            Value::List(values)
            | Value::Set(values)
            | Value::Tuple(values)
            | Value::Vector(values) => Self::Array(values),
            Value::Map(entries) => Self::Map(entries),
            Value::Udt { udt, fields } => Self::Udt(udt, fields),
        }
    }
}

/// Returns the date `printed` with the year in the form that Cassandra accepts. The year has at
/// least four digits. It has the sign `-` if it is negative, and `+` if it has more than four
/// digits.
fn iso(printed: &str) -> String {
    let (is_negative, unsigned) = match printed.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, printed),
    };
    let (year, rest) = unsigned.split_once('-').unwrap_or((unsigned, ""));
    let sign = match (is_negative, year.len()) {
        (true, _) => "-",
        (false, ..=4) => "",
        (false, _) => "+",
    };
    format!("{sign}{year:0>4}-{rest}")
}

/// Returns the text of an IPv6 address with all eight groups and no `::`, as Java formats it.
fn full(address: Ipv6Addr) -> String {
    address.segments().map(|group| format!("{group:x}")).join(":")
}

/// Returns the JSON number, or `None` if the number fits neither into an `i64` nor into a `u64`.
fn integer<'v>(number: &Varint) -> Option<Form<'v>> {
    let number = number.to_i128()?;
    let signed = i64::try_from(number).map(Form::Integer).ok();
    signed.or_else(|| u64::try_from(number).map(Form::Unsigned).ok())
}

/// Returns the JSON number, or `None` if the decimal would change as a 64-bit number. A decimal
/// with a scale above 0 becomes a number only if it has at most 15 digits, is zero or at least
/// 0.00001 in magnitude, and does not end with a zero, except for a single zero after the point
/// (`1.0`).
fn decimal<'v>(number: &Decimal) -> Option<Form<'v>> {
    let unscaled = number.unscaled.to_i128()?;
    let scale = u32::try_from(number.scale).ok()?;
    if scale == 0 {
        return integer(&number.unscaled);
    }
    let digits = unscaled.unsigned_abs();
    let is_short = digits < 10_u128.pow(15) && scale <= 20;
    let is_not_small =
        digits == 0 || digits.saturating_mul(100_000) >= 10_u128.checked_pow(scale)?;
    let has_every_digit = scale == 1 || digits % 10 != 0;
    if is_short && is_not_small && has_every_digit {
        number.to_string().parse().ok().map(Form::Float)
    } else {
        None
    }
}

/// Returns the JSON names and the values of the fields of a user-defined type. Trailing fields that
/// the value lacks are null.
fn fields<'v>(
    udt: &'v UdtType,
    fields: &'v [Value],
) -> impl ExactSizeIterator<Item = (Cow<'v, str>, &'v Value)> {
    udt.fields
        .iter()
        .enumerate()
        .map(|(index, (field, _))| (name(field), fields.get(index).unwrap_or(&Value::Null)))
}

/// Returns the JSON names and the values of the columns of a row. If several columns have the same
/// name, only the first is returned.
fn columns(record: &Record) -> impl Iterator<Item = (Cow<'_, str>, &Value)> {
    let mut seen = HashSet::new();
    record
        .iter()
        .filter(move |(column, _)| seen.insert(*column))
        .map(|(column, value)| (name(column), value))
}

/// Returns a name in Cassandra's JSON form: in double quotes unless it is lower case.
fn name(name: &str) -> Cow<'_, str> {
    match name == name.to_lowercase() {
        true => name.into(),
        false => format!("\"{name}\"").into(),
    }
}

/// Returns the JSON object key for a map key. A map key whose JSON is a string becomes that string.
/// Any other map key becomes the text of its JSON.
fn key(value: &Value) -> Cow<'_, str> {
    match Form::of(value) {
        Form::Text(text) => text,
        form => form.to_string().into(),
    }
}

/// Formats as JSON text.
impl fmt::Display for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => quoted(f, text),
            Self::Array(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{}", comma(index), Form::of(value))?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                object(f, entries.iter().map(|(map_key, value)| (key(map_key), value)))
            }
            Self::Udt(udt, values) => object(f, fields(udt, values)),
        }
    }
}

fn object<'v>(
    f: &mut fmt::Formatter<'_>,
    entries: impl Iterator<Item = (Cow<'v, str>, &'v Value)>,
) -> fmt::Result {
    f.write_str("{")?;
    for (index, (key, value)) in entries.enumerate() {
        f.write_str(comma(index))?;
        quoted(f, &key)?;
        write!(f, ": {}", Form::of(value))?;
    }
    f.write_str("}")
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\0'..' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            _ => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

const fn comma(index: usize) -> &'static str {
    if index == 0 { "" } else { ", " }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::types::{Date, Duration, Timestamp};

    fn decimal_of(unscaled: i128, scale: i32) -> Value {
        Value::Decimal(Decimal { scale, unscaled: Varint::from(unscaled) })
    }

    #[test]
    fn numbers_that_fit_into_64_bits_exactly_are_numbers_and_others_are_strings() {
        let text = |text: &'static str| Form::Text(text.into());
        for (value, form) in [
            (Value::Varint(Varint::from(i128::from(i64::MIN))), Form::Integer(i64::MIN)),
            (Value::Varint(Varint::from(i128::from(u64::MAX))), Form::Unsigned(u64::MAX)),
            (Value::Varint(Varint::from(1_i128 << 64)), text("18446744073709551616")),
            (decimal_of(-105, 2), Form::Float(-1.05)),
            (decimal_of(10, 1), Form::Float(1.0)),
            (decimal_of(0, 1), Form::Float(0.0)),
            (decimal_of(7, 0), Form::Integer(7)),
            (decimal_of(1, 5), Form::Float(0.00001)),
            (decimal_of(1, 6), text("0.000001")),
            (decimal_of(110, 2), text("1.10")),
            (decimal_of(1, -3), text("1E+3")),
            (decimal_of(999_999_999_999_999, 15), Form::Float(0.999999999999999)),
            (decimal_of(1_000_000_000_000_001, 15), text("1.000000000000001")),
            (decimal_of(1, i32::MAX), text("1E-2147483647")),
            (decimal_of(1, i32::MIN), text("1E+2147483648")),
            (Value::Float(0.1), Form::Float(0.1)),
            (Value::Float(f32::MIN_POSITIVE), Form::Float(1.1754944e-38)),
            (Value::Double(f64::NAN), text("NaN")),
            (Value::Float(f32::NEG_INFINITY), text("-Infinity")),
        ] {
            assert_eq!(Form::of(&value), form, "{value}");
        }
    }

    #[test]
    fn keys_are_strings_or_the_text_of_their_json() {
        let list = Value::List(vec![Value::Int(1), Value::Text("a\"\\\n".into()), Value::Null]);
        let map = Value::Map(vec![(Value::Boolean(true), Value::Double(0.5))]);
        let duration = Value::Duration(Duration { days: 1, ..Duration::default() });
        for (value, text) in [
            (Value::Text("a \"b\"".into()), "a \"b\""),
            (Value::Int(-1), "-1"),
            (Value::Timestamp(Timestamp(-1)), "1969-12-31 23:59:59.999Z"),
            (Value::Blob(vec![0xca, 0xfe].into()), "0xcafe"),
            (duration, "1d"),
            (Value::Inet(Ipv4Addr::LOCALHOST.into()), "127.0.0.1"),
            (Value::Inet(Ipv6Addr::LOCALHOST.into()), "0:0:0:0:0:0:0:1"),
            (list, "[1, \"a\\\"\\\\\\u000a\", null]"),
            (map, "{\"true\": 0.5}"),
        ] {
            assert_eq!(key(&value), text);
        }
    }

    #[test]
    fn years_have_four_digits_or_a_sign() {
        for (days, text) in [
            (-719_529, "-0001-12-31"),
            (-719_528, "0000-01-01"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+10000-01-01"),
            (i32::MIN, "-5877641-06-23"),
        ] {
            assert_eq!(key(&Value::Date(Date(days))), text);
        }
    }

    #[test]
    fn timestamps_that_cassandra_versions_parse_differently_are_numbers() {
        for (millis, text) in [
            (CALENDAR.start() - 1, "-12219292800001"),
            (*CALENDAR.start(), "1582-10-15 00:00:00.000Z"),
            (*CALENDAR.end(), "9999-12-31 23:59:59.999Z"),
            (CALENDAR.end() + 1, "253402300800000"),
        ] {
            assert_eq!(key(&Value::Timestamp(Timestamp(millis))), text);
        }
    }

    #[test]
    fn names_that_are_not_lower_case_are_in_quotes() {
        assert_eq!(name("user_1"), "user_1");
        assert_eq!(name("userName"), "\"userName\"");
    }
}
