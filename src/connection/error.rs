//! Errors of the connection layer.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::protocol::CloseReason;
use crate::wire::{DecodeError, EncodeError};

/// The error of a connection that could not be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionError {
    /// The address of the server.
    pub address: SocketAddr,
    /// The reason why the connection could not be opened.
    pub reason: CloseReason,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.reason)
    }
}

impl std::error::Error for ConnectionError {}

/// The error of a request that could not be sent, got no response, or got a response that could not
/// be decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestError {
    /// The address of the server.
    pub address: SocketAddr,
    /// The kind of the error, with its cause.
    pub kind: RequestErrorKind,
    written: bool,
}

/// The kinds of [`RequestError`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// No response arrived within the timeout.
    TimedOut,
    /// The connection ended.
    Closed(CloseReason),
    /// The request could not be encoded.
    Encode(EncodeError),
    /// The response could not be decoded.
    Decode(DecodeError),
}

impl RequestError {
    pub(crate) const fn new(address: SocketAddr, kind: RequestErrorKind, written: bool) -> Self {
        Self { address, kind, written }
    }

    /// Returns true if the server may apply the request, because a byte of the request was written or
    /// may still be written. Returns false if it is safe to send the request again.
    pub const fn may_have_been_applied(&self) -> bool {
        self.written
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.kind)
    }
}

impl fmt::Display for RequestErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no response within the timeout"),
            Self::Closed(reason) => reason.fmt(f),
            Self::Encode(error) => write!(f, "the request cannot be encoded: {error}"),
            Self::Decode(error) => write!(f, "the response cannot be decoded: {error}"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Returns the reason for the end of a connection whose socket failed.
pub(super) fn socket_error(error: &io::Error) -> CloseReason {
    #[cfg(feature = "tls")]
    return super::tls::close_reason(error);
    #[cfg(not(feature = "tls"))]
    CloseReason::from_socket(error)
}
