//! The negotiated settings of a connection.

use super::{Compression, Version};

/// The settings that decide how frames are encoded and decoded: the protocol version and the
/// negotiated compression and extensions.
///
/// A [`Version`] converts into a context of that version with nothing negotiated.
///
/// ```
/// use cqlwire::wire::{Compression, Context, Version};
///
/// let context = Context { compression: Some(Compression::Lz4), ..Context::from(Version::V4) };
/// assert_eq!(context.max_body, Context::DEFAULT_MAX_BODY);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The protocol version of all frames on the connection.
    pub version: Version,
    /// The compression that the client requested in STARTUP (v4 §5), or `None`.
    pub compression: Option<Compression>,
    /// The negotiated protocol extensions.
    pub extensions: Extensions,
    /// The maximum length of a body in bytes. It applies to the compressed and to the uncompressed
    /// body.
    pub max_body: usize,
}

impl Context {
    /// The default of [`max_body`](Self::max_body): 256 MiB, the protocol's maximum (v4 §2.5).
    pub const DEFAULT_MAX_BODY: usize = 256 << 20;

    /// Returns the negotiated compression of frame bodies, or `None` if bodies are not compressed.
    /// The result is always `None` in v5, which compresses segments instead.
    pub const fn frame_compression(&self) -> Option<Compression> {
        match self.version {
            Version::V3 | Version::V4 => self.compression,
            Version::V5 => None,
        }
    }

    /// Returns true if EXECUTE, Prepared and Rows carry result metadata ids: in v5, or in v4 with
    /// [`Extensions::metadata_id`].
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

/// The protocol extensions that a server offers in SUPPORTED and a client requests in STARTUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    /// `SCYLLA_USE_METADATA_ID`: true if EXECUTE, Prepared and Rows of v4 carry the metadata ids of
    /// v5.
    pub metadata_id: bool,
    /// True if the type `duration` is encoded in v4 with its v5 type id, as ScyllaDB does, and not
    /// as a custom type. Decoding accepts the id even if this is false.
    pub duration: bool,
    /// `SCYLLA_RATE_LIMIT_ERROR`: the error code that the server announced for rate limit errors,
    /// or `None` if the extension is not negotiated.
    pub rate_limit_error: Option<i32>,
}
