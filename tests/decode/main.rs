//! `cqlwire decode`, as its users run it: on the vectors, in segments, as bytes, and on what nobody
//! should send.

mod errors;
#[expect(dead_code, reason = "what the vectors decode to is for other tests")]
#[path = "../support/vectors.rs"]
mod golden;
mod inputs;
#[expect(dead_code, reason = "other programs are for other tests")]
#[path = "../support/program.rs"]
mod program;
mod segments;
mod vectors;

use serde_json::Value;

use crate::program::{Output, run_with_input};

pub(crate) const CQLWIRE: &str = env!("CARGO_BIN_EXE_cqlwire");

/// Runs `cqlwire decode` on this input.
pub(crate) fn decode(arguments: &[&str], input: impl Into<Vec<u8>>) -> Output {
    run_with_input(CQLWIRE, &[&["decode"], arguments].concat(), input.into())
}

/// The objects that `cqlwire decode --json` writes for this input, and its exit code.
pub(crate) fn json(arguments: &[&str], input: impl Into<Vec<u8>>) -> (Vec<Value>, i32) {
    let output = decode(&[&["--json"], arguments].concat(), input);
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    let objects = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    (objects.collect(), output.code)
}

/// The one object for this input.
pub(crate) fn object(arguments: &[&str], input: impl Into<Vec<u8>>) -> Value {
    let (objects, code) = json(arguments, input);
    let [object] = objects.try_into().expect("one object");
    assert_eq!(code, i32::from(object["ok"] != true), "{object}");
    object
}

/// Bytes as a line of hex.
pub(crate) fn line(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect()
}

/// The bytes of a vector.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let name = format!("{name}.vector");
    let is_it = |vector: &golden::Vector| vector.path.ends_with(&name);
    golden::all().into_iter().find(is_it).expect("a vector of this name").bytes
}
