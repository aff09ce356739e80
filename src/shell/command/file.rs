//! SOURCE and CAPTURE.

use super::{Command, Words};

/// Parses the arguments of SOURCE.
pub(super) fn parse_source(words: &mut Words<'_>) -> Option<Command> {
    let name = words.string()?;
    words.end().map(|()| Command::Source(name))
}

/// Parses the arguments of CAPTURE.
pub(super) fn parse_capture(words: &mut Words<'_>) -> Option<Command> {
    let command = match words.peek() {
        None => return Some(Command::ShowCapture),
        Some(token) if token.is_keyword("OFF") => {
            words.next();
            Command::EndCapture
        }
        Some(_) => Command::Capture(words.string()?),
    };
    words.end().map(|()| command)
}
