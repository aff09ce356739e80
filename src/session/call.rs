//! One request in flight: its context, its message and its response.

use std::sync::Arc;

use tokio::time::Instant;

use super::effect::Writes;
use super::options::EffectiveOptions;
use super::prepared::{PreparedInner, ResultShape};
use super::statement::StatementKind;
use crate::cluster::{ClusterState, Node, Token};
use crate::message::{BatchKind, Request, ResponseFrame};
use crate::types::Values;
use crate::wire::{Consistency, Context, Version};

/// The context of a request: what routing, retries, spans and errors need to know about it. The
/// message is built separately, for each attempt.
pub(super) struct RequestContext<'p> {
    /// The text shown in errors and spans: the statement, or a summary of a batch.
    pub(super) statement: &'p Arc<str>,
    pub(super) options: EffectiveOptions<'p>,
    /// The prepared statements that the message refers to by their ids.
    pub(super) prepared: &'p [Arc<PreparedInner>],
    /// The keyspace of the request; `None` if it is unknown.
    pub(super) keyspace: Option<&'p str>,
    /// The token of the partition that the request addresses; `None` if it is unknown.
    pub(super) token: Option<Token>,
    /// The state of the cluster when the request began.
    pub(super) state: &'p ClusterState,
    /// True if the request is known to be read-only, and therefore sent without a client timestamp.
    pub(super) read_only: bool,
    /// True for PREPARE, which changes no data.
    pub(super) preparing: bool,
    /// The deadline of the whole request, if a statement had to be prepared first, because
    /// preparing counts towards the request timeout. If `None`, the request timeout starts when the
    /// request is sent.
    pub(super) deadline: Option<Instant>,
    /// The kind of a batch, and its statements with their values; `None` if the request is not a
    /// batch.
    pub(super) batch: Option<(BatchKind, &'p [(StatementKind, Values<'static>)])>,
}

impl RequestContext<'_> {
    /// Returns how the request changes data. Reads the texts of its statements, so that only
    /// requests that failed pay for it.
    #[cold]
    pub(super) fn writes(&self) -> Writes {
        match self.batch {
            _ if self.preparing => Writes::Nothing,
            Some((kind, statements)) => {
                Writes::of_batch(kind, statements.iter().map(|(statement, _)| &**statement.text()))
            }
            None => Writes::of_statement(self.statement),
        }
    }
}

/// Builds the message for one connection, from the connection's protocol context, the consistency
/// of the attempt and the client timestamp. Also returns the columns that the driver expects in the
/// rows, in case the response leaves out their description; `None` if the response always contains
/// it.
pub(super) type Message<'p> = dyn Fn(&Context, Consistency, Option<i64>) -> (Request<'p>, Option<Arc<ResultShape>>)
    + Sync
    + 'p;

/// The response of a node.
pub(super) struct NodeResponse {
    pub(super) frame: Box<ResponseFrame>,
    /// The columns that the driver expects in the rows, in case the response leaves out their
    /// description.
    pub(super) shape: Option<Arc<ResultShape>>,
    pub(super) node: Arc<Node>,
    /// The protocol version of the connection.
    pub(super) version: Version,
    pub(super) received_at: Instant,
}

/// Returns the token of the partition that a statement addresses: from its routing key option, or
/// from the values of its partition key. Returns `None` if neither is known, or if the driver does
/// not know the cluster's partitioner.
pub(super) fn routing_token(
    prepared: Option<&Arc<PreparedInner>>,
    values: &Values<'_>,
    options: EffectiveOptions<'_>,
    state: &ClusterState,
) -> Option<Token> {
    let partitioner = state.partitioner()?;
    match options.routing_key() {
        Some(key) => Some(partitioner.token(key)),
        None => prepared?.token(values, partitioner),
    }
}
