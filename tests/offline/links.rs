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

/// Returns true if a function has the attribute of a test, and is not ignored.
pub(crate) fn is_test(source: &str, function: &str) -> bool {
    let before = position(source, function).map(|at| &source[..at]).unwrap_or_default();
    let before = before.rfind('\n').map_or("", |line| &before[..line]);
    let attributes =
        before.lines().rev().map(str::trim_start).take_while(|line| line.starts_with("#["));
    let attributes: Vec<_> = attributes.collect();
    let is_test =
        |line: &&str| ["#[test]", "#[tokio::test"].iter().any(|test| line.starts_with(test));
    attributes.iter().any(is_test) && !attributes.iter().any(|line| line.starts_with("#[ignore"))
}

/// Returns the position of a function in a source.
fn position(source: &str, function: &str) -> Option<usize> {
    ["(", "<"].iter().find_map(|end| source.find(&format!("fn {function}{end}")))
}
