//! The codecs of both sides, connected to each other.

use super::*;
use crate::message::{Options, Query, Ready, ResultMessage, ServerError, Supported};
use crate::wire::{Compression, Consistency, FrameFlags, Stream};

/// Both ends of a connection, and the bytes in transit.
struct Pair {
    client: ClientCodec,
    server: ServerCodec,
    requests: BytesMut,
    responses: BytesMut,
}

impl Pair {
    fn new(version: Version) -> Self {
        Self {
            client: ClientCodec::new(version),
            server: ServerCodec::new(Version::V4),
            requests: BytesMut::new(),
            responses: BytesMut::new(),
        }
    }

    fn open(version: Version, compression: Option<Compression>) -> Self {
        let mut pair = Self::new(version);
        pair.request(Options);
        pair.respond(Supported::default());
        let startup = compression.into_iter().fold(Startup::new(), Startup::compression);
        pair.request(startup);
        pair.respond(Ready);
        pair
    }

    /// Sends a request byte by byte, and returns the decoded frame.
    fn request<'a>(&mut self, request: impl Into<Request<'a>>) -> RawFrame {
        let frame = RequestFrame::new(Stream(3), request);
        self.client.encode(frame, &mut self.requests).unwrap();
        byte_by_byte(&mut self.server, &mut self.requests).unwrap()
    }

    fn respond(&mut self, response: impl Into<Response>) -> Response {
        let frame = ResponseFrame::new(Stream(3), response);
        self.server.encode(frame, &mut self.responses).unwrap();
        let frame = byte_by_byte(&mut self.client, &mut self.responses);
        ResponseFrame::decode(&frame, self.client.context()).unwrap().response
    }
}

/// Decodes the only item in `bytes`, which arrive one by one.
fn byte_by_byte<T>(
    codec: &mut impl Decoder<Item = T, Error = io::Error>,
    bytes: &mut BytesMut,
) -> T {
    let mut items = in_pieces(codec, &bytes.split(), 1);
    assert_eq!(items.len(), 1);
    items.remove(0)
}

/// Decodes the items in `bytes`, which arrive in pieces of this length.
fn in_pieces<T>(
    codec: &mut impl Decoder<Item = T, Error = io::Error>,
    bytes: &[u8],
    length: usize,
) -> Vec<T> {
    let mut arrived = BytesMut::new();
    let mut items = Vec::new();
    for piece in bytes.chunks(length) {
        arrived.extend_from_slice(piece);
        items.extend(std::iter::from_fn(|| codec.decode(&mut arrived).unwrap()));
    }
    items
}

fn query() -> Query<'static> {
    Query { text: "SELECT ".repeat(30).into(), parameters: Consistency::One.into() }
}

#[test]
fn applies_the_compression_of_startup_from_its_response_on() {
    for version in Version::ALL {
        for compression in [None, Some(Compression::Lz4)] {
            let mut pair = Pair::open(version, compression);
            assert_eq!(pair.server.context(), pair.client.context());
            assert_eq!(pair.server.context().compression, compression);
            let frame = pair.request(query());
            let is_compressed = frame.header.flags.contains(FrameFlags::COMPRESSED);
            assert_eq!(is_compressed, compression.is_some() && version < Version::V5);
            let context = *pair.server.context();
            let decoded = RequestFrame::decode(&frame, &context).unwrap();
            assert_eq!(decoded.request, query().into());
            assert_eq!(pair.respond(ResultMessage::Void), ResultMessage::Void.into());
        }
    }
}

#[test]
fn a_proxy_forwards_frames_and_follows_the_negotiation() {
    for version in Version::ALL {
        let mut near = Pair::new(version);
        let mut far = Pair::new(Version::V4);
        let startup: Request<'_> = Startup::new().compression(Compression::Lz4).into();
        for request in [startup, query().into()] {
            let frame = near.request(request);
            far.client.encode(frame.clone(), &mut far.requests).unwrap();
            assert_eq!(byte_by_byte(&mut far.server, &mut far.requests).unwrap(), frame);

            let response = ResponseFrame::new(Stream(3), Ready);
            far.server.encode(response, &mut far.responses).unwrap();
            let frame = byte_by_byte(&mut far.client, &mut far.responses);
            near.server.encode(frame.clone(), &mut near.responses).unwrap();
            assert_eq!(byte_by_byte(&mut near.client, &mut near.responses), frame);
        }
        assert_eq!(near.client.context(), far.server.context());
    }
}

#[test]
fn a_proxy_decodes_compressed_requests_and_responses() {
    let mut pair = Pair::open(Version::V4, Some(Compression::Lz4));
    let frame = pair.request(query());
    assert!(frame.header.is_compressed());
    let decoded = RequestFrame::decode(&frame, pair.server.context()).unwrap();
    assert_eq!(decoded.request, query().into());
    let keyspace = ResultMessage::SetKeyspace("k".repeat(200));
    let response = ResponseFrame::new(Stream(3), keyspace.clone());
    pair.server.encode(response, &mut pair.responses).unwrap();
    let frame = byte_by_byte(&mut pair.client, &mut pair.responses);
    assert!(frame.header.is_compressed());
    let decoded = ResponseFrame::decode(&frame, pair.client.context()).unwrap();
    assert_eq!(decoded.response, keyspace.into());
}

#[test]
fn both_codecs_refuse_a_compressed_startup() {
    let bytes = [4, 1, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 2, 0];
    let refusal = "flags at byte 1: the flag `compressed` is not allowed on STARTUP in v4";
    let mut pair = Pair::new(Version::V4);
    let rejected = byte_by_byte(&mut pair.server, &mut bytes[..].into()).unwrap_err();
    assert_eq!(rejected.to_string(), refusal);
    assert_eq!(io::Error::from(rejected).kind(), io::ErrorKind::InvalidData);
    let mut frames = FrameDecoder::new(Version::V4);
    frames.extend(&bytes);
    let frame = frames.next_frame().unwrap().unwrap();
    let error = pair.client.encode(frame, &mut pair.requests).unwrap_err();
    assert_eq!(error.to_string(), refusal);
    assert!(pair.requests.is_empty());
}

#[test]
fn a_server_may_respond_in_a_version_of_its_own() {
    let mut pair = Pair::new(Version::V5);
    pair.request(Options);
    pair.server.set_version(Version::V4);
    let refusal = ServerError::new(crate::message::ErrorCode::Protocol, "v5 is not supported");
    pair.server.encode(ResponseFrame::new(Stream(3), refusal), &mut pair.responses).unwrap();
    let frame = byte_by_byte(&mut pair.client, &mut pair.responses);
    assert_eq!(frame.header.version, Version::V4);
}

#[test]
fn an_end_of_input_within_a_frame_is_an_error() {
    let mut pair = Pair::new(Version::V4);
    pair.client.encode(RequestFrame::new(Stream(0), Options), &mut pair.requests).unwrap();
    let mut cut = pair.requests.split_to(8);
    let error = pair.server.decode_eof(&mut cut).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(pair.server.decode_eof(&mut pair.requests).unwrap().is_some());
    assert!(pair.server.decode_eof(&mut BytesMut::new()).unwrap().is_none());
}

/// An OPTIONS in v1, an OPTIONS that is too long, a STARTUP that ends within its map, an OPTIONS in
/// a version of DSE, and an OPTIONS in v4.
const REQUESTS: [&[u8]; 5] = [
    &[1, 0, 0xfe, 5, 0, 0, 0, 0],
    &[4, 0, 0, 2, 5, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[4, 0, 0, 3, 1, 0, 0, 0, 2, 0, 1],
    &[0x42, 0, 0, 4, 5, 0, 0, 0, 1, 0],
    &[4, 0, 0, 5, 5, 0, 0, 0, 0],
];

#[test]
fn requests_that_cannot_be_decoded_do_not_end_the_stream() {
    let stream = REQUESTS.concat();
    for length in 1..=stream.len() {
        let mut server = ServerCodec::new(Context { max_body: 8, ..Version::V4.into() });
        let seen: Vec<_> = in_pieces(&mut server, &stream, length)
            .into_iter()
            .map(|item| match item {
                Ok(frame) => (frame.header.stream.0, "request"),
                Err(RejectedRequest::UnsupportedVersion(header)) => (header.stream.0, "version"),
                Err(RejectedRequest::Invalid { header, error }) => match error.kind() {
                    DecodeErrorKind::FrameTooLong { .. } => (header.stream.0, "long"),
                    _ => (header.stream.0, "startup"),
                },
            })
            .collect();
        let expected =
            [(-2, "version"), (2, "long"), (3, "startup"), (4, "version"), (5, "request")];
        assert_eq!(seen, expected, "in pieces of {length} bytes");
        assert!(server.decode_eof(&mut BytesMut::new()).unwrap().is_none());
    }
}

#[test]
fn a_negative_length_ends_the_stream_in_every_version() {
    for version in 0..=0x7f {
        // The length is at byte 4 of an older header, and at byte 5 of any other.
        let bytes = [version, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff];
        let mut server = ServerCodec::new(Version::V4);
        let error = server.decode(&mut bytes[..].into()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}

#[test]
fn refuses_a_version_in_the_version_of_the_connection() {
    for version in Version::ALL {
        let mut pair = Pair::open(version, None);
        let refusal = VersionRefusal::new(66, Version::V3..=Version::V5);
        pair.server.encode(refusal.clone(), &mut pair.responses).unwrap();
        let frame = byte_by_byte(&mut pair.client, &mut pair.responses);
        assert_eq!((frame.header.version, frame.header.stream), (version, Stream(0)));

        // Clients of v1 read only their own header, which no segment contains.
        let old = VersionRefusal::new(1, Version::V3..=Version::V5);
        pair.server.encode(old, &mut pair.responses).unwrap();
        let bytes = pair.responses.split();
        assert_eq!(bytes.starts_with(&[0x81, 0, 0, 0]), version < Version::V5);

        // Before STARTUP is accepted, the connection has no version.
        let mut server = ServerCodec::new(Version::V3);
        server.encode(refusal, &mut pair.responses).unwrap();
        assert_eq!(pair.responses[0], 0x85);
    }
}

#[test]
fn another_version_within_segments_ends_the_stream() {
    let mut pair = Pair::open(Version::V5, None);
    let mut bytes = Vec::new();
    SegmentEncoder::new(None).encode(REQUESTS[0], &mut bytes);
    let error = pair.server.decode(&mut bytes[..].into()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}
