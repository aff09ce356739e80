//! The golden vectors, as `cqlwire decode` shows them.
//!
//! `CQLWIRE_BLESS=1 cargo test --test decode --features cli` writes the stored trees. Review them
//! before you commit them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cqlwire::wire::Context;
use serde_json::Value;

use crate::golden::{self, Vector};
use crate::{decode, hex_line, json, object, vector};

/// Returns the arguments for the negotiated compression and extensions of a vector.
fn arguments(context: &Context) -> Vec<String> {
    let mut arguments = vec!["--reencode".to_owned()];
    let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    if let Some(compression) = context.compression {
        add("--compression", compression.to_string());
    }
    if context.extensions.metadata_id {
        add("--extension", "metadata_id".into());
    }
    if context.extensions.duration {
        add("--extension", "duration".into());
    }
    if let Some(code) = context.extensions.rate_limit_error {
        add("--extension", format!("rate_limit_error={code:#x}"));
    }
    arguments
}

/// Decodes all vectors and returns them with their objects. One run decodes all vectors that need the
/// same arguments.
fn all_decoded() -> Vec<(Vector, Value)> {
    let mut groups = BTreeMap::<Vec<String>, Vec<Vector>>::new();
    for vector in golden::all() {
        groups.entry(arguments(&vector.context)).or_default().push(vector);
    }
    let decoded = groups.into_iter().flat_map(|(arguments, vectors)| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let lines: String = vectors.iter().map(|vector| hex_line(&vector.bytes)).collect();
        let (objects, code) = json(&arguments, lines);
        assert_eq!((objects.len(), code), (vectors.len(), 0), "{arguments:?}");
        vectors.into_iter().zip(objects)
    });
    decoded.collect()
}

/// Collects the names of all fields, at any depth.
fn collect_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                collect_names(value, names);
            }
        }
        Value::Array(elements) => {
            elements.iter().for_each(|element| collect_names(element, names));
        }
        _ => {}
    }
}

#[test]
fn every_vector_decodes_and_reencodes_to_the_same_bytes() {
    for (vector, object) in all_decoded() {
        let name = vector.path.display();
        assert_eq!(object["ok"], true, "{name}: {object}");
        assert_eq!(object["version"], vector.context.version.number(), "{name}");
        assert_eq!(object["response"], vector.bytes[0] & 0x80 != 0, "{name}");
        assert_eq!(object["body_length"], vector.bytes.len() - 9, "{name}");
        let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
        let expected = [
            "ok",
            "version",
            "response",
            "flags",
            "header_flags",
            "stream",
            "opcode",
            "body_length",
            "tracing_id",
            "warnings",
            "custom_payload",
            "message",
            "trailing",
            "reencoded",
        ];
        assert_eq!(keys, expected, "{name}");
        if vector.is_canonical {
            assert_eq!(object["reencoded"], hex_line(&vector.bytes).trim_end(), "{name}");
        }
    }
}

#[test]
fn shows_every_field_that_a_vector_names() {
    let mut seen = 0;
    for (vector, object) in all_decoded() {
        let mut shown = BTreeSet::new();
        collect_names(&object, &mut shown);
        for comment in fs::read_to_string(&vector.path).unwrap().lines() {
            let Some((_, comment)) = comment.split_once("| ") else { continue };
            let Some((name, _)) = comment.split_once(':') else { continue };
            // A name with an underscore is a field; other comments are remarks.
            if name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                assert!(shown.contains(name), "{}: {name}", vector.path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen} field names were found in the vectors");
}

#[test]
fn shows_text_null_unset_and_empty_values() {
    let message = &object(&[], hex_line(&vector("v4_query_values")))["message"];
    assert_eq!(message["values"].to_string(), r#"["616461",null,{"unset":true},""]"#);
    let message = &object(&[], hex_line(&vector("v4_query_names")))["message"];
    assert_eq!(message["values"][0]["name"], "username");
    let message = &object(&[], hex_line(&vector("v4_rows")))["message"];
    assert_eq!(message["metadata"]["metadata_flags"], 1);
    assert_eq!(message["metadata"]["columns"][0]["type"], "text");
}

#[test]
fn shows_a_cell_that_is_invalid_for_its_type_as_an_error() {
    let mut bytes = vector("v4_rows");
    // The last letter of the name, before the null cell.
    let letter = bytes.len() - 5;
    bytes[letter] = 0xff;
    let object = object(&[], hex_line(&bytes));
    assert_eq!(object["ok"], true);
    assert!(object["message"]["rows_cql"].to_string().contains("not valid UTF-8"), "{object}");
}

#[test]
fn trees_match_the_stored_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decode/trees");
    for name in ["v4_query_values", "v4_rows", "v4_rows_other_types"] {
        let output = decode(&[], hex_line(&vector(name)));
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        let path = folder.join(name).with_extension("txt");
        if std::env::var_os("CQLWIRE_BLESS").is_some() {
            fs::write(&path, &output.stdout).unwrap();
        }
        assert_eq!(output.stdout, fs::read_to_string(path).unwrap(), "{name}");
    }
}
