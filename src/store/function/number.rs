//! Arithmetic on the number types.

use super::signature::Scalar;
use crate::message::ServerError;
use crate::store::error::unsupported;
use crate::types::{CqlType, Decimal, NativeType, Value, Varint};

/// A number of any type.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Number {
    Integer(i128),
    /// A `varint` or the digits of a `decimal` that do not fit into 128 bits.
    Large(Varint),
    Float(f32),
    Double(f64),
    Decimal(Decimal),
}

impl Number {
    /// Returns the number that a value is, or `None` if it is no number.
    pub(in crate::store) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Float(number) => Self::Float(*number),
            Value::Double(number) => Self::Double(*number),
            Value::Decimal(number) => Self::Decimal(number.clone()),
            Value::Varint(number) => match number.to_i128() {
                Some(number) => Self::Integer(number),
                None => Self::Large(number.clone()),
            },
            other => Self::Integer(other.as_i64()?.into()),
        })
    }

    /// Returns the number as a value of a number type, as the casts of Java do.
    #[expect(clippy::cast_possible_truncation, reason = "Java truncates, too")]
    pub(in crate::store) fn cast(&self, target: NativeType) -> Value {
        match target {
            NativeType::Double => Value::Double(self.to_double()),
            NativeType::Float => Value::Float(match self {
                Self::Float(number) => *number,
                other => other.to_double() as f32,
            }),
            NativeType::Decimal => self.to_decimal().map_or(Value::Null, Value::Decimal),
            // Cassandra casts by way of a 64-bit integer.
            NativeType::Varint => match self {
                Self::Large(number) => Value::Varint(number.clone()),
                Self::Integer(number) => Value::Varint(Varint::from(*number)),
                other => Value::Varint(Varint::from(other.to_i64())),
            },
            NativeType::BigInt => Value::BigInt(self.to_i64()),
            NativeType::Counter => Value::Counter(self.to_i64()),
            NativeType::Int => Value::Int(self.to_i32()),
            NativeType::SmallInt => Value::SmallInt(self.to_i32() as i16),
            NativeType::TinyInt => Value::TinyInt(self.to_i32() as i8),
            _ => Value::Null,
        }
    }

    pub(in crate::store) fn to_double(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "rounds to the nearest number")]
        match self {
            Self::Integer(number) => *number as f64,
            Self::Large(number) => number.to_string().parse().unwrap_or(f64::NAN),
            Self::Float(number) => (*number).into(),
            Self::Double(number) => *number,
            Self::Decimal(number) => number.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Integer(number) => Some(Decimal::new(*number, 0)),
            Self::Large(number) => Some(Decimal::new(number.clone(), 0)),
            Self::Decimal(number) => Some(number.clone()),
            Self::Float(number) if number.is_finite() => {
                crate::store::json::float(*number).parse().ok()
            }
            Self::Double(number) if number.is_finite() => {
                crate::store::json::double(*number).parse().ok()
            }
            Self::Float(_) | Self::Double(_) => None,
        }
    }

    fn to_varint(&self) -> Option<Varint> {
        match self {
            Self::Integer(number) => Some(Varint::from(*number)),
            Self::Large(number) => Some(number.clone()),
            other => {
                let Decimal { scale, unscaled } = other.to_decimal()?;
                let text = unscaled.to_string();
                let (sign, digits) = match text.strip_prefix('-') {
                    Some(digits) => ("-", digits),
                    None => ("", &*text),
                };
                match u32::try_from(scale) {
                    Ok(scale) => {
                        let whole = digits.len().saturating_sub(usize::try_from(scale).ok()?);
                        let digits = digits.get(..whole).filter(|digits| !digits.is_empty());
                        format!("{sign}{}", digits.unwrap_or("0")).parse().ok()
                    }
                    // A bound on the digits that one value can make.
                    Err(_) if scale > -10_000 => {
                        let zeros = "0".repeat(scale.unsigned_abs().try_into().ok()?);
                        format!("{sign}{digits}{zeros}").parse().ok()
                    }
                    Err(_) => None,
                }
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "Java truncates, too")]
    fn to_i64(&self) -> i64 {
        match self {
            Self::Integer(number) => *number as i64,
            Self::Float(number) => *number as i64,
            Self::Double(number) => *number as i64,
            Self::Large(_) | Self::Decimal(_) => {
                let number = self.to_varint().unwrap_or_else(|| Varint::from(0));
                let sign = if number.is_negative() { -1 } else { 0 };
                number.as_bytes().iter().fold(sign, |found, byte| found << 8 | i64::from(*byte))
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "Java truncates, too")]
    fn to_i32(&self) -> i32 {
        match self {
            Self::Float(number) => *number as i32,
            Self::Double(number) => *number as i32,
            other => other.to_i64() as i32,
        }
    }
}

/// Returns the result of a function of one number, as a value of its type.
pub(super) fn compute(
    scalar: Scalar,
    argument: &Value,
    result: &CqlType,
) -> Result<Value, ServerError> {
    let (CqlType::Native(native), Some(number)) = (result, Number::of(argument)) else {
        return Ok(Value::Null);
    };
    let is_exact = matches!(number, Number::Integer(_));
    let computed = match (scalar, &number) {
        (Scalar::Abs, Number::Integer(number)) => Number::Integer(number.saturating_abs()),
        (Scalar::Round, Number::Integer(_)) => return Ok(argument.clone()),
        (Scalar::Abs, Number::Float(number)) => Number::Float(number.abs()),
        (Scalar::Abs, Number::Double(number)) => Number::Double(number.abs()),
        // Java rounds halves up.
        (Scalar::Round, Number::Float(number)) => Number::Float((number + 0.5).floor()),
        (Scalar::Round, Number::Double(number)) => Number::Double((number + 0.5).floor()),
        (_, Number::Decimal(_) | Number::Large(_)) => {
            return Err(unsupported(&format!("functions of the {native} {argument}")));
        }
        (Scalar::Exp, number) => Number::Double(number.to_double().exp()),
        (Scalar::Log, number) => Number::Double(number.to_double().ln()),
        (_, number) => Number::Double(number.to_double().log10()),
    };
    match (is_exact, native) {
        (true, NativeType::Varint) if !matches!(scalar, Scalar::Abs) => {
            Err(unsupported(&format!("functions of the varint {argument}")))
        }
        _ => Ok(computed.cast(*native)),
    }
}
