//! The errors of decoding and encoding. Both name the field. A decoding error also has the offset
//! of the invalid or missing bytes.

use std::fmt;

use super::counted::Counted;
use super::{FrameFlags, Opcode, Version};

/// An error for input that violates the protocol.
///
/// It contains the name of the field in the protocol specification, and the offset of the invalid
/// or missing bytes. The offset counts from the start of the input, which is the frame, the body or
/// the value that was decoded. The error text is one line:
///
/// ```
/// use cqlwire::wire::Reader;
///
/// let error = Reader::new(&[0, 5, b'a']).string("keyspace").unwrap_err();
/// assert_eq!(error.to_string(), "keyspace at byte 2: 5 bytes needed, 1 left");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    field: &'static str,
    offset: usize,
}

impl DecodeError {
    /// Creates an error for `field`. The invalid or missing bytes begin at byte `offset` of the
    /// input.
    #[cold]
    pub const fn new(kind: DecodeErrorKind, field: &'static str, offset: usize) -> Self {
        Self { kind, field, offset }
    }

    /// Returns the cause of the error.
    pub const fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// Returns the name of the field in the protocol specification, such as `paging_state`.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Returns the offset in the input at which the invalid or missing bytes begin, in bytes.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Returns true if decoding can continue after this frame: the end of the frame is known, and
    /// only its content is invalid.
    ///
    /// Otherwise, the start of the next frame is unknown and the connection must be closed. The
    /// exception is an unsupported version, after which a server may
    /// [skip the frame](super::FrameDecoder::skip_unsupported).
    pub const fn is_recoverable(&self) -> bool {
        !matches!(
            self.kind,
            DecodeErrorKind::UnsupportedVersion(_)
                | DecodeErrorKind::NegativeFrameLength(_)
                | DecodeErrorKind::WrongChecksum
                | DecodeErrorKind::InvalidSegment
        )
    }
}

/// The kinds of [`DecodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Input that ends within the field.
    Truncated {
        /// The number of bytes to be read next. The field may need more bytes after them.
        needed: usize,
        /// The number of bytes that remain in the input.
        left: usize,
    },
    /// A negative length or count where the protocol does not allow one.
    Negative(i32),
    /// A negative body length in a frame header. The start of the next frame is unknown.
    NegativeFrameLength(i32),
    /// A count of more elements than the remaining bytes can hold.
    CountTooLarge {
        /// The count in the input.
        count: usize,
        /// The largest count that the remaining bytes can hold.
        limit: usize,
    },
    /// A frame body longer than [`Context::max_body`](super::Context::max_body).
    FrameTooLong {
        /// The length in the frame header, in bytes.
        length: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// An unknown code in a field that decides how the next fields are decoded, or an invalid address
    /// length or port of an `[inet]`.
    InvalidCode(i64),
    /// A first byte of a frame that belongs to an unsupported protocol version (v1, v2, DSE) or to
    /// another protocol. A server may answer, see
    /// [`FrameDecoder::skip_unsupported`](super::FrameDecoder::skip_unsupported).
    UnsupportedVersion(u8),
    /// A frame whose version differs from that of the connection.
    VersionMismatch {
        /// The version in the frame header.
        found: Version,
        /// The version of the [`Context`](super::Context).
        expected: Version,
    },
    /// A request where a response is expected, or a response where a request is expected.
    WrongDirection,
    /// A compressed body on a connection without a negotiated compression.
    NotNegotiated,
    /// A header flag that the protocol forbids on this frame: the compressed flag on STARTUP
    /// (v4 §2.2), or the warning flag in v3.
    ForbiddenFlag {
        /// The flag.
        flag: FrameFlags,
        /// The opcode of the frame.
        opcode: Opcode,
        /// The version of the frame.
        version: Version,
    },
    /// A segment with a wrong checksum (v5). Its content cannot be trusted, so the frames in it are
    /// lost.
    WrongChecksum,
    /// A segment whose payload contradicts its header (v5): the payload does not decompress to the
    /// length in the header, or the frames in it contradict the self-contained flag.
    InvalidSegment,
    /// A compressed body that does not decompress to the uncompressed length that it states.
    InvalidCompression,
    /// A compressed body that states an uncompressed length above the limit.
    DecompressedTooLong {
        /// The stated uncompressed length, in bytes.
        length: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A type nested deeper than the limit, which is
    /// [`MAX_TYPE_DEPTH`](crate::types::MAX_TYPE_DEPTH).
    NestedTooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// A field that contradicts another field.
    Contradiction,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: ", self.field, self.offset)?;
        match self.kind {
            DecodeErrorKind::Truncated { needed, left } => {
                write!(f, "{} needed, {left} left", Counted(needed, "byte"))
            }
            DecodeErrorKind::Negative(n) | DecodeErrorKind::NegativeFrameLength(n) => {
                write!(f, "{n} is negative")
            }
            DecodeErrorKind::CountTooLarge { count, limit } => {
                write!(f, "count {count} exceeds the {limit} that the remaining bytes can hold")
            }
            DecodeErrorKind::FrameTooLong { length, limit } => {
                write!(f, "a body of {} exceeds the limit of {limit}", Counted(length, "byte"))
            }
            DecodeErrorKind::InvalidUtf8 => f.write_str("not valid UTF-8"),
            DecodeErrorKind::InvalidCode(code) => write!(f, "unknown value {code}"),
            DecodeErrorKind::UnsupportedVersion(byte) => {
                write!(f, "0x{byte:02x} is not a supported protocol version (v3, v4, v5)")
            }
            DecodeErrorKind::VersionMismatch { found, expected } => {
                write!(f, "received a {found} frame on a {expected} connection")
            }
            DecodeErrorKind::WrongDirection => {
                f.write_str("a request where a response is expected, or the reverse")
            }
            DecodeErrorKind::NotNegotiated => {
                f.write_str("the body is compressed, but no compression was negotiated")
            }
            DecodeErrorKind::WrongChecksum => f.write_str("the checksum is wrong"),
            DecodeErrorKind::InvalidSegment => {
                f.write_str("the content of the segment contradicts its header")
            }
            DecodeErrorKind::ForbiddenFlag { flag, opcode, version } => {
                forbidden_flag(f, flag, opcode, version)
            }
            DecodeErrorKind::InvalidCompression => {
                f.write_str("the compressed body does not decompress to the length it claims")
            }
            DecodeErrorKind::DecompressedTooLong { length, limit } => {
                write!(
                    f,
                    "the body claims {}, which exceeds the limit of {limit}",
                    Counted(length, "uncompressed byte")
                )
            }
            DecodeErrorKind::NestedTooDeep { limit } => {
                write!(f, "types are nested deeper than the limit of {limit} levels")
            }
            DecodeErrorKind::Contradiction => f.write_str("contradicts another field"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// An error for a message that cannot be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError {
    kind: EncodeErrorKind,
    field: &'static str,
}

impl EncodeError {
    /// Creates an error for `field`.
    #[cold]
    pub const fn new(kind: EncodeErrorKind, field: &'static str) -> Self {
        Self { kind, field }
    }

    /// Returns the cause of the error.
    pub const fn kind(&self) -> EncodeErrorKind {
        self.kind
    }

    /// Returns the name of the field in the protocol specification.
    pub const fn field(&self) -> &'static str {
        self.field
    }
}

/// The kinds of [`EncodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// A field with more bytes or elements than its notation or
    /// [`Context::max_body`](super::Context::max_body) allows.
    TooLong {
        /// The number of bytes or elements.
        length: usize,
        /// The largest allowed number of bytes or elements.
        limit: usize,
    },
    /// A field that does not exist in the protocol version of the connection.
    NotInVersion(Version),
    /// A required field that is not set.
    Missing,
    /// A field that contradicts another field.
    Contradiction,
    /// A header flag that the protocol forbids on this frame: the compressed flag on STARTUP
    /// (v4 §2.2), or the warning flag in v3.
    ForbiddenFlag {
        /// The flag.
        flag: FrameFlags,
        /// The opcode of the frame.
        opcode: Opcode,
        /// The version of the frame.
        version: Version,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        match self.kind {
            EncodeErrorKind::TooLong { length, limit } => {
                write!(f, "length {length} exceeds the limit of {limit}")
            }
            EncodeErrorKind::NotInVersion(version) => {
                write!(f, "does not exist in protocol {version}")
            }
            EncodeErrorKind::Missing => f.write_str("is required, but not set"),
            EncodeErrorKind::Contradiction => f.write_str("contradicts another field"),
            EncodeErrorKind::ForbiddenFlag { flag, opcode, version } => {
                forbidden_flag(f, flag, opcode, version)
            }
        }
    }
}

fn forbidden_flag(
    f: &mut fmt::Formatter<'_>,
    flag: FrameFlags,
    opcode: Opcode,
    version: Version,
) -> fmt::Result {
    let name = flag.names().next().unwrap_or("unknown");
    write!(f, "the flag `{name}` is not allowed on {opcode} in {version}")
}

impl std::error::Error for EncodeError {}

impl From<DecodeError> for std::io::Error {
    fn from(error: DecodeError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

impl From<EncodeError> for std::io::Error {
    fn from(error: EncodeError) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}
