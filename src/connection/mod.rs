//! One connection on tokio: a task that owns a socket and a
//! [`protocol::Connection`](crate::protocol::Connection).
//!
//! A [`Connection`] is a handle; requests are encoded by whoever makes them and handed to the task,
//! which writes all that has come together with one call. Answers are decoded by whoever waits for
//! them. The task ends with the connection, or when no handle is left.
//!
//! Invariants: nothing waits longer than it was told to; a request whose future is dropped is an
//! orphan, which keeps its stream until it is answered; when the connection ends everybody who waits is told why, and
//! whether a byte of the request was written.

mod connector;
mod driver;
mod error;
#[cfg(feature = "tls")]
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError, mpsc, oneshot};
use tokio::time::Instant;

use crate::message::{RequestFrame, ResponseFrame};
use crate::protocol::{CloseReason, ConnectionOptions};
use crate::wire::{Context, FrameEncoder, RawFrame};
use driver::Command;

pub use connector::Connector;
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
    commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
}

/// What the handles and the task both know.
#[derive(Debug)]
struct Shared {
    closed: OnceLock<CloseReason>,
    /// A permit for each request that may wait for the task; closed with the connection.
    room: Semaphore,
    /// Whether the task has been told that somebody has gone who waited for an answer.
    abandoned: AtomicBool,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        Self {
            closed: OnceLock::new(),
            room: Semaphore::new(QUEUE),
            abandoned: AtomicBool::new(false),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
        }
    }
}

/// How many requests may wait for the task. More wait in their own tasks.
const QUEUE: usize = 1_024;

/// A request is encoded into this much room, so that most need no second allocation.
const FRAME_ROOM: usize = 256;

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
        let mut frame = Vec::with_capacity(FRAME_ROOM);
        request
            .encode(&mut FrameEncoder::new(self.context), &mut frame)
            .map_err(|error| self.error(RequestErrorKind::Encode(error), false))?;
        // A time that does not exist is never.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        self.wait_for_room(deadline).await?;
        let (reply, wait) = oneshot::channel();
        let request = driver::Request { frame, deadline: deadline.map(Instant::into_std), reply };
        let sent = self.commands.send(Command::Request(request));
        sent.map_err(|_| self.closed_error(false))?;
        let frame = match (Waiting { connection: self, answer: wait }).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(lost)) => return Err(self.error(lost.kind, lost.written)),
            Err(_) => return Err(self.closed_error(true)),
        };
        ResponseFrame::decode(&frame, &self.context)
            .map_err(|error| self.error(RequestErrorKind::Decode(error), true))
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
        self.shared.closed.get()
    }

    /// How many bytes have been sent and received, headers and handshake included.
    pub fn traffic(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.shared.bytes_sent), read(&self.shared.bytes_received))
    }

    /// Waits for a place among the requests that wait for the task, no longer than the request may
    /// take. The task gives the place back.
    async fn wait_for_room(&self, deadline: Option<Instant>) -> Result<(), RequestError> {
        let room = &self.shared.room;
        let permit = match (room.try_acquire(), deadline) {
            (Ok(permit), _) => Ok(permit),
            (Err(TryAcquireError::NoPermits), Some(deadline)) => {
                let late = |_| self.error(RequestErrorKind::TimedOut, false);
                tokio::time::timeout_at(deadline, room.acquire()).await.map_err(late)?
            }
            (Err(_), _) => room.acquire().await,
        };
        permit.map(SemaphorePermit::forget).map_err(|_| self.closed_error(false))
    }

    fn closed_error(&self, written: bool) -> RequestError {
        let why = self.closed().cloned().unwrap_or(CloseReason::Local);
        self.error(RequestErrorKind::Closed(why), written)
    }

    fn error(&self, kind: RequestErrorKind, written: bool) -> RequestError {
        RequestError::new(self.address, kind, written)
    }
}

/// Waits for an answer, and says so when it is dropped before that has come.
struct Waiting<'a> {
    connection: &'a Connection,
    answer: oneshot::Receiver<Result<RawFrame, driver::Lost>>,
}

impl Future for Waiting<'_> {
    type Output = Result<Result<RawFrame, driver::Lost>, oneshot::error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(cx)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.answer.is_terminated() {
            return;
        }
        self.answer.close();
        if !self.connection.shared.abandoned.swap(true, Ordering::SeqCst) {
            // A task that has ended has let go of everything.
            let _ended = self.connection.commands.send(Command::Abandoned);
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
