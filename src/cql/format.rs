//! Functions that write statements as CQL.

use std::fmt;

use crate::types::Identifier;

/// Items formatted with commas between them.
pub(super) struct Separated<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for Separated<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, item)| match index {
            0 => item.fmt(f),
            _ => write!(f, ", {item}"),
        })
    }
}

/// Writes `first` and items with AND between them.
pub(super) fn write_all(
    f: &mut fmt::Formatter<'_>,
    first: &str,
    items: &[impl fmt::Display],
) -> fmt::Result {
    let mut items = items.iter().enumerate();
    items.try_for_each(|(index, item)| match index {
        0 => write!(f, " {first} {item}"),
        _ => write!(f, " AND {item}"),
    })
}

/// Returns names as CQL, with commas between them.
pub(super) fn names(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| Identifier(name)).collect();
    Separated(&names).to_string()
}

/// Returns `IF EXISTS` and a blank if `flag` is true.
pub(super) const fn exists(flag: bool) -> &'static str {
    if flag { "IF EXISTS " } else { "" }
}

/// Returns `IF NOT EXISTS` and a blank if `flag` is true.
pub(super) const fn not_exists(flag: bool) -> &'static str {
    if flag { "IF NOT EXISTS " } else { "" }
}

/// Writes pairs of an old and a new name.
pub(super) fn write_renames(
    f: &mut fmt::Formatter<'_>,
    renames: &[(String, String)],
) -> fmt::Result {
    let mut renames = renames.iter().enumerate();
    renames.try_for_each(|(index, (from, to))| {
        let and = if index == 0 { "" } else { " AND " };
        write!(f, "{and}{} TO {}", Identifier(from), Identifier(to))
    })
}
