//! Encoding of frames, with compression of their bodies.

use std::fmt;

use super::{
    Compression, Context, EncodeError, EncodeErrorKind, FrameFlags, Header, Opcode, SharedBytes,
    Writer,
};

/// An encoder of frames. If a compression is negotiated, it compresses each body that compression
/// makes shorter.
///
/// The encoder owns the scratch buffer for compression, so that a connection allocates it once.
pub struct FrameEncoder {
    context: Context,
    scratch: Vec<u8>,
    /// The long bytes of the last frame that are not in the buffer, or `None` to copy all bytes.
    shared: Option<SharedBytes>,
}

/// Maximum length of the scratch buffer that the encoder keeps, in bytes.
const MAX_KEPT_SCRATCH: usize = 256 << 10;

/// Omits the scratch buffer, which may contain secrets.
impl fmt::Debug for FrameEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameEncoder").field("context", &self.context).finish_non_exhaustive()
    }
}

impl FrameEncoder {
    /// Creates an encoder for a connection with the settings in `context`.
    pub fn new(context: impl Into<Context>) -> Self {
        Self { context: context.into(), scratch: Vec::new(), shared: None }
    }

    /// Creates an encoder that leaves long values out of the buffer if they need not be copied. The
    /// caller gets them from [`take_shared`](Self::take_shared) after each frame.
    #[cfg(feature = "driver")]
    pub(crate) fn sharing(context: Context) -> Self {
        // Compression needs the body in one piece.
        let is_plain = context.frame_compression().is_none();
        Self { shared: is_plain.then(SharedBytes::default), ..Self::new(context) }
    }

    /// Removes and returns the bytes that the last frame left out of the buffer.
    #[cfg(feature = "driver")]
    pub(crate) fn take_shared(&mut self) -> SharedBytes {
        self.shared.as_mut().map(std::mem::take).unwrap_or_default()
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
            self.shared.iter_mut().for_each(SharedBytes::clear);
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
        let is_taken = self.shared.as_ref().is_none_or(SharedBytes::is_empty);
        debug_assert!(is_taken, "the shared bytes of the last frame were not taken");
        let start = out.len();
        let mut writer = match &mut self.shared {
            Some(shared) => Writer::sharing(out, shared),
            None => Writer::new(out),
        };
        let body_length = header.open(&mut writer);
        // The header is in `out`, and no bytes are shared before the body.
        let body_start = start.saturating_add(Header::LENGTH);
        body(&mut writer)?;
        let length = writer.position().saturating_sub(body_start);
        let limit = self.context.max_body;
        if length > limit {
            return Err(EncodeError::new(EncodeErrorKind::TooLong { length, limit }, "body"));
        }
        writer.fill_length(body_length, length, "body")?;
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
        let flags = header.flags.with(FrameFlags::COMPRESSED, true);
        let header = Header { flags, ..header };
        if start == 0 && body.len() > MAX_KEPT_SCRATCH {
            // The compressed frame replaces the buffer, so that the compressed body is not copied.
            let mut frame = Vec::new();
            let length = header.open(&mut Writer::new(&mut frame));
            compression.compress(body, &mut frame);
            if frame.len() < out.len() {
                Writer::new(&mut frame).close_length(length, "body")?;
                *out = frame;
            }
            return Ok(());
        }
        let compressed = compression.compress_into(body, &mut self.scratch);
        let result = match compressed.len() < body.len() {
            true => {
                out.truncate(start);
                let mut writer = Writer::new(out);
                header.encode(&mut writer);
                writer.bytes(Some(compressed), "body")
            }
            false => Ok(()),
        };
        if self.scratch.len() > MAX_KEPT_SCRATCH {
            self.scratch = Vec::new();
        }
        result
    }
}

impl Opcode {
    /// Returns true if the protocol allows compression of this message. Returns false for STARTUP,
    /// which requests the compression, and for OPTIONS, which may precede STARTUP (v4 §5).
    const fn may_be_compressed(self) -> bool {
        !matches!(self, Self::Startup | Self::Options)
    }
}

#[cfg(all(test, feature = "driver"))]
mod tests {
    use bytes::Bytes;

    use super::super::{MIN_SHARED, Stream, Version};
    use super::*;

    const HEADER: Header = Header {
        version: Version::V4,
        is_response: false,
        flags: FrameFlags::NONE,
        stream: Stream(1),
        opcode: Opcode::Query,
    };

    #[test]
    fn shared_bytes_count_for_the_length_of_the_body() {
        let bytes = Bytes::from(vec![7; MIN_SHARED]);
        let body = |writer: &mut Writer<'_>| {
            writer.int(1);
            writer.shared(&bytes);
            writer.int(2);
            Ok(())
        };
        let lz4 = Context { compression: Some(Compression::Lz4), ..Version::V4.into() };
        for (context, is_shared) in [(Version::V4.into(), true), (lz4, false)] {
            let (mut copied, mut out) = (Vec::new(), Vec::new());
            FrameEncoder::new(context).encode(HEADER, &mut copied, body).unwrap();
            let mut encoder = FrameEncoder::sharing(context);
            encoder.encode(HEADER, &mut out, body).unwrap();
            let shared = encoder.take_shared();
            assert_eq!(shared.len(), if is_shared { bytes.len() } else { 0 });
            assert!(shared.into_parts(0, out.into()).concat() == copied);
            assert!(encoder.take_shared().is_empty());
        }
        let small = Context { max_body: 100, ..Version::V4.into() };
        let mut encoder = FrameEncoder::sharing(small);
        assert!(encoder.encode(HEADER, &mut Vec::new(), body).is_err());
        assert!(encoder.take_shared().is_empty());
    }

    #[test]
    fn a_long_compressed_body_takes_the_place_of_the_buffer() {
        let lz4 = Context { compression: Some(Compression::Lz4), ..Version::V4.into() };
        let compressible = vec![7; 2 * MAX_KEPT_SCRATCH];
        let mut state = 1_u32;
        let random = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let incompressible: Vec<u8> = (0..2 * MAX_KEPT_SCRATCH).map(random).collect();
        for (body, is_compressed) in [(compressible, true), (incompressible, false)] {
            let write = |writer: &mut Writer<'_>| {
                writer.raw(&body);
                Ok(())
            };
            let (mut first, mut second) = (Vec::new(), vec![0xee]);
            FrameEncoder::new(lz4).encode(HEADER, &mut first, write).unwrap();
            FrameEncoder::new(lz4).encode(HEADER, &mut second, write).unwrap();
            assert!(first == second[1..], "the buffer's content does not matter");
            assert_eq!(first.len() < body.len(), is_compressed);
            let (header, length) = Header::decode(&first).unwrap().unwrap();
            assert_eq!((header.is_compressed(), length), (is_compressed, first.len() - 9));
        }
    }
}
