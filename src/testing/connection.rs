//! One client of the server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, mpsc};
use tokio_util::codec::{Decoder, Encoder};

use super::answer::answer;
use super::reply::{Turn, What};
use super::{Reply, Shared};
use crate::codec::ServerCodec;
use crate::message::{
    ErrorCode, Event, Request, RequestFrame, Response, ResponseFrame, ServerError,
};
use crate::wire::{Context, DecodeError, RawFrame, Stream, Version};

/// A connection, and what it has to say.
struct Client {
    shared: Arc<Shared>,
    codec: ServerCodec,
    out: BytesMut,
    /// Replies that took some time.
    late: mpsc::UnboundedSender<(Stream, Turn)>,
    registered: Vec<String>,
    /// Whether the client has said who it is.
    is_known: bool,
}

/// Longer requests are refused, as Cassandra does it unless told otherwise.
const MAX_BODY: usize = 16 << 20;

/// The connection is to be closed, once all was written.
struct Close;

/// A connection that is open, until this is dropped.
struct Open<'s>(&'s Shared);

impl<'s> Open<'s> {
    fn new(shared: &'s Shared) -> Self {
        shared.connections.fetch_add(1, Ordering::Release);
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Release);
    }
}

/// Talks to one client until either side has enough.
pub(super) async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    let _open = Open::new(&shared);
    // A client that goes away is no failure of the server.
    let _gone = talk(socket, Arc::clone(&shared)).await;
}

async fn talk(mut socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut events = shared.events.subscribe();
    let (late, mut replies) = mpsc::unbounded_channel();
    let version = shared.script().version;
    let codec = ServerCodec::new(Context { max_body: MAX_BODY, ..version.into() });
    let mut client = Client {
        shared,
        codec,
        out: BytesMut::new(),
        late,
        registered: Vec::new(),
        is_known: false,
    };
    let mut input = BytesMut::new();
    loop {
        let next = tokio::select! {
            read = socket.read_buf(&mut input) => match read? {
                0 => return Ok(()),
                _ => client.handle_input(&mut input),
            },
            Some((stream, reply)) = replies.recv() => client.say(stream, reply),
            event = events.recv() => match event {
                Ok(event) => client.tell(event),
                Err(broadcast::error::RecvError::Lagged(_)) => Ok(()),
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        };
        socket.write_all_buf(&mut client.out).await?;
        if let Err(Close) = next {
            return socket.shutdown().await;
        }
    }
}

impl Client {
    fn handle_input(&mut self, input: &mut BytesMut) -> Result<(), Close> {
        loop {
            match self.codec.decode(input) {
                Ok(Some(frame)) => self.handle_frame(&frame)?,
                Ok(None) => return Ok(()),
                Err(error) => self.handle_bad_input(&error)?,
            }
        }
    }

    /// A request that is too long is refused by itself, as Cassandra does it; what is no frame ends
    /// the connection.
    fn handle_bad_input(&mut self, error: &io::Error) -> Result<(), Close> {
        let decode = error.get_ref().and_then(|error| error.downcast_ref::<DecodeError>());
        let skipped = self.codec.skipped().map(|header| header.stream);
        match (decode, skipped) {
            (Some(too_long), Some(stream)) if too_long.is_recoverable() => {
                let error = ServerError::new(ErrorCode::Invalid, too_long.to_string());
                self.write(ResponseFrame::new(stream, error));
                Ok(())
            }
            _ => {
                self.refuse(Stream::default(), &error.to_string());
                Err(Close)
            }
        }
    }

    fn handle_frame(&mut self, frame: &RawFrame) -> Result<(), Close> {
        let script = self.shared.script();
        let stream = frame.header.stream;
        if frame.header.version > script.version {
            let (lowest, greatest) = (Version::V3.number(), script.version.number());
            let asked = frame.header.version.number();
            self.codec.set_version(script.version);
            self.refuse(
                stream,
                &format!(
                    "Invalid or unsupported protocol version ({asked}); the lowest supported \
                     version is {lowest} and the greatest is {greatest}"
                ),
            );
            return Err(Close);
        }
        match self.reply(frame) {
            Ok(reply) if reply.delay.is_zero() => self.say(stream, reply),
            Ok(reply) => {
                let late = self.late.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(reply.delay).await;
                    // The client may have gone meanwhile.
                    let _gone = late.send((stream, reply));
                });
                Ok(())
            }
            Err(error) => {
                self.refuse(stream, &error.to_string());
                Ok(())
            }
        }
    }

    fn reply(&mut self, frame: &RawFrame) -> Result<Turn, DecodeError> {
        let context = *self.codec.context();
        let frame = frame.clone().decompress(&context)?;
        let frame = RequestFrame::decode(&frame, &context)?;
        if let Request::Register(register) = &frame.request {
            self.registered = register.event_types.iter().map(ToString::to_string).collect();
        }
        let script = self.shared.script();
        let says_who = matches!(
            frame.request,
            Request::Options(_) | Request::Startup(_) | Request::AuthResponse(_)
        );
        if script.credentials.is_some() && !self.is_known && !says_who {
            let message = "who are you? AUTH_RESPONSE comes first";
            return Ok(Reply::error(ErrorCode::Protocol, message).take(None));
        }
        let reply = answer(&self.shared, &script, &frame);
        if let What::Response(response) = &reply.what {
            self.is_known |= matches!(**response, Response::AuthSuccess(_));
        }
        Ok(reply)
    }

    fn say(&mut self, stream: Stream, reply: Turn) -> Result<(), Close> {
        match reply.what {
            What::Response(response) => self.write(ResponseFrame::new(stream, *response)),
            What::Rows(table) => {
                let rows = crate::message::ResultMessage::Rows(table.page(None, None));
                self.write(ResponseFrame::new(stream, rows));
            }
            What::Bytes(bytes) => self.out.extend_from_slice(&bytes),
            // Computed replies are, by now.
            What::Silence | What::Computed(_) => {}
            What::Close => return Err(Close),
        }
        Ok(())
    }

    fn tell(&mut self, event: Event) -> Result<(), Close> {
        if self.registered.iter().any(|registered| registered == event.event_type()) {
            self.write(ResponseFrame::new(Stream::EVENT, event));
        }
        Ok(())
    }

    fn refuse(&mut self, stream: Stream, message: &str) {
        self.write(ResponseFrame::new(stream, ServerError::new(ErrorCode::Protocol, message)));
    }

    /// Writes a response; one that the protocol has no bytes for in this version becomes an error.
    fn write(&mut self, frame: ResponseFrame) {
        let stream = frame.stream;
        if let Err(error) = self.codec.encode(frame, &mut self.out) {
            let message = format!("the reply cannot be written: {error}");
            let error = ServerError::new(ErrorCode::Server, message);
            let written = self.codec.encode(ResponseFrame::new(stream, error), &mut self.out);
            debug_assert!(written.is_ok(), "an error can always be written");
        }
    }
}
