//! The program `cqlwire decode`, run on golden vectors, segments, raw bytes and invalid input.

mod errors;
#[expect(dead_code, reason = "only other tests use the decoded text of the vectors")]
#[path = "../support/vectors.rs"]
mod golden;
mod inputs;
#[expect(dead_code, reason = "only other tests run the other programs")]
#[path = "../support/program.rs"]
mod program;
mod segments;
mod vectors;

use serde_json::Value;

use crate::program::{Output, run_with_input};

pub(crate) const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// Runs `cqlwire decode` with `input` on standard input.
pub(crate) fn decode(arguments: &[&str], input: impl Into<Vec<u8>>) -> Output {
    run_with_input(CQLWIRE, &[&["decode"], arguments].concat(), input.into())
}

/// Runs `cqlwire decode --json`. Returns the printed objects and the exit code.
pub(crate) fn json(arguments: &[&str], input: impl Into<Vec<u8>>) -> (Vec<Value>, i32) {
    let output = decode(&[&["--json"], arguments].concat(), input);
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    let objects = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    (objects.collect(), output.code)
}

/// Runs `cqlwire decode --json` on input that gives one object, and returns the object.
pub(crate) fn object(arguments: &[&str], input: impl Into<Vec<u8>>) -> Value {
    let (objects, code) = json(arguments, input);
    let [object] = objects.try_into().expect("the input should give one object");
    assert_eq!(code, i32::from(object["ok"] != true), "{object}");
    object
}

/// Returns the bytes as a line of hex.
pub(crate) fn hex_line(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes) + "\n"
}

/// Returns the bytes of the vector with this name.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let name = format!("{name}.vector");
    let is_it = |vector: &golden::Vector| vector.path.ends_with(&name);
    golden::all().into_iter().find(is_it).expect("the vector should exist").bytes
}
