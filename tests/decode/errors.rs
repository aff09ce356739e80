//! Errors for input that cannot be decoded: their text, location and recoverability.

use cqlwire::wire::{Compression, Version};
use serde_json::{Value, json};

use crate::segments::segments;
use crate::{decode, golden, hex_line, json, object, vector};

/// Returns the offset, the field and the recoverability of an error object.
fn error_location(object: &Value) -> (u64, &str, bool) {
    assert_eq!(object["ok"], false, "{object}");
    let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["ok", "error", "offset", "field", "recoverable"]);
    let (offset, field) = (object["offset"].as_u64().unwrap(), object["field"].as_str().unwrap());
    let error = object["error"].as_str().unwrap();
    assert!(error.starts_with(&format!("{field} at byte {offset}: ")), "{error}");
    (offset, field, object["recoverable"].as_bool().unwrap())
}

#[test]
fn reports_the_offset_the_field_and_whether_the_error_is_recoverable() {
    for (hex, offset, field, is_recoverable) in [
        // Not recoverable, because the start of the next frame is unknown.
        ("03", 0, "header", false),
        ("04 00 0001 07 000000", 0, "header", false),
        ("01 00 01 07 00000000", 0, "version", false),
        ("c2", 0, "version", false),
        ("41 00 0001 07 00000000", 0, "version", false),
        ("04 00 0001 07 ffffffff", 5, "length", false),
        ("04 00 0001 07 00000005 0000", 9, "body", false),
        ("0", 0, "hex", false),
        ("04 00 0001 07 zz", 5, "hex", false),
        // Recoverable: only this frame is lost.
        ("04 00 0001 00 00000000", 4, "opcode", true),
        ("84 00 0001 07 00000000", 4, "opcode", true),
        ("04 01 0001 07 00000000", 9, "body", true),
        ("04 00 0001 07 00000000", 9, "query", true),
        ("04 00 0001 07 00000006 7fffffff 6161", 13, "query", true),
        ("04 00 0001 07 00000007 00000001 61 0001", 16, "flags", true),
        ("84 02 0001 02 00000000", 9, "tracing_id", true),
        ("84 08 0001 02 00000002 ffff", 9, "warnings", true),
        // A row with one cell that claims five bytes but has four.
        (
            "84 00 0001 08 00000018 00000002 00000004 00000001 00000001 00000005 00000001",
            29,
            "cell",
            true,
        ),
    ] {
        assert_eq!(error_location(&object(&[], hex)), (offset, field, is_recoverable), "{hex}");
    }
}

#[test]
fn enforces_the_limit_of_the_body_length() {
    let query = vector("v4_query");
    let limited = object(&["--max-body", "10"], hex_line(&query));
    assert_eq!(error_location(&limited), (5, "length", true));
    let mut body = Vec::new();
    Compression::Lz4.compress(&[0; 5_000], &mut body);
    let length = u8::try_from(body.len()).unwrap();
    let compressed = hex_line(&[&[4, 1, 0, 1, 7, 0, 0, 0, length], &body[..]].concat());
    let limited = object(&["--max-body", "4999", "--compression", "lz4"], compressed);
    assert_eq!(error_location(&limited), (9, "body", true));
    assert!(
        limited["error"].as_str().unwrap().ends_with("the limit of 4999; raise it with --max-body"),
        "{limited}"
    );
}

#[test]
fn limits_the_frames_and_bytes_of_a_line() {
    let object = object(&[], hex_line(&[4, 0, 0, 1, 5, 0, 0, 0, 0].repeat(20_000)));
    let error = "hex at byte 0: more than 16384 frames on one line; --raw has no such limit";
    assert_eq!(object["error"], error);
    let long = hex_line(&vec![0x42; 2 << 20]);
    assert_eq!(
        error_location(&crate::object(&["--max-body", "10"], long)),
        (10 + (1 << 20), "hex", false)
    );
}

#[test]
fn decodes_the_lines_around_an_invalid_line() {
    let lines = ["04 00 0001 05 00000000", "xx", "", "# nothing", "84 00 0001 02 00000000"];
    let (objects, code) = json(&[], lines.join("\n"));
    let ok: Vec<&Value> = objects.iter().map(|object| &object["ok"]).collect();
    assert_eq!(ok, [&json!(true), &json!(false), &json!(true)]);
    assert_eq!(code, 1);
    let output = decode(&[], lines.join("\n"));
    assert_eq!(
        output.stderr,
        "error: 1 of 3 objects could not be decoded; the first is line 2 of standard input\n"
    );
    assert!(output.stdout.contains("error: \"hex at byte 0: `x` is not a hex digit"), "{output:?}");
}

/// Truncates every vector at every byte, and changes every byte. Each line must give an object.
#[test]
fn prints_one_object_per_line_for_any_input() {
    let (mut bare, mut in_segments) = (Vec::new(), Vec::new());
    for vector in golden::all() {
        for index in 1..vector.bytes.len() {
            let changed = [0x00, 0x80, 0xff].map(|byte| {
                let mut changed = vector.bytes.clone();
                changed[index] = byte;
                changed
            });
            let cut = vector.bytes[..index].to_vec();
            for bytes in changed.into_iter().chain([cut]) {
                if vector.context.version == Version::V5 {
                    in_segments.push(hex_line(&segments(None, &bytes)));
                }
                bare.push(hex_line(&bytes));
            }
        }
    }
    for (arguments, lines) in [
        (&["--reencode", "--compression", "lz4"][..], &bare),
        (&["--reencode", "--segments", "plain"], &in_segments),
        // LZ4 segments expected, plain segments given.
        (&["--reencode", "--segments", "lz4"], &in_segments),
    ] {
        let (objects, code) = json(arguments, lines.concat());
        assert_eq!((objects.len(), code), (lines.len(), 1), "{arguments:?}");
        for object in objects {
            assert!(object["ok"] == true || object["error"].is_string(), "{object}");
            assert_eq!(object.get("reencode_error"), None, "{object}");
        }
    }
    let tree = decode(&["--compression", "lz4"], bare.concat());
    assert_eq!(tree.code, 1);
    assert!(!tree.stderr.contains("panicked"), "{}", tree.stderr);
}

/// A long name that the input contains once must not be printed for each column or value.
#[test]
fn output_length_is_bounded_by_input_length() {
    let int = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let name = [&60_000_u16.to_be_bytes()[..], &[b'n'; 60_000]].concat();
    let many = 5_000;
    let rows = |flags: u8, columns: usize, specs: &[u8], count: usize, cells: &[u8]| {
        let head = [&[0, 0, 0, 2, 0, 0, 0, flags][..], &int(columns)].concat();
        let body = [&head[..], specs, &int(count), cells].concat();
        [&[0x84, 0, 0, 1, 8][..], &int(body.len()), &body].concat()
    };
    let columns = [&name[..], &name, &[0, 0, 0, 9].repeat(many)].concat();
    // A list of a user-defined type whose field has the long name, with many values.
    let user_type = [&[0, 0x30, 0, 0, 0, 0, 0, 1][..], &name, &[0, 9]].concat();
    let specs = [&[0, 0, 0, 0, 0, 0, 0, 0x20][..], &user_type].concat();
    let list = [&int(many)[..], &[0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff].repeat(many)].concat();
    let cell = [&int(list.len())[..], &list].concat();
    for frame in [rows(1, many, &columns, 0, &[]), rows(1, 1, &specs, 1, &cell)] {
        let shown = object(&["--raw"], frame.clone()).to_string();
        assert!(shown.len() < 64 * frame.len(), "{} bytes for {}", shown.len(), frame.len());
    }
}
