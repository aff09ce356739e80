//! Frames, and splitting a stream of bytes into frames.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::{
    Compression, Context, DecodeError, DecodeErrorKind, EncodeError, FrameFlags, Header, Opcode,
    SegmentDecoder, UnsupportedHeader, Version, Writer,
};

/// A frame with a decoded header and an undecoded body, for example to forward it in a proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// The header.
    pub header: Header,
    /// The body as received. [`Header::is_compressed`] tells whether it is compressed.
    pub body: Bytes,
}

impl RawFrame {
    /// Returns the body, decompressed if necessary. An uncompressed body is shared, not copied.
    ///
    /// # Errors
    /// Returns an error for a compressed body in four cases: `context` has no compression, the body
    /// states a length above [`Context::max_body`], it does not decompress to exactly the stated
    /// length, or the protocol forbids one of the frame's flags. A frame with an uncompressed body
    /// is not checked.
    pub fn plain_body(&self, context: &Context) -> Result<Bytes, DecodeError> {
        if !self.header.is_compressed() {
            return Ok(self.body.clone());
        }
        self.header.check_flags()?;
        let at_body = |kind| DecodeError::new(kind, "body", Header::LENGTH);
        let compression =
            context.compression.ok_or_else(|| at_body(DecodeErrorKind::NotNegotiated))?;
        compression.decompress(&self.body, context.max_body).map(Bytes::from).map_err(at_body)
    }

    /// Returns the same frame with an uncompressed body.
    ///
    /// # Errors
    /// Returns the errors of [`plain_body`](Self::plain_body).
    pub fn decompress(self, context: &Context) -> Result<Self, DecodeError> {
        if !self.header.is_compressed() {
            return Ok(self);
        }
        let body = self.plain_body(context)?;
        let flags = self.header.flags.without(FrameFlags::COMPRESSED);
        Ok(Self { header: Header { flags, ..self.header }, body })
    }

    /// Appends the frame to `out`, byte for byte as received.
    ///
    /// # Errors
    /// Returns an error if the body is 2 GiB or longer. A received body is always shorter.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut writer = Writer::new(out);
        self.header.encode(&mut writer);
        writer.bytes(Some(&self.body), "body")
    }
}

/// Omits the body of authentication messages, which may contain secrets.
impl fmt::Debug for RawFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RawFrame");
        debug.field("header", &self.header);
        match self.header.opcode {
            Opcode::AuthResponse | Opcode::AuthChallenge | Opcode::AuthSuccess => {
                debug.field("body_length", &self.body.len())
            }
            _ => debug.field("body", &self.body),
        };
        debug.finish()
    }
}

/// Splits a stream of bytes into frames. The bytes may arrive in pieces of any size.
///
/// ```
/// use cqlwire::wire::{FrameDecoder, Opcode, Version};
///
/// let mut frames = FrameDecoder::new(Version::V4);
/// frames.extend(&[0x84, 0, 0, 7, 0x02, 0, 0]); // the first part of a READY
/// assert_eq!(frames.next_frame(), Ok(None));
/// frames.extend(&[0, 0]); // the rest of the READY
/// let frame = frames.next_frame()?.expect("a whole frame");
/// assert_eq!(frame.header.opcode, Opcode::Ready);
/// # Ok::<(), cqlwire::wire::DecodeError>(())
/// ```
pub struct FrameDecoder {
    buffer: BytesMut,
    max_body: usize,
    /// Number of bytes that remain to be skipped of a frame whose body exceeds `max_body`. 0 if no
    /// frame is being skipped.
    skip: usize,
    /// The header of the last skipped frame, or `None` if no frame was skipped.
    skipped: Option<Header>,
    segments: Option<Segments>,
}

/// Omits the buffered bytes, which may contain secrets.
impl fmt::Debug for FrameDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameDecoder")
            .field("buffered", &self.buffer.len())
            .field("max_body", &self.max_body)
            .field("skip", &self.skip)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

/// The decoder of the segments that carry frames after [`FrameDecoder::start_segments`].
#[derive(Debug)]
struct Segments {
    decoder: SegmentDecoder,
    /// True if the last segment was marked as self-contained.
    self_contained: bool,
}

/// Length above which a frame does not share its memory with the frames that follow, in bytes.
const LARGE_FRAME: usize = 256 << 10;

/// Maximum space for the rest of a large frame, as a multiple of the bytes that have arrived of it. Space of
/// [`LARGE_FRAME`] is always allowed.
#[cfg(feature = "driver")]
const GROWTH: usize = 15;

/// The same for a frame in segments, whose bytes may have arrived in compressed form.
const GROWTH_IN_SEGMENTS: usize = 3;

/// Reserves space in `buffer` for the rest of a large frame, of which `missing` bytes have not arrived, if
/// there is no space for `minimum` bytes.
fn reserve_rest(buffer: &mut BytesMut, missing: usize, minimum: usize, growth: usize) {
    if missing == 0 || free(buffer) >= minimum {
        return;
    }
    let space = missing.min(buffer.len().saturating_mul(growth).max(LARGE_FRAME));
    // `BytesMut::reserve` may reserve twice as much as it is asked for.
    let mut bytes = Vec::from(std::mem::take(buffer));
    bytes.reserve_exact(space);
    *buffer = BytesMut::from(Bytes::from(bytes));
}

/// Returns the number of bytes that fit into `buffer` without an allocation.
fn free(buffer: &BytesMut) -> usize {
    buffer.capacity().saturating_sub(buffer.len())
}

/// Maximum length of a frame that is copied if it is the last in the buffer, in bytes. If it is also the
/// only one, the buffer can be reused at once, and a caller that keeps the frame does not keep the memory
/// of the buffer.
const MAX_COPIED: usize = 1 << 10;

/// The error for a segment that contradicts its self-contained flag (v5 §2).
const WRONG_SELF_CONTAINED: DecodeError =
    DecodeError::new(DecodeErrorKind::InvalidSegment, "self_contained", 0);

impl FrameDecoder {
    /// Creates a decoder for bodies of at most `context.max_body` bytes.
    ///
    /// The other settings in `context` have no effect: the decoder accepts frames of all supported
    /// protocol versions and does not decompress bodies.
    pub fn new(context: impl Into<Context>) -> Self {
        let max_body = context.into().max_body;
        Self { buffer: BytesMut::new(), max_body, skip: 0, skipped: None, segments: None }
    }

    /// Sets the maximum length of a body, in bytes.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Changes the maximum length of the bodies that follow, in bytes.
    pub(crate) const fn set_max_body(&mut self, bytes: usize) {
        self.max_body = bytes;
    }

    /// Switches to segments, which carry the frames of v5 after the response to STARTUP (v5 §2.3.1).
    ///
    /// Bytes that are already buffered are treated as segments, too.
    pub fn start_segments(&mut self, compression: Option<Compression>) {
        let mut decoder = SegmentDecoder::new(compression);
        decoder.buffer_mut().unsplit(self.buffer.split());
        self.segments = Some(Segments { decoder, self_contained: false });
    }

    /// Appends received bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buffer_mut().extend_from_slice(bytes);
    }

    /// Returns the buffer that [`extend`](Self::extend) appends to, so that a caller can read from a
    /// socket into it without a copy.
    pub const fn buffer_mut(&mut self) -> &mut BytesMut {
        match &mut self.segments {
            Some(segments) => segments.decoder.buffer_mut(),
            None => &mut self.buffer,
        }
    }

    /// Returns the buffer of [`buffer_mut`](Self::buffer_mut) with space for the next bytes of the socket.
    ///
    /// For a small frame, this is space for `minimum` bytes. For a large frame, it is space for the rest of
    /// the frame, so that the frame is received into its own memory. Since the length in the header may be
    /// wrong, the space is at most [`GROWTH`] times as long as the bytes that have arrived of the frame, or
    /// [`LARGE_FRAME`], whichever is greater.
    #[cfg(feature = "driver")]
    #[inline]
    pub(crate) fn reserve(&mut self, minimum: usize) -> &mut BytesMut {
        if self.buffer.is_empty() && self.segments.is_none() {
            self.buffer.reserve(minimum);
            return &mut self.buffer;
        }
        self.reserve_mid_frame(minimum)
    }

    #[cfg(feature = "driver")]
    fn reserve_mid_frame(&mut self, minimum: usize) -> &mut BytesMut {
        let missing = self.missing();
        match &mut self.segments {
            None if missing > 0 => {
                let minimum = minimum.min(missing);
                reserve_rest(&mut self.buffer, missing, minimum, GROWTH);
            }
            None => self.buffer.reserve(minimum),
            Some(segments) => {
                let buffer = segments.decoder.buffer_mut();
                if missing == 0 || free(buffer) < minimum {
                    buffer.reserve(minimum.max(missing.min(LARGE_FRAME)));
                }
            }
        }
        self.buffer_mut()
    }

    /// Returns the number of bytes that are missing of the large frame at the start of the frame buffer.
    /// Returns 0 if no large frame is there, or if the frame is too long and is skipped.
    fn missing(&self) -> usize {
        match Header::decode(&self.buffer) {
            Ok(Some((_, length))) if self.skip == 0 && length <= self.max_body => {
                let frame_length = Header::LENGTH.saturating_add(length);
                match frame_length > LARGE_FRAME {
                    true => frame_length.saturating_sub(self.buffer.len()),
                    false => 0,
                }
            }
            _ => 0,
        }
    }

    /// Returns the next whole frame, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// Returns an error if a header or a segment is invalid, or if a body is longer than the maximum.
    /// A body that is too long is [recoverable](DecodeError::is_recoverable): the decoder skips the
    /// frame, returns its header from [`skipped`](Self::skipped), and continues with the next frame.
    /// After [`UnsupportedVersion`](DecodeErrorKind::UnsupportedVersion), a server may continue with
    /// [`skip_unsupported`](Self::skip_unsupported). After any other error the connection must be
    /// closed.
    pub fn next_frame(&mut self) -> Result<Option<RawFrame>, DecodeError> {
        loop {
            let frame = self.next_buffered_frame()?;
            if frame.is_some() || !self.read_segment()? {
                return Ok(frame);
            }
        }
    }

    /// Skips the next frame if its version is unsupported, and returns its header. A server calls this
    /// function after [`next_frame`](Self::next_frame) has failed with
    /// [`UnsupportedVersion`](DecodeErrorKind::UnsupportedVersion), refuses the request, and continues
    /// with `next_frame`.
    ///
    /// Returns `None` if the rest of the header has not arrived, or if the version of the next frame is
    /// supported. `next_frame` fails as soon as the first byte of the frame has arrived. The body is
    /// skipped as it arrives, and is not buffered.
    ///
    /// # Errors
    /// Returns an error if the length of the body is negative, or if the frame is in a segment, which
    /// may carry frames of v5 only. The connection must then be closed.
    pub fn skip_unsupported(&mut self) -> Result<Option<UnsupportedHeader>, DecodeError> {
        let Some(&first) = self.buffer.first().filter(|_| self.skip == 0) else { return Ok(None) };
        let Err(error) = Version::from_first_byte(first) else { return Ok(None) };
        if self.segments.is_some() {
            return Err(error);
        }
        let Some((header, length)) = UnsupportedHeader::decode(&self.buffer)? else {
            return Ok(None);
        };
        self.skip = header.length().saturating_add(length);
        Ok(Some(header))
    }

    /// Returns the header of the last frame that was skipped because it was too long, or `None` if
    /// no frame was skipped.
    pub const fn skipped(&self) -> Option<&Header> {
        self.skipped.as_ref()
    }

    /// Returns true if the decoder is between frames: no part of a frame or segment is buffered or
    /// remains to be skipped.
    pub fn is_empty(&self) -> bool {
        let between_segments =
            self.segments.as_ref().is_none_or(|segments| segments.decoder.is_empty());
        between_segments && self.is_between_frames()
    }

    /// Moves the payload of the next segment to the frame buffer. Returns false if more bytes are
    /// needed.
    fn read_segment(&mut self) -> Result<bool, DecodeError> {
        let between_frames = self.is_between_frames();
        let Some(segments) = &mut self.segments else { return Ok(false) };
        if segments.self_contained && !between_frames {
            return Err(WRONG_SELF_CONTAINED);
        }
        let Some(segment) = segments.decoder.next_received()? else { return Ok(false) };
        segments.self_contained = segment.self_contained();
        match (segment.self_contained(), between_frames) {
            (true, true) => self.buffer = segment.into_payload()?,
            // No other segment may come between the parts of a frame.
            (true, false) => return Err(WRONG_SELF_CONTAINED),
            (false, _) => {
                // The first part contains the whole header, and with it the length of the frame.
                if between_frames && segment.len() < Header::LENGTH {
                    return Err(WRONG_SELF_CONTAINED);
                }
                let missing = self.missing();
                reserve_rest(&mut self.buffer, missing, segment.len(), GROWTH_IN_SEGMENTS);
                segment.append_to(&mut self.buffer)?;
                if self.buffer.len() > self.current_frame_length()? {
                    return Err(WRONG_SELF_CONTAINED);
                }
            }
        }
        Ok(true)
    }

    /// Returns the length of the frame at the start of the buffer in bytes, or 0 if its header is
    /// incomplete. While a frame is being skipped, returns the number of its bytes that remain.
    fn current_frame_length(&self) -> Result<usize, DecodeError> {
        if self.skip > 0 {
            return Ok(self.skip);
        }
        let header = Header::decode(&self.buffer)?;
        Ok(header.map_or(0, |(_, length)| Header::LENGTH.saturating_add(length)))
    }

    /// Returns the next frame from the frame buffer.
    fn next_buffered_frame(&mut self) -> Result<Option<RawFrame>, DecodeError> {
        let skipped = self.skip.min(self.buffer.len());
        self.buffer.advance(skipped);
        self.skip = self.skip.saturating_sub(skipped);
        if self.skip > 0 {
            return Ok(None);
        }
        let Some((header, length)) = Header::decode(&self.buffer)? else {
            return Ok(None);
        };
        let frame_length = Header::LENGTH.saturating_add(length);
        if length > self.max_body {
            self.skip = frame_length;
            self.skipped = Some(header);
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            let kind = DecodeErrorKind::FrameTooLong { length, limit: self.max_body };
            return Err(DecodeError::new(kind, "length", 5));
        }
        if self.buffer.len() < frame_length {
            return Ok(None);
        }
        if self.buffer.len() == frame_length && frame_length <= MAX_COPIED {
            let body = self.buffer.get(Header::LENGTH..).unwrap_or_default();
            let body = Bytes::copy_from_slice(body);
            match self.segments {
                None => self.buffer.clear(),
                // The payload of a segment shares the memory of the received bytes.
                Some(_) => self.buffer = BytesMut::new(),
            }
            return Ok(Some(RawFrame { header, body }));
        }
        let mut body = self.buffer.split_to(frame_length).freeze();
        body.advance(Header::LENGTH);
        if frame_length > LARGE_FRAME && self.buffer.len() < frame_length {
            // Otherwise, the rest of the buffer would keep the memory of the frame.
            self.buffer = BytesMut::from(self.buffer.as_ref());
            if let Some(segments) = &mut self.segments
                && segments.decoder.is_empty()
            {
                *segments.decoder.buffer_mut() = BytesMut::new();
            }
        }
        Ok(Some(RawFrame { header, body }))
    }

    fn is_between_frames(&self) -> bool {
        self.buffer.is_empty() && self.skip == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        EncodeErrorKind, FrameEncoder, MAX_SEGMENT_PAYLOAD, SegmentEncoder, Stream, Version,
    };
    use super::*;

    const QUERY: Header = Header {
        version: Version::V4,
        is_response: false,
        flags: FrameFlags::NONE,
        stream: Stream(5),
        opcode: Opcode::Query,
    };

    fn lz4() -> Context {
        Context { compression: Some(Compression::Lz4), ..Version::V4.into() }
    }

    fn encode(context: Context, header: Header, body: &[u8]) -> Vec<u8> {
        let mut out = vec![0xee]; // earlier content of the buffer must be preserved
        FrameEncoder::new(context)
            .encode(header, &mut out, |writer| {
                writer.raw(body);
                Ok(())
            })
            .unwrap();
        assert_eq!(out.remove(0), 0xee);
        out
    }

    #[test]
    fn decodes_frames_from_pieces_of_any_size() {
        let bytes = [encode(Version::V4.into(), QUERY, b"one"), encode(lz4(), QUERY, &[7; 99])];
        let bytes = bytes.concat();
        for piece in 1..=bytes.len() {
            let mut decoder = FrameDecoder::new(Version::V4);
            let mut bodies = Vec::new();
            for piece in bytes.chunks(piece) {
                decoder.extend(piece);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    bodies.push(frame.plain_body(&lz4()).unwrap());
                }
            }
            assert!(decoder.is_empty());
            assert_eq!(bodies, [&b"one"[..], &[7; 99]]);
        }
    }

    #[cfg(feature = "driver")]
    #[test]
    fn a_kept_small_frame_does_not_keep_the_buffer() {
        for (length, is_copied) in
            [(0, true), (MAX_COPIED - Header::LENGTH, true), (MAX_COPIED, false)]
        {
            let frame = encode(Version::V4.into(), QUERY, &vec![1; length]);
            let mut segments = Vec::new();
            SegmentEncoder::new(None).encode(&frame, &mut segments);
            for (is_v5, bytes) in [(false, frame), (true, segments)] {
                let mut decoder = FrameDecoder::new(Version::V4);
                if is_v5 {
                    decoder.start_segments(None);
                }
                decoder.reserve(16 << 10).extend_from_slice(&bytes);
                let before = decoder.buffer_mut().as_ptr();
                let kept = decoder.next_frame().unwrap().unwrap();
                assert_eq!(kept.body.len(), length);
                assert_eq!(decoder.next_frame().unwrap(), None);
                let buffer = decoder.reserve(16 << 10);
                assert_eq!(buffer.as_ptr() == before, is_copied, "v5: {is_v5}, length {length}");
            }
        }
    }

    #[test]
    fn skips_a_frame_that_is_too_long() {
        let bytes = [encode(Version::V4.into(), QUERY, &[1; 50]), vec![4, 0, 0, 1, 5, 0, 0, 0, 0]];
        let mut decoder = FrameDecoder::new(Version::V4).max_body(49);
        let mut seen = Vec::new();
        for byte in bytes.concat() {
            decoder.extend(&[byte]);
            match decoder.next_frame() {
                Ok(None) => {}
                Ok(Some(frame)) => seen.push(Ok(frame.header.opcode)),
                Err(error) => seen.push(Err(error.kind())),
            }
        }
        let too_long = DecodeErrorKind::FrameTooLong { length: 50, limit: 49 };
        assert_eq!(seen, [Err(too_long), Ok(Opcode::Options)]);
    }

    #[test]
    fn compresses_a_body_only_if_it_becomes_shorter() {
        let flagged = |bytes: &[u8]| bytes[1] & 1 == 1;
        assert!(flagged(&encode(lz4(), QUERY, &[7; 99])));
        let short = encode(lz4(), QUERY, b"abc");
        assert!(!flagged(&short));
        assert_eq!(short, encode(Version::V4.into(), QUERY, b"abc"));
        let startup = Header { opcode: Opcode::Startup, ..QUERY };
        assert!(!flagged(&encode(lz4(), startup, &[7; 99])));
    }

    #[test]
    fn refuses_a_compressed_body_without_a_negotiated_compression() {
        let mut decoder = FrameDecoder::new(Version::V4);
        decoder.extend(&encode(lz4(), QUERY, &[7; 99]));
        let frame = decoder.next_frame().unwrap().unwrap();
        let error = frame.plain_body(&Version::V4.into()).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::NotNegotiated);
        let mut again = Vec::new();
        frame.encode(&mut again).unwrap();
        assert_eq!(again, encode(lz4(), QUERY, &[7; 99]));
    }

    #[test]
    fn a_failed_encoding_leaves_the_buffer_unchanged() {
        let context = Context { max_body: 3, ..Version::V4.into() };
        let mut out = b"before".to_vec();
        let error = FrameEncoder::new(context)
            .encode(QUERY, &mut out, |writer| writer.string("abc", "text"))
            .unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::TooLong { length: 5, limit: 3 });
        assert_eq!(out, b"before");
    }

    /// Returns a v5 frame with a body of `body` bytes.
    fn v5(body: usize) -> Vec<u8> {
        encode(Version::V5.into(), Header { version: Version::V5, ..QUERY }, &vec![7; body])
    }

    #[test]
    fn a_long_frame_leaves_no_large_buffer_behind() {
        let long = encode(Version::V4.into(), QUERY, &vec![7; 10 << 20]);
        let mut decoder = FrameDecoder::new(Version::V4);
        for next in [b"".as_slice(), &[4, 0], &encode(Version::V4.into(), QUERY, b"one")] {
            decoder.extend(&long);
            decoder.extend(next);
            let frame = decoder.next_frame().unwrap().unwrap();
            assert_eq!(frame.body.len(), 10 << 20);
            assert_eq!(decoder.buffer_mut(), next);
            drop(frame);
            decoder.buffer_mut().reserve(1 << 10);
            assert!(decoder.buffer_mut().capacity() < 1 << 20);
            decoder.buffer_mut().clear();
        }
    }

    #[test]
    fn skips_a_frame_that_is_too_long_in_segments() {
        // A body of 50 bytes shares its segment with the next frame. A body of 300,000 bytes is
        // split across three segments.
        for long in [50, 300_000] {
            let mut bytes = Vec::new();
            SegmentEncoder::new(None).encode(&[v5(long), v5(3)].concat(), &mut bytes);
            let mut decoder = FrameDecoder::new(Version::V5).max_body(49);
            decoder.start_segments(None);
            decoder.extend(&bytes);
            let error = decoder.next_frame().unwrap_err();
            assert!(matches!(error.kind(), DecodeErrorKind::FrameTooLong { limit: 49, .. }));
            assert!(error.is_recoverable());
            assert_eq!(decoder.skipped().map(|header| header.stream), Some(QUERY.stream));
            assert_eq!(decoder.next_frame().unwrap().map(|frame| frame.body.len()), Some(3));
            assert_eq!(decoder.next_frame(), Ok(None));
            assert!(decoder.is_empty());
        }
    }

    #[test]
    fn refuses_another_frame_between_the_parts_of_a_frame() {
        let segments = |frame: &[u8]| {
            let mut bytes = Vec::new();
            SegmentEncoder::new(None).encode(frame, &mut bytes);
            bytes
        };
        let first_piece = &segments(&v5(200_000))[..6 + MAX_SEGMENT_PAYLOAD + 4];
        let mut decoder = FrameDecoder::new(Version::V5);
        decoder.start_segments(None);
        decoder.extend(first_piece);
        assert_eq!(decoder.next_frame(), Ok(None));
        decoder.extend(&segments(&v5(3)));
        let error = decoder.next_frame().unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::InvalidSegment);
        assert!(!error.is_recoverable());
    }

    /// Segments that are not self-contained carry the parts of exactly one frame. The first segment
    /// contains the whole header, and the last segment ends where the frame ends.
    #[test]
    fn refuses_parts_that_do_not_form_one_frame() {
        let options = [5, 0, 0, 1, 5, 0, 0, 0, 0];
        let two = [options, options].concat();
        let pieces: [&[&[u8]]; 2] = [&[&options[..4], &options[4..]], &[&two]];
        for pieces in pieces {
            let mut bytes = Vec::new();
            for piece in pieces {
                // A segment that is not self-contained, with correct checksums.
                let length = u8::try_from(piece.len()).unwrap();
                let head = [length, 0, 0];
                bytes.extend(head);
                bytes.extend(&super::super::crc::crc24(&head).to_le_bytes()[..3]);
                bytes.extend(*piece);
                bytes.extend(super::super::crc::crc32(piece).to_le_bytes());
            }
            let mut decoder = FrameDecoder::new(Version::V5);
            decoder.start_segments(None);
            decoder.extend(&bytes);
            assert_eq!(decoder.next_frame(), Err(WRONG_SELF_CONTAINED));
        }
    }

    #[cfg(feature = "driver")]
    #[test]
    fn memory_for_a_large_frame_grows_with_its_bytes_and_fits_exactly() {
        for (context, length) in [(Version::V4, 3_000_000), (Version::V5, 3_000_000)] {
            let body: Vec<_> = (0..length).map(|index| (index % 251) as u8).collect();
            let query = Header { version: context, ..QUERY };
            let frames =
                [encode(context.into(), query, &body), encode(context.into(), query, b"1")];
            let mut decoder = FrameDecoder::new(context);
            let mut bytes = frames.concat();
            if context == Version::V5 {
                decoder.start_segments(None);
                bytes.clear();
                SegmentEncoder::new(None).encode(&frames.concat(), &mut bytes);
            }
            let (mut rest, mut arrived, mut received) = (&bytes[..], 0, Vec::new());
            while !rest.is_empty() {
                let buffer = decoder.reserve(16 << 10);
                let space = buffer.capacity() - buffer.len();
                let count = space.min(100_000).min(rest.len());
                buffer.extend_from_slice(&rest[..count]);
                (arrived, rest) = (arrived + count, &rest[count..]);
                let memory = decoder.buffer.capacity();
                assert!(memory <= arrived * (1 + GROWTH) + 2 * LARGE_FRAME, "{memory}, {arrived}");
                received.extend(std::iter::from_fn(|| decoder.next_frame().unwrap()));
            }
            assert_eq!(received.len(), 2);
            assert!(received[0].body == body);
            let memory = BytesMut::from(received.swap_remove(0).body).capacity();
            assert!(memory <= Header::LENGTH + length, "{memory} bytes of memory for {length}");
            let capacity = decoder.buffer_mut().capacity() + decoder.buffer.capacity();
            assert!(capacity <= 2 * LARGE_FRAME, "{capacity}");
        }
    }

    #[cfg(feature = "driver")]
    #[test]
    fn a_header_with_a_wrong_length_reserves_little_memory() {
        let mut decoder = FrameDecoder::new(Version::V4);
        decoder.extend(&[0x84, 0, 0, 1, 8, 0x0f, 0xff, 0xff, 0xff, 0]);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert!(decoder.reserve(16 << 10).capacity() <= LARGE_FRAME + 64);
    }
}
