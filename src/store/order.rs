//! The order of the elements of sets and of the keys of maps.

use super::key::ClusteringKey;
use crate::types::{CqlType, Value};

/// Returns the elements of a set in the order of the server, each once.
pub(in crate::store) fn sort_set(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_cached_key(ClusteringKey::of);
    values.dedup_by_key(|value| ClusteringKey::of(value));
    values
}

/// Returns the entries of a map in the order of the server. Of entries with the same key, the last one
/// remains.
pub(in crate::store) fn sort_entries(mut entries: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    entries.reverse();
    // The sort is stable.
    entries.sort_by_cached_key(|(key, _)| ClusteringKey::of(key));
    entries.dedup_by_key(|(key, _)| ClusteringKey::of(key));
    entries
}

/// Returns a value whose sets and maps, at any depth, are in the order of the server.
pub(in crate::store) fn sorted(value: Value, cql_type: &CqlType) -> Value {
    let all = |values: Vec<Value>, of: &CqlType| -> Vec<Value> {
        values.into_iter().map(|value| sorted(value, of)).collect()
    };
    match (value, cql_type) {
        (value, CqlType::Native(_) | CqlType::Custom(_)) => value,
        (Value::List(values), CqlType::List(element)) => Value::List(all(values, element)),
        (Value::Set(values), CqlType::Set(element)) => Value::Set(sort_set(all(values, element))),
        (Value::Vector(values), CqlType::Vector(of)) => Value::Vector(all(values, &of.element)),
        (Value::Map(entries), CqlType::Map(types)) => {
            let entry = |(key, value)| (sorted(key, &types.0), sorted(value, &types.1));
            Value::Map(sort_entries(entries.into_iter().map(entry).collect()))
        }
        (Value::Tuple(values), CqlType::Tuple(types)) => {
            let pairs = values.into_iter().zip(types);
            Value::Tuple(pairs.map(|(value, of)| sorted(value, of)).collect())
        }
        (Value::Udt { udt, fields }, CqlType::Udt(_)) => {
            let pairs = fields.into_iter().zip(&udt.fields);
            let fields = pairs.map(|(value, (_, of))| sorted(value, of)).collect();
            Value::Udt { udt, fields }
        }
        (value, _) => value,
    }
}
