//! Formats values like cqlsh, whose output differs in details from CQL literals.

use crate::types::{Duration, Timestamp, Value};

/// Formats a value that is a whole cell. Text and timestamps are not quoted.
pub(super) fn format_cell(value: &Value) -> String {
    match value {
        Value::Ascii(text) | Value::Text(text) => escape(text),
        Value::Inet(address) => address.to_string(),
        Value::Timestamp(instant) => format_timestamp(*instant),
        value => format_nested(value),
    }
}

/// Formats a value inside a collection, where text and timestamps are quoted.
fn format_nested(value: &Value) -> String {
    let joined = |values: &[Value]| values.iter().map(format_nested).collect::<Vec<_>>().join(", ");
    match value {
        Value::Empty => String::new(),
        Value::Ascii(text) | Value::Text(text) => {
            format!("'{}'", escape(&text.replace('\'', "''")))
        }
        Value::Timestamp(instant) => format!("'{}'", format_timestamp(*instant)),
        Value::Boolean(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Duration(duration) if *duration == Duration::default() => String::new(),
        Value::Duration(duration) => duration.to_string(),
        Value::Double(number) => format_float(*number),
        Value::Float(number) => format_float((*number).into()),
        Value::List(values) | Value::Vector(values) => format!("[{}]", joined(values)),
        Value::Set(values) => format!("{{{}}}", joined(values)),
        Value::Tuple(values) => format!("({})", joined(values)),
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| {
                format!("{}: {}", format_nested(key), format_nested(value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::Udt { udt, fields } => {
            // A value written before a field was added to the type lacks that field. Print null.
            let values = fields.iter().chain(std::iter::repeat(&Value::Null));
            let field = |((name, _), value): (&(String, _), &Value)| {
                format!("{name}: {}", format_nested(value))
            };
            format!(
                "{{{}}}",
                udt.fields.iter().zip(values).map(field).collect::<Vec<_>>().join(", ")
            )
        }
        value => value.to_string(),
    }
}

/// Escapes control characters and backslashes like Python.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{a0}' => {
                escaped.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Formats a timestamp as a date and a time with microseconds. If the year does not have four digits,
/// formats it as the number of milliseconds since 1970.
fn format_timestamp(instant: Timestamp) -> String {
    let printed = instant.to_string();
    match printed.split_once('.') {
        Some((seconds, rest)) if seconds.len() == "2012-05-14 12:53:20".len() => {
            format!("{seconds}.{}000{}", &rest[..3], &rest[3..])
        }
        _ => instant.0.to_string(),
    }
}

/// Formats a floating point number like cqlsh: with five digits after the decimal point (six below 1),
/// or with five significant digits if it is very small or very large.
#[expect(clippy::cast_possible_truncation, reason = "exponents are between -324 and 308")]
fn format_float(number: f64) -> String {
    if !number.is_finite() {
        return Value::Double(number).to_string();
    }
    let exponent = if number == 0.0 { 0 } else { number.abs().log10() as i32 };
    let precision = if (-4..5).contains(&exponent) { 5 + exponent + 1 } else { 5 };
    format_general(number, usize::try_from(precision).unwrap_or(1).max(1))
}

/// Formats like C's `%.*g`: `precision` significant digits, without trailing zeros.
fn format_general(number: f64, precision: usize) -> String {
    let scientific = format!("{number:.*e}", precision - 1);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim_zeros = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match usize::try_from(i32::try_from(precision).unwrap_or(i32::MAX) - 1 - exponent) {
        Ok(decimals) if exponent >= -4 => trim_zeros(&format!("{number:.decimals$}")),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trim_zeros(digits), exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_floats_like_cqlsh() {
        for (number, printed) in [
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333"),
            (99_999.0, "99999"),
            (100_000.0, "1e+05"),
            (f64::from(123_456.79_f32), "1.2346e+05"),
            (12_345.678_912, "12345.67891"),
            (1e7, "1e+07"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(format_cell(&Value::Double(number)), printed);
        }
    }

    #[test]
    fn quotes_text_only_inside_collections() {
        let text = Value::Text("it's\t\u{7f}".into());
        assert_eq!(format_cell(&text), "it's\\t\\x7f");
        assert_eq!(format_cell(&Value::List(vec![text, Value::Null])), "['it''s\\t\\x7f', null]");
        assert_eq!(format_cell(&Value::Inet([127, 0, 0, 1].into())), "127.0.0.1");
        assert_eq!(format_cell(&Value::Boolean(true)), "True");
        assert_eq!(format_cell(&Value::Blob(vec![].into())), "0x");
    }

    #[test]
    fn formats_timestamps_with_microseconds() {
        let instant = Value::Timestamp(Timestamp(1_336_999_998_123));
        assert_eq!(format_cell(&instant), "2012-05-14 12:53:18.123000+0000");
        assert_eq!(format_cell(&Value::Timestamp(Timestamp(i64::MAX))), "9223372036854775807");
    }
}
