//! Values of every type: what a peer reads from our bytes, and the bytes that it writes for that.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cqlwire::types::{CqlType, NativeType, Timestamp, Value};
use cqlwire::wire::Writer;
use libtest_mimic::Failed;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};

use crate::{fields, hex, strategies};

/// How many values there are of each native type, and how many of nested types.
const OF_A_NATIVE_TYPE: usize = 60;
const OF_NESTED_TYPES: usize = 600;

/// Somebody else's codec for values.
pub(crate) trait Values: Send + Sync {
    /// The value in these bytes, as [`plain`] shows it, and the bytes that the peer writes for it.
    fn answer(&self, cql_type: &Json, bytes: &[u8]) -> Result<(Json, Vec<u8>), String>;
}

/// Values that a peer is known to have otherwise; as [`Skip`](crate::peer::Skip).
pub(crate) struct ValueSkip {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) applies: fn(&Value) -> bool,
}

/// A value, and its bytes as we write them.
pub(crate) struct Sample {
    pub(crate) cql_type: CqlType,
    pub(crate) value: Value,
    bytes: Vec<u8>,
}

/// Generated values: of each native type, and of types in types. The seed is fixed.
pub(crate) fn samples() -> Vec<Sample> {
    let mut runner = TestRunner::deterministic();
    let natives = NativeType::KNOWN.iter().map(|native| CqlType::from(*native));
    let mut types = natives.flat_map(|of| vec![of; OF_A_NATIVE_TYPE]).collect::<Vec<_>>();
    let nested = strategies::cql_type().prop_filter("nested", |of| !is_native(of));
    let mut nested_type = || nested.new_tree(&mut runner).expect("most are").current();
    types.extend((0..OF_NESTED_TYPES).map(|_| nested_type()));
    let sample = |cql_type: CqlType| {
        let tree = strategies::value(&cql_type).new_tree(&mut runner).expect("a value");
        let value = as_others_have_it(tree.current());
        let mut bytes = Vec::new();
        value.encode(&cql_type, &mut Writer::new(&mut bytes)).expect("a value of its type");
        bytes.drain(..4);
        Sample { cql_type, value, bytes }
    };
    types.into_iter().map(sample).collect()
}

/// Half of the instants are some that other languages have, too, and maps have a key once.
fn as_others_have_it(value: Value) -> Value {
    let all = |parts: Vec<Value>| parts.into_iter().map(as_others_have_it).collect();
    match value {
        Value::Timestamp(Timestamp(at)) if at % 2 == 0 => {
            Value::Timestamp(Timestamp(at % (1 << 42)))
        }
        Value::List(elements) => Value::List(all(elements)),
        Value::Tuple(elements) => Value::Tuple(all(elements)),
        Value::Udt { udt, fields } => Value::Udt { udt, fields: all(fields) },
        Value::Vector(elements) => Value::Vector(all(elements)),
        Value::Map(mut entries) => {
            let mut seen = BTreeSet::new();
            entries.retain(|(key, _)| seen.insert(plain(key).to_string()));
            Value::Map(entries)
        }
        other => other,
    }
}

pub(crate) fn is_native(cql_type: &CqlType) -> bool {
    matches!(cql_type, CqlType::Native(_))
}

/// Whether all of them are to the peer what they are to us.
pub(crate) fn agree(peer: &dyn Values, samples: &[&Sample]) -> Result<(), Failed> {
    let mut differences = samples.iter().filter_map(|sample| compare(peer, sample).err());
    let Some(first) = differences.next() else { return Ok(()) };
    Err(format!("{} of {}; the first: {first}", 1 + differences.count(), samples.len()).into())
}

pub(crate) fn compare(peer: &dyn Values, sample: &Sample) -> Result<(), String> {
    let Sample { cql_type, value, bytes } = sample;
    let differs = |what: String| format!("{value} of {cql_type}, {}: {what}", hex::encode(bytes));
    let (read, written) = peer.answer(&fields::cql_type(cql_type), bytes).map_err(differs)?;
    let expected = plain(value);
    if read != expected {
        return Err(differs(format!("they read {read}, not {expected}")));
    }
    if written == *bytes {
        return Ok(());
    }
    // A set has no order there.
    let again = Value::decode(cql_type, &written).map_err(|error| differs(error.to_string()))?;
    match has(value, &|part| matches!(part, Value::Set(_))) && plain(&again) == expected {
        true => Ok(()),
        false => Err(differs(format!("they write {}", hex::encode(&written)))),
    }
}

/// Whether the value or a part of it is such a one.
pub(crate) fn has(value: &Value, is_one: &dyn Fn(&Value) -> bool) -> bool {
    let any = |values: &[Value]| values.iter().any(|part| has(part, is_one));
    is_one(value)
        || match value {
            Value::List(parts) | Value::Set(parts) | Value::Tuple(parts) | Value::Vector(parts) => {
                any(parts)
            }
            Value::Udt { fields, .. } => any(fields),
            Value::Map(entries) => {
                entries.iter().any(|(key, value)| has(key, is_one) || has(value, is_one))
            }
            _ => false,
        }
}

/// The value as every language has it: numbers as text, floating-point ones as the hex of their
/// bits, bytes as hex, sets in the order of their texts.
pub(crate) fn plain(value: &Value) -> Json {
    let list = |values: &[Value]| values.iter().map(plain).collect::<Vec<_>>();
    match value {
        Value::Null => Json::Null,
        Value::Empty => json!({ "empty": true }),
        Value::Ascii(text) | Value::Text(text) => json!(text),
        Value::BigInt(number) | Value::Counter(number) => json!(number.to_string()),
        Value::Int(number) => json!(number.to_string()),
        Value::SmallInt(number) => json!(number.to_string()),
        Value::TinyInt(number) => json!(number.to_string()),
        Value::Varint(number) => json!(number.to_string()),
        Value::Date(date) => json!(date.0.to_string()),
        Value::Time(time) => json!(time.0.to_string()),
        Value::Timestamp(instant) => json!(instant.0.to_string()),
        Value::Decimal(number) => json!([number.unscaled.to_string(), number.scale.to_string()]),
        Value::Double(number) => json!(hex::encode(number.to_be_bytes())),
        Value::Float(number) => json!(hex::encode(number.to_be_bytes())),
        Value::Duration(of) => {
            json!([of.months.to_string(), of.days.to_string(), of.nanoseconds.to_string()])
        }
        Value::Blob(bytes) | Value::Custom(bytes) => json!(hex::encode(bytes)),
        Value::Boolean(flag) => json!(flag),
        Value::Inet(IpAddr::V4(address)) => json!(hex::encode(address.octets())),
        Value::Inet(IpAddr::V6(address)) => json!(hex::encode(address.octets())),
        Value::Uuid(uuid) | Value::TimeUuid(uuid) => json!(uuid.to_string()),
        Value::List(elements) | Value::Tuple(elements) | Value::Vector(elements) => {
            json!(list(elements))
        }
        Value::Udt { fields, .. } => json!(list(fields)),
        Value::Set(elements) => {
            let texts = elements.iter().map(|element| plain(element).to_string());
            json!(texts.collect::<BTreeSet<_>>())
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| json!([plain(key), plain(value)]));
            json!(entries.collect::<Vec<_>>())
        }
        other => panic!("{other} is not known to these tests"),
    }
}
