//! One request in flight: its context, its message and its response.

use std::sync::Arc;

use tokio::time::Instant;

use super::bound::{BoundStatement, EncodeAgain};
use super::effect::Writes;
use super::encoded_batch::BoundBatch;
use super::error::Error;
use super::metadata::StatementMetadata;
use super::options::EffectiveOptions;
use super::prepared::PreparedInner;
use crate::cluster::{ClusterState, Node, Token};
use crate::cql::may_set_password;
use crate::message::{self, Request, RequestFrame, ResponseFrame};
use crate::wire::{Consistency, EncodeError, FrameEncoder, Stream, Version};

/// The context of a request: what routing, retries, spans and errors need to know about it. The
/// message is built separately, for each attempt.
pub(super) struct RequestContext<'p> {
    /// The text shown in errors and spans: the statement, or a summary of a batch.
    pub(super) statement: &'p Arc<str>,
    pub(super) options: EffectiveOptions<'p>,
    /// The consistency of the first attempt.
    pub(super) consistency: Consistency,
    /// The statement with its values, the different statements of a batch without values, or none for
    /// PREPARE.
    pub(super) statements: &'p [BoundStatement],
    /// Encodes the values again if bind variables change while the request runs; `None` if the
    /// values are no longer available.
    pub(super) encode_again: Option<&'p EncodeAgain<'p>>,
    /// The keyspace of the request; `None` if it is unknown.
    pub(super) keyspace: Option<&'p str>,
    /// The token of the partition that the request addresses; `None` if it is unknown.
    pub(super) token: Option<Token>,
    /// The state of the cluster when the request began.
    pub(super) state: &'p ClusterState,
    /// True if the statement is a SELECT or a transaction that only reads: it is idempotent, and sent
    /// without a client timestamp.
    pub(super) read_only: bool,
    /// True for PREPARE, which changes no data.
    pub(super) preparing: bool,
    /// The deadline of the whole request, if a statement had to be prepared first, because
    /// preparing counts towards the request timeout. If `None`, the request timeout starts when the
    /// request is sent.
    pub(super) deadline: Option<Instant>,
    /// The batch; `None` if the request is not a batch.
    pub(super) batch: Option<&'p BoundBatch<'p>>,
}

impl RequestContext<'_> {
    /// Returns the prepared statements, to which the message refers by their ids.
    pub(super) fn prepared(&self) -> impl Iterator<Item = &Arc<PreparedInner>> {
        self.statements.iter().filter_map(BoundStatement::prepared)
    }

    /// Makes the values of all prepared statements valid for their current bind variables.
    ///
    /// # Errors
    /// Returns an error if values do not fit the bind variables.
    pub(super) fn follow_changes(&self) -> Result<(), Error> {
        match self.batch {
            Some(batch) => batch.follow_changes(),
            None => self
                .statements
                .iter()
                .try_for_each(|statement| statement.follow_changes(self.encode_again)),
        }
    }

    /// Returns true if a message of the server about the request may repeat a password.
    pub(super) fn may_set_password(&self) -> bool {
        let mut texts = self.statements.iter().map(BoundStatement::text);
        texts.any(|text| may_set_password(text)) || may_set_password(self.statement)
    }

    /// Withholds the message of the server in `error` if it may repeat a password of the request.
    pub(super) fn without_password(&self, error: Error) -> Error {
        match error.server_error().is_some() && self.may_set_password() {
            true => error.with_secret_message(),
            false => error,
        }
    }

    /// Returns how the request changes data. Reads the texts and the values of its statements, so that
    /// only requests that failed pay for it.
    #[cold]
    pub(super) fn writes(&self) -> Writes {
        match self.batch {
            _ if self.preparing => Writes::Nothing,
            Some(batch) => {
                let texts = self.statements.iter().map(|bound| &**bound.text());
                Writes::of_batch(batch.kind, texts, batch.encoded.has_one_partition())
            }
            None => Writes::of_statement(self.statement),
        }
    }
}

/// Encodes the message of a request for one attempt. Returns the description of the columns that the
/// driver expects in the rows, in case the response leaves it out; `None` if the response always
/// contains it.
pub(super) type EncodeMessage<'p> =
    dyn Fn(AttemptEncoder<'_>) -> Result<Option<&'p StatementMetadata>, EncodeError> + Sync + 'p;

/// The buffer to which a message is encoded for one attempt, and the parameters of the attempt.
pub(super) struct AttemptEncoder<'e> {
    pub(super) encoder: &'e mut FrameEncoder,
    pub(super) out: &'e mut Vec<u8>,
    pub(super) options: EffectiveOptions<'e>,
    pub(super) consistency: Consistency,
    /// The client timestamp; `None` if the server sets the timestamp.
    pub(super) timestamp: Option<i64>,
}

impl AttemptEncoder<'_> {
    /// Encodes the message, with the tracing flag and the custom payload of the options.
    ///
    /// # Errors
    /// Returns an error if the message cannot be encoded in the version of the connection.
    #[inline]
    pub(super) fn encode<'a, M>(self, message: M) -> Result<(), EncodeError>
    where
        M: message::Message<'a> + Into<Request<'a>>,
    {
        match (self.options.tracing(), self.options.custom_payload()) {
            (false, None) => RequestFrame::encode_message(&message, self.encoder, self.out),
            (tracing, custom_payload) => {
                let frame = RequestFrame {
                    tracing,
                    custom_payload: custom_payload.cloned().unwrap_or_default(),
                    ..RequestFrame::new(Stream::default(), message)
                };
                frame.encode(self.encoder, self.out)
            }
        }
    }
}

/// The response of an attempt.
pub(super) struct AttemptResponse<'p> {
    pub(super) frame: Box<ResponseFrame>,
    /// The columns that the driver expects in the rows, in case the response leaves out their
    /// description.
    pub(super) metadata: Option<&'p StatementMetadata>,
    pub(super) received_at: Instant,
}

/// The response of a node.
pub(super) struct NodeResponse<'p> {
    pub(super) response: AttemptResponse<'p>,
    pub(super) node: Arc<Node>,
    /// The protocol version of the connection.
    pub(super) version: Version,
}

/// Returns the token of the partition that a statement addresses: from its routing key option, or
/// from the values of its partition key or of its range of tokens. Returns `None` if neither is known, or if the driver does
/// not know the cluster's partitioner.
pub(super) fn routing_token(
    bound: Option<&BoundStatement>,
    options: EffectiveOptions<'_>,
    state: &ClusterState,
) -> Option<Token> {
    let partitioner = state.partitioner()?;
    match options.routing_key() {
        Some(key) => Some(partitioner.token(key)),
        None => bound?.metadata()?.token(&bound?.values(), partitioner),
    }
}
