//! Converts the cells of a Parquet file to CQL values.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::cell::{ArrowCell, Elements, StructCell};
use crate::bulk::scalar_text::parse_text;
use crate::types::{
    CqlType, Date, Decimal, Duration, NativeType, Time, Timestamp, UdtType, Value, Varint,
};
use crate::wire::Counted;

/// Converts a cell to a value of `cql_type`.
///
/// # Errors
/// Returns the reason if the cell is not a value of the type, or would lose a part of its content.
pub(super) fn to_value(cell: ArrowCell<'_>, cql_type: &CqlType) -> Result<Value, String> {
    match (cql_type, cell) {
        (_, ArrowCell::Null) => Ok(Value::Null),
        // As in CSV.
        (cql_type, ArrowCell::Text("")) if !cql_type.is_text() => Ok(Value::Null),
        (cql_type, ArrowCell::Text(text)) => parse_text(cql_type, text),
        (CqlType::Native(native), cell) => native_value(*native, cell, cql_type),
        (CqlType::List(element), ArrowCell::List(list)) => {
            elements(&list, element).map(Value::List)
        }
        (CqlType::Set(element), ArrowCell::List(list)) => elements(&list, element).map(Value::Set),
        (CqlType::Vector(vector), ArrowCell::List(list)) => {
            check_count(list.len(), vector.dimensions)?;
            elements(&list, &vector.element).map(Value::Vector)
        }
        (CqlType::Tuple(types), ArrowCell::List(list)) => {
            check_count(list.len(), types.len())?;
            list.iter()
                .zip(types)
                .map(|(cell, of)| to_value(cell, of))
                .collect::<Result<_, _>>()
                .map(Value::Tuple)
        }
        (CqlType::Map(types), ArrowCell::Map(keys, values)) => {
            entries(keys.iter().zip(values.iter()), types)
        }
        (CqlType::Map(types), ArrowCell::List(list)) => {
            let pairs = list.iter().map(pair).collect::<Option<Vec<_>>>();
            entries(pairs.ok_or_else(|| not_a(cql_type))?.into_iter(), types)
        }
        (CqlType::Tuple(types), ArrowCell::Struct(fields)) => {
            check_count(fields.len(), types.len())?;
            let cells = fields.iter().zip(types);
            cells
                .map(|((_, cell), of)| to_value(cell, of))
                .collect::<Result<_, _>>()
                .map(Value::Tuple)
        }
        (CqlType::Udt(udt), ArrowCell::Struct(fields)) => udt_value(udt, &fields),
        (CqlType::Custom(_), ArrowCell::Bytes(bytes)) => {
            Ok(Value::Custom(Bytes::copy_from_slice(bytes)))
        }
        (cql_type, _) => Err(not_a(cql_type)),
    }
}

fn elements(list: &Elements<'_>, cql_type: &CqlType) -> Result<Vec<Value>, String> {
    list.iter().map(|cell| to_value(cell, cql_type)).collect()
}

/// Returns a key and a value that a list of structs has in place of a map.
fn pair(cell: ArrowCell<'_>) -> Option<(ArrowCell<'_>, ArrowCell<'_>)> {
    let ArrowCell::Struct(fields) = cell else { return None };
    let mut cells = fields.iter().map(|(_, cell)| cell);
    (fields.len() == 2).then(|| cells.next().zip(cells.next())).flatten()
}

fn entries<'a>(
    pairs: impl Iterator<Item = (ArrowCell<'a>, ArrowCell<'a>)>,
    types: &(CqlType, CqlType),
) -> Result<Value, String> {
    let entry = |(key, value)| Ok((to_value(key, &types.0)?, to_value(value, &types.1)?));
    pairs.map(entry).collect::<Result<_, String>>().map(Value::Map)
}

/// Returns the value of a user-defined type. Fields that the struct lacks are null.
fn udt_value(udt: &Arc<UdtType>, fields: &StructCell<'_>) -> Result<Value, String> {
    let mut values = vec![Value::Null; udt.fields.len()];
    for (name, cell) in fields.iter() {
        let position = |name: &str| udt.fields.iter().position(|(field, _)| field == name);
        let index = position(name).or_else(|| position(&name.to_lowercase()));
        let field = index.and_then(|index| udt.fields.get(index).zip(values.get_mut(index)));
        let Some(((_, cql_type), value)) = field else {
            return Err(format!("the type has no field \"{name}\""));
        };
        *value =
            to_value(cell, cql_type).map_err(|reason| format!("field \"{name}\": {reason}"))?;
    }
    Ok(Value::Udt { udt: Arc::clone(udt), fields: values })
}

fn native_value(
    native: NativeType,
    cell: ArrowCell<'_>,
    cql_type: &CqlType,
) -> Result<Value, String> {
    use NativeType as Native;
    Ok(match (native, cell) {
        (Native::Boolean, ArrowCell::Boolean(flag)) => Value::Boolean(flag),
        (Native::TinyInt, cell) => Value::TinyInt(whole(cell, cql_type)?),
        (Native::SmallInt, cell) => Value::SmallInt(whole(cell, cql_type)?),
        (Native::Int, cell) => Value::Int(whole(cell, cql_type)?),
        (Native::BigInt, cell) => Value::BigInt(whole(cell, cql_type)?),
        (Native::Counter, cell) => Value::Counter(whole(cell, cql_type)?),
        (Native::Varint, cell) => Value::Varint(whole_number(cell, cql_type)?),
        (Native::Decimal, cell) => Value::Decimal(decimal(cell, cql_type)?),
        (Native::Double, ArrowCell::Double(number)) => Value::Double(number),
        (Native::Double, ArrowCell::Float(number)) => Value::Double(number.into()),
        (Native::Float, ArrowCell::Float(number)) => Value::Float(number),
        (Native::Float, ArrowCell::Double(number)) => Value::Float(rounded(number)?),
        (Native::Double | Native::Float, ArrowCell::Integer(number)) => {
            exact(parse_text(cql_type, &number.to_string())?, number)?
        }
        (Native::Double | Native::Float, ArrowCell::Decimal(number)) => {
            let value = parse_text(cql_type, &number.to_string())?;
            match without_fraction(number) {
                Ok(number) => exact(value, number.to_i128().ok_or_else(too_many_digits)?)?,
                // As in CSV, a fraction is rounded.
                Err(NotWhole::HasFraction) => value,
                Err(NotWhole::OutOfRange) => return Err(too_many_digits()),
            }
        }
        // Some programs do not mark text as such.
        (Native::Text | Native::Ascii, ArrowCell::Bytes(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|_| "the bytes are not UTF-8")?;
            parse_text(cql_type, text)?
        }
        (Native::Blob, ArrowCell::Bytes(bytes)) => Value::Blob(Bytes::copy_from_slice(bytes)),
        (Native::Unknown(_), ArrowCell::Bytes(bytes)) => {
            Value::Custom(Bytes::copy_from_slice(bytes))
        }
        (Native::Uuid, ArrowCell::Bytes(bytes)) => Value::Uuid(uuid(bytes)?),
        (Native::TimeUuid, ArrowCell::Bytes(bytes)) => Value::TimeUuid(uuid(bytes)?),
        (Native::Inet, ArrowCell::Bytes(bytes)) => Value::Inet(address(bytes)?),
        (Native::Date, ArrowCell::Date(days)) => Value::Date(date(days.into())?),
        (Native::Date, ArrowCell::Timestamp { ticks, per_second }) => {
            let per_day = i128::from(per_second * SECONDS_A_DAY);
            match ticks.rem_euclid(per_day) {
                0 => Value::Date(date(ticks.div_euclid(per_day))?),
                _ => return Err("the time of day would be lost".to_owned()),
            }
        }
        (Native::Time, ArrowCell::Time(nanoseconds)) if Time(nanoseconds).is_valid() => {
            Value::Time(Time(nanoseconds))
        }
        (Native::Timestamp, ArrowCell::Timestamp { ticks, per_second }) => {
            Value::Timestamp(Timestamp(milliseconds(ticks, per_second.into())?))
        }
        (Native::Timestamp, ArrowCell::Date(days)) => {
            let millis = days.checked_mul(SECONDS_A_DAY * 1_000).ok_or_else(out_of_range)?;
            Value::Timestamp(Timestamp(millis))
        }
        // As in CSV.
        (Native::Timestamp, ArrowCell::Integer(millis)) => {
            Value::Timestamp(Timestamp(millis.try_into().map_err(|_| out_of_range())?))
        }
        (Native::Duration, ArrowCell::Interval { months, days, nanoseconds }) => {
            let [months, days] = [months, days].map(i32::try_from);
            let (months, days) = months.ok().zip(days.ok()).ok_or_else(out_of_range)?;
            let nanoseconds = nanoseconds.try_into().map_err(|_| out_of_range())?;
            let signs = "its months, days and time of day have different signs";
            Value::Duration(Duration::new(months, days, nanoseconds).ok_or(signs)?)
        }
        _ => return Err(not_a(cql_type)),
    })
}

const SECONDS_A_DAY: i64 = 86_400;

fn not_a(cql_type: &CqlType) -> String {
    format!("values of the field do not convert to `{cql_type}`")
}

fn out_of_range() -> String {
    "it is out of range".to_owned()
}

fn check_count(found: usize, expected: usize) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{} instead of {expected}", Counted(found, "element"))),
    }
}

/// Converts a number without a fraction to an integer type.
fn whole<T: TryFrom<i128> + for<'v> TryFrom<&'v Varint>>(
    cell: ArrowCell<'_>,
    cql_type: &CqlType,
) -> Result<T, String> {
    let number = match cell {
        ArrowCell::Integer(number) => T::try_from(number).ok(),
        cell => T::try_from(&whole_number(cell, cql_type)?).ok(),
    };
    number.ok_or_else(out_of_range)
}

/// Converts a number without a fraction. pandas writes integers as floating-point numbers if some are missing.
fn whole_number(cell: ArrowCell<'_>, cql_type: &CqlType) -> Result<Varint, String> {
    let number = match cell {
        ArrowCell::Integer(number) => return Ok(number.into()),
        ArrowCell::Decimal(number) => without_fraction(number),
        ArrowCell::Double(number) => whole_float(number)?.map(Varint::from),
        ArrowCell::Float(number) => whole_float(number.into())?.map(Varint::from),
        _ => return Err(not_a(cql_type)),
    };
    number.map_err(|reason| match reason {
        NotWhole::HasFraction => "it has a fraction".to_owned(),
        NotWhole::OutOfRange => out_of_range(),
    })
}

/// The reason why a number is not converted to an integer.
enum NotWhole {
    HasFraction,
    OutOfRange,
}

fn without_fraction(number: Decimal) -> Result<Varint, NotWhole> {
    let Decimal { scale, unscaled } = number;
    if scale == 0 || unscaled.is_zero() {
        return Ok(if scale == 0 { unscaled } else { 0.into() });
    }
    let power = 10_i128.checked_pow(scale.unsigned_abs()).ok_or(NotWhole::OutOfRange)?;
    let number = unscaled.to_i128().ok_or(NotWhole::OutOfRange)?;
    match scale > 0 {
        true if number % power == 0 => Ok((number / power).into()),
        true => Err(NotWhole::HasFraction),
        false => number.checked_mul(power).map(Varint::from).ok_or(NotWhole::OutOfRange),
    }
}

/// Converts a floating-point number to the integer that it is exactly. Its shortest decimal text may be another integer.
fn whole_float(number: f64) -> Result<Result<i128, NotWhole>, String> {
    const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if !number.is_finite() {
        return Err(not_finite());
    }
    #[expect(clippy::cast_possible_truncation, reason = "the number is whole and in range")]
    Ok(match number {
        number if number.fract() != 0.0 => Err(NotWhole::HasFraction),
        number if (-LIMIT..LIMIT).contains(&number) => Ok(number as i128),
        _ => Err(NotWhole::OutOfRange),
    })
}

/// Converts a number. A floating-point number is the shortest decimal number that rounds to it.
fn decimal(cell: ArrowCell<'_>, cql_type: &CqlType) -> Result<Decimal, String> {
    let text = match cell {
        ArrowCell::Decimal(number) => return Ok(number),
        ArrowCell::Integer(number) => return Ok(number.into()),
        ArrowCell::Double(number) => format!("{number:e}"),
        ArrowCell::Float(number) => format!("{number:e}"),
        _ => return Err(not_a(cql_type)),
    };
    text.parse().map_err(|_| not_finite())
}

fn not_finite() -> String {
    "it is not a finite number".to_owned()
}

fn too_many_digits() -> String {
    "it has too many digits".to_owned()
}

/// Returns the value if it is the whole number exactly.
fn exact(value: Value, number: i128) -> Result<Value, String> {
    let found = match &value {
        Value::Double(found) => *found,
        Value::Float(found) => (*found).into(),
        _ => return Ok(value),
    };
    match whole_float(found) {
        Ok(Ok(found)) if found == number => Ok(value),
        _ => Err(too_many_digits()),
    }
}

/// Rounds a fraction to the nearest `float`, as a `float` is parsed from text. Whole numbers have to be exact.
fn rounded(number: f64) -> Result<f32, String> {
    #[expect(clippy::cast_possible_truncation, reason = "the conversion rounds")]
    let rounded = number as f32;
    if rounded.is_infinite() && number.is_finite() {
        return Err(out_of_range());
    }
    match number.fract() == 0.0 && f64::from(rounded).to_bits() != number.to_bits() {
        true => Err(too_many_digits()),
        false => Ok(rounded),
    }
}

fn uuid(bytes: &[u8]) -> Result<Uuid, String> {
    Uuid::from_slice(bytes).map_err(|_| format!("{} instead of 16", Counted(bytes.len(), "byte")))
}

fn address(bytes: &[u8]) -> Result<IpAddr, String> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(bytes), _) => Ok(bytes.into()),
        (_, Ok(bytes)) => Ok(bytes.into()),
        _ => Err(format!("{} instead of 4 or 16", Counted(bytes.len(), "byte"))),
    }
}

fn date(days: i128) -> Result<Date, String> {
    days.try_into().map(Date).map_err(|_| out_of_range())
}

fn milliseconds(ticks: i128, per_second: i128) -> Result<i64, String> {
    // The number of ticks in a millisecond, or of milliseconds in a tick.
    let (ticks_each, millis_each) = ((per_second / 1_000).max(1), (1_000 / per_second).max(1));
    if ticks % ticks_each != 0 {
        return Err("a fraction of a millisecond would be lost".to_owned());
    }
    (ticks / ticks_each * millis_each).try_into().map_err(|_| out_of_range())
}
