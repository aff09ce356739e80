//! The warnings about rows that cannot be read in full.

use std::collections::BTreeMap;
use std::mem::take;

/// Maximum number of warnings about one schema.
pub(super) const MAX_WARNINGS: usize = 1_000;

/// Maximum length of a warning, in bytes.
const MAX_LENGTH: usize = 1_000;

/// The warnings of a read, of which there are at most [`MAX_WARNINGS`]. A server could otherwise make
/// them take more memory than its rows.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    /// Warnings about rows of no keyspace.
    pub(super) other: Vec<String>,
    of_keyspaces: BTreeMap<String, Vec<String>>,
    count: usize,
}

impl Warnings {
    /// Adds a warning about a row of no keyspace.
    pub(super) fn push(&mut self, warning: String) {
        if self.has_room() {
            self.other.push(shortened(warning));
        }
    }

    /// Adds a warning about a row of a keyspace.
    pub(super) fn push_of(&mut self, keyspace: &str, warning: String) {
        if self.has_room() {
            let warnings = self.of_keyspaces.entry(keyspace.to_owned()).or_default();
            warnings.push(shortened(warning));
        }
    }

    /// Removes and returns the warnings of a keyspace.
    pub(super) fn take(&mut self, keyspace: &str) -> Vec<String> {
        self.of_keyspaces.get_mut(keyspace).map(take).unwrap_or_default()
    }

    /// Returns true, and counts a warning, if there may be another one.
    fn has_room(&mut self) -> bool {
        self.count = self.count.saturating_add(1);
        self.count <= MAX_WARNINGS
    }
}

/// Returns the beginning of a warning if it is too long.
fn shortened(mut warning: String) -> String {
    if warning.len() > MAX_LENGTH {
        let end = (0..=MAX_LENGTH).rev().find(|end| warning.is_char_boundary(*end));
        warning.truncate(end.unwrap_or_default());
        warning.push('\u{2026}');
    }
    // A warning that was formatted has unused capacity.
    warning.shrink_to_fit();
    warning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn their_number_and_length_are_limited() {
        let mut warnings = Warnings::default();
        warnings.push_of("ks", format!("{}é", "x".repeat(MAX_LENGTH - 1)));
        (0..MAX_WARNINGS).for_each(|_| warnings.push("x".to_owned()));
        let [long] = &warnings.take("ks")[..] else { panic!() };
        assert_eq!(*long, format!("{}\u{2026}", "x".repeat(MAX_LENGTH - 1)));
        assert_eq!(warnings.other.len(), MAX_WARNINGS - 1);
        assert_eq!(warnings.take("ks"), [""; 0]);
    }
}
