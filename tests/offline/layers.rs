//! The layers of ARCHITECTURE.md: each uses only the layers below it, the codec's layers know no
//! runtime, socket or clock, and the files of a layer do not import each other in circles.

use std::fs;
use std::path::Path;

use crate::imports::{ModulePath, SourceTree};

/// The layers, the lowest first. Layers on the same line do not use each other.
const LAYERS: [&[&str]; 17] = [
    &["wire"],
    &["types"],
    &["message"],
    &["arrow", "protocol"],
    &["sync"],
    &["fuzzing"],
    &["codec"],
    &["cql", "environment", "partitioner"],
    &["schema"],
    &["store"],
    &["connection", "testing"],
    &["cluster"],
    &["session"],
    &["table"],
    &["cli"],
    &["bulk", "decode", "shell"],
    &["serve"],
];

/// Number of the lowest [`LAYERS`], which are the codec.
const CODEC_LAYERS: usize = 4;

/// Words that the code of the codec's layers does not contain.
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

/// Imports that may be part of a circle: the importing module, the imported one, and the reason.
const ALLOWED_CIRCLES: [(&str, &str, &str); 0] = [];

fn module(path: &str) -> ModulePath {
    path.split("::").map(str::to_owned).collect()
}

fn layer_index(name: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&name))
}

/// Returns a line for each import that leads to a layer that is not below.
fn upward_imports(tree: &SourceTree) -> Vec<String> {
    let mut faults = Vec::new();
    for module in tree.modules() {
        let layer = &module[0];
        let Some(index) = layer_index(layer) else {
            faults.push(format!("{layer} is not in the list of layers"));
            continue;
        };
        for import in tree.imports(module) {
            let is_below = layer_index(&import[0]).is_some_and(|other| other < index);
            if !is_below && import[0] != *layer {
                faults.push(format!("{} imports {}", module.join("::"), import.join("::")));
            }
        }
    }
    faults
}

/// Returns a line for each layer whose files import each other in a circle.
fn circles(tree: &SourceTree, allowed: &[(ModulePath, ModulePath)]) -> Vec<String> {
    let layers = LAYERS.concat();
    let circle = |layer: &&str| {
        let modules = tree.modules().filter(|module| module[0] == *layer).cloned().collect();
        let circle = tree.circle(&modules, allowed)?;
        Some(circle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" -> "))
    };
    layers.iter().filter_map(circle).collect()
}

/// Returns the forbidden words in the code of a file; comments and tests do not count.
fn forbidden_words(source: &str) -> Vec<&'static str> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code = source.lines().filter(is_code).collect::<Vec<_>>().join("\n");
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    FORBIDDEN.into_iter().filter(|word| code.contains(word)).collect()
}

fn check_words(folder: &Path, faults: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check_words(&path, faults);
        } else if path.file_name().is_none_or(|name| name != "tests.rs") {
            let words = forbidden_words(&fs::read_to_string(&path).unwrap());
            faults.extend(words.iter().map(|word| format!("{}: {word}", path.display())));
        }
    }
}

fn src() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn allowed_circles() -> Vec<(ModulePath, ModulePath)> {
    ALLOWED_CIRCLES.iter().map(|(from, to, _)| (module(from), module(to))).collect()
}

#[test]
fn each_layer_imports_only_the_layers_below_it() {
    let tree = SourceTree::read(&src());
    assert!(tree.modules().count() > 50, "too few files were found in src");
    let faults = upward_imports(&tree);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_codec_names_no_runtime_socket_or_clock() {
    let mut faults = Vec::new();
    for layer in LAYERS[..CODEC_LAYERS].concat() {
        check_words(&src().join(layer), &mut faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_of_a_layer_do_not_import_each_other_in_circles() {
    let tree = SourceTree::read(&src());
    let faults = circles(&tree, &allowed_circles());
    assert!(faults.is_empty(), "circles of imports:\n{}", faults.join("\n"));
}

#[test]
fn every_allowed_circle_is_needed() {
    let tree = SourceTree::read(&src());
    let allowed = allowed_circles();
    for pair in &allowed {
        let rest: Vec<_> = allowed.iter().filter(|other| *other != pair).cloned().collect();
        assert!(!circles(&tree, &rest).is_empty(), "{pair:?} makes no circle: remove it");
    }
}

fn parse(files: &[(&str, &str)]) -> SourceTree {
    SourceTree::parse(files.iter().map(|(path, source)| (module(path), *source)))
}

#[test]
fn an_import_from_a_higher_layer_is_found() {
    let session = ("session", "pub struct Session; pub fn connect() {}");
    for source in [
        "use crate::session::Session;",
        "use crate::{types::Value, session::{connect as open}};",
        "fn f() { crate::session::connect() }",
        "fn f() { println!(\"{:?}\", crate::session::connect()) }",
        "use crate::session; fn f() { session::connect() }",
        "pub use crate::session::Session; fn f(_: Session) {}",
    ] {
        let faults = upward_imports(&parse(&[("message", source), session]));
        assert_eq!(faults, ["message imports session"], "{source}");
    }
    for source in [
        "//! [`crate::session`]\n/// See [`crate::session::Session`].\npub struct Message;",
        "#[cfg(test)] mod tests { use crate::session::Session; }",
        "use super::types::Value;",
    ] {
        let tree = parse(&[("message", source), ("types", "pub struct Value;"), session]);
        assert_eq!(upward_imports(&tree), [""; 0], "{source}");
    }
    let tree = parse(&[("unlisted", "")]);
    assert_eq!(upward_imports(&tree), ["unlisted is not in the list of layers"]);
}

#[test]
fn a_circle_within_a_layer_is_found() {
    let root = ("wire", "mod a; mod b; mod c; pub use a::A; pub use b::B; pub(crate) use c::C;");
    let find = |a, b, c| {
        circles(&parse(&[root, ("wire::a", a), ("wire::b", b), ("wire::c", c)]), &[]).join("\n")
    };
    let none = "pub struct X;";
    assert_eq!(find(none, "use super::A;", "use super::{A, B};"), "");
    assert_eq!(find("use super::B;", "use super::A;", none), "wire::a -> wire::b -> wire::a");
    assert_eq!(
        find("use super::B;", "use crate::wire::C;", "use super::a::A;"),
        "wire::a -> wire::b -> wire::c -> wire::a"
    );
    assert_eq!(
        find("fn f() { super::b::g() }", "fn g(_: vec![super::A]) {}", none),
        "wire::a -> wire::b -> wire::a"
    );
}

#[test]
fn an_item_of_mod_rs_makes_a_circle_only_if_mod_rs_uses_the_importing_file() {
    let child = ("wire::a", "use super::Shared; pub struct A;");
    for (root, expected) in [
        ("mod a; pub use a::A; pub struct Shared;", ""),
        ("mod a; use a::A; pub struct Shared(A);", "wire -> wire::a -> wire"),
        ("mod a; pub use a::A; pub struct Shared(A);", "wire -> wire::a -> wire"),
        ("mod a; pub struct Shared(a::A);", "wire -> wire::a -> wire"),
    ] {
        assert_eq!(circles(&parse(&[("wire", root), child]), &[]).join("\n"), expected, "{root}");
    }
}

#[test]
fn an_allowed_import_is_left_out_of_circles() {
    let tree = parse(&[("wire::a", "use super::b::B;"), ("wire::b", "use super::a::A;")]);
    assert_eq!(circles(&tree, &[]).len(), 1);
    assert_eq!(circles(&tree, &[(module("wire::b"), module("wire::a"))]), [""; 0]);
}

#[test]
fn a_forbidden_word_is_found_in_code_only() {
    assert_eq!(forbidden_words("let now = Instant::now();"), ["Instant::now"]);
    assert_eq!(forbidden_words("use std::net::TcpStream;"), ["TcpStream"]);
    assert_eq!(forbidden_words("// tokio\nfn f() {}\n#[cfg(test)]\nmod tests { tokio }"), [""; 0]);
}

/// Without `biased`, tokio polls the branches in a random order, and a simulation could not be repeated.
#[test]
fn the_branches_of_each_select_have_an_order() {
    let mut faults = Vec::new();
    let mut folders = vec![src()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for select in source.split("select! {").skip(1) {
                if !select.trim_start().starts_with("biased;") {
                    faults.push(path.display().to_string());
                }
            }
        }
    }
    assert!(faults.is_empty(), "select! without `biased` in {faults:?}");
}
