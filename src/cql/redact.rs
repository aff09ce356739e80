//! The text of a statement as errors, `Debug` texts, spans and logs show it.

use super::token::{Token, TokenKind, tokens};

/// Returns the statement as it may be shown.
///
/// The result has `?` in place of every literal, and no comments. If the quotation marks of the
/// statement do not match, the result ends at the first of them. Of a text that [may set a
/// password](may_set_password), it has only the first keywords and one word after them, such as the
/// name of the role, because a password without quotation marks looks like a name.
pub(crate) fn redact(statement: &str) -> String {
    match may_set_password(statement) {
        true => beginning(statement),
        false => without_literals(statement),
    }
}

/// Keywords with which a text that sets a password may begin.
const FIRST_KEYWORDS: [&str; 10] =
    ["BEGIN", "UNLOGGED", "COUNTER", "BATCH", "CREATE", "ALTER", "ROLE", "USER", "IF", "NOT"];

/// Returns the first keywords of a text that sets a password, and one word after them.
fn beginning(statement: &str) -> String {
    let mut shown = String::new();
    for token in tokens(statement).filter(Token::is_significant) {
        let is_keyword = token.is_one_of(&FIRST_KEYWORDS) || token.is_keyword("EXISTS");
        match token.kind {
            TokenKind::Word | TokenKind::QuotedName => shown.push_str(token.text),
            _ => shown.push('?'),
        }
        shown.push(' ');
        if !is_keyword {
            break;
        }
    }
    shown + "..."
}

fn without_literals(statement: &str) -> String {
    let is_misquoted = is_misquoted(statement);
    let mut shown = String::with_capacity(statement.len());
    for Token { kind, text } in tokens(statement) {
        match kind {
            _ if is_misquoted && kind.is_quoted() => return shown + "? ...",
            TokenKind::String | TokenKind::Number | TokenKind::Unterminated => shown.push('?'),
            // The words around a comment stay apart.
            TokenKind::Comment => shown.push(' '),
            TokenKind::Blank | TokenKind::QuotedName | TokenKind::Word | TokenKind::Symbol => {
                shown.push_str(text);
            }
        }
    }
    shown
}

/// Returns true if the quotation marks of a statement seem not to match: one is not closed, or a word
/// is next to a quoted text, as in `'it's'`. The tokens between such marks may be parts of literals.
fn is_misquoted(statement: &str) -> bool {
    let mut last = TokenKind::Blank;
    tokens(statement).any(|Token { kind, .. }| {
        let is_adjacent = match (last, kind) {
            (TokenKind::Word | TokenKind::Number, next) => next.is_quoted(),
            (last, TokenKind::Word | TokenKind::Number) => last.is_quoted(),
            (last, next) => last.is_quoted() && next.is_quoted(),
        };
        last = kind;
        is_adjacent || kind == TokenKind::Unterminated
    })
}

/// Returns true if a text contains a statement that creates or alters a role or a user, or that may be
/// meant to: CREATE or ALTER of an unknown object, an unknown statement with the word `PASSWORD`, or
/// `LOGIN`.
///
/// The server repeats parts of such a text in its messages, so they are not shown either.
pub(crate) fn may_set_password(text: &str) -> bool {
    if is_misquoted(text) && mentions_password(text) {
        return true;
    }
    let mut statement = Vec::new();
    let mut all = tokens(text).filter(Token::is_significant);
    loop {
        match all.next() {
            Some(token) if token.text != ";" => statement.push(token),
            _ if sets_password(&statement) => return true,
            Some(_) => statement.clear(),
            None => return false,
        }
    }
}

/// Objects of CREATE and ALTER that have no password. `OR` stands for `OR REPLACE`, `CUSTOM` for
/// `CUSTOM INDEX`, and `MATERIALIZED` for `MATERIALIZED VIEW`.
const OBJECTS: [&str; 14] = [
    "AGGREGATE",
    "COLUMNFAMILY",
    "CUSTOM",
    "FUNCTION",
    "INDEX",
    "KEYSPACE",
    "MATERIALIZED",
    "OR",
    "SCHEMA",
    "SEARCH",
    "SERVICE_LEVEL",
    "TABLE",
    "TRIGGER",
    "TYPE",
];

/// Statements that have no password, and the words that begin the parts of a transaction.
const STATEMENTS: [&str; 17] = [
    "APPLY", "COMMIT", "DELETE", "DESC", "DESCRIBE", "DROP", "END", "GRANT", "IF", "INSERT", "LET",
    "LIST", "REVOKE", "SELECT", "TRUNCATE", "UPDATE", "USE",
];

const ROLES: [&str; 2] = ["ROLE", "USER"];

/// Returns true if one of the statements of a text may set a password.
fn sets_password(statement: &[Token<'_>]) -> bool {
    let changes_role = statement.windows(2).any(|pair| {
        matches!(pair, [verb, object]
            if verb.is_one_of(&["CREATE", "ALTER"]) && object.is_one_of(&ROLES))
    });
    // The clauses of CQL, MariaDB and Oracle that set a password, in whatever statement.
    let has_clause = statement.windows(2).any(|pair| {
        matches!(pair, [first, second]
            if first.is_one_of(&["WITH", "HASHED"]) && second.is_keyword("PASSWORD")
                || first.is_keyword("IDENTIFIED") && second.is_keyword("BY"))
    });
    let mut rest = statement;
    // The first statement of a batch comes after the beginning of the batch.
    while let [first, after @ ..] = rest
        && first.is_one_of(&["BEGIN", "UNLOGGED", "COUNTER", "BATCH", "TRANSACTION"])
    {
        rest = after;
    }
    if let [using, timestamp, _, after @ ..] = rest
        && using.is_keyword("USING")
        && timestamp.is_keyword("TIMESTAMP")
    {
        rest = after;
    }
    changes_role
        || has_clause
        || match rest {
            [] => false,
            // `CREATE OR REPLACE` is followed by FUNCTION or AGGREGATE.
            [_, or, _, object, ..] if or.is_keyword("OR") => {
                !object.is_one_of(&["FUNCTION", "AGGREGATE"])
            }
            [verb, object, ..] if verb.is_one_of(&["CREATE", "ALTER"]) => {
                !object.is_one_of(&OBJECTS)
            }
            [verb, ..] if verb.is_one_of(&STATEMENTS) => false,
            [verb, ..] if verb.is_keyword("LOGIN") => true,
            [_, object, ..] if object.is_one_of(&ROLES) => true,
            words => words
                .iter()
                .any(|word| word.kind == TokenKind::Word && mentions_password(word.text)),
        }
}

/// Returns true if a text contains `PASSWORD`, in any case and even within a word.
fn mentions_password(text: &str) -> bool {
    text.as_bytes().windows(8).any(|part| part.eq_ignore_ascii_case(b"PASSWORD"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn replaces_literals_by_question_marks() {
        for (statement, expected) in [
            ("SELECT a1 FROM ks.t_2 WHERE k = ?", "SELECT a1 FROM ks.t_2 WHERE k = ?"),
            ("UPDATE users SET password = 's''ecret' ", "UPDATE users SET password = ? "),
            ("INSERT INTO \"T'1\" (k) VALUES ($$it's$$)", "INSERT INTO \"T'1\" (k) VALUES (?)"),
            ("VALUES (1.5e3, -7, 0xcafe, 1h30m, P1Y2M)", "VALUES (?, -?, ?, ?, ?)"),
            ("VALUES ({'a': [1, 2]}, true, p1)", "VALUES ({?: [?, ?]}, true, p1)"),
            ("k = cafe0000-1111-2222-3333-444455556666;", "k = ?;"),
            ("SELECT 1 -- the 's3cret' one\nFROM t/**/WHERE", "SELECT ?  \nFROM t WHERE"),
            ("'ends nowhere", "? ..."),
            ("/* ends nowhere", " "),
            ("'\u{e4}' \u{df}", "? \u{df}"),
        ] {
            assert_eq!(redact(statement), expected);
        }
    }

    #[test]
    fn shows_nothing_after_quotation_marks_that_do_not_match() {
        for (statement, expected) in [
            ("UPDATE t SET a = 'it's' WHERE k = 'secret'", "UPDATE t SET a = ? ..."),
            ("VALUES ('a, 'secret', 'b)", "VALUES (? ..."),
            ("SELECT ' ; SELECT 'secret'", "SELECT ? ..."),
            ("INSERT INTO \"t (a) VALUES ('secret')", "INSERT INTO ? ..."),
            ("VALUES ($$a, 'secret')", "VALUES (? ..."),
            ("SELECT ' ; CREATE ROLE a WITH PASSWORD = 'secret'", "SELECT ..."),
        ] {
            assert_eq!(redact(statement), expected);
        }
    }

    #[test]
    fn shows_only_the_beginning_of_texts_that_may_set_a_password() {
        for (statement, expected) in [
            ("CREATE ROLE ada WITH PASSWORD = 'secret' AND LOGIN = true", "CREATE ROLE ada ..."),
            ("alter user \"Ada\" with hashed password='secret'", "alter user \"Ada\" ..."),
            ("CREATE ROLE IF NOT EXISTS 'secret' WITH", "CREATE ROLE IF NOT EXISTS ? ..."),
            ("-- who\nCREATE/**/ROLE ada WITH PASSWORD = secret", "CREATE ROLE ada ..."),
            ("CREATE ROEL ada WITH PASSWORD = \"secret\"", "CREATE ROEL ..."),
            ("CRAETE ROLE ada WITH PASWORD = 'secret'", "CRAETE ..."),
            ("CREAT ROLL ada WITH PASSWORD = secret", "CREAT ..."),
            ("BEGIN BATCH CREATE ROEL a WITH PASSWORD = 'x'", "BEGIN BATCH CREATE ROEL ..."),
            (
                "BEGIN BATCH USING TIMESTAMP 1 INSERT INTO t (a) VALUES (1); ALTER USER a b",
                "BEGIN BATCH USING ...",
            ),
            ("SELECT 1; CREATE ROLE a WITH PASSWORD = 'x'", "SELECT ..."),
            ("LOGIN ada secret", "LOGIN ..."),
            ("CREATE OR REPLACE USER ada WITH PASSWORD secret", "CREATE OR ..."),
            ("GRANT ALL ON KEYSPACE ks TO ada IDENTIFIED BY secret", "GRANT ..."),
            ("UPDATE ROLE ada WITH PASSWORD = secret", "UPDATE ..."),
            ("USE ks CREATE ROEL ada WITH PASSWORD = secret", "USE ..."),
        ] {
            assert!(may_set_password(statement), "{statement}");
            assert_eq!(redact(statement), expected);
        }
    }

    #[test]
    fn other_statements_with_the_word_password_are_shown() {
        for statement in [
            "SELECT username, password FROM users",
            "INSERT INTO users (username, password) VALUES (?, ?)",
            "CREATE TABLE users (username text PRIMARY KEY, password text)",
            "ALTER TABLE users ADD password text",
            "CREATE OR REPLACE FUNCTION password(a int)",
            "CREATE OR REPLACE AGGREGATE password(int)",
            "BEGIN UNLOGGED BATCH USING TIMESTAMP ? UPDATE users SET password = ?; APPLY BATCH",
            "BEGIN TRANSACTION LET u = (SELECT password FROM users WHERE k = ?); SELECT u.password; \
             IF u.password = ? THEN UPDATE users SET password = ? WHERE k = ?; END IF \
             COMMIT TRANSACTION",
            "DROP ROLE ada",
            "GRANT SELECT ON ks.password TO role",
            "LIST ROLES OF user",
            "",
            ";",
        ] {
            assert!(!may_set_password(statement), "{statement}");
            assert_eq!(redact(statement), statement);
        }
    }

    /// Literals, none of which contains a space.
    fn literal() -> impl Strategy<Value = String> {
        prop_oneof![
            "'([a-z;?/*\"-]|''){1,8}Q'",
            "[$][$][a-z';?\"]{1,8}Q[$][$]",
            "0x[0-9a-f]{6,9}",
            "[0-9]{5,9}([.][0-9]{5})?",
            "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            "P[0-9]{5}YT[0-9]{5}S",
            "[0-9]{5}h[0-9]{5}ms",
        ]
    }

    proptest! {
        #[test]
        fn never_shows_a_literal(
            parts in prop::collection::vec(
                (prop_oneof!["[A-Z]{2,5}", "\"[a-z']{1,3}\"", "[(){}=,:?]"], literal()), 1..8,
            ),
        ) {
            let statement: String =
                parts.iter().map(|(word, literal)| format!("{word} {literal} ")).collect();
            let shown = redact(&statement);
            for (_, literal) in &parts {
                prop_assert!(!shown.contains(literal.as_str()), "{statement}\n{shown}");
            }
        }

        #[test]
        fn redacts_any_text_without_a_panic(text in "\\PC{0,60}", marks in "['\"$;/*\\-a1 ]{0,40}") {
            redact(&text);
            redact(&marks);
            redact(&format!("CREATE ROLE {marks}{text}"));
        }
    }
}
