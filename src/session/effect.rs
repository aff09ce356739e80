//! Decides whether a request may have been applied when the server responds with an error.
//!
//! The decisions follow Cassandra 3.11 to 5.0. The documentation of [`Error`](super::Error) lists
//! them in a table.

use std::iter;

use crate::cql::{TokenKind, first_keyword, is_read_only, tokens};
use crate::message::{BatchKind, ErrorCode, ErrorDetails, ServerError};
use crate::wire::Consistency;

/// The manner in which a request changes data, as far as its text shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// The request changes no data: it is a SELECT, a transaction that only reads, or a PREPARE.
    Nothing,
    /// The server checks the request and reads before it writes anything: INSERT, UPDATE or DELETE
    /// of one partition, TRUNCATE, a logged batch, or a batch on one partition.
    AtOnce,
    /// A conditional statement or batch (`IF`). The server commits it after the replicas have
    /// agreed on it, and may fail in between.
    Conditionally,
    /// The server may fail after a part of the request was applied. This includes transactions, which
    /// may be applied after their coordinator has failed, and every statement whose kind is unknown.
    InSteps,
}

/// The OVERLOADED texts of requests that the server refuses before it executes them. Cassandra
/// sends OVERLOADED with other texts too, for example when too many hints are in flight, which may
/// happen after the first writes of a request.
const REFUSALS: [&str; 6] = [
    SHUTTING_DOWN,
    // Since 4.1.6: the request has waited longer than `native_transport_timeout`.
    "Query timed out before it could start",
    // Since 4.1: `native_transport_rate_limiting_enabled`.
    "Request breached global limit of",
    // Since 4.1: the limits on the bytes of requests in flight.
    "Request breached limit on bytes in flight",
    // Since 4.1.6: the queue of requests is full.
    "Request has spent over",
    // 3.11 and 4.0: the limits on the bytes of requests in flight.
    "Server is in overloaded state. Cannot accept more requests at this point",
];

/// The OVERLOADED text of a server that drains or stops, since 5.0.
const SHUTTING_DOWN: &str = "Server is shutting down";

impl Writes {
    /// Returns how a statement changes data.
    pub(super) fn of_statement(text: &str) -> Self {
        let is = |keyword: &str, expected: &str| keyword.eq_ignore_ascii_case(expected);
        let keyword = first_keyword(text);
        if is_read_only(text) {
            return Self::Nothing;
        }
        if is(keyword, "BEGIN") {
            let next = words(text).nth(1).unwrap_or_default();
            let text = iter::once(text);
            return match next {
                next if is(next, "BATCH") => Self::of_batch(BatchKind::Logged, text, false),
                next if is(next, "UNLOGGED") => Self::of_batch(BatchKind::Unlogged, text, false),
                next if is(next, "COUNTER") => Self::of_batch(BatchKind::Counter, text, false),
                _ => Self::InSteps,
            };
        }
        let is_write = ["INSERT", "UPDATE", "DELETE"].iter().any(|write| is(keyword, write));
        match is_write {
            true if contains(text, "IF") => Self::Conditionally,
            // `IN` may select several partitions, which are written one after another.
            true if contains(text, "IN") => Self::InSteps,
            true => Self::AtOnce,
            false if is(keyword, "TRUNCATE") => Self::AtOnce,
            false => Self::InSteps,
        }
    }

    /// Returns how a batch changes data. `has_one_partition` is true if its statements write to one
    /// partition, as far as their values show.
    pub(super) fn of_batch<'t>(
        kind: BatchKind,
        mut statements: impl Iterator<Item = &'t str> + Clone,
        has_one_partition: bool,
    ) -> Self {
        if statements.clone().any(|text| contains(text, "IF")) {
            return Self::Conditionally;
        }
        let is_at_once = |text| Self::of_statement(text) == Self::AtOnce;
        match kind {
            BatchKind::Logged => Self::AtOnce,
            // The server merges all changes of one partition into one write.
            _ if has_one_partition && statements.all(is_at_once) => Self::AtOnce,
            // Several partitions are written one after another.
            _ => Self::InSteps,
        }
    }
}

/// Returns the keywords and unquoted names of a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    tokens(text).filter(|token| token.kind == TokenKind::Word).map(|token| token.text)
}

/// Returns true if a text contains a keyword outside of literals, quoted names and comments.
fn contains(text: &str, keyword: &str) -> bool {
    words(text).any(|word| word.eq_ignore_ascii_case(keyword))
}

/// Returns true if a server that responds with `error` may have applied the request.
pub(super) fn may_have_been_applied(error: &ServerError, writes: Writes) -> bool {
    if writes == Writes::Nothing {
        return false;
    }
    match error.code {
        // The server sends these errors only before it writes.
        ErrorCode::Protocol
        | ErrorCode::Authentication
        | ErrorCode::Bootstrapping
        | ErrorCode::FunctionFailure
        | ErrorCode::Syntax
        | ErrorCode::Unauthorized
        | ErrorCode::Invalid
        | ErrorCode::Config
        | ErrorCode::AlreadyExists
        | ErrorCode::Unprepared => false,
        ErrorCode::Overloaded => !is_refusal(error),
        ErrorCode::Unavailable => match writes {
            Writes::Conditionally => !names_serial_consistency(error),
            writes => writes == Writes::InSteps,
        },
        // A statement that reads before it writes failed before the write.
        ErrorCode::ReadTimeout | ErrorCode::ReadFailure => writes == Writes::InSteps,
        _ => true,
    }
}

/// Returns true if the server refused the request before it executed any part of it.
pub(super) fn is_refusal(error: &ServerError) -> bool {
    error.code == ErrorCode::Overloaded
        && REFUSALS.iter().any(|text| error.message.starts_with(text))
}

/// Returns true if the server refused the request because it is shutting down. It refuses all later
/// requests, too.
pub(super) fn is_shutting_down(error: &ServerError) -> bool {
    error.code == ErrorCode::Overloaded && error.message.starts_with(SHUTTING_DOWN)
}

/// Returns true if the replicas were too few for the serial consistency. They were then too few to
/// agree on a conditional statement. Too few replicas for the other consistency may be noticed only
/// after the replicas have agreed, when the statement is committed.
const fn names_serial_consistency(error: &ServerError) -> bool {
    matches!(
        error.details,
        ErrorDetails::Unavailable {
            consistency: Consistency::Serial | Consistency::LocalSerial,
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_statements_by_how_they_write() {
        for (text, expected) in [
            ("SELECT a FROM t WHERE k IN (1, 2)", Writes::Nothing),
            ("-- c\n insert into t (k) VALUES ('IF IN')", Writes::AtOnce),
            ("UPDATE t SET \"in\" = 1 WHERE k = 1 -- IF", Writes::AtOnce),
            ("DELETE FROM t WHERE k = 1", Writes::AtOnce),
            ("TRUNCATE t", Writes::AtOnce),
            ("INSERT INTO t (k) VALUES (1) if not exists", Writes::Conditionally),
            ("UPDATE t SET v = 1 WHERE k = 1 IF v IN (1)", Writes::Conditionally),
            ("DELETE FROM t WHERE k IN (1, 2)", Writes::InSteps),
            ("BEGIN BATCH DELETE FROM t WHERE k IN (1, 2); APPLY BATCH", Writes::AtOnce),
            ("begin unlogged batch DELETE FROM t WHERE k = 1; APPLY BATCH", Writes::InSteps),
            ("BEGIN COUNTER BATCH UPDATE t SET n = n + 1; APPLY BATCH", Writes::InSteps),
            ("BEGIN UNLOGGED BATCH DELETE FROM t IF EXISTS APPLY BATCH", Writes::Conditionally),
            ("BEGIN TRANSACTION SELECT v FROM t WHERE k = 1; COMMIT TRANSACTION", Writes::Nothing),
            ("BEGIN TRANSACTION DELETE FROM t WHERE k = 1; COMMIT TRANSACTION", Writes::InSteps),
            ("DROP ROLE ada", Writes::InSteps),
            ("a batch of 2 statements", Writes::InSteps),
            ("", Writes::InSteps),
        ] {
            assert_eq!(Writes::of_statement(text), expected, "{text:?}");
        }
        let of_batch = |kind, statements: &[&str], has_one_partition| {
            Writes::of_batch(kind, statements.iter().copied(), has_one_partition)
        };
        let statements = ["INSERT INTO t (k) VALUES (1)", "DELETE FROM t WHERE k IN (1, 2)"];
        let conditional = ["DELETE FROM t WHERE k = 1 IF EXISTS"];
        assert_eq!(of_batch(BatchKind::Logged, &statements, false), Writes::AtOnce);
        assert_eq!(of_batch(BatchKind::Logged, &conditional, true), Writes::Conditionally);
        for kind in [BatchKind::Unlogged, BatchKind::Counter] {
            assert_eq!(of_batch(kind, &statements[..1], true), Writes::AtOnce);
            assert_eq!(of_batch(kind, &statements[..1], false), Writes::InSteps);
            assert_eq!(of_batch(kind, &statements, true), Writes::InSteps);
        }
    }
}
