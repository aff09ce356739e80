//! Values of every type. The peer decodes cqlwire's bytes and encodes the value again.

use std::collections::BTreeSet;

use cqlwire::types::{CqlType, NativeType, Timestamp, Value};
use cqlwire::wire::Writer;
use libtest_mimic::Failed;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;

use crate::json_values::{self, contains_value, value_to_json};
use crate::{hex, strategies};

/// Number of generated values per native type.
const VALUES_PER_NATIVE_TYPE: usize = 60;
/// Number of generated values of nested types.
const NESTED_VALUES: usize = 600;

/// A peer's codec for values.
pub(crate) trait Values: Send + Sync {
    /// Decodes the bytes and encodes the value again. Returns the value in the form of
    /// [`value_to_json`], and the encoded bytes.
    fn answer(&self, cql_type: &Json, bytes: &[u8]) -> Result<(Json, Vec<u8>), String>;
}

/// Values for which a peer is known to differ, like [`Skip`](crate::peer::Skip).
pub(crate) struct ValueSkip {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) applies: fn(&Value) -> bool,
}

/// A value, and the bytes that cqlwire writes for it.
pub(crate) struct Sample {
    pub(crate) cql_type: CqlType,
    pub(crate) value: Value,
    bytes: Vec<u8>,
}

/// Generates values of each native type and of nested types, from a fixed seed.
pub(crate) fn samples() -> Vec<Sample> {
    let mut runner = TestRunner::deterministic();
    let natives = NativeType::KNOWN.iter().map(|native| CqlType::from(*native));
    let mut types = natives.flat_map(|of| vec![of; VALUES_PER_NATIVE_TYPE]).collect::<Vec<_>>();
    let nested = strategies::cql_type().prop_filter("nested", |of| !is_native(of));
    let mut nested_type =
        || nested.new_tree(&mut runner).expect("most types should be nested").current();
    types.extend((0..NESTED_VALUES).map(|_| nested_type()));
    let sample = |cql_type: CqlType| {
        let tree =
            strategies::value(&cql_type).new_tree(&mut runner).expect("generation should succeed");
        let value = representable_by_peers(tree.current());
        let mut bytes = Vec::new();
        value.encode(&cql_type, &mut Writer::new(&mut bytes)).expect("the value should encode");
        bytes.drain(..4);
        Sample { cql_type, value, bytes }
    };
    types.into_iter().map(sample).collect()
}

/// Moves half of the timestamps into the range of other languages, and removes duplicate map keys.
fn representable_by_peers(value: Value) -> Value {
    let all = |parts: Vec<Value>| parts.into_iter().map(representable_by_peers).collect();
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
            let each = |(key, value)| (representable_by_peers(key), representable_by_peers(value));
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

/// Compares all samples. The error shows the first difference.
pub(crate) fn agree(peer: &dyn Values, samples: &[&Sample]) -> Result<(), Failed> {
    let mut differences = samples.iter().filter_map(|sample| compare(peer, sample).err());
    let Some(first) = differences.next() else { return Ok(()) };
    let count = 1 + differences.count();
    Err(format!("{count} of {} values differ; the first: {first}", samples.len()).into())
}

pub(crate) fn compare(peer: &dyn Values, sample: &Sample) -> Result<(), String> {
    let Sample { cql_type, value, bytes } = sample;
    let differs = |what: String| format!("{value} of {cql_type}, {}: {what}", hex::encode(bytes));
    let (read, written) =
        peer.answer(&json_values::type_to_json(cql_type), bytes).map_err(differs)?;
    let expected = value_to_json(value);
    if read != expected {
        return Err(differs(format!("the peer reads {read}, not {expected}")));
    }
    if written == *bytes {
        return Ok(());
    }
    // The peer may write the elements of a set in another order.
    let again = Value::decode(cql_type, &written).map_err(|error| differs(error.to_string()))?;
    match contains_value(value, &|part| matches!(part, Value::Set(_)))
        && value_to_json(&again) == expected
    {
        true => Ok(()),
        false => Err(differs(format!("the peer writes {}", hex::encode(&written)))),
    }
}
