//! The faults of frames and segments.

use bytes::Bytes;
use cqlwire::wire::SegmentEncoder;
use tokio::time::Instant;

use crate::corruption::{self, corrupt_segment};
use crate::inserted::{event, inserted};
use crate::link::Context;
use crate::output::{Output, earlier};
use crate::splitter::{Splitter, Unit};
use crate::{Direction, Fault, Framing, OtherStream, SegmentPart, Trigger};

/// Applies the faults of frames to the units of one direction, and passes them to the output.
#[derive(Debug)]
pub(crate) struct FrameFaults {
    /// The indexes of the faults that were not applied yet: those of frames, and those of bytes whose
    /// trigger is a number of frames.
    pending: Vec<usize>,
    /// Number of bytes that arrived in units.
    bytes: u64,
    /// Number of frames that arrived.
    frames: u64,
    /// Number of frames that are still to be dropped.
    drop: u32,
    held: Vec<Held>,
}

/// A frame that arrives later.
#[derive(Debug)]
struct Held {
    frame: Bytes,
    framing: Framing,
    /// The number of frames after which it arrives, or `None` for a time only.
    after: Option<u64>,
    /// The time at which it arrives at the latest, or `None` for a number of frames only.
    at: Option<Instant>,
}

/// The frames and faults that take the place of one unit.
#[derive(Debug, Default)]
struct Replacement {
    frames: Vec<Bytes>,
    is_changed: bool,
    corruption: Option<(SegmentPart, u32, u8)>,
}

impl FrameFaults {
    pub(crate) const fn new(pending: Vec<usize>) -> Self {
        Self { pending, bytes: 0, frames: 0, drop: 0, held: Vec::new() }
    }

    /// Passes a unit to the output, with the faults that apply to it.
    pub(crate) fn handle_unit(
        &mut self,
        unit: Unit,
        context: &Context,
        splitter: &mut Splitter,
        output: &mut Output,
    ) {
        let (raw, frames) = match unit {
            Unit::Opaque(raw) => {
                self.bytes += raw.len() as u64;
                return output.push(raw, context.opaque_framing(splitter.framing()));
            }
            Unit::Frame(frame) => (frame.clone(), vec![frame]),
            Unit::Segments { raw, frames } => (raw, frames),
        };
        let framing = splitter.framing();
        let mut replacement = Replacement::default();
        let mut starts_segments = false;
        for frame in frames {
            starts_segments |= self.record_arrival(&frame, context);
            self.handle_frame(frame, framing, context, output, &mut replacement);
            self.frames += 1;
            self.release_after_frame(&mut replacement);
        }
        self.bytes += raw.len() as u64;
        if replacement.is_changed || replacement.corruption.is_some() {
            forward(replacement, framing, context, output);
        } else {
            for frame in &replacement.frames {
                context.record_delivery(frame);
            }
            output.push(raw, framing);
        }
        if starts_segments && framing == Framing::Frames {
            splitter.start_segments(context.compression());
        }
    }

    /// Passes the frames to the output that were delayed up to now.
    pub(crate) fn release_due(&mut self, now: Instant, context: &Context, output: &mut Output) {
        self.release(|held| held.at.is_some_and(|at| at <= now), context, output);
    }

    /// Ends the faults that last, and passes the delayed frames to the output. Repeated frames do not
    /// arrive any more.
    pub(crate) fn heal(&mut self, context: &Context, output: &mut Output) {
        self.drop = 0;
        self.release(|held| held.at.is_some(), context, output);
        self.held.clear();
    }

    /// Returns the time at which the next delayed frame arrives.
    pub(crate) fn next_release(&self) -> Option<Instant> {
        self.held.iter().map(|held| held.at).fold(None, earlier)
    }

    fn release(&mut self, is_due: impl Fn(&Held) -> bool, context: &Context, output: &mut Output) {
        let due: Vec<_> = self.held.extract_if(.., |held| is_due(held)).collect();
        for held in due {
            let frames = vec![held.frame];
            forward(
                Replacement { frames, ..Replacement::default() },
                held.framing,
                context,
                output,
            );
        }
    }

    /// Adds the frames that arrive after the current frame.
    fn release_after_frame(&mut self, replacement: &mut Replacement) {
        let frames = self.frames;
        let is_due = |held: &mut Held| held.after.is_some_and(|after| after <= frames);
        for held in self.held.extract_if(.., is_due) {
            replacement.frames.push(held.frame);
            replacement.is_changed = true;
        }
    }

    /// Records a frame in the conversation. Returns true if segments follow.
    fn record_arrival(&self, frame: &[u8], context: &Context) -> bool {
        let mut conversation = context.conversation();
        match context.direction {
            Direction::Requests => conversation.record_request(frame),
            Direction::Responses => conversation.record_response(frame),
        }
    }

    /// Applies the faults that are due to a frame, and adds what arrives instead of it.
    fn handle_frame(
        &mut self,
        frame: Bytes,
        framing: Framing,
        context: &Context,
        output: &mut Output,
        replacement: &mut Replacement,
    ) {
        let mut frame = Some(frame);
        if context.is_on() {
            let now = Instant::now();
            let mut position = 0;
            while let Some(&index) = self.pending.get(position) {
                let is_reached = match context.plan.faults[index].trigger {
                    Trigger::Byte(byte) => byte <= self.bytes,
                    Trigger::Frame(number) => number <= self.frames,
                    Trigger::Time(time) => context.opened + time <= now,
                };
                let fault = &context.plan.faults[index].fault;
                if is_reached && !fault.changes_frames() {
                    output.push_fault(index);
                    self.pending.remove(position);
                } else if is_reached && self.apply(fault, &mut frame, framing, context, replacement)
                {
                    context.record(index, framing);
                    self.pending.remove(position);
                } else {
                    position += 1;
                }
            }
        }
        if self.drop > 0 && frame.is_some() {
            self.drop -= 1;
            frame = None;
            replacement.is_changed = true;
        }
        replacement.frames.extend(frame);
    }

    /// Applies a fault to a frame. Returns false if the fault cannot be applied to this frame.
    fn apply(
        &mut self,
        fault: &Fault,
        current: &mut Option<Bytes>,
        framing: Framing,
        context: &Context,
        replacement: &mut Replacement,
    ) -> bool {
        let Some(frame) = current.clone() else { return false };
        let changed = match *fault {
            Fault::Drop { frames } => {
                self.drop += frames;
                return true;
            }
            Fault::Duplicate => {
                replacement.frames.push(frame.clone());
                Some(Some(frame))
            }
            Fault::Repeat { after } => {
                let after = Some(self.frames + 1 + u64::from(after));
                self.held.push(Held { frame, framing, after, at: None });
                return true;
            }
            Fault::Reorder { within } => {
                let at = Some(Instant::now() + within);
                self.held.push(Held { frame, framing, after: Some(self.frames + 2), at });
                Some(None)
            }
            Fault::Late(delay) => {
                let at = Some(Instant::now() + delay);
                self.held.push(Held { frame, framing, after: None, at });
                Some(None)
            }
            Fault::Misdirect(stream) => {
                let stream = context.conversation().other_stream(stream, Some(&frame));
                stream.map(|stream| Some(corruption::set_stream(&frame, stream)))
            }
            Fault::Length(length) => Some(Some(corruption::set_length(&frame, length))),
            Fault::CorruptFrame { part, offset, mask } => {
                corruption::corrupt_frame(&frame, part, offset, mask).map(Some)
            }
            Fault::CorruptSegment { part, offset, mask } => {
                if framing != Framing::Segments || replacement.corruption.is_some() {
                    return false;
                }
                replacement.corruption = Some((part, offset, mask));
                return true;
            }
            Fault::CompressionFlag => Some(Some(corruption::invert_compression_flag(&frame))),
            Fault::Events { count, event: kind } => {
                let conversation = context.conversation();
                if !conversation.is_open {
                    return false;
                }
                let version = conversation.version;
                let events = (0..count).map(|number| event(version, kind, number));
                replacement.frames.extend(events);
                Some(Some(frame))
            }
            Fault::Insert { stream, message } => {
                let conversation = context.conversation();
                let own = (stream != OtherStream::InUse).then_some(&frame[..]);
                match conversation.other_stream(stream, own) {
                    Some(stream) => {
                        replacement.frames.push(inserted(conversation.version, stream, message));
                        Some(Some(frame))
                    }
                    None => None,
                }
            }
            Fault::Latency(_)
            | Fault::Trickle { .. }
            | Fault::Stall(_)
            | Fault::Close
            | Fault::HalfClose
            | Fault::Reset
            | Fault::FlipBits(_) => None,
        };
        let Some(changed) = changed else { return false };
        *current = changed;
        replacement.is_changed = true;
        true
    }
}

/// Passes frames to the output, in v5 as segments.
fn forward(replacement: Replacement, framing: Framing, context: &Context, output: &mut Output) {
    let Replacement { frames, corruption, .. } = replacement;
    if frames.is_empty() {
        return;
    }
    for frame in &frames {
        context.record_delivery(frame);
    }
    let frames = frames.concat();
    if framing != Framing::Segments {
        return output.push(frames.into(), framing);
    }
    let mut segments = Vec::new();
    SegmentEncoder::new(context.compression()).encode(&frames, &mut segments);
    if let Some((part, offset, mask)) = corruption {
        corrupt_segment(&mut segments, context.compression(), part, offset, mask);
    }
    output.push(segments.into(), framing);
}
