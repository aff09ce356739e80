//! The versions of the native protocol.

use std::fmt;
use std::str::FromStr;

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
    /// Version 3, which Cassandra 2.1 and later support.
    V3,
    /// Version 4, which Cassandra 2.2 and later and ScyllaDB support.
    V4,
    /// Version 5, which Cassandra 4.0 and later support.
    V5,
}

impl Version {
    /// All supported versions, oldest first.
    pub const ALL: [Self; 3] = [Self::V3, Self::V4, Self::V5];

    /// Returns the version number: 3, 4 or 5.
    pub const fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
            Self::V5 => 5,
        }
    }

    /// Returns the version with this number, or `None` if it is not supported.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
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

/// The error for text that does not name a supported protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownVersion;

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown protocol version, expected 3, 4 or 5")
    }
}

impl std::error::Error for UnknownVersion {}
