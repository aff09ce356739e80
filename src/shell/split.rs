//! Splits a script into statements.

use super::command;
use crate::cql::{Token, TokenKind, next_token};

/// A statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'s> {
    /// Text of the statement, without surrounding white space and comments, and without its semicolon.
    pub(super) text: &'s str,
    /// Line number of the start of the statement; the first line of the script is 1.
    pub(super) line: usize,
    /// True if the script contains the end of the statement: a semicolon or, for a shell command,
    /// the end of the line.
    pub(super) is_complete: bool,
}

/// Splits a script into statements, in one pass.
///
/// Comments between statements are skipped; comments inside a statement are part of it. A batch up
/// to `APPLY BATCH` is one statement, and so is a transaction up to `COMMIT TRANSACTION`.
pub(super) fn split_statements(script: &str) -> impl Iterator<Item = Statement<'_>> {
    let mut left = script.strip_prefix('\u{feff}').unwrap_or(script);
    let mut line = 1;
    std::iter::from_fn(move || {
        let start = skip_blank(left);
        line += newlines(&left[..left.len() - start.len()]);
        if start.is_empty() {
            return None;
        }
        let (text, after, is_complete) = take_statement(start);
        let statement = Statement { text: text.trim_end(), line, is_complete };
        line += newlines(&start[..start.len() - after.len()]);
        left = after;
        Some(statement)
    })
}

/// Splits off the first statement of `start`. Returns the text of the statement, the rest of the
/// script, and true if the statement is complete.
fn take_statement(start: &str) -> (&str, &str, bool) {
    let mut left = start;
    let mut block = Block::None;
    let mut is_command = None;
    while let Some(Token { kind, text: token }) = next_token(left) {
        let text = &start[..start.len() - left.len()];
        left = &left[token.len()..];
        match kind {
            TokenKind::Symbol if token == ";" && !block.is_open() => return (text, left, true),
            TokenKind::Blank if is_command == Some(true) && token.contains('\n') => {
                return (text, left, true);
            }
            TokenKind::Unterminated => return (start, "", false),
            TokenKind::Word => {
                if is_command.is_none() {
                    is_command = Some(command::ends_at_line_end(token));
                }
                block = block.next(token, text.is_empty());
            }
            _ => {}
        }
    }
    (start, "", is_command == Some(true))
}

/// The position in a batch or a transaction. Semicolons inside do not end the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    /// After `BEGIN` and before `BATCH` or `TRANSACTION`; `UNLOGGED` or `COUNTER` may come between them.
    Begun,
    Open(&'static Ends),
    /// After the first word of the end of the block, and before the second.
    Ending(&'static Ends),
    Ended,
}

/// The words that begin and end a block.
#[derive(Debug, PartialEq, Eq)]
struct Ends {
    /// The word after `BEGIN`, with which the block ends, too.
    kind: &'static str,
    /// The word before the last one.
    end: &'static str,
}

const BLOCKS: [Ends; 2] =
    [Ends { kind: "BATCH", end: "APPLY" }, Ends { kind: "TRANSACTION", end: "COMMIT" }];

impl Block {
    const fn is_open(self) -> bool {
        matches!(self, Self::Open(_))
    }

    fn next(self, word: &str, is_first: bool) -> Self {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        match self {
            Self::None if is_first && is("BEGIN") => Self::Begun,
            Self::Begun => BLOCKS.iter().find(|of| is(of.kind)).map_or(self, Self::Open),
            Self::Open(ends) | Self::Ending(ends) if is(ends.end) => Self::Ending(ends),
            Self::Ending(ends) if is(ends.kind) => Self::Ended,
            Self::Ending(ends) => Self::Open(ends),
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
        split_statements(script).map(|statement| statement.text).collect()
    }

    #[test]
    fn splits_at_semicolons_outside_quotes_and_comments() {
        let script =
            "-- a ; b\nSELECT ';' FROM \"a;b\"; // c ;\n/* ; */ SELECT $$ ; $$ -- d ;\n;;\n";
        assert_eq!(texts(script), ["SELECT ';' FROM \"a;b\"", "SELECT $$ ; $$ -- d ;"]);
        assert_eq!(texts("SELECT 'it''s;'; X"), ["SELECT 'it''s;'", "X"]);
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn keeps_a_batch_together() {
        let batch = "BEGIN UNLOGGED BATCH INSERT a; INSERT b; APPLY BATCH";
        assert_eq!(texts(&format!("{batch}; SELECT 1;")), [batch, "SELECT 1"]);
    }

    #[test]
    fn keeps_a_transaction_together() {
        let transaction = "BEGIN TRANSACTION LET a = (SELECT apply, batch FROM t); SELECT a.v; \
                           IF a.v = 1 THEN DELETE FROM t; END IF COMMIT TRANSACTION";
        assert_eq!(texts(&format!("{transaction};\nSELECT 1;")), [transaction, "SELECT 1"]);
    }

    #[test]
    fn splits_commands_at_line_ends() {
        let script = "CONSISTENCY QUORUM\nSELECT\n1;\ndescribe tables; QUIT";
        let expected = ["CONSISTENCY QUORUM", "SELECT\n1", "describe tables", "QUIT"];
        assert_eq!(texts(script), expected);
        assert_eq!(
            split_statements(script).map(|statement| statement.line).collect::<Vec<_>>(),
            [1, 2, 4, 4]
        );
    }

    #[test]
    fn marks_a_statement_without_an_end_as_incomplete() {
        for script in
            ["SELECT 1", "SELECT 'x;", "SELECT $$ ;", "BEGIN BATCH a;", "begin transaction a;"]
        {
            let all: Vec<_> = split_statements(script).collect();
            let expected = Statement { text: script, line: 1, is_complete: false };
            assert_eq!(all, [expected]);
        }
        assert_eq!(texts("SELECT 1; /* no end"), ["SELECT 1"]);
    }

    proptest! {
        #[test]
        fn splits_joined_statements_apart_again(
            statements in prop::collection::vec(
                "[A-Z]{2}Z ('([a-z;]|'')*'|\"[a-z;]*\"|/\\*[a-z;\n]*\\*/|[0-9.,() \n])*x", 0..8,
            ),
        ) {
            let script: String = statements.iter().map(|text| format!("{text}\n;-- ;\n")).collect();
            prop_assert_eq!(texts(&script), statements);
        }

        #[test]
        fn statements_are_nonempty_parts_of_any_script(script in "[a-zBEGINATCHPLY'\"$;/*\\- \n\u{e9}]{0,80}") {
            for statement in split_statements(&script) {
                prop_assert!(script.contains(statement.text) && !statement.text.is_empty());
            }
        }
    }
}
