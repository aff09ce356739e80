//! A text with its colours and its width on a terminal.

use super::width::width;

/// The colour of a part of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum Style {
    /// Text and ASCII values.
    Text,
    /// Null, errors, and names of partition key columns.
    Red,
    /// Blobs, and escapes within text.
    Blob,
    /// Numbers, dates, times, Booleans, UUIDs and addresses.
    Scalar,
    /// Brackets, commas and colons of collections.
    Collection,
    /// Names of columns that are not in the primary key.
    Name,
    /// Names of clustering columns.
    Clustering,
    /// Names of static columns.
    Static,
}

const RESET: &str = "\u{1b}[0m";

impl Style {
    /// Returns the escape code that begins the colour.
    pub(in crate::shell) const fn code(self) -> &'static str {
        match self {
            Self::Red => "\u{1b}[0;1;31m",
            Self::Scalar => "\u{1b}[0;1;32m",
            Self::Text => "\u{1b}[0;1;33m",
            Self::Collection => "\u{1b}[0;1;34m",
            Self::Name => "\u{1b}[0;1;35m",
            Self::Clustering => "\u{1b}[0;1;36m",
            Self::Static => "\u{1b}[0;1;37m",
            Self::Blob => "\u{1b}[0;35m",
        }
    }

    /// Returns `text` in this colour.
    pub(in crate::shell) fn paint(self, text: &str) -> String {
        format!("{}{text}{RESET}", self.code())
    }
}

/// A text, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) struct Formatted {
    text: String,
    width: usize,
    is_colored: bool,
}

impl Formatted {
    /// Returns an empty text.
    pub(in crate::shell) const fn new(is_colored: bool) -> Self {
        Self { text: String::new(), width: 0, is_colored }
    }

    /// Returns the text, with escape codes if it is coloured.
    pub(in crate::shell) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the width of the text on a terminal, in columns.
    pub(in crate::shell) const fn width(&self) -> usize {
        self.width
    }

    /// Appends a part that contains no control characters.
    pub(in crate::shell) fn push(&mut self, style: Style, text: &str) {
        self.width += width(text);
        match self.is_colored {
            true => self.text.push_str(&style.paint(text)),
            false => self.text.push_str(text),
        }
    }

    /// Appends any text. Control characters are escaped as in Python; backslashes are doubled unless the
    /// colour of the escapes distinguishes them.
    pub(in crate::shell) fn push_escaped(&mut self, style: Style, text: &str) {
        let escaped = escape(text, self.is_colored.then_some(style));
        if self.is_colored {
            self.text.push_str(style.code());
        }
        self.text.push_str(&escaped);
        if self.is_colored {
            self.text.push_str(RESET);
            self.width += width(&escape(text, None)) - text.matches('\\').count();
        } else {
            self.width += width(&escaped);
        }
    }

    /// Returns the text after spaces that make it `width` columns wide.
    pub(in crate::shell) fn right_aligned(&self, width: usize) -> String {
        " ".repeat(width.saturating_sub(self.width)) + &self.text
    }

    /// Returns the text before spaces that make it `width` columns wide.
    pub(in crate::shell) fn left_aligned(&self, width: usize) -> String {
        self.text.clone() + &" ".repeat(width.saturating_sub(self.width))
    }
}

/// Escapes control characters and, if `style` is `None`, backslashes.
fn escape(text: &str, style: Option<Style>) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let code = match c {
            '\\' if style.is_some() => "\\".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{a0}' => format!("\\x{:02x}", u32::from(c)),
            c => {
                escaped.push(c);
                continue;
            }
        };
        match style {
            Some(style) if c != '\\' => {
                escaped.push_str(Style::Blob.code());
                escaped.push_str(&code);
                escaped.push_str(style.code());
            }
            _ => escaped.push_str(&code),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_characters_as_in_python() {
        let mut text = Formatted::new(false);
        text.push_escaped(Style::Text, "a\\b\t\n\r\u{1b}\u{7f}\u{a0}'\u{6f22}");
        assert_eq!(text.as_str(), "a\\\\b\\t\\n\\r\\x1b\\x7f\\xa0'\u{6f22}");
        assert_eq!(text.width(), 25);
    }

    #[test]
    fn colours_do_not_change_the_width() {
        let mut text = Formatted::new(true);
        text.push_escaped(Style::Text, "a\\\n");
        assert_eq!(text.as_str(), "\u{1b}[0;1;33ma\\\u{1b}[0;35m\\n\u{1b}[0;1;33m\u{1b}[0m");
        assert_eq!((text.width(), text.right_aligned(6)), (4, format!("  {}", text.as_str())));
    }
}
