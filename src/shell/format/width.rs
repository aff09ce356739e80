//! The width of text on a terminal.

use unicode_width::UnicodeWidthChar;

use super::indic::{SPACING_MARKS, VIRAMAS};

const ZERO_WIDTH_JOINER: char = '\u{200d}';
const EMOJI_PRESENTATION: char = '\u{fe0f}';
const SOFT_HYPHEN: char = '\u{ad}';

/// Returns the width of a text without control characters, in columns.
///
/// `UnicodeWidthStr` differs from the library `wcwidth` that cqlsh uses, and from terminals, in joined
/// emoji, soft hyphens and Indic scripts.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let mut scan = Scan::default();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        scan.push(c, &mut chars);
    }
    scan.total + scan.cluster
}

/// The state between two characters.
#[derive(Debug, Default)]
struct Scan {
    /// Width of the clusters before the current one. A cluster is a character and the marks after it.
    total: usize,
    /// Width of the current cluster.
    cluster: usize,
    /// The last character with a width, which a selector or a mark can widen.
    base: Option<char>,
    /// The last character with a width, which the colour of a skin can modify.
    last: Option<char>,
    /// True after a virama.
    is_joining: bool,
    /// Number of regional indicators before the character.
    indicators: usize,
}

impl Scan {
    fn push(&mut self, c: char, rest: &mut std::str::Chars<'_>) {
        if c == ZERO_WIDTH_JOINER {
            // After a virama it only selects a form. Elsewhere the next character joins the one before.
            if !self.is_joining {
                rest.next();
                self.is_joining = false;
            }
            return;
        }
        if c == EMOJI_PRESENTATION && self.base.is_some() {
            if self.base.take().is_some_and(has_emoji_presentation) {
                self.cluster = 2;
            }
            return;
        }
        if ('\u{1f1e6}'..='\u{1f1ff}').contains(&c) {
            self.indicators += 1;
            if self.indicators.is_multiple_of(2) {
                self.last = Some(c);
                return;
            }
        } else {
            self.indicators = 0;
        }
        let is_skin = ('\u{1f3fb}'..='\u{1f3ff}').contains(&c);
        if is_skin && self.last.is_some_and(has_emoji_presentation) {
            return;
        }
        self.push_measured(c);
    }

    fn push_measured(&mut self, c: char) {
        let width = char_width(c);
        if width > 0 {
            if self.is_joining {
                self.cluster = 2;
            } else {
                self.total += self.cluster;
                self.cluster = width;
            }
            (self.base, self.last, self.is_joining) = (Some(c), Some(c), false);
        } else if VIRAMAS.binary_search(&c).is_ok() {
            self.is_joining = true;
        } else {
            if is_spacing_mark(c) && self.base.take().is_some() {
                self.cluster = 2;
            }
            self.is_joining = false;
        }
    }
}

/// Returns the width of one character.
fn char_width(c: char) -> usize {
    match c {
        SOFT_HYPHEN => 1,
        '\u{1f1e6}'..='\u{1f1ff}' => 2,
        c if is_spacing_mark(c) => 0,
        c => c.width().unwrap_or(0).min(2),
    }
}

fn is_spacing_mark(c: char) -> bool {
    let after = SPACING_MARKS.partition_point(|(first, _)| *first <= c);
    let range = after.checked_sub(1).and_then(|index| SPACING_MARKS.get(index));
    range.is_some_and(|(_, last)| c <= *last)
}

/// Returns true if a character is an emoji, or becomes one before the selector of emoji.
fn has_emoji_presentation(c: char) -> bool {
    use unicode_width::UnicodeWidthStr;

    let mut text = String::from(c);
    text.push(EMOJI_PRESENTATION);
    UnicodeWidthStr::width(text.as_str()) == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_like_the_terminal_library_of_cqlsh() {
        for (text, columns) in [
            ("ascii", 5),
            ("\u{6f22}\u{5b57}\u{3068}\u{30ab}\u{30ca}", 10),
            (
                "\u{1f600}\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}\u{1f1e9}\u{1f1ea}",
                6,
            ),
            ("zero\u{200b}width\u{200d}join", 12),
            ("\u{645}\u{631}\u{62d}\u{628}\u{627}", 5),
            ("soft\u{ad}hyphen", 11),
            ("\u{ffff}\u{fffd}", 2),
            ("\u{ff8a}\u{ff9d}\u{ff76}\u{ff78} \u{ff21}", 7),
            ("\u{1f44d}\u{1f3fd} \u{2764}\u{fe0f} \u{260e}\u{fe0f} \u{ae}", 10),
            ("\u{d55c}\u{ae00} \u{ac01}", 7),
            ("\u{915}\u{94d}\u{937}\u{93f} \u{ba4}\u{bae}\u{bbf}", 6),
            ("\u{e9}", 1),
            ("\u{1f1e9}\u{1f1ea}\u{1f1eb}\u{1f1f7}\u{1f1e9}", 6),
            ("\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}", 4),
            ("\u{986}\u{9ae}\u{9bf}", 3),
            ("\u{fdfa}", 1),
            ("\u{1d4b3}", 1),
        ] {
            assert_eq!(width(text), columns, "{text}");
        }
    }
}
