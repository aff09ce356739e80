//! Wrong bytes in frames and segments.

use bytes::Bytes;
use cqlwire::wire::{Compression, FrameFlags, Header, Stream};

use crate::splitter::SegmentLayout;
use crate::{FramePart, SegmentPart, WrongLength};

/// The position of the stream in a header.
const STREAM: std::ops::Range<usize> = 2..4;

/// The position of the length in a header.
const LENGTH: std::ops::Range<usize> = 5..9;

/// Returns the frame with another stream.
pub(crate) fn set_stream(frame: &[u8], stream: Stream) -> Bytes {
    let mut frame = frame.to_vec();
    frame[STREAM].copy_from_slice(&stream.0.to_be_bytes());
    frame.into()
}

/// Returns the frame with a wrong length in its header. The body is unchanged.
pub(crate) fn set_length(frame: &[u8], length: WrongLength) -> Bytes {
    let true_length = i32::try_from(frame.len() - Header::LENGTH).unwrap_or(i32::MAX);
    let difference = |bytes: u32| i32::try_from(bytes).unwrap_or(i32::MAX);
    let length = match length {
        WrongLength::Shorter(bytes) => true_length.saturating_sub(difference(bytes)).max(0),
        WrongLength::Longer(bytes) => true_length.saturating_add(difference(bytes)),
        WrongLength::Negative => -1,
        WrongLength::Huge => i32::MAX,
    };
    let mut frame = frame.to_vec();
    frame[LENGTH].copy_from_slice(&length.to_be_bytes());
    frame.into()
}

/// Returns the frame with the bits of `mask` inverted in one byte. Returns `None` if the part is empty.
pub(crate) fn corrupt_frame(frame: &[u8], part: FramePart, offset: u32, mask: u8) -> Option<Bytes> {
    let (start, length) = match part {
        FramePart::Header => (0, Header::LENGTH),
        FramePart::Body => (Header::LENGTH, frame.len() - Header::LENGTH),
    };
    let mut frame = frame.to_vec();
    frame[start + (offset as usize).checked_rem(length)?] ^= mask;
    Some(frame.into())
}

/// Returns the frame with the compressed flag inverted.
pub(crate) fn invert_compression_flag(frame: &[u8]) -> Bytes {
    let mut frame = frame.to_vec();
    frame[1] ^= FrameFlags::COMPRESSED.bits();
    frame.into()
}

/// Inverts the bits of `mask` in one byte of the first segment.
pub(crate) fn corrupt_segment(
    segments: &mut [u8],
    compression: Option<Compression>,
    part: SegmentPart,
    offset: u32,
    mask: u8,
) {
    let Some(layout) = SegmentLayout::read(segments, compression) else { return };
    let (start, length) = match part {
        SegmentPart::Header => (0, layout.header),
        SegmentPart::Payload => (layout.header, layout.payload),
        SegmentPart::Checksum => (layout.header + layout.payload, 4),
    };
    let offset = (offset as usize).checked_rem(length).unwrap_or_default();
    if let Some(byte) = segments.get_mut(start + offset) {
        *byte ^= mask;
    }
}
