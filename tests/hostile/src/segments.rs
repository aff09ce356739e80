//! Wrong segments with right checksums (v5 §2).

use cqlwire::wire::Compression;

use crate::crc::{crc24, crc32};

/// The way in which the segments of a frame are wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Segments {
    /// The segment states this length of its payload.
    Length(usize),
    /// The segment states this length of its payload before compression.
    Uncompressed(usize),
    /// The payload is the best compressible block, of this compressed length, which states this length
    /// before compression.
    Bomb { block: usize, claimed: usize },
    /// The self-contained flag is false although the segment has the whole frame.
    NotSelfContained,
    /// The frame is split into segments of this payload, each of which says that it is self-contained.
    SelfContainedParts(usize),
    /// The frame is split into segments of this payload, rightly.
    Parts(usize),
    /// This number of empty segments precedes the frame.
    Empty(usize),
    /// The checksum of the header is wrong.
    HeaderChecksum,
    /// The checksum of the payload is wrong.
    PayloadChecksum,
}

impl Segments {
    pub(crate) const ALL: &[Self] = &[
        Self::Length(0),
        Self::Length(1),
        Self::Length((1 << 17) - 1),
        Self::Uncompressed(1),
        Self::Uncompressed((1 << 17) - 1),
        Self::Bomb { block: 514, claimed: (1 << 17) - 1 },
        Self::Bomb { block: 500, claimed: (1 << 17) - 1 },
        Self::NotSelfContained,
        Self::SelfContainedParts(16),
        Self::Parts(9),
        Self::Parts(1),
        Self::Empty(5_000),
        Self::HeaderChecksum,
        Self::PayloadChecksum,
    ];

    /// Returns the segments of a frame.
    pub(crate) fn forge(self, frame: &[u8], compression: Option<Compression>) -> Vec<u8> {
        let segment = |length, uncompressed, is_self_contained, payload: &[u8]| {
            forge(compression.is_some(), length, uncompressed, is_self_contained, payload)
        };
        let parts = |length, is_self_contained| {
            let parts = frame.chunks(length);
            parts.flat_map(|part| segment(part.len(), 0, is_self_contained, part)).collect()
        };
        let whole = || segment(frame.len(), 0, true, frame);
        match self {
            Self::Length(length) => segment(length, 0, true, frame),
            Self::Uncompressed(length) => segment(frame.len(), length, true, frame),
            Self::Bomb { block, claimed } => {
                // A literal, and a match of the length that the bytes 255 add up to.
                let mut bomb = vec![0x1f, 0, 1, 0];
                bomb.resize(block, 0xff);
                segment(bomb.len(), claimed, true, &bomb)
            }
            Self::NotSelfContained => segment(frame.len(), 0, false, frame),
            Self::SelfContainedParts(length) => parts(length, true),
            Self::Parts(length) => parts(length, false),
            Self::Empty(count) => [segment(0, 0, true, &[]).repeat(count), whole()].concat(),
            Self::HeaderChecksum => {
                let mut bytes = whole();
                bytes[if compression.is_some() { 5 } else { 3 }] ^= 1;
                bytes
            }
            Self::PayloadChecksum => {
                let mut bytes = whole();
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
                bytes
            }
        }
    }
}

/// Encodes a segment with right checksums and any other fields.
fn forge(
    is_compressed: bool,
    length: usize,
    uncompressed: usize,
    is_self_contained: bool,
    payload: &[u8],
) -> Vec<u8> {
    let length = (length & 0x1_ffff) as u64;
    let flag = u64::from(is_self_contained);
    let (fields, width) = match is_compressed {
        true => (length | (uncompressed as u64 & 0x1_ffff) << 17 | flag << 34, 5),
        false => (length | flag << 17, 3),
    };
    let mut bytes = fields.to_le_bytes()[..width].to_vec();
    let checksum = crc24(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes()[..3]);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32(payload).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use cqlwire::wire::{Segment, SegmentDecoder};

    use super::*;

    #[test]
    fn forged_segments_have_right_checksums() {
        let frame = [7; 40];
        for compression in [None, Some(Compression::Lz4)] {
            for segments in [Segments::NotSelfContained, Segments::Parts(9), Segments::Empty(3)] {
                let mut decoder = SegmentDecoder::new(compression);
                decoder.extend(&segments.forge(&frame, compression));
                let mut payload = Vec::new();
                while let Some(Segment { payload: part, .. }) = decoder.next_segment().unwrap() {
                    payload.extend_from_slice(&part);
                }
                assert_eq!(payload, frame);
            }
        }
    }
}
