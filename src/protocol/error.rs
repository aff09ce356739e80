//! Errors of a connection: the reason for its end, and the reason why a request cannot be sent.

use std::fmt;
use std::io;

use crate::message::{ErrorCode, ServerError};
use crate::wire::{DecodeError, DecodeErrorKind, EncodeError, Opcode, Stream, Version};

/// The reason for the end of a connection.
///
/// Its `Display` and `Debug` texts contain no message of the server that may repeat parts of a
/// statement: see [`ServerError`](Self::ServerError).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed the connection.
    Local,
    /// The server closed the connection.
    EndOfInput {
        /// True if the last frame was incomplete.
        mid_frame: bool,
    },
    /// The socket failed: the kind of the error, and its message.
    Io(io::ErrorKind, String),
    /// The server sent bytes that violate the protocol.
    Decode(DecodeError),
    /// The server does not support the protocol version of the client.
    UnsupportedVersion {
        /// The version that the client requested.
        requested: Version,
        /// The version of the server's response.
        answered: Version,
        /// The message of the server's ERROR.
        message: String,
    },
    /// The server refused the handshake with an ERROR.
    Refused(ServerError),
    /// The server requires authentication, but the client has no
    /// [authenticator](super::ConnectionOptions::authenticator).
    CredentialsNeeded {
        /// The Java class of the server's authenticator.
        authenticator: String,
    },
    /// The client's [authenticator](super::Authenticator) failed with this message.
    Authenticator(String),
    /// TLS failed, for example because the server's certificate is not trusted. The message says what
    /// to do.
    Tls(String),
    /// The server sent an ERROR that belongs to no request.
    ///
    /// The error may be about a statement of any caller. The texts of the reason therefore contain its
    /// message only if the code says that it is about the connection or the state of the server:
    /// [`Protocol`](ErrorCode::Protocol), [`Authentication`](ErrorCode::Authentication),
    /// [`Overloaded`](ErrorCode::Overloaded) or [`Bootstrapping`](ErrorCode::Bootstrapping).
    ServerError(ServerError),
    /// The server sent a message with this opcode, which is not allowed at this point.
    Unexpected(Opcode),
    /// The server sent a response on a stream without a request.
    UnknownStream(Stream),
    /// The connection was not open within the
    /// [handshake timeout](super::ConnectionOptions::handshake_timeout).
    HandshakeTimeout,
    /// The server sent no whole frame within the
    /// [heartbeat timeout](super::ConnectionOptions::heartbeat_timeout).
    HeartbeatTimeout,
    /// The server sent a part of a frame, but the rest did not arrive within the
    /// [heartbeat timeout](super::ConnectionOptions::heartbeat_timeout), or arrived too slowly.
    FrameTimeout,
    /// The connection had this number of orphaned requests, which is
    /// [too many](super::ConnectionOptions::max_orphans).
    TooManyOrphans(usize),
}

impl CloseReason {
    /// Returns the reason for the end of a connection whose socket failed with `error`.
    #[cfg(feature = "driver")]
    pub(crate) fn from_socket(error: &io::Error) -> Self {
        let message = match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::ConnectionReset, Some(_)) => {
                "the server reset the connection".to_owned()
            }
            (io::ErrorKind::BrokenPipe, Some(_)) => "the server closed the connection".to_owned(),
            _ => error.to_string(),
        };
        Self::Io(error.kind(), message)
    }

    /// Returns true if a later attempt may succeed although the configuration is unchanged: the server
    /// may still be starting, or cannot answer at the moment.
    ///
    /// This includes an ERROR to a login with which the server reports that it could not read its
    /// table of users.
    pub fn is_starting(&self) -> bool {
        match self {
            Self::Refused(error) | Self::ServerError(error) => is_temporary(error),
            Self::Io(kind, _) => !matches!(
                kind,
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
            ),
            Self::EndOfInput { .. } | Self::HandshakeTimeout | Self::HeartbeatTimeout => true,
            _ => false,
        }
    }

    /// Returns the version to try next: the version of the server's response if it is lower than the
    /// requested version, and otherwise the next lower version. Returns `None` if the version was not
    /// the reason, or if there is no lower version.
    pub fn lower_version(&self) -> Option<Version> {
        let Self::UnsupportedVersion { requested, answered, .. } = self else { return None };
        let mut lower = Version::ALL.into_iter().rev().filter(|version| version < requested);
        if answered < requested { Some(*answered) } else { lower.next() }
    }

    /// Returns true if authentication failed: the server refused it, the client has no authenticator,
    /// or the client's authenticator failed.
    pub fn is_authentication(&self) -> bool {
        match self {
            Self::Refused(error) => error.code == ErrorCode::Authentication,
            Self::CredentialsNeeded { .. } | Self::Authenticator(_) => true,
            _ => false,
        }
    }
}

/// Shows the text, because it withholds messages that may repeat parts of a statement.
impl fmt::Debug for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloseReason").field(&self.to_string()).finish()
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("the client closed the connection"),
            Self::EndOfInput { mid_frame: false } => {
                f.write_str("the server closed the connection")
            }
            Self::EndOfInput { mid_frame: true } => {
                f.write_str("the server closed the connection in the middle of a frame")
            }
            Self::Io(io::ErrorKind::ConnectionRefused, _) => f.write_str("connection refused"),
            Self::Io(_, message) => f.write_str(message),
            Self::Decode(error) => match error.kind() {
                DecodeErrorKind::UnsupportedVersion(byte) => explain_first_byte(byte, f),
                _ => write!(f, "the server violated the protocol: {error}"),
            },
            Self::UnsupportedVersion { requested, answered, message } => write!(
                f,
                "the server does not support protocol {requested}; it answered in {answered}: {}",
                without_period(message)
            ),
            Self::Refused(error)
                if error.code == ErrorCode::Authentication && is_temporary(error) =>
            {
                write!(
                    f,
                    "the server could not check the user name and the password ({})",
                    without_period(&error.message)
                )
            }
            Self::Refused(error) if error.code == ErrorCode::Authentication => write!(
                f,
                "the user name or the password is wrong ({})",
                without_period(&error.message)
            ),
            Self::Refused(error) => {
                let error = error.to_string();
                write!(f, "the server refused the connection: {}", without_period(&error))
            }
            Self::ServerError(error) => {
                let error = match may_repeat_statement(error.code) {
                    true => error.code.to_string(),
                    false => error.to_string(),
                };
                write!(
                    f,
                    "the server reported an error of the connection: {}",
                    without_period(&error)
                )
            }
            Self::CredentialsNeeded { authenticator } => {
                let class = authenticator.rsplit('.').next().unwrap_or(authenticator);
                write!(f, "the server requires a user name and a password ({class})")
            }
            Self::Authenticator(message) | Self::Tls(message) => f.write_str(message),
            Self::Unexpected(opcode) => {
                write!(f, "the server violated the protocol: unexpected message {opcode}")
            }
            Self::UnknownStream(stream) => write!(
                f,
                "the server violated the protocol: response on stream {stream}, which has no request"
            ),
            Self::HandshakeTimeout => f.write_str(
                "the server did not complete the handshake in time (is it a Cassandra node?)",
            ),
            Self::HeartbeatTimeout => {
                f.write_str("the server did not respond to a heartbeat in time")
            }
            Self::FrameTimeout => f.write_str(
                "the server sent a part of a frame, but the rest did not arrive in time (is the \
                 network very slow?)",
            ),
            Self::TooManyOrphans(count) => write!(
                f,
                "too many requests timed out or were cancelled without a response ({count})"
            ),
        }
    }
}

/// Parts of the messages with which Cassandra refuses a login because it could not read its table of
/// users. The error code alone does not distinguish this from a wrong password.
const UNREADABLE_USERS: [&str; 4] = [
    "Unable to perform authentication",
    "Error during authentication of user",
    "Cannot achieve consistency level",
    "Operation timed out",
];

/// Returns true if the server may answer the same request differently later.
fn is_temporary(error: &ServerError) -> bool {
    match error.code {
        ErrorCode::Authentication => {
            UNREADABLE_USERS.iter().any(|part| error.message.contains(part))
        }
        ErrorCode::Protocol
        | ErrorCode::Unauthorized
        | ErrorCode::Syntax
        | ErrorCode::Invalid
        | ErrorCode::Config => false,
        _ => true,
    }
}

/// Returns true if messages with this code may repeat parts of a statement, which may contain secrets.
const fn may_repeat_statement(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::Protocol
            | ErrorCode::Authentication
            | ErrorCode::Overloaded
            | ErrorCode::Bootstrapping
    )
}

/// Returns a server's message without its final period, because the error text may continue after
/// the message.
fn without_period(message: &str) -> &str {
    message.trim_end_matches('.')
}

/// The record types with which a TLS server begins its response to a client without TLS.
const TLS_ALERT: u8 = 0x15;
const TLS_HANDSHAKE: u8 = 0x16;

/// Writes an explanation for the first byte of a server that speaks no supported version.
fn explain_first_byte(byte: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let version = byte & 0x7f;
    match version {
        1 | 2 | 6 if byte & 0x80 != 0 => {
            write!(f, "the server answered in protocol v{version}; this client supports v3 to v5")
        }
        0x41 | 0x42 if byte & 0x80 != 0 => {
            let version = version & 0x0f;
            write!(f, "the server answered in DSE protocol v{version}; connect with v4")
        }
        TLS_ALERT | TLS_HANDSHAKE => f.write_str(
            "the server speaks TLS on this port, but the client is not configured for TLS",
        ),
        _ => write!(
            f,
            "the server is not a Cassandra node: its first byte is 0x{byte:02x}{} \
             (is this the port of the native protocol, usually 9042?)",
            if byte == b'H' { ", like that of an HTTP server" } else { "" }
        ),
    }
}

impl std::error::Error for CloseReason {}

/// An error of [`ClientConnection::send`](super::ClientConnection::send).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is not open yet, or has ended.
    NotOpen,
    /// The [maximum number](super::ConnectionOptions::max_in_flight) of requests is in flight. Wait
    /// for a response.
    NoStream,
    /// The request cannot be encoded.
    Encode(EncodeError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("the connection is not open"),
            Self::NoStream => {
                f.write_str("the maximum number of requests is in flight; wait for a response")
            }
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}
