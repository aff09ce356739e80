//! Segments of v5, uncompressed and with LZ4. cqlwire and the peer read each other's segments.

use bytes::Buf;
use cqlwire::message::{Prepare, RequestFrame};
use cqlwire::wire::{
    Compression, FrameEncoder, MAX_SEGMENT_PAYLOAD, SegmentDecoder, SegmentEncoder, Stream, Version,
};
use libtest_mimic::Failed;
use serde_json::Value;

use crate::cases::Case;
use crate::hex;

/// A peer's codec for segments.
pub(crate) trait Segments: Send + Sync {
    /// Decodes segments.
    fn read(&self, compression: Option<Compression>, bytes: &[u8]) -> Result<Payloads, String>;

    /// Encodes each payload into a segment of its own.
    fn write(&self, compression: Option<Compression>, of: &[Payload]) -> Result<Vec<u8>, String>;
}

/// The payload of a segment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Payload {
    pub(crate) self_contained: bool,
    pub(crate) bytes: Vec<u8>,
}

/// The content of segments, as a peer returns it.
pub(crate) enum Payloads {
    /// The payload of each segment.
    Each(Vec<Payload>),
    /// The concatenated frames of all segments.
    Frames(Vec<u8>),
}

/// Parses the payloads from a child process: `[[self_contained, hex], ...]`.
pub(crate) fn from_json(payloads: &Value) -> Result<Payloads, String> {
    let payload = |of: &Value| {
        let bytes = hex::decode(of[1].as_str().unwrap_or_default())?;
        Ok(Payload { self_contained: of[0] == true, bytes })
    };
    let payloads = payloads.as_array().ok_or("the payloads are not a list")?;
    Ok(Payloads::Each(payloads.iter().map(payload).collect::<Result<_, String>>()?))
}

/// Checks that cqlwire and the peer read each other's segments, and write equal uncompressed segments.
pub(crate) fn agree(
    peer: &dyn Segments,
    compression: Option<Compression>,
    cases: &[Case],
) -> Result<(), Failed> {
    for (name, frames) in streams(cases) {
        let differs = |what: &str| Failed::from(format!("{name}: {what}"));
        let mut ours = Vec::new();
        SegmentEncoder::new(compression).encode(&frames, &mut ours);
        let payloads = read(compression, &ours)?;
        if payloads.iter().flat_map(|payload| payload.bytes.clone()).ne(frames.iter().copied()) {
            return Err(differs("cqlwire does not read back its own segments"));
        }
        let is_same = match peer.read(compression, &ours).map_err(|error| differs(&error))? {
            Payloads::Each(theirs) => theirs == payloads,
            Payloads::Frames(theirs) => theirs == frames,
        };
        if !is_same {
            return Err(differs("the peer reads other payloads from cqlwire's segments"));
        }
        let theirs = peer.write(compression, &payloads).map_err(|error| differs(&error))?;
        if read(compression, &theirs)? != payloads {
            return Err(differs("cqlwire reads other payloads from the peer's segments"));
        }
        if compression.is_none() && theirs != ours {
            return Err(differs("the peer writes other bytes"));
        }
    }
    Ok(())
}

/// Decodes segments with cqlwire.
fn read(compression: Option<Compression>, bytes: &[u8]) -> Result<Vec<Payload>, Failed> {
    let mut decoder = SegmentDecoder::new(compression);
    let mut payloads = Vec::new();
    // In pieces, because a socket may split segments anywhere.
    for piece in bytes.chunks(7919) {
        decoder.extend(piece);
        while let Some(segment) = decoder.next_segment()? {
            let bytes = segment.payload.chunk().to_vec();
            payloads.push(Payload { self_contained: segment.self_contained, bytes });
        }
    }
    match decoder.is_empty() {
        true => Ok(payloads),
        false => Err("there are bytes after the last segment".into()),
    }
}

/// Returns sequences of v5 frames that cover all kinds of segments.
fn streams(cases: &[Case]) -> Vec<(&'static str, Vec<u8>)> {
    let of_v5 = || cases.iter().filter(|case| case.version() == Version::V5);
    let first = |n: usize| of_v5().take(n).flat_map(|case| case.bytes.clone()).collect::<Vec<_>>();
    let longest = MAX_SEGMENT_PAYLOAD;
    vec![
        ("one frame", first(1)),
        ("many frames", first(300)),
        ("more frames than fit into a segment", first(3000)),
        ("a frame that fills a segment", prepare(longest, compressible)),
        ("a frame that is a byte too long", prepare(longest + 1, compressible)),
        ("a frame that fills three segments", prepare(3 * longest, compressible)),
        ("frames around a long one", [first(3), prepare(300_000, compressible), first(3)].concat()),
        ("an incompressible frame", prepare(20_000, incompressible)),
        ("an incompressible frame in several segments", prepare(300_000, incompressible)),
    ]
}

/// Returns a PREPARE frame of this length.
fn prepare(length: usize, letter: fn(usize) -> char) -> Vec<u8> {
    const OVERHEAD: usize = 9 + 4 + 4;
    let text = (0..length - OVERHEAD).map(letter).collect::<String>();
    let mut bytes = Vec::new();
    let frame = RequestFrame::new(Stream(1), Prepare::new(text));
    frame.encode(&mut FrameEncoder::new(Version::V5), &mut bytes).expect("the frame should encode");
    assert_eq!(bytes.len(), length);
    bytes
}

fn compressible(at: usize) -> char {
    if at % 100 < 50 { 'a' } else { incompressible(at) }
}

fn incompressible(at: usize) -> char {
    // A hash, so that no four bytes repeat in a row.
    let mixed = (at as u64 ^ 0x9e37_79b9).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40;
    char::from(b' ' + (mixed % 95) as u8)
}
