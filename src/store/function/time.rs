//! Functions of times.

use super::signature::Scalar;
use crate::store::clock::{Clock, from_parts, milliseconds_of, ticks};
use crate::types::{CqlType, Date, NativeType, Time, Timestamp, Value};

/// Returns the time of the execution as a value of a type, or a new UUID.
pub(super) fn now(scalar: Scalar, result: &CqlType, clock: &Clock<'_>) -> Value {
    let now = Timestamp(clock.milliseconds());
    match (scalar, result) {
        (Scalar::Uuid, _) => Value::Uuid(clock.uuid()),
        (_, CqlType::Native(NativeType::Timestamp)) => Value::Timestamp(now),
        (_, CqlType::Native(NativeType::Date)) => date(now),
        // Cassandra has the time of day in nanoseconds.
        (_, CqlType::Native(NativeType::Time)) => {
            let of_day = clock.now.rem_euclid(86_400_000_000);
            Value::Time(Time(of_day.saturating_mul(1_000)))
        }
        _ => Value::TimeUuid(clock.timeuuid()),
    }
}

fn date(instant: Timestamp) -> Value {
    instant.date().map_or(Value::Null, Value::Date)
}

/// Returns the least or the greatest UUID of version 1 with the time of a timestamp.
pub(super) fn limit(scalar: Scalar, argument: &Value) -> Value {
    let Value::Timestamp(Timestamp(milliseconds)) = argument else { return Value::Null };
    let microseconds = milliseconds.saturating_mul(1_000);
    // The server compares the last half of the UUIDs byte by byte, as signed bytes.
    Value::TimeUuid(match scalar {
        Scalar::MinTimeUuid => from_parts(ticks(microseconds), 0x8080_8080_8080_8080),
        _ => {
            let last = ticks(microseconds.saturating_add(1_000)).saturating_sub(1);
            from_parts(last, 0x7f7f_7f7f_7f7f_7f7f)
        }
    })
}

/// Converts a `timeuuid`, a `timestamp` or a `date`.
pub(super) fn convert(scalar: Scalar, argument: &Value) -> Value {
    let instant = match argument {
        Value::TimeUuid(uuid) => Timestamp(milliseconds_of(uuid)),
        Value::Timestamp(instant) => *instant,
        Value::Date(Date(days)) => Timestamp(i64::from(*days).saturating_mul(86_400_000)),
        _ => return Value::Null,
    };
    match scalar {
        Scalar::ToDate => date(instant),
        Scalar::ToTimestamp => Value::Timestamp(instant),
        _ => Value::BigInt(instant.0),
    }
}
