//! Printing a value as cqlsh prints it, which is not quite as CQL writes it.

use crate::types::{Duration, Timestamp, Value};

/// A value of a column.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Ascii(text) | Value::Text(text) => escaped(text),
        Value::Inet(address) => address.to_string(),
        Value::Timestamp(instant) => timestamp(*instant),
        value => within(value),
    }
}

/// A value inside a collection: text, addresses and instants stand in quotes there.
fn within(value: &Value) -> String {
    let joined = |values: &[Value]| values.iter().map(within).collect::<Vec<_>>().join(", ");
    match value {
        Value::Empty => String::new(),
        Value::Ascii(text) | Value::Text(text) => {
            format!("'{}'", escaped(&text.replace('\'', "''")))
        }
        Value::Timestamp(instant) => format!("'{}'", timestamp(*instant)),
        Value::Boolean(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Duration(duration) if *duration == Duration::default() => String::new(),
        Value::Duration(duration) => duration.to_string(),
        Value::Double(number) => float(*number),
        Value::Float(number) => float((*number).into()),
        Value::List(values) | Value::Vector(values) => format!("[{}]", joined(values)),
        Value::Set(values) => format!("{{{}}}", joined(values)),
        Value::Tuple(values) => format!("({})", joined(values)),
        Value::Map(entries) => {
            let entry =
                |(key, value): &(Value, Value)| format!("{}: {}", within(key), within(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::Udt { udt, fields } => {
            // Fields that are younger than the value are null.
            let values = fields.iter().chain(std::iter::repeat(&Value::Null));
            let field =
                |((name, _), value): (&(String, _), &Value)| format!("{name}: {}", within(value));
            format!(
                "{{{}}}",
                udt.fields.iter().zip(values).map(field).collect::<Vec<_>>().join(", ")
            )
        }
        value => value.to_string(),
    }
}

/// Text with everything that a terminal would not show written as Python writes it.
fn escaped(text: &str) -> String {
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

/// An instant to the microsecond; one whose year has not four digits, as its milliseconds.
fn timestamp(instant: Timestamp) -> String {
    let printed = instant.to_string();
    match printed.split_once('.') {
        Some((seconds, rest)) if seconds.len() == "2012-05-14 12:53:20".len() => {
            format!("{seconds}.{}000{}", &rest[..3], &rest[3..])
        }
        _ => instant.0.to_string(),
    }
}

/// A floating point number with five digits after its first ones.
#[expect(clippy::cast_possible_truncation, reason = "exponents are between -324 and 308")]
fn float(number: f64) -> String {
    if !number.is_finite() {
        return Value::Double(number).to_string();
    }
    let exponent = if number == 0.0 { 0 } else { number.abs().log10() as i32 };
    let precision = if (-4..5).contains(&exponent) { 5 + exponent + 1 } else { 5 };
    general(number, usize::try_from(precision).unwrap_or(1).max(1))
}

/// What C's `%.*g` prints: `precision` digits, without the zeros at their end.
fn general(number: f64, precision: usize) -> String {
    let scientific = format!("{number:.*e}", precision - 1);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match usize::try_from(i32::try_from(precision).unwrap_or(i32::MAX) - 1 - exponent) {
        Ok(decimals) if exponent >= -4 => trimmed(&format!("{number:.decimals$}")),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_cqlsh_prints_them() {
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
            assert_eq!(cell(&Value::Double(number)), printed);
        }
    }

    #[test]
    fn text_is_quoted_inside_collections_only() {
        let text = Value::Text("it's\t\u{7f}".into());
        assert_eq!(cell(&text), "it's\\t\\x7f");
        assert_eq!(cell(&Value::List(vec![text, Value::Null])), "['it''s\\t\\x7f', null]");
        assert_eq!(cell(&Value::Inet([127, 0, 0, 1].into())), "127.0.0.1");
        assert_eq!(cell(&Value::Boolean(true)), "True");
        assert_eq!(cell(&Value::Blob(vec![].into())), "0x");
    }

    #[test]
    fn instants_have_microseconds() {
        let instant = Value::Timestamp(Timestamp(1_336_999_998_123));
        assert_eq!(cell(&instant), "2012-05-14 12:53:18.123000+0000");
        assert_eq!(cell(&Value::Timestamp(Timestamp(i64::MAX))), "9223372036854775807");
    }
}
