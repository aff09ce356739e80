//! Codecs for the client's and the server's side of the protocol, for `Framed` of `tokio_util` (0.7).
//!
//! [`ClientCodec`] encodes requests and decodes responses; [`ServerCodec`] does the reverse. Both
//! follow STARTUP and its response to learn what the connection has negotiated: compressed bodies
//! (v4 §5), or frames in segments (v5 §2.3.1).
//!
//! Both decode to [`RawFrame`], which a proxy can forward unchanged. The body is not decoded, so an
//! invalid body does not end the stream. To decode the message, use [`RequestFrame::decode`] or
//! [`ResponseFrame::decode`] with the codec's context.
//!
//! A server should answer some requests although the codec cannot decode them, for example a request
//! in an unknown protocol version. [`ServerCodec`] therefore decodes to a `Result`, whose error is a
//! [`RejectedRequest`]. To end the connection instead, apply `?` twice.
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
//! let frame = server.next().await.expect("a frame")??;
//! let request = RequestFrame::decode(&frame, server.codec().context())?;
//! assert_eq!(request.request, Request::Options(Options));
//! # Ok(())
//! # }
//! ```

mod rejected;

use std::fmt;
use std::io;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

pub use self::rejected::RejectedRequest;
use crate::message::{Request, RequestFrame, Response, ResponseFrame, Startup, VersionRefusal};
use crate::wire::{
    Context, DecodeError, DecodeErrorKind, EncodeError, FrameDecoder, FrameEncoder, Opcode,
    RawFrame, SegmentEncoder, Version,
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
/// A request that cannot be decoded is an item of the stream, a [`RejectedRequest`], if the codec can
/// decode the requests that follow. The codec also encodes the answer to a request in an unsupported
/// version, a [`VersionRefusal`]. After STARTUP has been accepted, it encodes this answer in the
/// version of the connection, except for clients of v1 and v2.
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

    /// Sets the version of the responses that follow, until the next request arrives.
    ///
    /// To refuse the client's version, encode a [`VersionRefusal`] instead.
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
        if frame.is_none() {
            self.check_end()?;
        }
        Ok(frame)
    }

    /// Returns an error if the input that has ended ends within a frame.
    fn check_end(&self) -> io::Result<()> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let text = "the connection ended in the middle of a frame";
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, text))
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
    type Item = Result<RawFrame, RejectedRequest>;
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        self.0.frames.buffer_mut().unsplit(source.split());
        self.next_request().map_err(io::Error::from)
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let request = self.decode(source)?;
        if request.is_none() {
            self.0.check_end()?;
        }
        Ok(request)
    }
}

impl ServerCodec {
    /// Returns the next request, or `None` if more bytes are needed. Adopts the version and the
    /// compression that the request announces.
    fn next_request(&mut self) -> Result<Option<Result<RawFrame, RejectedRequest>>, DecodeError> {
        let frame = match self.0.frames.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(error) => return self.reject(error),
        };
        let header = frame.header;
        let followed = self.0.follow_request(&frame);
        let invalid = |error| RejectedRequest::Invalid { header, error };
        Ok(Some(followed.map(|()| frame).map_err(invalid)))
    }

    /// Returns the request that the decoder has refused with `error`, `None` if the rest of its header
    /// has not arrived, or `error` if the connection cannot continue.
    fn reject(
        &mut self,
        error: DecodeError,
    ) -> Result<Option<Result<RawFrame, RejectedRequest>>, DecodeError> {
        match (error.kind(), self.0.frames.skipped()) {
            (DecodeErrorKind::UnsupportedVersion(_), _) => {
                let header = self.0.frames.skip_unsupported()?;
                Ok(header.map(|header| Err(RejectedRequest::UnsupportedVersion(header))))
            }
            (DecodeErrorKind::FrameTooLong { .. }, Some(header)) => {
                Ok(Some(Err(RejectedRequest::Invalid { header: *header, error })))
            }
            _ => Err(error),
        }
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

impl Encoder<VersionRefusal> for ServerCodec {
    type Error = io::Error;

    fn encode(&mut self, refusal: VersionRefusal, out: &mut BytesMut) -> io::Result<()> {
        // A client of v1 or v2 reads only its own header. Segments carry no such header.
        let is_short = refusal.has_short_header() && self.0.segments.is_none();
        let in_connection_version = self.0.stage == Stage::Negotiated && !is_short;
        self.0.encode(out, |encoder, out| match in_connection_version {
            true => {
                ResponseFrame::new(VersionRefusal::STREAM, refusal.error()).encode(encoder, out)
            }
            false => refusal.encode(out),
        })
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
mod tests;
