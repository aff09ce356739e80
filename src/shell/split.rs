//! Scripts: where one statement ends and the next begins.

use super::command;
use crate::session::cql::{Token, TokenKind, next_token};

/// A statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'s> {
    /// The statement, without what stands before it and without its semicolon.
    pub(super) text: &'s str,
    /// The line that it begins on, the first being 1.
    pub(super) line: usize,
    /// Whether it ends: with a semicolon or, if it is a command of the shell, with its line.
    pub(super) is_complete: bool,
}

/// The statements of a script.
///
/// Comments between statements are passed over; those inside a statement belong to it. A batch is
/// one statement up to `APPLY BATCH`. Every character is looked at once.
pub(super) fn statements(script: &str) -> impl Iterator<Item = Statement<'_>> {
    let mut left = script.strip_prefix('\u{feff}').unwrap_or(script);
    let mut line = 1;
    std::iter::from_fn(move || {
        let start = skip_blank(left);
        line += newlines(&left[..left.len() - start.len()]);
        if start.is_empty() {
            return None;
        }
        let (text, after, is_complete) = one_statement(start);
        let statement = Statement { text: text.trim_end(), line, is_complete };
        line += newlines(&start[..start.len() - after.len()]);
        left = after;
        Some(statement)
    })
}

/// The statement at the front, what comes after it, and whether it ends.
fn one_statement(start: &str) -> (&str, &str, bool) {
    let mut left = start;
    let mut batch = Batch::None;
    let mut is_command = None;
    while let Some(Token { kind, text: token }) = next_token(left) {
        let text = &start[..start.len() - left.len()];
        left = &left[token.len()..];
        match kind {
            TokenKind::Symbol if token == ";" && batch != Batch::Open => return (text, left, true),
            TokenKind::Blank if is_command == Some(true) && token.contains('\n') => {
                return (text, left, true);
            }
            TokenKind::Unterminated => return (start, "", false),
            TokenKind::Word => {
                if is_command.is_none() {
                    is_command = Some(command::ends_with_its_line(token));
                }
                batch = batch.next(token, text.is_empty());
            }
            _ => {}
        }
    }
    (start, "", is_command == Some(true))
}

/// Where in a batch a statement is: its semicolons end nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    None,
    /// After `BEGIN`: `BATCH` must follow, maybe after its kind.
    Begun,
    Open,
    /// After `APPLY`.
    Applying,
    Applied,
}

impl Batch {
    fn next(self, word: &str, is_first: bool) -> Self {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        match self {
            Self::None if is_first && is("BEGIN") => Self::Begun,
            Self::Begun if is("BATCH") => Self::Open,
            Self::Open | Self::Applying if is("APPLY") => Self::Applying,
            Self::Applying if is("BATCH") => Self::Applied,
            Self::Applying => Self::Open,
            state => state,
        }
    }
}

fn skip_blank(script: &str) -> &str {
    let is_blank = |Token { kind, text }: &Token<'_>| match kind {
        TokenKind::Blank | TokenKind::Comment => true,
        _ => *text == ";",
    };
    let mut left = script;
    while let Some(token) = next_token(left).filter(is_blank) {
        left = &left[token.text.len()..];
    }
    left
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(script: &str) -> Vec<&str> {
        statements(script).map(|statement| statement.text).collect()
    }

    #[test]
    fn semicolons_end_statements_but_not_inside_quotes_and_comments() {
        let script =
            "-- a ; b\nSELECT ';' FROM \"a;b\"; // c ;\n/* ; */ SELECT $$ ; $$ -- d ;\n;;\n";
        assert_eq!(texts(script), ["SELECT ';' FROM \"a;b\"", "SELECT $$ ; $$ -- d ;"]);
        assert_eq!(texts("SELECT 'it''s;'; X"), ["SELECT 'it''s;'", "X"]);
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn a_batch_is_one_statement() {
        let batch = "BEGIN UNLOGGED BATCH INSERT a; INSERT b; APPLY BATCH";
        assert_eq!(texts(&format!("{batch}; SELECT 1;")), [batch, "SELECT 1"]);
        // A transaction of a newer Cassandra is none.
        assert_eq!(texts("BEGIN TRANSACTION; SELECT 1;"), ["BEGIN TRANSACTION", "SELECT 1"]);
    }

    #[test]
    fn commands_end_with_their_line_and_statements_do_not() {
        let script = "CONSISTENCY QUORUM\nSELECT\n1;\ndescribe tables; QUIT";
        let expected = ["CONSISTENCY QUORUM", "SELECT\n1", "describe tables", "QUIT"];
        assert_eq!(texts(script), expected);
        assert_eq!(
            statements(script).map(|statement| statement.line).collect::<Vec<_>>(),
            [1, 2, 4, 4]
        );
    }

    #[test]
    fn a_statement_without_its_end_says_so() {
        for script in ["SELECT 1", "SELECT 'x;", "SELECT $$ ;", "BEGIN BATCH INSERT a;"] {
            let all: Vec<_> = statements(script).collect();
            let expected = Statement { text: script, line: 1, is_complete: false };
            assert_eq!(all, [expected]);
        }
        assert_eq!(texts("SELECT 1; /* no end"), ["SELECT 1"]);
    }

    proptest! {
        #[test]
        fn joined_statements_come_apart_again(
            statements in prop::collection::vec(
                "[A-Z]{2}Z ('([a-z;]|'')*'|\"[a-z;]*\"|/\\*[a-z;\n]*\\*/|[0-9.,() \n])*x", 0..8,
            ),
        ) {
            let script: String = statements.iter().map(|text| format!("{text}\n;-- ;\n")).collect();
            prop_assert_eq!(texts(&script), statements);
        }

        #[test]
        fn nothing_is_lost_whatever_the_script(script in "[a-zBEGINATCHPLY'\"$;/*\\- \n\u{e9}]{0,80}") {
            for statement in statements(&script) {
                prop_assert!(script.contains(statement.text) && !statement.text.is_empty());
            }
        }
    }
}
