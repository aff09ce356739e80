//! The task that owns the socket.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;
use tracing::{debug, warn};

use super::error::RequestErrorKind;
use super::exchange::{Answer, Exchange, Lost, News};
use super::io as reason;
use super::queue::{Queue, Slot};
use crate::message::{Event, Response};
use crate::protocol::{ClientConnection, CloseReason, ConnectionEvent};
use crate::wire::{Context, Stream};

/// How much the socket is asked for at a time, at least.
const READ_ROOM: usize = 16 << 10;

/// While more than this waits to be written, requests wait: a server that does not read must not
/// fill our memory.
const WRITE_LIMIT: usize = 1 << 20;

/// A future that is ready when the connection has ended.
pub(super) struct Driver<S> {
    socket: S,
    machine: ClientConnection,
    exchange: Arc<Exchange>,
    news: News,
    /// Requests that cannot be sent yet.
    queue: Queue,
    /// Who waits for the answer on each stream.
    waiting: Vec<Option<Slot>>,
    /// Who is to be told why the connection ended, and whether their request was written.
    lost: Vec<(Slot, bool)>,
    /// Answers that are to be handed over.
    answers: Vec<(Slot, Answer)>,
    wakers: Vec<Waker>,
    opened: Option<oneshot::Sender<Result<Context, CloseReason>>>,
    /// Who wants to know what happens in the cluster.
    events: Option<mpsc::Sender<Event>>,
    timer: Pin<Box<Sleep>>,
    /// Whether the socket may keep bytes that it was given, as TLS does.
    is_unflushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        socket: S,
        machine: ClientConnection,
        opened: oneshot::Sender<Result<Context, CloseReason>>,
        events: Option<mpsc::Sender<Event>>,
        exchange: Arc<Exchange>,
    ) -> Self {
        Self {
            socket,
            machine,
            exchange,
            news: News::default(),
            queue: Queue::default(),
            waiting: Vec::new(),
            lost: Vec::new(),
            answers: Vec::new(),
            wakers: Vec::new(),
            opened: Some(opened),
            events,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            is_unflushed: false,
        }
    }

    /// Takes what the socket has. Whether there was anything.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let buffer = self.machine.receive_buffer();
        buffer.reserve(READ_ROOM);
        match ready!(poll_read_buf(Pin::new(&mut self.socket), cx, buffer)) {
            Ok(0) => self.machine.handle_end_of_input(),
            Ok(count) => {
                self.exchange.count_received(count);
                self.machine.handle_input(Instant::now().into_std());
            }
            // TLS says so when a server goes without a word.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.machine.handle_end_of_input();
            }
            Err(error) => self.machine.close(reason(&error)),
        }
        Poll::Ready(())
    }

    /// Takes what the handles say, so that every deadline is known.
    fn collect(&mut self, cx: &TaskContext<'_>) {
        self.exchange.collect(&mut self.queue, &mut self.news, cx);
        if !self.news.abandoned.is_empty() {
            self.forget_abandoned();
        }
        if self.news.is_alone {
            self.machine.close(CloseReason::Local);
        }
    }

    /// Sends requests, as long as that is possible.
    fn send_queued(&mut self) {
        let is_over = |deadline| deadline <= Instant::now().into_std();
        if self.queue.deadline().is_some_and(is_over) {
            self.expire_queued();
        }
        let mut taken = 0;
        // Nobody is told "no" while the connection opens: `Connection`s are made when it is open.
        while self.machine.can_send()
            && self.machine.backlog() <= WRITE_LIMIT
            && let Some((request, frame)) = self.queue.pop()
        {
            taken += 1;
            match self.machine.send_frame(frame, request.deadline) {
                Ok(stream) => self.wait_on(stream, request.slot),
                Err(_) => self.lost.push((request.slot, false)),
            }
        }
        self.give_room(taken);
    }

    fn wait_on(&mut self, stream: Stream, slot: Slot) {
        let index = usize::try_from(stream.0).unwrap_or_default();
        if index >= self.waiting.len() {
            self.waiting.resize(index + 1, None);
        }
        self.waiting[index] = Some(slot);
    }

    /// Lets go of the streams of those who have gone; they stay taken until they are answered.
    fn forget_abandoned(&mut self) {
        let mut gone = std::mem::take(&mut self.news.abandoned);
        gone.sort_unstable();
        let is_gone = |slot: &Slot| gone.binary_search(slot).is_ok();
        for (stream, waiting) in (0..=i16::MAX).map(Stream).zip(&mut self.waiting) {
            if waiting.as_ref().is_some_and(is_gone) {
                *waiting = None;
                self.machine.cancel(stream);
            }
        }
        // A request that nobody waits for need not be made.
        let before = self.queue.len();
        self.queue.remove(|request| is_gone(&request.slot));
        self.give_room(before - self.queue.len());
        self.exchange.release(&mut gone);
        self.news.abandoned = gone;
    }

    /// Writes what there is to write. Whether anything was written.
    fn poll_write(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let bytes = self.machine.transmit();
        if bytes.is_empty() {
            return self.poll_flush(cx);
        }
        match ready!(Pin::new(&mut self.socket).poll_write(cx, bytes)) {
            Ok(0) => self.end_of_output(&io::ErrorKind::WriteZero.into(), cx),
            Ok(count) => {
                self.exchange.count_sent(count);
                self.machine.transmitted(count);
                self.is_unflushed = true;
            }
            Err(error) => self.end_of_output(&error, cx),
        }
        Poll::Ready(())
    }

    /// Sees to it that what was written leaves the socket. There is nothing else to write.
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
                self.end_of_output(&error, cx);
                Poll::Ready(())
            }
        }
    }

    /// The server takes nothing more. Why is in what it said last, if it said anything.
    fn end_of_output(&mut self, error: &io::Error, cx: &mut TaskContext<'_>) {
        while !self.machine.is_closed() && self.poll_read(cx).is_ready() {}
        self.machine.close(reason(error));
    }

    /// Waits for the next time-out. Whether one has come.
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

    /// Tells those who wait to be sent, and have waited too long.
    fn expire_queued(&mut self) {
        let now = Instant::now().into_std();
        let before = self.queue.len();
        let answers = &mut self.answers;
        self.queue.remove(|request| {
            let is_late = request.deadline.is_some_and(|deadline| deadline <= now);
            if is_late {
                let lost = Lost { kind: RequestErrorKind::TimedOut, written: false };
                answers.push((request.slot, Err(Box::new(lost))));
            }
            is_late
        });
        self.give_room(before - self.queue.len());
    }

    fn give_room(&self, requests: usize) {
        if requests > 0 {
            self.exchange.room.add_permits(requests);
        }
    }

    /// Tells everybody what has happened.
    fn dispatch(&mut self) {
        while let Some(event) = self.machine.poll_event() {
            match event {
                ConnectionEvent::Opened => {
                    if let Some(opened) = self.opened.take() {
                        let _gone = opened.send(Ok(*self.machine.context()));
                    }
                }
                ConnectionEvent::Answer { stream, frame } => {
                    if let Some(slot) = self.slot(stream) {
                        self.answers.push((slot, Ok(frame)));
                    }
                }
                ConnectionEvent::TimedOut { stream } => {
                    self.lose(stream, Lost { kind: RequestErrorKind::TimedOut, written: true });
                }
                ConnectionEvent::TooLong { stream, error } => {
                    let kind = RequestErrorKind::Decode(error);
                    self.lose(stream, Lost { kind, written: true });
                }
                ConnectionEvent::Server(frame) => self.tell(frame.response),
                ConnectionEvent::Lost { stream, written } => {
                    let slot = self.slot(stream);
                    self.lost.extend(slot.map(|slot| (slot, written)));
                }
                ConnectionEvent::Closed(why) => self.end(&why),
            }
        }
        if !self.answers.is_empty() {
            self.exchange.answer(&mut self.answers, &mut self.wakers);
            self.wakers.drain(..).for_each(Waker::wake);
        }
    }

    fn tell(&self, response: Response) {
        match (response, &self.events) {
            (Response::Event(event), Some(events)) => {
                if events.try_send(event).is_err() {
                    debug!("an event is lost: nobody takes them, or not as fast");
                }
            }
            (response, _) => debug!(?response, "unasked"),
        }
    }

    fn lose(&mut self, stream: Stream, lost: Lost) {
        if let Some(slot) = self.slot(stream) {
            self.answers.push((slot, Err(Box::new(lost))));
        }
    }

    /// Who waited for the answer on a stream.
    fn slot(&mut self, stream: Stream) -> Option<Slot> {
        let index = usize::try_from(stream.0).ok()?;
        self.waiting.get_mut(index)?.take()
    }

    fn end(&mut self, why: &CloseReason) {
        match self.opened.take() {
            Some(opened) => {
                let _gone = opened.send(Err(why.clone()));
            }
            None if *why == CloseReason::Local => debug!("closed"),
            None => warn!(%why, "the connection ended"),
        }
        self.exchange.close(why.clone(), &mut self.queue);
        let mut unsent = Vec::new();
        while let Some((request, _)) = self.queue.pop() {
            unsent.push((request.slot, false));
        }
        let lost = self.lost.drain(..).chain(unsent);
        self.answers.extend(
            lost.map(|(slot, written)| (slot, Err(Box::new(Lost::ended(why.clone(), written))))),
        );
    }
}

/// A runtime that shuts down drops the task.
impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        self.exchange.end();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let read = this.poll_read(cx);
            this.dispatch();
            this.collect(cx);
            this.send_queued();
            let written = this.poll_write(cx);
            let timer = this.poll_timer(cx);
            this.dispatch();
            this.exchange.note_streams(this.machine.in_flight(), this.machine.orphans());
            if this.machine.is_closed() {
                // TLS says goodbye, if there is room for that.
                let _said = Pin::new(&mut this.socket).poll_shutdown(cx);
                return Poll::Ready(());
            }
            // Until each of them has said that it will wake this task.
            if read.is_pending() && written.is_pending() && timer.is_pending() {
                return Poll::Pending;
            }
        }
    }
}
