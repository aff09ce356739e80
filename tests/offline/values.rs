//! The values of `protocol-spec/tables/values.md`, in both directions.

use std::collections::BTreeSet;
use std::sync::Arc;

use cqlwire::types::{CqlType, NativeType, UdtType, Value};
use cqlwire::wire::Writer;

use crate::spec::table;

#[test]
fn values_match_the_table() {
    for row in table("values") {
        let cql_type = parse(row.text("type"));
        let hex = row.text("bytes").split_whitespace();
        let bytes: Vec<u8> = hex.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let value = Value::decode(&cql_type, &bytes).unwrap_or_else(|e| panic!("{row:?}: {e}"));
        assert_eq!(value.to_string(), row.text("value"), "{cql_type}");
        let mut again = Vec::new();
        value.encode(&cql_type, &mut Writer::new(&mut again)).unwrap();
        assert_eq!(again[..4], u32::try_from(bytes.len()).unwrap().to_be_bytes());
        assert_eq!(again[4..], bytes, "{row:?}");
    }
}

#[test]
fn the_table_has_a_value_of_every_type() {
    let rows = table("values");
    let shown: BTreeSet<_> = rows.iter().map(|row| row.text("type")).collect();
    for native in NativeType::KNOWN {
        assert!(shown.contains(native.name().unwrap()), "{native}");
    }
    for outer in ["list", "map", "set", "tuple", "udt", "vector"] {
        assert!(shown.iter().any(|name| name.starts_with(outer)), "{outer}");
    }
}

/// Parses a type in the notation of the table. The fields of `udt<int, text>` are named a and b.
fn parse(text: &str) -> CqlType {
    let Some((outer, inner)) = text.strip_suffix('>').and_then(|text| text.split_once('<')) else {
        let native = NativeType::from_name(text);
        return native.unwrap_or_else(|| panic!("`{text}` is not a CQL type")).into();
    };
    let parts: Vec<&str> = inner.split(", ").collect();
    let boxed = || Box::new(parse(inner));
    match (outer, &parts[..]) {
        ("list", _) => CqlType::List(boxed()),
        ("set", _) => CqlType::Set(boxed()),
        ("map", [key, value]) => CqlType::Map(Box::new((parse(key), parse(value)))),
        ("vector", [element, count]) => CqlType::vector(parse(element), count.parse().unwrap()),
        ("tuple", parts) => CqlType::Tuple(parts.iter().map(|part| parse(part)).collect()),
        ("udt", parts) => {
            let names = ["a", "b", "c"].map(str::to_owned).into_iter();
            let fields = names.zip(parts.iter().map(|part| parse(part))).collect();
            CqlType::Udt(Arc::new(UdtType { keyspace: "ks".into(), name: "t".into(), fields }))
        }
        _ => panic!("`{text}` is not a CQL type"),
    }
}
