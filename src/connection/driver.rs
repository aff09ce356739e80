//! The task that owns the socket and drives the state machine.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;
use tracing::{debug, info, warn};

use super::error::{RequestErrorKind, socket_error};
use super::exchange::{Exchange, Notices};
use super::queue::{Frame, Queue};
use super::slots::{FailedRequest, Outcome, ReceivedFrame, SlotId};
use crate::message::{Event, Response, ServerError};
use crate::protocol::{Capabilities, ClientConnection, CloseReason, ConnectionEvent};
use crate::wire::{Context, Stream};

/// Minimum buffer size for a read from the socket, in bytes.
const READ_SIZE: usize = 16 << 10;

/// Number of unwritten bytes above which requests stay in the queue. The limit keeps a server that
/// stops reading from exhausting the client's memory.
const WRITE_LIMIT: usize = 1 << 20;

/// Maximum number of reads before requests are collected and sent.
const MAX_READS: usize = 8;

/// The result of the handshake: the settings of the connection, and the capabilities of the server.
pub(super) type HandshakeResult = Result<(Context, Capabilities), CloseReason>;

/// A future that drives a connection, and completes when the connection has ended.
pub(super) struct Driver<S> {
    address: SocketAddr,
    socket: S,
    machine: ClientConnection,
    exchange: Arc<Exchange>,
    notices: Notices,
    /// Requests that cannot be sent yet.
    queue: Queue,
    /// The slot of the request on each stream, by stream id.
    slots: Vec<Option<SlotId>>,
    /// Requests to fail once the connection's close reason is known. The `bool` is true if the
    /// server may have applied the request.
    failed: Vec<(SlotId, bool)>,
    /// Outcomes to deliver to the callers.
    outcomes: Vec<(SlotId, Outcome)>,
    wakers: Vec<Waker>,
    opened: Option<oneshot::Sender<HandshakeResult>>,
    /// The channel for the server's events, or `None` to ignore events.
    events: Option<mpsc::Sender<Event>>,
    timer: Pin<Box<Sleep>>,
    /// Number of errors of the server that named no request.
    unattributed_errors: u64,
    /// True if written bytes may still be in a buffer of the socket, as with TLS.
    is_unflushed: bool,
    /// Time of the last read that returned bytes.
    read_at: Instant,
    /// True if the task has yielded since it last collected requests.
    has_yielded: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        address: SocketAddr,
        socket: S,
        machine: ClientConnection,
        opened: oneshot::Sender<HandshakeResult>,
        events: Option<mpsc::Sender<Event>>,
        exchange: Arc<Exchange>,
    ) -> Self {
        Self {
            address,
            socket,
            machine,
            exchange,
            notices: Notices::default(),
            queue: Queue::default(),
            slots: Vec::new(),
            failed: Vec::new(),
            outcomes: Vec::new(),
            wakers: Vec::new(),
            opened: Some(opened),
            events,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            unattributed_errors: 0,
            is_unflushed: false,
            read_at: Instant::now(),
            has_yielded: false,
        }
    }

    /// Reads from the socket. Returns `Ready` if bytes were read, or if the socket ended or failed.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let buffer = self.machine.reserve_receive_buffer(READ_SIZE);
        match ready!(poll_read_buf(Pin::new(&mut self.socket), cx, buffer)) {
            Ok(0) => self.machine.handle_end_of_input(),
            Ok(count) => {
                self.exchange.counters.count_received(count);
                self.read_at = Instant::now();
                self.machine.handle_input(self.read_at.into_std());
            }
            // TLS returns this error if the server closes the socket without a close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.machine.handle_end_of_input();
            }
            Err(error) => self.machine.close(socket_error(&error)),
        }
        Poll::Ready(())
    }

    /// Returns true if the task should yield before it collects the new requests. The callers that are
    /// ready to run then add theirs, and one write sends them all. The first request after a pause is not
    /// delayed: while none is in flight, the task does not yield.
    fn should_yield(&self) -> bool {
        !self.has_yielded && self.machine.in_flight() > 0 && self.exchange.has_only_requests()
    }

    /// Collects new requests and notices from the handle.
    fn collect(&mut self, cx: &TaskContext<'_>) {
        self.has_yielded = false;
        self.exchange.collect(&mut self.queue, &mut self.notices, cx);
        if !self.notices.abandoned.is_empty() {
            self.cancel_abandoned();
        }
        if self.notices.close_requested {
            self.machine.close(CloseReason::Local);
        }
    }

    /// Sends queued requests while streams and space in the outbound buffer are available.
    fn send_queued(&mut self) {
        let has_passed = |deadline| deadline <= Instant::now().into_std();
        if self.queue.deadline().is_some_and(has_passed) {
            self.expire_queued();
        }
        let before = self.queue.len();
        // Before the connection is open, the queue is empty, because no caller has the handle yet.
        while self.machine.can_send()
            && self.machine.backlog() <= WRITE_LIMIT
            && let Some((request, frame)) = self.queue.pop()
        {
            let sent = match frame {
                Frame::Small(frame) => self.machine.send_frame(frame, request.deadline),
                Frame::Large(frame) => self.machine.send_large(*frame, request.deadline),
            };
            match sent {
                Ok(stream) => self.set_slot(stream, request.slot),
                Err(_) => self.failed.push((request.slot, false)),
            }
        }
        self.release_permits(before);
    }

    fn set_slot(&mut self, stream: Stream, slot: SlotId) {
        let index = usize::try_from(stream.0).unwrap_or_default();
        if index >= self.slots.len() {
            self.slots.resize(index.saturating_add(1), None);
        }
        if let Some(waiting) = self.slots.get_mut(index) {
            *waiting = Some(slot);
        }
    }

    /// Cancels abandoned requests: those in flight are orphaned, queued ones are removed.
    fn cancel_abandoned(&mut self) {
        let mut abandoned = std::mem::take(&mut self.notices.abandoned);
        abandoned.sort_unstable();
        let is_abandoned = |slot: &SlotId| abandoned.binary_search(slot).is_ok();
        for (stream, slot) in (0..=i16::MAX).map(Stream).zip(&mut self.slots) {
            if slot.as_ref().is_some_and(is_abandoned) {
                *slot = None;
                self.machine.cancel(stream);
            }
        }
        let before = self.queue.len();
        self.queue.remove_if(|request| is_abandoned(&request.slot));
        self.release_permits(before);
        self.exchange.release(&mut abandoned);
        self.notices.abandoned = abandoned;
    }

    /// Writes to the socket, and flushes it once everything is written. Returns `Ready` if bytes were
    /// written or the socket failed.
    fn poll_write(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let socket = Pin::new(&mut self.socket);
        let written = if self.machine.has_parts() && socket.is_write_vectored() {
            socket.poll_write_vectored(cx, &self.machine.transmit_parts())
        } else {
            let bytes = self.machine.transmit();
            if bytes.is_empty() {
                return self.poll_flush(cx);
            }
            socket.poll_write(cx, bytes)
        };
        match ready!(written) {
            Ok(0) => self.handle_write_error(&io::ErrorKind::WriteZero.into(), cx),
            Ok(count) => {
                self.exchange.counters.count_sent(count);
                self.machine.transmitted(count);
                self.is_unflushed = true;
                if self.machine.backlog() == 0 {
                    // A failure closes the machine. `has_output` reports a pending flush.
                    let _polled = self.poll_flush(cx);
                }
            }
            Err(error) => self.handle_write_error(&error, cx),
        }
        Poll::Ready(())
    }

    /// Returns true if there is something to write or to flush, or a request that can be sent.
    fn has_output(&self) -> bool {
        self.is_unflushed
            || self.machine.backlog() > 0
            || (!self.queue.is_empty() && self.machine.can_send())
    }

    /// Flushes the socket if it may have buffered bytes. Returns `Ready` only if flushing failed: after
    /// a successful flush, nothing is left to write.
    fn poll_flush(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        if !self.is_unflushed {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.socket).poll_flush(cx)) {
            Ok(()) => {
                self.is_unflushed = false;
                Poll::Pending
            }
            Err(error) => {
                self.handle_write_error(&error, cx);
                Poll::Ready(())
            }
        }
    }

    /// Closes the connection after a failed write. First reads the remaining input, because the last
    /// message of the server may contain the reason.
    fn handle_write_error(&mut self, error: &io::Error, cx: &mut TaskContext<'_>) {
        while !self.machine.is_closed() && self.poll_read(cx).is_ready() {}
        self.machine.close(socket_error(error));
    }

    /// Polls the timer for the next timeout. Returns `Ready` if a timeout has passed.
    fn poll_timer(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let deadlines = self.machine.poll_timeout().into_iter().chain(self.queue.deadline());
        let Some(deadline) = deadlines.min() else {
            return Poll::Pending;
        };
        if self.timer.deadline().into_std() != deadline {
            self.timer.as_mut().reset(deadline.into());
        }
        ready!(self.timer.as_mut().poll(cx));
        self.machine.handle_timeout(Instant::now().into_std());
        self.expire_queued();
        Poll::Ready(())
    }

    /// Fails queued requests whose deadline has passed.
    fn expire_queued(&mut self) {
        let now = Instant::now().into_std();
        let before = self.queue.len();
        let outcomes = &mut self.outcomes;
        self.queue.remove_if(|request| {
            let is_expired = request.deadline.is_some_and(|deadline| deadline <= now);
            if is_expired {
                let failed = FailedRequest { kind: RequestErrorKind::TimedOut, written: false };
                outcomes.push((request.slot, Err(Box::new(failed))));
            }
            is_expired
        });
        self.release_permits(before);
    }

    /// Releases one permit for each request that left the queue since its length was `before`.
    fn release_permits(&self, before: usize) {
        let count = before.saturating_sub(self.queue.len());
        if count > 0 {
            self.exchange.queue_permits.add_permits(count);
        }
    }

    /// Handles the events of the state machine, and delivers the outcomes of requests.
    fn dispatch(&mut self) {
        while let Some(event) = self.machine.poll_event() {
            match event {
                ConnectionEvent::Opened => {
                    if let Some(opened) = self.opened.take() {
                        let agreed = (*self.machine.context(), self.machine.capabilities());
                        let _abandoned = opened.send(Ok(agreed));
                    }
                }
                ConnectionEvent::Response { stream, frame } => {
                    if let Some(slot) = self.take_slot(stream) {
                        let received_at = self.read_at;
                        self.outcomes.push((slot, Ok(ReceivedFrame { frame, received_at })));
                    }
                }
                ConnectionEvent::TimedOut { stream } => {
                    self.fail_request(stream, RequestErrorKind::TimedOut);
                }
                ConnectionEvent::ResponseTooLong { stream, error } => {
                    self.fail_request(stream, RequestErrorKind::Decode(error));
                }
                ConnectionEvent::ServerEvent(frame) => self.forward_event(frame.response),
                ConnectionEvent::UnattributedError(error) => self.count_unattributed_error(&error),
                ConnectionEvent::RequestFailed { stream, written } => {
                    let slot = self.take_slot(stream);
                    self.failed.extend(slot.map(|slot| (slot, written)));
                }
                ConnectionEvent::Unresponsive => self.set_responsive(false),
                ConnectionEvent::Responsive => self.set_responsive(true),
                ConnectionEvent::Closed(reason) => self.handle_closed(&reason),
            }
        }
        if !self.outcomes.is_empty() {
            self.exchange.deliver(&mut self.outcomes, &mut self.wakers);
            self.wakers.drain(..).for_each(Waker::wake);
        }
    }

    /// Publishes whether the server answers, and wakes the callers that wait for responses.
    fn set_responsive(&mut self, is_responsive: bool) {
        if is_responsive {
            info!(node = %self.address, "connection became responsive again");
        } else {
            warn!(node = %self.address, "connection became unresponsive: no response to a heartbeat");
        }
        self.exchange.set_responsive(is_responsive, &mut self.wakers);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    fn forward_event(&mut self, response: Response) {
        if let Response::Event(Event::GracefulDisconnect) = response {
            self.exchange.draining.start();
        }
        match response {
            Response::Event(event) => {
                let sent = self.events.as_ref().map(|events| events.try_send(event));
                if matches!(sent, Some(Err(_))) {
                    debug!(node = %self.address, "server event dropped: channel full or closed");
                }
            }
            Response::Error(error) => self.count_unattributed_error(&error),
            // The state machine reports no other message as an event.
            _ => {}
        }
    }

    /// Counts an ERROR of the server that names no request, and logs the first one and each whose number
    /// is a power of two: an overloaded server may send thousands. The message is left out, because it
    /// may repeat parts of a statement.
    fn count_unattributed_error(&mut self, error: &ServerError) {
        self.exchange.counters.count_unattributed_error();
        self.unattributed_errors = self.unattributed_errors.saturating_add(1);
        let count = self.unattributed_errors;
        if count.is_power_of_two() {
            let code = error.code;
            warn!(node = %self.address, %code, count, "server reported an error that names no request");
        }
    }

    /// Fails a request that the server may apply, because its frame was written or will be written.
    fn fail_request(&mut self, stream: Stream, kind: RequestErrorKind) {
        if let Some(slot) = self.take_slot(stream) {
            self.outcomes.push((slot, Err(Box::new(FailedRequest { kind, written: true }))));
        }
    }

    /// Removes and returns the slot of the request on a stream. Returns `None` if the caller has
    /// abandoned the request.
    fn take_slot(&mut self, stream: Stream) -> Option<SlotId> {
        let index = usize::try_from(stream.0).ok()?;
        self.slots.get_mut(index)?.take()
    }

    /// Reports the end of the connection, and fails all pending requests.
    fn handle_closed(&mut self, reason: &CloseReason) {
        match self.opened.take() {
            Some(opened) => {
                let _abandoned = opened.send(Err(reason.clone()));
            }
            None if *reason == CloseReason::Local => {
                debug!(node = %self.address, "connection closed");
            }
            None => warn!(node = %self.address, error = %reason, "connection lost"),
        }
        self.exchange.close(reason.clone(), &mut self.queue);
        let mut unsent = Vec::new();
        while let Some((request, _)) = self.queue.pop() {
            unsent.push((request.slot, false));
        }
        let failed = self.failed.drain(..).chain(unsent);
        self.outcomes.extend(failed.map(|(slot, written)| {
            (slot, Err(Box::new(FailedRequest::closed(reason.clone(), written))))
        }));
    }
}

/// Fails the pending requests if the runtime shuts down and drops the task.
impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        self.exchange.fail_all();
        self.exchange.counters.record_streams(0, 0);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = &mut *self;
        let (mut yields, mut reads) = (false, 0_usize);
        loop {
            // Read everything that has arrived before collecting requests, because responses free
            // streams.
            let read = this.poll_read(cx);
            this.dispatch();
            reads = reads.saturating_add(1);
            if read.is_ready() && reads < MAX_READS && !this.machine.is_closed() {
                continue;
            }
            reads = 0;
            yields = yields || this.should_yield();
            if !yields {
                this.collect(cx);
            }
            this.send_queued();
            let written = this.poll_write(cx);
            let has_output = written.is_ready() && this.has_output();
            let timer = this.poll_timer(cx);
            this.dispatch();
            this.exchange.counters.record_streams(this.machine.in_flight(), this.machine.orphans());
            if this.machine.is_closed() {
                // A TLS socket sends its close_notify here, unless the socket is full.
                let _sent = Pin::new(&mut this.socket).poll_shutdown(cx);
                return Poll::Ready(());
            }
            // Suspend the task only if the read and the timer are pending, and the write is pending or has
            // nothing left to write. Each pending operation has registered the task's waker. A write
            // without bytes needs none, because new requests wake the task.
            if read.is_pending() && !has_output && timer.is_pending() {
                if yields {
                    this.has_yielded = true;
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
        }
    }
}
