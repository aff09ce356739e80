//! The text of types and of values, and JSON: what parses prints, and parses again to the same.

use std::sync::Arc;

use crate::types::{CqlTextError, CqlType, NativeType, UdtType, Value};

/// A CQL type.
pub fn cql_type(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(cql_type) = parse(text) else { return };
    let printed = cql_type.to_string();
    let again = parse(&printed).expect("what we print we parse");
    assert_eq!(again.to_string(), printed);
    // Class names bring user-defined types with fields that nobody else knows of.
    if !text.contains('\'') {
        assert_eq!(again, cql_type);
    }
    let of_class = CqlType::parse_class(&cql_type.class_name());
    assert!(of_class.is_ok() || text.contains(['"', '\'']), "{of_class:?}");
}

/// A CQL type, and on the next line a literal of it.
pub fn literal(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((cql_type, literal)) = text.split_once('\n') else { return };
    let Ok(cql_type) = parse(cql_type) else { return };
    let Ok(value) = Value::parse(&cql_type, literal) else { return };
    let printed = value.to_string();
    let again = Value::parse(&cql_type, &printed).expect("what we print we parse");
    // Not a number is not itself, but prints as itself.
    assert_eq!(again.to_string(), printed);
    assert!(again == value || printed.contains("NaN"));
}

/// A CQL type, and on the next lines JSON for a value of it.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((cql_type, json)) = text.split_once('\n') else { return };
    let (Ok(cql_type), Ok(json)) = (parse(cql_type), serde_json::from_str(json)) else { return };
    let Ok(value) = Value::from_json(&cql_type, &json) else { return };
    let written = serde_json::Value::from(&value);
    let again = Value::from_json(&cql_type, &written).expect("what we write we read");
    assert_eq!(serde_json::Value::from(&again), written);
    assert!(again == value || value.to_string().contains("NaN"));
}

/// A type; every user-defined one has the same fields.
fn parse(text: &str) -> Result<CqlType, CqlTextError> {
    CqlType::parse_with(text, |keyspace, name| {
        let keyspace = keyspace.filter(|keyspace| !keyspace.is_empty()).unwrap_or("ks");
        let texts = CqlType::List(Box::new(NativeType::Text.into()));
        let fields =
            vec![("a".to_owned(), NativeType::Int.into()), ("Not plain".to_owned(), texts)];
        let (keyspace, name) = (keyspace.to_owned(), name.to_owned());
        Some(Arc::new(UdtType { keyspace, name, fields }))
    })
}
