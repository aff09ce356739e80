//! A connection of one client.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{broadcast, mpsc};
use tokio_util::codec::{Decoder, Encoder};

use super::error_version::downgrade;
use super::handler::{Handler, Source};
use super::registered::RegisteredTypes;
use super::script::Script;
use super::state::ServerState;
use super::step::{Action, Extras, ReplyStep};
use crate::codec::{RejectedRequest, ServerCodec};
use crate::environment::Socket;
use crate::message::{
    ErrorCode, Event, Request, RequestFrame, Response, ResponseFrame, ResultMessage, ServerError,
    VersionRefusal,
};
use crate::wire::{
    Context, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Header, RawFrame, Stream,
    Version,
};

/// The stream of an ERROR whose request is not known, because its header could not be decoded.
const UNKNOWN: Stream = Stream(0);

/// Serves one client until the client or the server closes the connection.
pub(super) async fn serve(socket: Socket, state: Arc<ServerState>) {
    let (number, close) = state.connections().add();
    let _open = OpenConnection { state: &state, number };
    tokio::select! {
        biased;
        () = close.notified() => {}
        // A client may disconnect at any time, so an error of the socket is ignored.
        _disconnected = run(socket, number, &state) => {}
    }
}

/// Performs the TLS handshake if the server requires it, and serves the client.
async fn run(socket: Socket, number: u64, state: &Arc<ServerState>) -> io::Result<()> {
    let source = Source { number, client: socket.peer_addr()?.ip(), keyspace: None };
    #[cfg(feature = "tls")]
    {
        let tls = state.script().tls.clone();
        if let Some(tls) = tls {
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(tls.config()));
            let socket = acceptor.accept(socket).await?;
            return exchange_frames(socket, source, Arc::clone(state)).await;
        }
    }
    exchange_frames(socket, source, Arc::clone(state)).await
}

/// A guard that lists a connection as open until the guard is dropped.
struct OpenConnection<'s> {
    state: &'s ServerState,
    number: u64,
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.state.connections().remove(self.number);
    }
}

async fn exchange_frames(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    source: Source,
    state: Arc<ServerState>,
) -> io::Result<()> {
    let mut events = state.events.subscribe();
    let mut cluster_events = state.script().system_tables.shared.events.subscribe();
    let (delayed, mut delayed_replies) = mpsc::unbounded_channel();
    let mut client = Client::new(source, state, delayed);
    let mut input = BytesMut::new();
    loop {
        let next = tokio::select! {
            biased;
            Some((stream, reply)) = delayed_replies.recv() => client.send_reply(stream, reply),
            event = next_event(&mut events, &mut cluster_events) => client.send_event(event),
            read = socket.read_buf(&mut input) => match read? {
                0 => return Ok(()),
                _ => client.handle_input(&mut input),
            },
        };
        socket.write_all_buf(&mut client.out).await?;
        // TLS keeps bytes until it is flushed.
        socket.flush().await?;
        if let Err(CloseConnection) = next {
            return socket.shutdown().await;
        }
    }
}

/// Waits for the next event of the node or of its cluster. Events that the connection was too slow to
/// receive are lost.
async fn next_event(
    of_node: &mut broadcast::Receiver<Event>,
    of_cluster: &mut broadcast::Receiver<Event>,
) -> Event {
    loop {
        let event = tokio::select! {
            biased;
            event = of_node.recv() => event,
            event = of_cluster.recv() => event,
        };
        match event {
            Ok(event) => return event,
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            // The connection ends with its server.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// The server's side of a connection.
struct Client {
    state: Arc<ServerState>,
    source: Source,
    codec: ServerCodec,
    /// Encoded responses that are not yet written to the socket.
    out: BytesMut,
    /// A channel to the connection's loop, for replies whose delay has passed or whose condition is true.
    delayed: mpsc::UnboundedSender<(Stream, ReplyStep)>,
    /// The event types that the client has registered for.
    registered: RegisteredTypes,
    is_authenticated: bool,
}

/// The error with which a method of [`Client`] closes the connection. The responses encoded so far
/// are written first.
struct CloseConnection;

impl Client {
    fn new(
        source: Source,
        state: Arc<ServerState>,
        delayed: mpsc::UnboundedSender<(Stream, ReplyStep)>,
    ) -> Self {
        let script = state.script();
        // The codec's limit also applies to responses, which `max_frame_body` must not limit. A
        // `max_frame_body` below the default is therefore checked in `handle_frame`.
        let max_body = script.max_frame_body.max(Context::DEFAULT_MAX_BODY);
        let codec = ServerCodec::new(Context { max_body, ..script.version.into() });
        Self {
            state,
            source,
            codec,
            out: BytesMut::new(),
            delayed,
            registered: RegisteredTypes::default(),
            is_authenticated: false,
        }
    }

    fn handle_input(&mut self, input: &mut BytesMut) -> Result<(), CloseConnection> {
        loop {
            match self.codec.decode(input) {
                Ok(Some(Ok(frame))) => self.handle_frame(&frame)?,
                Ok(Some(Err(rejected))) => self.handle_rejected(rejected)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.send_error(UNKNOWN, ErrorCode::Protocol, error.to_string());
                    return Err(CloseConnection);
                }
            }
        }
    }

    /// Answers a request that the codec cannot decode. Like Cassandra, continues with the next request
    /// after an unsupported version and after a request that is too long. After an invalid STARTUP,
    /// closes the connection.
    fn handle_rejected(&mut self, rejected: RejectedRequest) -> Result<(), CloseConnection> {
        match rejected {
            RejectedRequest::UnsupportedVersion(header) => {
                self.refuse_version(header.version, self.state.script().version);
                Ok(())
            }
            RejectedRequest::Invalid { header, error } => {
                if let DecodeErrorKind::FrameTooLong { length, limit } = error.kind() {
                    self.refuse_too_long(header.stream, length, limit);
                    return Ok(());
                }
                self.send_error(header.stream, ErrorCode::Protocol, error.to_string());
                Err(CloseConnection)
            }
        }
    }

    fn handle_frame(&mut self, frame: &RawFrame) -> Result<(), CloseConnection> {
        let script = self.state.script();
        let stream = frame.header.stream;
        if frame.header.version > script.version {
            self.refuse_version(frame.header.version.number(), script.version);
            return Ok(());
        }
        if frame.body.len() > script.max_frame_body {
            self.refuse_too_long(stream, frame.body.len() as u64, script.max_frame_body);
            return Ok(());
        }
        match self.reply_to(frame, &script) {
            Ok(reply) if reply.timing.is_immediate() => return self.send_reply(stream, reply),
            Ok(reply) => {
                let delayed = self.delayed.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        biased;
                        () = reply.timing.wait() => {}
                        // A reply whose condition never becomes true ends with its connection.
                        () = delayed.closed() => return,
                    }
                    let _closed = delayed.send((stream, reply));
                });
            }
            Err(error) => {
                self.send_error(stream, ErrorCode::Protocol, violation(&frame.header, &error));
            }
        }
        Ok(())
    }

    fn reply_to(&mut self, frame: &RawFrame, script: &Script) -> Result<ReplyStep, DecodeError> {
        let context = *self.codec.context();
        let frame = frame.clone().decompress(&context)?;
        let frame = RequestFrame::decode(&frame, &context)?;
        let needs_no_login = matches!(
            frame.request,
            Request::Options(_) | Request::Startup(_) | Request::AuthResponse(_)
        );
        if script.requires_login() && !self.is_authenticated && !needs_no_login {
            let message = "MockServer requires credentials; send AUTH_RESPONSE first";
            return Ok(ReplyStep::response(ServerError::new(ErrorCode::Protocol, message)));
        }
        let (state, source) = (&*self.state, &self.source);
        let reply = Handler { state, script, source, context: &context }.handle(&frame);
        if let (Request::Register(register), Action::SendResponse(response)) =
            (&frame.request, &reply.action)
            && let Response::Ready(_) = **response
        {
            self.registered.extend(register.event_types.iter().map(ToString::to_string));
        }
        if let Action::SendResponse(response) = &reply.action {
            match &**response {
                Response::AuthSuccess(_) => self.is_authenticated = true,
                Response::Result(ResultMessage::SetKeyspace(keyspace)) => {
                    self.source.keyspace = Some(keyspace.clone());
                }
                _ => {}
            }
        }
        Ok(reply)
    }

    fn send_reply(&mut self, stream: Stream, reply: ReplyStep) -> Result<(), CloseConnection> {
        let mut response = match reply.action {
            Action::SendResponse(mut response) => {
                if let Response::Error(error) = &mut *response {
                    downgrade(error, self.codec.context().version);
                }
                ResponseFrame::new(stream, *response)
            }
            Action::SendRows(table) => {
                ResponseFrame::new(stream, ResultMessage::Rows(table.page(None, None)))
            }
            Action::SendBytes(bytes) => {
                self.out.extend_from_slice(&bytes);
                return Ok(());
            }
            Action::SendNothing => return Ok(()),
            Action::CloseConnection => return Err(CloseConnection),
            Action::RefuseVersion(version) => {
                let lower = Version::from_number(version.number().saturating_sub(1));
                let supported = match lower {
                    Some(lower) => Version::V3..=lower,
                    None => Version::V4..=Version::V5,
                };
                self.refuse(VersionRefusal::new(version.number(), supported));
                return Ok(());
            }
        };
        let Extras { tracing_id, warnings, custom_payload } = reply.extras;
        response.tracing_id = tracing_id;
        if self.codec.context().version >= Version::V4 {
            (response.warnings, response.custom_payload) = (warnings, custom_payload);
        }
        self.send(response);
        Ok(())
    }

    /// Sends an event if the client has registered for its type.
    fn send_event(&mut self, event: Event) -> Result<(), CloseConnection> {
        if self.registered.contains(event.event_type()) {
            self.send(ResponseFrame::new(Stream::EVENT, event));
        }
        Ok(())
    }

    /// Refuses the protocol version with the number `requested`, if `highest` is the server's highest
    /// version.
    fn refuse_version(&mut self, requested: u8, highest: Version) {
        self.refuse(VersionRefusal::new(requested, Version::V3..=highest));
    }

    fn refuse(&mut self, refusal: VersionRefusal) {
        let written = self.codec.encode(refusal, &mut self.out);
        debug_assert!(written.is_ok(), "a refusal is short");
    }

    fn refuse_too_long(&mut self, stream: Stream, length: u64, limit: usize) {
        let message = format!(
            "request body of {length} bytes exceeds the limit of this MockServer, {limit} bytes; \
             change it with MockServer::max_frame_body"
        );
        self.send_error(stream, ErrorCode::Invalid, message);
    }

    fn send_error(&mut self, stream: Stream, code: ErrorCode, message: String) {
        self.send(ResponseFrame::new(stream, ServerError::new(code, message)));
    }

    /// Encodes a response into `out`. If the response is too long, or if the protocol version has no
    /// encoding for it, encodes an ERROR instead.
    fn send(&mut self, mut frame: ResponseFrame) {
        let version = self.codec.context().version;
        if let Response::Event(Event::Schema(change))
        | Response::Result(ResultMessage::SchemaChange(change)) = &mut frame.response
        {
            *change = change.clone().for_version(version);
        }
        let stream = frame.stream;
        let start = self.out.len();
        let limit = self.state.script().max_response_body;
        let message = match self.codec.encode(frame, &mut self.out) {
            Ok(()) => {
                let length = self.out.len().saturating_sub(start);
                if length <= limit {
                    return;
                }
                self.out.truncate(start);
                too_long_message(length, limit)
            }
            Err(error) => match encode_error_kind(&error) {
                Some(EncodeErrorKind::TooLong { length, limit }) => too_long_message(length, limit),
                _ => format!("MockServer cannot encode the reply: {error}"),
            },
        };
        let error = ServerError::new(ErrorCode::Server, message);
        let written = self.codec.encode(ResponseFrame::new(stream, error), &mut self.out);
        debug_assert!(written.is_ok(), "an ERROR without details has an encoding");
    }
}

fn too_long_message(length: usize, limit: usize) -> String {
    format!(
        "response of {length} bytes exceeds the limit of this MockServer, {limit} bytes; ask for a \
         smaller page, or change the limit with MockServer::max_response_body"
    )
}

fn encode_error_kind(error: &io::Error) -> Option<EncodeErrorKind> {
    let error = error.get_ref()?.downcast_ref::<EncodeError>()?;
    Some(error.kind())
}

/// Returns the message of the ERROR for a request that violates the protocol, in Cassandra's words
/// where it has them.
fn violation(header: &Header, error: &DecodeError) -> String {
    match error.kind() {
        DecodeErrorKind::VersionMismatch { found, expected } => format!(
            "Invalid message version. Got {}/{found} but previous messages on this connection had \
             version {}/{expected}",
            found.number(),
            expected.number()
        ),
        DecodeErrorKind::WrongDirection => {
            let (expected, got) = match header.is_response {
                true => ("REQUEST", "RESPONSE"),
                false => ("RESPONSE", "REQUEST"),
            };
            let opcode = header.opcode;
            format!(
                "Wrong protocol direction (expected {expected}, got {got}) for opcode {} ({opcode})",
                opcode.code()
            )
        }
        _ => error.to_string(),
    }
}
