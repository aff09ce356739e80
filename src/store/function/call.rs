//! Calls of functions.

use super::signature::{Function, Scalar};
use super::{blob, cast, collection, number, time};
use crate::message::ServerError;
use crate::store::clock::Clock;
use crate::store::error::invalid;
use crate::store::json;
use crate::store::key::PartitionKey;
use crate::types::{CqlType, Value};

impl Function {
    /// Returns the result of the function for these arguments. Apart from `toJson`, a function of null
    /// is null.
    ///
    /// # Errors
    /// Returns the error of Cassandra if the function fails.
    pub(in crate::store) fn call(
        &self,
        arguments: &[Value],
        clock: &Clock<'_>,
    ) -> Result<Value, ServerError> {
        let argument = match (self.scalar, arguments) {
            (Scalar::Now | Scalar::Uuid, _) => {
                return Ok(time::now(self.scalar, &self.result, clock));
            }
            (Scalar::Token, values) => return self.token(values),
            (Scalar::ToJson, [value]) => return Ok(Value::Text(json::to_json(value))),
            (_, [] | [Value::Null, ..]) => return Ok(Value::Null),
            (_, [argument, ..]) => argument,
        };
        match self.scalar {
            Scalar::MinTimeUuid | Scalar::MaxTimeUuid => Ok(time::limit(self.scalar, argument)),
            Scalar::ToDate | Scalar::ToTimestamp | Scalar::ToUnixTimestamp => {
                Ok(time::convert(self.scalar, argument))
            }
            Scalar::ToBlob => Ok(blob::of(argument, self.argument(0).0)),
            Scalar::FromBlob => blob::value(argument, &self.result).map_err(|hex| {
                invalid(format!(
                    "In call to function {self}, value 0x{hex} is not a valid binary representation \
                     for type {}",
                    self.result
                ))
            }),
            Scalar::FromJson => json::from_text(argument.as_str().unwrap_or_default(), &self.result),
            Scalar::Cast => cast::cast(argument, &self.result),
            Scalar::Abs | Scalar::Exp | Scalar::Log | Scalar::Log10 | Scalar::Round => {
                number::compute(self.scalar, argument, &self.result)
            }
            Scalar::MapKeys
            | Scalar::MapValues
            | Scalar::CollectionCount
            | Scalar::CollectionMin
            | Scalar::CollectionMax => Ok(collection::compute(self.scalar, argument)),
            Scalar::Now | Scalar::Uuid | Scalar::Token | Scalar::ToJson => Ok(Value::Null),
        }
    }

    /// Returns the token of a partition key, or null if a part of the key is null.
    fn token(&self, values: &[Value]) -> Result<Value, ServerError> {
        if values.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        let key: Vec<(&Value, &CqlType)> = values.iter().zip(&*self.arguments).collect();
        PartitionKey::new(&key).map(|key| Value::BigInt(key.token()))
    }
}
