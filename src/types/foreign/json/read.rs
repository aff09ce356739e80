//! Values out of JSON.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value as Json;

use crate::types::text::blob::unhex;
use crate::types::value::each_once;
use crate::types::{CqlType, NativeType, UdtType, Value, ValueError};

impl Value {
    /// The value of `cql_type` that JSON says, as Cassandra's `fromJson` takes it: see the
    /// [table](crate::types#json).
    ///
    /// Numbers and booleans may be strings. The names of fields are without case, unless they are in
    /// double quotes of their own or one is the same to the letter; fields that are not there
    /// are null.
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
    /// assert_eq!(error.to_string(), "the JSON 1.5 at `ada` is no `int`");
    /// # Ok::<(), cqlwire::types::JsonError>(())
    /// ```
    ///
    /// # Errors
    /// JSON that is no value of the type.
    pub fn from_json(cql_type: &CqlType, json: &Json) -> Result<Self, JsonError> {
        match (json, cql_type) {
            (Json::Null, _) => Ok(Self::Null),
            (Json::String(text), _) if text.is_empty() && has_empty(cql_type) => Ok(Self::Empty),
            (_, CqlType::Native(native)) => {
                of_native(*native, json).map_err(|why| JsonError::new(cql_type, json, why))
            }
            (_, CqlType::List(element)) => Ok(Self::List(array(json, cql_type, element)?)),
            (_, CqlType::Set(element)) => {
                let elements = array(json, cql_type, element)?;
                each_once(elements.iter(), element)
                    .map_err(|twice| JsonError::new(cql_type, json, Why::Value(twice)))?;
                Ok(Self::Set(elements))
            }
            (_, CqlType::Vector(vector)) => {
                let elements = array(json, cql_type, &vector.element)?;
                let (expected, found) = (vector.dimensions, elements.len());
                let why = Why::Value(ValueError::Dimensions { expected, found });
                match expected == found {
                    true => Ok(Self::Vector(elements)),
                    false => Err(JsonError::new(cql_type, json, why)),
                }
            }
            (_, CqlType::Tuple(types)) => tuple(json, cql_type, types),
            (_, CqlType::Map(pair)) => map(json, cql_type, pair),
            (_, CqlType::Udt(udt)) => user_type(json, cql_type, udt),
            (_, CqlType::Custom(_)) => of_native(NativeType::Blob, json)
                .map(
                    |bytes| if let Self::Blob(bytes) = bytes { Self::Custom(bytes) } else { bytes },
                )
                .map_err(|why| JsonError::new(cql_type, json, why)),
        }
    }
}

/// JSON that is no value of its type: which, where and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError(Box<Misfit>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Misfit {
    /// The names and indexes on the way there, the innermost first.
    within: Vec<String>,
    json: String,
    cql_type: CqlType,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// It is not JSON of that type at all.
    Kind,
    Value(ValueError),
    Field(String),
}

/// How much of the JSON an error shows.
const SHOWN: usize = 60;

impl JsonError {
    #[cold]
    fn new(cql_type: &CqlType, json: &Json, why: Why) -> Self {
        let mut json = match json {
            Json::Array(_) => "array".to_owned(),
            Json::Object(_) => "object".to_owned(),
            scalar => scalar.to_string(),
        };
        if let Some((end, _)) = json.char_indices().nth(SHOWN) {
            json.truncate(end);
            json.push('…');
        }
        Self(Box::new(Misfit { within: Vec::new(), json, cql_type: cql_type.clone(), why }))
    }

    #[cold]
    fn within(mut self, part: impl Into<String>) -> Self {
        self.0.within.push(part.into());
        self
    }

    /// The names and indexes that lead to the value, from the outermost.
    pub fn path(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.within.iter().rev().map(String::as_str)
    }

    /// The type that the JSON there is no value of.
    pub fn cql_type(&self) -> &CqlType {
        &self.0.cql_type
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Misfit { within, json, cql_type, why } = &*self.0;
        write!(f, "the JSON {json}")?;
        if !within.is_empty() {
            write!(f, " at `{}`", self.path().collect::<Vec<_>>().join("."))?;
        }
        write!(f, " is no `{cql_type}`")?;
        match why {
            Why::Kind => Ok(()),
            Why::Value(cause) => write!(f, ": {cause}"),
            Why::Field(name) => write!(f, ": it has no field `{name}`"),
        }
    }
}

impl std::error::Error for JsonError {}

/// Whether the empty string is the empty value, which is no text and no bytes.
fn has_empty(cql_type: &CqlType) -> bool {
    !matches!(
        cql_type,
        CqlType::Custom(_)
            | CqlType::Native(
                NativeType::Text | NativeType::Ascii | NativeType::Blob | NativeType::Unknown(_)
            )
    )
}

/// An array or object; in the key of an object, the text of one.
fn parsed(json: &Json) -> Cow<'_, Json> {
    match json {
        Json::String(text) => {
            serde_json::from_str(text).map_or(Cow::Borrowed(json), Cow::<Json>::Owned)
        }
        _ => Cow::Borrowed(json),
    }
}

fn array(json: &Json, cql_type: &CqlType, element: &CqlType) -> Result<Vec<Value>, JsonError> {
    match &*parsed(json) {
        Json::Array(values) => values
            .iter()
            .enumerate()
            .map(|(index, value)| {
                Value::from_json(element, value).map_err(|error| error.within(index.to_string()))
            })
            .collect(),
        _ => Err(JsonError::new(cql_type, json, Why::Kind)),
    }
}

fn tuple(json: &Json, cql_type: &CqlType, types: &[CqlType]) -> Result<Value, JsonError> {
    match &*parsed(json) {
        Json::Array(values) if values.len() <= types.len() => values
            .iter()
            .zip(types)
            .enumerate()
            .map(|(index, (value, field))| {
                Value::from_json(field, value).map_err(|error| error.within(index.to_string()))
            })
            .collect::<Result<_, _>>()
            .map(Value::Tuple),
        Json::Array(_) => Err(JsonError::new(cql_type, json, Why::Value(ValueError::TooLong))),
        _ => Err(JsonError::new(cql_type, json, Why::Kind)),
    }
}

fn map(json: &Json, cql_type: &CqlType, pair: &(CqlType, CqlType)) -> Result<Value, JsonError> {
    let json_of = parsed(json);
    let Json::Object(entries) = &*json_of else {
        return Err(JsonError::new(cql_type, json, Why::Kind));
    };
    let entry = |(key, value): (&String, &Json)| {
        let entry = || {
            let key = Value::from_json(&pair.0, &Json::String(key.clone()))?;
            Ok((key, Value::from_json(&pair.1, value)?))
        };
        entry().map_err(|error: JsonError| error.within(key))
    };
    let entries: Vec<_> = entries.iter().map(entry).collect::<Result<_, _>>()?;
    // Keys that are written in different ways may be the same.
    each_once(entries.iter().map(|(key, _)| key), &pair.0)
        .map_err(|twice| JsonError::new(cql_type, json, Why::Value(twice)))?;
    Ok(Value::Map(entries))
}

fn user_type(json: &Json, cql_type: &CqlType, udt: &Arc<UdtType>) -> Result<Value, JsonError> {
    let json_of = parsed(json);
    let Json::Object(entries) = &*json_of else {
        return Err(JsonError::new(cql_type, json, Why::Kind));
    };
    let mut fields = vec![Value::Null; udt.fields.len()];
    for (name, value) in entries {
        let there = index_of(udt, name)
            .and_then(|index| Some((fields.get_mut(index)?, udt.fields.get(index)?)));
        let Some((place, (_, field))) = there else {
            return Err(JsonError::new(cql_type, json, Why::Field(name.clone())));
        };
        *place = Value::from_json(field, value).map_err(|error| error.within(name))?;
    }
    Ok(Value::Udt { udt: Arc::clone(udt), fields })
}

/// The field of a name in JSON.
fn index_of(udt: &UdtType, name: &str) -> Option<usize> {
    let position = |name: &str| udt.fields.iter().position(|(field, _)| field == name);
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(exact) => position(exact),
        None => position(name).or_else(|| position(&name.to_lowercase())),
    }
}

fn of_native(native: NativeType, json: &Json) -> Result<Value, Why> {
    let number = match json {
        Json::Number(number) => Cow::Owned(number.to_string()),
        Json::String(text) => Cow::Borrowed(text.as_str()),
        Json::Bool(flag) if native == NativeType::Boolean => return Ok(Value::Boolean(*flag)),
        _ => return Err(Why::Kind),
    };
    let string = || json.as_str().ok_or(Why::Kind);
    Ok(match native {
        NativeType::Ascii if string()?.is_ascii() => Value::Ascii(string()?.to_owned()),
        NativeType::Ascii => return Err(Why::Value(ValueError::InvalidAscii)),
        NativeType::Text => Value::Text(string()?.to_owned()),
        NativeType::BigInt => Value::BigInt(integer(&number)?),
        NativeType::Counter => Value::Counter(integer(&number)?),
        NativeType::Int => Value::Int(integer(&number)?),
        NativeType::SmallInt => Value::SmallInt(integer(&number)?),
        NativeType::TinyInt => Value::TinyInt(integer(&number)?),
        NativeType::Varint => Value::Varint(parsed_as(&number)?),
        NativeType::Decimal => Value::Decimal(parsed_as(&number)?),
        NativeType::Double => Value::Double(float(&number, f64::is_infinite)?),
        NativeType::Float => Value::Float(float(&number, f32::is_infinite)?),
        NativeType::Boolean if string()?.eq_ignore_ascii_case("true") => Value::Boolean(true),
        NativeType::Boolean if string()?.eq_ignore_ascii_case("false") => Value::Boolean(false),
        NativeType::Boolean => return Err(Why::Kind),
        NativeType::Blob => Value::Blob(bytes(string()?).ok_or(Why::Kind)?),
        NativeType::Unknown(_) => Value::Custom(bytes(string()?).ok_or(Why::Kind)?),
        NativeType::Inet => Value::Inet(parsed_as(string()?)?),
        NativeType::Uuid => Value::Uuid(parsed_as(string()?)?),
        NativeType::TimeUuid => Value::TimeUuid(parsed_as(string()?)?),
        NativeType::Date => Value::Date(parsed_as(string()?)?),
        NativeType::Time => Value::Time(parsed_as(string()?)?),
        NativeType::Timestamp => Value::Timestamp(parsed_as(&number)?),
        NativeType::Duration => Value::Duration(parsed_as(string()?)?),
    })
}

/// An integer; one of more digits than any has is out of range.
fn integer<T: TryFrom<i64>>(text: &str) -> Result<T, Why> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Why::Kind);
    }
    let number = text.parse::<i64>().ok().and_then(|number| T::try_from(number).ok());
    number.ok_or(Why::Value(ValueError::OutOfRange))
}

/// Digits, or the names that JSON has no numbers for: not all that Rust knows.
fn float<T: FromStr + Copy>(text: &str, is_infinite: fn(T) -> bool) -> Result<T, Why> {
    let is_name = ["NaN", "Infinity", "-Infinity"].contains(&text);
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text.ends_with(|c: char| c.is_ascii_digit());
    if !is_name && !is_number {
        return Err(Why::Kind);
    }
    match text.parse::<T>() {
        Ok(number) if is_number && is_infinite(number) => Err(Why::Value(ValueError::OutOfRange)),
        Ok(number) => Ok(number),
        Err(_) => Err(Why::Kind),
    }
}

fn parsed_as<T: FromStr>(text: &str) -> Result<T, Why> {
    text.parse().map_err(|_| Why::Kind)
}

fn bytes(text: &str) -> Option<Bytes> {
    text.strip_prefix("0x").and_then(unhex).map(Bytes::from)
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

    /// Any value of a native type, and its type.
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

    /// Values in lists, as the keys and values of maps, and in tuples; each with its type.
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
        fn every_value_survives((cql_type, value) in nested()) {
            let json = Json::from(&value);
            let read = Value::from_json(&cql_type, &json);
            prop_assert_eq!(read.as_ref(), Ok(&value), "{}", json);
            #[cfg(feature = "serde-1")]
            prop_assert_eq!(serde_json::to_value(&value).unwrap(), json);
        }
    }

    #[test]
    fn values_at_the_ends_of_their_types() {
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
    fn fields_go_by_their_names_as_cassandra_has_them() {
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
    fn what_does_not_fit_is_said_with_its_place() {
        let list = CqlType::List(Box::new(CqlType::Udt(udt())));
        let pair = CqlType::Tuple(vec![NativeType::Int.into(); 2]);
        let ages = CqlType::Map(Box::new((NativeType::TinyInt.into(), NativeType::Int.into())));
        let long = "é".repeat(100);
        for (cql_type, json, error) in [
            (
                NativeType::TinyInt.into(),
                json!(128),
                "the JSON 128 is no `tinyint`: the value is out of the range of its type",
            ),
            (NativeType::Int.into(), json!(1.0), "the JSON 1.0 is no `int`"),
            (NativeType::Int.into(), json!("+1"), "the JSON \"+1\" is no `int`"),
            (NativeType::Double.into(), json!("inf"), "the JSON \"inf\" is no `double`"),
            (
                NativeType::Float.into(),
                json!(1e39),
                "the JSON 1e+39 is no `float`: the value is out of the range of its type",
            ),
            (NativeType::Text.into(), json!(1), "the JSON 1 is no `text`"),
            (
                NativeType::Ascii.into(),
                json!("é"),
                "the JSON \"é\" is no `ascii`: the text is not US-ASCII",
            ),
            (NativeType::Blob.into(), json!("0xabc"), "the JSON \"0xabc\" is no `blob`"),
            (NativeType::Blob.into(), json!(""), "the JSON \"\" is no `blob`"),
            (NativeType::Boolean.into(), json!(1), "the JSON 1 is no `boolean`"),
            (NativeType::Date.into(), json!("2023-02-29"), "the JSON \"2023-02-29\" is no `date`"),
            (
                NativeType::Uuid.into(),
                json!(long),
                &format!("the JSON \"{}… is no `uuid`", "é".repeat(59)),
            ),
            (
                CqlType::vector(NativeType::Float.into(), 3),
                json!([1, 2]),
                "the JSON array is no `vector<float, 3>`: the vector has 2 elements, its type has 3",
            ),
            (
                pair.clone(),
                json!([1, 2, 3]),
                "the JSON array is no `tuple<int, int>`: the value goes on after its last part",
            ),
            (pair, json!({}), "the JSON object is no `tuple<int, int>`"),
            (ages.clone(), json!({"1": "x"}), "the JSON \"x\" at `1` is no `int`"),
            (ages, json!({"x": 1}), "the JSON \"x\" at `x` is no `tinyint`"),
            (list.clone(), json!([{}, {"street": 1}]), "the JSON 1 at `1.street` is no `text`"),
            (
                list,
                json!([{"city": ""}]),
                "the JSON object at `0` is no `ks.address`: it has no field `city`",
            ),
        ] {
            assert_eq!(Value::from_json(&cql_type, &json).unwrap_err().to_string(), error);
        }
    }
}
