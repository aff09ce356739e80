//! The lie of one run: which frames are changed, and how. Also the record of all frames.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cqlwire::wire::{Context, Header};

use crate::change::Change;

/// The direction of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// The frames that a lie changes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) direction: Direction,
    /// The number of the first frame, counted from 0 over all connections.
    pub(crate) position: usize,
    /// True if all later frames of the same kind are changed as well.
    pub(crate) is_repeated: bool,
}

/// A frame that passed a tap.
#[derive(Clone, Debug)]
pub(crate) struct SeenFrame {
    pub(crate) direction: Direction,
    /// The number of the connection.
    pub(crate) connection: u16,
    /// The request, or the request that the response answers.
    pub(crate) request: String,
    pub(crate) header: Header,
    /// The body, decompressed.
    pub(crate) body: Bytes,
    pub(crate) context: Context,
    /// True if the frame is sent in a segment.
    pub(crate) is_in_segment: bool,
}

/// The lie of one run. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lie(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lie: Option<(Target, Change)>,
    /// The kind of the first frame that was changed, for a repeated lie.
    kind: Option<String>,
    /// Number of frames that were changed.
    told: u64,
    /// Number of bytes of the changed frames as sent, and uncompressed.
    wire_bytes: usize,
    plain_bytes: usize,
    requests: usize,
    responses: usize,
    is_over: bool,
    /// The frames that a lie can change, if they are recorded.
    seen: Option<Vec<SeenFrame>>,
}

impl Lie {
    /// Creates a record of the frames, which changes none.
    pub(crate) fn record() -> Self {
        let lie = Self::default();
        lie.state().seen = Some(Vec::new());
        lie
    }

    /// Creates a lie.
    pub(crate) fn new(target: Target, change: Change) -> Self {
        let lie = Self::default();
        lie.state().lie = Some((target, change));
        lie
    }

    /// Ends the lie. Frames are no longer recorded, because no lie can change them.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.lie = None;
        state.is_over = true;
    }

    /// Counts a frame. Returns the change to it, if it is lied about.
    pub(crate) fn handle_frame(&self, frame: &SeenFrame) -> Option<Change> {
        let mut state = self.state();
        let count = match frame.direction {
            Direction::Request => &mut state.requests,
            Direction::Response => &mut state.responses,
        };
        let number = *count;
        *count += 1;
        let is_over = state.is_over;
        if let Some(seen) = state.seen.as_mut().filter(|_| !is_over) {
            seen.push(frame.clone());
        }
        let (target, change) = state.lie.clone()?;
        let is_again = target.is_repeated && state.kind.as_ref() == Some(&frame.request);
        if target.direction != frame.direction || (number != target.position && !is_again) {
            return None;
        }
        state.kind = Some(frame.request.clone());
        state.told += 1;
        Some(change)
    }

    /// Records the size of a changed frame.
    pub(crate) fn record_size(&self, wire: usize, plain: usize) {
        let mut state = self.state();
        state.wire_bytes += wire;
        state.plain_bytes += plain;
    }

    /// Returns the number of frames that were changed.
    pub(crate) fn told(&self) -> u64 {
        self.state().told
    }

    /// Returns the number of bytes of the changed frames: as sent, and uncompressed.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let state = self.state();
        (state.wire_bytes, state.plain_bytes)
    }

    /// Returns the number of frames in both directions.
    pub(crate) fn frames(&self) -> usize {
        let state = self.state();
        state.requests + state.responses
    }

    /// Returns the frames that a lie can change, if they are recorded.
    pub(crate) fn seen(&self) -> Vec<SeenFrame> {
        self.state().seen.take().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
