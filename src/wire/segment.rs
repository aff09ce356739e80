//! Segments: what v5 carries its frames in (v5 §2).

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::compression::{lz4_compress, lz4_decompress};
use super::crc::{crc24, crc32};
use super::{Compression, DecodeError, DecodeErrorKind, Header};

/// The longest payload of a segment, in bytes, as it is before compression.
pub const MAX_SEGMENT_PAYLOAD: usize = (1 << 17) - 1;

/// How many bytes of a segment stand after its payload.
const TRAILER: usize = 4;

/// A segment's payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// Whether the payload is whole frames, one or more; if not, it is a piece of one that is too
    /// long for a segment.
    pub self_contained: bool,
    /// The payload, decompressed.
    pub payload: BytesMut,
    /// How long the payload was as it came, if it was compressed.
    pub compressed_length: Option<usize>,
}

/// The payload may be secret, and is not shown.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("self_contained", &self.self_contained)
            .field("payload_length", &self.payload.len())
            .field("compressed_length", &self.compressed_length)
            .finish()
    }
}

/// Finds the segments in a stream of bytes, however it is cut into pieces.
pub struct SegmentDecoder {
    buffer: BytesMut,
    layout: Layout,
}

/// What has come may be secret, and is not shown.
impl fmt::Debug for SegmentDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentDecoder")
            .field("buffered", &self.buffer.len())
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// Which of the two forms of a segment the connection has agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Plain,
    Lz4,
}

/// What a segment's header says.
#[derive(Debug, Clone, Copy)]
struct SegmentHeader {
    /// The length of the payload as it is sent.
    length: usize,
    /// The length of the payload before compression; 0 for one that is sent as it is.
    uncompressed: usize,
    self_contained: bool,
}

impl Layout {
    const fn of(compression: Option<Compression>) -> Self {
        match compression {
            Some(Compression::Lz4) => Self::Lz4,
            _ => Self::Plain,
        }
    }

    /// How many bytes of the header there are before its checksum.
    const fn word(self) -> usize {
        match self {
            Self::Plain => 3,
            Self::Lz4 => 5,
        }
    }
}

const LENGTH_BITS: u32 = 17;
const LENGTH_MASK: u64 = (1 << LENGTH_BITS) - 1;

impl SegmentDecoder {
    /// A decoder with nothing in it, of compressed segments for [`Compression::Lz4`] and of plain
    /// ones for anything else.
    pub fn new(compression: Option<Compression>) -> Self {
        Self { buffer: BytesMut::new(), layout: Layout::of(compression) }
    }

    /// Adds bytes that have arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer that [`extend`](Self::extend) fills, for reading into it without a copy.
    pub const fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether the bytes so far end between two segments.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next whole segment, or `None` until more bytes arrive. A payload that is not compressed
    /// is cut out of the buffer, not copied.
    ///
    /// # Errors
    /// A wrong checksum, or a payload that does not decompress to the length it claims. The
    /// connection has lost its place then: nobody knows which frames were in the segment.
    pub fn next_segment(&mut self) -> Result<Option<Segment>, DecodeError> {
        let word = self.layout.word();
        let before_payload = word.saturating_add(3);
        let Some(bytes) = self.buffer.get(..before_payload) else { return Ok(None) };
        let header = SegmentHeader::decode(bytes, word)?;
        let whole = before_payload.saturating_add(header.length).saturating_add(TRAILER);
        if self.buffer.len() < whole {
            return Ok(None);
        }
        self.buffer.advance(before_payload);
        let payload = self.buffer.split_to(header.length);
        if crc32(&payload) != self.buffer.get_u32_le() {
            let kind = DecodeErrorKind::WrongChecksum;
            return Err(DecodeError::new(kind, "payload", before_payload));
        }
        let (payload, compressed_length) = match self.layout {
            Layout::Lz4 if header.uncompressed > 0 => {
                let mut body = Vec::new();
                let kind = DecodeErrorKind::InvalidSegment;
                lz4_decompress(&payload, header.uncompressed, &mut body)
                    .map_err(|_| DecodeError::new(kind, "payload", before_payload))?;
                (BytesMut::from(Bytes::from(body)), Some(header.length))
            }
            _ => (payload, None),
        };
        let self_contained = header.self_contained;
        Ok(Some(Segment { self_contained, payload, compressed_length }))
    }
}

impl SegmentHeader {
    fn decode(bytes: &[u8], word: usize) -> Result<Self, DecodeError> {
        let number = |bytes: &[u8]| {
            bytes.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte))
        };
        let (head, checksum) = bytes.split_at_checked(word).unwrap_or_default();
        if u64::from(crc24(head)) != number(checksum) {
            return Err(DecodeError::new(DecodeErrorKind::WrongChecksum, "segment_header", 0));
        }
        let head = number(head);
        let field = |shift: u32| {
            let bits = head.checked_shr(shift).unwrap_or_default() & LENGTH_MASK;
            usize::try_from(bits).unwrap_or(MAX_SEGMENT_PAYLOAD)
        };
        let (uncompressed, flag) = match word {
            3 => (0, LENGTH_BITS),
            _ => (field(LENGTH_BITS), LENGTH_BITS.saturating_mul(2)),
        };
        let self_contained = head.checked_shr(flag).unwrap_or_default() & 1 == 1;
        Ok(Self { length: field(0), uncompressed, self_contained })
    }

    fn encode(self, word: usize, out: &mut Vec<u8>) {
        let place = |number: usize, shift: u32| {
            u64::try_from(number).unwrap_or_default().checked_shl(shift).unwrap_or_default()
        };
        let (uncompressed, flag) = match word {
            3 => (0, LENGTH_BITS),
            _ => (place(self.uncompressed, LENGTH_BITS), LENGTH_BITS.saturating_mul(2)),
        };
        let flag = place(self.self_contained.into(), flag);
        let head = (place(self.length, 0) | uncompressed | flag).to_le_bytes();
        let head = head.get(..word).unwrap_or_default();
        out.extend_from_slice(head);
        let [checksum @ .., _] = crc24(head).to_le_bytes();
        out.extend_from_slice(&checksum);
    }
}

/// Writes segments.
///
/// It keeps the room that compression needs, so that a connection allocates it once.
#[derive(Clone)]
pub struct SegmentEncoder {
    layout: Layout,
    room: Vec<u8>,
}

/// What was written may be secret, and is not shown.
impl fmt::Debug for SegmentEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentEncoder").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl SegmentEncoder {
    /// An encoder of compressed segments for [`Compression::Lz4`], and of plain ones for anything
    /// else.
    pub const fn new(compression: Option<Compression>) -> Self {
        Self { layout: Layout::of(compression), room: Vec::new() }
    }

    /// Writes whole frames, one after the other in `frames`, at the end of `out`: as many as fit
    /// into each segment, and one that fits into none in several.
    pub fn encode(&mut self, frames: &[u8], out: &mut Vec<u8>) {
        let mut rest = frames;
        while !rest.is_empty() {
            let whole = whole_frames(rest);
            let self_contained = whole > 0;
            let length = if self_contained { whole } else { first_frame(rest) };
            let (now, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            for payload in now.chunks(MAX_SEGMENT_PAYLOAD) {
                self.encode_one(payload, self_contained, out);
            }
            rest = later;
        }
    }

    fn encode_one(&mut self, payload: &[u8], self_contained: bool, out: &mut Vec<u8>) {
        let word = self.layout.word();
        if self.layout == Layout::Lz4 {
            let compressed = lz4_compress(payload, &mut self.room);
            if compressed.len() < payload.len() {
                let (length, uncompressed) = (compressed.len(), payload.len());
                SegmentHeader { length, uncompressed, self_contained }.encode(word, out);
                out.extend_from_slice(compressed);
                out.extend_from_slice(&crc32(compressed).to_le_bytes());
                return;
            }
        }
        let length = payload.len();
        SegmentHeader { length, uncompressed: 0, self_contained }.encode(word, out);
        out.extend_from_slice(payload);
        out.extend_from_slice(&crc32(payload).to_le_bytes());
    }
}

/// Writes a segment whose checksums are right, whatever else it says: for what hostile peers send.
#[cfg(feature = "fuzzing")]
pub(crate) fn forge_segment(
    compression: Option<Compression>,
    uncompressed: usize,
    self_contained: bool,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let length = payload.len();
    SegmentHeader { length, uncompressed, self_contained }
        .encode(Layout::of(compression).word(), out);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32(payload).to_le_bytes());
}

/// How many bytes at the front of `frames` are whole frames that fit into one segment together.
fn whole_frames(frames: &[u8]) -> usize {
    let mut end = 0_usize;
    while let Some(rest) = frames.get(end..).filter(|rest| !rest.is_empty()) {
        let next = end.saturating_add(first_frame(rest));
        if next > MAX_SEGMENT_PAYLOAD {
            break;
        }
        end = next;
    }
    end
}

/// How long the first of `frames` is.
fn first_frame(frames: &[u8]) -> usize {
    match frames.first_chunk::<{ Header::LENGTH }>() {
        Some(&[.., l1, l2, l3, l4]) => {
            let body = usize::try_from(u32::from_be_bytes([l1, l2, l3, l4])).unwrap_or(usize::MAX);
            Header::LENGTH.saturating_add(body).min(frames.len())
        }
        None => frames.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMS: [Option<Compression>; 2] = [None, Some(Compression::Lz4)];

    /// A v5 frame with a body of this many bytes.
    fn frame(body: usize) -> Vec<u8> {
        let length = u32::try_from(body).unwrap().to_be_bytes();
        let mut frame = vec![0x05, 0, 0, 1, 0x07];
        frame.extend(length);
        frame.extend((0..body).map(|index| (index % 251) as u8));
        frame
    }

    fn encode(compression: Option<Compression>, frames: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        SegmentEncoder::new(compression).encode(frames, &mut out);
        out
    }

    fn decode(compression: Option<Compression>, bytes: &[u8]) -> Result<Vec<Segment>, DecodeError> {
        let mut decoder = SegmentDecoder::new(compression);
        decoder.extend(bytes);
        let mut segments = Vec::new();
        while let Some(segment) = decoder.next_segment()? {
            segments.push(segment);
        }
        assert!(decoder.is_empty());
        Ok(segments)
    }

    #[test]
    fn small_frames_share_a_segment_and_large_ones_take_several() {
        let small = [frame(0), frame(10)].concat();
        let large = frame(300_000);
        let frames = [&small[..], &large, &small].concat();
        for compression in FORMS {
            let segments = decode(compression, &encode(compression, &frames)).unwrap();
            let flags: Vec<_> = segments.iter().map(|segment| segment.self_contained).collect();
            assert_eq!(flags, [true, false, false, false, true]);
            let payloads: Vec<_> =
                segments.iter().flat_map(|segment| segment.payload.to_vec()).collect();
            assert!(payloads == frames);
        }
    }

    #[test]
    fn a_plain_segment_byte_by_byte() {
        let bytes = encode(None, &frame(0));
        assert_eq!(bytes[..3], [9, 0, 0x02]); // nine bytes, and bit 17: self-contained
        assert_eq!(bytes[3..6], crc24(&bytes[..3]).to_le_bytes()[..3]);
        assert_eq!(bytes[6..15], frame(0));
        assert_eq!(bytes[15..], crc32(&frame(0)).to_le_bytes());
    }

    #[test]
    fn what_compression_would_make_longer_is_sent_as_it_is() {
        let bytes = encode(Some(Compression::Lz4), &frame(0));
        // Length 9, uncompressed length 0, bit 34: self-contained.
        assert_eq!(bytes[..5], [9, 0, 0, 0, 0x04]);
        let compressed = encode(Some(Compression::Lz4), &frame(10_000));
        assert!(compressed.len() < 1_000);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found() {
        for compression in FORMS {
            let bytes = encode(compression, &frame(40));
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let mut decoder = SegmentDecoder::new(compression);
                decoder.extend(&flipped);
                let error = decoder.next_segment().unwrap_err();
                assert_eq!(error.kind(), DecodeErrorKind::WrongChecksum, "bit {bit}");
                assert!(!error.is_recoverable());
            }
        }
    }

    #[test]
    fn segments_are_found_however_the_bytes_are_cut() {
        for compression in FORMS {
            let bytes = encode(compression, &[frame(3), frame(200_000)].concat());
            let whole = decode(compression, &bytes).unwrap();
            for piece in [1, 7, 1_000] {
                let mut decoder = SegmentDecoder::new(compression);
                let mut segments = Vec::new();
                for piece in bytes.chunks(piece) {
                    decoder.extend(piece);
                    while let Some(segment) = decoder.next_segment().unwrap() {
                        segments.push(segment);
                    }
                }
                assert!(segments == whole, "pieces of {piece}");
            }
        }
    }
}
