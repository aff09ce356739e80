//! The recorded refusals of `protocol-spec/refusals/`.

use std::fs;
use std::path::{Path, PathBuf};

/// A recorded request and its answer.
pub(crate) struct Recorded {
    pub(crate) path: PathBuf,
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
}

/// Returns all recorded answers, sorted by file name.
pub(crate) fn all() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-spec/refusals");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 12, "an answer is missing");
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Recorded {
    let file = fs::read_to_string(&path).unwrap();
    let (_, frames) = file.split_once("request:\n").expect("a request");
    let (request, response) = frames.split_once("response:\n").expect("a response");
    let bytes = |text: &str| {
        text.lines()
            .flat_map(|line| line.split('|').next().unwrap_or_default().split_whitespace())
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect()
    };
    Recorded { request: bytes(request), response: bytes(response), path }
}
