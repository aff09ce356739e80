//! One direction of a connection under faults.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cqlwire::wire::Compression;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use crate::conversation::Conversation;
use crate::frame_faults::FrameFaults;
use crate::output::{Output, Step, earlier};
use crate::splitter::Splitter;
use crate::{Applied, Direction, Framing, Plan, Switch, Trigger};

/// Number of bytes that one read takes at most.
const MAX_READ: usize = 64 << 10;

/// One direction of a connection, which forwards bytes and applies the faults of a plan.
///
/// Waits use tokio's clock. The effects depend only on the plan, the received pieces and the time, so
/// that a run in memory under paused time can be repeated exactly.
#[derive(Debug)]
pub struct Link {
    context: Context,
    splitter: Splitter,
    faults: FrameFaults,
    output: Output,
}

/// The way in which a direction of a connection ended.
#[derive(Debug)]
pub enum End {
    /// The sender closed this direction, or a fault did. The receiver was told, and the other direction
    /// remains open.
    Eof,
    /// A fault closed the connection. The caller closes both sockets.
    Close,
    /// A fault reset the connection. The caller resets both sockets.
    Reset,
    /// A socket failed, for example because its peer reset it. The caller resets both sockets.
    Failed(io::Error),
}

/// What both parts of a link need to know.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) plan: Arc<Plan>,
    pub(crate) direction: Direction,
    pub(crate) is_encrypted: bool,
    pub(crate) opened: Instant,
    switch: Switch,
    applied: Applied,
    conversation: Arc<Mutex<Conversation>>,
}

/// Creates the links of a connection that is opened now: for the requests, and for the responses.
///
/// `is_encrypted` states that the connection uses TLS, so that only faults of bytes are possible. Faults
/// are applied while `switch` is on, and recorded in `applied`.
pub fn links(plan: Plan, is_encrypted: bool, switch: &Switch, applied: &Applied) -> (Link, Link) {
    let plan = Arc::new(plan);
    let conversation = Arc::new(Mutex::new(Conversation::new()));
    let opened = Instant::now();
    let link = |direction| {
        let context = Context {
            plan: Arc::clone(&plan),
            direction,
            is_encrypted,
            opened,
            switch: switch.clone(),
            applied: applied.clone(),
            conversation: Arc::clone(&conversation),
        };
        Link::new(context)
    };
    (link(Direction::Requests), link(Direction::Responses))
}

/// Forwards bytes between a client and a server in both directions until both directions are closed, or
/// the connection ends.
///
/// The caller drops both sockets, and resets them before if the result is [`End::Reset`] or
/// [`End::Failed`].
pub async fn forward(
    client: impl AsyncRead + AsyncWrite,
    server: impl AsyncRead + AsyncWrite,
    (requests, responses): (Link, Link),
) -> End {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let requests = std::pin::pin!(requests.run(from_client, to_server));
    let responses = std::pin::pin!(responses.run(from_server, to_client));
    let (mut requests, mut responses) = (Some(requests), Some(responses));
    loop {
        let end = tokio::select! {
            biased;
            end = async { requests.as_mut().expect("checked").await }, if requests.is_some() => {
                requests = None;
                end
            }
            end = async { responses.as_mut().expect("checked").await }, if responses.is_some() => {
                responses = None;
                end
            }
            else => return End::Eof,
        };
        if !matches!(end, End::Eof) {
            return end;
        }
    }
}

impl Link {
    fn new(context: Context) -> Self {
        let faults = &context.plan.faults;
        let changes_frames = |index: usize| faults[index].fault.changes_frames();
        let own = (0..faults.len()).filter(|&index| faults[index].direction == context.direction);
        let needs_frame = |index: &usize| {
            changes_frames(*index) || matches!(faults[*index].trigger, Trigger::Frame(_))
        };
        let (of_frames, of_bytes) = own.partition::<Vec<_>, _>(needs_frame);
        // One direction knows the state of the protocol only if both are read.
        let split = !context.is_encrypted
            && faults.iter().any(|planned| {
                planned.fault.changes_frames()
                    || matches!(planned.trigger, Trigger::Frame(_))
                    || matches!(planned.fault, crate::Fault::FlipBits(_))
            });
        let splitter = Splitter::new(split);
        let (faults, output) = (FrameFaults::new(of_frames), Output::new(of_bytes));
        Self { context, splitter, faults, output }
    }

    /// Forwards this direction until it ends.
    ///
    /// The link reads at most 256 KiB ahead, except for a longer frame. It does not flush `to`.
    pub async fn run(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> End {
        let mut is_on = self.context.is_on();
        let mut is_at_end = false;
        loop {
            let now = Instant::now();
            let Self { context, splitter, faults, output } = &mut self;
            faults.release_due(now, context, output);
            let (step, timer) = output.next_step(context, now);
            let timer = earlier(timer, faults.next_release());
            let mut bytes = Bytes::new();
            match step {
                Step::End(end) => {
                    if matches!(end, End::Close) {
                        let _closed = to.shutdown().await;
                    }
                    return end;
                }
                Step::Shutdown => {
                    if let Err(error) = to.shutdown().await {
                        return End::Failed(error);
                    }
                    output.set_shut_down();
                    continue;
                }
                Step::Write(piece) => bytes = piece,
                Step::Idle => {}
            }
            if is_at_end && output.is_shut_down() {
                return End::Eof;
            }
            tokio::select! {
                biased;
                () = context.switch.wait_until(!is_on) => {
                    is_on = !is_on;
                    if !is_on {
                        faults.heal(context, output);
                        output.heal();
                    }
                }
                written = to.write(&bytes), if !bytes.is_empty() => match written {
                    Ok(0) => return End::Failed(io::ErrorKind::WriteZero.into()),
                    Ok(length) => output.advance(length, Instant::now()),
                    Err(error) => return End::Failed(error),
                },
                () = sleep_until(timer.unwrap_or(now)), if timer.is_some() => {}
                read = read(&mut from, splitter), if !is_at_end && output.has_room() => match read {
                    Ok(0) => {
                        is_at_end = true;
                        self.end_input();
                    }
                    Ok(_) => self.handle_input(),
                    Err(error) => return End::Failed(error),
                },
            }
        }
    }

    fn handle_input(&mut self) {
        while let Some(unit) = self.splitter.next_unit() {
            self.faults.handle_unit(unit, &self.context, &mut self.splitter, &mut self.output);
        }
    }

    fn end_input(&mut self) {
        let Self { context, splitter, faults, output } = self;
        if let Some(rest) = splitter.take_rest() {
            faults.handle_unit(rest, context, splitter, output);
        }
        faults.heal(context, output);
        output.end_input();
    }
}

/// Reads bytes into the buffer of the splitter.
async fn read(from: &mut (impl AsyncRead + Unpin), splitter: &mut Splitter) -> io::Result<usize> {
    let buffer = splitter.buffer_mut();
    buffer.reserve(MAX_READ);
    from.read_buf(buffer).await
}

impl Context {
    /// Returns true if faults are applied now.
    pub(crate) fn is_on(&self) -> bool {
        self.switch.is_on()
    }

    /// Returns the framing of bytes that are not split, given the framing that the splitter expects.
    pub(crate) const fn opaque_framing(&self, expected: Framing) -> Framing {
        if self.is_encrypted { Framing::Encrypted } else { expected }
    }

    /// Returns the compression that the client requested.
    pub(crate) fn compression(&self) -> Option<Compression> {
        self.conversation().compression
    }

    pub(crate) fn conversation(&self) -> MutexGuard<'_, Conversation> {
        self.conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a frame was forwarded.
    pub(crate) fn record_delivery(&self, frame: &[u8]) {
        if self.direction == Direction::Responses {
            self.conversation().record_delivery(frame);
        }
    }

    /// Records that a fault was applied.
    pub(crate) fn record(&self, index: usize, framing: Framing) {
        self.applied.record(&self.plan.faults[index], framing);
    }
}
