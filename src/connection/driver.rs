//! The task that owns the socket.

use std::collections::VecDeque;
use std::future::Future;
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
use super::{Shared, io};
use crate::protocol::{CloseReason, Connection, Event, SendError};
use crate::wire::{Context, RawFrame, Stream};

/// A request, encoded, and who waits for its answer.
#[derive(Debug)]
pub(super) struct Command {
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

/// While more than this waits to be written, no requests are taken: a server that does not read
/// must not fill our memory.
const WRITE_LIMIT: usize = 1 << 20;

/// A future that is ready when the connection has ended.
pub(super) struct Driver<S> {
    socket: S,
    machine: Connection,
    commands: mpsc::Receiver<Command>,
    /// Commands for which no stream was free.
    queue: VecDeque<Command>,
    /// Who waits for the answer on each stream.
    waiting: Vec<Option<Reply>>,
    /// Who is to be told why the connection ended, and whether their request was written.
    lost: Vec<(Reply, bool)>,
    opened: Option<oneshot::Sender<Result<Context, CloseReason>>>,
    timer: Pin<Box<Sleep>>,
    shared: Arc<Shared>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(
        socket: S,
        machine: Connection,
        commands: mpsc::Receiver<Command>,
        opened: oneshot::Sender<Result<Context, CloseReason>>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            socket,
            machine,
            commands,
            queue: VecDeque::new(),
            waiting: Vec::new(),
            lost: Vec::new(),
            opened: Some(opened),
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
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
            Err(error) => self.machine.close(io(&error)),
        }
        Poll::Ready(())
    }

    /// Takes requests, as long as they can be sent. Whether there were any.
    fn poll_commands(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        if self.machine.backlog() > WRITE_LIMIT {
            return Poll::Pending;
        }
        while self.machine.can_send()
            && let Some(command) = self.queue.pop_front()
        {
            self.send(command);
        }
        // Nobody is told "no" while the connection opens: `Connection`s are made when it is open.
        if !self.machine.is_open() || !self.queue.is_empty() {
            return Poll::Pending;
        }
        match ready!(self.commands.poll_recv(cx)) {
            Some(command) if self.machine.can_send() => self.send(command),
            Some(command) => self.queue.push_back(command),
            None => self.machine.close(CloseReason::Local),
        }
        Poll::Ready(())
    }

    fn send(&mut self, command: Command) {
        // Whoever made the request has gone: it need not be made.
        if command.reply.is_closed() {
            return;
        }
        match self.machine.send_frame(&command.frame, command.deadline) {
            Ok(stream) => {
                let index = usize::try_from(stream.0).unwrap_or_default();
                if index >= self.waiting.len() {
                    self.waiting.resize_with(index + 1, || None);
                }
                self.waiting[index] = Some(command.reply);
            }
            Err(SendError::NoStream) => self.queue.push_back(command),
            Err(_) => self.lost.push((command.reply, false)),
        }
    }

    /// Writes what there is to write. Whether anything was written.
    fn poll_write(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let bytes = self.machine.transmit();
        if bytes.is_empty() {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.socket).poll_write(cx, bytes)) {
            Ok(0) => self.machine.close(io(&std::io::ErrorKind::WriteZero.into())),
            Ok(count) => {
                self.shared.bytes_sent.fetch_add(count as u64, Ordering::Relaxed);
                self.machine.transmitted(count);
            }
            Err(error) => self.machine.close(io(&error)),
        }
        Poll::Ready(())
    }

    /// Waits for the next time-out. Whether one has come.
    fn poll_timer(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let queued = self.queue.front().and_then(|command| command.deadline);
        let Some(deadline) = self.machine.poll_timeout().into_iter().chain(queued).min() else {
            return Poll::Pending;
        };
        if self.timer.deadline().into_std() != deadline {
            self.timer.as_mut().reset(deadline.into());
        }
        ready!(self.timer.as_mut().poll(cx));
        let now = Instant::now().into_std();
        self.machine.handle_timeout(now);
        let is_late = |command: &Command| command.deadline.is_some_and(|deadline| deadline <= now);
        while self.queue.front().is_some_and(is_late)
            && let Some(late) = self.queue.pop_front()
        {
            let lost = Lost { kind: RequestErrorKind::TimedOut, written: false };
            let _gone = late.reply.send(Err(lost));
        }
        Poll::Ready(())
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
                Event::TimedOut { stream } => {
                    if let Some(reply) = self.reply(stream) {
                        let lost = Lost { kind: RequestErrorKind::TimedOut, written: true };
                        let _gone = reply.send(Err(lost));
                    }
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
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.queue.push_back(command);
        }
        let unsent = self.queue.drain(..).map(|command| (command.reply, false));
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
            let mut commands = this.poll_commands(cx);
            while commands.is_ready() && this.machine.is_open() {
                commands = this.poll_commands(cx);
            }
            let written = this.poll_write(cx);
            let timer = this.poll_timer(cx);
            this.dispatch();
            if this.machine.is_closed() {
                return Poll::Ready(());
            }
            // Until each of them has said that it will wake this task.
            if read.is_pending() && written.is_pending() && timer.is_pending() {
                return Poll::Pending;
            }
        }
    }
}
