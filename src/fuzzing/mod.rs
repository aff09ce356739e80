//! What the fuzz targets call, and what `cargo test` replays their corpus through.
//!
//! Each function takes any bytes. It must not panic, and what it decodes must encode, decode again,
//! and be the same.

mod connection;
mod text;
mod typed;

pub use connection::connection;
pub use text::{cql_type, json, literal};
pub use typed::typed;

use bytes::Bytes;

use crate::message::{RequestFrame, ResponseFrame};
use crate::types::{CqlType, Value};
use crate::wire::{
    Compression, Context, FrameDecoder, FrameEncoder, FrameFlags, Header, Opcode, RawFrame, Reader,
    SegmentDecoder, SegmentEncoder, Stream, Version, Writer, forge_segment,
};

/// So many bytes are allowed to come out of a compressed body.
const LIMIT: usize = 1 << 16;

/// What is fed with bytes.
pub type Target = fn(&[u8]);

/// Every target, by its name.
pub const TARGETS: [(&str, Target); 12] = [
    ("frames", frames),
    ("message", message),
    ("connection", connection),
    ("segments", segments),
    ("forged", forged),
    ("value", value),
    ("typed", typed),
    ("class_name", class_name),
    ("cql_type", cql_type),
    ("literal", literal),
    ("json", json),
    ("compression", compression),
];

/// Frames in a stream, of whatever version their first bytes say, as they are and in segments.
pub fn frames(data: &[u8]) {
    // The first byte decides how the rest is cut into pieces.
    let Some((&piece, stream)) = data.split_first() else { return };
    let piece = usize::from(piece).max(1);
    let whole = all_frames(new_decoder(), stream, usize::MAX);
    let pieces = all_frames(new_decoder(), stream, piece);
    assert_eq!(whole, pieces, "the pieces of a stream must not matter");

    let mut plain = Vec::new();
    for frame in &whole {
        frame_survives(frame);
        frame.encode(&mut plain).expect("what came as a frame goes as one");
    }
    for compression in [None, Some(Compression::Lz4)] {
        let mut decoder = new_decoder();
        decoder.start_segments(compression);
        let mut segments = Vec::new();
        SegmentEncoder::new(compression).encode(&plain, &mut segments);
        assert_eq!(all_frames(decoder, &segments, piece), whole, "segments do not matter");
    }
}

fn new_decoder() -> FrameDecoder {
    FrameDecoder::new(Version::V4).max_body(LIMIT)
}

fn all_frames(mut decoder: FrameDecoder, stream: &[u8], piece: usize) -> Vec<RawFrame> {
    let mut frames = Vec::new();
    for piece in stream.chunks(piece) {
        decoder.extend(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) if error.is_recoverable() => {}
                Err(_) => return frames,
            }
        }
    }
    frames
}

/// One message: its version, direction, opcode and flags in three bytes, and its body.
pub fn message(data: &[u8]) {
    let Some((&[side, opcode, flags], body)) = data.split_first_chunk() else { return };
    let Some(version) = Version::from_number(side & 0x7f) else { return };
    let header = Header {
        version,
        is_response: side & 0x80 != 0,
        flags: FrameFlags::from_bits(flags),
        stream: Stream(1),
        opcode: Opcode::from(opcode),
    };
    frame_survives(&RawFrame { header, body: Bytes::copy_from_slice(body) });
}

fn frame_survives(frame: &RawFrame) {
    let version = frame.header.version;
    let plain = Context { max_body: LIMIT, ..Context::from(version) };
    let compressed = Context { compression: Some(Compression::Lz4), ..plain };
    let Ok(frame) = frame.clone().decompress(&compressed) else { return };
    for metadata_id in [false, true] {
        let mut context = Context { max_body: usize::MAX, ..plain };
        context.extensions.metadata_id = metadata_id;
        if let Ok(request) = RequestFrame::decode(&frame, &context) {
            let bytes = encoded(&context, |encoder, out| request.encode(encoder, out));
            let frame = only_frame(&bytes);
            let again = RequestFrame::decode(&frame, &context).expect("what we write we read");
            assert_eq!(again, request);
            assert_eq!(bytes, encoded(&context, |encoder, out| again.encode(encoder, out)));
        }
        if let Ok(response) = ResponseFrame::decode(&frame, &context) {
            let bytes = encoded(&context, |encoder, out| response.encode(encoder, out));
            let frame = only_frame(&bytes);
            let again = ResponseFrame::decode(&frame, &context).expect("what we write we read");
            assert_eq!(again, response);
            assert_eq!(bytes, encoded(&context, |encoder, out| again.encode(encoder, out)));
        }
    }
}

fn encoded<E: std::fmt::Debug>(
    context: &Context,
    encode: impl FnOnce(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), E>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut FrameEncoder::new(*context), &mut bytes).expect("what was read can be written");
    bytes
}

fn only_frame(bytes: &[u8]) -> RawFrame {
    let mut decoder = FrameDecoder::new(Version::V4);
    decoder.extend(bytes);
    decoder.next_frame().expect("a frame").expect("a whole frame")
}

/// Segments in a stream, plain and compressed.
pub fn segments(data: &[u8]) {
    for compression in [None, Some(Compression::Lz4)] {
        let mut decoder = SegmentDecoder::new(compression);
        decoder.extend(data);
        while let Ok(Some(_)) = decoder.next_segment() {}
        // Any bytes survive as payload.
        let mut bytes = Vec::new();
        SegmentEncoder::new(compression).encode(data, &mut bytes);
        let mut decoder = SegmentDecoder::new(compression);
        decoder.extend(&bytes);
        let mut payloads = Vec::new();
        while let Some(segment) = decoder.next_segment().expect("what we write we read") {
            payloads.extend_from_slice(&segment.payload);
        }
        assert!(payloads == data);
    }
}

/// Segments whose checksums are right: records of flags, a claim of two bytes, a length, a payload.
pub fn forged(data: &[u8]) {
    let Some((&piece, mut records)) = data.split_first() else { return };
    let mut plain = Vec::new();
    let mut lz4 = Vec::new();
    while let Some((&[flags, high, low, length], rest)) = records.split_first_chunk() {
        let (payload, rest) = rest.split_at_checked(length.into()).unwrap_or((rest, &[]));
        let claim = usize::from(u16::from_be_bytes([high, low]));
        forge_segment(None, 0, flags & 1 == 1, payload, &mut plain);
        forge_segment(Some(Compression::Lz4), claim, flags & 1 == 1, payload, &mut lz4);
        records = rest;
    }
    for (compression, bytes) in [(None, plain), (Some(Compression::Lz4), lz4)] {
        let decoder = || {
            let mut decoder = FrameDecoder::new(Version::V5).max_body(200);
            decoder.start_segments(compression);
            decoder
        };
        let whole = all_frames(decoder(), &bytes, usize::MAX);
        let pieces = all_frames(decoder(), &bytes, usize::from(piece).max(1));
        assert_eq!(whole, pieces, "the pieces of a stream must not matter");
        whole.iter().for_each(frame_survives);
    }
}

/// A type, and a value of it.
pub fn value(data: &[u8]) {
    let mut reader = Reader::new(data);
    let Ok(cql_type) = CqlType::decode(&mut reader) else { return };
    let bytes = reader.take_rest();
    let mut option = Vec::new();
    let context = Context::from(Version::V5);
    cql_type.encode(&mut Writer::new(&mut option), &context).expect("a type that was read");
    assert_eq!(CqlType::decode(&mut Reader::new(&option)).as_ref(), Ok(&cql_type));

    let Ok(value) = Value::decode(&cql_type, bytes) else { return };
    let mut out = Vec::new();
    value.encode(&cql_type, &mut Writer::new(&mut out)).expect("a value that was read");
    let again = Value::decode(&cql_type, out.get(4..).unwrap_or_default());
    // Not a number is not itself, but prints as itself.
    assert_eq!(again.map(|again| again.to_string()), Ok(value.to_string()));
}

/// A Java class name.
pub fn class_name(data: &[u8]) {
    let Ok(class) = std::str::from_utf8(data) else { return };
    let cql_type = CqlType::from_class(class);
    let mut option = Vec::new();
    let context = Context::from(Version::V5);
    if cql_type.encode(&mut Writer::new(&mut option), &context).is_ok() {
        assert_eq!(CqlType::decode(&mut Reader::new(&option)).as_ref(), Ok(&cql_type));
    }
}

/// A compressed body, and any body compressed.
pub fn compression(data: &[u8]) {
    for compression in Compression::ALL {
        if let Ok(body) = compression.decompress(data, LIMIT) {
            assert!(body.len() <= LIMIT);
        }
        let mut compressed = Vec::new();
        compression.compress(data, &mut compressed);
        let body = compression.decompress(&compressed, data.len());
        assert!(body.as_deref() == Ok(data));
    }
}
