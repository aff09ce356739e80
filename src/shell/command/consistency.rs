//! CONSISTENCY and SERIAL CONSISTENCY.

use super::Words;
use crate::wire::Consistency;

/// Parses the arguments of CONSISTENCY. The inner `None` asks for the current level.
pub(super) fn parse(words: &mut Words<'_>) -> Option<Option<Consistency>> {
    let level = match words.next() {
        Some(token) => Some(token.text.parse().ok()?),
        None => None,
    };
    words.end().map(|()| level)
}

/// Parses the arguments of SERIAL CONSISTENCY. The inner `None` asks for the current level.
pub(super) fn parse_serial(words: &mut Words<'_>) -> Option<Option<Consistency>> {
    words.keyword("CONSISTENCY")?;
    let level = parse(words)?;
    let is_serial =
        |level: &Consistency| matches!(level, Consistency::Serial | Consistency::LocalSerial);
    level.as_ref().is_none_or(is_serial).then_some(level)
}
