//! Why a connection ended, and why a request could not be sent.

use std::fmt;
use std::io;

use crate::message::{ErrorCode, ServerError};
use crate::wire::{DecodeError, DecodeErrorKind, EncodeError, Opcode, Stream, Version};

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed it.
    Local,
    /// The server closed it, maybe in the middle of a frame.
    EndOfInput {
        /// Whether part of a frame had come.
        mid_frame: bool,
    },
    /// The socket failed.
    Io(io::ErrorKind, String),
    /// The server sent bytes that are not the protocol.
    Decode(DecodeError),
    /// The server does not speak this version; the one that it answered in, if that is known here.
    UnsupportedVersion {
        /// The version that the client asked for.
        asked: Version,
        /// The version that the server answered in.
        answered: Version,
        /// What the server said.
        message: String,
    },
    /// The server refused the connection.
    Refused(ServerError),
    /// The server wants to know who the client is, and nobody told the client.
    CredentialsNeeded {
        /// The Java class of the server's authenticator.
        authenticator: String,
    },
    /// The client's authenticator ended the connection: why, in its own words.
    Authenticator(String),
    /// The bytes could not be kept secret on their way, or the other end is not who it should be:
    /// why, and what to do.
    Tls(String),
    /// The server reported an error that belongs to no request.
    Failed(ServerError),
    /// The server answered with a message that does not belong there.
    Unexpected(Opcode),
    /// The server answered a request that nobody made.
    UnknownStream(Stream),
    /// The connection was not open in time.
    HandshakeTimeout,
    /// The server did not say in time that it is there.
    HeartbeatTimeout,
    /// Too many requests are in flight that nobody waits for any more.
    TooManyOrphans(usize),
}

impl CloseReason {
    /// Whether the server said that it is not ready yet, so that it may be so later.
    pub fn is_starting(&self) -> bool {
        match self {
            Self::Refused(error) => {
                matches!(error.code, ErrorCode::Bootstrapping | ErrorCode::Overloaded)
            }
            Self::Io(kind, _) => matches!(
                kind,
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::TimedOut
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
            ),
            Self::EndOfInput { .. } | Self::HandshakeTimeout => true,
            _ => false,
        }
    }

    /// The next lower version to try, if the server does not speak the one it was asked for.
    pub fn lower_version(&self) -> Option<Version> {
        let Self::UnsupportedVersion { asked, answered, .. } = self else { return None };
        let mut lower = Version::ALL.into_iter().rev().filter(|version| version < asked);
        if answered < asked { Some(*answered) } else { lower.next() }
    }

    /// Whether the client could not or would not say who it is, or was not believed.
    pub fn is_authentication(&self) -> bool {
        match self {
            Self::Refused(error) => error.code == ErrorCode::Authentication,
            Self::CredentialsNeeded { .. } | Self::Authenticator(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("the connection was closed"),
            Self::EndOfInput { mid_frame: false } => {
                f.write_str("the server closed the connection")
            }
            Self::EndOfInput { mid_frame: true } => {
                f.write_str("the server closed the connection in the middle of a frame")
            }
            Self::Io(io::ErrorKind::ConnectionRefused, _) => f.write_str("connection refused"),
            Self::Io(_, message) => f.write_str(message),
            Self::Decode(error) => match error.kind() {
                DecodeErrorKind::UnsupportedVersion(byte) => first_byte(byte, f),
                _ => write!(f, "the server broke the protocol: {error}"),
            },
            Self::UnsupportedVersion { asked, answered, message } => {
                write!(f, "the server does not speak {asked}, it answers in {answered}: {message}")
            }
            Self::Refused(error) if error.code == ErrorCode::Authentication => write!(
                f,
                "the user name or the password is wrong ({})",
                error.message.trim_end_matches('.')
            ),
            Self::Refused(error) => write!(f, "the server refused the connection: {error}"),
            Self::Failed(error) => write!(f, "the server gave the connection up: {error}"),
            Self::CredentialsNeeded { authenticator } => {
                let class = authenticator.rsplit('.').next().unwrap_or(authenticator);
                write!(f, "the server wants a user name and a password ({class})")
            }
            Self::Authenticator(message) | Self::Tls(message) => f.write_str(message),
            Self::Unexpected(opcode) => {
                write!(f, "the server broke the protocol: {opcode} does not belong there")
            }
            Self::UnknownStream(stream) => write!(
                f,
                "the server broke the protocol: it answered stream {stream}, where nobody waits"
            ),
            Self::HandshakeTimeout => {
                f.write_str("the server did not answer in time (is it a Cassandra at all?)")
            }
            Self::HeartbeatTimeout => f.write_str("the server stopped answering"),
            Self::TooManyOrphans(count) => {
                write!(f, "{count} requests timed out and were never answered")
            }
        }
    }
}

/// How the records begin in which a TLS server says something to those who do not speak TLS.
const TLS_ALERT: u8 = 0x15;
const TLS_HANDSHAKE: u8 = 0x16;

/// What the first byte says of a server that speaks no version known here.
fn first_byte(byte: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let version = byte & 0x7f;
    match version {
        1 | 2 | 6 if byte & 0x80 != 0 => {
            write!(f, "the server answers in v{version} of the protocol; v3 to v5 are known here")
        }
        0x41 | 0x42 if byte & 0x80 != 0 => {
            let version = version & 0x0f;
            write!(f, "the server answers in DSE v{version} of the protocol; ask it for v4")
        }
        TLS_ALERT | TLS_HANDSHAKE => {
            f.write_str("the server speaks TLS on this port, and the client was not told to do so")
        }
        _ => write!(
            f,
            "this is no Cassandra: its first byte is 0x{byte:02x}{} \
             (is the port that of the native protocol, usually 9042?)",
            if byte == b'H' { ", as of an HTTP server" } else { "" }
        ),
    }
}

impl std::error::Error for CloseReason {}

/// Why a request could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is not open yet, or not any more.
    NotOpen,
    /// As many requests are in flight as may be. Wait for one to be answered.
    NoStream,
    /// The protocol has no bytes for the request.
    Encode(EncodeError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("the connection is not open"),
            Self::NoStream => f.write_str("as many requests are in flight as may be"),
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
