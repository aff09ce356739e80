//! Encodes the common texts of scalar values without the parser of all texts.

use std::str::{FromStr, from_utf8};

use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::types::{CqlType, NativeType, Timestamp};

/// Appends the `[value]` of `cql_type` whose text is `text`. Returns false, and appends nothing, if the text or the type is
/// not a common one: then [`parse_text`](super::scalar_text::parse_text) decides.
pub(super) fn encode_plain(cql_type: &CqlType, text: &[u8], out: &mut Vec<u8>) -> bool {
    let CqlType::Native(native) = cql_type else { return false };
    let appended = match native {
        NativeType::Text => from_utf8(text).ok().and_then(|text| append(out, text.as_bytes())),
        NativeType::Ascii if text.is_ascii() => append(out, text),
        NativeType::Int => integer(text).and_then(|number: i32| append(out, &number.to_be_bytes())),
        NativeType::BigInt | NativeType::Counter => {
            integer(text).and_then(|number: i64| append(out, &number.to_be_bytes()))
        }
        NativeType::SmallInt => {
            integer(text).and_then(|number: i16| append(out, &number.to_be_bytes()))
        }
        NativeType::TinyInt => {
            integer(text).and_then(|number: i8| append(out, &number.to_be_bytes()))
        }
        NativeType::Double => {
            finite(text).and_then(|number: f64| append(out, &number.to_be_bytes()))
        }
        NativeType::Float => {
            finite(text).and_then(|number: f32| append(out, &number.to_be_bytes()))
        }
        NativeType::Boolean => match text {
            b"true" | b"True" => append(out, &[1]),
            b"false" | b"False" => append(out, &[0]),
            _ => None,
        },
        NativeType::Uuid | NativeType::TimeUuid if text.len() == Hyphenated::LENGTH => {
            let uuid = Uuid::try_parse_ascii(text).ok();
            uuid.and_then(|uuid| append(out, uuid.as_bytes()))
        }
        NativeType::Timestamp => {
            let timestamp = Timestamp::from_printed(text);
            timestamp.and_then(|Timestamp(millis)| append(out, &millis.to_be_bytes()))
        }
        _ => None,
    };
    appended.is_some()
}

/// Appends a `[value]`. Returns `None` if it is longer than 2 GiB.
#[inline]
fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    let length = i32::try_from(bytes.len()).ok()?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

/// Most digits of a number that always fits in an `i64`.
const MAX_DIGITS: usize = 18;

/// Returns the whole number of up to [`MAX_DIGITS`] digits, if it is in range.
#[inline]
fn integer<T: TryFrom<i64>>(text: &[u8]) -> Option<T> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let number = digits.iter().try_fold(0_i64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(10 * number + i64::from(digit))
    })?;
    let is_negative = digits.len() < text.len();
    T::try_from(if is_negative { -number } else { number }).ok()
}

/// Returns the number that a literal of digits stands for, if it is in range. Rust also parses `inf`, `.5` and `+1`, which
/// are no literals.
fn finite<T: FromStr + Copy + Into<f64>>(text: &[u8]) -> Option<T> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let number = from_utf8(text).ok()?.parse().ok();
    number.filter(|number: &T| (*number).into().is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bulk::scalar_text::parse_text;
    use crate::wire::Writer;

    const TYPES: [NativeType; 14] = [
        NativeType::Ascii,
        NativeType::BigInt,
        NativeType::Boolean,
        NativeType::Counter,
        NativeType::Date,
        NativeType::Double,
        NativeType::Float,
        NativeType::Int,
        NativeType::SmallInt,
        NativeType::Text,
        NativeType::TimeUuid,
        NativeType::Timestamp,
        NativeType::TinyInt,
        NativeType::Uuid,
    ];

    /// Returns texts of values and texts that resemble them.
    fn text() -> impl Strategy<Value = String> {
        let timestamp = "[0-9]{4}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,7})?(Z|[+-][0-9]{2}:?[0-9]{2})?";
        let float = "-?[0-9]{1,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?";
        prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            any::<i32>().prop_map(|number| number.to_string()),
            any::<i16>().prop_map(|number| number.to_string()),
            any::<i8>().prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| format!("{number:?}")),
            any::<f32>().prop_map(|number| number.to_string()),
            any::<u128>().prop_map(|bits| Uuid::from_u128(bits).to_string()),
            (-100_000_000_000_000..300_000_000_000_000_i64)
                .prop_map(|millis| Timestamp(millis).to_string()),
            timestamp,
            float,
            prop::sample::select(vec![
                "",
                "''",
                "null",
                "true",
                "True",
                "FALSE",
                "false",
                "inf",
                "-nan",
                "NaN",
                "-Infinity",
                ".5",
                "+1",
                "-",
                "é",
            ])
            .prop_map(str::to_owned),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn common_texts_are_encoded_like_all_texts(
            text in text(),
            edit in prop::option::of((any::<prop::sample::Index>(), "[-+.:eTZ0-9 'a-f]?", 0..2_usize)),
        ) {
            let mut text = text;
            if let Some((index, with, removed)) = edit && text.is_ascii() {
                let start = index.index(text.len() + 1);
                let end = text.len().min(start + removed);
                text.replace_range(start..end, &with);
            }
            for native in TYPES {
                let cql_type = CqlType::Native(native);
                let mut plain = b"before".to_vec();
                if !encode_plain(&cql_type, text.as_bytes(), &mut plain) {
                    prop_assert_eq!(plain, b"before");
                    continue;
                }
                let value = parse_text(&cql_type, &text);
                let mut expected = b"before".to_vec();
                let value = value.map_err(TestCaseError::fail)?;
                value.encode(&cql_type, &mut Writer::new(&mut expected)).unwrap();
                prop_assert_eq!(plain, expected, "{} {}", cql_type, text);
            }
        }
    }

    #[test]
    fn the_texts_that_unload_writes_are_common() {
        for (native, text) in [
            (NativeType::Uuid, "6513270e-269e-0d37-f2a7-4de452e6b438"),
            (NativeType::Int, "-96"),
            (NativeType::Timestamp, "2024-01-01 00:00:59.000+0000"),
            (NativeType::BigInt, "-9007199254740993"),
            (NativeType::Counter, "7"),
            (NativeType::SmallInt, "-300"),
            (NativeType::TinyInt, "-128"),
            (NativeType::Float, "0.25"),
            (NativeType::Ascii, "a"),
            (NativeType::TimeUuid, "dd2a0d0e-8c1f-11ef-8f3a-0242ac120002"),
            (NativeType::Text, "user, 1"),
            (NativeType::Double, "-0.6509344730398537e-7"),
            (NativeType::Boolean, "true"),
        ] {
            assert!(
                encode_plain(&CqlType::Native(native), text.as_bytes(), &mut Vec::new()),
                "{text}"
            );
        }
    }
}
