//! SOURCE and CAPTURE.

use super::Words;

/// The arguments of CAPTURE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) enum Capture {
    /// Prints the name of the file.
    Show,
    /// Prints results on standard output again.
    Off,
    /// Appends results to the file of this name.
    To(String),
}

/// Parses the arguments of SOURCE: the name of a file.
pub(super) fn parse_source(words: &mut Words<'_>) -> Option<String> {
    let name = words.string()?;
    words.end().map(|()| name)
}

/// Parses the arguments of CAPTURE.
pub(super) fn parse_capture(words: &mut Words<'_>) -> Option<Capture> {
    let capture = match words.peek() {
        None => return Some(Capture::Show),
        Some(token) if token.is_keyword("OFF") => {
            words.next();
            Capture::Off
        }
        Some(_) => Capture::To(words.string()?),
    };
    words.end().map(|()| capture)
}
