//! Targets for CQL text and JSON. They assert that a type or a value, formatted and parsed again, is
//! still the same.

use std::sync::Arc;

use crate::types::{CqlTextError, CqlType, NativeType, UdtType, Value};

/// Parses `data` as a CQL type.
pub fn cql_type(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(cql_type) = parse(text) else { return };
    let formatted = cql_type.to_string();
    let again = parse(&formatted).expect("formatted text parses");
    assert_eq!(again.to_string(), formatted);
    // A quoted class name contains the fields of its user-defined types. Formatting as CQL drops them.
    if !text.contains('\'') {
        assert_eq!(again, cql_type);
    }
    let from_class = CqlType::parse_class(&cql_type.class_name());
    assert!(from_class.is_ok() || text.contains(['"', '\'']), "{from_class:?}");
}

/// Parses the first line as a CQL type, and the rest as a literal of this type.
pub fn literal(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((cql_type, literal)) = text.split_once('\n') else { return };
    let Ok(cql_type) = parse(cql_type) else { return };
    let Ok(value) = Value::parse(&cql_type, literal) else { return };
    let formatted = value.to_string();
    let again = Value::parse(&cql_type, &formatted).expect("formatted text parses");
    // NaN differs from itself, so the texts are compared.
    assert_eq!(again.to_string(), formatted);
    assert!(again == value || formatted.contains("NaN"));
}

/// Parses the first line as a CQL type, and the rest as the JSON of a value of this type.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((cql_type, json)) = text.split_once('\n') else { return };
    let (Ok(cql_type), Ok(json)) = (parse(cql_type), serde_json::from_str(json)) else { return };
    let Ok(value) = Value::from_json(&cql_type, &json) else { return };
    let converted = serde_json::Value::from(&value);
    let again = Value::from_json(&cql_type, &converted).expect("converted JSON parses");
    assert_eq!(serde_json::Value::from(&again), converted);
    assert!(again == value || value.to_string().contains("NaN"));
}

/// Parses a CQL type. Every user-defined type that it names is given the same two fields.
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
