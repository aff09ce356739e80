//! Parses a line of JSON as the keys and values of a row.

use std::borrow::Cow;
use std::fmt;

use serde_core::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::unique_json::UniqueJson;
use crate::types::{CqlType, NativeType, Value};

/// Parses an object. Its values are not parsed, because the text of numbers matters.
///
/// # Errors
/// Returns the reason if the line is not an object.
pub(super) fn parse_object(line: &[u8]) -> Result<Vec<(String, &RawValue)>, String> {
    let pairs: Result<Pairs<'_>, _> = serde_json::from_slice(line);
    pairs.map(|pairs| pairs.0).map_err(|error| match line.trim_ascii_start().first() {
        Some(b'{') => format!("invalid JSON: {}", without_line(&error)),
        _ => "the line is not a JSON object".to_owned(),
    })
}

/// The keys and values of an object, of which two may have the same key.
struct Pairs<'l>(Vec<(String, &'l RawValue)>);

impl<'l> Deserialize<'l> for Pairs<'l> {
    fn deserialize<D: Deserializer<'l>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;

        impl<'l> Visitor<'l> for PairsVisitor {
            type Value = Pairs<'l>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'l>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(PairsVisitor)
    }
}

/// Parses the JSON of a value of `cql_type`.
///
/// # Errors
/// Returns the reason if the JSON is not a value of the type, or if one of its objects has a key twice.
pub(super) fn parse_value(cql_type: &CqlType, json: &RawValue) -> Result<Value, String> {
    let text = match has_exact_numbers(cql_type) {
        true => quote_numbers(json.get()),
        false => Cow::Borrowed(json.get()),
    };
    let UniqueJson(json) = serde_json::from_str(&text).map_err(|error| without_line(&error))?;
    Value::from_json(cql_type, &json).map_err(|error| error.to_string())
}

/// Returns the text of an error about one line. serde_json counts lines within it.
fn without_line(error: &serde_json::Error) -> String {
    error.to_string().replace("line 1 column", "byte")
}

/// Returns true if values of the type contain numbers that a 64-bit number may not represent exactly.
fn has_exact_numbers(cql_type: &CqlType) -> bool {
    match cql_type {
        CqlType::Native(native) => matches!(native, NativeType::Decimal | NativeType::Varint),
        CqlType::List(element) | CqlType::Set(element) => has_exact_numbers(element),
        CqlType::Map(pair) => has_exact_numbers(&pair.0) || has_exact_numbers(&pair.1),
        CqlType::Tuple(elements) => elements.iter().any(has_exact_numbers),
        CqlType::Udt(udt) => udt.fields.iter().any(|(_, field)| has_exact_numbers(field)),
        CqlType::Vector(vector) => has_exact_numbers(&vector.element),
        _ => false,
    }
}

/// Returns the JSON text with each number as a string. serde_json would round it to a 64-bit number.
fn quote_numbers(json: &str) -> Cow<'_, str> {
    let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let mut quoted = String::new();
    let mut rest = json;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let (before, at) = rest.split_at(start);
        quoted.push_str(before);
        let end = match at.strip_prefix('"') {
            Some(string) => 1 + string_length(string),
            None => at.find(|c| !is_number(c)).unwrap_or(at.len()),
        };
        let (token, after) = at.split_at_checked(end).unwrap_or((at, ""));
        match token.starts_with('"') {
            true => quoted.push_str(token),
            false => {
                quoted.push('"');
                quoted.push_str(token);
                quoted.push('"');
            }
        }
        rest = after;
    }
    if quoted.is_empty() {
        return Cow::Borrowed(json);
    }
    quoted.push_str(rest);
    Cow::Owned(quoted)
}

/// Returns the length of a JSON string after its first quote, with the last quote.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(cql_type: &str, json: &str) -> Result<String, String> {
        let cql_type = cql_type.parse().unwrap();
        let line = format!("{{\"a\": {json}}}");
        let object = parse_object(line.as_bytes())?;
        parse_value(&cql_type, object[0].1).map(|value| value.to_string())
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (cql_type, json, literal) in [
            ("decimal", "1.10", "1.10"),
            ("decimal", "\"1.10\"", "1.10"),
            ("decimal", "1e400", "1E+400"),
            ("varint", "123456789012345678901234567890", "123456789012345678901234567890"),
            ("list<decimal>", "[1.10, -2, \"3\"]", "[1.10, -2, 3]"),
            ("tuple<varint, text, double>", "[1, \"a\\\"1\\\\\", 0.1]", "(1, 'a\"1\\', 0.1)"),
            ("map<text, varint>", "{\"1\": 2}", "{'1': 2}"),
            ("double", "0.1", "0.1"),
        ] {
            assert_eq!(parse(cql_type, json).as_deref(), Ok(literal));
        }
    }

    #[test]
    fn invalid_json_is_an_error() {
        for (line, expected) in [
            ("[1]", "the line is not a JSON object"),
            ("{\"a\": 1", "invalid JSON: EOF while parsing an object at byte 7"),
            ("{\"a\": 01}", "invalid JSON: invalid number at byte 8"),
        ] {
            assert_eq!(parse_object(line.as_bytes()).unwrap_err(), expected);
        }
        assert!(parse_object(b"{\"a\": \"\xff\"}").is_err());
        assert!(parse("varint", "1.5").is_err());
        assert!(parse("text", "1").is_err());
        let error = parse("map<text, int>", "{\"k\": 1, \"k\": 2}").unwrap_err();
        assert!(error.starts_with("an object has the key \"k\" twice at byte "), "{error}");
    }
}
