//! Reads CQL text without parsing it: its tokens, first keyword, bind markers and literals.

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
        '0'..='9' => (TokenKind::Number, length_while(cql, |c| is_word(c) || c == '.')),
        _ if is_word(first) => (TokenKind::Word, length_while(cql, is_word)),
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

const UUID_LENGTH: usize = 36;

fn starts_with_uuid(cql: &str) -> bool {
    // The hyphen is checked first, because that is cheap and most words are not UUIDs.
    cql.as_bytes().get(8) == Some(&b'-')
        && cql.get(..UUID_LENGTH).is_some_and(|text| Uuid::try_parse(text).is_ok())
}

/// Returns the first word of a statement after blanks and comments, or an empty string if the
/// statement does not start with a word.
pub(super) fn first_keyword(statement: &str) -> &str {
    let is_significant =
        |token: &Token<'_>| !matches!(token.kind, TokenKind::Blank | TokenKind::Comment);
    match tokens(statement).find(is_significant) {
        Some(Token { kind: TokenKind::Word, text }) => text,
        _ => "",
    }
}

/// Returns true if a statement is a SELECT, which changes nothing.
pub(super) fn is_read_only(statement: &str) -> bool {
    first_keyword(statement).eq_ignore_ascii_case("SELECT")
}

/// Returns true if a statement is a USE, which changes the keyspace of its connection.
pub(super) fn switches_keyspace(statement: &str) -> bool {
    first_keyword(statement).eq_ignore_ascii_case("USE")
}

/// Returns true if a statement has a bind marker: a `?`, or a `:name` outside of braces. Inside
/// braces a colon may belong to a map or a user-defined type, so a `:name` does not count.
pub(super) fn has_bind_marker(statement: &str) -> bool {
    // Most statements without bind markers contain neither character. They need not be split into
    // tokens.
    if !statement.contains(['?', ':']) {
        return false;
    }
    let mut open_braces = 0_usize;
    let mut follows_colon = false;
    tokens(statement).any(|Token { kind, text }| {
        let is_name = matches!(kind, TokenKind::Word | TokenKind::QuotedName);
        let is_marker = text == "?" || follows_colon && is_name && open_braces == 0;
        match text {
            "{" => open_braces += 1,
            "}" => open_braces = open_braces.saturating_sub(1),
            _ => {}
        }
        follows_colon = text == ":";
        is_marker
    })
}

/// Returns true if a statement contains `PASSWORD`, in any case and even within a word. One of its
/// literals may then be a secret.
pub(super) fn mentions_password(statement: &str) -> bool {
    statement.as_bytes().windows(8).any(|part| part.eq_ignore_ascii_case(b"PASSWORD"))
}

/// Returns a statement with `?` in place of its literals, and without its comments.
pub(super) fn without_literals(statement: &str) -> String {
    let mut shown = String::with_capacity(statement.len());
    for Token { kind, text } in tokens(statement) {
        match kind {
            TokenKind::String | TokenKind::Number | TokenKind::Unterminated => shown.push('?'),
            TokenKind::Comment => {}
            TokenKind::Blank | TokenKind::QuotedName | TokenKind::Word | TokenKind::Symbol => {
                shown.push_str(text);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_first_keyword_after_blanks_and_comments() {
        for (statement, expected) in [
            ("SELECT 1", "SELECT"),
            (" \n insert", "insert"),
            ("-- a\r/* b\n-- c */// d\n  USE\"Ks\"", "USE"),
            ("use/**/ks", "use"),
            ("-- SELECT", ""),
            ("/* SELECT", ""),
            ("?", ""),
            ("", ""),
        ] {
            assert_eq!(first_keyword(statement), expected, "{statement:?}");
        }
        assert!(switches_keyspace("-- c\nUse ks") && !switches_keyspace("USED"));
        assert!(is_read_only("/* USE */select") && !is_read_only("SELECTED"));
    }

    #[test]
    fn finds_bind_markers_outside_of_literals_and_comments() {
        for statement in [
            "SELECT * FROM t WHERE k = ?",
            "INSERT INTO t (a, b) VALUES (?,?)",
            "UPDATE t USING TTL :ttl SET m[1] = 2",
            "UPDATE t SET m[:key] = 1",
            "UPDATE t SET v = :\"Value\" WHERE k = 1",
            "SELECT * FROM t WHERE k IN(:k)",
            "INSERT INTO t (m) VALUES ({'a': ?})",
            "INSERT INTO t (m, k) VALUES ({'a': 1}, :k)",
            "INSERT INTO t JSON ?",
            "INSERT INTO t (v) VALUES ((int) :v)",
        ] {
            assert!(has_bind_marker(statement), "{statement:?}");
        }
        for statement in [
            "SELECT 1",
            "SELECT '?' FROM \"a?\" -- ?\n/* ? */ // :name",
            "SELECT 'it''s ?', ':name' FROM \"say \"\":x\"\"?\"",
            "INSERT INTO t JSON '{\"a\": \"it''s ?\", \"b\": :c}'",
            "INSERT INTO t (u) VALUES ({street: 'a?', zip:true, name:null, at:now()})",
            "INSERT INTO t (m) VALUES ({{a:b}: (1, {c:d}), 'e': [{f:null}]})",
            "UPDATE t SET m = m + {1:now()}, m['?'] = {a:(text) 'b'}[1]",
            "INSERT INTO t (at, d) VALUES ('2020-01-01 12:30:21+0000', P0001-03-20T12:30:21)",
            "INSERT INTO t (d, x) VALUES (1h30m, -P0001-03-20T12:30:21)",
            "SELECT m['a'..'c'], s[1..2], CAST(k AS text) FROM t",
            "CREATE FUNCTION f(a int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS \
             $$ l: for (int x : y) return x > 0 ? a :b; $$",
            "CREATE FUNCTION f(a int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS 'a ? b :c'",
            "CREATE AGGREGATE g(int) SFUNC f STYPE u INITCOND {a:b}",
            "CREATE TABLE t (k int PRIMARY KEY) WITH caching = {'keys':'ALL'} AND comment = 'a :b ?'",
            "GRANT SELECT ON MBEAN 'org.apache.cassandra.db:type=Tables,name=?' TO ada",
            "SELECT 'ends nowhere ?",
            "SELECT 'a' : 'b'",
        ] {
            assert!(!has_bind_marker(statement), "{statement:?}");
        }
    }

    #[test]
    fn replaces_literals_by_question_marks() {
        for (statement, expected) in [
            ("SELECT a1 FROM ks.t_2 WHERE k = ?", "SELECT a1 FROM ks.t_2 WHERE k = ?"),
            ("ALTER ROLE ada WITH PASSWORD = 's''ecret' ", "ALTER ROLE ada WITH PASSWORD = ? "),
            ("INSERT INTO \"T'1\" (k) VALUES ($$it's$$)", "INSERT INTO \"T'1\" (k) VALUES (?)"),
            ("VALUES (1.5e3, -7, 0xcafe, 1h30m)", "VALUES (?, -?, ?, ?)"),
            ("k = cafe0000-1111-2222-3333-444455556666;", "k = ?;"),
            ("SELECT 1 -- the 's3cret' one\nFROM t /* 's3cret' */", "SELECT ? \nFROM t "),
            ("'ends nowhere", "?"),
            ("/* ends nowhere", ""),
            ("'ä' ß", "? ß"),
        ] {
            assert_eq!(without_literals(statement), expected);
        }
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
