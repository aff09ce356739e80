//! Frames: where one ends, what its body is, and how to write one.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::{
    Compression, Context, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, FrameFlags,
    Header, Opcode, SegmentDecoder, Writer,
};

/// A frame whose header is decoded and whose body is not: what a proxy passes on.
#[derive(Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// The header.
    pub header: Header,
    /// The body as it was sent, compressed if the header says so.
    pub body: Bytes,
}

impl RawFrame {
    /// The body, decompressed if it has to be. A plain body is shared, not copied.
    ///
    /// # Errors
    /// A compressed body where `context` has no compression, or one that lies about its length.
    pub fn plain_body(&self, context: &Context) -> Result<Bytes, DecodeError> {
        if !self.header.is_compressed() {
            return Ok(self.body.clone());
        }
        let at_body = |kind| DecodeError::new(kind, "body", Header::LENGTH);
        let compression =
            context.compression.ok_or_else(|| at_body(DecodeErrorKind::NotNegotiated))?;
        compression.decompress(&self.body, context.max_body).map(Bytes::from).map_err(at_body)
    }

    /// The same frame with a plain body.
    ///
    /// # Errors
    /// As [`plain_body`](Self::plain_body).
    pub fn decompress(self, context: &Context) -> Result<Self, DecodeError> {
        if !self.header.is_compressed() {
            return Ok(self);
        }
        let body = self.plain_body(context)?;
        let flags = self.header.flags.without(FrameFlags::COMPRESSED);
        Ok(Self { header: Header { flags, ..self.header }, body })
    }

    /// Writes the frame at the end of `out`, byte for byte as it came.
    ///
    /// # Errors
    /// A body of 2 GiB or more, which cannot have come from a frame.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut writer = Writer::new(out);
        self.header.encode(&mut writer);
        writer.bytes(Some(&self.body), "body")
    }
}

/// The body of a frame that logs somebody in is not shown.
impl fmt::Debug for RawFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RawFrame");
        shown.field("header", &self.header);
        match self.header.opcode {
            Opcode::AuthResponse | Opcode::AuthChallenge | Opcode::AuthSuccess => {
                shown.field("body_length", &self.body.len())
            }
            _ => shown.field("body", &self.body),
        };
        shown.finish()
    }
}

/// Finds the frames in a stream of bytes, however it is cut into pieces.
///
/// ```
/// use cqlwire::wire::{FrameDecoder, Opcode, Version};
///
/// let mut frames = FrameDecoder::new(Version::V4);
/// frames.extend(&[0x84, 0, 0, 7, 0x02, 0, 0]); // a READY that stops half-way ...
/// assert_eq!(frames.next_frame(), Ok(None));
/// frames.extend(&[0, 0]); // ... and goes on
/// let frame = frames.next_frame()?.expect("whole now");
/// assert_eq!(frame.header.opcode, Opcode::Ready);
/// # Ok::<(), cqlwire::wire::DecodeError>(())
/// ```
pub struct FrameDecoder {
    buffer: BytesMut,
    max_body: usize,
    /// What is still to come of a frame that was too long.
    skip: usize,
    /// The header of the last such frame.
    skipped: Option<Header>,
    segments: Option<Segments>,
}

/// What has come may be secret, and is not shown.
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

/// Where frames come from once they travel in segments.
#[derive(Debug)]
struct Segments {
    decoder: SegmentDecoder,
    /// Whether the last segment promised to hold whole frames.
    self_contained: bool,
}

/// A segment that is not what its flag says: whole frames, or a piece of one (v5 §2).
const MISPLACED: DecodeError =
    DecodeError::new(DecodeErrorKind::InvalidSegment, "self_contained", 0);

impl FrameDecoder {
    /// A decoder with nothing in it, for bodies of at most `context.max_body` bytes.
    pub fn new(context: impl Into<Context>) -> Self {
        let max_body = context.into().max_body;
        Self { buffer: BytesMut::new(), max_body, skip: 0, skipped: None, segments: None }
    }

    /// The same decoder for bodies of at most `bytes`.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// From here on frames come in segments, compressed if the connection has a compression: in v5
    /// after the answer to STARTUP (v5 §2.3.1). Bytes that were added and not read are such already.
    pub fn start_segments(&mut self, compression: Option<Compression>) {
        let mut decoder = SegmentDecoder::new(compression);
        decoder.buffer_mut().unsplit(self.buffer.split());
        self.segments = Some(Segments { decoder, self_contained: false });
    }

    /// Adds bytes that have arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buffer_mut().extend_from_slice(bytes);
    }

    /// The buffer that [`extend`](Self::extend) fills, for reading into it without a copy.
    pub const fn buffer_mut(&mut self) -> &mut BytesMut {
        match &mut self.segments {
            Some(segments) => segments.decoder.buffer_mut(),
            None => &mut self.buffer,
        }
    }

    /// The next whole frame, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// After an error that [is recoverable](DecodeError::is_recoverable) - a frame that is too
    /// long - the decoder skips that frame, whose header [`skipped`](Self::skipped) gives, and goes
    /// on with the next one. After any other the decoder is of no use any more.
    pub fn next_frame(&mut self) -> Result<Option<RawFrame>, DecodeError> {
        loop {
            let frame = self.next_plain()?;
            if frame.is_some() || !self.next_segment()? {
                return Ok(frame);
            }
        }
    }

    /// The header of the last frame that was too long, to tell whom it was for.
    pub const fn skipped(&self) -> Option<&Header> {
        self.skipped.as_ref()
    }

    /// Whether the bytes so far end between two frames.
    pub fn is_empty(&self) -> bool {
        let between_segments = self.segments.as_ref().is_none_or(|s| s.decoder.is_empty());
        between_segments && self.is_between_frames()
    }

    /// Gets the next frames, or the next piece of one, out of the next segment; `false` if there is
    /// none.
    fn next_segment(&mut self) -> Result<bool, DecodeError> {
        let is_whole = self.is_between_frames();
        let Some(segments) = &mut self.segments else { return Ok(false) };
        if segments.self_contained && !is_whole {
            return Err(MISPLACED);
        }
        let Some(segment) = segments.decoder.next_segment()? else { return Ok(false) };
        segments.self_contained = segment.self_contained;
        match (segment.self_contained, is_whole) {
            (true, true) => self.buffer = segment.payload,
            // Nothing may stand between the pieces of a frame.
            (true, false) => return Err(MISPLACED),
            (false, _) => {
                // The first piece has the header, and so says how long the frame is.
                if is_whole && segment.payload.len() < Header::LENGTH {
                    return Err(MISPLACED);
                }
                self.buffer.unsplit(segment.payload);
                if self.buffer.len() > self.rest_of_frame()? {
                    return Err(MISPLACED);
                }
            }
        }
        Ok(true)
    }

    /// How long the frame is that the buffer begins with, or is in the middle of.
    fn rest_of_frame(&self) -> Result<usize, DecodeError> {
        if self.skip > 0 {
            return Ok(self.skip);
        }
        let header = Header::decode(&self.buffer)?;
        Ok(header.map_or(0, |(_, length)| Header::LENGTH.saturating_add(length)))
    }

    fn next_plain(&mut self) -> Result<Option<RawFrame>, DecodeError> {
        let skipped = self.skip.min(self.buffer.len());
        self.buffer.advance(skipped);
        self.skip = self.skip.saturating_sub(skipped);
        if self.skip > 0 {
            return Ok(None);
        }
        let Some((header, length)) = Header::decode(&self.buffer)? else {
            return Ok(None);
        };
        let whole = Header::LENGTH.saturating_add(length);
        if length > self.max_body {
            self.skip = whole;
            self.skipped = Some(header);
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            let kind = DecodeErrorKind::FrameTooLong { length, limit: self.max_body };
            return Err(DecodeError::new(kind, "length", 5));
        }
        if self.buffer.len() < whole {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(whole).freeze();
        frame.advance(Header::LENGTH);
        Ok(Some(RawFrame { header, body: frame }))
    }

    fn is_between_frames(&self) -> bool {
        self.buffer.is_empty() && self.skip == 0
    }
}

/// Writes frames, compressing their bodies where that was agreed on and makes them shorter.
///
/// It keeps the room that compression needs, so that a connection allocates it once.
pub struct FrameEncoder {
    context: Context,
    room: Vec<u8>,
}

/// What was written may be secret, and is not shown.
impl fmt::Debug for FrameEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameEncoder").field("context", &self.context).finish_non_exhaustive()
    }
}

impl FrameEncoder {
    /// An encoder for a connection that has agreed on `context`.
    pub fn new(context: impl Into<Context>) -> Self {
        Self { context: context.into(), room: Vec::new() }
    }

    /// What the connection has agreed on.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Writes a frame at the end of `out`, whose body `body` writes.
    ///
    /// # Errors
    /// What `body` returns, and a body over the limit of the context. `out` is then as it was.
    #[inline]
    pub fn encode(
        &mut self,
        header: Header,
        out: &mut Vec<u8>,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let written = self.encode_at_end(header, out, body);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    #[inline]
    fn encode_at_end(
        &mut self,
        header: Header,
        out: &mut Vec<u8>,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let mut writer = Writer::new(out);
        let open = header.open(&mut writer);
        let body_start = writer.position();
        body(&mut writer)?;
        let length = writer.position().saturating_sub(body_start);
        let limit = self.context.max_body;
        if length > limit {
            return Err(EncodeError::new(EncodeErrorKind::TooLong { length, limit }, "body"));
        }
        writer.close_length(open, "body")?;
        match self.context.frame_compression() {
            Some(compression) => self.compress(compression, header, out, start, body_start),
            None => Ok(()),
        }
    }

    /// Compresses the body that stands at the end of `out`, if that makes it shorter.
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
        let compressed = compression.compress_into(body, &mut self.room);
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

impl super::Opcode {
    /// STARTUP is what asks for compression, so it comes before it; OPTIONS may, too (v4 §5).
    const fn may_be_compressed(self) -> bool {
        !matches!(self, Self::Startup | Self::Options)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compression, MAX_SEGMENT_PAYLOAD, Opcode, SegmentEncoder, Stream, Version};
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
        let mut out = vec![0xee]; // what stands in the buffer before must stay
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
    fn frames_are_found_however_the_bytes_are_cut() {
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

    #[test]
    fn a_frame_that_is_too_long_is_skipped_to_its_end() {
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
    fn a_body_is_compressed_only_where_that_makes_it_shorter() {
        let flagged = |bytes: &[u8]| bytes[1] & 1 == 1;
        assert!(flagged(&encode(lz4(), QUERY, &[7; 99])));
        let short = encode(lz4(), QUERY, b"abc");
        assert!(!flagged(&short));
        assert_eq!(short, encode(Version::V4.into(), QUERY, b"abc"));
        let startup = Header { opcode: Opcode::Startup, ..QUERY };
        assert!(!flagged(&encode(lz4(), startup, &[7; 99])));
    }

    #[test]
    fn a_compressed_body_needs_an_agreement() {
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
    fn a_body_that_fails_leaves_the_buffer_as_it_was() {
        let context = Context { max_body: 3, ..Version::V4.into() };
        let mut out = b"before".to_vec();
        let error = FrameEncoder::new(context)
            .encode(QUERY, &mut out, |writer| writer.string("abc", "text"))
            .unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::TooLong { length: 5, limit: 3 });
        assert_eq!(out, b"before");
    }

    /// The header of a v5 frame with a body of this many bytes, and the body.
    fn v5(body: usize) -> Vec<u8> {
        encode(Version::V5.into(), Header { version: Version::V5, ..QUERY }, &vec![7; body])
    }

    #[test]
    fn a_frame_that_is_too_long_is_skipped_in_segments_too() {
        // One that shares its segment with the next frame, and one that takes three segments.
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
    fn nothing_stands_between_the_pieces_of_a_frame() {
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

    /// Pieces are of one frame: the first has its header, the last ends with it.
    #[test]
    fn pieces_that_are_not_of_one_frame_are_refused() {
        let options = [5, 0, 0, 1, 5, 0, 0, 0, 0];
        let two = [options, options].concat();
        let pieces: [&[&[u8]]; 2] = [&[&options[..4], &options[4..]], &[&two]];
        for pieces in pieces {
            let mut bytes = Vec::new();
            for piece in pieces {
                // As much as three bytes of length and the flag can say, with right checksums.
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
            assert_eq!(decoder.next_frame(), Err(MISPLACED));
        }
    }
}
