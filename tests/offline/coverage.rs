//! Checks that each clause of `protocol-spec/clauses.txt` names a file and a test, and that both exist.
//!
//! `CQLWIRE_BLESS=1 cargo test --test offline --all-features` generates `protocol-spec/COVERAGE.md`
//! from the clauses.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::golden::{self, Vector};

/// The number of clauses of each letter. They are numbered from 1, without a gap.
const CLAUSES: [(&str, usize); 10] = [
    ("E", 7),
    ("F", 6),
    ("N", 9),
    ("R", 8),
    ("S", 8),
    ("C", 3),
    ("V", 7),
    ("T", 19),
    ("X", 3),
    ("D", 18),
];

/// A requirement of the protocol, the files that implement it, and the tests that show it.
#[derive(Debug)]
struct Clause<'a> {
    id: &'a str,
    versions: &'a str,
    section: &'a str,
    says: &'a str,
    files: Vec<&'a str>,
    tests: Vec<&'a str>,
}

/// A heading, and the clauses under it.
type Chapter<'a> = (&'a str, Vec<Clause<'a>>);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl Into<PathBuf>) -> String {
    let path = path.into();
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn chapters(text: &str) -> Vec<Chapter<'_>> {
    let mut chapters: Vec<Chapter<'_>> = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.starts_with('#')) {
        match block.strip_prefix("= ") {
            Some(heading) => chapters.push((heading.trim(), Vec::new())),
            None => chapters.last_mut().expect("a heading").1.push(clause(block)),
        }
    }
    chapters
}

/// Parses a clause: `E1 (v3 v4; v4 §2)`, a line with its text, and lines of `file:` and `test:`.
fn clause(block: &str) -> Clause<'_> {
    let mut lines = block.lines();
    let head = lines.next().and_then(|line| line.strip_suffix(')')?.split_once(" ("));
    let (id, rest) = head.unwrap_or_else(|| panic!("not a clause: {block}"));
    let (versions, section) = rest.split_once("; ").unwrap_or_else(|| panic!("{id}: no section"));
    let says = lines.next().unwrap_or_default();
    let (mut files, mut tests) = (Vec::new(), Vec::new());
    for line in lines {
        let (key, values) = line.split_once(": ").unwrap_or_else(|| panic!("{id}: {line}"));
        match key {
            "file" => files.extend(values.split(' ')),
            "test" => tests.extend(values.split(' ')),
            _ => panic!("{id}: {key} is neither file nor test"),
        }
    }
    Clause { id, versions, section, says, files, tests }
}

/// Returns the faults of a clause.
fn faults(clause: &Clause<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: &str| faults.push(format!("{}: {what}", clause.id));
    if !clause.says.ends_with('.') {
        fault("its text does not end with a full stop");
    }
    if clause.versions.split(' ').any(|version| !["v3", "v4", "v5"].contains(&version)) {
        fault("its versions are not among v3, v4, v5");
    }
    if clause.files.is_empty() {
        fault("no file");
    }
    if clause.tests.is_empty() {
        fault("no test");
    }
    for file in &clause.files {
        if !file.starts_with("src/") || !root().join(file).is_file() {
            fault(&format!("there is no file {file}"));
        }
    }
    for test in clause.tests.iter().filter(|test| !is_there(test)) {
        fault(&format!("there is no test {test}"));
    }
    let all = clause.files.iter().chain(&clause.tests);
    if all.clone().collect::<BTreeSet<_>>().len() != all.count() {
        fault("a file or test is listed twice");
    }
    faults
}

/// Returns true if the vector exists, or the function exists and has the attribute `#[test]`.
fn is_there(test: &str) -> bool {
    let Some((file, name)) = test.split_once("::") else {
        return golden::all().iter().any(|vector| is_vector(test, vector));
    };
    let source = fs::read_to_string(root().join(file)).unwrap_or_default();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.contains(&format!("fn {name}(")) {
            return is_test;
        }
        // `#[test]` may be followed by other attributes.
        is_test = line.starts_with("#[test]")
            || line.starts_with("#[tokio::test")
            || (is_test && line.starts_with("#["));
    }
    false
}

/// Returns true if `test` names this vector. A star in the name matches any text.
fn is_vector(test: &str, vector: &Vector) -> bool {
    let path = vector.path.strip_prefix(root()).unwrap().to_str().unwrap();
    match test.split_once('*') {
        Some((start, end)) => path.starts_with(start) && path.ends_with(end),
        None => path == test,
    }
}

/// Generates the text of `COVERAGE.md`.
fn page(chapters: &[Chapter<'_>]) -> String {
    let mut page = "# Coverage of the protocol\n\n\
        Generated from [clauses.txt](clauses.txt) by `tests/offline/coverage.rs`. That test fails if a \
        clause names no file or\nno test, or one that does not exist. Sections refer to the \
        specifications of protocol v3 to v5.\n"
        .to_owned();
    for (heading, clauses) in chapters {
        write!(page, "\n## {heading}\n\n| clause | requirement | file | shown by |\n").unwrap();
        page.push_str("|---|---|---|---|\n");
        for clause in clauses {
            let Clause { id, versions, section, says, files, tests } = clause;
            let files: Vec<_> = files.iter().map(|file| code(file, "src/")).collect();
            let tests: Vec<_> = tests.iter().map(|test| shown(test)).collect();
            let (files, tests) = (files.join("<br>"), tests.join("<br>"));
            writeln!(page, "| **{id}** {versions}<br>{section} | {says} | {files} | {tests} |")
                .unwrap();
        }
    }
    page
}

fn link(text: &str, path: &str) -> String {
    let path = match path.strip_prefix("protocol-spec/") {
        Some(beside) => beside.to_owned(),
        None => format!("../{path}"),
    };
    format!("[{text}]({path})")
}

/// Returns a link to a file, named by its path in `folder`. A path with a star links to the folder.
fn code(path: &str, folder: &str) -> String {
    let name = path.strip_prefix(folder).unwrap_or(path);
    link(&format!("`{name}`"), if path.contains('*') { folder } else { path })
}

/// Returns a link to a test, named by its function, or to a vector, named by its file.
fn shown(test: &str) -> String {
    match test.split_once("::") {
        Some((file, name)) => link(&name.replace('_', " "), file),
        None => code(test, "protocol-spec/vectors/"),
    }
}

#[test]
fn every_clause_names_existing_files_and_tests() {
    let text = read(root().join("protocol-spec/clauses.txt"));
    let chapters = chapters(&text);
    let clauses = || chapters.iter().flat_map(|(_, clauses)| clauses);
    let ids: Vec<&str> = clauses().map(|clause| clause.id).collect();
    let expected = CLAUSES
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")));
    assert_eq!(ids, expected.collect::<Vec<_>>());
    let faults: Vec<String> = clauses().flat_map(faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_coverage_page_matches_the_clauses() {
    let path = root().join("protocol-spec/COVERAGE.md");
    let generated = page(&chapters(&read(root().join("protocol-spec/clauses.txt"))));
    if std::env::var_os("CQLWIRE_BLESS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    assert!(
        read(path) == generated,
        "protocol-spec/COVERAGE.md is out of date; generate it with CQLWIRE_BLESS=1 cargo test \
         --test offline --all-features"
    );
}

#[test]
fn every_vector_is_named_by_a_clause() {
    let text = read(root().join("protocol-spec/clauses.txt"));
    let chapters = chapters(&text);
    let tests = || chapters.iter().flat_map(|(_, clauses)| clauses).flat_map(|it| &it.tests);
    for vector in golden::all() {
        let is_named = tests().any(|test| is_vector(test, &vector));
        assert!(is_named, "no clause names {}", vector.path.display());
    }
}

#[test]
fn the_check_reports_faulty_clauses() {
    let here = "tests/offline/coverage.rs";
    for (block, fault) in [
        (format!("A1 (v3; v3 §1)\nSo.\nfile: src/lib.rs\ntest: {here}::missing"), "there is no"),
        (format!("A1 (v3; v3 §1)\nSo.\nfile: src/lib.rs\ntest: {here}::root"), "there is no"),
        ("A1 (v3; v3 §1)\nSo.\nfile: src/lib.rs".into(), "no test"),
        (format!("A1 (v3; v3 §1)\nSo.\nfile: src/no.rs\ntest: {here}::{FOUND}"), "there is no"),
        (format!("A1 (v3; v3 §1)\nSo.\ntest: {here}::{FOUND}"), "no file"),
        (format!("A1 (v2; v2 §1)\nSo.\nfile: src/lib.rs\ntest: {here}::{FOUND}"), "versions"),
    ] {
        let faults = faults(&clause(&block));
        assert!(faults.len() == 1 && faults[0].contains(fault), "{faults:?}");
    }
}

const FOUND: &str = "the_check_reports_faulty_clauses";
