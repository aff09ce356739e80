//! Checks that each cell of cqlwire in COMPARISON.md links to an existing file or function, or gives a
//! reason.

use std::fs;
use std::path::Path;

use crate::links;

/// Returns the faults of a cell. `file` returns the text of a file, or `None` if it does not exist.
fn faults(cell: &str, file: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let links: Vec<_> = links::targets(cell).collect();
    let mut faults = Vec::new();
    match cell.split([' ', ':']).next() {
        Some("Y" | "P") if links.is_empty() => faults.push(format!("it has no link: {cell}")),
        Some("N") if !cell.starts_with("N: ") => {
            faults.push(format!("it gives no reason: {cell}"));
        }
        Some("Y" | "P" | "N") => {}
        _ => faults.push(format!("it does not start with Y, P or N: {cell}")),
    }
    faults.extend(links.into_iter().filter_map(|link| links::fault(link, &file)));
    faults
}

#[test]
fn every_claim_links_to_an_existing_file_or_function() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("COMPARISON.md")).unwrap();
    let mut cells = 0;
    let mut wrong = Vec::new();
    let tables = page
        .split("| cqlwire")
        .skip(1)
        .flat_map(|table| table.lines().skip(2).take_while(|line| line.starts_with('|')));
    for row in tables {
        cells += 1;
        let cell = row.split('|').nth(2).unwrap_or_default().trim();
        wrong.extend(faults(cell, |path| fs::read_to_string(root.join(path)).ok()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cells > 60, "only {cells} rows were found in COMPARISON.md");
}

#[test]
fn the_check_reports_faulty_cells() {
    let file = |path: &str| (path == "a.rs").then(|| "fn shown() {}".to_owned());
    let check = |cell| faults(cell, file).len();
    for right in ["Y [shown](a.rs#shown)", "P [a](a.rs)", "N: no user has asked for it"] {
        assert_eq!(check(right), 0, "{right}");
    }
    for wrong in ["Y", "N", "maybe", "Y [b](b.rs)", "Y [x](a.rs#gone)", "P [show](a.rs#show)"] {
        assert_eq!(check(wrong), 1, "{wrong}");
    }
}
