//! The `[value]` notation.

/// A `[value]` (v4 §3): bytes, null, or "not set", which are three different things.
///
/// *Null* deletes; *not set* leaves the column as it is; no bytes at all (`Bytes(&[])`) is the
/// empty value. Protocol v3 has no "not set".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RawValue<'a> {
    /// A value, encoded as its CQL type says.
    Bytes(&'a [u8]),
    /// Null (length -1).
    Null,
    /// Not set (length -2, v4 and later).
    Unset,
}

impl<'a> RawValue<'a> {
    /// The bytes, or `None` for null and for not set.
    pub const fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Null | Self::Unset => None,
        }
    }
}

impl<'a> From<Option<&'a [u8]>> for RawValue<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        bytes.map_or(Self::Null, Self::Bytes)
    }
}
