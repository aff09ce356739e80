//! PAGING.

use super::Words;

/// The arguments of PAGING.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum Paging {
    /// Prints the setting.
    Show,
    /// Requests rows in pages of the current size.
    On,
    /// Requests all rows at once.
    Off,
    /// Requests rows in pages of this size.
    Rows(i32),
}

/// Parses the arguments of PAGING.
pub(super) fn parse(words: &mut Words<'_>) -> Option<Paging> {
    let paging = match words.next() {
        None => Paging::Show,
        Some(token) if token.is_keyword("ON") => Paging::On,
        Some(token) if token.is_keyword("OFF") => Paging::Off,
        Some(token) => Paging::Rows(token.text.parse().ok()?),
    };
    words.end().map(|()| paging)
}
