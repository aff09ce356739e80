//! Types nested as deep as the limit allows, on half of the stack that a thread has by default.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hash;
use std::sync::Arc;

use cqlwire::types::{
    ColumnSpec, CqlType, MAX_TYPE_DEPTH, NativeType, UdtType, Value, ValuesBuffer,
};
use cqlwire::wire::{Context, DecodeErrorKind, Reader, Version, Writer};

/// Half of the stack of tokio's worker threads and of `std::thread`, in bytes.
const HALF_STACK: usize = 1 << 20;

/// Wraps a type in another one.
type Wrap = fn(CqlType) -> CqlType;

const WRAPS: [Wrap; 6] = [
    |inner| CqlType::List(Box::new(inner)),
    |inner| CqlType::Set(Box::new(inner)),
    |inner| CqlType::Map(Box::new((NativeType::Int.into(), inner))),
    |inner| CqlType::Tuple(vec![inner]),
    |inner| CqlType::vector(inner, 1),
    |inner| {
        let fields = vec![("f".into(), inner)];
        CqlType::Udt(Arc::new(UdtType { keyspace: "ks".into(), name: "t".into(), fields }))
    },
];

/// Returns `int`, wrapped until the type has `depth` levels.
fn nested(wrap: Wrap, depth: usize) -> CqlType {
    (1..depth).fold(NativeType::Int.into(), |inner, _| wrap(inner))
}

/// Returns the bytes of the value of a nested type in which each container has one element.
fn cell(cql_type: &CqlType) -> Vec<u8> {
    let with_length = |inner: &CqlType| {
        let inner = cell(inner);
        [&i32::try_from(inner.len()).unwrap().to_be_bytes()[..], &inner].concat()
    };
    let one = 1_i32.to_be_bytes();
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => {
            [one.to_vec(), with_length(element)].concat()
        }
        CqlType::Map(types) => {
            [one.to_vec(), vec![0, 0, 0, 4, 0, 0, 0, 7], with_length(&types.1)].concat()
        }
        CqlType::Tuple(types) => with_length(&types[0]),
        CqlType::Udt(udt) => with_length(&udt.fields[0].1),
        // Every nested vector of this test has a fixed size.
        CqlType::Vector(vector) => cell(&vector.element),
        _ => vec![0, 0, 0, 7],
    }
}

/// Runs every function that recurses into types or values.
fn exercise(cql_type: &CqlType) {
    let context = Context::from(Version::V4);
    let mut option = Vec::new();
    cql_type.encode(&mut Writer::new(&mut option), &context).unwrap();
    let decoded = CqlType::decode(&mut Reader::new(&option)).unwrap();
    assert!(decoded == *cql_type && decoded.has_grown_from(cql_type));
    let text = cql_type.to_string();
    if !matches!(cql_type, CqlType::Udt(_)) {
        assert_eq!(text.parse().as_ref(), Ok(cql_type));
    }
    let value = Value::decode(cql_type, &cell(cql_type)).unwrap();
    let clone = value.clone();
    assert!(clone == value && clone.cmp(&value).is_eq());
    assert_eq!(format!("{value:?}{decoded:?}"), format!("{clone:?}{cql_type:?}"));
    value.hash(&mut DefaultHasher::new());
    cql_type.hash(&mut DefaultHasher::new());
    assert_eq!(Value::parse(cql_type, &value.to_string()).as_ref(), Ok(&value));
    let column = [ColumnSpec::new("ks", "t", "v", decoded)];
    ValuesBuffer::new().bind(&(&value,), &column).unwrap();
    #[cfg(feature = "serde-json-1")]
    {
        let json = serde_json::to_value(&value).unwrap();
        assert!(!serde_json::to_string(&value).unwrap().is_empty());
        if !matches!(cql_type, CqlType::Map(_)) {
            assert_eq!(Value::from_json(cql_type, &json).as_ref(), Ok(&value));
        }
    }
}

fn on_half_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(HALF_STACK).spawn(test).unwrap().join().unwrap();
}

#[test]
fn the_deepest_types_and_their_values_fit_in_half_of_a_stack() {
    for wrap in WRAPS {
        on_half_stack(move || exercise(&nested(wrap, MAX_TYPE_DEPTH)));
    }
}

#[test]
fn class_names_nest_as_deep_as_other_types() {
    for (class, rest) in [
        ("ListType(", ")"),
        ("FrozenType(ListType(", "))"),
        ("MapType(Int32Type,", ")"),
        ("TupleType(", ")"),
        ("VectorType(", " , 1)"),
        ("UserType(ks,74,66:", ")"),
    ] {
        on_half_stack(move || {
            let parse = |depth: usize| {
                let levels = depth - 1;
                let name = class.repeat(levels) + "Int32Type" + &rest.repeat(levels);
                CqlType::parse_class(&name)
            };
            assert!(parse(MAX_TYPE_DEPTH).is_ok(), "{class}");
            assert_eq!(
                parse(MAX_TYPE_DEPTH + 1).unwrap_err().expected(),
                "at most 128 nested types"
            );
        });
    }
}

#[test]
fn the_limit_is_in_the_error() {
    let text = nested(WRAPS[0], MAX_TYPE_DEPTH + 1).to_string();
    assert_eq!(text.parse::<CqlType>().unwrap_err().expected(), "at most 128 nested types");
    let option = [[0, 0x20].repeat(MAX_TYPE_DEPTH), vec![0, 9]].concat();
    let error = CqlType::decode(&mut Reader::new(&option)).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::NestedTooDeep { limit: MAX_TYPE_DEPTH });
    assert!(error.to_string().contains("the limit of 128 levels"), "{error}");
}
