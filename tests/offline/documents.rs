//! The files that the project's documents name exist.

use std::fs;
use std::path::Path;

use crate::links;

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

/// Returns the paths in backticks, and the files that links name.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |quoted: &&str| {
        FOLDERS.iter().any(|folder| quoted.starts_with(folder)) && !quoted.contains(' ')
    };
    let files = links::targets(text).filter(|link| !link.contains("://") && !link.starts_with('#'));
    let files = files.map(|link| link.split_once('#').map_or(link, |(file, _)| file));
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
    let text = "`src/a.rs`, `cargo test`, [b](tests/b.rs#b), [c](https://example.org), `src/d e`";
    assert_eq!(paths(text), ["src/a.rs", "tests/b.rs"]);
}

/// Returns the promises of a table that link to no test, and the links to a file or test that does not
/// exist. `file` returns the text of a file, or `None` if it does not exist.
fn unproven(table: &str, file: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let is_test = |link: &str| {
        let (path, function) = link.split_once('#')?;
        Some(links::is_test(&file(path)?, function))
    };
    let faults = |row: &str| {
        let wrong = links::targets(row).filter(|link| is_test(link) != Some(true));
        let mut faults: Vec<_> = wrong.map(|link| format!("{link} is no test")).collect();
        if links::targets(row).next().is_none() {
            faults.push(format!("no test: {row}"));
        }
        faults
    };
    table.lines().filter(|line| line.starts_with('|')).skip(2).flat_map(faults).collect()
}

#[test]
fn each_promise_of_the_readme_links_to_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, promises) = readme.split_once("\n## What is promised\n").unwrap();
    let promises = promises.split("\n## ").next().unwrap();
    let unproven = unproven(promises, |path| fs::read_to_string(root.join(path)).ok());
    assert!(unproven.is_empty(), "{}", unproven.join("\n"));
    assert!(links::targets(promises).count() > 30, "the table of promises was not found");
}

#[test]
fn a_promise_without_an_existing_test_is_found() {
    let source = "#[test]\nfn proves() {}\n\nfn helps() {}\n\n#[tokio::test]\nasync fn waits() {}\n\n\
         #[cfg(test)]\nfn prepares() {}\n\n#[test]\n#[ignore]\nfn sleeps() {}\n";
    let file = |path: &str| (path == "a.rs").then(|| source.to_owned());
    let check = |cell: &str| {
        unproven(&format!("| promise | test |\n|---|---|\n| p | {cell} |\n"), file).len()
    };
    for right in ["[a](a.rs#proves)", "[a](a.rs#proves), [b](a.rs#waits)"] {
        assert_eq!(check(right), 0, "{right}");
    }
    for wrong in [
        "",
        "[a](a.rs)",
        "[a](a.rs#prove)",
        "[a](a.rs#helps)",
        "[a](a.rs#prepares)",
        "[a](a.rs#sleeps)",
        "[b](b.rs#proves)",
    ] {
        assert_eq!(check(wrong), 1, "{wrong}");
    }
}
