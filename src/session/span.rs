//! What subscribers of `tracing` are told of a request: one span, with OpenTelemetry's names.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use tracing::field::{Empty, display};
use tracing::{Level, Span, debug_span, span_enabled};
use uuid::Uuid;

use super::call::{NodeResponse, RequestContext};
use super::cql::first_keyword;
use super::error::{Error, ErrorKind};
use super::statement::StatementKind;
use crate::cluster::{Cluster, ClusterState, Node};
use crate::wire::Consistency;

/// The span of a request that begins.
pub(super) fn begin(request: &RequestContext<'_>, cluster: &Cluster) -> Span {
    if !span_enabled!(Level::DEBUG) {
        return Span::none();
    }
    let text = text(request);
    let operation = match (request.preparing, request.batch) {
        (true, _) => "PREPARE",
        (_, Some(_)) => "BATCH",
        _ => match first_keyword(request.statement) {
            "" => "cql",
            keyword => keyword,
        },
    };
    let keyspace = match request.keyspace {
        Some(keyspace) => Some(Cow::Borrowed(keyspace)),
        None => cluster.keyspace().map(Cow::Owned),
    };
    let batch_size = request.batch.map(<[_]>::len).filter(|size| *size != 1);
    debug_span!(
        "cassandra",
        otel.kind = "client",
        otel.name = operation,
        otel.status_code = Empty,
        db.system.name = "cassandra",
        db.operation.name = operation,
        db.operation.batch.size = batch_size,
        db.namespace = keyspace.as_deref(),
        db.query.text = &*text,
        db.response.status_code = Empty,
        cassandra.consistency.level = level(request.options.consistency()),
        cassandra.page.size = request.options.page_size(),
        cassandra.query.idempotent = request.options.idempotent(request.statement),
        cassandra.speculative_execution.count = Empty,
        cassandra.coordinator.id = Empty,
        cassandra.coordinator.dc = Empty,
        server.address = Empty,
        server.port = Empty,
        network.peer.address = Empty,
        network.peer.port = Empty,
        "error.type" = Empty,
    )
}

/// Says what came of it.
pub(super) fn end(
    span: &Span,
    outcome: &Result<NodeResponse, Error>,
    speculations: usize,
    cluster: &Cluster,
) {
    if span.is_disabled() {
        return;
    }
    span.record("cassandra.speculative_execution.count", speculations);
    match outcome {
        Ok(answer) => node(span, answer.node.address(), Some(&answer.node)),
        Err(error) => {
            if let Some(last) = error.history().last() {
                node(span, last.node, by_address(&cluster.state(), last.node));
            }
            span.record("otel.status_code", "ERROR");
            match error.kind() {
                ErrorKind::Server(code) => {
                    let code = format!("{:#06x}", code.code());
                    span.record("db.response.status_code", &*code);
                    span.record("error.type", &*code);
                }
                kind => {
                    span.record("error.type", name(kind));
                }
            }
        }
    }
}

fn node(span: &Span, address: SocketAddr, node: Option<&Arc<Node>>) {
    let ip = display(address.ip());
    span.record("server.address", &ip);
    span.record("server.port", address.port());
    span.record("network.peer.address", &ip);
    span.record("network.peer.port", address.port());
    if let Some(node) = node {
        span.record("cassandra.coordinator.id", display(node.info().host_id));
        span.record("cassandra.coordinator.dc", node.datacenter());
    }
}

fn by_address(state: &ClusterState, address: SocketAddr) -> Option<&Arc<Node>> {
    state.nodes().iter().find(|node| node.address() == address)
}

/// The text of a statement, or of all of a batch. What was not prepared may have secrets in it.
fn text<'p>(request: &RequestContext<'p>) -> Cow<'p, str> {
    let Some(batch) = request.batch else {
        let is_plain = request.prepared.is_empty() && !request.preparing;
        return if is_plain {
            without_literals(request.statement)
        } else {
            Cow::Borrowed(request.statement)
        };
    };
    let texts = batch.iter().map(|(text, _)| match text {
        StatementKind::Unprepared(text) => without_literals(text),
        StatementKind::Prepared(prepared) => Cow::Borrowed(&*prepared.text),
    });
    texts.collect::<Vec<_>>().join("; ").into()
}

/// The level, as OpenTelemetry writes it.
fn level(consistency: Consistency) -> Option<String> {
    consistency.name().map(str::to_ascii_lowercase)
}

const fn name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "config",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::Authentication => "authentication",
        ErrorKind::Server(_) => "server",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Connection => "connection",
        ErrorKind::Bind => "bind",
        ErrorKind::Read => "read",
        ErrorKind::Throttled => "throttled",
        ErrorKind::Closed => "closed",
    }
}

/// CQL with `?` in place of texts, numbers, blobs and UUIDs, and without comments.
fn without_literals(cql: &str) -> Cow<'_, str> {
    let mut shown = String::with_capacity(cql.len());
    let mut rest = cql;
    while let Some(first) = rest.chars().next() {
        let (piece, is_shown) = piece(rest, first);
        match is_shown {
            Shown::AsItIs => shown.push_str(piece),
            Shown::AsMark => shown.push('?'),
            Shown::Not => {}
        }
        rest = rest.get(piece.len()..).unwrap_or_default();
    }
    shown.into()
}

enum Shown {
    AsItIs,
    AsMark,
    Not,
}

/// The first piece of CQL that is not empty, and how it is shown.
fn piece(cql: &str, first: char) -> (&str, Shown) {
    let upto = |end: Option<usize>| cql.get(..end.unwrap_or(cql.len())).unwrap_or(cql);
    let after = |open: &str, close: &str| {
        upto(
            cql.get(open.len()..)
                .and_then(|rest| Some(open.len() + rest.find(close)? + close.len())),
        )
    };
    match first {
        // A quote in it is doubled, which makes two texts one after the other.
        '\'' => (after("'", "'"), Shown::AsMark),
        '"' => (after("\"", "\""), Shown::AsItIs),
        '$' if cql.starts_with("$$") => (after("$$", "$$"), Shown::AsMark),
        '-' if cql.starts_with("--") => (upto(cql.find('\n')), Shown::Not),
        '/' if cql.starts_with("//") => (upto(cql.find('\n')), Shown::Not),
        '/' if cql.starts_with("/*") => (after("/*", "*/"), Shown::Not),
        _ if cql.get(..UUID).is_some_and(|text| Uuid::try_parse(text).is_ok()) => {
            (upto(Some(UUID)), Shown::AsMark)
        }
        first if first.is_alphanumeric() || first == '_' => {
            let is_number = first.is_ascii_digit();
            let ends = |c: char| !(c.is_alphanumeric() || c == '_' || is_number && c == '.');
            (upto(cql.find(ends)), if is_number { Shown::AsMark } else { Shown::AsItIs })
        }
        first => (upto(Some(first.len_utf8())), Shown::AsItIs),
    }
}

/// So many characters a UUID has.
const UUID: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_not_shown() {
        for (cql, shown) in [
            ("SELECT a1 FROM ks.t_2 WHERE k = ?", "SELECT a1 FROM ks.t_2 WHERE k = ?"),
            ("ALTER ROLE ada WITH PASSWORD = 's''ecret' ", "ALTER ROLE ada WITH PASSWORD = ?? "),
            ("INSERT INTO \"T'1\" (k) VALUES ($$it's$$)", "INSERT INTO \"T'1\" (k) VALUES (?)"),
            ("VALUES (1.5e3, -7, 0xcafe, 1h30m)", "VALUES (?, -?, ?, ?)"),
            ("k = cafe0000-1111-2222-3333-444455556666;", "k = ?;"),
            ("SELECT 1 -- the 's3cret' one\nFROM t /* 's3cret' */", "SELECT ? \nFROM t "),
            ("'ends nowhere", "?"),
            ("/* nor does this", ""),
            ("'ä' ß", "? ß"),
        ] {
            assert_eq!(without_literals(cql), shown);
        }
    }
}
