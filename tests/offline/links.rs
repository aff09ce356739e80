//! Links of documents to functions: `path#function`.

/// Returns the targets of the links in a text.
pub(crate) fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// Returns what is wrong with a link to a file, or to a function in a file. `file` returns the text of a
/// file, or `None` if it does not exist.
pub(crate) fn fault(link: &str, file: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (path, function) = link.split_once('#').unwrap_or((link, ""));
    match file(path) {
        None => Some(format!("there is no file {path}")),
        Some(source) if !function.is_empty() && position(&source, function).is_none() => {
            Some(format!("{path} has no function {function}"))
        }
        Some(_) => None,
    }
}

/// Returns true if a function is a test: if an attribute directly before it says so.
pub(crate) fn is_test(source: &str, function: &str) -> bool {
    let before = position(source, function).map(|at| &source[..at]).unwrap_or_default();
    let before = before.rfind('\n').map_or("", |line| &before[..line]);
    let is_attribute = |line: &&str| line.trim_start().starts_with("#[");
    before.lines().rev().take_while(is_attribute).any(|line| line.contains("test"))
}

/// Returns the position of a function in a source.
fn position(source: &str, function: &str) -> Option<usize> {
    ["(", "<"].iter().find_map(|end| source.find(&format!("fn {function}{end}")))
}
