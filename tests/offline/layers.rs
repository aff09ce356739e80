//! The floors: each uses only those below it, and the codec's know no runtime, socket or clock.

use std::fs;
use std::path::Path;

/// The floors, the lowest first. What stands on the same line uses neither of the others.
const FLOORS: [&[&str]; 11] = [
    &["wire"],
    &["types"],
    &["message"],
    &["protocol"],
    &["fuzzing"],
    &["codec"],
    &["connection", "testing"],
    &["cluster"],
    &["session"],
    &["cli"],
    &["shell", "decode"],
];

/// What the codec's floors must not name.
const FORBIDDEN: [&str; 10] = [
    "tokio",
    "rustls",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "Instant::now",
    "SystemTime::now",
    "std::thread",
    "thread::",
    "std::fs",
];

/// The number of the floor, and whether it is one of the codec's.
fn floor(name: &str) -> Option<(usize, bool)> {
    let number = FLOORS.iter().position(|names| names.contains(&name))?;
    Some((number, number <= 3))
}

/// What is wrong with a file of a floor: its code, not its comments.
fn faults(name: &str, source: &str) -> Vec<String> {
    let (number, is_codec) = floor(name).unwrap_or_else(|| panic!("{name} is no floor"));
    let code: String = source
        .lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n");
    // Tests may use a clock: they bring the time.
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut faults = Vec::new();
    for path in code.split("crate::").skip(1) {
        let used: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        match floor(&used) {
            Some((other, _)) if other > number || (other == number && used != name) => {
                faults.push(format!("{name} uses {used}"));
            }
            Some(_) => {}
            None if path.starts_with('{') => faults.push(format!("{name}: one floor a line")),
            None => faults.push(format!("{name} uses crate::{used}, which is on no floor")),
        }
    }
    for word in FORBIDDEN.iter().filter(|word| is_codec && code.contains(**word)) {
        faults.push(format!("{name} names {word}"));
    }
    faults
}

fn check(folder: &Path, name: &str, files: &mut usize) -> Vec<String> {
    let mut faults_there = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            faults_there.extend(check(&path, name, files));
        } else if path.file_name().is_none_or(|file| file != "tests.rs") {
            *files += 1;
            let source = fs::read_to_string(&path).unwrap();
            let of_file = |fault| format!("{}: {fault}", path.display());
            faults_there.extend(faults(name, &source).into_iter().map(of_file));
        }
    }
    faults_there
}

#[test]
fn every_floor_uses_only_those_below_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = 0;
    let mut all = Vec::new();
    for name in FLOORS.concat() {
        let folder = src.join(name);
        match folder.is_dir() {
            true => all.extend(check(&folder, name, &mut files)),
            false => {
                let source = fs::read_to_string(src.join(name).with_extension("rs")).unwrap();
                all.extend(faults(name, &source));
            }
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    assert!(files > 50, "only {files} files were looked at");
    // Nothing stands beside the floors.
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(floor(&name).is_some() || ["bin", "lib"].contains(&name.as_str()), "{name}");
    }
}

#[test]
fn the_check_finds_what_it_looks_for() {
    for (name, source, fault) in [
        ("wire", "use crate::types::Value;", "wire uses types"),
        ("message", "fn f() { crate::session::g() }", "message uses session"),
        ("protocol", "use tokio::time::sleep;", "protocol names tokio"),
        ("protocol", "let now = Instant::now();", "protocol names Instant::now"),
        ("types", "use std::net::TcpStream;", "types names TcpStream"),
        ("wire", "use crate::nowhere::X;", "wire uses crate::nowhere, which is on no floor"),
        ("wire", "use crate::{types, wire};", "wire: one floor a line"),
    ] {
        assert_eq!(faults(name, source), [fault]);
    }
    for (name, source) in [
        ("types", "use crate::wire::Reader;\n// use tokio"),
        ("session", "use tokio::time::Instant;\nuse crate::connection::Connection;"),
        ("protocol", "fn f() {}\n#[cfg(test)]\nmod tests {\n    let now = Instant::now();\n}"),
    ] {
        assert_eq!(faults(name, source), [""; 0]);
    }
}
