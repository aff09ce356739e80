//! One change of a frame.

use bytes::{Bytes, BytesMut};
use cqlwire::wire::{FrameFlags, Header, Opcode, RawFrame};

use crate::{lie::SeenFrame, segments::Segments};

/// A change of a frame.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A part of the body is replaced. The length in the header is right.
    Splice { at: usize, removed: usize, inserted: Bytes },
    /// The whole message is replaced. The flags are set in addition to the compression.
    Replace { opcode: u8, flags: u8, body: Bytes },
    /// Bytes of the encoded header are replaced. The body is unchanged.
    Header { at: usize, bytes: Bytes },
    /// Bits of the encoded frame are inverted: positions and masks.
    Corrupt(Vec<(usize, u8)>),
    /// The compressed body is replaced. `plain` is the number of bytes to which the client may decompress
    /// it, 0 if it must be refused before.
    Compressed { body: Bytes, plain: usize },
    /// The frame is sent in wrong segments.
    Segments(Segments),
    /// Bytes follow the frame.
    Follow(Bytes),
}

/// A changed frame.
#[derive(Debug)]
pub(crate) enum Changed {
    /// Bytes of frames, which are put into segments in v5.
    Frames(Vec<u8>),
    /// Bytes that are sent as they are.
    Wire(Vec<u8>),
}

impl Change {
    /// Applies the change.
    pub(crate) fn apply(&self, frame: &SeenFrame) -> Changed {
        Changed::Frames(match self {
            Self::Splice { .. } => encode(frame, frame.header.opcode, 0, &self.body(frame)),
            Self::Replace { opcode, flags, body } => {
                encode(frame, Opcode::from(*opcode), *flags, body)
            }
            Self::Header { at, bytes } => {
                let mut encoded = unchanged(frame);
                encoded[*at..at + bytes.len()].copy_from_slice(bytes);
                encoded
            }
            Self::Corrupt(bits) => {
                let mut encoded = unchanged(frame);
                for (at, mask) in bits {
                    let length = encoded.len();
                    encoded[at % length] ^= mask;
                }
                encoded
            }
            Self::Compressed { body, .. } => {
                let flags = frame.header.flags.with(FrameFlags::COMPRESSED, true);
                raw(Header { flags, ..frame.header }, body.clone())
            }
            Self::Segments(segments) if frame.is_in_segment => {
                return Changed::Wire(segments.forge(&unchanged(frame), frame.context.compression));
            }
            Self::Segments(_) => unchanged(frame),
            Self::Follow(bytes) => [unchanged(frame), bytes.to_vec()].concat(),
        })
    }

    /// Returns the number of bytes of the changed body, uncompressed, or the most that it may have.
    pub(crate) fn plain_length(&self, frame: &SeenFrame) -> usize {
        match self {
            Self::Splice { .. } => self.body(frame).len(),
            Self::Replace { body, .. } => body.len(),
            Self::Compressed { plain, .. } => *plain,
            Self::Header { .. } | Self::Corrupt(_) | Self::Segments(_) => frame.body.len(),
            Self::Follow(bytes) => frame.body.len() + bytes.len(),
        }
    }

    fn body(&self, frame: &SeenFrame) -> Bytes {
        let Self::Splice { at, removed, inserted } = self else { return frame.body.clone() };
        let mut body = BytesMut::with_capacity(frame.body.len() + inserted.len());
        body.extend_from_slice(&frame.body[..*at]);
        body.extend_from_slice(inserted);
        body.extend_from_slice(&frame.body[at + removed..]);
        body.freeze()
    }
}

fn unchanged(frame: &SeenFrame) -> Vec<u8> {
    encode(frame, frame.header.opcode, 0, &frame.body)
}

/// Encodes a message in the place of a frame, compressed if the frame is. `flags` are those that describe
/// the beginning of the body, or 0 for those of the frame.
fn encode(frame: &SeenFrame, opcode: Opcode, flags: u8, body: &Bytes) -> Vec<u8> {
    let is_replaced = opcode != frame.header.opcode || flags != 0;
    let mut header = Header { opcode, ..frame.header };
    if is_replaced {
        let compressed = header.flags.only(FrameFlags::COMPRESSED);
        header.flags = FrameFlags::from_bits(compressed.bits() | flags);
    }
    match frame.context.compression.filter(|_| header.is_compressed()) {
        Some(compression) => {
            let mut compressed = Vec::new();
            compression.compress(body, &mut compressed);
            raw(header, compressed.into())
        }
        None => raw(header, body.clone()),
    }
}

fn raw(header: Header, body: Bytes) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoded = RawFrame { header, body }.encode(&mut bytes);
    encoded.expect("the body is shorter than 2 GiB");
    bytes
}
