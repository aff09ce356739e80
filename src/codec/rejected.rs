//! Requests that the server's codec cannot decode, although it can decode the requests that follow.

use std::{fmt, io};

use crate::wire::{DecodeError, Header, UnsupportedHeader};

/// A request that a [`ServerCodec`](super::ServerCodec) cannot decode. It ends neither the stream nor
/// the connection: the server answers it with an ERROR, and then decodes the next request or closes
/// the connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use cqlwire::codec::{RejectedRequest, ServerCodec};
/// use cqlwire::message::{ErrorCode, ResponseFrame, ServerError, VersionRefusal};
/// use cqlwire::wire::Version;
/// use futures_util::{SinkExt, StreamExt};
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_util::codec::Framed;
///
/// # let (mut client, socket) = tokio::io::duplex(1024);
/// # client.write_all(&[0x42, 0, 0, 7, 5, 0, 0, 0, 0, 4, 0, 0, 8, 5, 0, 0, 0, 0]).await?;
/// # client.shutdown().await?;
/// let mut server = Framed::new(socket, ServerCodec::new(Version::V4));
/// # let mut requests = 0;
/// while let Some(item) = server.next().await {
///     match item? {
///         Ok(request) => println!("{:?}", request.header),
///         Err(RejectedRequest::UnsupportedVersion(header)) => {
///             let refusal = VersionRefusal::new(header.version, Version::V3..=Version::V4);
///             server.send(refusal).await?;
///         }
///         Err(RejectedRequest::Invalid { header, error }) => {
///             let error = ServerError::new(ErrorCode::Protocol, error.to_string());
///             server.send(ResponseFrame::new(header.stream, error)).await?;
///         }
///     }
/// #   requests += 1;
/// }
/// # assert_eq!(requests, 2);
/// # let mut answer = [0; 5];
/// # client.read_exact(&mut answer).await?;
/// # assert_eq!(answer, [0x84, 0, 0, 0, 0]);
/// # Ok(())
/// # }
/// ```
///
/// A server that treats such a request as an error of the connection applies `?` to the item twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedRequest {
    /// A request in a protocol version that this crate does not support. Its body is skipped. Answer
    /// with a [`VersionRefusal`](crate::message::VersionRefusal).
    ///
    /// A request in a version that this crate supports and the server does not is no such error. The
    /// server compares the version of the header with its own.
    UnsupportedVersion(UnsupportedHeader),
    /// A request whose header is valid. Answer with an ERROR on its stream.
    ///
    /// The error has the kind [`FrameTooLong`](crate::wire::DecodeErrorKind::FrameTooLong) if the body
    /// exceeds [`Context::max_body`](crate::wire::Context::max_body). The body is then skipped. With
    /// any other error, the request is a STARTUP whose body is invalid. The codec decodes the body to
    /// learn the compression.
    Invalid {
        /// The header of the request.
        header: Header,
        /// The reason.
        error: DecodeError,
    },
}

impl RejectedRequest {
    /// Returns the reason.
    pub const fn error(&self) -> DecodeError {
        match self {
            Self::UnsupportedVersion(header) => header.error(),
            Self::Invalid { error, .. } => *error,
        }
    }
}

impl fmt::Display for RejectedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl std::error::Error for RejectedRequest {}

impl From<RejectedRequest> for io::Error {
    fn from(rejected: RejectedRequest) -> Self {
        rejected.error().into()
    }
}
