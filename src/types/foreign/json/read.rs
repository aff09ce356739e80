//! Conversion from JSON to values.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value as Json;

use crate::types::value::check_unique;
use crate::types::{CqlType, NativeType, UdtType, Value, ValueError};
use crate::wire::Counted;

impl Value {
    /// Converts JSON to a value of `cql_type`, like Cassandra's `fromJson`: see the
    /// [table](crate::types#json).
    ///
    /// Numbers and booleans may be given as strings. A field name in additional double quotes is
    /// case-sensitive. Any other name matches the field with exactly this name, or else the field
    /// with the name in lower case. Missing fields are null.
    ///
    /// ```
    /// use cqlwire::types::{CqlType, NativeType, Value};
    ///
    /// let ages = CqlType::Map(Box::new((NativeType::Text.into(), NativeType::Int.into())));
    /// let json = serde_json::json!({"ada": 36});
    /// let value = Value::from_json(&ages, &json)?;
    /// assert_eq!(value.to_string(), "{'ada': 36}");
    /// assert_eq!(serde_json::Value::from(&value), json);
    ///
    /// let error = Value::from_json(&ages, &serde_json::json!({"ada": 1.5})).unwrap_err();
    /// assert_eq!(error.to_string(), "invalid JSON for `int` at `ada`: 1.5");
    /// # Ok::<(), cqlwire::types::JsonError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the JSON is not a value of the type.
    pub fn from_json(cql_type: &CqlType, json: &Json) -> Result<Self, JsonError> {
        match (json, cql_type) {
            (Json::Null, _) => Ok(Self::Null),
            (Json::String(text), _) if text.is_empty() && has_empty(cql_type) => Ok(Self::Empty),
            (_, CqlType::Native(native)) => {
                native_value(*native, json).map_err(|reason| JsonError::new(cql_type, json, reason))
            }
            (_, CqlType::List(element)) => Ok(Self::List(array(json, cql_type, element)?)),
            (_, CqlType::Set(element)) => {
                let elements = array(json, cql_type, element)?;
                check_unique(elements.iter(), element).map_err(|duplicate| {
                    JsonError::new(cql_type, json, Reason::Value(duplicate))
                })?;
                Ok(Self::Set(elements))
            }
            (_, CqlType::Vector(vector)) => {
                let elements = array(json, cql_type, &vector.element)?;
                let (expected, found) = (vector.dimensions, elements.len());
                let reason = Reason::Value(ValueError::Dimensions { expected, found });
                match expected == found {
                    true => Ok(Self::Vector(elements)),
                    false => Err(JsonError::new(cql_type, json, reason)),
                }
            }
            (_, CqlType::Tuple(types)) => tuple(json, cql_type, types),
            (_, CqlType::Map(pair)) => map(json, cql_type, pair),
            (_, CqlType::Udt(udt)) => user_type(json, cql_type, udt),
            (_, CqlType::Custom(_)) => native_value(NativeType::Blob, json)
                .map(
                    |bytes| if let Self::Blob(bytes) = bytes { Self::Custom(bytes) } else { bytes },
                )
                .map_err(|reason| JsonError::new(cql_type, json, reason)),
        }
    }
}

/// The error for JSON that is not a valid value of its CQL type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError(Box<JsonErrorInner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct JsonErrorInner {
    /// The names and indexes that lead to the invalid part, innermost first.
    path: Vec<String>,
    json: String,
    cql_type: CqlType,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// The JSON has the wrong kind or format for the type.
    Kind,
    /// The value is invalid for the type.
    Value(ValueError),
    /// The array has more elements than the tuple type, which has this number of elements.
    TupleLength(usize),
    /// The user-defined type has no field with this name.
    Field(String),
}

/// Longest part of the JSON shown in an error, in characters.
const EXCERPT: usize = 60;

impl JsonError {
    #[cold]
    fn new(cql_type: &CqlType, json: &Json, reason: Reason) -> Self {
        let mut json = match json {
            Json::Array(_) => "an array".to_owned(),
            Json::Object(_) => "an object".to_owned(),
            scalar => scalar.to_string(),
        };
        if let Some((end, _)) = json.char_indices().nth(EXCERPT) {
            json.truncate(end);
            json.push('…');
        }
        Self(Box::new(JsonErrorInner {
            path: Vec::new(),
            json,
            cql_type: cql_type.clone(),
            reason,
        }))
    }

    #[cold]
    fn within(mut self, part: impl Into<String>) -> Self {
        self.0.path.push(part.into());
        self
    }

    /// Returns the field names, keys and indexes that lead to the invalid part, outermost first.
    pub fn path(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.path.iter().rev().map(String::as_str)
    }

    /// Returns the CQL type of the invalid part.
    pub fn cql_type(&self) -> &CqlType {
        &self.0.cql_type
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JsonErrorInner { path, json, cql_type, reason } = &*self.0;
        write!(f, "invalid JSON for `{cql_type}`")?;
        if !path.is_empty() {
            write!(f, " at `{}`", self.path().collect::<Vec<_>>().join("."))?;
        }
        write!(f, ": {json}")?;
        match reason {
            Reason::Kind => Ok(()),
            Reason::Value(cause) => write!(f, "; {cause}"),
            Reason::TupleLength(length) => {
                write!(f, "; the type has only {}", Counted(*length, "element"))
            }
            Reason::Field(name) => write!(f, "; the type has no field `{name}`"),
        }
    }
}

impl std::error::Error for JsonError {}

/// Returns true if the JSON string `""` is the [empty](Value::Empty) value of the type. For text,
/// blobs and custom types it is not.
fn has_empty(cql_type: &CqlType) -> bool {
    !matches!(
        cql_type,
        CqlType::Custom(_)
            | CqlType::Native(
                NativeType::Text | NativeType::Ascii | NativeType::Blob | NativeType::Unknown(_)
            )
    )
}

/// Parses a string that contains JSON text, and returns all other JSON unchanged. The key of a JSON
/// object is such a string if the map key is an array or an object.
fn parse_key(json: &Json) -> Cow<'_, Json> {
    match json {
        Json::String(text) => {
            serde_json::from_str(text).map_or(Cow::Borrowed(json), Cow::<Json>::Owned)
        }
        _ => Cow::Borrowed(json),
    }
}

fn array(json: &Json, cql_type: &CqlType, element: &CqlType) -> Result<Vec<Value>, JsonError> {
    match &*parse_key(json) {
        Json::Array(values) => values
            .iter()
            .enumerate()
            .map(|(index, value)| {
                Value::from_json(element, value).map_err(|error| error.within(index.to_string()))
            })
            .collect(),
        _ => Err(JsonError::new(cql_type, json, Reason::Kind)),
    }
}

fn tuple(json: &Json, cql_type: &CqlType, types: &[CqlType]) -> Result<Value, JsonError> {
    match &*parse_key(json) {
        Json::Array(values) if values.len() <= types.len() => values
            .iter()
            .zip(types)
            .enumerate()
            .map(|(index, (value, field))| {
                Value::from_json(field, value).map_err(|error| error.within(index.to_string()))
            })
            .collect::<Result<_, _>>()
            .map(Value::Tuple),
        Json::Array(_) => Err(JsonError::new(cql_type, json, Reason::TupleLength(types.len()))),
        _ => Err(JsonError::new(cql_type, json, Reason::Kind)),
    }
}

fn map(json: &Json, cql_type: &CqlType, pair: &(CqlType, CqlType)) -> Result<Value, JsonError> {
    let object = parse_key(json);
    let Json::Object(entries) = &*object else {
        return Err(JsonError::new(cql_type, json, Reason::Kind));
    };
    let entry = |(key, value): (&String, &Json)| {
        let entry = || {
            let key = Value::from_json(&pair.0, &Json::String(key.clone()))?;
            Ok((key, Value::from_json(&pair.1, value)?))
        };
        entry().map_err(|error: JsonError| error.within(key))
    };
    let entries: Vec<_> = entries.iter().map(entry).collect::<Result<_, _>>()?;
    // Different JSON keys may convert to the same CQL key.
    check_unique(entries.iter().map(|(key, _)| key), &pair.0)
        .map_err(|duplicate| JsonError::new(cql_type, json, Reason::Value(duplicate)))?;
    Ok(Value::Map(entries))
}

fn user_type(json: &Json, cql_type: &CqlType, udt: &Arc<UdtType>) -> Result<Value, JsonError> {
    let object = parse_key(json);
    let Json::Object(entries) = &*object else {
        return Err(JsonError::new(cql_type, json, Reason::Kind));
    };
    let mut fields = vec![Value::Null; udt.fields.len()];
    for (name, value) in entries {
        let found = index_of(udt, name)
            .and_then(|index| Some((fields.get_mut(index)?, udt.fields.get(index)?)));
        let Some((slot, (_, field))) = found else {
            return Err(JsonError::new(cql_type, json, Reason::Field(name.clone())));
        };
        *slot = Value::from_json(field, value).map_err(|error| error.within(name))?;
    }
    Ok(Value::Udt { udt: Arc::clone(udt), fields })
}

/// Returns the index of the field that the JSON name `name` matches, or `None` if there is no such
/// field.
fn index_of(udt: &UdtType, name: &str) -> Option<usize> {
    let position = |name: &str| udt.fields.iter().position(|(field, _)| field == name);
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(exact) => position(exact),
        None => position(name).or_else(|| position(&name.to_lowercase())),
    }
}

fn native_value(native: NativeType, json: &Json) -> Result<Value, Reason> {
    let number = match json {
        Json::Number(number) => Cow::Owned(number.to_string()),
        Json::String(text) => Cow::Borrowed(text.as_str()),
        Json::Bool(flag) if native == NativeType::Boolean => return Ok(Value::Boolean(*flag)),
        _ => return Err(Reason::Kind),
    };
    let string = || json.as_str().ok_or(Reason::Kind);
    Ok(match native {
        NativeType::Ascii if string()?.is_ascii() => Value::Ascii(string()?.to_owned()),
        NativeType::Ascii => return Err(Reason::Value(ValueError::InvalidAscii)),
        NativeType::Text => Value::Text(string()?.to_owned()),
        NativeType::BigInt => Value::BigInt(integer(&number)?),
        NativeType::Counter => Value::Counter(integer(&number)?),
        NativeType::Int => Value::Int(integer(&number)?),
        NativeType::SmallInt => Value::SmallInt(integer(&number)?),
        NativeType::TinyInt => Value::TinyInt(integer(&number)?),
        NativeType::Varint => Value::Varint(parse(&number)?),
        NativeType::Decimal => Value::Decimal(parse(&number)?),
        NativeType::Double => Value::Double(float(&number, f64::is_infinite)?),
        NativeType::Float => Value::Float(float(&number, f32::is_infinite)?),
        NativeType::Boolean if string()?.eq_ignore_ascii_case("true") => Value::Boolean(true),
        NativeType::Boolean if string()?.eq_ignore_ascii_case("false") => Value::Boolean(false),
        NativeType::Boolean => return Err(Reason::Kind),
        NativeType::Blob => Value::Blob(bytes(string()?).ok_or(Reason::Kind)?),
        NativeType::Unknown(_) => Value::Custom(bytes(string()?).ok_or(Reason::Kind)?),
        NativeType::Inet => Value::Inet(parse(string()?)?),
        NativeType::Uuid => Value::Uuid(parse(string()?)?),
        NativeType::TimeUuid => Value::TimeUuid(parse(string()?)?),
        NativeType::Date => Value::Date(parse(string()?)?),
        NativeType::Time => Value::Time(parse(string()?)?),
        NativeType::Timestamp => Value::Timestamp(parse(&number)?),
        NativeType::Duration => Value::Duration(parse(string()?)?),
    })
}

/// Parses an integer. Returns [`ValueError::OutOfRange`] if the integer does not fit into `T`.
fn integer<T: TryFrom<i64>>(text: &str) -> Result<T, Reason> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::Kind);
    }
    let number = text.parse::<i64>().ok().and_then(|number| T::try_from(number).ok());
    number.ok_or(Reason::Value(ValueError::OutOfRange))
}

/// Parses a number, `NaN`, `Infinity` or `-Infinity`. Any other name is an error, as in Cassandra,
/// although Rust parses more names, such as `inf`.
fn float<T: FromStr + Copy>(text: &str, is_infinite: fn(T) -> bool) -> Result<T, Reason> {
    let is_name = ["NaN", "Infinity", "-Infinity"].contains(&text);
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text.ends_with(|c: char| c.is_ascii_digit());
    if !is_name && !is_number {
        return Err(Reason::Kind);
    }
    match text.parse::<T>() {
        Ok(number) if is_number && is_infinite(number) => {
            Err(Reason::Value(ValueError::OutOfRange))
        }
        Ok(number) => Ok(number),
        Err(_) => Err(Reason::Kind),
    }
}

fn parse<T: FromStr>(text: &str) -> Result<T, Reason> {
    text.parse().map_err(|_| Reason::Kind)
}

fn bytes(text: &str) -> Option<Bytes> {
    let digits = text.strip_prefix("0x")?;
    base16ct::mixed::decode_vec(digits).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use std::net::IpAddr;

    use uuid::Uuid;

    use crate::types::{Date, Decimal, Duration, Time, Timestamp, Varint};

    fn udt() -> Arc<UdtType> {
        let fields = [("street", NativeType::Text), ("Zip", NativeType::Int)];
        let fields = fields.map(|(name, native)| (name.to_owned(), native.into())).into();
        Arc::new(UdtType { keyspace: "ks".into(), name: "address".into(), fields })
    }

    fn finite(number: f64) -> f64 {
        if number.is_nan() { f64::INFINITY } else { number }
    }

    /// Generates values of all native types, each with its type.
    fn native() -> impl Strategy<Value = (CqlType, Value)> {
        let varint =
            || prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| Varint::from_bytes(&b));
        let small = (any::<i32>(), -10..30_i32).prop_map(|(unscaled, scale)| Decimal {
            scale,
            unscaled: Varint::from(i128::from(unscaled)),
        });
        let large =
            (any::<i32>(), varint()).prop_map(|(scale, unscaled)| Decimal { scale, unscaled });
        let duration = (0..=i32::MAX, 0..=i32::MAX, 0..=i64::MAX, any::<bool>()).prop_map(
            |(months, days, nanoseconds, is_negative)| match is_negative {
                true => Duration { months: -months, days: -days, nanoseconds: -nanoseconds },
                false => Duration { months, days, nanoseconds },
            },
        );
        let uuid = || any::<u128>().prop_map(Uuid::from_u128);
        macro_rules! natives {
            ($($native:ident: $strategy:expr;)+) => {
                prop_oneof![$(
                    $strategy.prop_map(|value| (NativeType::$native.into(), Value::$native(value))),
                )+]
            };
        }
        let first = natives! {
            Ascii: "[ -~]{0,9}";
            BigInt: any::<i64>();
            Boolean: any::<bool>();
            Counter: any::<i64>();
            Date: any::<i32>().prop_map(Date);
            Double: any::<u64>().prop_map(|bits| finite(f64::from_bits(bits)));
            Duration: duration;
            Float: any::<f32>();
            Inet: any::<IpAddr>();
            Int: any::<i32>();
        };
        let second = natives! {
            Blob: prop::collection::vec(any::<u8>(), 0..9).prop_map(Bytes::from);
            Decimal: prop_oneof![small, large];
            SmallInt: any::<i16>();
            Text: any::<String>();
            Time: (0..=Time::MAX.0).prop_map(Time);
            TimeUuid: uuid();
            Timestamp: any::<i64>().prop_map(Timestamp);
            TinyInt: any::<i8>();
            Uuid: uuid();
            Varint: prop_oneof![varint(), any::<i64>().prop_map(|n| Varint::from(i128::from(n)))];
        };
        prop_oneof![first, second]
    }

    /// Generates native values, and lists, vectors, maps and tuples of values, each with its type.
    fn nested() -> impl Strategy<Value = (CqlType, Value)> {
        native().prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                (inner.clone(), 0..3_usize).prop_map(|((of, value), count)| {
                    (CqlType::List(Box::new(of)), Value::List(vec![value; count]))
                }),
                (inner.clone(), 1..3_usize).prop_map(|((of, value), count)| {
                    (CqlType::vector(of, count), Value::Vector(vec![value; count]))
                }),
                (inner.clone(), inner.clone()).prop_map(|((key_of, key), (of, value))| {
                    (CqlType::Map(Box::new((key_of, of))), Value::Map(vec![(key, value)]))
                }),
                (inner.clone(), inner).prop_map(|((first, a), (second, b))| {
                    let types = vec![first, second.clone(), second];
                    (CqlType::Tuple(types), Value::Tuple(vec![a, Value::Null, b]))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_round_trips((cql_type, value) in nested()) {
            let json = Json::from(&value);
            let read = Value::from_json(&cql_type, &json);
            prop_assert_eq!(read.as_ref(), Ok(&value), "{}", json);
            #[cfg(feature = "serde-1")]
            prop_assert_eq!(serde_json::to_value(&value).unwrap(), json);
        }
    }

    #[test]
    fn extreme_values_round_trip() {
        for value in [
            Value::Date(Date(i32::MIN)),
            Value::Date(Date(i32::MAX)),
            Value::Timestamp(Timestamp(i64::MIN)),
            Value::Timestamp(Timestamp(i64::MAX)),
            Value::Duration(Duration { months: i32::MIN, days: i32::MIN, nanoseconds: i64::MIN }),
            Value::Duration(Duration::default()),
            Value::Double(-0.0),
            Value::Float(f32::MAX),
            Value::Float(f32::from_bits(1)),
            Value::Empty,
        ] {
            let native = match value {
                Value::Date(_) => NativeType::Date,
                Value::Duration(_) => NativeType::Duration,
                Value::Double(_) => NativeType::Double,
                Value::Float(_) => NativeType::Float,
                _ => NativeType::Timestamp,
            };
            let json = Json::from(&value);
            let read = Value::from_json(&native.into(), &json).unwrap();
            assert_eq!(format!("{read:?}"), format!("{value:?}"), "{json}");
        }
        let nan = Value::from_json(&NativeType::Float.into(), &json!("NaN")).unwrap();
        assert!(matches!(nan, Value::Float(number) if number.is_nan()));
    }

    #[test]
    fn field_names_match_like_in_cassandra() {
        let cql_type = CqlType::Udt(udt());
        let fields = vec![Value::Null, Value::Int(7)];
        let value = Value::Udt { udt: udt(), fields };
        assert_eq!(Json::from(&value), json!({"street": null, "\"Zip\"": 7}));
        for json in [json!({"\"Zip\"": 7}), json!({"Zip": "7", "STREET": null})] {
            assert_eq!(Value::from_json(&cql_type, &json).as_ref(), Ok(&value));
        }
        for json in [json!({"zip": 7}), json!({"\"ZIP\"": 7}), json!({"city": ""})] {
            assert!(Value::from_json(&cql_type, &json).is_err(), "{json}");
        }
    }

    #[test]
    fn errors_name_the_invalid_part_and_its_type() {
        let list = CqlType::List(Box::new(CqlType::Udt(udt())));
        let pair = CqlType::Tuple(vec![NativeType::Int.into(); 2]);
        let ages = CqlType::Map(Box::new((NativeType::TinyInt.into(), NativeType::Int.into())));
        let long = "é".repeat(100);
        for (cql_type, json, error) in [
            (
                NativeType::TinyInt.into(),
                json!(128),
                "invalid JSON for `tinyint`: 128; the value is out of range for its CQL type",
            ),
            (NativeType::Int.into(), json!(1.0), "invalid JSON for `int`: 1.0"),
            (NativeType::Int.into(), json!("+1"), "invalid JSON for `int`: \"+1\""),
            (NativeType::Double.into(), json!("inf"), "invalid JSON for `double`: \"inf\""),
            (
                NativeType::Float.into(),
                json!(1e39),
                "invalid JSON for `float`: 1e+39; the value is out of range for its CQL type",
            ),
            (NativeType::Text.into(), json!(1), "invalid JSON for `text`: 1"),
            (
                NativeType::Ascii.into(),
                json!("é"),
                "invalid JSON for `ascii`: \"é\"; the text is not US-ASCII",
            ),
            (NativeType::Blob.into(), json!("0xabc"), "invalid JSON for `blob`: \"0xabc\""),
            (NativeType::Blob.into(), json!(""), "invalid JSON for `blob`: \"\""),
            (NativeType::Boolean.into(), json!(1), "invalid JSON for `boolean`: 1"),
            (
                NativeType::Date.into(),
                json!("2023-02-29"),
                "invalid JSON for `date`: \"2023-02-29\"",
            ),
            (
                NativeType::Uuid.into(),
                json!(long),
                &format!("invalid JSON for `uuid`: \"{}…", "é".repeat(59)),
            ),
            (
                CqlType::vector(NativeType::Float.into(), 3),
                json!([1, 2]),
                "invalid JSON for `vector<float, 3>`: an array; the vector has 2 elements, but its type has 3",
            ),
            (
                pair.clone(),
                json!([1, 2, 3]),
                "invalid JSON for `tuple<int, int>`: an array; the type has only 2 elements",
            ),
            (pair, json!({}), "invalid JSON for `tuple<int, int>`: an object"),
            (ages.clone(), json!({"1": "x"}), "invalid JSON for `int` at `1`: \"x\""),
            (ages, json!({"x": 1}), "invalid JSON for `tinyint` at `x`: \"x\""),
            (list.clone(), json!([{}, {"street": 1}]), "invalid JSON for `text` at `1.street`: 1"),
            (
                list,
                json!([{"city": ""}]),
                "invalid JSON for `ks.address` at `0`: an object; the type has no field `city`",
            ),
        ] {
            assert_eq!(Value::from_json(&cql_type, &json).unwrap_err().to_string(), error);
        }
    }
}
