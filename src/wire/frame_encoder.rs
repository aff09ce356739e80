//! Encoding of frames, with compression of their bodies.

use std::fmt;

use super::{
    Compression, Context, EncodeError, EncodeErrorKind, FrameFlags, Header, Opcode, Writer,
};

/// An encoder of frames. If a compression is negotiated, it compresses each body that compression
/// makes shorter.
///
/// The encoder owns the scratch buffer for compression, so that a connection allocates it once.
pub struct FrameEncoder {
    context: Context,
    scratch: Vec<u8>,
}

/// Omits the scratch buffer, which may contain secrets.
impl fmt::Debug for FrameEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameEncoder").field("context", &self.context).finish_non_exhaustive()
    }
}

impl FrameEncoder {
    /// Creates an encoder for a connection with the settings in `context`.
    pub fn new(context: impl Into<Context>) -> Self {
        Self { context: context.into(), scratch: Vec::new() }
    }

    /// Returns the settings of the connection.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Appends a frame to `out`. The function `body` writes the body of the frame.
    ///
    /// # Errors
    /// Returns the error of `body`, or an error if the body is longer than [`Context::max_body`].
    /// `out` is then unchanged.
    #[inline]
    pub fn encode(
        &mut self,
        header: Header,
        out: &mut Vec<u8>,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let result = self.append_frame(header, out, body);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// Appends a frame to `out`. On an error, `out` may end with part of the frame.
    #[inline]
    fn append_frame(
        &mut self,
        header: Header,
        out: &mut Vec<u8>,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let mut writer = Writer::new(out);
        let body_length = header.open(&mut writer);
        let body_start = writer.position();
        body(&mut writer)?;
        let length = writer.position().saturating_sub(body_start);
        let limit = self.context.max_body;
        if length > limit {
            return Err(EncodeError::new(EncodeErrorKind::TooLong { length, limit }, "body"));
        }
        writer.close_length(body_length, "body")?;
        match self.context.frame_compression() {
            Some(compression) => self.compress(compression, header, out, start, body_start),
            None => Ok(()),
        }
    }

    /// Replaces the body at the end of `out` by the compressed body if that is shorter. STARTUP and
    /// OPTIONS stay uncompressed.
    #[inline(never)]
    fn compress(
        &mut self,
        compression: Compression,
        header: Header,
        out: &mut Vec<u8>,
        start: usize,
        body_start: usize,
    ) -> Result<(), EncodeError> {
        if !header.opcode.may_be_compressed() {
            return Ok(());
        }
        let body = out.get(body_start..).unwrap_or_default();
        let compressed = compression.compress_into(body, &mut self.scratch);
        if compressed.len() >= body.len() {
            return Ok(());
        }
        out.truncate(start);
        let mut writer = Writer::new(out);
        let flags = header.flags.with(FrameFlags::COMPRESSED, true);
        Header { flags, ..header }.encode(&mut writer);
        writer.bytes(Some(compressed), "body")
    }
}

impl Opcode {
    /// Returns true if the protocol allows compression of this message. Returns false for STARTUP,
    /// which requests the compression, and for OPTIONS, which may precede STARTUP (v4 §5).
    const fn may_be_compressed(self) -> bool {
        !matches!(self, Self::Startup | Self::Options)
    }
}
