//! The functions behind the fuzz targets in `fuzz/`. `cargo test` runs them on the corpus.
//!
//! Each function accepts arbitrary bytes. If they can be decoded, it asserts that the decoded value
//! survives a round trip: encoding the value and decoding it again gives the same value. A panic is a
//! bug in the crate.

#![allow(clippy::expect_used, reason = "a fuzz target reports a finding by a panic")]

mod arrow;
mod connection;
mod text;
mod typed;

pub use arrow::arrow;
pub use connection::connection;
pub use text::{cql_type, json, literal};
pub use typed::typed;

use bytes::Bytes;

use crate::message::{RequestFrame, ResponseFrame};
use crate::types::{CqlType, Value};
use crate::wire::{
    Compression, Context, DecodeErrorKind, FrameDecoder, FrameEncoder, FrameFlags, Header, Opcode,
    RawFrame, Reader, SegmentDecoder, SegmentEncoder, Stream, UnsupportedHeader, Version, Writer,
    forge_segment,
};

/// The maximum length of a body, in bytes.
const MAX_BODY: usize = 1 << 16;

/// A function under test. Its argument is the input that the fuzzer generates.
pub type Target = fn(&[u8]);

/// All targets with their names.
pub const TARGETS: [(&str, Target); 13] = [
    ("frames", frames),
    ("message", message),
    ("connection", connection),
    ("segments", segments),
    ("forged", forged),
    ("value", value),
    ("typed", typed),
    ("arrow", arrow),
    ("class_name", class_name),
    ("cql_type", cql_type),
    ("literal", literal),
    ("json", json),
    ("compression", compression),
];

/// Decodes a stream of frames of any version, at once and in pieces. Asserts that both ways give the
/// same frames, and that the frames of supported versions survive a round trip, alone and in segments.
pub fn frames(data: &[u8]) {
    // The first byte is the size of the pieces, in bytes; the stream follows.
    let Some((&piece, stream)) = data.split_first() else { return };
    let piece = usize::from(piece).max(1);
    let whole = all_frames(new_decoder(), stream, usize::MAX);
    let pieces = all_frames(new_decoder(), stream, piece);
    assert_eq!(whole, pieces, "the size of the pieces changed the frames");

    let mut plain = Vec::new();
    let whole: Vec<_> = whole.into_iter().filter(Result::is_ok).collect();
    for frame in whole.iter().flatten() {
        assert_frame_round_trips(frame);
        frame.encode(&mut plain).expect("a decoded frame can be encoded");
    }
    for compression in [None, Some(Compression::Lz4)] {
        let mut decoder = new_decoder();
        decoder.start_segments(compression);
        let mut segments = Vec::new();
        SegmentEncoder::new(compression).encode(&plain, &mut segments);
        assert_eq!(all_frames(decoder, &segments, piece), whole, "segments changed the frames");
    }
}

fn new_decoder() -> FrameDecoder {
    FrameDecoder::new(Version::V4).max_body(MAX_BODY)
}

/// Decodes a stream that arrives in pieces. Of a frame of an unsupported version, returns the header.
fn all_frames(
    mut decoder: FrameDecoder,
    stream: &[u8],
    piece: usize,
) -> Vec<Result<RawFrame, UnsupportedHeader>> {
    let mut frames = Vec::new();
    for piece in stream.chunks(piece) {
        decoder.extend(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(Ok(frame)),
                Ok(None) => break,
                Err(error) if error.is_recoverable() => {}
                Err(error) => {
                    if !matches!(error.kind(), DecodeErrorKind::UnsupportedVersion(_)) {
                        return frames;
                    }
                    match decoder.skip_unsupported() {
                        Ok(Some(header)) => frames.push(Err(header)),
                        Ok(None) => break,
                        Err(_) => return frames,
                    }
                }
            }
        }
    }
    frames
}

/// Decodes one message. The first byte of `data` gives the version and the direction, the second the
/// opcode, the third the flags. The body follows.
pub fn message(data: &[u8]) {
    let Some((&[first, opcode, flags], body)) = data.split_first_chunk() else { return };
    let Some(version) = Version::from_number(first & 0x7f) else { return };
    let header = Header {
        version,
        is_response: first & 0x80 != 0,
        flags: FrameFlags::from_bits(flags),
        stream: Stream(1),
        opcode: Opcode::from(opcode),
    };
    assert_frame_round_trips(&RawFrame { header, body: Bytes::copy_from_slice(body) });
}

/// Asserts that the message of a frame, if it decodes, survives a round trip.
fn assert_frame_round_trips(frame: &RawFrame) {
    let version = frame.header.version;
    let plain = Context { max_body: MAX_BODY, ..Context::from(version) };
    let compressed = Context { compression: Some(Compression::Lz4), ..plain };
    let Ok(decompressed) = frame.clone().decompress(&compressed) else { return };
    assert_eq!(
        RequestFrame::decode(frame, &compressed),
        RequestFrame::decode(&decompressed, &compressed),
        "the compression changed the request"
    );
    let frame = decompressed;
    for metadata_id in [false, true] {
        let mut context = Context { max_body: usize::MAX, ..plain };
        context.extensions.metadata_id = metadata_id;
        if let Ok(request) = RequestFrame::decode(&frame, &context) {
            let bytes = encode(&context, |encoder, out| request.encode(encoder, out));
            let frame = only_frame(&bytes);
            let again = RequestFrame::decode(&frame, &context).expect("an encoded message decodes");
            assert_eq!(again, request);
            assert_eq!(bytes, encode(&context, |encoder, out| again.encode(encoder, out)));
        }
        if let Ok(response) = ResponseFrame::decode(&frame, &context) {
            let bytes = encode(&context, |encoder, out| response.encode(encoder, out));
            let frame = only_frame(&bytes);
            let again =
                ResponseFrame::decode(&frame, &context).expect("an encoded message decodes");
            assert_eq!(again, response);
            assert_eq!(bytes, encode(&context, |encoder, out| again.encode(encoder, out)));
        }
    }
}

fn encode<E: std::fmt::Debug>(
    context: &Context,
    encode_frame: impl FnOnce(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), E>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_frame(&mut FrameEncoder::new(*context), &mut bytes).expect("a decoded message encodes");
    bytes
}

fn only_frame(bytes: &[u8]) -> RawFrame {
    let mut decoder = FrameDecoder::new(Version::V4);
    decoder.extend(bytes);
    decoder.next_frame().expect("a valid header").expect("a whole frame")
}

/// Decodes a stream of segments, in the uncompressed and in the compressed format.
pub fn segments(data: &[u8]) {
    for compression in [None, Some(Compression::Lz4)] {
        let mut decoder = SegmentDecoder::new(compression);
        decoder.extend(data);
        while let Ok(Some(_)) = decoder.next_segment() {}
        // Any bytes can be a payload, and must survive a round trip.
        let mut bytes = Vec::new();
        SegmentEncoder::new(compression).encode(data, &mut bytes);
        let mut decoder = SegmentDecoder::new(compression);
        decoder.extend(&bytes);
        let mut payloads = Vec::new();
        while let Some(segment) = decoder.next_segment().expect("an encoded message decodes") {
            payloads.extend_from_slice(&segment.payload);
        }
        assert!(payloads == data);
    }
}

/// Decodes segments with correct checksums but arbitrary content.
///
/// The first byte of `data` is the size of the pieces in which the segments are decoded. One record
/// for each segment follows: one byte of flags, two bytes for the uncompressed length, one byte for
/// the length of the payload, and the payload.
pub fn forged(data: &[u8]) {
    let Some((&piece, mut records)) = data.split_first() else { return };
    let mut plain = Vec::new();
    let mut lz4 = Vec::new();
    while let Some((&[flags, high, low, length], rest)) = records.split_first_chunk() {
        let (payload, rest) = rest.split_at_checked(length.into()).unwrap_or((rest, &[]));
        let uncompressed = usize::from(u16::from_be_bytes([high, low]));
        forge_segment(None, 0, flags & 1 == 1, payload, &mut plain);
        forge_segment(Some(Compression::Lz4), uncompressed, flags & 1 == 1, payload, &mut lz4);
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
        assert_eq!(whole, pieces, "the size of the pieces changed the frames");
        whole.iter().flatten().for_each(assert_frame_round_trips);
    }
}

/// Decodes a type, and the rest of `data` as a value of this type.
pub fn value(data: &[u8]) {
    let mut reader = Reader::new(data);
    let Ok(cql_type) = CqlType::decode(&mut reader) else { return };
    let bytes = reader.take_rest();
    let mut option = Vec::new();
    let context = Context::from(Version::V5);
    cql_type.encode(&mut Writer::new(&mut option), &context).expect("a decoded type encodes");
    assert_eq!(CqlType::decode(&mut Reader::new(&option)).as_ref(), Ok(&cql_type));

    let Ok(value) = Value::decode(&cql_type, bytes) else { return };
    let mut out = Vec::new();
    value.encode(&cql_type, &mut Writer::new(&mut out)).expect("a decoded value encodes");
    let again = Value::decode(&cql_type, out.get(4..).unwrap_or_default());
    // NaN differs from itself, so the texts are compared.
    assert_eq!(again.map(|again| again.to_string()), Ok(value.to_string()));
}

/// Parses `data` as the Java class name of a type.
pub fn class_name(data: &[u8]) {
    let Ok(class) = std::str::from_utf8(data) else { return };
    let cql_type = CqlType::from_class(class);
    let mut option = Vec::new();
    let context = Context::from(Version::V5);
    if cql_type.encode(&mut Writer::new(&mut option), &context).is_ok() {
        assert_eq!(CqlType::decode(&mut Reader::new(&option)).as_ref(), Ok(&cql_type));
    }
}

/// Decompresses `data`. Then compresses `data`, and asserts that decompressing the result gives `data`
/// again.
pub fn compression(data: &[u8]) {
    for compression in Compression::ALL {
        if let Ok(body) = compression.decompress(data, MAX_BODY) {
            assert!(body.len() <= MAX_BODY);
        }
        let mut compressed = Vec::new();
        compression.compress(data, &mut compressed);
        let body = compression.decompress(&compressed, data.len());
        assert!(body.as_deref() == Ok(data));
    }
}
