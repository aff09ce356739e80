//! Generated column types and values, from a fixed seed.

use std::collections::BTreeSet;
use std::sync::Arc;

use cqlwire::types::{CqlType, NativeType, Timestamp, UdtType, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::table::Column;
use crate::json_values::value_to_json;
use crate::strategies;

/// Number of frozen columns, and of columns that are not frozen.
const COLUMNS: usize = 20;
/// Number of values per column.
const VALUES: usize = 12;
const USER_TYPES: usize = 3;
const MAX_FIELDS: usize = 5;

/// Generates types and values.
pub(crate) struct Random {
    runner: TestRunner,
    has_vectors: bool,
    udts: Vec<Arc<UdtType>>,
}

impl Random {
    /// Creates a generator with user-defined types in the keyspace. Each may contain earlier ones.
    pub(crate) fn new(keyspace: &str, has_vectors: bool) -> Self {
        let runner = TestRunner::deterministic();
        let mut random = Self { runner, has_vectors, udts: Vec::new() };
        for index in 0..USER_TYPES {
            let field = random.cql_type();
            let types = random.one(vec(field, 1..=MAX_FIELDS));
            let named = |(index, of)| (format!("f{index}"), of);
            let fields = types.into_iter().enumerate().map(named).collect();
            let (keyspace, name) = (keyspace.to_owned(), format!("random{index}"));
            random.udts.push(Arc::new(UdtType { keyspace, name, fields }));
        }
        random
    }

    /// Returns the user-defined types, in an order in which they can be created.
    pub(crate) fn udts(&self) -> &[Arc<UdtType>] {
        &self.udts
    }

    /// Generates columns, half of them frozen.
    pub(crate) fn columns(&mut self) -> Vec<Column> {
        let is_nested = |of: &CqlType| !matches!(of, CqlType::Native(_));
        let nested = self.cql_type().prop_filter("nested", is_nested).boxed();
        let column = |index| {
            let cql_type = self.one(nested.clone());
            let values = self.values(&cql_type, VALUES);
            match index % 2 {
                0 => Column::new(cql_type, values),
                _ => Column::frozen(cql_type, values),
            }
        };
        (0..2 * COLUMNS).map(column).collect()
    }

    /// Generates values that a column of the type accepts.
    pub(crate) fn values(&mut self, cql_type: &CqlType, count: usize) -> Vec<Value> {
        let strategy = strategies::value(cql_type);
        let values = self.one(vec(strategy, count));
        values.into_iter().map(accepted_by_cassandra).collect()
    }

    fn one<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy
            .new_tree(&mut self.runner)
            .expect("the filters should accept most values")
            .current()
    }

    fn cql_type(&self) -> BoxedStrategy<CqlType> {
        let ordered = nested(self.leaf(false), None, self.has_vectors);
        nested(self.leaf(true), Some(ordered), self.has_vectors)
    }

    /// Generates native and user-defined types. Types that contain a duration have no order, so they
    /// are left out for elements of sets and keys of maps.
    fn leaf(&self, with_durations: bool) -> BoxedStrategy<CqlType> {
        let is_one = |of: &CqlType| {
            *of != NativeType::Counter.into() && (with_durations || !has_duration(of))
        };
        let natives = NativeType::KNOWN.iter().map(|native| CqlType::from(*native));
        let natives = natives.filter(is_one).collect::<Vec<_>>();
        let udts = self.udts.iter().map(|udt| CqlType::Udt(Arc::clone(udt)));
        let udts = udts.filter(is_one).collect::<Vec<_>>();
        match udts.is_empty() {
            true => prop::sample::select(natives).boxed(),
            false => {
                prop_oneof![4 => prop::sample::select(natives), 1 => prop::sample::select(udts)]
                    .boxed()
            }
        }
    }
}

/// Generates nested types. `ordered` generates the elements of sets and the keys of maps, if not all
/// types are allowed there.
fn nested(
    leaf: BoxedStrategy<CqlType>,
    ordered: Option<BoxedStrategy<CqlType>>,
    has_vectors: bool,
) -> BoxedStrategy<CqlType> {
    let recursive = leaf.prop_recursive(3, 12, 3, move |inner| {
        let key = ordered.clone().unwrap_or_else(|| inner.clone());
        let vectors = u32::from(has_vectors);
        let lists = inner.clone().prop_map(|element| CqlType::List(Box::new(element)));
        prop_oneof![
            2 => lists.clone(),
            2 => key.clone().prop_map(|element| CqlType::Set(Box::new(element))),
            2 => (key, inner.clone()).prop_map(|pair| CqlType::Map(Box::new(pair))),
            2 => vec(inner.clone(), 1..4).prop_map(CqlType::Tuple),
            2 * vectors => (inner, 1_usize..4).prop_map(|(element, n)| CqlType::vector(element, n)),
        ]
    });
    recursive.boxed()
}

fn has_duration(cql_type: &CqlType) -> bool {
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => has_duration(element),
        CqlType::Map(pair) => has_duration(&pair.0) || has_duration(&pair.1),
        CqlType::Tuple(elements) => elements.iter().any(has_duration),
        CqlType::Udt(udt) => udt.fields.iter().any(|(_, field)| has_duration(field)),
        CqlType::Vector(vector) => has_duration(&vector.element),
        other => *other == NativeType::Duration.into(),
    }
}

/// Replaces values that Cassandra refuses or changes: nulls in collections, timeuuids of another
/// version, duplicates in sets and maps, and IPv4-mapped IPv6 addresses, which Java converts to IPv4.
/// Half of the timestamps are moved into the range that other languages support.
fn accepted_by_cassandra(value: Value) -> Value {
    let all = |parts: Vec<Value>| parts.into_iter().map(accepted_by_cassandra).collect::<Vec<_>>();
    let elements = |parts: Vec<Value>| {
        let mut parts = all(parts);
        parts.retain(|part| *part != Value::Null);
        parts
    };
    match value {
        Value::Timestamp(Timestamp(at)) if at % 2 == 0 => {
            Value::Timestamp(Timestamp(at % (1 << 42)))
        }
        Value::Inet(address) => Value::Inet(address.to_canonical()),
        Value::TimeUuid(uuid) => {
            let without_version = uuid.as_u128() & !(0xf << 76);
            Value::TimeUuid(Uuid::from_u128(without_version | 1 << 76))
        }
        Value::List(parts) => Value::List(elements(parts)),
        Value::Set(parts) => {
            let mut seen = BTreeSet::new();
            let mut parts = elements(parts);
            parts.retain(|part| seen.insert(value_to_json(part).to_string()));
            Value::Set(parts)
        }
        Value::Map(entries) => {
            let mut seen = BTreeSet::new();
            let (keys, values): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
            let mut entries = all(keys).into_iter().zip(all(values)).collect::<Vec<_>>();
            entries.retain(|(key, value)| {
                *value != Value::Null && seen.insert(value_to_json(key).to_string())
            });
            Value::Map(entries)
        }
        Value::Tuple(parts) => Value::Tuple(all(parts)),
        Value::Udt { udt, fields } => Value::Udt { udt, fields: all(fields) },
        Value::Vector(parts) => Value::Vector(all(parts)),
        other => other,
    }
}
