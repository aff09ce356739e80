//! The tokens of CQL.

use std::iter;

use uuid::Uuid;

/// A token of CQL. Joining all tokens of a text yields the text unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'c> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'c str,
}

/// The kinds of [`Token`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// White space.
    Blank,
    /// `-- ...` or `// ...` without the end of its line, or `/* ... */`.
    Comment,
    /// `'...'` or `$$...$$`.
    String,
    /// `"..."`.
    QuotedName,
    /// A keyword or a name.
    Word,
    /// A number, blob, duration or UUID.
    Number,
    /// An opening quotation mark without a closing one, and the rest of the text.
    Unterminated,
    /// Any other character.
    Symbol,
}

impl Token<'_> {
    /// Returns true if the token is not white space and not a comment.
    pub(crate) fn is_significant(&self) -> bool {
        !matches!(self.kind, TokenKind::Blank | TokenKind::Comment)
    }

    /// Returns the name that the token stands for, or `None` if it is neither a word nor a quoted name.
    /// A name without quotation marks is converted to lower case.
    pub(crate) fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_ascii_lowercase()),
            TokenKind::QuotedName => {
                let name = self.text.strip_prefix('"')?.strip_suffix('"')?;
                Some(name.replace("\"\"", "\""))
            }
            _ => None,
        }
    }

    /// Returns true if the token is this keyword, in any case.
    pub(crate) fn is_keyword(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Returns true if the token is one of these keywords, in any case.
    pub(crate) fn is_one_of(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is_keyword(keyword))
    }
}

impl TokenKind {
    /// Returns true for a text in quotation marks, and for one whose closing mark is missing.
    #[cfg(feature = "driver")]
    pub(crate) const fn is_quoted(self) -> bool {
        matches!(self, Self::String | Self::QuotedName | Self::Unterminated)
    }
}

/// Returns the tokens of a text.
pub(crate) fn tokens(cql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = cql;
    iter::from_fn(move || {
        let token = next_token(rest)?;
        rest = &rest[token.text.len()..];
        Some(token)
    })
}

/// Returns the first token of a text, or `None` if the text is empty.
pub(crate) fn next_token(cql: &str) -> Option<Token<'_>> {
    let first = cql.chars().next()?;
    let (kind, length) = match first {
        '\'' => quoted(cql, "'", TokenKind::String),
        '"' => quoted(cql, "\"", TokenKind::QuotedName),
        '$' if cql.starts_with("$$") => quoted(cql, "$$", TokenKind::String),
        '-' | '/' if cql.starts_with("--") || cql.starts_with("//") => {
            (TokenKind::Comment, cql.find(['\n', '\r']).unwrap_or(cql.len()))
        }
        '/' if cql.starts_with("/*") => {
            (TokenKind::Comment, cql[2..].find("*/").map_or(cql.len(), |end| 2 + end + 2))
        }
        _ if first.is_whitespace() => (TokenKind::Blank, length_while(cql, char::is_whitespace)),
        _ if starts_with_uuid(cql) => (TokenKind::Number, UUID_LENGTH),
        '0'..='9' => (TokenKind::Number, number_length(cql)),
        'P' | 'p' if starts_with_date_duration(cql) => (TokenKind::Number, DATE_DURATION.len()),
        _ if is_word(first) => {
            let length = length_while(cql, is_word);
            match is_iso_duration(&cql[..length]) {
                true => (TokenKind::Number, length),
                false => (TokenKind::Word, length),
            }
        }
        _ => (TokenKind::Symbol, first.len_utf8()),
    };
    Some(Token { kind, text: &cql[..length] })
}

/// Returns the kind and the length, in bytes, of the quoted text at the start of `cql`. A doubled
/// `'` or `"` does not end the text; the next `$$` always does. If the closing mark is missing, the
/// token is the whole of `cql`, as [`TokenKind::Unterminated`].
fn quoted(cql: &str, mark: &str, kind: TokenKind) -> (TokenKind, usize) {
    let mut length = mark.len();
    while let Some(end) = cql[length..].find(mark) {
        length += end + mark.len();
        if mark == "$$" || !cql[length..].starts_with(mark) {
            return (kind, length);
        }
        length += mark.len();
    }
    (TokenKind::Unterminated, cql.len())
}

fn length_while(cql: &str, matches: impl Fn(char) -> bool) -> usize {
    cql.find(|c| !matches(c)).unwrap_or(cql.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the length of the number, blob or duration at the start of `cql`, in bytes.
fn number_length(cql: &str) -> usize {
    let mut length = length_while(cql, is_word);
    loop {
        let rest = &cql[length..];
        let has_fraction = rest.starts_with('.') && !rest.starts_with("..");
        let is_exponent = rest.starts_with(['+', '-'])
            && cql[..length].ends_with(['e', 'E'])
            && !cql.starts_with("0x")
            && !cql.starts_with("0X")
            && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if !has_fraction && !is_exponent {
            return length;
        }
        length += 1 + length_while(&rest[1..], is_word);
    }
}

/// The form of a duration that is written as a date and a time. `0` stands for any digit.
const DATE_DURATION: &[u8] = b"P0000-00-00T00:00:00";

fn starts_with_date_duration(cql: &str) -> bool {
    let fits = |(found, form): (&u8, &u8)| match form {
        b'0' => found.is_ascii_digit(),
        _ => found.eq_ignore_ascii_case(form),
    };
    cql.as_bytes()
        .get(..DATE_DURATION.len())
        .is_some_and(|start| start.iter().zip(DATE_DURATION).all(fits))
}

const UUID_LENGTH: usize = 36;

fn starts_with_uuid(cql: &str) -> bool {
    // The hyphen is checked first, because that is cheap and most words are not UUIDs.
    cql.as_bytes().get(8) == Some(&b'-')
        && cql.get(..UUID_LENGTH).is_some_and(|text| Uuid::try_parse(text).is_ok())
}

/// Returns true if a word is a duration such as `P1Y2M3DT4H5M6S`. A name such as `p1` is not one.
fn is_iso_duration(word: &str) -> bool {
    let Some(parts) = word.strip_prefix(['P', 'p']) else { return false };
    // The date and the time consist of numbers, each followed by a unit.
    let is_part = |part: &str| {
        let is_pair = |pair: &str| !pair.is_empty() && pair.bytes().all(|b| b.is_ascii_digit());
        part.strip_suffix(|c: char| c.is_ascii_alphabetic())
            .is_some_and(|pairs| pairs.split(|c: char| c.is_ascii_alphabetic()).all(is_pair))
    };
    let (date, time) = parts.split_once(['T', 't']).unwrap_or((parts, ""));
    parts.len() > 1
        && (date.is_empty() || is_part(date))
        && (time.is_empty() || is_part(time))
        && !(date.is_empty() && time.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distinguishes_durations_from_names() {
        for (word, expected) in [
            ("P1Y2M10DT2H30M", true),
            ("PT5S", true),
            ("p3w", true),
            ("P", false),
            ("PT", false),
            ("p1", false),
            ("Pa1d", false),
            ("PASSWORD", false),
            ("point", false),
        ] {
            assert_eq!(is_iso_duration(word), expected, "{word}");
        }
    }

    #[test]
    fn numbers_include_fractions_and_exponents() {
        for (text, number) in [
            ("1.5e-3,", "1.5e-3"),
            ("1E+10 ", "1E+10"),
            ("0x1e-3", "0x1e"),
            ("1e-x", "1e"),
            ("1..2", "1"),
            ("1h30m-1", "1h30m"),
            ("P0001-03-20T12:30:21)", "P0001-03-20T12:30:21"),
        ] {
            let token = Token { kind: TokenKind::Number, text: number };
            assert_eq!(next_token(text), Some(token), "{text}");
        }
        let kind = next_token("P0001-03-20T12:30:2x").map(|token| token.kind);
        assert_eq!(kind, Some(TokenKind::Word));
    }

    proptest! {
        #[test]
        fn tokens_are_the_whole_text(text in "[a-z0-9'\"$/*\\-?:{} \r\n\u{e9}]{0,60}") {
            let tokens: Vec<_> = tokens(&text).map(|token| token.text).collect();
            prop_assert!(tokens.iter().all(|token| !token.is_empty()));
            prop_assert_eq!(tokens.concat(), text);
        }
    }
}
