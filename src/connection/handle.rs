//! The handle of a connection, and the future of one request.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::AcquireError;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::error::{RequestError, RequestErrorKind};
use super::exchange::{Exchange, Handle};
use super::queue::Frame;
use super::runtime::{Runtime, has_passed};
use super::slots::{FailedRequest, Outcome, ReceivedFrame, SlotId};
use crate::message::{KnownColumns, RequestFrame, ResponseFrame};
use crate::protocol::{Capabilities, CloseReason};
use crate::sync::SemaphorePermit;
use crate::sync::atomic::AtomicUsize;
use crate::wire::{
    Context, DecodeError, DecodeErrorKind, EncodeError, FrameEncoder, LargeFrame, Version,
};

/// A handle of an open connection.
///
/// Any number of tasks can share it and send requests at the same time. Dropping the handle closes
/// the connection.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    context: Context,
    capabilities: Capabilities,
    exchange: Handle,
    /// The runtime of the connection's task.
    runtime: Runtime,
}

thread_local! {
    /// The buffer in which requests are encoded before they are copied to the queue. Large requests are
    /// moved to the queue instead.
    static FRAME: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Maximum capacity that the buffer [`FRAME`] keeps between requests, in bytes.
const MAX_KEPT_CAPACITY: usize = 64 << 10;

impl Connection {
    pub(super) const fn new(
        address: SocketAddr,
        (context, capabilities): (Context, Capabilities),
        exchange: Handle,
        runtime: Runtime,
    ) -> Self {
        Self { address, context, capabilities, exchange, runtime }
    }

    /// Sends a request and waits for its response. Waits at most for `timeout`, or without a limit if
    /// `timeout` is `None`.
    ///
    /// The future may be polled by any executor. It ends at the timeout even if the runtime on which
    /// the connection was opened does not run. The exception is a thread that has entered that runtime
    /// without driving it, by `Handle::block_on` or `Handle::enter` of an idle current-thread runtime:
    /// its requests end only once another thread drives the runtime.
    ///
    /// The connection chooses the stream and ignores the stream of `request`. An ERROR of the server is
    /// returned as a response.
    ///
    /// # Errors
    /// Returns an error if the request cannot be encoded, if no response arrives, or if the response
    /// cannot be decoded. Check [`RequestError::may_have_been_applied`] before sending the request
    /// again.
    pub async fn request(
        &self,
        request: &RequestFrame<'_>,
        timeout: Option<Duration>,
    ) -> Result<ResponseFrame, RequestError> {
        // A deadline beyond the range of the clock is never reached.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| request.encode(encoder, out);
        match self.request_until(encode, deadline, None).await {
            Ok((response, _)) => Ok(*response),
            Err(error) => Err(*error),
        }
    }

    /// Sends the request that `encode` writes, and waits for its response until `deadline`. If the
    /// response describes the `known` columns, the rows share these columns. Also returns the time at
    /// which the response arrived.
    ///
    /// The result is boxed because it is moved many times on its way to the caller.
    pub(crate) fn request_until(
        &self,
        encode: impl Encode,
        deadline: Option<Instant>,
        known: Option<&KnownColumns>,
    ) -> impl Future<Output = Result<(Box<ResponseFrame>, Instant), Box<RequestError>>> {
        self.pending_request(encode, deadline).map(move |outcome| {
            let ReceivedFrame { frame, received_at } = outcome?;
            match ResponseFrame::decode_boxed(&frame, &self.context, known) {
                Ok(response) => Ok((response, received_at)),
                Err(error) => Err(self.error(RequestErrorKind::Decode(error), true)),
            }
        })
    }

    /// Sends a request of the driver itself, like [`request`](Self::request). Refuses a response whose
    /// body has more than `max_body` bytes, compressed or uncompressed, before it is decoded.
    pub(crate) async fn request_limited(
        &self,
        request: &RequestFrame<'_>,
        timeout: Duration,
        max_body: usize,
    ) -> Result<ResponseFrame, Box<RequestError>> {
        let deadline = Instant::now().checked_add(timeout);
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| request.encode(encoder, out);
        let frame = self.pending_request(encode, deadline).await?.frame;
        let length = frame.body.len();
        let max_body = max_body.min(self.context.max_body);
        let decoded = match length > max_body {
            true => {
                let kind = DecodeErrorKind::FrameTooLong { length: length as u64, limit: max_body };
                Err(DecodeError::new(kind, "length", 5))
            }
            false => ResponseFrame::decode(&frame, &Context { max_body, ..self.context }),
        };
        decoded.map_err(|error| self.error(RequestErrorKind::Decode(error), true))
    }

    /// Returns the address of the server.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the protocol version, compression and limits of the connection.
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the address, the version and the capabilities of the server.
    pub(crate) const fn server(&self) -> KnownServer {
        let Self { address, context: Context { version, .. }, capabilities, .. } = *self;
        KnownServer { address, version, capabilities }
    }

    /// Returns the reason for the end of the connection, or `None` if it is open.
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.exchange.close_reason()
    }

    /// Returns false if the server does not answer: requests wait, and a heartbeat got no response
    /// within [`probe_timeout`](crate::protocol::ConnectionOptions::probe_timeout). Returns true again
    /// as soon as a whole frame arrives.
    #[inline]
    pub fn is_responsive(&self) -> bool {
        self.exchange.is_responsive()
    }

    /// Returns true if a request that is sent now probably shares a write with others. This is a hint: the
    /// connection's task may collect them in the meantime.
    #[inline]
    pub(crate) fn has_room_in_next_write(&self) -> bool {
        self.exchange.has_room_in_next_write()
    }

    /// Waits until [`is_responsive`](Self::is_responsive) returns `expected`.
    pub(crate) async fn wait_responsive(&self, expected: bool) {
        self.exchange.wait_responsive(expected).await;
    }

    /// Counts the orphaned requests of this connection in `total` from the next change on.
    pub(crate) fn count_orphans_in(&self, total: &Arc<AtomicUsize>) {
        self.exchange.counters.count_orphans_in(total);
    }

    /// Waits until the connection has ended, and returns the reason.
    pub async fn wait_closed(&self) -> CloseReason {
        self.exchange.wait_closed().await
    }

    /// Returns true if the server has announced that it is shutting down, by the event
    /// [`GracefulDisconnect`](crate::message::Event::GracefulDisconnect). It then refuses new
    /// requests. Dropping the handle after the last response closes the connection.
    pub fn is_draining(&self) -> bool {
        self.exchange.draining.has_started()
    }

    /// Waits until the server announces that it is shutting down.
    pub(crate) async fn wait_draining(&self) {
        self.exchange.draining.wait().await;
    }

    /// Returns a watch that does not keep the connection open.
    pub(crate) fn watch(&self) -> ConnectionWatch {
        ConnectionWatch(self.exchange.share())
    }

    /// Closes the connection. All pending requests fail. Returns at once; to wait for the end, use
    /// [`wait_closed`](Self::wait_closed).
    pub fn close(&self) {
        self.exchange.request_close();
    }

    /// Returns the number of bytes sent, and the number of bytes received. Both include frame headers
    /// and the handshake.
    pub fn traffic(&self) -> (u64, u64) {
        self.exchange.counters.traffic()
    }

    /// Returns the number of streams in use when the task last ran, and how many of these were
    /// orphaned. A stream is orphaned if its request timed out or was cancelled, and has no response
    /// yet.
    pub fn streams(&self) -> (usize, usize) {
        self.exchange.counters.streams()
    }

    /// Returns the future of a request that is submitted when the future is first polled.
    const fn pending_request<E: Encode>(
        &self,
        encode: E,
        deadline: Option<Instant>,
    ) -> PendingRequest<'_, E> {
        let state = PendingState::New;
        PendingRequest { connection: self, encode, deadline, state, alarm: None }
    }

    /// Waits for a free place in the queue until `deadline`. The task returns the permit when it takes
    /// the request from the queue.
    async fn acquire_queue_permit(
        &self,
        deadline: Option<Instant>,
    ) -> Result<(), Box<RequestError>> {
        match self.runtime.timeout_at(deadline, self.wait_for_queue_permit()).await {
            Ok(permit) => permit.map(SemaphorePermit::forget).map_err(|_| self.closed_error(false)),
            Err(_) => Err(self.error(RequestErrorKind::TimedOut, false)),
        }
    }

    /// Waits for a free place in the queue. If the connection becomes unresponsive, the waiting task is
    /// woken, so that it can send the request to another node.
    async fn wait_for_queue_permit(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        let mut permit = pin!(self.exchange.queue_permits.acquire());
        tokio::select! {
            biased;
            permit = &mut permit => return permit,
            () = self.exchange.wait_responsive(false) => {}
        }
        permit.await
    }

    fn closed_error(&self, written: bool) -> Box<RequestError> {
        let reason = self.close_reason().cloned().unwrap_or(CloseReason::Local);
        self.error(RequestErrorKind::Closed(reason), written)
    }

    fn error(&self, kind: RequestErrorKind, written: bool) -> Box<RequestError> {
        Box::new(RequestError::new(self.address, kind, written))
    }
}

/// A server that has accepted a connection: its address, version and capabilities.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownServer {
    pub(super) address: SocketAddr,
    /// The version of the connection.
    pub(super) version: Version,
    pub(super) capabilities: Capabilities,
}

impl KnownServer {
    /// Returns the address of the server.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns true if the server lists v5 as a released version, as Cassandra 4.0 and later do.
    pub(crate) const fn has_v5(&self) -> bool {
        self.capabilities.has_v5
    }
}

/// Watches a connection without keeping it open.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionWatch(Arc<Exchange>);

impl ConnectionWatch {
    /// Waits until the connection has ended, and returns the reason.
    pub(crate) async fn wait_closed(&self) -> CloseReason {
        self.0.wait_closed().await
    }

    /// Waits until the server announces that it is shutting down.
    pub(crate) async fn wait_draining(&self) {
        self.0.draining.wait().await;
    }

    /// Waits until the connection is responsive, or until it is not.
    pub(crate) async fn wait_responsive(&self, expected: bool) {
        self.0.wait_responsive(expected).await;
    }

    /// Closes the connection. All pending requests fail.
    pub(crate) fn close(&self) {
        self.0.request_close();
    }

    /// Returns true if the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.close_reason().is_some()
    }

    /// Returns the number of bytes sent, and the number of bytes received, since the last call for this
    /// connection.
    pub(crate) fn take_traffic(&self) -> (u64, u64) {
        self.0.counters.take_traffic()
    }

    /// Returns the number of errors that named no request since the last call. See
    /// [`ConnectionEvent::UnattributedError`](crate::protocol::ConnectionEvent::UnattributedError).
    pub(crate) fn take_unattributed_errors(&self) -> u64 {
        self.0.counters.take_unattributed_errors()
    }
}

/// A function that appends an encoded request to a buffer.
pub(crate) trait Encode:
    FnMut(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), EncodeError> + Unpin
{
}

impl<F: FnMut(&mut FrameEncoder, &mut Vec<u8>) -> Result<(), EncodeError> + Unpin> Encode for F {}

/// A future that submits a request and waits for the frame of its response. If the future is dropped
/// before the outcome arrives, the request is abandoned.
struct PendingRequest<'a, E> {
    connection: &'a Connection,
    encode: E,
    deadline: Option<Instant>,
    state: PendingState<'a>,
    /// Wakes the caller at the deadline, if the runtime of the connection does not poll this future.
    alarm: Option<Box<Alarm>>,
}

/// The state of a [`PendingRequest`].
enum PendingState<'a> {
    /// The future has not been polled.
    New,
    /// Waits for a place in the queue. Boxed, so that this rare wait does not make the future larger.
    Queueing(Pin<Box<dyn Future<Output = Result<(), Box<RequestError>>> + Send + 'a>>),
    /// Waits for the outcome in this slot.
    Submitted(SlotId),
    Completed,
}

impl<E: Encode> Future for PendingRequest<'_, E> {
    type Output = Result<ReceivedFrame, Box<RequestError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let connection = self.connection;
        let outcome = match &mut self.state {
            PendingState::Submitted(slot) => {
                let slot = *slot;
                match connection.exchange.poll_outcome(slot, cx) {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => ready!(self.poll_deadline(slot, cx)),
                }
            }
            _ => {
                let submitted = ready!(self.poll_submit(cx));
                self.state = PendingState::Completed;
                let slot = submitted?;
                self.state = PendingState::Submitted(slot);
                ready!(self.poll_deadline(slot, cx))
            }
        };
        self.state = PendingState::Completed;
        Poll::Ready(outcome.map_err(|failed| connection.error(failed.kind, failed.written)))
    }
}

impl<E: Encode> PendingRequest<'_, E> {
    /// Acquires a place in the queue, and submits the request.
    fn poll_submit(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<SlotId, Box<RequestError>>> {
        let connection = self.connection;
        let permit = match self.state {
            PendingState::New => connection.exchange.queue_permits.try_acquire().ok(),
            _ => None,
        };
        match permit {
            Some(permit) => permit.forget(),
            None => ready!(self.poll_queueing(cx))?,
        }
        let submitted = self.submit(cx);
        if !matches!(submitted, Ok(Some(_))) {
            connection.exchange.queue_permits.add_permits(1);
        }
        Poll::Ready(match submitted {
            Ok(Some(slot)) => Ok(slot),
            Ok(None) => Err(connection.closed_error(false)),
            Err(error) => Err(connection.error(RequestErrorKind::Encode(error), false)),
        })
    }

    /// Waits for a place in the queue.
    #[cold]
    fn poll_queueing(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Box<RequestError>>> {
        if let PendingState::Queueing(queueing) = &mut self.state {
            return queueing.as_mut().poll(cx);
        }
        let mut queueing = Box::pin(self.connection.acquire_queue_permit(self.deadline));
        let polled = queueing.as_mut().poll(cx);
        self.state = PendingState::Queueing(queueing);
        polled
    }

    /// Abandons the request if its deadline has passed. Does nothing if the runtime of the connection
    /// polls this future, because the connection's task then watches the deadline, with one timer for
    /// all requests. If another executor polls this future, that runtime may be idle or blocked.
    fn poll_deadline(&mut self, slot: SlotId, cx: &TaskContext<'_>) -> Poll<Outcome> {
        let Self { connection, deadline: Some(deadline), alarm, .. } = self else {
            return Poll::Pending;
        };
        if connection.runtime.is_current() {
            return Poll::Pending;
        }
        if has_passed(*deadline) {
            self.state = PendingState::Completed;
            let written = connection.exchange.abandon(slot);
            let failed = FailedRequest { kind: RequestErrorKind::TimedOut, written };
            return Poll::Ready(Err(Box::new(failed)));
        }
        match alarm {
            Some(alarm) => alarm.set_waker(cx.waker()),
            None => *alarm = Some(Box::new(Alarm::new(deadline.into_std(), cx.waker()))),
        }
        Poll::Pending
    }

    /// Encodes the request and appends it to the queue. Returns `None` if the connection has ended.
    fn submit(&mut self, cx: &TaskContext<'_>) -> Result<Option<SlotId>, EncodeError> {
        let Self { connection, encode, deadline, .. } = self;
        let mut frame = FRAME.try_with(Cell::take).unwrap_or_default();
        let mut encoder = FrameEncoder::sharing(connection.context);
        let encoded = encode(&mut encoder, &mut frame);
        let deadline = deadline.map(Instant::into_std);
        let slot = encoded.map(|()| {
            let shared = encoder.take_shared();
            let waker = cx.waker().clone();
            match shared.is_empty() && frame.len() <= MAX_KEPT_CAPACITY {
                true => connection.exchange.submit(Frame::Small(&frame), deadline, waker),
                false => {
                    let large = Frame::Large(Box::new(LargeFrame::take(&mut frame, shared)));
                    connection.exchange.submit(large, deadline, waker)
                }
            }
        });
        frame.clear();
        frame.shrink_to(MAX_KEPT_CAPACITY);
        // `try_with` fails only while the thread ends. In that case, the buffer is dropped.
        let _kept = FRAME.try_with(|kept| kept.set(frame));
        slot
    }
}

impl<E> Drop for PendingRequest<'_, E> {
    fn drop(&mut self) {
        if let PendingState::Submitted(slot) = self.state {
            let _may_be_applied = self.connection.exchange.abandon(slot);
        }
    }
}
