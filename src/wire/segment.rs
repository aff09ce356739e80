//! Segments, which carry frames in v5 (v5 §2).

use std::fmt;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use super::compression::{lz4_compress, lz4_decompress, lz4_decompress_onto};
use super::crc::{crc24, crc32, crc32_of_slices};
use super::{Compression, DecodeError, DecodeErrorKind, Header};

/// The maximum length of a segment payload before compression, in bytes.
pub const MAX_SEGMENT_PAYLOAD: usize = (1 << 17) - 1;

/// The length of the checksum after the payload, in bytes.
const TRAILER: usize = 4;

/// A decoded segment.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// True if the payload consists of one or more whole frames. False if the payload is a part of
    /// a frame that is too long for one segment.
    pub self_contained: bool,
    /// The payload, decompressed.
    pub payload: BytesMut,
    /// The length of the compressed payload on the wire in bytes, or `None` for a payload that was
    /// not compressed.
    pub compressed_length: Option<usize>,
}

/// Omits the payload, which may contain secrets.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("self_contained", &self.self_contained)
            .field("payload_length", &self.payload.len())
            .field("compressed_length", &self.compressed_length)
            .finish()
    }
}

/// Splits a stream of bytes into segments. The bytes may arrive in pieces of any size.
pub struct SegmentDecoder {
    buffer: BytesMut,
    layout: Layout,
}

/// Omits the buffered bytes, which may contain secrets.
impl fmt::Debug for SegmentDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentDecoder")
            .field("buffered", &self.buffer.len())
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// The two formats of a segment header (v5 §2.1, §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Plain,
    Lz4,
}

/// The fields of a segment header.
#[derive(Debug, Clone, Copy)]
struct SegmentHeader {
    /// The length of the payload on the wire, in bytes.
    length: usize,
    /// The length of the payload before compression in bytes, or 0 if the payload is not
    /// compressed.
    uncompressed: usize,
    self_contained: bool,
}

impl Layout {
    const fn new(compression: Option<Compression>) -> Self {
        match compression {
            Some(Compression::Lz4) => Self::Lz4,
            _ => Self::Plain,
        }
    }

    /// Returns the length of the header without its checksum, in bytes.
    const fn header_length(self) -> usize {
        match self {
            Self::Plain => 3,
            Self::Lz4 => 5,
        }
    }
}

const LENGTH_BITS: u32 = 17;
const LENGTH_MASK: u64 = (1 << LENGTH_BITS) - 1;

impl SegmentDecoder {
    /// Creates a decoder. It expects the compressed format for [`Compression::Lz4`], and otherwise
    /// the uncompressed format.
    pub fn new(compression: Option<Compression>) -> Self {
        Self { buffer: BytesMut::new(), layout: Layout::new(compression) }
    }

    /// Appends received bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the buffer that [`extend`](Self::extend) appends to, so that a caller can read from a
    /// socket into it without a copy.
    pub const fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Returns true if the buffered bytes contain no part of a segment.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Returns the next whole segment, or `None` if more bytes are needed.
    ///
    /// An uncompressed payload is split off the buffer without a copy.
    ///
    /// # Errors
    /// Returns an error if a checksum is wrong, or if the payload does not decompress to the length
    /// in the segment header. The frames in the segment are then unknown, and the connection must
    /// be closed.
    pub fn next_segment(&mut self) -> Result<Option<Segment>, DecodeError> {
        let Some(segment) = self.next_received()? else { return Ok(None) };
        let self_contained = segment.self_contained();
        let compressed_length = segment.is_compressed().then_some(segment.header.length);
        let payload = segment.into_payload()?;
        Ok(Some(Segment { self_contained, payload, compressed_length }))
    }

    /// Returns the next whole segment like [`next_segment`](Self::next_segment), but does not decompress
    /// its payload.
    pub(super) fn next_received(&mut self) -> Result<Option<ReceivedSegment>, DecodeError> {
        let before_payload = self.layout.header_length().saturating_add(3);
        let Some(bytes) = self.buffer.get(..before_payload) else { return Ok(None) };
        let header = SegmentHeader::decode(bytes, self.layout)?;
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
        Ok(Some(ReceivedSegment { header, payload, offset: before_payload }))
    }
}

/// A segment with a correct checksum, whose payload may be compressed.
pub(super) struct ReceivedSegment {
    header: SegmentHeader,
    payload: BytesMut,
    /// Offset of the payload in the segment.
    offset: usize,
}

impl ReceivedSegment {
    pub(super) const fn self_contained(&self) -> bool {
        self.header.self_contained
    }

    const fn is_compressed(&self) -> bool {
        self.header.uncompressed > 0
    }

    /// Returns the length of the payload after decompression.
    pub(super) fn len(&self) -> usize {
        if self.is_compressed() { self.header.uncompressed } else { self.payload.len() }
    }

    /// Returns the payload. It is copied only if it has to be decompressed.
    pub(super) fn into_payload(self) -> Result<BytesMut, DecodeError> {
        if !self.is_compressed() {
            return Ok(self.payload);
        }
        let mut body = Vec::new();
        lz4_decompress(&self.payload, self.header.uncompressed, &mut body)
            .map_err(|_| self.invalid_payload())?;
        Ok(BytesMut::from(Bytes::from(body)))
    }

    /// Appends the payload to `out`.
    pub(super) fn append_to(&self, out: &mut BytesMut) -> Result<(), DecodeError> {
        if !self.is_compressed() {
            out.extend_from_slice(&self.payload);
            return Ok(());
        }
        lz4_decompress_onto(&self.payload, self.header.uncompressed, out)
            .map_err(|_| self.invalid_payload())
    }

    const fn invalid_payload(&self) -> DecodeError {
        DecodeError::new(DecodeErrorKind::InvalidSegment, "payload", self.offset)
    }
}

impl SegmentHeader {
    fn decode(bytes: &[u8], layout: Layout) -> Result<Self, DecodeError> {
        let little_endian = |bytes: &[u8]| {
            bytes.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte))
        };
        let (fields, checksum) = bytes.split_at_checked(layout.header_length()).unwrap_or_default();
        if u64::from(crc24(fields)) != little_endian(checksum) {
            return Err(DecodeError::new(DecodeErrorKind::WrongChecksum, "segment_header", 0));
        }
        let fields = little_endian(fields);
        let length_at = |shift: u32| {
            let bits = fields.checked_shr(shift).unwrap_or_default() & LENGTH_MASK;
            usize::try_from(bits).unwrap_or(MAX_SEGMENT_PAYLOAD)
        };
        let (uncompressed, flag_shift) = match layout {
            Layout::Plain => (0, LENGTH_BITS),
            Layout::Lz4 => (length_at(LENGTH_BITS), LENGTH_BITS.saturating_mul(2)),
        };
        let self_contained = fields.checked_shr(flag_shift).unwrap_or_default() & 1 == 1;
        Ok(Self { length: length_at(0), uncompressed, self_contained })
    }

    fn encode(self, layout: Layout, out: &mut Vec<u8>) {
        let shifted = |number: usize, shift: u32| {
            u64::try_from(number).unwrap_or_default().checked_shl(shift).unwrap_or_default()
        };
        let (uncompressed, flag_shift) = match layout {
            Layout::Plain => (0, LENGTH_BITS),
            Layout::Lz4 => (shifted(self.uncompressed, LENGTH_BITS), LENGTH_BITS.saturating_mul(2)),
        };
        let flag = shifted(self.self_contained.into(), flag_shift);
        let fields = (shifted(self.length, 0) | uncompressed | flag).to_le_bytes();
        let fields = fields.get(..layout.header_length()).unwrap_or_default();
        out.extend_from_slice(fields);
        let [checksum @ .., _] = crc24(fields).to_le_bytes();
        out.extend_from_slice(&checksum);
    }
}

/// Encodes frames into segments.
///
/// The encoder owns the scratch buffer for compression, so that a connection allocates it once.
#[derive(Clone)]
pub struct SegmentEncoder {
    layout: Layout,
    scratch: Vec<u8>,
}

/// Omits the scratch buffer, which may contain secrets.
impl fmt::Debug for SegmentEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentEncoder").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl SegmentEncoder {
    /// Creates an encoder. It writes the compressed format for [`Compression::Lz4`], and otherwise the
    /// uncompressed format.
    pub const fn new(compression: Option<Compression>) -> Self {
        Self { layout: Layout::new(compression), scratch: Vec::new() }
    }

    /// Encodes `frames`, which are whole frames in a row, into segments and appends the segments to
    /// `out`.
    ///
    /// Each segment contains as many whole frames as fit. A frame that is too long for one segment
    /// is split across several segments.
    pub fn encode(&mut self, frames: &[u8], out: &mut Vec<u8>) {
        let mut rest = frames;
        while !rest.is_empty() {
            let fitting = fitting_frames_length(rest);
            let self_contained = fitting > 0;
            let length = if self_contained { fitting } else { first_frame_length(rest) };
            let (frames, remaining) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            for payload in frames.chunks(MAX_SEGMENT_PAYLOAD) {
                self.encode_segment(payload, self_contained, out);
            }
            rest = remaining;
        }
    }

    /// Encodes `slices` as one segment and appends it to `out`. The slices are whole frames, or a part of
    /// one frame, of at most [`MAX_SEGMENT_PAYLOAD`] bytes.
    pub(crate) fn encode_slices(
        &mut self,
        slices: &[IoSlice<'_>],
        self_contained: bool,
        out: &mut Vec<u8>,
    ) {
        match (slices, self.layout) {
            ([payload], _) => self.encode_segment(payload, self_contained, out),
            (_, Layout::Lz4) => {
                // LZ4 needs the payload in one piece.
                let mut payload = Vec::new();
                slices.iter().for_each(|slice| payload.extend_from_slice(slice));
                self.encode_segment(&payload, self_contained, out);
            }
            (_, Layout::Plain) => self.encode_uncompressed(slices, self_contained, out),
        }
    }

    fn encode_segment(&mut self, payload: &[u8], self_contained: bool, out: &mut Vec<u8>) {
        if self.layout == Layout::Lz4 {
            let compressed = lz4_compress(payload, &mut self.scratch);
            if compressed.len() < payload.len() {
                let (length, uncompressed) = (compressed.len(), payload.len());
                SegmentHeader { length, uncompressed, self_contained }.encode(self.layout, out);
                out.extend_from_slice(compressed);
                out.extend_from_slice(&crc32(compressed).to_le_bytes());
                return;
            }
        }
        self.encode_uncompressed(&[IoSlice::new(payload)], self_contained, out);
    }

    fn encode_uncompressed(&self, slices: &[IoSlice<'_>], self_contained: bool, out: &mut Vec<u8>) {
        let length = slices.iter().map(|slice| slice.len()).sum();
        SegmentHeader { length, uncompressed: 0, self_contained }.encode(self.layout, out);
        slices.iter().for_each(|slice| out.extend_from_slice(slice));
        out.extend_from_slice(&crc32_of_slices(slices).to_le_bytes());
    }
}

/// Encodes a segment with correct checksums and arbitrary other fields, for tests of hostile peers.
#[cfg(feature = "fuzzing")]
pub(crate) fn forge_segment(
    compression: Option<Compression>,
    uncompressed: usize,
    self_contained: bool,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let length = payload.len();
    SegmentHeader { length, uncompressed, self_contained }.encode(Layout::new(compression), out);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32(payload).to_le_bytes());
}

/// Returns the total length in bytes of the leading frames that fit into one segment together.
/// Returns 0 if the first frame alone is too long.
fn fitting_frames_length(frames: &[u8]) -> usize {
    let mut end = 0_usize;
    while let Some(rest) = frames.get(end..).filter(|rest| !rest.is_empty()) {
        let next = end.saturating_add(first_frame_length(rest));
        if next > MAX_SEGMENT_PAYLOAD {
            break;
        }
        end = next;
    }
    end
}

/// Returns the length of the first frame in bytes, or of all of `frames` if the first frame is
/// incomplete.
fn first_frame_length(frames: &[u8]) -> usize {
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

    const COMPRESSIONS: [Option<Compression>; 2] = [None, Some(Compression::Lz4)];

    /// Returns a v5 frame with a body of `body` bytes.
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
    fn small_frames_share_a_segment_and_a_large_frame_takes_several() {
        let small = [frame(0), frame(10)].concat();
        let large = frame(300_000);
        let frames = [&small[..], &large, &small].concat();
        for compression in COMPRESSIONS {
            let segments = decode(compression, &encode(compression, &frames)).unwrap();
            let flags: Vec<_> = segments.iter().map(|segment| segment.self_contained).collect();
            assert_eq!(flags, [true, false, false, false, true]);
            let payloads: Vec<_> =
                segments.iter().flat_map(|segment| segment.payload.to_vec()).collect();
            assert!(payloads == frames);
        }
    }

    #[test]
    fn encodes_the_documented_bytes_of_a_plain_segment() {
        let bytes = encode(None, &frame(0));
        assert_eq!(bytes[..3], [9, 0, 0x02]); // nine bytes, and bit 17: self-contained
        assert_eq!(bytes[3..6], crc24(&bytes[..3]).to_le_bytes()[..3]);
        assert_eq!(bytes[6..15], frame(0));
        assert_eq!(bytes[15..], crc32(&frame(0)).to_le_bytes());
    }

    #[test]
    fn does_not_compress_a_payload_that_would_grow() {
        let bytes = encode(Some(Compression::Lz4), &frame(0));
        // Length 9, uncompressed length 0, bit 34: self-contained.
        assert_eq!(bytes[..5], [9, 0, 0, 0, 0x04]);
        let compressed = encode(Some(Compression::Lz4), &frame(10_000));
        assert!(compressed.len() < 1_000);
    }

    #[test]
    fn detects_any_flipped_bit() {
        for compression in COMPRESSIONS {
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
    fn decodes_segments_from_pieces_of_any_size() {
        for compression in COMPRESSIONS {
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
