//! Functions of collections.

use super::signature::{Scalar, Signature};
use crate::store::key::ClusteringKey;
use crate::types::{CqlType, NativeType, Value};

/// Returns the signature of a function for a collection of this type, or `None` if it is not a
/// collection that the function takes.
pub(super) fn signature(name: &str, argument: CqlType) -> Option<Signature> {
    let (scalar, result) = match (name, &argument) {
        ("map_keys", CqlType::Map(types)) => {
            (Scalar::MapKeys, CqlType::Set(Box::new(types.0.clone())))
        }
        ("map_values", CqlType::Map(types)) => {
            (Scalar::MapValues, CqlType::List(Box::new(types.1.clone())))
        }
        ("collection_count", CqlType::List(_) | CqlType::Set(_) | CqlType::Map(_)) => {
            (Scalar::CollectionCount, NativeType::Int.into())
        }
        ("collection_min", CqlType::List(element) | CqlType::Set(element)) => {
            (Scalar::CollectionMin, (**element).clone())
        }
        ("collection_max", CqlType::List(element) | CqlType::Set(element)) => {
            (Scalar::CollectionMax, (**element).clone())
        }
        _ => return None,
    };
    Some(Signature { scalar, arguments: vec![argument], result })
}

pub(super) fn compute(scalar: Scalar, argument: &Value) -> Value {
    let (count, elements): (usize, &[Value]) = match argument {
        Value::List(values) | Value::Set(values) => (values.len(), values),
        Value::Map(entries) => (entries.len(), &[]),
        _ => return Value::Null,
    };
    let key = |value: &&Value| ClusteringKey::of(value);
    let element = match (scalar, argument) {
        (Scalar::MapKeys, Value::Map(entries)) => {
            return Value::Set(entries.iter().map(|(key, _)| key.clone()).collect());
        }
        (Scalar::MapValues, Value::Map(entries)) => {
            return Value::List(entries.iter().map(|(_, value)| value.clone()).collect());
        }
        (Scalar::CollectionCount, _) => {
            return Value::Int(i32::try_from(count).unwrap_or(i32::MAX));
        }
        (Scalar::CollectionMin, _) => elements.iter().min_by_key(key),
        _ => elements.iter().max_by_key(key),
    };
    element.cloned().unwrap_or(Value::Null)
}
