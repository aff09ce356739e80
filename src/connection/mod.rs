//! One connection on tokio: a task that owns a socket and a
//! [`protocol::ClientConnection`](crate::protocol::ClientConnection).
//!
//! A [`Connection`] is a handle; requests are encoded by whoever makes them and handed to the task,
//! which writes all that has come together with one call. Answers are decoded by whoever waits for
//! them. The task ends with the connection, or when no handle is left.
//!
//! Invariants: nothing waits longer than it was told to; a request whose future is dropped is an
//! orphan, which keeps its stream until it is answered; when the connection ends everybody who waits is told why, and
//! whether a byte of the request was written.

mod connector;
mod deadline;
mod driver;
mod error;
mod exchange;
mod queue;
#[cfg(feature = "tls")]
mod tls;

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use crate::message::{KnownColumns, RequestFrame, ResponseFrame};
use crate::protocol::{CloseReason, ConnectionOptions};
use crate::wire::{Context, EncodeError, FrameEncoder};
use exchange::{Answer, Handle};
use queue::Slot;

pub use connector::Connector;
pub(crate) use deadline::timeout_at;
pub use error::{ConnectionError, RequestError, RequestErrorKind};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};

/// A handle of an open connection.
///
/// It can be shared, and used by any number of tasks at once.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    context: Context,
    exchange: Handle,
}

thread_local! {
    /// Where requests are encoded, before they are copied to the others that wait for the task.
    static FRAME: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// More room than this is not kept for the frames to come.
const FRAME_ROOM: usize = 64 << 10;

impl Connection {
    /// Opens a connection to `address`, as a [`Connector`] without TLS does it.
    ///
    /// # Errors
    /// Why the connection could not be opened, within `options.handshake_timeout`.
    pub async fn connect(
        address: SocketAddr,
        options: &ConnectionOptions,
    ) -> Result<Self, ConnectionError> {
        Connector::from(options.clone()).connect(address, None).await
    }

    /// Sends a request and waits for its answer, for at most `timeout`.
    ///
    /// Its stream id is chosen here. An ERROR of the server is an answer like any other.
    ///
    /// # Errors
    /// The request was not answered: why, and [whether the server may have acted on
    /// it](RequestError::may_have_been_applied).
    pub async fn request(
        &self,
        request: &RequestFrame<'_>,
        timeout: Option<Duration>,
    ) -> Result<ResponseFrame, RequestError> {
        // A time that does not exist is never.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| request.encode(encoder, out);
        match self.request_until(encode, deadline, None).await {
            Ok(answer) => Ok(*answer),
            Err(error) => Err(*error),
        }
    }

    /// The same with how the request is encoded, once; the time at which the answer must have come;
    /// and the columns it may have. What comes of it is in a box: on its way to the user it is moved
    /// often.
    pub(crate) async fn request_until(
        &self,
        encode: impl Encode,
        deadline: Option<Instant>,
        known: Option<&KnownColumns>,
    ) -> Result<Box<ResponseFrame>, Box<RequestError>> {
        self.wait_for_room(deadline).await?;
        let asking = Asking { connection: self, encode, deadline, slot: None };
        let frame = match asking.await? {
            Ok(frame) => frame,
            Err(lost) => return Err(self.error(lost.kind, lost.written)),
        };
        let decoded = match known {
            Some(known) => ResponseFrame::decode_knowing(&frame, &self.context, known),
            None => ResponseFrame::decode(&frame, &self.context),
        };
        match decoded {
            Ok(answer) => Ok(Box::new(answer)),
            Err(error) => Err(self.error(RequestErrorKind::Decode(error), true)),
        }
    }

    /// Where the server is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the two ends have agreed on.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Why the connection has ended, if it has.
    pub fn closed(&self) -> Option<&CloseReason> {
        self.exchange.closed()
    }

    /// Waits until the connection has ended, and says why.
    pub async fn wait_closed(&self) -> CloseReason {
        self.exchange.wait_closed().await
    }

    /// Ends the connection; every request in flight is lost.
    pub fn close(&self) {
        self.exchange.leave();
    }

    /// How many bytes have been sent and received, headers and handshake included.
    pub fn traffic(&self) -> (u64, u64) {
        self.exchange.traffic()
    }

    /// How many streams are in use, and how many of them wait for an answer that nobody waits for
    /// any more.
    pub fn streams(&self) -> (usize, usize) {
        self.exchange.streams()
    }

    /// Waits for a place among the requests that wait for the task, no longer than the request may
    /// take. The task gives the place back.
    async fn wait_for_room(&self, deadline: Option<Instant>) -> Result<(), Box<RequestError>> {
        let room = &self.exchange.room;
        let permit = match room.try_acquire() {
            Ok(permit) => Ok(permit),
            // Boxed, so that a rare wait does not make every request's future larger.
            Err(_) => Box::pin(timeout_at(deadline, room.acquire()))
                .await
                .map_err(|_| self.error(RequestErrorKind::TimedOut, false))?,
        };
        permit.map(SemaphorePermit::forget).map_err(|_| self.closed_error(false))
    }

    fn closed_error(&self, written: bool) -> Box<RequestError> {
        let why = self.closed().cloned().unwrap_or(CloseReason::Local);
        self.error(RequestErrorKind::Closed(why), written)
    }

    fn error(&self, kind: RequestErrorKind, written: bool) -> Box<RequestError> {
        Box::new(RequestError::new(self.address, kind, written))
    }
}

/// Writes a request.
pub(crate) trait Encode:
    FnMut(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), EncodeError> + Unpin
{
}

impl<F: FnMut(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), EncodeError> + Unpin> Encode for F {}

/// Makes a request, waits for its answer, and says so when it is dropped before that has come.
struct Asking<'a, E> {
    connection: &'a Connection,
    encode: E,
    deadline: Option<Instant>,
    /// Where the answer will be, once the request is made.
    slot: Option<Slot>,
}

impl<E: Encode> Future for Asking<'_, E> {
    type Output = Result<Answer, Box<RequestError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let connection = self.connection;
        let Some(slot) = self.slot else {
            let submitted = self.submit(cx);
            if !matches!(submitted, Ok(Some(_))) {
                connection.exchange.room.add_permits(1);
            }
            self.slot = match submitted {
                Ok(Some(slot)) => Some(slot),
                Ok(None) => return Poll::Ready(Err(connection.closed_error(false))),
                Err(error) => {
                    let kind = RequestErrorKind::Encode(error);
                    return Poll::Ready(Err(connection.error(kind, false)));
                }
            };
            return Poll::Pending;
        };
        let answer = ready!(connection.exchange.poll_answer(slot, cx));
        self.slot = None;
        Poll::Ready(Ok(answer))
    }
}

impl<E: Encode> Asking<'_, E> {
    /// Hands the request to the task; `None` when the connection has ended.
    fn submit(&mut self, cx: &TaskContext<'_>) -> Result<Option<Slot>, EncodeError> {
        let Self { connection, encode, deadline, .. } = self;
        let mut frame = FRAME.try_with(Cell::take).unwrap_or_default();
        let encoded = encode(&mut FrameEncoder::new(connection.context), &mut frame);
        let deadline = deadline.map(Instant::into_std);
        let waker = || cx.waker().clone();
        let slot = encoded.map(|()| connection.exchange.submit(&frame, deadline, waker()));
        frame.clear();
        frame.shrink_to(FRAME_ROOM);
        // A thread that ends keeps nothing.
        let _kept = FRAME.try_with(|kept| kept.set(frame));
        slot
    }
}

impl<E> Drop for Asking<'_, E> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.connection.exchange.abandon(slot);
        }
    }
}

/// Why a socket failed.
fn io(error: &std::io::Error) -> CloseReason {
    #[cfg(feature = "tls")]
    return tls::reason(error);
    #[cfg(not(feature = "tls"))]
    CloseReason::Io(error.kind(), error.to_string())
}
