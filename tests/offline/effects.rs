//! Checks that the table in the documentation of `cqlwire::session::Error` and the tests of
//! `tests/driver/effects/` name each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Returns the names in backticks in the last column of the table below `heading`.
fn names_in_table<'t>(source: &'t str, heading: &str) -> BTreeSet<&'t str> {
    let (_, table) = source.split_once(heading).expect("the heading of the table");
    let rows = table
        .lines()
        .map(|line| line.trim().trim_start_matches("///").trim())
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2);
    rows.flat_map(|row| {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let names: Vec<_> = last.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "the row names no test: {row}");
        names
    })
    .collect()
}

/// Returns the names of the tests in a source. The attribute may have arguments.
fn tests(source: &str) -> BTreeSet<&str> {
    let attributes = source.split("#[tokio::test").skip(1);
    let functions = attributes.filter_map(|rest| Some(rest.split_once("async fn ")?.1));
    functions.filter_map(|rest| rest.split('(').next()).collect()
}

#[test]
fn tests_with_and_without_arguments_are_found() {
    let source = "#[tokio::test]\nasync fn one() {}\nasync fn none() {}\n\
                  #[tokio::test(flavor = \"multi_thread\")]\n#[cfg(unix)]\nasync fn two() {}\n";
    assert_eq!(tests(source), BTreeSet::from(["one", "two"]));
}

#[test]
fn each_row_on_the_effect_of_an_error_names_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let error = read("src/session/error/mod.rs");
    let files = fs::read_dir(root.join("tests/driver/effects")).unwrap();
    let effects: Vec<_> =
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let named = names_in_table(&error, "# Was the request applied?");
    assert!(named.len() > 15, "{named:?}");
    assert_eq!(named, effects.iter().flat_map(|source| tests(source)).collect());
}
