//! Splitting the bytes of one direction into units: frames or segments.

use bytes::{Buf, Bytes, BytesMut};
use cqlwire::wire::{Compression, Header, SegmentDecoder};

use crate::Framing;

/// The longest unit. A direction with a longer one is not split any further.
const MAX_UNIT: usize = 64 << 20;

/// The length of the checksum of a segment's header in bytes.
const HEADER_CHECKSUM: usize = 3;

/// The length of the checksum of a segment's payload in bytes.
const PAYLOAD_CHECKSUM: usize = 4;

/// Consecutive bytes of a direction that faults change as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes that cannot be split into frames.
    Opaque(Bytes),
    /// One frame.
    Frame(Bytes),
    /// One segment with whole frames, or all segments of one frame.
    Segments { raw: Bytes, frames: Vec<Bytes> },
}

/// Splits the bytes of one direction into units.
#[derive(Debug)]
pub(crate) struct Splitter {
    buffer: BytesMut,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Opaque,
    Frames,
    Segments(Segments),
}

/// The part of the buffer that was decoded as segments of one frame.
#[derive(Debug)]
struct Segments {
    compression: Option<Compression>,
    /// Number of leading bytes of the buffer that belong to decoded segments.
    decoded: usize,
    /// The payloads of these segments.
    payload: BytesMut,
}

impl Splitter {
    /// Creates a splitter. It splits the bytes into frames if `split` is true.
    pub(crate) fn new(split: bool) -> Self {
        let format = if split { Format::Frames } else { Format::Opaque };
        Self { buffer: BytesMut::new(), format }
    }

    /// Returns the buffer for received bytes.
    pub(crate) const fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Expects segments after the last returned unit.
    pub(crate) fn start_segments(&mut self, compression: Option<Compression>) {
        if matches!(self.format, Format::Frames) {
            let segments = Segments { compression, decoded: 0, payload: BytesMut::new() };
            self.format = Format::Segments(segments);
        }
    }

    /// Returns the framing of the bytes that follow.
    pub(crate) const fn framing(&self) -> Framing {
        match self.format {
            Format::Segments(_) => Framing::Segments,
            // Without frames, checksums are unknown.
            Format::Frames | Format::Opaque => Framing::Frames,
        }
    }

    /// Returns the next unit, or `None` if more bytes are needed.
    pub(crate) fn next_unit(&mut self) -> Option<Unit> {
        let unit = match &mut self.format {
            Format::Opaque => Ok(None),
            Format::Frames => next_frame(&mut self.buffer).map(|frame| frame.map(Unit::Frame)),
            Format::Segments(segments) => segments.next_unit(&mut self.buffer),
        };
        match unit {
            Ok(Some(unit)) => Some(unit),
            Ok(None) if matches!(self.format, Format::Opaque) => self.take_rest(),
            Ok(None) => None,
            Err(Unreadable) => {
                self.format = Format::Opaque;
                self.take_rest()
            }
        }
    }

    /// Returns the bytes of an incomplete unit, after the end of the stream.
    pub(crate) fn take_rest(&mut self) -> Option<Unit> {
        if let Format::Segments(segments) = &mut self.format {
            (segments.decoded, segments.payload) = (0, BytesMut::new());
        }
        let rest = self.buffer.split().freeze();
        (!rest.is_empty()).then_some(Unit::Opaque(rest))
    }
}

/// The bytes violate the protocol.
struct Unreadable;

/// Splits the next frame off the buffer.
fn next_frame(buffer: &mut BytesMut) -> Result<Option<Bytes>, Unreadable> {
    let Some((_, body)) = Header::decode(buffer).map_err(|_| Unreadable)? else {
        return Ok(None);
    };
    let length = Header::LENGTH + body;
    match length {
        MAX_UNIT.. => Err(Unreadable),
        _ if buffer.len() < length => Ok(None),
        _ => Ok(Some(buffer.split_to(length).freeze())),
    }
}

impl Segments {
    fn next_unit(&mut self, buffer: &mut BytesMut) -> Result<Option<Unit>, Unreadable> {
        loop {
            let rest = buffer.get(self.decoded..).unwrap_or_default();
            let Some(layout) = SegmentLayout::read(rest, self.compression) else {
                return Ok(None);
            };
            let Some(raw) = rest.get(..layout.length()) else { return Ok(None) };
            let mut decoder = SegmentDecoder::new(self.compression);
            decoder.extend(raw);
            let segment = decoder.next_segment().map_err(|_| Unreadable)?.ok_or(Unreadable)?;
            self.payload.extend_from_slice(&segment.payload);
            self.decoded += layout.length();
            if self.decoded > MAX_UNIT {
                return Err(Unreadable);
            }
            let mut frames = Vec::new();
            if segment.self_contained || is_whole_frame(&self.payload) {
                while let Some(frame) = next_frame(&mut self.payload)? {
                    frames.push(frame);
                }
                if self.payload.has_remaining() {
                    return Err(Unreadable);
                }
                let raw = buffer.split_to(self.decoded).freeze();
                self.decoded = 0;
                return Ok(Some(Unit::Segments { raw, frames }));
            }
        }
    }
}

fn is_whole_frame(payload: &[u8]) -> bool {
    let header = Header::decode(payload).ok().flatten();
    header.is_some_and(|(_, body)| payload.len() >= Header::LENGTH + body)
}

/// The lengths of the parts of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentLayout {
    /// The length of the header and its checksum in bytes.
    pub(crate) header: usize,
    /// The length of the payload on the wire in bytes.
    pub(crate) payload: usize,
}

impl SegmentLayout {
    /// Reads the layout of the first segment in `bytes`. Returns `None` if its header is incomplete.
    pub(crate) fn read(bytes: &[u8], compression: Option<Compression>) -> Option<Self> {
        let fields = if compression.is_some() { 5 } else { 3 };
        let header = fields + HEADER_CHECKSUM;
        let [b0, b1, b2] = *bytes.get(..header)?.first_chunk()?;
        let payload = u32::from_le_bytes([b0, b1, b2 & 1, 0]);
        Some(Self { header, payload: payload as usize })
    }

    /// Returns the length of the segment in bytes.
    pub(crate) const fn length(self) -> usize {
        self.header + self.payload + PAYLOAD_CHECKSUM
    }
}
