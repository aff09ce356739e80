//! Both sides of the protocol for `tokio_util`'s `Framed` (0.7).
//!
//! [`ClientCodec`] writes requests and reads responses, [`ServerCodec`] the other way round. Both
//! watch STARTUP and its answer go by: from there on bodies are compressed (v4 §5), or frames
//! travel in segments (v5 §2.3.1), as the two ends have agreed.
//!
//! What is read is a [`RawFrame`]: a proxy passes it on as it came, and a body that makes no sense
//! does not end the stream. To read it, use [`RequestFrame::decode`] or [`ResponseFrame::decode`]
//! with the codec's context.
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

/// The client's side: writes [`RequestFrame`]s, reads responses.
///
/// Errors are of the kind `InvalidData` around a [`DecodeError`], or `InvalidInput` around an
/// [`EncodeError`].
#[derive(Debug)]
pub struct ClientCodec(Ends);

/// The server's side: reads requests, writes [`ResponseFrame`]s.
///
/// It takes the version of the client's frames until STARTUP has fixed it.
///
/// Errors are of the kind `InvalidData` around a [`DecodeError`], or `InvalidInput` around an
/// [`EncodeError`].
#[derive(Debug)]
pub struct ServerCodec(Ends);

/// What both sides have.
struct Ends {
    context: Context,
    stage: Stage,
    frames: FrameDecoder,
    encoder: FrameEncoder,
    segments: Option<SegmentEncoder>,
    /// Room for frames, and for the segments around them.
    plain: Vec<u8>,
    packed: Vec<u8>,
}

/// What was written may be secret, and is not shown.
impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ends")
            .field("context", &self.context)
            .field("stage", &self.stage)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    /// STARTUP has gone by.
    Asked,
    /// Its answer has, too.
    Agreed,
}

impl ClientCodec {
    /// A codec for a new connection of this version, with nothing agreed on. Frames that are passed
    /// on as they came bring their own version.
    pub fn new(context: impl Into<Context>) -> Self {
        Self(Ends::new(context.into()))
    }

    /// What the two ends have agreed on so far.
    pub const fn context(&self) -> &Context {
        &self.0.context
    }
}

impl ServerCodec {
    /// A codec for a new connection. The version is the one to answer in as long as the client's
    /// is not known.
    pub fn new(context: impl Into<Context>) -> Self {
        Self(Ends::new(context.into()))
    }

    /// What the two ends have agreed on so far.
    pub const fn context(&self) -> &Context {
        &self.0.context
    }

    /// The header of the last request that was too long, to tell whose it was: decoding goes on
    /// behind it, after an error that [is recoverable](DecodeError::is_recoverable).
    pub const fn skipped(&self) -> Option<&Header> {
        self.0.frames.skipped()
    }

    /// Answers in another version than the client's, which is how a server says that it does not
    /// speak that one (v4 §2.1).
    pub fn set_version(&mut self, version: Version) {
        self.0.agree(Context { version, ..self.0.context });
    }
}

impl Ends {
    fn new(context: Context) -> Self {
        Self {
            context,
            stage: Stage::New,
            frames: FrameDecoder::new(context),
            encoder: FrameEncoder::new(context),
            segments: None,
            plain: Vec::new(),
            packed: Vec::new(),
        }
    }

    fn agree(&mut self, context: Context) {
        self.context = context;
        self.encoder = FrameEncoder::new(context);
    }

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        self.frames.buffer_mut().unsplit(source.split());
        self.frames.next_frame().map_err(io::Error::from)
    }

    fn decode_end(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        let frame = self.decode(source)?;
        if frame.is_none() && !self.frames.is_empty() {
            let why = "the connection ended in the middle of a frame";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        Ok(frame)
    }

    /// Writes what `frame` writes, in segments if it is time for them.
    fn encode(
        &mut self,
        out: &mut BytesMut,
        frame: impl FnOnce(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> io::Result<()> {
        self.plain.clear();
        frame(&mut self.encoder, &mut self.plain)?;
        match &mut self.segments {
            None => out.extend_from_slice(&self.plain),
            Some(segments) => {
                self.packed.clear();
                segments.encode(&self.plain, &mut self.packed);
                out.extend_from_slice(&self.packed);
            }
        }
        Ok(())
    }

    /// STARTUP goes by: what follows may be compressed. One that follows an agreement changes
    /// nothing, one that follows a refusal begins anew.
    fn saw_startup(&mut self, startup: &Startup<'_>) {
        if self.stage == Stage::Agreed {
            return;
        }
        let compression = startup.requested_compression(self.context.version);
        self.agree(Context { compression, ..self.context });
        self.stage = Stage::Asked;
    }

    /// A response goes by: if it is the one to STARTUP, segments may begin.
    fn saw_response(&mut self, opcode: Opcode) {
        let accepts = matches!(opcode, Opcode::Ready | Opcode::Authenticate);
        if self.stage == Stage::Asked && accepts {
            self.stage = Stage::Agreed;
            if self.context.version >= Version::V5 {
                self.frames.start_segments(self.context.compression);
                self.segments = Some(SegmentEncoder::new(self.context.compression));
            }
        }
    }

    /// A request goes by that is not decoded: until STARTUP, its version is the connection's.
    fn saw_request(&mut self, frame: &RawFrame) -> Result<(), DecodeError> {
        if self.stage == Stage::Agreed {
            return Ok(());
        }
        self.agree(Context { version: frame.header.version, ..self.context });
        if frame.header.opcode == Opcode::Startup
            && let Request::Startup(startup) = RequestFrame::decode(frame, &self.context)?.request
        {
            self.saw_startup(&startup);
        }
        Ok(())
    }
}

impl Decoder for ClientCodec {
    type Item = RawFrame;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        let frame = self.0.decode(source)?;
        Ok(frame.inspect(|frame| self.0.saw_response(frame.header.opcode)))
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<RawFrame>> {
        let frame = self.0.decode_end(source)?;
        Ok(frame.inspect(|frame| self.0.saw_response(frame.header.opcode)))
    }
}

impl Encoder<RequestFrame<'_>> for ClientCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: RequestFrame<'_>, out: &mut BytesMut) -> io::Result<()> {
        self.0.encode(out, |encoder, out| frame.encode(encoder, out))?;
        if let Request::Startup(startup) = &frame.request {
            self.0.saw_startup(startup);
        }
        Ok(())
    }
}

impl Encoder<RawFrame> for ClientCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: RawFrame, out: &mut BytesMut) -> io::Result<()> {
        // A STARTUP is checked before it is written: the server never sees one that is refused.
        self.0.saw_request(&frame)?;
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
        let frame = self.0.decode_end(source)?;
        self.follow(frame)
    }
}

impl ServerCodec {
    /// Takes over the client's version, and what its STARTUP asks for.
    fn follow(&mut self, frame: Option<RawFrame>) -> io::Result<Option<RawFrame>> {
        if let Some(frame) = &frame {
            self.0.saw_request(frame)?;
        }
        Ok(frame)
    }
}

impl Encoder<ResponseFrame> for ServerCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: ResponseFrame, out: &mut BytesMut) -> io::Result<()> {
        self.0.encode(out, |encoder, out| frame.encode(encoder, out))?;
        self.0.saw_response(Response::opcode(&frame.response));
        Ok(())
    }
}

impl Encoder<RawFrame> for ServerCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: RawFrame, out: &mut BytesMut) -> io::Result<()> {
        self.0.encode(out, |_, out| frame.encode(out))?;
        self.0.saw_response(frame.header.opcode);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Options, Query, Ready, ResultMessage, ServerError, Supported};
    use crate::wire::{Compression, Consistency, FrameFlags, Stream};

    /// A connection: what one side has written and the other has not read.
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

        /// Sends a request, byte by byte, and gives what arrives.
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
    fn a_proxy_passes_frames_on_and_follows_what_was_agreed() {
        for version in Version::ALL {
            let mut near = Pair::new(version);
            let mut far = Pair::new(Version::V4);
            let startup: Request<'_> = Startup::new().compression(Compression::Lz4).into();
            for request in [startup, query().into()] {
                let frame = near.request(request);
                far.client.encode(frame.clone(), &mut far.requests).unwrap();
                assert_eq!(byte_by_byte(&mut far.server, &mut far.requests), frame);

                let answer = ResponseFrame::new(Stream(3), Ready);
                far.server.encode(answer, &mut far.responses).unwrap();
                let frame = byte_by_byte(&mut far.client, &mut far.responses);
                near.server.encode(frame.clone(), &mut near.responses).unwrap();
                assert_eq!(byte_by_byte(&mut near.client, &mut near.responses), frame);
            }
            assert_eq!(near.client.context(), far.server.context());
        }
    }

    #[test]
    fn a_server_may_respond_in_a_version_of_its_own() {
        let mut pair = Pair::new(Version::V5);
        pair.request(Options);
        pair.server.set_version(Version::V4);
        let refusal = ServerError::new(crate::message::ErrorCode::Protocol, "no v5 here");
        pair.server.encode(ResponseFrame::new(Stream(3), refusal), &mut pair.responses).unwrap();
        let frame = byte_by_byte(&mut pair.client, &mut pair.responses);
        assert_eq!(frame.header.version, Version::V4);
    }

    #[test]
    fn an_end_in_the_middle_of_a_frame_is_an_error() {
        let mut pair = Pair::new(Version::V4);
        pair.client.encode(RequestFrame::new(Stream(0), Options), &mut pair.requests).unwrap();
        let mut cut = pair.requests.split_to(8);
        let error = pair.server.decode_eof(&mut cut).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(pair.server.decode_eof(&mut pair.requests).unwrap().is_some());
        assert!(pair.server.decode_eof(&mut BytesMut::new()).unwrap().is_none());
    }
}
