//! The files that the project's documents name exist.

use std::fs;
use std::path::Path;

const DOCUMENTS: [&str; 5] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "examples/serve/README.md",
    "fuzz/README.md",
];

/// Top-level folders: a text in backticks that begins with one of them is a path.
const FOLDERS: [&str; 8] =
    ["src/", "tests/", "protocol-spec/", "derive/", "fuzz/", "benches/", "examples/", "cql/"];

/// Returns the paths in backticks, and the targets of links to files.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |quoted: &&str| {
        FOLDERS.iter().any(|folder| quoted.starts_with(folder)) && !quoted.contains(' ')
    };
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    quoted.filter(is_path).chain(files).collect()
}

#[test]
fn every_file_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let folder = root.join(document).parent().unwrap().to_owned();
        let paths = paths(&text);
        assert!(!paths.is_empty() || document == "fuzz/README.md", "{document} names no file");
        let is_missing = |path: &&&str| !root.join(path).exists() && !folder.join(path).exists();
        missing.extend(paths.iter().filter(is_missing).map(|path| format!("{document}: {path}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_path_is_found_in_backticks_and_in_links() {
    let text = "`src/a.rs`, `cargo test`, [b](tests/b.rs), [c](https://example.org), `src/d e`";
    assert_eq!(paths(text), ["src/a.rs", "tests/b.rs"]);
}
