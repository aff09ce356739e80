//! Rust types for two notations of v4 §3: `[value]` and `[bytes map]`.

use bytes::Bytes;

/// A `[bytes map]` (v4 §3). Order, duplicate keys and null values are preserved.
pub type BytesMap = Vec<(String, Option<Bytes>)>;

/// A `[value]` (v4 §3): bytes, `null` or `unset`.
///
/// `null` deletes the column's content, and `unset` leaves it unchanged. A value of zero bytes
/// (`Bytes(&[])`) is the empty value, not `null` or `unset`. Protocol v3 has no `unset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RawValue<'a> {
    /// A value in the encoding of its CQL type.
    Bytes(&'a [u8]),
    /// `null` (length -1).
    Null,
    /// `unset`, the protocol's "not set" (length -2, v4 and later).
    Unset,
}

impl<'a> RawValue<'a> {
    /// Returns the bytes, or `None` for `null` and `unset`.
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
