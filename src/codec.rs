//! Codecs for the client's and the server's side of the protocol, for `Framed` of `tokio_util` (0.7).
//!
//! [`ClientCodec`] encodes requests and decodes responses; [`ServerCodec`] does the reverse. Both
//! follow STARTUP and its response to learn what the connection has negotiated: compressed bodies
//! (v4 §5), or frames in segments (v5 §2.3.1).
//!
//! Both decode to [`RawFrame`], which a proxy can forward unchanged. The body is not decoded, so an
//! invalid body does not end the stream, unless the frame is STARTUP. To decode the message, use
//! [`RequestFrame::decode`] or [`ResponseFrame::decode`] with the codec's context.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use cqlwire::codec::{ClientCodec, ServerCodec};
//! use cqlwire::message::{Options, RequestFrame, Request};
//! use cqlwire::wire::{Stream, Version};
//! use futures_util::{SinkExt, StreamExt};
//! use tokio_util::codec::Framed;
//!
//! let (client, server) = tokio::io::duplex(1024);
//! let mut client = Framed::new(client, ClientCodec::new(Version::V4));
//! let mut server = Framed::new(server, ServerCodec::new(Version::V4));
//!
//! client.send(RequestFrame::new(Stream(1), Options)).await?;
//! let frame = server.next().await.expect("a frame")?;
//! let request = RequestFrame::decode(&frame, server.codec().context())?;
//! assert_eq!(request.request, Request::Options(Options));
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::io;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use crate::message::{Request, RequestFrame, Response, ResponseFrame, Startup};
use crate::wire::{
    Context, DecodeError, EncodeError, FrameDecoder, FrameEncoder, Header, Opcode, RawFrame,
    SegmentEncoder, Version,
};

/// The codec of the client's side: encodes [`RequestFrame`]s, decodes responses.
///
/// Its errors wrap a [`DecodeError`] (kind `InvalidData`) or an [`EncodeError`] (kind
/// `InvalidInput`). If the input ends within a frame, the error has the kind `UnexpectedEof`.
#[derive(Debug)]
pub struct ClientCodec(CodecState);

/// The codec of the server's side: decodes requests, encodes [`ResponseFrame`]s.
///
/// Until the server has accepted STARTUP, the codec adopts the protocol version of each request.
///
/// Its errors wrap a [`DecodeError`] (kind `InvalidData`) or an [`EncodeError`] (kind
/// `InvalidInput`). If the input ends within a frame, the error has the kind `UnexpectedEof`.
#[derive(Debug)]
pub struct ServerCodec(CodecState);

/// The implementation that [`ClientCodec`] and [`ServerCodec`] share.
struct CodecState {
    context: Context,
    stage: Stage,
    frames: FrameDecoder,
    encoder: FrameEncoder,
    segments: Option<SegmentEncoder>,
    /// The header of the last STARTUP that could not be decoded.
    invalid_startup: Option<Header>,
    /// A reusable buffer for frames.
    frame_buffer: Vec<u8>,
    /// A reusable buffer for segments.
    segment_buffer: Vec<u8>,
}

/// Omits the buffers, which may hold secrets.
impl fmt::Debug for CodecState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodecState")
            .field("context", &self.context)
            .field("stage", &self.stage)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    /// STARTUP was encoded or decoded, but has not been accepted yet.
    StartupSent,
    /// STARTUP was accepted by READY or AUTHENTICATE.
    Negotiated,
}

impl ClientCodec {
    /// Creates a codec for a new connection, from a [`Version`] or a [`Context`]. Until the server has
    /// accepted STARTUP, the codec adopts the version of each [`RawFrame`] that it encodes.
    pub fn new(context: impl Into<Context>) -> Self {
        Self(CodecState::new(context.into()))
    }

    /// Returns the version, compression and limits that have been negotiated so far.
    pub const fn context(&self) -> &Context {
        &self.0.context
    }
}

impl ServerCodec {
    /// Creates a codec for a new connection, from a [`Version`] or a [`Context`]. The version applies
    /// to responses until the first request has arrived.
    pub fn new(context: impl Into<Context>) -> Self {
        Self(CodecState::new(context.into()))
    }

    /// Returns the version, compression and limits that have been negotiated so far.
    pub const fn context(&self) -> &Context {
        &self.0.context
    }

    /// Returns the header of the last request that was too long, or `None` if there was no such
    /// request. Decoding a request that is too long fails with an error that
    /// [is recoverable](DecodeError::is_recoverable). The next call of `decode` continues with the
    /// next frame.
    pub const fn skipped(&self) -> Option<&Header> {
        self.0.frames.skipped()
    }

    /// Returns the header of the STARTUP whose body could not be decoded, or `None` if there was no such
    /// request. Decoding such a STARTUP fails.
    #[cfg(feature = "testing")]
    pub(crate) const fn invalid_startup(&self) -> Option<&Header> {
        self.0.invalid_startup.as_ref()
    }

    /// Sets the version of responses. A server that does not support the client's version sends an
    /// ERROR in a version that it does support (v4 §2.1).
    pub fn set_version(&mut self, version: Version) {
        self.0.set_context(Context { version, ..self.0.context });
    }
}

impl CodecState {
    fn new(context: Context) -> Self {
        Self {
            context,
            stage: Stage::New,
            frames: FrameDecoder::new(context),
            encoder: FrameEncoder::new(context),
            segments: None,
            invalid_startup: None,
            frame_buffer: Vec::new(),
            segment_buffer: Vec::new(),
        }
    }

    fn set_context(&mut self, context: Context) {
        self.context = context;
        self.encoder = FrameEncoder::new(context);
    }

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        self.frames.buffer_mut().unsplit(source.split());
        self.frames.next_frame().map_err(io::Error::from)
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        let frame = self.decode(source)?;
        if frame.is_none() && !self.frames.is_empty() {
            let text = "the connection ended in the middle of a frame";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        Ok(frame)
    }

    /// Encodes a frame with `encode_frame`, and appends the frame to `out`. Once segments have begun,
    /// appends the segments that contain the frame instead.
    fn encode(
        &mut self,
        out: &mut BytesMut,
        encode_frame: impl FnOnce(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> io::Result<()> {
        self.frame_buffer.clear();
        encode_frame(&mut self.encoder, &mut self.frame_buffer)?;
        match &mut self.segments {
            None => out.extend_from_slice(&self.frame_buffer),
            Some(segments) => {
                self.segment_buffer.clear();
                segments.encode(&self.frame_buffer, &mut self.segment_buffer);
                out.extend_from_slice(&self.segment_buffer);
            }
        }
        Ok(())
    }

    /// Adopts the compression that a STARTUP requests. If an earlier STARTUP was refused, this STARTUP
    /// replaces it. If an earlier STARTUP was accepted, does nothing.
    fn follow_startup(&mut self, startup: &Startup<'_>) {
        if self.stage == Stage::Negotiated {
            return;
        }
        let compression = startup.requested_compression(self.context.version);
        self.set_context(Context { compression, ..self.context });
        self.stage = Stage::StartupSent;
    }

    /// If a response with `opcode` accepts STARTUP, ends the negotiation. In v5, also begins segments.
    fn follow_response(&mut self, opcode: Opcode) {
        let accepts = matches!(opcode, Opcode::Ready | Opcode::Authenticate);
        if self.stage == Stage::StartupSent && accepts {
            self.stage = Stage::Negotiated;
            if self.context.version >= Version::V5 {
                self.frames.start_segments(self.context.compression);
                self.segments = Some(SegmentEncoder::new(self.context.compression));
            }
        }
    }

    /// Adopts the version of a request and, if the request is STARTUP, its compression. Does nothing
    /// once STARTUP has been accepted.
    fn follow_request(&mut self, frame: &RawFrame) -> Result<(), DecodeError> {
        if self.stage == Stage::Negotiated {
            return Ok(());
        }
        self.set_context(Context { version: frame.header.version, ..self.context });
        if frame.header.opcode == Opcode::Startup
            && let Request::Startup(startup) = RequestFrame::decode(frame, &self.context)?.request
        {
            self.follow_startup(&startup);
        }
        Ok(())
    }
}

impl Decoder for ClientCodec {
    type Item = RawFrame;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        let frame = self.0.decode(source)?;
        Ok(frame.inspect(|frame| self.0.follow_response(frame.header.opcode)))
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        let frame = self.0.decode_eof(source)?;
        Ok(frame.inspect(|frame| self.0.follow_response(frame.header.opcode)))
    }
}

impl Encoder<RequestFrame<'_>> for ClientCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: RequestFrame<'_>, out: &mut BytesMut) -> io::Result<()> {
        self.0.encode(out, |encoder, out| frame.encode(encoder, out))?;
        if let Request::Startup(startup) = &frame.request {
            self.0.follow_startup(startup);
        }
        Ok(())
    }
}

impl Encoder<RawFrame> for ClientCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: RawFrame, out: &mut BytesMut) -> io::Result<()> {
        // An invalid STARTUP is refused before it is written, so the server never receives it.
        self.0.follow_request(&frame)?;
        self.0.encode(out, |_, out| frame.encode(out))
    }
}

impl Decoder for ServerCodec {
    type Item = RawFrame;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        let frame = self.0.decode(source)?;
        self.follow(frame)
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        let frame = self.0.decode_eof(source)?;
        self.follow(frame)
    }
}

impl ServerCodec {
    /// Adopts the version and the compression that a decoded request announces.
    fn follow(&mut self, frame: Option<RawFrame>) -> io::Result<Option<RawFrame>> {
        if let Some(frame) = &frame
            && let Err(error) = self.0.follow_request(frame)
        {
            self.0.invalid_startup = Some(frame.header);
            return Err(error.into());
        }
        Ok(frame)
    }
}

impl Encoder<ResponseFrame> for ServerCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: ResponseFrame, out: &mut BytesMut) -> io::Result<()> {
        self.0.encode(out, |encoder, out| frame.encode(encoder, out))?;
        self.0.follow_response(Response::opcode(&frame.response));
        Ok(())
    }
}

impl Encoder<RawFrame> for ServerCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: RawFrame, out: &mut BytesMut) -> io::Result<()> {
        self.0.encode(out, |_, out| frame.encode(out))?;
        self.0.follow_response(frame.header.opcode);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
            byte_by_byte(&mut self.server, &mut self.requests)
        }

        fn respond(&mut self, response: impl Into<Response>) -> Response {
            let frame = ResponseFrame::new(Stream(3), response);
            self.server.encode(frame, &mut self.responses).unwrap();
            let frame = byte_by_byte(&mut self.client, &mut self.responses);
            ResponseFrame::decode(&frame, self.client.context()).unwrap().response
        }
    }

    /// Decodes the only frame in `bytes`, which arrive one by one.
    fn byte_by_byte(
        codec: &mut impl Decoder<Item = RawFrame, Error = io::Error>,
        bytes: &mut BytesMut,
    ) -> RawFrame {
        let mut arrived = BytesMut::new();
        let mut frames = Vec::new();
        for byte in bytes.split() {
            arrived.extend_from_slice(&[byte]);
            frames.extend(codec.decode(&mut arrived).unwrap());
        }
        assert_eq!(frames.len(), 1);
        frames.remove(0)
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
                assert_eq!(byte_by_byte(&mut far.server, &mut far.requests), frame);

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
        let error = pair.server.decode(&mut bytes[..].into()).unwrap_err();
        assert_eq!(error.to_string(), refusal);
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
}
