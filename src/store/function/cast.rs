//! `CAST` between native types.

use super::number::Number;
use super::signature::{NUMBERS, Scalar, Signature};
use crate::message::{ErrorCode, ServerError};
use crate::store::clock::milliseconds_of;
use crate::store::error::unsupported;
use crate::store::json;
use crate::types::{CqlType, Date, NativeType, Timestamp, Value};

use NativeType as Native;

/// Types besides the numbers that can be cast to text.
const TEXTUAL: [Native; 8] = [
    Native::Uuid,
    Native::TimeUuid,
    Native::Ascii,
    Native::Timestamp,
    Native::Time,
    Native::Inet,
    Native::Boolean,
    Native::Date,
];

/// Returns the signatures of the casts to one type, whose function is named `cast_as_` and the type.
pub(super) fn signatures(name: &str) -> Vec<Signature> {
    let Some(Ok(CqlType::Native(target))) = name.strip_prefix("cast_as_").map(str::parse) else {
        return Vec::new();
    };
    let sources: Vec<Native> = match target {
        Native::Text => NUMBERS.into_iter().chain(TEXTUAL).collect(),
        Native::Ascii => NUMBERS.into_iter().chain(TEXTUAL).filter(|of| *of != target).collect(),
        Native::Date => vec![Native::Timestamp, Native::TimeUuid],
        Native::Timestamp => vec![Native::Date, Native::TimeUuid],
        Native::Counter => Vec::new(),
        _ if NUMBERS.contains(&target) => {
            NUMBERS.into_iter().filter(|number| *number != target).collect()
        }
        _ => Vec::new(),
    };
    let signature = |source: Native| Signature {
        scalar: Scalar::Cast,
        arguments: vec![source.into()],
        result: target.into(),
    };
    sources.into_iter().map(signature).collect()
}

/// Returns a value as a value of another type. Numbers that are too large wrap around or are limited,
/// as in Java.
///
/// # Errors
/// Returns a SERVER_ERROR if Java has no such number, or an INVALID error if it has too many digits.
pub(super) fn cast(value: &Value, target: &CqlType) -> Result<Value, ServerError> {
    let CqlType::Native(target) = target else { return Ok(Value::Null) };
    let cast = match target {
        Native::Text => Value::Text(text(value)),
        Native::Ascii => Value::Ascii(text(value)),
        Native::Date => instant(value).and_then(Timestamp::date).map_or(Value::Null, Value::Date),
        Native::Timestamp => instant(value).map_or(Value::Null, Value::Timestamp),
        _ => Number::of(value).map_or(Value::Null, |number| number.cast(*target)),
    };
    let is_finite = match value {
        Value::Double(number) => number.is_finite(),
        Value::Float(number) => number.is_finite(),
        _ => true,
    };
    match cast {
        Value::Null if !is_finite => Err(ServerError::new(
            ErrorCode::Server,
            format!(
                "java.lang.NumberFormatException: Character {} is neither a decimal digit number, \
                 decimal point, nor \"e\" notation exponential mark.",
                text(value).trim_start_matches('-').chars().next().unwrap_or('N')
            ),
        )),
        Value::Null if NUMBERS.contains(target) => {
            Err(unsupported(&format!("the cast of {value} to {target}")))
        }
        cast => Ok(cast),
    }
}

fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Timestamp(instant) => Some(*instant),
        Value::TimeUuid(uuid) => Some(Timestamp(milliseconds_of(uuid))),
        Value::Date(Date(days)) => Some(Timestamp(i64::from(*days).saturating_mul(86_400_000))),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Ascii(text) | Value::Text(text) => text.clone(),
        Value::Timestamp(instant) => json::timestamp(*instant).replacen(' ', "T", 1),
        Value::Double(number) => json::double(*number),
        Value::Float(number) => json::float(*number),
        other => json::to_json(other).trim_matches('"').to_owned(),
    }
}
