//! The state machine of one connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;

use super::handshake::{Handshake, Login, Step};
use super::outbound::Outbound;
use super::streams::{Request as InFlight, Slot, Streams};
use super::{CloseReason, ConnectionOptions, SendError};
use crate::message::{ErrorCode, Options, Request, RequestFrame, Response, ResponseFrame};
use crate::wire::{Context, DecodeError, FrameDecoder, FrameEncoder, RawFrame, Stream, Version};

/// A client's side of a connection.
///
/// ```
/// use std::time::Instant;
/// use cqlwire::protocol::{ClientConnection, ConnectionOptions, ConnectionEvent};
///
/// let now = Instant::now();
/// let mut connection = ClientConnection::client(ConnectionOptions::default(), now);
/// assert_eq!(connection.transmit(), [4, 0, 0, 0, 5, 0, 0, 0, 0]); // OPTIONS goes first
/// let written = connection.transmit().len();
/// connection.transmitted(written);
///
/// connection.receive_buffer().extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n");
/// connection.handle_input(now);
/// let Some(ConnectionEvent::Closed(why)) = connection.poll_event() else { panic!() };
/// assert!(why.to_string().contains("as of an HTTP server"));
/// ```
#[derive(Debug)]
pub struct ClientConnection {
    options: ConnectionOptions,
    state: State,
    login: Login,
    context: Context,
    encoder: FrameEncoder,
    frames: FrameDecoder,
    pub(super) out: Outbound,
    streams: Streams,
    events: VecDeque<ConnectionEvent>,
    /// Since when the server has said nothing, or need not be asked.
    quiet_since: Instant,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Opening {
        handshake: Handshake,
        deadline: Deadline,
    },
    /// Open, and maybe waiting for the answer to a heartbeat.
    Open {
        heartbeat: Option<Deadline>,
    },
    Closed,
}

/// The end of a time; `None` if it is later than a clock can say, which is never.
type Deadline = Option<Instant>;

/// What a connection has to tell.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The connection is open: requests may be sent.
    Opened,
    /// A request was answered. The frame is as it came; decode it with
    /// [`ResponseFrame::decode`] and the connection's [`context`](ClientConnection::context).
    Answer {
        /// The stream of the request, which is free again.
        stream: Stream,
        /// The answer.
        frame: RawFrame,
    },
    /// A request was not answered in time. Its stream stays taken until it is: the server may act
    /// on it, even if it has not been written yet, since it still will be.
    TimedOut {
        /// The stream of the request.
        stream: Stream,
    },
    /// A request was answered, but the answer was too long and has been thrown away. Its stream is
    /// free again.
    TooLong {
        /// The stream of the request.
        stream: Stream,
        /// How long the answer was, and how long it may be.
        error: DecodeError,
    },
    /// Something happened in the cluster, or the server says something unasked.
    Server(Box<ResponseFrame>),
    /// A request will not be answered, because the connection has ended.
    Lost {
        /// The stream of the request.
        stream: Stream,
        /// Whether any byte of the request was written, so that the server may act on it.
        written: bool,
    },
    /// The connection has ended; nothing comes after this.
    Closed(CloseReason),
}

/// How servers say that they do not speak a version; there is no code for it.
const UNSUPPORTED: [&str; 2] = ["unsupported protocol version", "Beta version of the protocol"];

impl ClientConnection {
    /// A connection whose socket is open, and nothing more.
    pub fn client(options: ConnectionOptions, now: Instant) -> Self {
        let context = Context { max_body: options.max_body, ..options.version.into() };
        let deadline = now.checked_add(options.handshake_timeout);
        let mut connection = Self {
            state: State::Opening { handshake: Handshake::Supported, deadline },
            login: Login::default(),
            context,
            encoder: FrameEncoder::new(context),
            frames: FrameDecoder::new(context),
            out: Outbound::default(),
            streams: Streams::new(options.stream_limit()),
            events: VecDeque::new(),
            quiet_since: now,
            options,
        };
        connection.take_step(Handshake::begin(), deadline);
        connection
    }

    /// The same connection with the address of its server, which authenticators are told.
    #[must_use]
    pub const fn with_server(mut self, server: SocketAddr) -> Self {
        self.login.server = Some(server);
        self
    }

    /// What the two ends have agreed on: final when the connection is open.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Whether requests may be sent.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether the connection has ended.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether a request could be sent now.
    pub const fn can_send(&self) -> bool {
        self.is_open() && self.streams.has_free()
    }

    /// How many requests are in flight, those counted that nobody waits for any more.
    pub const fn in_flight(&self) -> usize {
        self.streams.in_use()
    }

    /// How many of them nobody waits for any more.
    pub const fn orphans(&self) -> usize {
        self.streams.orphans()
    }

    /// Sends a request, whose stream is chosen here; it is answered by an event before
    /// `deadline`.
    ///
    /// # Errors
    /// No stream that is free, a connection that is not open, or a request that the protocol has
    /// no bytes for. Nothing has been sent then.
    pub fn send(
        &mut self,
        request: &RequestFrame<'_>,
        deadline: Option<Instant>,
    ) -> Result<Stream, SendError> {
        let start = self.out.frames_mut().len();
        request.encode(&mut self.encoder, self.out.frames_mut())?;
        self.begin(start, deadline)
    }

    /// Sends a request that was encoded elsewhere for this connection's context; its stream is
    /// written over.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_frame(
        &mut self,
        frame: &[u8],
        deadline: Option<Instant>,
    ) -> Result<Stream, SendError> {
        let start = self.out.frames_mut().len();
        self.out.frames_mut().extend_from_slice(frame);
        self.begin(start, deadline)
    }

    /// Stops waiting for a request. Its stream stays taken until it is answered.
    pub fn cancel(&mut self, stream: Stream) {
        if self.streams.orphan(stream) {
            self.check_orphans();
        }
    }

    /// The bytes to be written to the socket.
    pub fn transmit(&mut self) -> &[u8] {
        self.out.transmit()
    }

    /// Says that the first `count` bytes of [`transmit`](Self::transmit) have been written.
    pub fn transmitted(&mut self, count: usize) {
        self.out.transmitted(count);
    }

    /// How many bytes wait to be written.
    pub fn backlog(&self) -> usize {
        self.out.backlog()
    }

    /// The buffer to read from the socket into; then call [`handle_input`](Self::handle_input).
    pub const fn receive_buffer(&mut self) -> &mut BytesMut {
        self.frames.buffer_mut()
    }

    /// Acts on what is in the [receive buffer](Self::receive_buffer).
    pub fn handle_input(&mut self, now: Instant) {
        self.quiet_since = now;
        if let State::Open { heartbeat } = &mut self.state {
            *heartbeat = None;
        }
        while !self.is_closed() {
            match self.frames.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => self.handle_frame(frame),
                Err(error) => self.handle_bad_input(error),
            }
        }
    }

    /// Says that the server will send nothing more.
    pub fn handle_end_of_input(&mut self) {
        let mid_frame = !self.frames.is_empty();
        self.close(CloseReason::EndOfInput { mid_frame });
    }

    /// Acts on the time: to be called at [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Instant) {
        let events = &mut self.events;
        self.streams.expire(now, |stream| events.push_back(ConnectionEvent::TimedOut { stream }));
        self.check_orphans();
        match self.state {
            State::Opening { deadline: Some(deadline), .. } if deadline <= now => {
                self.close(CloseReason::HandshakeTimeout);
            }
            State::Open { heartbeat: Some(Some(deadline)) } if deadline <= now => {
                self.close(CloseReason::HeartbeatTimeout);
            }
            State::Open { heartbeat: None } if self.heartbeat_at().is_some_and(|at| at <= now) => {
                self.heartbeat(now);
            }
            _ => {}
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match self.state {
            State::Closed => return None,
            State::Opening { deadline, .. } => deadline,
            State::Open { heartbeat: Some(deadline) } => deadline,
            State::Open { heartbeat: None } => self.heartbeat_at(),
        };
        own.into_iter().chain(self.streams.next_deadline()).min()
    }

    /// What has happened, the oldest first.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }

    /// Ends the connection: every request in flight is lost.
    pub fn close(&mut self, why: CloseReason) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed;
        let out = &self.out;
        let lost = self.streams.drain().map(|(stream, request)| ConnectionEvent::Lost {
            stream,
            written: out.is_written(request.position),
        });
        self.events.extend(lost);
        self.events.push_back(ConnectionEvent::Closed(why));
        self.out.clear();
    }

    /// Gives the frame that was written at `start` a stream, or takes it back.
    fn begin(&mut self, start: usize, deadline: Option<Instant>) -> Result<Stream, SendError> {
        let position = self.out.position(start);
        let slot = Slot::Waiting(InFlight { deadline, position });
        let taken = match self.is_open() {
            true => self.streams.take(slot).ok_or(SendError::NoStream),
            false => Err(SendError::NotOpen),
        };
        match taken {
            Ok(stream) => self.set_stream(start, stream),
            Err(_) => self.out.frames_mut().truncate(start),
        }
        taken
    }

    /// Sends a request of the connection's own, if there is a stream for it.
    fn send_internal(&mut self, request: Request<'_>) -> bool {
        let start = self.out.frames_mut().len();
        let frame = RequestFrame::new(Stream::default(), request);
        let encoded = frame.encode(&mut self.encoder, self.out.frames_mut());
        match (encoded, self.streams.take(Slot::Internal)) {
            (Ok(()), Some(stream)) => {
                self.set_stream(start, stream);
                return true;
            }
            (Ok(()), None) => self.out.frames_mut().truncate(start),
            (Err(_), _) => self.close(CloseReason::Unexpected(frame.request.opcode())),
        }
        false
    }

    fn set_stream(&mut self, start: usize, stream: Stream) {
        let frames = self.out.frames_mut();
        let header = frames.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<4>);
        if let Some([_version, _flags, high, low]) = header {
            [*high, *low] = stream.0.to_be_bytes();
        }
    }

    fn handle_frame(&mut self, frame: RawFrame) {
        let header = frame.header;
        if header.version != self.context.version {
            return self.handle_other_version(&frame);
        }
        if !header.is_response {
            return self.close(CloseReason::Unexpected(header.opcode));
        }
        if header.stream.0 < 0 {
            return match ResponseFrame::decode(&frame, &self.context) {
                Ok(response) => self.events.push_back(ConnectionEvent::Server(Box::new(response))),
                Err(error) => self.close(CloseReason::Decode(error)),
            };
        }
        let stream = header.stream;
        match self.streams.release(stream) {
            Some(Slot::Waiting(_)) => {
                self.events.push_back(ConnectionEvent::Answer { stream, frame });
            }
            Some(Slot::Orphan) => {}
            Some(Slot::Internal) => self.handle_internal(&frame),
            Some(Slot::Free) | None => self.handle_unasked(&frame),
        }
    }

    /// An answer to no request. If it is an error, it says what is wrong with the connection.
    fn handle_unasked(&mut self, frame: &RawFrame) {
        let why = match ResponseFrame::decode(frame, &self.context) {
            Ok(ResponseFrame { response: Response::Error(error), .. }) => {
                CloseReason::Failed(error)
            }
            _ => CloseReason::UnknownStream(frame.header.stream),
        };
        self.close(why);
    }

    /// Bytes that are no frame, or a frame that is too long. Only the latter can be skipped.
    fn handle_bad_input(&mut self, error: DecodeError) {
        let skipped = self.frames.skipped().filter(|_| error.is_recoverable());
        let Some(stream) = skipped.map(|header| header.stream) else {
            return self.close(CloseReason::Decode(error));
        };
        match self.streams.release(stream) {
            Some(Slot::Waiting(_)) => {
                self.events.push_back(ConnectionEvent::TooLong { stream, error });
            }
            Some(Slot::Orphan) => {}
            _ => self.close(CloseReason::Decode(error)),
        }
    }

    /// The answer to a step of the handshake, or to a heartbeat.
    fn handle_internal(&mut self, frame: &RawFrame) {
        let State::Opening { handshake, deadline } = self.state else { return };
        match ResponseFrame::decode(frame, &self.context) {
            Ok(ResponseFrame { response, .. }) => {
                let step = {
                    let (options, context) = (&self.options, &mut self.context);
                    handshake.answer(response, options, context, &mut self.login)
                };
                // STARTUP itself is never compressed, and all that follows may be.
                self.encoder = FrameEncoder::new(self.context);
                let is_answered = handshake == Handshake::ReadyOrAuthenticate;
                if is_answered && self.context.version >= Version::V5 {
                    self.frames.start_segments(self.context.compression);
                    self.out.start_segments(self.context.compression);
                }
                self.take_step(step, deadline);
            }
            Err(error) => self.close(CloseReason::Decode(error)),
        }
    }

    /// A server that does not speak our version says so in one of its own.
    fn handle_other_version(&mut self, frame: &RawFrame) {
        let answered = frame.header.version;
        let context = Context::from(answered);
        let why = match ResponseFrame::decode(frame, &context) {
            Ok(ResponseFrame { response: Response::Error(error), .. })
                if matches!(self.state, State::Opening { .. }) =>
            {
                let asked = self.context.version;
                CloseReason::UnsupportedVersion { asked, answered, message: error.message }
            }
            Ok(_) => CloseReason::Unexpected(frame.header.opcode),
            Err(error) => CloseReason::Decode(error),
        };
        self.close(why);
    }

    fn take_step(&mut self, step: Step, deadline: Deadline) {
        match step {
            Step::Send(handshake, request) => {
                self.state = State::Opening { handshake, deadline };
                let _a_new_connection_has_streams = self.send_internal(request);
            }
            Step::Open => {
                self.state = State::Open { heartbeat: None };
                self.events.push_back(ConnectionEvent::Opened);
            }
            Step::Close(why) => self.close(self.or_unsupported(why)),
        }
    }

    /// A server may also say in our version that it does not speak it, or not to everybody.
    fn or_unsupported(&self, why: CloseReason) -> CloseReason {
        let CloseReason::Refused(error) = why else { return why };
        let means_version = |words: &str| error.message.contains(words);
        if error.code == ErrorCode::Protocol && UNSUPPORTED.into_iter().any(means_version) {
            let asked = self.context.version;
            let message = error.message;
            return CloseReason::UnsupportedVersion { asked, answered: asked, message };
        }
        CloseReason::Refused(error)
    }

    fn heartbeat_at(&self) -> Deadline {
        self.quiet_since.checked_add(self.options.heartbeat_interval)
    }

    fn heartbeat(&mut self, now: Instant) {
        if self.send_internal(Request::Options(Options)) {
            let deadline = now.checked_add(self.options.heartbeat_timeout);
            self.state = State::Open { heartbeat: Some(deadline) };
        } else {
            // All streams are taken: the requests on them have time-outs of their own.
            self.quiet_since = now;
        }
    }

    fn check_orphans(&mut self) {
        let orphans = self.streams.orphans();
        if orphans > self.options.orphan_limit() {
            self.close(CloseReason::TooManyOrphans(orphans));
        }
    }
}
