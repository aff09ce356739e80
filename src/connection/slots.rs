//! The slots in which callers wait for the outcomes of their requests.
//!
//! Slots are reused, so a request allocates nothing here.

use std::fmt;
use std::mem;
use std::task::Waker;

use tokio::time::Instant;

use super::error::RequestErrorKind;
use crate::protocol::CloseReason;
use crate::wire::RawFrame;

/// The outcome of a request: the frame of the response, or the failure.
pub(super) type Outcome = Result<ReceivedFrame, Box<FailedRequest>>;

/// The frame of a response.
#[derive(Debug, PartialEq)]
pub(super) struct ReceivedFrame {
    pub(super) frame: RawFrame,
    /// The time at which the connection's task read the last bytes of the frame.
    pub(super) received_at: Instant,
}

/// A request that failed: it got no response, or a response that was too long.
#[derive(Debug)]
pub(super) struct FailedRequest {
    pub(super) kind: RequestErrorKind,
    /// True if the server may apply the request.
    pub(super) written: bool,
}

/// The index of the slot in which a caller waits for the outcome of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotId(pub(super) usize);

/// The place in which one caller waits for the outcome of its request.
pub(super) enum Slot {
    Free,
    /// The caller waits.
    Waiting {
        waker: Waker,
        /// Number of times that the task had collected requests when the request was submitted.
        collections: u64,
    },
    /// The outcome is ready; the caller has not taken it yet.
    Ready(Outcome),
    /// The caller abandoned the request; the task has not freed the slot yet.
    Abandoned,
}

/// Omits the outcome, whose frame may contain secrets.
impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Free => "Free",
            Self::Waiting { .. } => "Waiting",
            Self::Ready(_) => "Ready",
            Self::Abandoned => "Abandoned",
        })
    }
}

/// The slots of a connection.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<SlotId>,
}

impl Slots {
    /// Stores a slot at a free index, and returns the index.
    pub(super) fn allocate(&mut self, slot: Slot) -> SlotId {
        match self.free.pop() {
            Some(id) => {
                if let Some(free) = self.slots.get_mut(id.0) {
                    *free = slot;
                }
                id
            }
            None => {
                let id = SlotId(self.slots.len());
                self.slots.push(slot);
                id
            }
        }
    }

    /// Frees a slot, and returns its former content.
    pub(super) fn free(&mut self, id: SlotId) -> Slot {
        let slot = self.slots.get_mut(id.0);
        let before = slot.map_or(Slot::Free, |slot| mem::replace(slot, Slot::Free));
        if !matches!(before, Slot::Free) {
            self.free.push(id);
        }
        before
    }

    pub(super) fn get_mut(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.slots.get_mut(id.0)
    }

    /// Returns the wakers of all waiting callers.
    pub(super) fn wakers(&self) -> impl Iterator<Item = &Waker> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Waiting { waker, .. } => Some(waker),
            _ => None,
        })
    }

    /// Returns the number of slots, and how many of these are free.
    #[cfg(test)]
    pub(super) const fn counts(&self) -> (usize, usize) {
        (self.slots.len(), self.free.len())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut()
    }
}

impl Slot {
    /// Stores the outcome and returns the caller's waker, if a caller waits. Drops the outcome
    /// otherwise.
    pub(super) fn deliver(&mut self, outcome: Outcome) -> Option<Waker> {
        if !matches!(self, Self::Waiting { .. }) {
            return None;
        }
        match mem::replace(self, Self::Ready(outcome)) {
            Self::Waiting { waker, .. } => Some(waker),
            _ => None,
        }
    }
}

impl FailedRequest {
    /// Creates the failure of a request whose connection ended.
    pub(super) const fn closed(reason: CloseReason, written: bool) -> Self {
        Self { kind: RequestErrorKind::Closed(reason), written }
    }
}
