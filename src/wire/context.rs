//! What the two ends of a connection have agreed on.

use std::fmt;
use std::str::FromStr;

use super::{Compression, DecodeError, DecodeErrorKind};

/// A version of the native protocol.
///
/// ```
/// use cqlwire::wire::Version;
///
/// assert!(Version::V4 < Version::V5);
/// assert_eq!("4".parse(), Ok(Version::V4));
/// assert_eq!(Version::V3.to_string(), "v3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// Cassandra 2.1 and later.
    V3,
    /// Cassandra 2.2 and later, ScyllaDB.
    V4,
    /// Cassandra 4.0 and later.
    V5,
}

impl Version {
    /// Every version known here, the oldest first.
    pub const ALL: [Self; 3] = [Self::V3, Self::V4, Self::V5];

    /// The number: 3, 4 or 5.
    pub const fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
            Self::V5 => 5,
        }
    }

    /// The version of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
    }

    /// Splits the first byte of a frame into version and direction (`true` for a response, v4 §2.1).
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnsupportedVersion`], from this one byte alone: the headers of v1 and v2
    /// are shorter, so nobody may wait for more.
    pub fn from_first_byte(byte: u8) -> Result<(Self, bool), DecodeError> {
        match Self::from_number(byte & 0x7f) {
            Some(version) => Ok((version, byte & 0x80 != 0)),
            None => Err(DecodeError::new(DecodeErrorKind::UnsupportedVersion(byte), "version", 0)),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.number())
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let number = text.strip_prefix(['v', 'V']).unwrap_or(text);
        number.parse().ok().and_then(Self::from_number).ok_or(UnknownVersion)
    }
}

/// The text names no protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVersion;

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the protocol versions are 3, 4 and 5")
    }
}

impl std::error::Error for UnknownVersion {}

/// What decides how bytes are read and written: the version, and all that was negotiated.
///
/// It is small and `Copy`; a bare [`Version`] converts into one with nothing negotiated.
///
/// ```
/// use cqlwire::wire::{Compression, Context, Version};
///
/// let context = Context { compression: Some(Compression::Lz4), ..Context::from(Version::V4) };
/// assert_eq!(context.max_body, Context::DEFAULT_MAX_BODY);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The version of every frame on the connection.
    pub version: Version,
    /// The compression that STARTUP asked for, if any (v4 §5).
    pub compression: Option<Compression>,
    /// Extensions of the protocol that both ends agreed on.
    pub extensions: Extensions,
    /// The longest body that is accepted, in bytes, as sent and as decompressed.
    pub max_body: usize,
}

impl Context {
    /// The longest body that the protocol's text allows (v4 §2.5): 256 MiB.
    pub const DEFAULT_MAX_BODY: usize = 256 << 20;

    /// The compression of frame bodies: none in v5, which compresses segments.
    pub const fn frame_compression(&self) -> Option<Compression> {
        match self.version {
            Version::V3 | Version::V4 => self.compression,
            Version::V5 => None,
        }
    }

    /// Whether EXECUTE, Prepared and Rows carry metadata ids: in v5, or as an extension of v4.
    pub const fn has_metadata_ids(&self) -> bool {
        matches!(self.version, Version::V5) || self.extensions.metadata_id
    }
}

impl From<Version> for Context {
    fn from(version: Version) -> Self {
        Self {
            version,
            compression: None,
            extensions: Extensions::default(),
            max_body: Self::DEFAULT_MAX_BODY,
        }
    }
}

/// Extensions that a server offers in SUPPORTED and a client asks for in STARTUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    /// `SCYLLA_USE_METADATA_ID`: the metadata ids of v5 in v4's EXECUTE, Prepared and Rows.
    pub metadata_id: bool,
    /// The type `duration` has its id of v5 in v4, too, as ScyllaDB has it. It is read in any case.
    pub duration: bool,
    /// `SCYLLA_RATE_LIMIT_ERROR`: the code that the server announced for its rate-limit error.
    pub rate_limit_error: Option<i32>,
}
