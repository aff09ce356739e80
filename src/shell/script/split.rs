//! Splits a script into units.

use std::collections::VecDeque;

use super::block::Block;
use crate::cql::{Token, TokenKind, next_token};

/// A part of a script: a statement, a shell command, or text that is neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) struct Unit<'s> {
    /// Text from the first token to the semicolon. A shell command may lack the semicolon.
    pub(in crate::shell) text: &'s str,
    /// Number of the line in the script; the first line is 1.
    pub(in crate::shell) line: usize,
    pub(in crate::shell) kind: UnitKind,
}

/// The kinds of [`Unit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum UnitKind {
    /// A statement or a shell command.
    Complete,
    /// A statement, string, name or comment that the script does not end. Always the last unit; its line is
    /// that of the opening mark. The statements before it in this line are not units, as in cqlsh.
    Incomplete,
    /// A line with a character that is not part of CQL. `text` ends with the line, and begins with the
    /// first line of the statements that are not run because of it.
    Invalid {
        /// Number of the line in `text`, from 1.
        line: usize,
        /// Position of the character in its line, from 1.
        column: usize,
        /// Offset of the line in `text`, in bytes.
        start: usize,
    },
}

/// First words of the shell commands that are complete at the end of their line, even without a
/// semicolon.
const COMMANDS: [&str; 19] = [
    "?",
    "CAPTURE",
    "CLEAR",
    "CLS",
    "CONSISTENCY",
    "DEBUG",
    "DESC",
    "DESCRIBE",
    "EXIT",
    "EXPAND",
    "HELP",
    "HISTORY",
    "LOGIN",
    "PAGING",
    "QUIT",
    "SERIAL",
    "SHOW",
    "SOURCE",
    "TRACING",
];

/// Returns true if `word` is the first word of a shell command that ends with its line.
fn is_shell_command(word: &str) -> bool {
    COMMANDS.iter().any(|command| command.eq_ignore_ascii_case(word))
}

/// Splits a script into units, in one pass.
///
/// Comments between statements are skipped; comments inside a statement are part of it. A batch up
/// to `APPLY BATCH` is one statement, and so is a transaction up to `COMMIT TRANSACTION`.
///
/// A character that is not part of CQL makes its line invalid, together with the statements that
/// begin or continue in it. The next line begins a new statement.
pub(in crate::shell) fn split(script: &str) -> impl Iterator<Item = Unit<'_>> {
    let mut splitter = Splitter {
        rest: script.strip_prefix('\u{feff}').unwrap_or(script),
        line: 1,
        line_end: if script.contains('\n') { '\n' } else { '\r' },
        ready: VecDeque::new(),
    };
    std::iter::from_fn(move || {
        if splitter.ready.is_empty() {
            splitter.read_lines();
        }
        splitter.ready.pop_front()
    })
}

struct Splitter<'s> {
    /// The text that has not been split.
    rest: &'s str,
    /// Line number of the start of `rest`.
    line: usize,
    /// The character that ends a line.
    line_end: char,
    ready: VecDeque<Unit<'s>>,
}

/// A statement or a shell command that was begun.
struct Open<'s> {
    /// The script from the first token.
    text: &'s str,
    line: usize,
    is_command: bool,
    block: Block,
}

impl<'s> Splitter<'s> {
    /// Reads lines until all statements that begin in them are complete.
    fn read_lines(&mut self) {
        let mut open: Option<Open<'s>> = None;
        // The text since the start of the first line with a statement.
        let mut lines = self.rest;
        while let Some(token) = next_token(self.rest) {
            if let Some(bad) = self.invalid_offset(token, lines) {
                return self.reject_line(lines, bad);
            }
            if is_unterminated(token) {
                let line = self.line;
                let unit = Unit { text: self.rest, line, kind: UnitKind::Incomplete };
                self.rest = "";
                self.ready.clear();
                return self.ready.push_back(unit);
            }
            let at_token = self.rest;
            let line = self.line;
            self.skip(token.text.len());
            let ends_line = token.kind == TokenKind::Blank && token.text.contains(['\n', '\r']);
            let ends_statement = match &mut open {
                Some(Open { is_command: true, .. }) if ends_line => true,
                Some(Open { block, .. }) if token.is_significant() => {
                    let ends = token.text == ";" && !block.is_open();
                    *block = block.next(token.text);
                    ends
                }
                None if token.is_significant() && token.text != ";" => {
                    let is_command = is_shell_command(token.text);
                    let block = Block::default().next(token.text);
                    open = Some(Open { text: at_token, line, is_command, block });
                    false
                }
                _ => false,
            };
            if ends_statement && let Some(Open { text, line, .. }) = open.take() {
                let end = if ends_line { at_token } else { self.rest };
                self.push_complete(text, end, line);
            }
            if open.is_none() && ends_line {
                if !self.ready.is_empty() {
                    return;
                }
                let start = token.text.rfind(['\n', '\r']).map_or(0, |at| at + 1);
                lines = &at_token[start..];
            }
        }
        if let Some(Open { text, line, is_command, .. }) = open {
            match is_command {
                true => self.push_complete(text, "", line),
                false => {
                    let kind = UnitKind::Incomplete;
                    self.ready.clear();
                    self.ready.push_back(Unit { text, line, kind });
                }
            }
        }
    }

    /// Adds the unit from the start of `text` to the start of `end`, which is the end of `text`.
    fn push_complete(&mut self, text: &'s str, end: &str, line: usize) {
        let text = text[..text.len() - end.len()].trim_end();
        self.ready.push_back(Unit { text, line, kind: UnitKind::Complete });
    }

    /// Skips `length` bytes of the script.
    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches(self.line_end).count();
        self.rest = rest;
    }

    /// Returns the offset of the first character of a token at `rest` that cannot be part of CQL.
    /// `lines` is the script from the start of the first line with a statement.
    fn invalid_offset(&self, token: Token<'_>, lines: &str) -> Option<usize> {
        let is_valid = |c: char| match token.kind {
            TokenKind::Blank => matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{b}' | '\u{c}'),
            TokenKind::Symbol => "-+=%/,().<>!:*;[]{}?".contains(c),
            _ => c.is_ascii(),
        };
        let before = &lines[..lines.len() - self.rest.len()];
        match token.kind {
            TokenKind::Word if token.text.starts_with('_') => Some(0),
            TokenKind::Blank | TokenKind::Symbol | TokenKind::Word | TokenKind::Number => {
                let is_count = token.text == "("
                    && is_at_line_start(before.chars(), self.line_end)
                    && is_row_count(self.first_line());
                if is_count { Some(0) } else { token.text.find(|c| !is_valid(c)) }
            }
            _ => None,
        }
    }

    /// Returns the rest of the current line.
    fn first_line(&self) -> &'s str {
        self.rest.split(self.line_end).next().unwrap_or_default()
    }

    /// Rejects the lines from the start of `lines` to the end of the line with the character at the
    /// offset `bad` of `rest`.
    fn reject_line(&mut self, lines: &'s str, bad: usize) {
        self.skip(bad);
        let before = &lines[..lines.len() - self.rest.len()];
        let start = before.rfind(self.line_end).map_or(0, |at| at + 1);
        let kind = UnitKind::Invalid {
            line: before.matches(self.line_end).count() + 1,
            column: before[start..].chars().count() + 1,
            start,
        };
        let line = self.line;
        self.skip(self.first_line().len());
        let text = &lines[..lines.len() - self.rest.len()];
        self.ready.clear();
        self.ready.push_back(Unit { text, line, kind });
        self.skip(self.rest.chars().next().map_or(0, char::len_utf8));
    }
}

/// Returns true for a string, a quoted name or a block comment without its closing mark.
fn is_unterminated(token: Token<'_>) -> bool {
    let is_block_comment = token.kind == TokenKind::Comment && token.text.starts_with("/*");
    let is_closed = token.text.len() >= "/**/".len() && token.text.ends_with("*/");
    token.kind == TokenKind::Unterminated || is_block_comment && !is_closed
}

/// Returns true if only white space is between the last end of a line and the end of a text. Reads the text
/// from its end, and no further than needed, so that a long line is not read for each of its tokens.
fn is_at_line_start(text: impl DoubleEndedIterator<Item = char>, line_end: char) -> bool {
    let mut last = text.rev().skip_while(|c| *c != line_end && c.is_whitespace());
    last.next().is_none_or(|c| c == line_end)
}

/// Returns true for a line such as `(2 rows)`, the last line of a printed table.
fn is_row_count(line: &str) -> bool {
    let count = line.trim().strip_prefix('(').and_then(|line| line.strip_suffix(" rows)"));
    count.is_some_and(|count| !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(script: &str) -> Vec<&str> {
        split(script).map(|unit| unit.text).collect()
    }

    fn kinds(script: &str) -> Vec<(usize, UnitKind)> {
        split(script).map(|unit| (unit.line, unit.kind)).collect()
    }

    #[test]
    fn splits_at_semicolons_outside_quotes_and_comments() {
        let script =
            "-- a ; b\nSELECT ';' FROM \"a;b\"; // c ;\n/* ; */ SELECT $$ ; $$; -- d ;\n;;\n";
        assert_eq!(texts(script), ["SELECT ';' FROM \"a;b\";", "SELECT $$ ; $$;"]);
        assert_eq!(texts("SELECT 'it''s;'; X;"), ["SELECT 'it''s;';", "X;"]);
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn keeps_the_comments_of_a_statement_and_its_semicolon() {
        for statement in ["SELECT k -- the key; and\n FROM t // t\n;", "INSERT 1 /* ; */ -- x\r\n;"]
        {
            assert_eq!(texts(&format!("/* ; */ {statement} -- end")), [statement]);
        }
    }

    #[test]
    fn keeps_a_batch_together() {
        let batch = "BEGIN UNLOGGED BATCH INSERT a; INSERT b; -- x\n APPLY BATCH;";
        assert_eq!(texts(&format!("{batch} SELECT 1;")), [batch, "SELECT 1;"]);
    }

    #[test]
    fn keeps_a_transaction_together() {
        let transaction = "BEGIN TRANSACTION LET a = (SELECT apply, batch FROM t); SELECT a.v; \
                           IF a.v = 1 THEN DELETE FROM t; END IF COMMIT TRANSACTION;";
        assert_eq!(texts(&format!("{transaction}\nSELECT 1;")), [transaction, "SELECT 1;"]);
    }

    #[test]
    fn splits_commands_at_line_ends() {
        for line_end in ["\n", "\r\n", "\r\r\n", "\r"] {
            let script = "CONSISTENCY -- it's a note\nSELECT\n1;\ndescribe tables; ? X\nQUIT";
            let script = script.replace('\n', line_end);
            let units: Vec<_> = split(&script).collect();
            let select = format!("SELECT{line_end}1;");
            let expected =
                ["CONSISTENCY -- it's a note", &select, "describe tables;", "? X", "QUIT"];
            assert_eq!(units.iter().map(|unit| unit.text).collect::<Vec<_>>(), expected);
            assert_eq!(units.iter().map(|unit| unit.line).collect::<Vec<_>>(), [1, 2, 4, 4, 5]);
        }
    }

    #[test]
    fn marks_what_the_script_does_not_end() {
        for (script, line) in [
            ("SELECT 1", 1),
            ("SELECT 1;\nSELECT\n\n'x;\nSELECT 2;", 4),
            ("SELECT $$ ;", 1),
            ("SELECT 1;\n/* no end; QUIT", 2),
            ("BEGIN BATCH a;", 1),
            ("begin transaction a;", 1),
        ] {
            let last = split(script).last().map(|unit| (unit.line, unit.kind));
            assert_eq!(last, Some((line, UnitKind::Incomplete)), "{script}");
        }
    }

    #[test]
    fn the_start_of_a_line_is_found_in_constant_time() {
        for (text, expected) in [("", true), (" \t", true), ("a\n ", true), ("a ", false)] {
            assert_eq!(is_at_line_start(text.chars(), '\n'), expected, "{text:?}");
        }
        let line = "(a, ".repeat(1 << 18);
        let mut steps = 0;
        for (offset, _) in line.match_indices('(') {
            is_at_line_start(line[..offset].chars().inspect(|_| steps += 1), '\n');
        }
        assert!(steps <= line.len(), "{steps}");
        assert_eq!(texts(&format!("{line};")), [format!("{line};")]);
    }

    #[test]
    fn an_invalid_line_costs_its_statements_only() {
        let complete = UnitKind::Complete;
        let invalid = |line, column, start| UnitKind::Invalid { line, column, start };
        for (script, expected) in [
            ("# it's\nSELECT 1;", vec![(1, invalid(1, 1, 0)), (2, complete)]),
            ("\nSELECT 1; SELECT # ;\nSELECT 2;", vec![(2, invalid(1, 18, 0)), (3, complete)]),
            ("SELECT\n  a|b;\nSELECT 2;", vec![(2, invalid(2, 4, 7)), (3, complete)]),
            (" k\n---\n 1\n\n(1 rows)\nSELECT 1;", vec![(5, invalid(5, 1, 11)), (6, complete)]),
            ("SELECT '#' /* # */ -- #\n;", vec![(1, complete)]),
        ] {
            assert_eq!(kinds(script), expected, "{script}");
        }
        assert_eq!(texts("SELECT\n  a|b;\nSELECT 2;"), ["SELECT\n  a|b;", "SELECT 2;"]);
    }

    proptest! {
        #[test]
        fn splits_joined_statements_apart_again(
            statements in prop::collection::vec(
                "[A-Z]{2}Z ('([a-z;]|'')*'|\"[a-z;]*\"|/\\*[a-z;\n]*\\*/|[0-9., \n])*x;", 0..8,
            ),
        ) {
            let script: String = statements.iter().map(|text| format!("{text}-- ;\n")).collect();
            prop_assert_eq!(texts(&script), statements);
        }

        #[test]
        fn units_are_nonempty_parts_of_any_script(
            script in "[a-zBEGINATCHPLY'\"$;/*\\-() \r\n\u{e9}]{0,80}",
        ) {
            for unit in split(&script) {
                prop_assert!(script.contains(unit.text) && !unit.text.is_empty());
            }
        }
    }
}
