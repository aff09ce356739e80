//! The state that the handle of a connection and its task share: requests on their way to the task,
//! and outcomes on their way back.
//!
//! One lock guards the requests and the outcomes. The lock is held only while a frame is copied or a
//! list is moved. Each request takes the lock twice, and the task takes it a few times per batch.
//!
//! Every waiting caller has a slot, which is freed exactly once. The caller frees it by taking the
//! outcome, or by dropping a request whose outcome is ready. If the caller drops the request earlier,
//! the task frees the slot.

use std::mem;
use std::ops::Deref;
use std::sync::{Arc, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Instant;

use super::counters::Counters;
use super::draining::Draining;
use super::queue::{Frame, Queue};
use super::slots::{FailedRequest, Outcome, Slot, SlotId, Slots};
use crate::environment::capacity;
use crate::protocol::CloseReason;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, Notify, OnceLock, Semaphore};

/// The state that the handle and the task share.
#[derive(Debug)]
pub(super) struct Exchange {
    state: Mutex<State>,
    /// One permit for each free place in the queue. Closed when the connection ends.
    pub(super) queue_permits: Semaphore,
    close_reason: OnceLock<CloseReason>,
    /// True while the server does not answer.
    is_unresponsive: AtomicBool,
    pub(super) draining: Draining,
    /// Notified after `close_reason` is set.
    closed: Notify,
    pub(super) counters: Counters,
    /// Notified after `is_unresponsive` has changed.
    responsiveness: Notify,
    /// Total length of the requests in the inbox, in bytes. Written under the lock, read without it.
    inbox_length: AtomicUsize,
}

/// The handle's reference to the exchange. Dropping it closes the connection.
#[derive(Debug, Default)]
pub(super) struct Handle(Arc<Exchange>);

#[derive(Debug, Default)]
struct State {
    /// Requests that the task has not collected yet.
    inbox: Queue,
    /// Number of times that the task has collected the requests of the inbox.
    collections: u64,
    slots: Slots,
    /// Slots of abandoned requests that the task has not collected yet.
    abandoned: Vec<SlotId>,
    /// The waker of the task, or `None` if the task has been woken and has not polled since.
    task: Option<Waker>,
    /// True once the handle was dropped, or has requested to close the connection.
    close_requested: bool,
    is_closed: bool,
}

/// Notices from the handle to the task, other than requests.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Slots of requests that were abandoned since the last collection.
    pub(super) abandoned: Vec<SlotId>,
    /// True if the handle has requested to close the connection.
    pub(super) close_requested: bool,
}

/// Maximum number of requests in the queue. Further callers wait for a permit.
const QUEUE_LENGTH: usize = 1_024;

/// Length of the requests in the inbox from which no further ones join them, in bytes. The cost of a write of
/// this length is small for each of its requests.
const MAX_JOINED_LENGTH: usize = 4 << 10;

/// Longest queue that further requests join. A longer one cannot be sent at once.
const MAX_JOINED_QUEUE: usize = 128;

impl Default for Exchange {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            queue_permits: Semaphore::new(capacity(QUEUE_LENGTH)),
            close_reason: OnceLock::new(),
            is_unresponsive: AtomicBool::new(false),
            draining: Draining::default(),
            closed: Notify::new(),
            counters: Counters::default(),
            responsiveness: Notify::new(),
            inbox_length: AtomicUsize::new(0),
        }
    }
}

impl Exchange {
    /// Appends a request to the queue and wakes the task. Returns the slot for the outcome, or `None`
    /// if the connection has ended.
    pub(super) fn submit(
        &self,
        frame: Frame<'_>,
        deadline: Option<Instant>,
        waker: Waker,
    ) -> Option<SlotId> {
        let mut state = self.lock();
        if state.is_closed {
            return None;
        }
        let collections = state.collections;
        let slot = state.slots.allocate(Slot::Waiting { waker, collections });
        let inbox_length = self.inbox_length.load(Ordering::Relaxed).saturating_add(frame.len());
        self.inbox_length.store(inbox_length, Ordering::Relaxed);
        state.inbox.push(frame, slot, deadline);
        let task = state.task.take();
        drop(state);
        wake(task);
        Some(slot)
    }

    /// Returns the outcome in a slot and frees the slot. If there is no outcome yet, registers the
    /// caller to be woken.
    pub(super) fn poll_outcome(&self, slot: SlotId, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        if let Some(Slot::Waiting { waker, .. }) = state.slots.get_mut(slot) {
            let replaced =
                (!waker.will_wake(cx.waker())).then(|| mem::replace(waker, cx.waker().clone()));
            // Dropping a waker may drop a task, and with it a request, which needs the lock.
            drop(state);
            drop(replaced);
            return Poll::Pending;
        }
        match state.slots.free(slot) {
            Slot::Ready(outcome) => Poll::Ready(outcome),
            _ => Poll::Ready(Err(Box::new(FailedRequest::closed(CloseReason::Local, true)))),
        }
    }

    /// Abandons the request of a slot, because the caller dropped the request's future, or because
    /// its deadline passed while the task did not run. Returns true if the server may apply the
    /// request: the task has collected it.
    pub(super) fn abandon(&self, slot: SlotId) -> bool {
        let mut state = self.lock();
        let collected = state.collections;
        let (former, task) = match state.slots.get_mut(slot) {
            Some(waiting @ Slot::Waiting { .. }) => {
                let former = mem::replace(waiting, Slot::Abandoned);
                state.abandoned.push(slot);
                (former, state.task.take())
            }
            _ => (state.slots.free(slot), None),
        };
        // Dropping the waker of the slot may drop a task, and with it a request, which needs the lock.
        drop(state);
        wake(task);
        // If the task has not collected the request yet, it drops the request when it does.
        !matches!(former, Slot::Waiting { collections, .. } if collections == collected)
    }

    /// Requests the task to close the connection.
    pub(super) fn request_close(&self) {
        let mut state = self.lock();
        state.close_requested = true;
        let task = state.task.take();
        drop(state);
        wake(task);
    }

    /// Returns true if there are new requests and no notices.
    pub(super) fn has_only_requests(&self) -> bool {
        let State { inbox, abandoned, close_requested, .. } = &*self.lock();
        !inbox.is_empty() && abandoned.is_empty() && !close_requested
    }

    /// Moves new requests to `queue` and notices to `notices`. Registers the task to be woken by later
    /// requests and notices.
    pub(super) fn collect(&self, queue: &mut Queue, notices: &mut Notices, cx: &TaskContext<'_>) {
        let mut state = self.lock();
        state.move_inbox(queue);
        self.inbox_length.store(0, Ordering::Relaxed);
        mem::swap(&mut state.abandoned, &mut notices.abandoned);
        notices.close_requested = state.close_requested;
        match &mut state.task {
            Some(task) => task.clone_from(cx.waker()),
            None => state.task = Some(cx.waker().clone()),
        }
    }

    /// Frees the slots of abandoned requests.
    pub(super) fn release(&self, slots: &mut Vec<SlotId>) {
        let mut state = self.lock();
        for slot in slots.drain(..) {
            state.slots.free(slot);
        }
    }

    /// Moves outcomes into their slots, and the wakers of their callers into `wakers`. Outcomes of
    /// abandoned requests are dropped.
    pub(super) fn deliver(&self, outcomes: &mut Vec<(SlotId, Outcome)>, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        for (slot, outcome) in outcomes.drain(..) {
            wakers.extend(state.slots.get_mut(slot).and_then(|slot| slot.deliver(outcome)));
        }
    }

    /// Records the end of the connection: no request can be submitted any more. Moves the requests that
    /// the task has not collected to `queue`.
    pub(super) fn close(&self, reason: CloseReason, queue: &mut Queue) {
        let _first = self.close_reason.set(reason);
        self.closed.notify_waiters();
        self.queue_permits.close();
        let mut state = self.lock();
        state.is_closed = true;
        state.move_inbox(queue);
    }

    /// Fails all requests that still wait for an outcome. Called when the task is dropped.
    pub(super) fn fail_all(&self) {
        self.close(CloseReason::Local, &mut Queue::default());
        let closed = || Box::new(FailedRequest::closed(CloseReason::Local, true));
        let mut state = self.lock();
        let deliver = |slot: &mut Slot| slot.deliver(Err(closed()));
        let wakers: Vec<_> = state.slots.iter_mut().filter_map(deliver).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Records whether the server answers. If it does not, moves the wakers of all waiting callers into
    /// `wakers`. Their next poll registers them again.
    pub(super) fn set_responsive(&self, is_responsive: bool, wakers: &mut Vec<Waker>) {
        self.is_unresponsive.store(!is_responsive, Ordering::Release);
        self.responsiveness.notify_waiters();
        if !is_responsive {
            wakers.extend(self.lock().slots.wakers().cloned());
        }
    }

    /// Returns true if the server answers.
    #[inline]
    pub(super) fn is_responsive(&self) -> bool {
        !self.is_unresponsive.load(Ordering::Acquire)
    }

    /// Returns true if requests wait to be collected by the task, and one more can be sent with them: they are short,
    /// and the queue is not long.
    #[inline]
    pub(super) fn has_room_in_next_write(&self) -> bool {
        (1..MAX_JOINED_LENGTH).contains(&self.inbox_length.load(Ordering::Relaxed))
            && self.queue_permits.available_permits()
                >= capacity(QUEUE_LENGTH).saturating_sub(MAX_JOINED_QUEUE)
    }

    /// Waits until [`is_responsive`](Self::is_responsive) returns `expected`.
    pub(super) async fn wait_responsive(&self, expected: bool) {
        loop {
            let mut changed = std::pin::pin!(self.responsiveness.notified());
            // Registers before the check below, so that no notification is missed.
            changed.as_mut().enable();
            if self.is_responsive() == expected {
                return;
            }
            changed.await;
        }
    }

    /// Returns the reason for the end of the connection, or `None` if it is open.
    pub(super) fn close_reason(&self) -> Option<&CloseReason> {
        self.close_reason.get()
    }

    /// Waits until the connection has ended, and returns the reason.
    pub(super) async fn wait_closed(&self) -> CloseReason {
        let mut closed = std::pin::pin!(self.closed.notified());
        // Registers before the check below, so that no notification is missed.
        closed.as_mut().enable();
        match self.close_reason() {
            Some(reason) => return reason.clone(),
            None => closed.await,
        }
        self.close_reason().cloned().unwrap_or(CloseReason::Local)
    }

    /// Returns the number of slots, and how many of these are free.
    #[cfg(test)]
    pub(super) fn slot_counts(&self) -> (usize, usize) {
        self.lock().slots.counts()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// Returns the task's reference to the exchange.
    pub(super) fn share(&self) -> Arc<Exchange> {
        Arc::clone(&self.0)
    }
}

impl Deref for Handle {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.request_close();
    }
}

impl State {
    /// Moves the requests of the inbox to the end of `queue`.
    fn move_inbox(&mut self, queue: &mut Queue) {
        queue.append(&mut self.inbox);
        self.collections = self.collections.wrapping_add(1);
    }
}

/// Wakes the task. Call it without holding the lock.
fn wake(task: Option<Waker>) {
    if let Some(task) = task {
        task.wake();
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
