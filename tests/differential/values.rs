//! Values of every type: what a peer reads from our bytes, and the bytes that it writes for that.

use std::collections::BTreeSet;

use cqlwire::types::{CqlType, NativeType, Timestamp, Value};
use cqlwire::wire::Writer;
use libtest_mimic::Failed;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;

use crate::json_values::{self, contains_value, value_to_json};
use crate::{hex, strategies};

/// How many values there are of each native type, and how many of nested types.
const OF_A_NATIVE_TYPE: usize = 60;
const OF_NESTED_TYPES: usize = 600;

/// Somebody else's codec for values.
pub(crate) trait Values: Send + Sync {
    /// The value in these bytes, as [`value_to_json`] shows it, and the bytes that the peer writes for it.
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
        Value::Set(elements) => Value::Set(all(elements)),
        Value::Map(entries) => {
            let mut seen = BTreeSet::new();
            let each = |(key, value)| (as_others_have_it(key), as_others_have_it(value));
            let entries = entries.into_iter().map(each);
            Value::Map(
                entries.filter(|(key, _)| seen.insert(value_to_json(key).to_string())).collect(),
            )
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
    let (read, written) =
        peer.answer(&json_values::type_to_json(cql_type), bytes).map_err(differs)?;
    let expected = value_to_json(value);
    if read != expected {
        return Err(differs(format!("they read {read}, not {expected}")));
    }
    if written == *bytes {
        return Ok(());
    }
    // A set has no order there.
    let again = Value::decode(cql_type, &written).map_err(|error| differs(error.to_string()))?;
    match contains_value(value, &|part| matches!(part, Value::Set(_)))
        && value_to_json(&again) == expected
    {
        true => Ok(()),
        false => Err(differs(format!("they write {}", hex::encode(&written)))),
    }
}
