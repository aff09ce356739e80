//! The task that owns the socket.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll, ready};
use std::time;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;
use tracing::{debug, warn};

use super::error::RequestErrorKind;
use super::{Shared, io as reason};
use crate::protocol::{CloseReason, Connection, Event};
use crate::wire::{Context, RawFrame, Stream};

/// What the handles tell the task.
#[derive(Debug)]
pub(super) enum Command {
    /// Makes a request.
    Request(Request),
    /// Somebody has gone who waited for an answer.
    Abandoned,
}

/// A request, encoded, and who waits for its answer.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) frame: Vec<u8>,
    pub(super) deadline: Option<time::Instant>,
    pub(super) reply: oneshot::Sender<Result<RawFrame, Lost>>,
}

/// A request that will not be answered.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) kind: RequestErrorKind,
    pub(super) written: bool,
}

type Reply = oneshot::Sender<Result<RawFrame, Lost>>;

/// How much the socket is asked for at a time, at least.
const READ_ROOM: usize = 16 << 10;

/// While more than this waits to be written, requests wait: a server that does not read must not
/// fill our memory.
const WRITE_LIMIT: usize = 1 << 20;

/// A future that is ready when the connection has ended.
pub(super) struct Driver<S> {
    socket: S,
    machine: Connection,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Requests that cannot be sent yet.
    queue: VecDeque<Request>,
    /// No request of the queue has an earlier deadline.
    queue_deadline: Option<time::Instant>,
    /// Who waits for the answer on each stream.
    waiting: Vec<Option<Reply>>,
    /// Who is to be told why the connection ended, and whether their request was written.
    lost: Vec<(Reply, bool)>,
    opened: Option<oneshot::Sender<Result<Context, CloseReason>>>,
    timer: Pin<Box<Sleep>>,
    /// Whether the socket may keep bytes that it was given, as TLS does.
    is_unflushed: bool,
    shared: Arc<Shared>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        socket: S,
        machine: Connection,
        commands: mpsc::UnboundedReceiver<Command>,
        opened: oneshot::Sender<Result<Context, CloseReason>>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            socket,
            machine,
            commands,
            queue: VecDeque::new(),
            queue_deadline: None,
            waiting: Vec::new(),
            lost: Vec::new(),
            opened: Some(opened),
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            is_unflushed: false,
            shared,
        }
    }

    /// Takes what the socket has. Whether there was anything.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let buffer = self.machine.receive_buffer();
        buffer.reserve(READ_ROOM);
        match ready!(poll_read_buf(Pin::new(&mut self.socket), cx, buffer)) {
            Ok(0) => self.machine.handle_end_of_input(),
            Ok(count) => {
                self.shared.bytes_received.fetch_add(count as u64, Ordering::Relaxed);
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

    /// Takes what the handles say, so that every deadline is known. Whether there was anything.
    fn poll_commands(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        match ready!(self.commands.poll_recv(cx)) {
            // Whoever made the request has gone: it need not be made.
            Some(Command::Request(request)) if request.reply.is_closed() => {
                self.shared.room.add_permits(1);
            }
            Some(Command::Request(request)) => {
                let is_earlier = |next| request.deadline.is_some_and(|deadline| deadline < next);
                if self.queue_deadline.is_none_or(is_earlier) {
                    self.queue_deadline = request.deadline;
                }
                self.queue.push_back(request);
            }
            Some(Command::Abandoned) => self.forget_abandoned(),
            None => self.machine.close(CloseReason::Local),
        }
        Poll::Ready(())
    }

    /// Sends requests, as long as that is possible.
    fn send_queued(&mut self) {
        let is_over = |deadline| deadline <= Instant::now().into_std();
        if self.queue_deadline.is_some_and(is_over) {
            self.expire_queued();
        }
        let mut taken = 0;
        // Nobody is told "no" while the connection opens: `Connection`s are made when it is open.
        while self.machine.can_send()
            && self.machine.backlog() <= WRITE_LIMIT
            && let Some(request) = self.queue.pop_front()
        {
            taken += 1;
            self.send(request);
        }
        if self.queue.is_empty() {
            self.queue_deadline = None;
        }
        self.shared.room.add_permits(taken);
    }

    fn send(&mut self, request: Request) {
        // Whoever made the request has gone: it need not be made.
        if request.reply.is_closed() {
            return;
        }
        match self.machine.send_frame(&request.frame, request.deadline) {
            Ok(stream) => {
                let index = usize::try_from(stream.0).unwrap_or_default();
                if index >= self.waiting.len() {
                    self.waiting.resize_with(index + 1, || None);
                }
                self.waiting[index] = Some(request.reply);
            }
            Err(_) => self.lost.push((request.reply, false)),
        }
    }

    /// Lets go of the streams of those who have gone; they stay taken until they are answered.
    fn forget_abandoned(&mut self) {
        // Who goes from here on says so again.
        self.shared.abandoned.store(false, Ordering::SeqCst);
        for (stream, reply) in (0..=i16::MAX).map(Stream).zip(&mut self.waiting) {
            if reply.as_ref().is_some_and(Reply::is_closed) {
                *reply = None;
                self.machine.cancel(stream);
            }
        }
        let before = self.queue.len();
        self.queue.retain(|request| !request.reply.is_closed());
        self.shared.room.add_permits(before - self.queue.len());
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
                self.shared.bytes_sent.fetch_add(count as u64, Ordering::Relaxed);
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
        let deadlines = self.machine.poll_timeout().into_iter().chain(self.queue_deadline);
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
        let is_late = |request: &Request| request.deadline.is_some_and(|deadline| deadline <= now);
        let (late, queue): (VecDeque<_>, _) = self.queue.drain(..).partition(is_late);
        self.queue = queue;
        self.queue_deadline = self.queue.iter().filter_map(|request| request.deadline).min();
        self.shared.room.add_permits(late.len());
        for request in late {
            let lost = Lost { kind: RequestErrorKind::TimedOut, written: false };
            let _gone = request.reply.send(Err(lost));
        }
    }

    /// Tells everybody what has happened. Who has gone is not told, and nothing is lost by that.
    fn dispatch(&mut self) {
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Opened => {
                    if let Some(opened) = self.opened.take() {
                        let _gone = opened.send(Ok(*self.machine.context()));
                    }
                }
                Event::Answer { stream, frame } => {
                    if let Some(reply) = self.reply(stream) {
                        let _gone = reply.send(Ok(frame));
                    }
                }
                Event::TimedOut { stream, written } => {
                    self.lose(stream, Lost { kind: RequestErrorKind::TimedOut, written });
                }
                Event::TooLong { stream, error } => {
                    let kind = RequestErrorKind::Decode(error);
                    self.lose(stream, Lost { kind, written: true });
                }
                Event::Server(frame) => debug!(response = ?frame.response, "unasked"),
                Event::Lost { stream, written } => {
                    let reply = self.reply(stream);
                    self.lost.extend(reply.map(|reply| (reply, written)));
                }
                Event::Closed(why) => self.end(&why),
            }
        }
    }

    fn lose(&mut self, stream: Stream, lost: Lost) {
        if let Some(reply) = self.reply(stream) {
            let _gone = reply.send(Err(lost));
        }
    }

    fn reply(&mut self, stream: Stream) -> Option<Reply> {
        let index = usize::try_from(stream.0).ok()?;
        self.waiting.get_mut(index)?.take()
    }

    fn end(&mut self, why: &CloseReason) {
        let _first = self.shared.closed.set(why.clone());
        match self.opened.take() {
            Some(opened) => {
                let _gone = opened.send(Err(why.clone()));
            }
            None if *why == CloseReason::Local => debug!("closed"),
            None => warn!(%why, "the connection ended"),
        }
        self.shared.room.close();
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Request(request) = command {
                self.queue.push_back(request);
            }
        }
        let unsent = self.queue.drain(..).map(|request| (request.reply, false));
        for (reply, written) in self.lost.drain(..).chain(unsent) {
            let kind = RequestErrorKind::Closed(why.clone());
            let _gone = reply.send(Err(Lost { kind, written }));
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let read = this.poll_read(cx);
            this.dispatch();
            while !this.machine.is_closed() && this.poll_commands(cx).is_ready() {}
            this.send_queued();
            let written = this.poll_write(cx);
            let timer = this.poll_timer(cx);
            this.dispatch();
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
