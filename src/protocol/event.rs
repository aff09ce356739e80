//! Events of a connection.

use super::error::CloseReason;
use crate::message::{ResponseFrame, ServerError};
use crate::wire::{DecodeError, RawFrame, Stream};

/// An event that a [`ClientConnection`](super::ClientConnection) reports to its driver.
///
/// Every request ends with exactly one of [`Response`](Self::Response),
/// [`TimedOut`](Self::TimedOut), [`ResponseTooLong`](Self::ResponseTooLong) and
/// [`RequestFailed`](Self::RequestFailed), unless it is
/// [cancelled](super::ClientConnection::cancel) first.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The handshake succeeded: requests can be sent.
    Opened,
    /// The response to a request. Decode the frame with [`ResponseFrame::decode`] and the
    /// connection's [`context`](super::ClientConnection::context).
    Response {
        /// The stream of the request, which is free again.
        stream: Stream,
        /// The frame as it was received.
        frame: RawFrame,
    },
    /// The deadline of a request passed without a response. The stream stays in use until the
    /// response arrives. The server may still apply the request, even if none of its bytes was written
    /// before the deadline: unwritten bytes stay in the outbound buffer and are written later.
    TimedOut {
        /// The stream of the request.
        stream: Stream,
    },
    /// The response to a request was longer than
    /// [`max_body`](super::ConnectionOptions::max_body) and was discarded.
    ResponseTooLong {
        /// The stream of the request, which is free again.
        stream: Stream,
        /// The error, with the length of the response and the limit.
        error: DecodeError,
    },
    /// A message that the server sent without a request, on a negative stream: an EVENT
    /// (v4 §4.2.6), or an ERROR.
    ServerEvent(Box<ResponseFrame>),
    /// An OVERLOADED on stream 0, which no request uses. Cassandra before 4.1.12 and 5.0.9 sends it
    /// instead of the response to a request that waited too long, but does not name the request
    /// (CASSANDRA-21508). The connection stays open. The request ends when it times out, and then no
    /// longer counts as [orphaned](super::ClientConnection::orphans) or in flight.
    ///
    /// Any other ERROR on stream 0 ends the connection with
    /// [`CloseReason::ServerError`].
    UnattributedError(Box<ServerError>),
    /// A request gets no response because the connection has ended.
    RequestFailed {
        /// The stream of the request.
        stream: Stream,
        /// True if the server may have applied the request. In v3 and v4, this means that a byte of
        /// the request's frame was written. In v5, all requests that one call of
        /// [`transmit`](super::ClientConnection::transmit) puts into segments count as written once
        /// a byte of these segments is written.
        written: bool,
    },
    /// The server does not answer: an OPTIONS request got no response within
    /// [`probe_timeout`](super::ConnectionOptions::probe_timeout). The requests in flight may still be
    /// answered, but should be sent to another server if that is safe.
    Unresponsive,
    /// The server answers again, after [`Unresponsive`](Self::Unresponsive).
    Responsive,
    /// The connection has ended. No event follows.
    Closed(CloseReason),
}
