//! What can be wrong with bytes: small, flat errors that name the field and where it stands.

use std::fmt;

use super::Version;

/// Bytes that are not what the protocol says they should be.
///
/// It names the field by its name in the protocol, and the offset in the input (the frame, the
/// body or the value that was being decoded) at which that field begins. Its text is one line:
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
    /// An error in `field`, which begins `offset` bytes into the input.
    #[cold]
    pub const fn new(kind: DecodeErrorKind, field: &'static str, offset: usize) -> Self {
        Self { kind, field, offset }
    }

    /// What is wrong.
    pub const fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// The name of the field in the protocol's text, such as `paging_state`.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// How many bytes of the input stand before the field.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the bytes after this frame can still be read: the frame's end is known, only its
    /// inside is wrong. When `false` the connection has lost its place and must be closed.
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
    /// The input ends before the field does.
    Truncated {
        /// Bytes that the field takes, as far as could be read.
        needed: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// A length or count below zero where the protocol allows none.
    Negative(i32),
    /// A frame whose body has a length below zero: nobody knows where the next frame begins.
    NegativeFrameLength(i32),
    /// A count that the bytes left cannot hold.
    CountTooLarge {
        /// The count that the input claims.
        count: usize,
        /// The most that the bytes left could hold.
        limit: usize,
    },
    /// A frame whose body is longer than the receiver allows.
    FrameTooLong {
        /// The length that the header claims, in bytes.
        length: u64,
        /// The receiver's limit, in bytes.
        limit: usize,
    },
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// A number that stands for nothing here, and whose meaning decides what follows.
    InvalidCode(i64),
    /// The first byte is of no protocol version known here: v1, v2, DSE, or another protocol.
    UnsupportedVersion(u8),
    /// A frame of another version than the connection agreed on.
    VersionMismatch {
        /// The version in the frame's header.
        found: Version,
        /// The version of the [`Context`](super::Context).
        expected: Version,
    },
    /// A request where a response should be, or the other way round.
    WrongDirection,
    /// The compressed flag is set, but no compression was agreed on.
    NotNegotiated,
    /// A request's body that has to be decompressed first, because the request borrows from it:
    /// see [`RawFrame::decompress`](super::RawFrame::decompress).
    StillCompressed,
    /// A segment whose checksum is wrong (v5): what is in it, and what follows it, is unknown.
    WrongChecksum,
    /// A segment that is not what its header says (v5): its payload does not decompress to the length
    /// it claims, or is a piece of a frame where whole ones were promised.
    InvalidSegment,
    /// A compressed body that does not decompress to the length it claims.
    InvalidCompression,
    /// The decompressed body would be longer than the receiver allows.
    DecompressedTooLong {
        /// The length that the body claims, in bytes.
        length: u64,
        /// The receiver's limit, in bytes.
        limit: usize,
    },
    /// Types nested deeper than [`MAX_TYPE_DEPTH`](crate::types::MAX_TYPE_DEPTH).
    NestedTooDeep,
    /// Two fields that exclude each other.
    Contradiction,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: ", self.field, self.offset)?;
        match self.kind {
            DecodeErrorKind::Truncated { needed, left } => {
                write!(f, "{needed} bytes needed, {left} left")
            }
            DecodeErrorKind::Negative(n) | DecodeErrorKind::NegativeFrameLength(n) => {
                write!(f, "{n} is negative")
            }
            DecodeErrorKind::CountTooLarge { count, limit } => {
                write!(f, "a count of {count}, but the bytes left hold at most {limit}")
            }
            DecodeErrorKind::FrameTooLong { length, limit } => {
                write!(f, "a body of {length} bytes, the limit is {limit}")
            }
            DecodeErrorKind::InvalidUtf8 => f.write_str("not valid UTF-8"),
            DecodeErrorKind::InvalidCode(code) => write!(f, "{code} has no meaning here"),
            DecodeErrorKind::UnsupportedVersion(byte) => {
                write!(f, "0x{byte:02x} is not a protocol version known here (v3, v4, v5)")
            }
            DecodeErrorKind::VersionMismatch { found, expected } => {
                write!(f, "a frame of {found} on a connection of {expected}")
            }
            DecodeErrorKind::WrongDirection => f.write_str("the frame goes the other way"),
            DecodeErrorKind::NotNegotiated => {
                f.write_str("the body is compressed, but no compression was agreed on")
            }
            DecodeErrorKind::WrongChecksum => f.write_str("the checksum is wrong"),
            DecodeErrorKind::InvalidSegment => {
                f.write_str("the segment is not what its header says")
            }
            DecodeErrorKind::StillCompressed => f.write_str("the body is still compressed"),
            DecodeErrorKind::InvalidCompression => {
                f.write_str("the compressed body does not decompress to the length it claims")
            }
            DecodeErrorKind::DecompressedTooLong { length, limit } => {
                write!(f, "claims {length} bytes decompressed, the limit is {limit}")
            }
            DecodeErrorKind::NestedTooDeep => f.write_str("types are nested too deep"),
            DecodeErrorKind::Contradiction => f.write_str("contradicts another field"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// A message that the protocol has no bytes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError {
    kind: EncodeErrorKind,
    field: &'static str,
}

impl EncodeError {
    /// An error in `field`.
    #[cold]
    pub const fn new(kind: EncodeErrorKind, field: &'static str) -> Self {
        Self { kind, field }
    }

    /// What is wrong.
    pub const fn kind(&self) -> EncodeErrorKind {
        self.kind
    }

    /// The name of the field in the protocol's text.
    pub const fn field(&self) -> &'static str {
        self.field
    }
}

/// The kinds of [`EncodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// Longer than the length that goes before it can say.
    TooLong {
        /// Bytes or elements given.
        length: usize,
        /// The most that can be written.
        limit: usize,
    },
    /// The protocol version of the connection has no place for this.
    NotInVersion(Version),
    /// A field that its message needs is not set.
    Missing,
    /// Fields that cannot stand together in one message.
    Contradiction,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        match self.kind {
            EncodeErrorKind::TooLong { length, limit } => {
                write!(f, "{length} is more than the {limit} that the protocol can carry")
            }
            EncodeErrorKind::NotInVersion(version) => {
                write!(f, "does not exist in {version}, only in a later version of the protocol")
            }
            EncodeErrorKind::Missing => f.write_str("must be set"),
            EncodeErrorKind::Contradiction => f.write_str("contradicts another field"),
        }
    }
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
