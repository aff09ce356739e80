//! Constants as values of a type.

use crate::cql::Literal;
use crate::message::ServerError;
use crate::store::error::invalid;
use crate::store::fit::Fit;
use crate::store::type_text::{TypeText, unparsable};
use crate::types::{CqlType, NativeType, Value};

/// Returns the type that a constant has by itself, or `None` for null.
pub(super) fn preferred(literal: &Literal) -> Option<NativeType> {
    Some(match literal {
        Literal::Null => return None,
        Literal::Boolean(_) => NativeType::Boolean,
        Literal::String(text) if text.is_ascii() => NativeType::Ascii,
        Literal::String(_) => NativeType::Text,
        Literal::Integer(number) if number.parse::<i32>().is_ok() => NativeType::Int,
        Literal::Integer(number) if number.parse::<i64>().is_ok() => NativeType::BigInt,
        Literal::Integer(_) => NativeType::Varint,
        Literal::Float(_) => NativeType::Double,
        Literal::Duration(_) => NativeType::Duration,
        Literal::Uuid(_) => NativeType::Uuid,
        Literal::Blob(_) => NativeType::Blob,
    })
}

/// Returns the fit of a constant for a type.
pub(super) fn fit(literal: &Literal, cql_type: &CqlType) -> Fit {
    use NativeType as Native;
    let native = match cql_type {
        _ if *literal == Literal::Null => return Fit::Weak,
        CqlType::Native(native) => *native,
        CqlType::Custom(_) => return Fit::Weak,
        _ => return Fit::No,
    };
    if preferred(literal) == Some(native) {
        return Fit::Exact;
    }
    let fits = match literal {
        Literal::Null => true,
        Literal::Boolean(_) => native == Native::Boolean,
        Literal::String(_) => matches!(
            native,
            Native::Ascii
                | Native::Text
                | Native::Inet
                | Native::Date
                | Native::Time
                | Native::Timestamp
        ),
        Literal::Integer(_) => matches!(
            native,
            Native::BigInt
                | Native::Counter
                | Native::Date
                | Native::Decimal
                | Native::Double
                | Native::Duration
                | Native::Float
                | Native::Int
                | Native::SmallInt
                | Native::Time
                | Native::Timestamp
                | Native::TinyInt
                | Native::Varint
        ),
        Literal::Float(_) => matches!(native, Native::Decimal | Native::Double | Native::Float),
        Literal::Duration(_) => native == Native::Duration,
        Literal::Uuid(_) => matches!(native, Native::Uuid | Native::TimeUuid),
        // Cassandra accepts blobs for `tinyint`, but stores those of another length as they are.
        Literal::Blob(digits) => {
            native == Native::Blob || (native == Native::TinyInt && digits.len() == 2)
        }
    };
    if fits { Fit::Weak } else { Fit::No }
}

/// Returns a constant as a value of a type.
///
/// # Errors
/// Returns the INVALID error of Cassandra if the constant is no value of the type.
pub(super) fn value(
    literal: &Literal,
    cql_type: &CqlType,
    receiver: &str,
) -> Result<Value, ServerError> {
    if fit(literal, cql_type) == Fit::No {
        let (kind, text) = kind_and_text(literal);
        return Err(invalid(format!(
            "Invalid {kind} constant ({text}) for \"{}\" of type {}",
            receiver,
            TypeText(cql_type)
        )));
    }
    if let (Literal::Blob(digits), CqlType::Native(NativeType::TinyInt)) = (literal, cql_type)
        && let Ok(byte) = u8::from_str_radix(digits, 16)
    {
        return Ok(Value::TinyInt(byte.cast_signed()));
    }
    let parsed = Value::parse(cql_type, &literal.to_string());
    match (parsed, literal) {
        (Ok(Value::TimeUuid(uuid)), _) if uuid.get_version_num() != 1 => {
            Err(invalid("TimeUUID supports only version 1 UUIDs"))
        }
        // An empty string is a value of text and blob only.
        (Ok(value), _) if value != Value::Empty => Ok(value),
        _ => {
            let (_, text) = kind_and_text(literal);
            Err(invalid(unparsable(cql_type, &text)))
        }
    }
}

/// Returns the kind and the text of a constant, as Cassandra names them.
fn kind_and_text(literal: &Literal) -> (&'static str, String) {
    let kind = match literal {
        Literal::Null => "NULL",
        Literal::Boolean(_) => "BOOLEAN",
        Literal::String(text) => return ("STRING", text.clone()),
        Literal::Integer(_) => "INTEGER",
        Literal::Float(_) => "FLOAT",
        Literal::Duration(_) => "DURATION",
        Literal::Uuid(_) => "UUID",
        Literal::Blob(digits) => return ("HEX", digits.clone()),
    };
    (kind, literal.to_string())
}
