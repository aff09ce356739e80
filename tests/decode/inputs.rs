//! Input files, input formats and exit codes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::program::run;
use crate::{CQLWIRE, decode, golden, hex_line, json, object, vector};

/// Writes a temporary file and returns its path.
fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn accepts_several_notations_of_hex() {
    let plain = object(&[], "040000010500000000");
    for hex in [
        "04 00 00 01 05 00 00 00 00",
        "0x040000010500000000\r\n",
        "0x04 0x00 0x00 0x01 0x05 0x00 0x00 0x00 0x00",
        "04:00:00:01:05:00:00:00:00",
        "# OPTIONS\n\n  04 0000 01 05 # opcode\n04 0000 01 05 00000000 # length",
    ] {
        let (objects, _) = json(&[], hex);
        assert_eq!(objects.last(), Some(&plain), "{hex}");
    }
}

#[test]
fn several_frames_on_one_line_give_one_object() {
    let frames = [vector("v4_options"), vector("v4_ready"), vector("v3_query_names")].concat();
    let shown = object(&["--reencode"], hex_line(&frames));
    let opcodes: Vec<&str> = shown["envelopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|envelope| envelope["opcode"].as_str().unwrap())
        .collect();
    assert_eq!(opcodes, ["OPTIONS", "READY", "QUERY"]);
    assert_eq!(shown["reencoded"], hex_line(&frames).trim_end());
    // An incomplete frame is an error, whose offset counts from the start of the line.
    let cut = object(&[], hex_line(&[&frames[..], &[4, 0]].concat()));
    assert_eq!(
        cut["error"],
        "header at byte 58: 9 bytes needed, 2 left".replace("58", &frames.len().to_string())
    );
    assert_eq!(cut["envelopes"].as_array().unwrap().len(), 3);
}

#[test]
fn bytes_after_a_message_are_shown_as_trailing() {
    let trailing = object(&[], hex_line(&vector("v4_request_trailing")));
    assert_ne!(trailing["trailing"], "");
    // Bytes after the last cell of a page are trailing, too.
    let mut rows = vector("v4_rows");
    rows.extend([0xca, 0xfe]);
    rows[8] += 2;
    let shown = object(&["--reencode"], hex_line(&rows));
    assert_eq!(shown["trailing"], "cafe");
    assert_eq!(shown["reencoded"], hex_line(&rows).trim_end());
}

#[test]
fn decodes_consecutive_raw_frames() {
    let vectors: Vec<_> = golden::all()
        .into_iter()
        .filter(|vector| vector.context.extensions == Default::default())
        .collect();
    let bytes: Vec<u8> = vectors.iter().flat_map(|vector| vector.bytes.clone()).collect();
    let (objects, code) = json(&["--raw", "--reencode", "--compression", "lz4"], bytes.clone());
    assert_eq!((objects.len(), code), (vectors.len(), 0));
    for (object, vector) in objects.iter().zip(&vectors) {
        if vector.is_canonical {
            assert_eq!(object["reencoded"], hex_line(&vector.bytes).trim_end());
        }
    }
    // An invalid body is skipped; an invalid header ends decoding.
    let bad_body = [4, 0, 0, 2, 7, 0, 0, 0, 0];
    let bad_header = [0x42; 9];
    let ready = vector("v4_ready");
    let bytes = [&ready[..], &bad_body, &ready, &bad_header, &ready].concat();
    let (objects, code) = json(&["--raw"], bytes);
    let ok: Vec<bool> = objects.iter().map(|object| object["ok"] == true).collect();
    assert_eq!((ok, code), (vec![true, false, true, false], 1));
    assert_eq!(objects[1]["offset"], 18);
    assert_eq!(objects[3]["offset"], 27);
    assert_eq!(objects[3]["recoverable"], false);
    // A frame cut off by the end of the input is an error.
    let (objects, _) = json(&["--raw"], &ready[..8]);
    assert_eq!(objects[0]["field"], "header");
    // Empty input is not an error.
    assert_eq!(json(&["--raw"], ""), (vec![], 0));
}

#[test]
fn reads_files_and_standard_input_in_the_given_order() {
    let options = file("options.hex", "040000010500000000");
    let ready = file("ready.bin", vector("v4_ready"));
    let (options, ready) = (options.to_str().unwrap(), ready.to_str().unwrap());
    let opcodes = |arguments: &[&str], input: Vec<u8>| -> Vec<String> {
        let (objects, code) = json(arguments, input);
        assert_eq!(code, 0);
        objects.iter().map(|object| object["opcode"].as_str().unwrap().to_owned()).collect()
    };
    let startup = hex_line(&vector("v4_startup"));
    assert_eq!(opcodes(&[options, "-"], startup.into_bytes()), ["OPTIONS", "STARTUP"]);
    let startup = vector("v4_startup");
    assert_eq!(opcodes(&["--raw", "-", ready, ready], startup), ["STARTUP", "READY", "READY"]);
}

#[test]
fn the_error_names_a_file_that_does_not_exist() {
    let output = decode(&["no/such/file.hex"], "");
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.starts_with("error: cannot read no/such/file.hex: "), "{output:?}");
}

#[test]
fn invalid_arguments_exit_with_code_2() {
    for arguments in [
        &["--compression", "zip"][..],
        &["--segments", "most"],
        &["--extension", "magic"],
        &["--extension", "rate_limit_error=often"],
        &["--max-body", "lots"],
        &["--no-such-flag"],
    ] {
        let output = decode(arguments, "");
        assert_eq!(output.code, 2, "{arguments:?} {output:?}");
        assert!(output.stderr.contains(arguments[0]), "{output:?}");
    }
}

#[test]
fn the_example_in_the_help_text_works() {
    let help = run(CQLWIRE, &["decode", "--help"]).stdout;
    let example = help.lines().find_map(|line| line.trim().strip_prefix("echo '"));
    let (hex, command) = example.unwrap().split_once("' | ").unwrap();
    assert_eq!(command, "cqlwire decode");
    let output = decode(&[], hex);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("query: \"SELECT now()\"\n"), "{output:?}");
}

#[test]
fn succeeds_when_the_reader_of_its_output_stops() {
    let many = file("many.hex", hex_line(&vector("v4_rows")).repeat(20_000));
    let mut child = Command::new(CQLWIRE)
        .args(["decode", many.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "ok: true\n");
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn prints_each_object_before_the_input_ends() {
    let mut child = Command::new(CQLWIRE)
        .args(["decode", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..2 {
        std::io::Write::write_all(&mut stdin, b"040000010500000000\n").unwrap();
        let mut object = String::new();
        stdout.read_line(&mut object).unwrap();
        assert!(object.contains("OPTIONS"), "{object}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
