//! The kind of a statement, and its bind markers.

use super::token::{Token, TokenKind, tokens};

/// Returns the first word of a statement after blanks and comments, or an empty string if the
/// statement does not start with a word.
pub(crate) fn first_keyword(statement: &str) -> &str {
    match tokens(statement).find(Token::is_significant) {
        Some(Token { kind: TokenKind::Word, text }) => text,
        _ => "",
    }
}

/// Returns true if a statement changes nothing: a SELECT, or a transaction that only reads.
pub(crate) fn is_read_only(statement: &str) -> bool {
    let first = first_keyword(statement);
    first.eq_ignore_ascii_case("SELECT")
        || first.eq_ignore_ascii_case("BEGIN")
            && is_transaction(statement)
            && !tokens(statement).any(|token| WRITES.iter().any(|write| token.is_keyword(write)))
}

/// Keywords of the statements that a transaction may write with. They are reserved, so that a column
/// with such a name is in quotation marks.
const WRITES: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// Returns true if a statement is a transaction of Accord: `BEGIN TRANSACTION ... COMMIT TRANSACTION`
/// (Cassandra 6.0 and later).
pub(crate) fn is_transaction(statement: &str) -> bool {
    // Most statements start with another letter. They need not be split into tokens.
    if statement
        .starts_with(|first: char| first.is_ascii_alphabetic() && !matches!(first, 'B' | 'b'))
    {
        return false;
    }
    let mut words = tokens(statement).filter(Token::is_significant);
    words.next().is_some_and(|word| word.is_keyword("BEGIN"))
        && words.next().is_some_and(|word| word.is_keyword("TRANSACTION"))
}

/// Returns true if a statement is a USE, which changes the keyspace of its connection.
pub(crate) fn switches_keyspace(statement: &str) -> bool {
    first_keyword(statement).eq_ignore_ascii_case("USE")
}

/// Returns true if a statement has a bind marker: a `?`, or a `:name` outside of braces. Inside
/// braces a colon may belong to a map or a user-defined type, so a `:name` does not count.
pub(crate) fn has_bind_marker(statement: &str) -> bool {
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

#[cfg(test)]
mod tests {
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
    fn transactions_are_read_only_unless_they_write() {
        let reads = "begin /* a */ Transaction LET a = (SELECT \"update\" FROM t WHERE k = 'DELETE'); \
                     SELECT a.v; COMMIT TRANSACTION";
        let writes = "BEGIN TRANSACTION IF a IS NULL THEN insert INTO t (k) VALUES (1); END IF \
                      COMMIT TRANSACTION";
        assert!(is_transaction(reads) && is_read_only(reads));
        assert!(is_transaction(writes) && !is_read_only(writes));
        for batch in ["BEGIN BATCH APPLY BATCH", "BEGIN", "TRANSACTION", "BEGIN \"TRANSACTION\""] {
            assert!(!is_transaction(batch) && !is_read_only(batch), "{batch}");
        }
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
}
