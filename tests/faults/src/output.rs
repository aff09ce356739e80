//! The faults of the stream of bytes: when and in which pieces bytes are written.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::time::Instant;

use crate::link::Context;
use crate::{End, Fault, Framing, Trigger};

/// Number of bytes that wait to be written before the link stops reading.
const MAX_QUEUED: usize = 256 << 10;

/// The next action of the link.
#[derive(Debug)]
pub(crate) enum Step {
    /// Write a part of these bytes.
    Write(Bytes),
    /// Close this direction.
    Shutdown,
    /// Nothing, until bytes arrive.
    Idle,
    /// End the connection.
    End(End),
}

/// The bytes of one direction on their way to the receiver.
#[derive(Debug)]
pub(crate) struct Output {
    queue: VecDeque<Item>,
    queued: usize,
    /// Number of bytes that were written.
    written: u64,
    /// The indexes of the faults of bytes whose trigger is a number of bytes or a time.
    pending: Vec<usize>,
    latency: Duration,
    /// The time until which nothing is written.
    paused: Pause,
    trickle: Option<Trickle>,
    /// The bits to invert in the next byte.
    flip: u8,
    flips: Vec<usize>,
    source: Source,
    end: Option<End>,
}

#[derive(Debug)]
enum Item {
    Bytes {
        arrived: Instant,
        framing: Framing,
        bytes: Bytes,
    },
    /// The fault with this index applies here.
    Fault(usize),
}

#[derive(Debug, Clone, Copy)]
enum Pause {
    None,
    Until(Instant),
    Forever,
}

#[derive(Debug, Clone, Copy)]
struct Trickle {
    piece: usize,
    pause: Duration,
    left: usize,
}

/// The state of the sender and of this direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Open,
    /// The sender closed this direction, or a fault did; the receiver does not know yet.
    Ended,
    /// The receiver knows.
    ShutDown,
}

impl Output {
    /// Creates an empty output. `pending` are the indexes of the faults that it applies itself.
    pub(crate) const fn new(pending: Vec<usize>) -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            written: 0,
            pending,
            latency: Duration::ZERO,
            paused: Pause::None,
            trickle: None,
            flip: 0,
            flips: Vec::new(),
            source: Source::Open,
            end: None,
        }
    }

    /// Appends bytes that arrived now.
    pub(crate) fn push(&mut self, bytes: Bytes, framing: Framing) {
        if self.source == Source::Open && !bytes.is_empty() {
            self.queued += bytes.len();
            self.queue.push_back(Item::Bytes { arrived: Instant::now(), framing, bytes });
        }
    }

    /// Applies a fault of bytes after the bytes that were pushed.
    pub(crate) fn push_fault(&mut self, index: usize) {
        self.queue.push_back(Item::Fault(index));
    }

    /// Returns true if more bytes may be pushed.
    pub(crate) const fn has_room(&self) -> bool {
        self.queued < MAX_QUEUED
    }

    /// Closes this direction after the bytes that were pushed.
    pub(crate) fn end_input(&mut self) {
        if self.source == Source::Open {
            self.source = Source::Ended;
        }
    }

    /// Returns true if the receiver knows that this direction is closed.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.source == Source::ShutDown
    }

    /// Records the result of a [`Step::Shutdown`].
    pub(crate) const fn set_shut_down(&mut self) {
        self.source = Source::ShutDown;
    }

    /// Ends the faults that last.
    pub(crate) fn heal(&mut self) {
        self.latency = Duration::ZERO;
        self.paused = Pause::None;
        self.trickle = None;
        self.flip = 0;
        self.flips.clear();
    }

    /// Returns the next action, and the time at which to ask again at the latest.
    pub(crate) fn next_step(&mut self, context: &Context, now: Instant) -> (Step, Option<Instant>) {
        if self.source == Source::ShutDown {
            return (Step::Idle, None);
        }
        self.apply_reached(context, now);
        if let Some(end) = self.end.take() {
            return (Step::End(end), None);
        }
        let timer = self.next_time_trigger(context);
        match self.paused {
            Pause::Forever => return (Step::Idle, timer),
            Pause::Until(time) if time > now => return (Step::Idle, earlier(timer, Some(time))),
            Pause::Until(_) | Pause::None => self.paused = Pause::None,
        }
        let limit = self.bytes_to_next_trigger(context);
        let trickle = self.trickle;
        match self.queue.front_mut() {
            Some(Item::Bytes { arrived, framing, bytes }) => {
                let due = *arrived + self.latency;
                if due > now {
                    return (Step::Idle, earlier(timer, Some(due)));
                }
                if self.flip != 0 {
                    let mut changed = bytes.to_vec();
                    if let Some(first) = changed.first_mut() {
                        *first ^= std::mem::take(&mut self.flip);
                    }
                    *bytes = changed.into();
                    for index in self.flips.drain(..) {
                        context.record(index, *framing);
                    }
                }
                let mut length = bytes.len();
                if let Some(limit) = limit {
                    length = length.min(limit);
                }
                if let Some(trickle) = trickle {
                    length = length.min(trickle.piece);
                }
                (Step::Write(bytes.slice(..length)), timer)
            }
            Some(Item::Fault(_)) | None if self.source == Source::Ended => (Step::Shutdown, timer),
            Some(Item::Fault(_)) | None => (Step::Idle, timer),
        }
    }

    /// Records that this number of bytes was written.
    pub(crate) fn advance(&mut self, length: usize, now: Instant) {
        self.written += length as u64;
        self.queued -= length;
        if let Some(Item::Bytes { bytes, .. }) = self.queue.front_mut() {
            bytes.advance(length);
            if bytes.is_empty() {
                self.queue.pop_front();
            }
        }
        if let Some(trickle) = &mut self.trickle {
            trickle.left = trickle.left.saturating_sub(length);
            if matches!(self.paused, Pause::None) {
                self.paused = Pause::Until(now + trickle.pause);
            }
            if trickle.left == 0 {
                self.trickle = None;
            }
        }
    }

    /// Applies the faults whose trigger is reached. While the faults are stopped, skips those that
    /// belong to a frame.
    fn apply_reached(&mut self, context: &Context, now: Instant) {
        let is_on = context.is_on();
        while let Some(&Item::Fault(index)) = self.queue.front() {
            self.queue.pop_front();
            if is_on {
                self.apply(index, context, now);
            }
        }
        if !is_on {
            return;
        }
        let written = self.written;
        let is_reached = |index: &mut usize| match context.plan.faults[*index].trigger {
            Trigger::Byte(byte) => byte <= written,
            Trigger::Time(time) => context.opened + time <= now,
            Trigger::Frame(_) => false,
        };
        let reached: Vec<_> = self.pending.extract_if(.., is_reached).collect();
        for index in reached {
            self.apply(index, context, now);
        }
    }

    fn apply(&mut self, index: usize, context: &Context, now: Instant) {
        match context.plan.faults[index].fault {
            Fault::Latency(latency) => self.latency = latency,
            Fault::Trickle { piece, pause, bytes } => {
                let piece = piece.max(1) as usize;
                self.trickle = Some(Trickle { piece, pause, left: bytes as usize });
            }
            Fault::Stall(Some(duration)) => {
                if !matches!(self.paused, Pause::Forever) {
                    self.paused = Pause::Until(now + duration);
                }
            }
            Fault::Stall(None) => self.paused = Pause::Forever,
            Fault::FlipBits(mask) => {
                self.flip ^= mask;
                // Recorded when the byte comes.
                return self.flips.push(index);
            }
            Fault::HalfClose => {
                self.queue.clear();
                self.queued = 0;
                self.paused = Pause::None;
                self.end_input();
            }
            Fault::Close => self.end = Some(End::Close),
            Fault::Reset => self.end = Some(End::Reset),
            _ => return,
        }
        context.record(index, Framing::Encrypted);
    }

    fn next_time_trigger(&self, context: &Context) -> Option<Instant> {
        if !context.is_on() {
            return None;
        }
        let times =
            self.pending.iter().filter_map(|&index| match context.plan.faults[index].trigger {
                Trigger::Time(time) => Some(context.opened + time),
                Trigger::Byte(_) | Trigger::Frame(_) => None,
            });
        times.min()
    }

    /// Returns the number of bytes up to the next fault, or `None` if no fault follows.
    fn bytes_to_next_trigger(&self, context: &Context) -> Option<usize> {
        let bytes =
            self.pending.iter().filter_map(|&index| match context.plan.faults[index].trigger {
                Trigger::Byte(byte) if byte > self.written => Some(byte - self.written),
                _ => None,
            });
        let distance = bytes.min()?;
        Some(usize::try_from(distance).unwrap_or(usize::MAX))
    }
}

/// Returns the earlier of two times. `None` is later than all times.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
