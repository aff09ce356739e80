//! JSON as values of CQL types.

use std::sync::Arc;

use super::read::{Json, parse, text};
use crate::message::{ErrorCode, ServerError};
use crate::store::error::invalid;
use crate::store::order::sorted;
use crate::store::type_text::unparsable;
use crate::types::{CqlType, NativeType, UdtType, Value, VectorType};

/// Returns the value of `fromJson` for a text.
///
/// # Errors
/// Returns a FUNCTION_FAILURE if the text is not JSON, or no value of the type.
pub(in crate::store) fn from_text(text: &str, cql_type: &CqlType) -> Result<Value, ServerError> {
    let failure = |message: String| ServerError::new(ErrorCode::FunctionFailure, message);
    let Some(json) = parse(text) else {
        return Err(failure(format!(
            "execution of 'system.fromjson[text]' failed: Could not decode JSON string '{text}'"
        )));
    };
    from_json(&json, cql_type).map_err(|message| {
        failure(format!("org.apache.cassandra.serializers.MarshalException: {message}"))
    })
}

/// Returns the fields of the JSON object that INSERT JSON inserts, as JSON. A name is that of a column
/// in its exact case.
///
/// # Errors
/// Returns an INVALID error if the text is not a JSON object.
pub(in crate::store) fn object_fields(text: &str) -> Result<Vec<(String, Field)>, ServerError> {
    let Some(json) = parse(text) else {
        return Err(invalid(format!("Could not decode JSON string as a map: '{text}'")));
    };
    match json {
        Json::Object(entries) => {
            let field = |(name, json): (String, Json)| (column_name(&name), Field(json));
            Ok(entries.into_iter().map(field).collect())
        }
        Json::Null => Err(invalid("Got null for INSERT JSON values")),
        _ => Err(invalid(format!("Could not decode JSON string as a map: '{text}'"))),
    }
}

/// Returns the name that the key of a JSON object stands for: in quotation marks it is exact, without
/// them in lower case.
fn column_name(key: &str) -> String {
    match key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) {
        Some(exact) => exact.to_owned(),
        None => key.to_lowercase(),
    }
}

/// A field of a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Field(Json);

impl Field {
    /// Returns the field as the value of a column.
    ///
    /// # Errors
    /// Returns an INVALID error if the JSON is no value of the column's type.
    pub(in crate::store) fn value(
        &self,
        column: &str,
        cql_type: &CqlType,
    ) -> Result<Value, ServerError> {
        from_json(&self.0, cql_type).map_err(|message| {
            invalid(format!("Error decoding JSON value for {column}: {message}"))
        })
    }
}

/// Returns JSON as a value of a type, or Cassandra's error text.
fn from_json(json: &Json, cql_type: &CqlType) -> Result<Value, String> {
    let value = match (json, cql_type) {
        (Json::Null, _) => Ok(Value::Null),
        // Cassandra reads collections and user-defined types from a string, too.
        (
            Json::String(text),
            CqlType::List(_)
            | CqlType::Set(_)
            | CqlType::Map(_)
            | CqlType::Tuple(_)
            | CqlType::Udt(_)
            | CqlType::Vector(_),
        ) => match parse(text) {
            Some(inner) if !matches!(inner, Json::String(_)) => from_json(&inner, cql_type),
            _ => Err(format!("Could not decode JSON string '{text}'")),
        },
        (_, CqlType::Native(native)) => native_value(json, *native, cql_type),
        (_, CqlType::List(element)) => match json {
            Json::Array(values) => elements(values, element, "list").map(Value::List),
            other => Err(unexpected("a list", other)),
        },
        (_, CqlType::Set(element)) => match json {
            Json::Array(values) => elements(values, element, "set").map(Value::Set),
            other => Err(unexpected("a list (representing a set)", other)),
        },
        (_, CqlType::Map(types)) => match json {
            Json::Object(entries) => map(entries, types),
            other => Err(unexpected("a map", other)),
        },
        (_, CqlType::Tuple(types)) => match json {
            Json::Array(values) => tuple(values, types),
            other => Err(unexpected("a list representation of a tuple", other)),
        },
        (_, CqlType::Udt(udt)) => match json {
            Json::Object(entries) => user_type(entries, udt),
            other => Err(unexpected("a map", other)),
        },
        (_, CqlType::Vector(of)) => match json {
            Json::Array(values) => vector(values, of),
            other => Err(unexpected("a list", other)),
        },
        (Json::String(_), CqlType::Custom(_)) => native_value(json, NativeType::Blob, cql_type),
        (other, CqlType::Custom(_)) => Err(unexpected("a string", other)),
    };
    value.map(|value| sorted(value, cql_type))
}

fn unexpected(expected: &str, found: &Json) -> String {
    format!("Expected {expected}, but got a {}: {found}", found.class())
}

fn native_value(json: &Json, native: NativeType, cql_type: &CqlType) -> Result<Value, String> {
    let expected = match native {
        NativeType::Ascii => "an ascii string",
        NativeType::Text => "a UTF-8 string",
        NativeType::BigInt | NativeType::Counter => "a bigint value",
        NativeType::Blob | NativeType::Unknown(_) => "a blob string",
        NativeType::Boolean => "a boolean value",
        NativeType::Date => "a string representation of a date value",
        NativeType::Decimal => "a decimal value",
        NativeType::Double => "a double value",
        NativeType::Duration => "a string representation of a duration",
        NativeType::Float => "a float value",
        NativeType::Inet => "a string representation of an inet value",
        NativeType::Int => "an int value",
        NativeType::SmallInt => "a short value",
        NativeType::Time => "a string representation of a time value",
        NativeType::TimeUuid => "a string representation of a timeuuid",
        NativeType::Timestamp => "a long or a datestring representation of a timestamp value",
        NativeType::TinyInt => "a byte value",
        NativeType::Uuid => "a string representation of a uuid",
        NativeType::Varint => "a varint value",
    };
    let is_number = matches!(
        native,
        NativeType::BigInt
            | NativeType::Counter
            | NativeType::Decimal
            | NativeType::Double
            | NativeType::Float
            | NativeType::Int
            | NativeType::SmallInt
            | NativeType::TinyInt
            | NativeType::Varint
    );
    let literal = match (json, native) {
        (Json::String(text), NativeType::Text) => return Ok(Value::Text(text.clone())),
        (Json::String(text), NativeType::Ascii) if text.is_ascii() => {
            return Ok(Value::Ascii(text.clone()));
        }
        (Json::Boolean(flag), NativeType::Boolean) => return Ok(Value::Boolean(*flag)),
        (Json::String(text), NativeType::Blob) if !text.starts_with("0x") => {
            return Err(format!(
                "Value '{text}' is not a valid blob representation: String representation of blob is \
                 missing 0x prefix: {text}"
            ));
        }
        (Json::String(text), _) if is_number => text.clone(),
        (
            Json::String(text),
            NativeType::Blob
            | NativeType::Boolean
            | NativeType::Uuid
            | NativeType::TimeUuid
            | NativeType::Duration,
        ) => text.clone(),
        (
            Json::String(text),
            NativeType::Date | NativeType::Time | NativeType::Timestamp | NativeType::Inet,
        ) => format!("'{}'", text.replace('\'', "''")),
        (Json::Number(text), NativeType::Timestamp) => text.clone(),
        (Json::Number(text), _) if is_number => {
            return Value::parse(cql_type, text).map_err(|_| unexpected(expected, json));
        }
        _ => return Err(unexpected(expected, json)),
    };
    match Value::parse(cql_type, &literal) {
        Ok(Value::TimeUuid(uuid)) if uuid.get_version_num() != 1 => {
            Err("TimeUUID supports only version 1 UUIDs".to_owned())
        }
        Ok(value) if !matches!(value, Value::Null) => Ok(value),
        _ => Err(unparsable(cql_type, &json.to_string())),
    }
}

fn elements(values: &[Json], element: &CqlType, of: &str) -> Result<Vec<Value>, String> {
    let value = |json: &Json| match json {
        Json::Null => Err(format!("Invalid null element in {of}")),
        json => from_json(json, element),
    };
    values.iter().map(value).collect()
}

fn map(entries: &[(String, Json)], types: &(CqlType, CqlType)) -> Result<Value, String> {
    let entry = |(key, value): &(String, Json)| {
        if *value == Json::Null {
            return Err("Invalid null value in map".to_owned());
        }
        // A key is a string, which contains the JSON of other types.
        let key = match types.0 {
            CqlType::Native(_) | CqlType::Custom(_) => Json::String(key.clone()),
            _ => parse(key).ok_or_else(|| {
                format!("Could not decode JSON string '{}'", text(&Json::String(key.clone())))
            })?,
        };
        Ok((from_json(&key, &types.0)?, from_json(value, &types.1)?))
    };
    entries.iter().map(entry).collect::<Result<_, _>>().map(Value::Map)
}

fn tuple(values: &[Json], types: &[CqlType]) -> Result<Value, String> {
    let (expected, found) = (types.len(), values.len());
    let list = || Json::Array(values.to_vec());
    if found > expected {
        return Err(format!("Tuple contains extra items (expected {expected}): {}", list()));
    }
    if found < expected {
        return Err(format!("Tuple is missing items (expected {expected}): {}", list()));
    }
    let fields = values.iter().zip(types).map(|(json, of)| from_json(json, of));
    fields.collect::<Result<_, _>>().map(Value::Tuple)
}

fn user_type(entries: &[(String, Json)], udt: &Arc<UdtType>) -> Result<Value, String> {
    let mut fields = vec![Value::Null; udt.fields.len()];
    for (key, json) in entries {
        let name = column_name(key);
        let index = udt.fields.iter().position(|(field, _)| *field == name);
        let field = index.and_then(|index| fields.get_mut(index).zip(udt.fields.get(index)));
        let Some((slot, (_, of))) = field else {
            return Err(format!(
                "Unknown field '{name}' in value of user defined type {}",
                udt.name
            ));
        };
        *slot = from_json(json, of)?;
    }
    Ok(Value::Udt { udt: Arc::clone(udt), fields })
}

fn vector(values: &[Json], of: &VectorType) -> Result<Value, String> {
    if values.len() != of.dimensions {
        return Err(format!(
            "Invalid number of elements in a vector of type {}: {}",
            CqlType::Vector(Box::new(of.clone())),
            values.len()
        ));
    }
    elements(values, &of.element, "vector").map(Value::Vector)
}
