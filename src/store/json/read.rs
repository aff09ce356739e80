//! Reads JSON texts.

use std::fmt;

use super::write::write_text;

/// A JSON value. Numbers keep their text, because the type of the column decides how it is read.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Json {
    Null,
    Boolean(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    /// The entries in the order of the text.
    Object(Vec<(String, Json)>),
}

/// Deepest nesting of arrays and objects that is read.
const MAX_DEPTH: usize = 128;

/// Reads a text that is one JSON value. Returns `None` if it is not.
pub(super) fn parse(text: &str) -> Option<Json> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    /// Skips blanks and `symbol`. Returns false if another character is next.
    fn take(&mut self, symbol: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip_blanks();
        if depth >= MAX_DEPTH {
            return None;
        }
        for (word, value) in
            [("null", Json::Null), ("true", Json::Boolean(true)), ("false", Json::Boolean(false))]
        {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Some(value);
            }
        }
        match self.rest.chars().next()? {
            '"' => self.string().map(Json::String),
            '[' => self.array(depth.saturating_add(1)),
            '{' => self.object(depth.saturating_add(1)),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        let mut values = Vec::new();
        if !self.take('[') {
            return None;
        }
        if self.take(']') {
            return Some(Json::Array(values));
        }
        loop {
            values.push(self.value(depth)?);
            if self.take(']') {
                return Some(Json::Array(values));
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut entries = Vec::new();
        if !self.take('{') {
            return None;
        }
        if self.take('}') {
            return Some(Json::Object(entries));
        }
        loop {
            self.skip_blanks();
            let key = self.string()?;
            if !self.take(':') {
                return None;
            }
            entries.push((key, self.value(depth)?));
            if self.take('}') {
                return Some(Json::Object(entries));
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Json> {
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end)?;
        // Rust reads all numbers of JSON, and a few more.
        let starts = text.strip_prefix('-').unwrap_or(text);
        let is_number = text.parse::<f64>().is_ok()
            && starts.starts_with(|c: char| c.is_ascii_digit())
            && !text.ends_with('.');
        self.rest = rest;
        is_number.then(|| Json::Number(text.to_owned()))
    }

    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.strip_prefix('"')?.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => text.push(match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'u' => unicode(&mut chars)?,
                    c @ ('"' | '\\' | '/') => c,
                    _ => return None,
                }),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }
}

/// Reads the four hexadecimal digits after `\u`, and those of the second half of a surrogate pair.
fn unicode(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let first = four_digits(chars)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    let ('\\', 'u') = (chars.next()?, chars.next()?) else { return None };
    let second = four_digits(chars)?.checked_sub(0xdc00).filter(|half| *half < 0x400)?;
    char::from_u32((first & 0x3ff) << 10 | second)
        .and_then(|_| char::from_u32(((first & 0x3ff) << 10 | second).saturating_add(0x1_0000)))
}

fn four_digits(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut number = 0;
    for _ in 0..4 {
        number = number << 4 | chars.next()?.to_digit(16)?;
    }
    Some(number)
}

impl Json {
    /// Returns the name of the Java class that Cassandra reads the value as.
    pub(super) fn class(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "Boolean",
            Self::Number(text) if text.parse::<i32>().is_ok() => "Integer",
            Self::Number(text) if text.parse::<i64>().is_ok() => "Long",
            Self::Number(text) if text.contains(['.', 'e', 'E']) => "Double",
            Self::Number(_) => "BigInteger",
            Self::String(_) => "String",
            Self::Array(_) => "ArrayList",
            Self::Object(_) => "LinkedHashMap",
        }
    }
}

/// Writes the value as Java's `toString` does, which is not JSON.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = |index: usize| if index == 0 { "" } else { ", " };
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(flag) => flag.fmt(f),
            Self::Number(text) | Self::String(text) => f.write_str(text),
            Self::Array(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", separator(index))?;
                }
                f.write_str("]")
            }
            Self::Object(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}={value}", separator(index))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Returns the value as JSON text.
pub(super) fn text(json: &Json) -> String {
    match json {
        Json::String(text) => {
            let mut out = String::new();
            write_text(&mut out, text);
            out
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_other_texts_refused() {
        let string = |text: &str| Some(Json::String(text.to_owned()));
        let number = |text: &str| Json::Number(text.to_owned());
        for (text, value) in [
            (" null ", Some(Json::Null)),
            ("true", Some(Json::Boolean(true))),
            ("-1.5e3", Some(number("-1.5e3"))),
            ("\"a\\n\\u00e9\\ud83d\\ude00\"", string("a\né😀")),
            ("[1, []]", Some(Json::Array(vec![number("1"), Json::Array(vec![])]))),
            ("{\"a\": 1}", Some(Json::Object(vec![("a".to_owned(), number("1"))]))),
            ("{}", Some(Json::Object(vec![]))),
            ("", None),
            ("nul", None),
            ("[1,]", None),
            ("{a: 1}", None),
            ("\"a", None),
            ("\"\\x\"", None),
            ("\"\\ud83d\"", None),
            ("1 2", None),
            (".5", None),
            ("1.", None),
        ] {
            assert_eq!(parse(text), value, "{text}");
        }
        assert_eq!(parse(&"[".repeat(1_000_000)), None);
    }
}
