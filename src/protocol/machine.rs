//! The state machine of one connection.
//!
//! ```text
//!     new(): send OPTIONS           with_capabilities(): send STARTUP
//!              |                                 |
//!  +-----------|---------------------------------|--------------------+
//!  | Opening   v                                 |                    |
//!  |   Supported                                 |                    |
//!  |           | SUPPORTED: send STARTUP         |                    |
//!  |           v                                 |                    |
//!  |   ReadyOrAuthenticate <---------------------+                    |
//!  |       |   | AUTHENTICATE: send AUTH_RESPONSE                     |
//!  |       |   v                                                      |
//!  |       | AuthSuccess <--- AUTH_CHALLENGE: send AUTH_RESPONSE      |
//!  +-------|---|------------------------------------------------------+
//!    READY |   | AUTH_SUCCESS: send REGISTER,    | ERROR
//!          |   | if the server offers            | handshake_timeout
//!          |   | GRACEFUL_DISCONNECT             |
//!  +-------v---v-----------------------------+   |
//!  | Open: see `liveness.rs` for heartbeats  |   |
//!  +-----------------------------------------+   |
//!              | heartbeat or frame timeout      |
//!              | too many orphans                |
//!              v                                 v
//!            Closed  <--- in any state: close(), end of input, invalid input
//! ```

use std::collections::VecDeque;
#[cfg(feature = "driver")]
use std::io::IoSlice;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;

use super::capabilities::Capabilities;
use super::error::{CloseReason, SendError};
use super::event::ConnectionEvent;
use super::handshake::{Handshake, Login, Step};
use super::liveness::{Action, Liveness};
use super::options::ConnectionOptions;
use super::outbound::Outbound;
use super::streams::{InFlightRequest, StreamState, Streams};
use crate::message::{ErrorCode, Options, Request, RequestFrame, Response, ResponseFrame};
#[cfg(feature = "driver")]
use crate::wire::LargeFrame;
use crate::wire::{Context, DecodeError, FrameDecoder, FrameEncoder, RawFrame, Stream, Version};

/// The client's side of a connection.
///
/// # Contract
///
/// The connection performs no I/O, never blocks, reads no clock and spawns nothing. It acts only
/// when its driver calls it. The driver reads the socket into
/// [`receive_buffer`](Self::receive_buffer), writes the bytes of [`transmit`](Self::transmit), and
/// calls [`handle_timeout`](Self::handle_timeout) at the time of
/// [`poll_timeout`](Self::poll_timeout). After each call in the first column, the driver polls the
/// marked methods again:
///
/// | after | `poll_event` | `transmit` | `poll_timeout` |
/// |---|---|---|---|
/// | [`new`](Self::new) | | yes | yes |
/// | [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout) | yes | yes | yes |
/// | [`send`](Self::send), [`send_frame`](Self::send_frame) | | yes | yes |
/// | [`transmitted`](Self::transmitted) | | if bytes remain | |
/// | [`cancel`](Self::cancel), [`close`](Self::close), [`handle_end_of_input`](Self::handle_end_of_input) | yes | | yes |
///
/// No other method changes what these three methods return. Poll `poll_event` first, until it returns
/// `None`: events usually lead to new requests. Then poll `transmit`, and `poll_timeout` last.
///
/// If a method is not polled again:
/// - `poll_event`: events and their frames accumulate in memory, and their requests stay unanswered.
/// - `transmit`: requests, heartbeats and steps of the handshake are not sent, but their timeouts
///   run.
/// - `poll_timeout`: requests do not time out, and a server that stopped responding is not detected.
///
/// Unnecessary calls are harmless. The `now` of successive calls should not decrease; if it does,
/// timeouts occur too early or too late. A timeout beyond the range of [`Instant`] never occurs.
///
/// The type is `Send`, and its methods take `&mut self`. A driver with several threads puts it
/// behind a lock.
///
/// # Example
///
/// A driver for a blocking socket:
///
/// ```no_run
/// use std::io::{self, ErrorKind, Read, Write};
/// use std::net::TcpStream;
/// use std::time::{Duration, Instant};
/// use cqlwire::protocol::{ClientConnection, CloseReason, ConnectionEvent, ConnectionOptions};
///
/// fn drive(mut socket: TcpStream) -> io::Result<CloseReason> {
///     let mut connection = ClientConnection::new(ConnectionOptions::default(), Instant::now());
///     loop {
///         while let Some(event) = connection.poll_event() {
///             match event {
///                 ConnectionEvent::Opened => { /* send requests */ }
///                 ConnectionEvent::Response { .. } => { /* decode the frame */ }
///                 ConnectionEvent::Closed(reason) => return Ok(reason),
///                 _ => {}
///             }
///         }
///         let written = socket.write(connection.transmit())?;
///         connection.transmitted(written);
///         if connection.backlog() > 0 {
///             continue;
///         }
///         let timeout = connection.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()));
///         socket.set_read_timeout(timeout.map(|timeout| timeout.max(Duration::from_millis(1))))?;
///         let mut bytes = [0; 4096];
///         match socket.read(&mut bytes) {
///             Ok(0) => connection.handle_end_of_input(),
///             Ok(count) => {
///                 connection.receive_buffer().extend_from_slice(&bytes[..count]);
///                 connection.handle_input(Instant::now());
///             }
///             Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
///                 connection.handle_timeout(Instant::now());
///             }
///             Err(error) => return Err(error),
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct ClientConnection {
    options: ConnectionOptions,
    state: State,
    login: Login,
    /// The capabilities of the server, once they are known.
    capabilities: Capabilities,
    context: Context,
    encoder: FrameEncoder,
    frames: FrameDecoder,
    pub(super) out: Outbound,
    streams: Streams,
    events: VecDeque<ConnectionEvent>,
    liveness: Liveness,
    /// Length of the receive buffer after the last input was processed. The bytes after it are new.
    processed: usize,
    /// Number of orphans that do not count towards the limit.
    excused_orphans: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Opening { handshake: Handshake, deadline: Deadline },
    Open,
    Closed,
}

/// The time at which a timeout passes, or `None` (never) if it is beyond the range of [`Instant`].
type Deadline = Option<Instant>;

/// Parts of the error messages of servers that do not support the requested version. The protocol has
/// no error code for this case.
const UNSUPPORTED: [&str; 2] = ["unsupported protocol version", "Beta version of the protocol"];

impl ClientConnection {
    /// Creates a connection for a socket that has just been opened, and begins the handshake.
    ///
    /// ```
    /// use std::time::Instant;
    /// use cqlwire::protocol::{ClientConnection, ConnectionEvent, ConnectionOptions};
    ///
    /// let now = Instant::now();
    /// let mut connection = ClientConnection::new(ConnectionOptions::default(), now);
    /// assert_eq!(connection.transmit(), [4, 0, 0, 1, 5, 0, 0, 0, 0]); // OPTIONS is sent first
    /// let written = connection.transmit().len();
    /// connection.transmitted(written);
    ///
    /// connection.receive_buffer().extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n");
    /// connection.handle_input(now);
    /// let Some(ConnectionEvent::Closed(reason)) = connection.poll_event() else { panic!() };
    /// assert!(reason.to_string().contains("HTTP server"));
    /// ```
    #[must_use]
    pub fn new(options: ConnectionOptions, now: Instant) -> Self {
        Self::with_capabilities(options, None, now)
    }

    /// Creates a connection like [`new`](Self::new). If the capabilities of the server are known, the
    /// handshake begins with STARTUP.
    pub(crate) fn with_capabilities(
        options: ConnectionOptions,
        known: Option<Capabilities>,
        now: Instant,
    ) -> Self {
        let mut context = Context { max_body: options.max_body, ..options.version.into() };
        let first = match known {
            Some(capabilities) => Handshake::start_up(capabilities, &options, &mut context),
            None => Handshake::begin(),
        };
        let deadline = now.checked_add(options.handshake_timeout);
        let mut connection = Self {
            state: State::Opening { handshake: Handshake::Supported, deadline },
            login: Login::default(),
            capabilities: known.unwrap_or_default(),
            context,
            encoder: FrameEncoder::new(context),
            frames: FrameDecoder::new(context).max_body(options.handshake_body_limit()),
            out: Outbound::default(),
            streams: Streams::new(options.stream_limit()),
            events: VecDeque::new(),
            liveness: Liveness::new(now),
            processed: 0,
            excused_orphans: 0,
            options,
        };
        connection.take_step(first, deadline);
        connection
    }

    /// Sets the server's address, which is passed to the [`Authenticator`](super::Authenticator).
    /// Default: none.
    #[must_use]
    pub const fn with_server(mut self, server: SocketAddr) -> Self {
        self.login.server = Some(server);
        self
    }

    /// Returns the protocol version, compression and limits of the connection. They are final once
    /// the connection is open.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the capabilities of the server. They are known once the connection is open.
    #[cfg(feature = "driver")]
    pub(crate) const fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Returns true if the handshake has succeeded and the connection has not ended.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Returns false while the server does not answer, as reported by
    /// [`Unresponsive`](ConnectionEvent::Unresponsive) and [`Responsive`](ConnectionEvent::Responsive).
    pub const fn is_responsive(&self) -> bool {
        self.liveness.is_responsive()
    }

    /// Returns true if the connection has ended.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Returns true if a request can be sent: the connection is open and a stream is free.
    pub fn can_send(&self) -> bool {
        self.is_open() && self.streams.has_free()
    }

    /// Returns the number of requests in flight, orphaned requests included.
    pub const fn in_flight(&self) -> usize {
        self.streams.in_use()
    }

    /// Returns the number of orphaned requests: those that timed out or were cancelled, and have no
    /// response yet.
    pub const fn orphans(&self) -> usize {
        self.streams.orphans()
    }

    /// Sends a request on a free stream, and returns that stream. The stream of `request` is ignored.
    ///
    /// If there is no response by `deadline`, the request
    /// [times out](ConnectionEvent::TimedOut). Without a deadline, it waits for as long as the
    /// connection lives.
    ///
    /// # Errors
    /// Returns an error if the connection is not open, if the maximum number of requests is in
    /// flight, or if the request cannot be encoded. Nothing is sent in these cases.
    pub fn send(
        &mut self,
        request: &RequestFrame<'_>,
        deadline: Option<Instant>,
    ) -> Result<Stream, SendError> {
        let start = self.out.frames_mut().len();
        request.encode(&mut self.encoder, self.out.frames_mut())?;
        self.assign_stream(start, deadline)
    }

    /// Sends a request that the caller has encoded with the connection's
    /// [`context`](Self::context). The stream in `frame` is ignored.
    ///
    /// # Errors
    /// Returns the errors of [`send`](Self::send).
    pub fn send_frame(
        &mut self,
        frame: &[u8],
        deadline: Option<Instant>,
    ) -> Result<Stream, SendError> {
        let start = self.out.frames_mut().len();
        self.out.frames_mut().extend_from_slice(frame);
        self.assign_stream(start, deadline)
    }

    /// Sends a large request like [`send_frame`](Self::send_frame), without copying its parts.
    #[cfg(feature = "driver")]
    pub(crate) fn send_large(
        &mut self,
        frame: LargeFrame,
        deadline: Option<Instant>,
    ) -> Result<Stream, SendError> {
        let stream = self.allocate_stream(self.out.end_of_frames(), deadline)?;
        self.out.push_parts(frame.into_parts(stream));
        Ok(stream)
    }

    /// Abandons a request: no event reports its end. Its stream stays in use until the response
    /// arrives.
    ///
    /// The connection ends if it has more than [`max_orphans`](ConnectionOptions::max_orphans)
    /// orphaned requests, counting both cancelled requests and requests that timed out.
    pub fn cancel(&mut self, stream: Stream) {
        if self.streams.orphan(stream) {
            self.check_orphans();
        }
    }

    /// Returns the bytes to write to the socket, empty if there are none.
    ///
    /// The bytes are returned again until they are reported as
    /// [`transmitted`](Self::transmitted). In v5, every call puts the requests that were sent since
    /// the previous call into new segments. To fill segments well, call it only once per write.
    #[must_use = "the bytes have to be written to the socket"]
    pub fn transmit(&mut self) -> &[u8] {
        self.out.transmit()
    }

    /// Returns true if [`transmit`](Self::transmit) may return only a part of the bytes to write.
    #[cfg(feature = "driver")]
    pub(crate) fn has_parts(&self) -> bool {
        self.out.has_parts()
    }

    /// Returns the bytes to write to the socket in parts, for a vectored write.
    #[cfg(feature = "driver")]
    pub(crate) fn transmit_parts(&self) -> Vec<IoSlice<'_>> {
        self.out.transmit_parts()
    }

    /// Reports that the first `count` bytes of [`transmit`](Self::transmit) have been written.
    pub fn transmitted(&mut self, count: usize) {
        self.out.transmitted(count);
        self.liveness.record_sent(self.out.written());
    }

    /// Returns the number of bytes that wait to be written. In v5, requests that are not in a segment
    /// yet count without the segment's overhead.
    pub fn backlog(&self) -> usize {
        self.out.backlog()
    }

    /// Returns the buffer for bytes from the socket. Append to it, then call
    /// [`handle_input`](Self::handle_input).
    pub const fn receive_buffer(&mut self) -> &mut BytesMut {
        self.frames.buffer_mut()
    }

    /// Returns the receive buffer with space for at least `minimum` bytes, or for the rest of the frame
    /// that arrives.
    ///
    /// The space is at most 15 times as large as the bytes that have arrived of the frame, or 256 KiB,
    /// whichever is greater, because the header may state a wrong length.
    #[cfg(feature = "driver")]
    #[inline]
    pub(crate) fn reserve_receive_buffer(&mut self, minimum: usize) -> &mut BytesMut {
        self.frames.reserve(minimum)
    }

    /// Processes the bytes that were appended to the [receive buffer](Self::receive_buffer).
    ///
    /// Each whole frame counts as a sign of life of the server at `now`.
    pub fn handle_input(&mut self, now: Instant) {
        let received = self.frames.buffer_mut().len().saturating_sub(self.processed);
        let mut has_whole_frame = false;
        while !self.is_closed() {
            match self.frames.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    has_whole_frame = true;
                    self.handle_frame(frame);
                }
                Err(error) => self.handle_invalid_input(error),
            }
        }
        self.processed = self.frames.buffer_mut().len();
        let is_mid_frame = !self.frames.is_empty();
        let recovers = self.liveness.handle_input(now, received, has_whole_frame, is_mid_frame);
        if recovers && !self.is_closed() {
            self.events.push_back(ConnectionEvent::Responsive);
        }
    }

    /// Reports that the server has closed the socket, which ends the connection.
    pub fn handle_end_of_input(&mut self) {
        let mid_frame = !self.frames.is_empty();
        self.close(CloseReason::EndOfInput { mid_frame });
    }

    /// Processes the timeouts that have passed at `now`: of requests, the handshake and heartbeats.
    ///
    /// Call it at the time of [`poll_timeout`](Self::poll_timeout). An earlier call does nothing. If
    /// the socket has bytes, call [`handle_input`](Self::handle_input) first: otherwise a server whose
    /// response was not read seems silent.
    pub fn handle_timeout(&mut self, now: Instant) {
        let events = &mut self.events;
        self.streams.expire(now, |stream| events.push_back(ConnectionEvent::TimedOut { stream }));
        self.check_orphans();
        match self.state {
            State::Opening { deadline: Some(deadline), .. } if deadline <= now => {
                self.close(CloseReason::HandshakeTimeout);
            }
            State::Open => self.check_liveness(now),
            _ => {}
        }
    }

    /// Returns the time at which to call [`handle_timeout`](Self::handle_timeout), or `None` if there
    /// is no timeout.
    #[must_use = "the driver has to call `handle_timeout` at this time"]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match self.state {
            State::Closed => return None,
            State::Opening { deadline, .. } => deadline,
            State::Open => self.liveness.poll_timeout(self.has_waiting(), &self.options),
        };
        own.into_iter().chain(self.streams.next_deadline()).min()
    }

    /// Removes and returns the oldest event, or returns `None` if there are no events.
    #[must_use = "an event that is dropped is lost"]
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }

    /// Ends the connection for the given reason. All requests in flight
    /// [fail](ConnectionEvent::RequestFailed), and bytes that wait to be written are discarded.
    ///
    /// The driver has to close the socket. If the connection has ended already, the call does nothing.
    pub fn close(&mut self, reason: CloseReason) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed;
        let out = &self.out;
        let failed = self.streams.drain().map(|(stream, request)| ConnectionEvent::RequestFailed {
            stream,
            written: out.is_written(request.position),
        });
        self.events.extend(failed);
        self.events.push_back(ConnectionEvent::Closed(reason));
        self.out.clear();
    }

    /// Assigns a free stream to the last outbound frame, which begins at byte `start`. If the
    /// connection is not open or no stream is free, removes the frame.
    fn assign_stream(
        &mut self,
        start: usize,
        deadline: Option<Instant>,
    ) -> Result<Stream, SendError> {
        let assigned = self.allocate_stream(self.out.position(start), deadline);
        match assigned {
            Ok(stream) => self.write_stream(start, stream),
            Err(_) => self.out.frames_mut().truncate(start),
        }
        assigned
    }

    /// Allocates a stream for the request whose frame begins at `position`.
    fn allocate_stream(
        &mut self,
        position: u64,
        deadline: Option<Instant>,
    ) -> Result<Stream, SendError> {
        let state = StreamState::InFlight(InFlightRequest { deadline, position });
        match self.is_open() {
            true => self.streams.allocate(state).ok_or(SendError::NoStream),
            false => Err(SendError::NotOpen),
        }
    }

    /// Sends a request of the handshake, REGISTER or a heartbeat. Returns false if no stream is free. If the
    /// request cannot be encoded, closes the connection and returns false.
    fn send_internal(&mut self, request: Request<'_>) -> bool {
        let start = self.out.frames_mut().len();
        let frame = RequestFrame::new(Stream::default(), request);
        let encoded = frame.encode(&mut self.encoder, self.out.frames_mut());
        match (encoded, self.streams.allocate(StreamState::Internal)) {
            (Ok(()), Some(stream)) => {
                self.write_stream(start, stream);
                return true;
            }
            (Ok(()), None) => self.out.frames_mut().truncate(start),
            (Err(_), _) => self.close(CloseReason::Unexpected(frame.request.opcode())),
        }
        false
    }

    /// Writes a stream into the header of the frame at `start`.
    fn write_stream(&mut self, start: usize, stream: Stream) {
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
        let stream = header.stream;
        if stream.0 < 0 {
            return self.handle_server_event(&frame);
        }
        match self.streams.release(stream) {
            Some(StreamState::InFlight(_)) => {
                self.events.push_back(ConnectionEvent::Response { stream, frame });
            }
            Some(StreamState::Orphaned) => {}
            Some(StreamState::Internal) => self.handle_internal(&frame),
            Some(StreamState::Free) | None => self.handle_unsolicited(&frame),
        }
    }

    /// Handles a message on a negative stream. The response to a request does not belong there: the
    /// request would never end.
    fn handle_server_event(&mut self, frame: &RawFrame) {
        match ResponseFrame::decode(frame, &self.receive_context()) {
            Ok(message) if matches!(message.response, Response::Event(_) | Response::Error(_)) => {
                self.events.push_back(ConnectionEvent::ServerEvent(Box::new(message)));
            }
            Ok(_) => self.close(CloseReason::UnknownStream(frame.header.stream)),
            Err(error) => self.close(CloseReason::Decode(error)),
        }
    }

    /// Returns the context for responses, whose length is more limited during the handshake.
    fn receive_context(&self) -> Context {
        match self.state {
            State::Opening { .. } => {
                Context { max_body: self.options.handshake_body_limit(), ..self.context }
            }
            State::Open | State::Closed => self.context,
        }
    }

    /// Handles a response that belongs to no request. Closes the connection, unless the response is an
    /// OVERLOADED on stream 0. If the response is an ERROR, the close reason contains the ERROR.
    fn handle_unsolicited(&mut self, frame: &RawFrame) {
        let stream = frame.header.stream;
        let Ok(ResponseFrame { response: Response::Error(error), .. }) =
            ResponseFrame::decode(frame, &self.receive_context())
        else {
            return self.close(CloseReason::UnknownStream(stream));
        };
        match self.state {
            // Only the request of the handshake can be meant. A server that cannot decode the request
            // answers on stream 0.
            State::Opening { .. } => {
                self.close(self.recognize_unsupported_version(CloseReason::Refused(error)));
            }
            State::Open if stream.0 == 0 && error.code == ErrorCode::Overloaded => {
                // The lost response may be that of the last heartbeat.
                self.streams.record_lost_response();
                self.liveness.handle_probe_response();
                self.events.push_back(ConnectionEvent::UnattributedError(Box::new(error)));
            }
            State::Open | State::Closed => self.close(CloseReason::ServerError(error)),
        }
    }

    /// Fails one request if its response is too long and was skipped. Closes the connection after any
    /// other invalid input.
    fn handle_invalid_input(&mut self, error: DecodeError) {
        let skipped = self.frames.skipped().filter(|_| error.is_recoverable());
        let Some(stream) = skipped.map(|header| header.stream) else {
            return self.close(CloseReason::Decode(error));
        };
        match self.streams.release(stream) {
            Some(StreamState::InFlight(_)) => {
                self.events.push_back(ConnectionEvent::ResponseTooLong { stream, error });
            }
            Some(StreamState::Orphaned) => {}
            _ => self.close(CloseReason::Decode(error)),
        }
    }

    /// Handles the response to an internal request. After a response in the handshake, takes the next
    /// step. After the response to a heartbeat, another one can be sent. The response to REGISTER is handled
    /// like that of a heartbeat: at most, one more heartbeat is sent.
    fn handle_internal(&mut self, frame: &RawFrame) {
        let State::Opening { handshake, deadline } = self.state else {
            return self.liveness.handle_probe_response();
        };
        match ResponseFrame::decode(frame, &self.receive_context()) {
            Ok(ResponseFrame { response, .. }) => {
                let step = {
                    let Self { options, context, capabilities, login, .. } = self;
                    handshake.handle_response(response, options, context, capabilities, login)
                };
                // STARTUP itself is never compressed, later requests may be.
                self.encoder = FrameEncoder::new(self.context);
                let answers_startup = handshake.follows_startup();
                if answers_startup && self.context.version >= Version::V5 {
                    self.frames.start_segments(self.context.compression);
                    self.out.start_segments(self.context.compression);
                }
                self.take_step(step, deadline);
            }
            Err(error) => self.close(CloseReason::Decode(error)),
        }
    }

    /// Closes the connection after a frame of another version. A server that does not support the
    /// client's version sends its ERROR in a version that it does support.
    fn handle_other_version(&mut self, frame: &RawFrame) {
        let answered = frame.header.version;
        let context = Context { max_body: self.receive_context().max_body, ..answered.into() };
        let reason = match ResponseFrame::decode(frame, &context) {
            Ok(ResponseFrame { response: Response::Error(error), .. })
                if matches!(self.state, State::Opening { .. }) =>
            {
                let requested = self.context.version;
                CloseReason::UnsupportedVersion { requested, answered, message: error.message }
            }
            Ok(ResponseFrame { response: Response::Error(error), .. }) => {
                CloseReason::ServerError(error)
            }
            Ok(_) => CloseReason::Unexpected(frame.header.opcode),
            Err(error) => CloseReason::Decode(error),
        };
        self.close(reason);
    }

    fn take_step(&mut self, step: Step, deadline: Deadline) {
        match step {
            Step::Send(handshake, request) => {
                self.state = State::Opening { handshake, deadline };
                // Before the connection is open, a stream is always free. If encoding fails, the
                // connection is closed.
                let _sent = self.send_internal(request);
            }
            Step::Open(request) => {
                self.state = State::Open;
                self.frames.set_max_body(self.context.max_body);
                // A stream is free: no request is in flight.
                let _sent = request.is_some_and(|request| self.send_internal(request));
                self.events.push_back(ConnectionEvent::Opened);
            }
            Step::Close(reason) => self.close(self.recognize_unsupported_version(reason)),
        }
    }

    /// Turns a refusal into [`CloseReason::UnsupportedVersion`] if its message says that the
    /// version is not supported. Some servers send this refusal in the client's version, although
    /// they do not support that version.
    fn recognize_unsupported_version(&self, reason: CloseReason) -> CloseReason {
        let CloseReason::Refused(error) = reason else { return reason };
        let is_in_message = |part: &str| error.message.contains(part);
        if error.code == ErrorCode::Protocol && UNSUPPORTED.into_iter().any(is_in_message) {
            let requested = self.context.version;
            let message = error.message;
            return CloseReason::UnsupportedVersion { requested, answered: requested, message };
        }
        CloseReason::Refused(error)
    }

    /// Returns true if a caller waits for a response.
    const fn has_waiting(&self) -> bool {
        self.streams.in_use() > self.streams.orphans()
    }

    /// Sends a heartbeat, reports an unresponsive server, or closes the connection, if it is time.
    fn check_liveness(&mut self, now: Instant) {
        self.liveness.set_before_probe(self.out.before_probe());
        match self.liveness.handle_timeout(now, self.has_waiting(), &self.options) {
            Action::Nothing => {}
            Action::Probe => {
                if self.liveness.is_probe_unanswered() {
                    return self.liveness.record_probe(now);
                }
                let position = self.out.end_of_frames();
                match self.send_internal(Request::Options(Options)) {
                    true => {
                        self.out.record_probe(position);
                        self.liveness.record_probe(now);
                    }
                    false => self.liveness.postpone_probe(now),
                }
            }
            Action::ReportUnresponsive => self.events.push_back(ConnectionEvent::Unresponsive),
            Action::Close(reason) => self.close(reason),
        }
    }

    /// Closes the connection if it has too many orphans. While the connection is unresponsive, its
    /// callers move to other nodes, and new orphans do not show that the server loses requests. They
    /// are excused until their responses arrive, unless they take all streams.
    fn check_orphans(&mut self) {
        let orphans = self.streams.orphans();
        self.excused_orphans = match self.is_responsive() {
            true => self.excused_orphans.min(orphans),
            false => orphans,
        };
        let counted = orphans.saturating_sub(self.excused_orphans);
        if counted > self.options.orphan_limit() || orphans >= self.options.stream_limit() {
            self.close(CloseReason::TooManyOrphans(orphans));
        }
    }
}
