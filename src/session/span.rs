//! The `tracing` span of a request, with the attribute names of OpenTelemetry.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use tracing::field::{Empty, display};
use tracing::{Level, Span, debug_span, span_enabled};

use super::call::{NodeResponse, RequestContext};
use super::error::{Error, ErrorKind};
use crate::cluster::{Cluster, Node};
use crate::cql::{first_keyword, redact};
use crate::wire::Consistency;

/// Creates the span of a request, or a disabled one if no subscriber is interested.
pub(super) fn begin(request: &RequestContext<'_>, cluster: &Cluster) -> Span {
    if !span_enabled!(Level::DEBUG) {
        return Span::none();
    }
    let text = query_text(request);
    let operation = match (request.preparing, request.batch.is_some()) {
        (true, _) => "PREPARE",
        (_, true) => "BATCH",
        _ => match first_keyword(request.statement) {
            "" => "cql",
            keyword => keyword,
        },
    };
    let keyspace = match request.keyspace {
        Some(keyspace) => Some(Cow::Borrowed(keyspace)),
        None => cluster.keyspace().map(Cow::Owned),
    };
    let batch_size = request.batch.map(|batch| batch.encoded.len()).filter(|size| *size != 1);
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
        cassandra.consistency.level = level_name(request.consistency),
        cassandra.page.size = request.options.page_size(),
        cassandra.query.idempotent = request.options.idempotent(request.read_only),
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

/// Records the outcome of a request in its span.
pub(super) fn end(
    span: &Span,
    outcome: &Result<NodeResponse<'_>, Error>,
    speculations: usize,
    cluster: &Cluster,
) {
    if span.is_disabled() {
        return;
    }
    span.record("cassandra.speculative_execution.count", speculations);
    match outcome {
        Ok(response) => record_node(span, response.node.address(), Some(&response.node)),
        Err(error) => {
            if let Some(last) = error.history().last() {
                record_node(span, last.node, cluster.state().node_at(last.node));
            }
            span.record("otel.status_code", "ERROR");
            match error.kind() {
                ErrorKind::Server(code) => {
                    let code = format!("{:#06x}", code.code());
                    span.record("db.response.status_code", &*code);
                    span.record("error.type", &*code);
                }
                kind => {
                    span.record("error.type", error_type(kind));
                }
            }
        }
    }
}

fn record_node(span: &Span, address: SocketAddr, node: Option<&Arc<Node>>) {
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

/// Returns the text of the statement, or of all statements of a batch, as it may be shown.
fn query_text(request: &RequestContext<'_>) -> String {
    if request.batch.is_none() {
        return redact(request.statement);
    }
    let texts = request.statements.iter().map(|statement| redact(statement.text()));
    texts.collect::<Vec<_>>().join("; ")
}

/// Returns the name of a consistency level in lower case, as OpenTelemetry writes it; `None` if the
/// level is unknown.
fn level_name(consistency: Consistency) -> Option<String> {
    consistency.name().map(str::to_ascii_lowercase)
}

/// Returns the value of the attribute `error.type` for an error of this kind.
const fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "config",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::Authentication => "authentication",
        ErrorKind::Server(_) => "server",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Connection => "connection",
        ErrorKind::Protocol => "protocol",
        ErrorKind::Encode => "encode",
        ErrorKind::Bind => "bind",
        ErrorKind::StatementChanged => "statement_changed",
        ErrorKind::Read => "read",
        ErrorKind::RowCount => "row_count",
        ErrorKind::ResultKind => "result_kind",
        ErrorKind::Throttled => "throttled",
        ErrorKind::Closed => "closed",
    }
}
