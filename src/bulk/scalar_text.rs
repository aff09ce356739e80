//! The text of a value in a CSV field.

use std::io::Write;

use crate::types::{CqlType, NativeType, Value};

/// Appends the text of a value that is not null.
pub(super) fn write_text(value: &Value, out: &mut Vec<u8>) {
    let written = match value {
        Value::Ascii(text) | Value::Text(text) => out.write_all(text.as_bytes()),
        Value::Inet(address) => write!(out, "{address}"),
        Value::Date(date) => write!(out, "{date}"),
        Value::Time(time) => write!(out, "{time}"),
        Value::Timestamp(_) => {
            // Its literal is a number if versions of Cassandra disagree on the text of the instant.
            write!(out, "{}", value.to_string().trim_matches('\''))
        }
        value => write!(out, "{value}"),
    };
    debug_assert!(written.is_ok(), "writing to a Vec does not fail");
}

/// Parses the text of a value of `cql_type` that is not null.
///
/// # Errors
/// Returns the reason if the text is not a value of the type.
pub(super) fn parse_text(cql_type: &CqlType, text: &str) -> Result<Value, String> {
    match cql_type {
        CqlType::Native(NativeType::Text) => Ok(Value::Text(text.to_owned())),
        CqlType::Native(NativeType::Ascii) if text.is_ascii() => Ok(Value::Ascii(text.to_owned())),
        CqlType::Native(NativeType::Ascii) => Err("not US-ASCII text".to_owned()),
        _ if text.trim_ascii() == "''" => Ok(Value::Empty),
        CqlType::Native(native) => scalar(*native, text.trim_ascii(), cql_type),
        _ => Value::parse(cql_type, text).or_else(|error| {
            let quoted = quote_bare_words(text).ok_or_else(|| error.to_string())?;
            Value::parse(cql_type, &quoted).map_err(|_| error.to_string())
        }),
    }
}

fn scalar(native: NativeType, text: &str, cql_type: &CqlType) -> Result<Value, String> {
    // The text `null` would parse as a literal.
    let literal = || match text.eq_ignore_ascii_case("null") {
        true => {
            Err("null is not written as a word: leave the field empty, or use --null".to_owned())
        }
        false => Value::parse(cql_type, text).map_err(|error| error.to_string()),
    };
    let parsed = |value: Option<Value>| value.map_or_else(literal, Ok);
    match native {
        NativeType::Int => parsed(text.parse().ok().map(Value::Int)),
        NativeType::BigInt => parsed(text.parse().ok().map(Value::BigInt)),
        NativeType::Counter => parsed(text.parse().ok().map(Value::Counter)),
        NativeType::SmallInt => parsed(text.parse().ok().map(Value::SmallInt)),
        NativeType::TinyInt => parsed(text.parse().ok().map(Value::TinyInt)),
        NativeType::Inet => match text.parse() {
            Ok(address) => Ok(Value::Inet(address)),
            Err(_) => Err("not an IPv4 or IPv6 address".to_owned()),
        },
        // A number is not accepted: cqlsh writes days since 1970, but CQL literals count from 2^31 days before it.
        NativeType::Date if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err("not a date such as 2024-02-29".to_owned())
        }
        NativeType::Date => text.parse().map(Value::Date).map_err(|error| error.to_string()),
        NativeType::Time => text.parse().map(Value::Time).map_err(|error| error.to_string()),
        NativeType::Timestamp => {
            text.parse().map(Value::Timestamp).map_err(|error| error.to_string())
        }
        _ => literal(),
    }
}

/// Returns the literal with dates and times in quotes, which cqlsh writes without quotes inside of collections, and
/// with `null` where cqlsh writes `None` in a tuple or nothing in a user-defined type. Returns `None` if there are
/// none.
fn quote_bare_words(literal: &str) -> Option<String> {
    let is_delimiter = |c: char| c.is_whitespace() || "[]{}(),".contains(c);
    let mut quoted = String::with_capacity(literal.len() + 16);
    let mut lacks_value = false;
    // Parts with odd indexes are inside of single quotes. A doubled quote ends one such part and starts another.
    for (index, part) in literal.split('\'').enumerate() {
        if index > 0 {
            quoted.push('\'');
        }
        if index % 2 == 1 {
            lacks_value = false;
            quoted.push_str(part);
            continue;
        }
        for word in part.split_inclusive(is_delimiter) {
            let bare = word.trim_end_matches(is_delimiter);
            // The colon after the key of a map.
            let (bare, colon) = match bare.strip_suffix(':') {
                Some(bare) => (bare, ":"),
                None => (bare, ""),
            };
            let rest = word.get(bare.len() + colon.len()..).unwrap_or_default();
            let is_end = bare.is_empty() && rest.starts_with([',', '}']);
            match bare {
                "" if is_end && lacks_value => quoted.push_str("null"),
                "None" => quoted.push_str("null"),
                _ if is_date_or_time(bare) => quoted.push_str(&format!("'{bare}'")),
                _ => quoted.push_str(bare),
            }
            quoted.push_str(colon);
            quoted.push_str(rest);
            // A blank after the colon changes nothing.
            let is_blank = bare.is_empty() && colon.is_empty() && rest.trim().is_empty();
            lacks_value = !colon.is_empty() || (lacks_value && is_blank);
        }
    }
    (quoted != literal).then_some(quoted)
}

fn is_date_or_time(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = |separator: char| word.split(separator).collect::<Vec<_>>();
    match (&*parts('-'), &*parts(':')) {
        ([year, month, day], _) => {
            year.len() == 4
                && month.len() == 2
                && [year, month, day].into_iter().all(|part| digits(part))
                && day.len() == 2
        }
        (_, [hour, minute, second]) => {
            digits(hour) && digits(minute) && second.split('.').all(digits)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::types::{Date, Duration, Timestamp, UdtType};

    fn of(cql_type: &str) -> CqlType {
        cql_type.parse().unwrap()
    }

    fn assert_round_trips(cql_type: &str, value: &Value, expected: &str) {
        let mut text = Vec::new();
        write_text(value, &mut text);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, expected);
        assert_eq!(parse_text(&of(cql_type), &text).as_ref(), Ok(value));
    }

    #[test]
    fn scalars_have_no_quotes_and_composites_are_literals() {
        let text = |text: &str| Value::Text(text.into());
        for (cql_type, value, expected) in [
            ("text", text("it's \\ \"x\"\r\n\0 "), "it's \\ \"x\"\r\n\0 "),
            ("text", text("''"), "''"),
            ("text", text("null"), "null"),
            ("int", Value::Int(i32::MIN), "-2147483648"),
            ("int", Value::Empty, "''"),
            ("list<int>", Value::Empty, "''"),
            ("double", Value::Double(-0.0), "-0.0"),
            ("double", Value::Double(5e-324), "5e-324"),
            ("float", Value::Float(0.1), "0.1"),
            ("float", Value::Float(f32::NEG_INFINITY), "-Infinity"),
            ("boolean", Value::Boolean(true), "true"),
            ("blob", Value::Blob(vec![].into()), "0x"),
            ("blob", Value::Blob(vec![0xca, 0xfe].into()), "0xcafe"),
            ("inet", Value::Inet("::ffff:1.2.3.4".parse().unwrap()), "::ffff:1.2.3.4"),
            ("date", Value::Date(Date(i32::MIN)), "-5877641-06-23"),
            ("date", Value::Date(Date(i32::MAX)), "5881580-07-11"),
            ("timestamp", Value::Timestamp(Timestamp(0)), "1970-01-01 00:00:00.000+0000"),
            ("timestamp", Value::Timestamp(Timestamp(i64::MAX)), "9223372036854775807"),
            ("duration", Value::Duration(Duration::default()), "0ns"),
            ("list<text>", Value::List(vec![text("a"), text("it's")]), "['a', 'it''s']"),
            ("map<text, int>", Value::Map(vec![(text("a"), Value::Int(1))]), "{'a': 1}"),
            ("tuple<int, int>", Value::Tuple(vec![Value::Null, Value::Empty]), "(null, '')"),
        ] {
            assert_round_trips(cql_type, &value, expected);
        }
    }

    #[test]
    fn the_text_that_cqlsh_writes_is_accepted() {
        for (cql_type, text, literal) in [
            ("timestamp", "2024-01-01 00:00:00.123000+0000", "'2024-01-01 00:00:00.123+0000'"),
            ("boolean", "True", "true"),
            ("list<boolean>", "[True, False]", "[true, false]"),
            ("list<date>", "[2024-01-01, 2024-01-02]", "['2024-01-01', '2024-01-02']"),
            (
                "map<date, time>",
                "{2024-01-01: 01:02:03.000000004}",
                "{'2024-01-01': '01:02:03.000000004'}",
            ),
            ("map<time, int>", "{01:02:03.000000004: 5}", "{'01:02:03.000000004': 5}"),
            (
                "set<timestamp>",
                "{'2024-01-01 00:00:00.000000+0000'}",
                "{'2024-01-01 00:00:00.000+0000'}",
            ),
            ("tuple<int, text>", "(None, 'None')", "(null, 'None')"),
            ("double", " 1e+05 ", "100000.0"),
        ] {
            let value = parse_text(&of(cql_type), text).unwrap();
            assert_eq!(value, Value::parse(&of(cql_type), literal).unwrap(), "{text}");
        }
    }

    #[test]
    fn a_field_that_cqlsh_leaves_empty_is_null() {
        let fields = ["a", "b"].map(|name| (name.to_owned(), NativeType::Text.into()));
        let (keyspace, name) = ("ks".to_owned(), "pair".to_owned());
        let udt = UdtType { keyspace, name, fields: fields.to_vec() };
        let cql_type = CqlType::List(Box::new(CqlType::Udt(Arc::new(udt))));
        let text = "[{a: , b: }, {a: ': , ', b: }, {a: , b: 'x'}]";
        let expected = "[{a: null, b: null}, {a: ': , ', b: null}, {a: null, b: 'x'}]";
        assert_eq!(parse_text(&cql_type, text).unwrap().to_string(), expected);
    }

    #[test]
    fn text_of_another_type_is_an_error() {
        for (cql_type, text) in [
            ("int", "null"),
            ("int", "2147483648"),
            ("int", "1.0"),
            ("int", "+"),
            ("date", "19782"),
            ("blob", "cafe"),
            ("boolean", "1"),
            ("inet", "'127.0.0.1'"),
            ("ascii", "é"),
            ("double", "1e999"),
            ("list<int>", "1"),
            ("list<date>", "[2024-13-01]"),
        ] {
            assert!(parse_text(&of(cql_type), text).is_err(), "{cql_type} {text}");
        }
    }
}
