//! Why there is no connection, and why there is no answer.

use std::fmt;
use std::net::SocketAddr;

use crate::protocol::CloseReason;
use crate::wire::{DecodeError, EncodeError};

/// A connection could not be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionError {
    /// The server that it was to be opened to.
    pub address: SocketAddr,
    /// Why not.
    pub reason: CloseReason,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.reason)
    }
}

impl std::error::Error for ConnectionError {}

/// A request was not answered.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestError {
    /// The server that it was made to.
    pub address: SocketAddr,
    /// Why it was not answered.
    pub kind: RequestErrorKind,
    written: bool,
}

/// The kinds of [`RequestError`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// No answer came in time.
    TimedOut,
    /// The connection ended.
    Closed(CloseReason),
    /// The protocol has no bytes for the request.
    Encode(EncodeError),
    /// The answer is not what the protocol says.
    Decode(DecodeError),
}

impl RequestError {
    pub(crate) const fn new(address: SocketAddr, kind: RequestErrorKind, written: bool) -> Self {
        Self { address, kind, written }
    }

    /// Whether any byte of the request was written, or may be yet, so that the server may have acted
    /// on it. If not, it is safe to make the request again.
    pub const fn may_have_been_applied(&self) -> bool {
        self.written
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.address)?;
        match &self.kind {
            RequestErrorKind::TimedOut => f.write_str("no answer in time"),
            RequestErrorKind::Closed(reason) => reason.fmt(f),
            RequestErrorKind::Encode(error) => write!(f, "the request cannot be sent: {error}"),
            RequestErrorKind::Decode(error) => write!(f, "the answer cannot be read: {error}"),
        }
    }
}

impl std::error::Error for RequestError {}
