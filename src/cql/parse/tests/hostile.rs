//! Tests of texts that are not statements.

use std::iter;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::parse_statement;
use super::statement_strategies::statement;
use super::statements::STATEMENTS;
use super::strategies::select_statement;
use crate::cql::statement::Statement;
use crate::cql::token::tokens;

#[test]
fn deep_nesting_is_an_error_and_needs_little_stack() {
    let parse = || {
        for (open, inside, close) in [
            ("[", "1", "]"),
            ("{", "1", "}"),
            ("{1:", "1", "}"),
            ("{a:", "1", "}"),
            ("(", "1", ")"),
            ("(int)", "1", ""),
            ("f(", "1", ")"),
            ("1 + ", "1", ""),
        ] {
            let nested = |depth| [open.repeat(depth), inside.into(), close.repeat(depth)].concat();
            for before in ["SELECT a FROM t WHERE a = ", "SELECT a FROM t WHERE a IN (f(), "] {
                let end = if before.ends_with("= ") { "" } else { ")" };
                let text = |depth| format!("{before}{}{end}", nested(depth));
                let parsed = parse_statement(&text(60)).map(|select| select.to_string());
                assert!(parsed.is_ok(), "{parsed:?}");
                for depth in [64, 10_000] {
                    let error = parse_statement(&text(depth)).unwrap_err().to_string();
                    assert!(error.ends_with("nests too deeply"), "{error}");
                }
            }
        }
        for text in [
            format!("SELECT {}a{} FROM t", "f(".repeat(10_000), ")".repeat(10_000)),
            format!("SELECT a{} FROM t", ".b".repeat(10_000)),
            format!("SELECT a{} FROM t", "[1]".repeat(10_000)),
            format!("SELECT a FROM t WHERE {}a = 1", "(".repeat(10_000)),
            format!("SELECT cast(a AS {}) FROM t", "list<".repeat(10_000)),
            format!("SELECT a{} FROM t", " + a".repeat(10_000)),
            format!("SELECT {}a FROM t", "- ".repeat(10_000)),
            format!("UPDATE t SET a = {}", "- f(".repeat(10_000)),
            format!("UPDATE t SET a = {}", "(1, 1 * ".repeat(10_000)),
            format!("CREATE TABLE t (a {})", "list<".repeat(10_000)),
            format!("INSERT INTO t (a) VALUES ({})", "[".repeat(10_000)),
            format!("UPDATE t SET a = {}", "{1:".repeat(10_000)),
            format!("DELETE FROM t WHERE a = 1 IF b = {}", "(".repeat(10_000)),
        ] {
            let error = parse_statement(&text).unwrap_err().to_string();
            assert!(error.ends_with("nests too deeply"), "{error}");
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(parse).unwrap().join().unwrap();
}

/// Parses a text. If it is a statement, checks that its formatted text is an equal statement.
fn check(text: &str) {
    if let Ok(parsed) = parse_statement(text) {
        assert_eq!(parse_statement(&parsed.to_string()), Ok(parsed), "{text}");
    }
}

#[test]
fn prefixes_of_statements_never_panic() {
    for (text, formatted) in STATEMENTS.concat() {
        for text in [text, formatted] {
            text.char_indices().for_each(|(end, _)| check(&text[..end]));
        }
    }
}

#[test]
fn statements_without_one_of_their_tokens_never_panic() {
    for (_, text) in STATEMENTS.concat() {
        let tokens: Vec<_> = tokens(text).map(|token| token.text).collect();
        for deleted in 0..tokens.len() {
            check(&[&tokens[..deleted], &tokens[deleted + 1..]].concat().concat());
        }
        for (first, second) in iter::zip(0.., 1..tokens.len()) {
            let mut swapped = tokens.clone();
            swapped.swap(first, second);
            check(&swapped.concat());
        }
    }
}

/// If the time of a parser were quadratic in the length of its text, this test would take minutes.
#[test]
fn texts_of_one_megabyte_are_parsed_in_linear_time() {
    let repeat = |part: &str| part.repeat((1 << 20) / part.len());
    for (text, is_valid) in [
        (format!("INSERT INTO t (a) VALUES ('{}')", repeat("a")), true),
        (format!("INSERT INTO t (a) VALUES ('{}", repeat("''")), false),
        (format!("INSERT INTO t ({}b) VALUES (1)", repeat("a, ")), true),
        (format!("INSERT INTO t (a) VALUES ([{}1])", repeat("1, ")), true),
        (format!("INSERT INTO t (a) VALUES ({{{}1: 1}})", repeat("1: 1, ")), true),
        (format!("INSERT INTO t (a) VALUES ({{{}1}})", repeat("1, ")), true),
        (format!("INSERT INTO t (a) VALUES ({{{}a: 1}})", repeat("a: 1, ")), true),
        (format!("INSERT INTO t (a) VALUES (0x{})", repeat("ab")), true),
        (format!("INSERT INTO t (a) VALUES ({})", repeat("1")), true),
        (format!("INSERT INTO t (a) VALUES ({}", repeat("1h")), false),
        (format!("{}INSERT", repeat("/* a */ ")), false),
        (format!("USE a {}", repeat("; ")), true),
        (format!("USE a {}", repeat("-- b\n")), true),
        (format!("USE {}", repeat("é")), false),
        (format!("UPDATE t SET {}b = 1 WHERE a = 1", repeat("a += 1, ")), true),
        (format!("DELETE FROM t WHERE a = 1{}", repeat(" AND a = 1")), true),
        (format!("DELETE FROM t WHERE a = 1 IF a = 1{}", repeat(" AND a = 1")), true),
        (format!("DELETE {}b FROM t WHERE a = 1", repeat("a, ")), true),
        (format!("BEGIN BATCH {} APPLY BATCH", repeat("DELETE FROM t WHERE a = 1;")), true),
        (format!("CREATE TABLE t ({}a int)", repeat("a int, ")), true),
        (format!("CREATE TABLE t (a int{})", repeat(",")), true),
        (format!("CREATE TABLE t (a int) WITH a = {{{}", repeat("a")), false),
        (format!("CREATE KEYSPACE a WITH {}b = 1", options(100_000)), true),
        (format!("CREATE KEYSPACE a WITH b = {{{}: 1}}", keys(100_000)), true),
        (format!("CREATE TYPE t ({}a int)", repeat("a int, ")), true),
        (format!("ALTER TABLE t RENAME a TO b{}", repeat(" AND a TO b")), true),
        (format!("CREATE INDEX ON t ({}a)", repeat("a, ")), true),
        (format!("CREATE FUNCTION {}", repeat("(")), true),
        (format!("SELECT {}a FROM t", repeat("a, ")), true),
        (repeat("(<[{"), false),
        (repeat("\""), false),
    ] {
        let parsed = parse_statement(&text);
        assert_eq!(parsed.is_ok(), is_valid, "{}", text.chars().take(60).collect::<String>());
    }
}

fn options(count: usize) -> String {
    (0..count).map(|index| format!("o{index} = 1 AND ")).collect()
}

fn keys(count: usize) -> String {
    let keys: Vec<_> = (0..count).map(|index| index.to_string()).collect();
    keys.join(": 1, ")
}

/// Words and symbols of which tests make texts that resemble statements.
const PARTS: [&str; 84] = [
    "SELECT",
    "FROM",
    "WHERE",
    "AND",
    "IN",
    "LIMIT",
    "ORDER",
    "BY",
    "JSON",
    "DISTINCT",
    "AS",
    "*",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "..",
    ":",
    ";",
    "?",
    "=",
    "<",
    ">=",
    "!",
    "-",
    "a",
    "t",
    "\"A\"",
    "'s'",
    "'",
    "\"",
    "$$",
    "/*",
    "--",
    "\n",
    " ",
    "1",
    "1.5e",
    "0x1",
    "1h",
    "token",
    "count",
    "cast",
    "ttl",
    "CONTAINS",
    "KEY",
    "é",
    "null",
    "INSERT",
    "INTO",
    "VALUES",
    "USING",
    "UPDATE",
    "SET",
    "+",
    "+=",
    "DELETE",
    "IF",
    "EXISTS",
    "NOT",
    "BEGIN",
    "BATCH",
    "APPLY",
    "WITH",
    "CREATE",
    "ALTER",
    "DROP",
    "TABLE",
    "TYPE",
    "INDEX",
    "KEYSPACE",
    "PRIMARY",
    "STATIC",
    "ADD",
    "RENAME",
    "TO",
    "DESC",
    "TIMESTAMP",
    "ON",
    "int",
];

proptest! {
    #[test]
    fn parsing_a_formatted_statement_yields_the_statement(
        read in select_statement().prop_map(Statement::Select),
        statement in statement(),
    ) {
        for statement in [read, statement] {
            let text = statement.to_string();
            prop_assert_eq!(parse_statement(&text), Ok(statement), "{}", text);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".*", parts in vec(select(PARTS.to_vec()), 0..40)) {
        let _parsed = parse_statement(&text);
        let joined = parts.join(" ");
        for statement in [
            parts.concat(),
            joined.clone(),
            format!("SELECT {joined} FROM t"),
            format!("SELECT * FROM t WHERE a = {joined}"),
            format!("UPDATE t SET a = {joined}"),
            format!("INSERT INTO t (a) VALUES ({joined}"),
            format!("CREATE TABLE t (a {joined}"),
            format!("ALTER TABLE t {joined}"),
            format!("BEGIN BATCH {joined} APPLY BATCH"),
        ] {
            if let Ok(parsed) = parse_statement(&statement) {
                prop_assert_eq!(parse_statement(&parsed.to_string()), Ok(parsed));
            }
        }
    }
}
