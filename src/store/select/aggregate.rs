//! The aggregates: `count`, `min`, `max`, `sum` and `avg`.

use std::cmp::Ordering;

use crate::cql::FunctionName;
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::function::Number;
use crate::store::key::ClusteringKey;
use crate::store::type_text::TypeText;
use crate::types::{CqlType, Decimal, NativeType, Value};

/// An aggregate function for the values of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    CountRows,
    /// The number of values that are not null.
    Count,
    Min,
    Max,
    Sum(NativeType),
    Average(NativeType),
}

/// The number types, in the order in which Cassandra lists the signatures.
const NUMBERS: [NativeType; 9] = [
    NativeType::TinyInt,
    NativeType::SmallInt,
    NativeType::Int,
    NativeType::BigInt,
    NativeType::Float,
    NativeType::Double,
    NativeType::Decimal,
    NativeType::Varint,
    NativeType::Counter,
];

impl Aggregate {
    /// Returns true if there is an aggregate of this name.
    pub(super) fn is_name(name: &FunctionName) -> bool {
        name.keyspace.as_deref().is_none_or(|keyspace| keyspace == "system")
            && ["avg", "count", "max", "min", "sum"].contains(&&*name.name)
    }

    /// Returns the aggregate of this name for arguments of these types.
    ///
    /// # Errors
    /// Returns the INVALID error of Cassandra if the aggregate does not take the arguments.
    pub(super) fn find(name: &str, arguments: &[&CqlType]) -> Result<Self, ServerError> {
        let [argument] = arguments else {
            let found = arguments.len();
            return Err(invalid(match name {
                "count" => format!(
                    "Invalid number of arguments in call to function system.count: 1 required but \
                     {found} provided"
                ),
                "min" | "max" => {
                    format!("Invalid number of arguments for function system.{name}(any)")
                }
                _ => unmatched(name),
            }));
        };
        match (name, argument) {
            ("count", _) => Ok(Self::Count),
            ("min", _) => Ok(Self::Min),
            ("max", _) => Ok(Self::Max),
            ("sum", CqlType::Native(number)) if NUMBERS.contains(number) => Ok(Self::Sum(*number)),
            ("avg", CqlType::Native(number)) if NUMBERS.contains(number) => {
                Ok(Self::Average(*number))
            }
            _ => Err(invalid(unmatched(name))),
        }
    }

    /// Returns the type of the result for an argument of this type.
    pub(super) fn result(self, argument: &CqlType) -> CqlType {
        match self {
            Self::CountRows | Self::Count => NativeType::BigInt.into(),
            Self::Min | Self::Max => argument.clone(),
            Self::Sum(number) | Self::Average(number) => number.into(),
        }
    }
}

/// Returns the error text for arguments that fit no signature.
fn unmatched(name: &str) -> String {
    let signature = |number: NativeType| {
        let number = CqlType::from(number);
        let number = TypeText(&number);
        format!("system.{name} : ({number}) -> {number}")
    };
    let signatures: Vec<_> = NUMBERS.into_iter().map(signature).collect();
    format!(
        "Invalid call to function {name}, none of its type signatures match (known type signatures: {})",
        signatures.join(", ")
    )
}

/// The state of an aggregate while rows are added to a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Accumulator {
    /// The number of rows, or of values that are not null.
    count: i64,
    extreme: Option<Value>,
    /// The sum of integers, or of the digits of decimals, whose scale is `scale`.
    sum: i128,
    scale: i32,
    double: DoubleSum,
}

/// A sum of floating-point numbers that compensates for rounding, as Cassandra's does.
#[derive(Debug, Clone, Default)]
struct DoubleSum {
    sum: f64,
    compensation: f64,
    simple: f64,
}

impl DoubleSum {
    fn add(&mut self, number: f64) {
        self.simple += number;
        let corrected = number - self.compensation;
        let sum = self.sum + corrected;
        self.compensation = (sum - self.sum) - corrected;
        self.sum = sum;
    }

    fn value(&self) -> f64 {
        let sum = self.sum - self.compensation;
        if sum.is_nan() && self.simple.is_infinite() { self.simple } else { sum }
    }
}

impl Accumulator {
    /// Adds the value of a row.
    ///
    /// # Errors
    /// Returns an INVALID error if a sum needs more than 128 bits.
    pub(super) fn add(&mut self, aggregate: Aggregate, value: Value) -> Result<(), ServerError> {
        if value == Value::Null && aggregate != Aggregate::CountRows {
            return Ok(());
        }
        self.count = self.count.saturating_add(1);
        let keeps = |order: Ordering| match self.extreme.as_ref() {
            None => true,
            Some(found) => ClusteringKey::of(&value).cmp(&ClusteringKey::of(found)) == order,
        };
        match aggregate {
            Aggregate::CountRows | Aggregate::Count => {}
            Aggregate::Min if !keeps(Ordering::Less) => {}
            Aggregate::Max if !keeps(Ordering::Greater) => {}
            Aggregate::Min | Aggregate::Max => self.extreme = Some(value),
            Aggregate::Sum(_) | Aggregate::Average(_) => match Number::of(&value) {
                Some(Number::Float(number)) => self.double.add(number.into()),
                Some(Number::Double(number)) => self.double.add(number),
                Some(Number::Integer(number)) => self.add_digits(number, 0)?,
                Some(Number::Decimal(Decimal { scale, unscaled })) => {
                    self.add_digits(unscaled.to_i128().ok_or_else(too_large)?, scale)?;
                }
                _ => return Err(too_large()),
            },
        }
        Ok(())
    }

    fn add_digits(&mut self, digits: i128, scale: i32) -> Result<(), ServerError> {
        let common = scale.max(self.scale);
        let sum = rescaled(self.sum, self.scale, common);
        let sum = sum.zip(rescaled(digits, scale, common)).and_then(|(a, b)| a.checked_add(b));
        self.sum = sum.ok_or_else(too_large)?;
        self.scale = common;
        Ok(())
    }

    /// Returns the result for the rows that were added.
    pub(super) fn value(&self, aggregate: Aggregate) -> Value {
        let count = i128::from(self.count).max(1);
        match aggregate {
            Aggregate::CountRows | Aggregate::Count => Value::BigInt(self.count),
            Aggregate::Min | Aggregate::Max => self.extreme.clone().unwrap_or(Value::Null),
            Aggregate::Sum(number @ (NativeType::Float | NativeType::Double)) => {
                Number::Double(self.double.value()).cast(number)
            }
            #[expect(clippy::cast_precision_loss, reason = "a count of rows is small")]
            Aggregate::Average(number @ (NativeType::Float | NativeType::Double)) => {
                Number::Double(self.double.value() / self.count.max(1) as f64).cast(number)
            }
            Aggregate::Sum(NativeType::Decimal) => {
                Value::Decimal(Decimal::new(self.sum, self.scale))
            }
            Aggregate::Average(NativeType::Decimal) => {
                Value::Decimal(Decimal::new(divided_half_even(self.sum, count), self.scale))
            }
            // The sum of an integer type wraps around, as in Java.
            Aggregate::Sum(number) => Number::Integer(self.sum).cast(number),
            Aggregate::Average(number) => {
                Number::Integer(self.sum.checked_div(count).unwrap_or(0)).cast(number)
            }
        }
    }
}

fn too_large() -> ServerError {
    unsupported("sums of more than 128 bits")
}

/// Returns the digits of a number at a greater scale.
fn rescaled(digits: i128, from: i32, to: i32) -> Option<i128> {
    let zeros = u32::try_from(to.checked_sub(from)?).ok()?;
    if digits == 0 {
        return Some(0);
    }
    digits.checked_mul(10_i128.checked_pow(zeros)?)
}

/// Returns a quotient, rounded to the nearest number, or to the even one of two. `divisor` is greater
/// than zero.
fn divided_half_even(number: i128, divisor: i128) -> i128 {
    let quotient = number.div_euclid(divisor);
    let twice = number.rem_euclid(divisor).saturating_mul(2);
    let rounds_up = twice > divisor || twice == divisor && quotient.rem_euclid(2) == 1;
    quotient.saturating_add(rounds_up.into())
}
