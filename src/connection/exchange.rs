//! The state that the handle of a connection and its task share: requests on their way to the task,
//! and outcomes on their way back.
//!
//! One lock guards the requests and the outcomes. The lock is held only while a frame is copied or a
//! list is moved. Each request takes the lock twice, and the task takes it a few times per batch.
//!
//! Every waiting caller has a slot. Slots are reused, so a request allocates nothing here.
//!
//! A slot is freed exactly once. The caller frees it by taking the outcome, or by dropping a request
//! whose outcome is ready. If the caller drops the request earlier, the task frees the slot.

use std::mem;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore};

use super::draining::Draining;
use super::error::RequestErrorKind;
use super::queue::{Queue, SlotId};
use crate::protocol::CloseReason;
use crate::wire::RawFrame;

/// The outcome of a request: the frame of the response, or the failure.
pub(super) type Outcome = Result<RawFrame, Box<FailedRequest>>;

/// A request that failed: it got no response, or a response that was too long.
#[derive(Debug)]
pub(super) struct FailedRequest {
    pub(super) kind: RequestErrorKind,
    /// True if the server may apply the request.
    pub(super) written: bool,
}

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
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    streams_in_use: AtomicUsize,
    orphans: AtomicUsize,
    unattributed_errors: AtomicU64,
    /// The number of orphaned requests on all connections to the node. Not set if the connection
    /// belongs to no node.
    node_orphans: OnceLock<Arc<AtomicUsize>>,
    /// Number of this connection's orphaned requests that `node_orphans` includes.
    counted_orphans: AtomicUsize,
    /// Notified after `is_unresponsive` has changed.
    responsiveness: Notify,
}

/// The handle's reference to the exchange. Dropping it closes the connection.
#[derive(Debug, Default)]
pub(super) struct Handle(Arc<Exchange>);

#[derive(Debug, Default)]
struct State {
    /// Requests that the task has not collected yet.
    inbox: Queue,
    slots: Vec<Slot>,
    free: Vec<SlotId>,
    /// Slots of abandoned requests that the task has not collected yet.
    abandoned: Vec<SlotId>,
    /// The waker of the task, or `None` if the task has been woken and has not polled since.
    task: Option<Waker>,
    /// True once the handle was dropped, or has requested to close the connection.
    close_requested: bool,
    is_closed: bool,
}

/// The place in which one caller waits for the outcome of its request.
#[derive(Debug)]
enum Slot {
    Free,
    /// The caller waits.
    Waiting(Waker),
    /// The outcome is ready; the caller has not taken it yet.
    Ready(Outcome),
    /// The caller abandoned the request; the task has not freed the slot yet.
    Abandoned,
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

impl Default for Exchange {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            queue_permits: Semaphore::new(QUEUE_LENGTH),
            close_reason: OnceLock::new(),
            is_unresponsive: AtomicBool::new(false),
            draining: Draining::default(),
            closed: Notify::new(),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            streams_in_use: AtomicUsize::new(0),
            orphans: AtomicUsize::new(0),
            unattributed_errors: AtomicU64::new(0),
            node_orphans: OnceLock::new(),
            counted_orphans: AtomicUsize::new(0),
            responsiveness: Notify::new(),
        }
    }
}

impl Exchange {
    /// Appends a request to the queue and wakes the task. Returns the slot for the outcome, or `None`
    /// if the connection has ended.
    pub(super) fn submit(
        &self,
        frame: &[u8],
        deadline: Option<Instant>,
        waker: Waker,
    ) -> Option<SlotId> {
        let mut state = self.lock();
        if state.is_closed {
            return None;
        }
        let slot = state.allocate_slot(Slot::Waiting(waker));
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
        match state.slots.get_mut(slot.0) {
            Some(Slot::Waiting(waker)) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            _ => match state.free_slot(slot) {
                Slot::Ready(outcome) => Poll::Ready(outcome),
                _ => Poll::Ready(Err(Box::new(FailedRequest::closed(CloseReason::Local, true)))),
            },
        }
    }

    /// Abandons the request of a slot, because the caller dropped the request's future, or because
    /// its deadline passed while the task did not run. Returns true if the server may apply the
    /// request: the task has collected it.
    pub(super) fn abandon(&self, slot: SlotId) -> bool {
        let mut state = self.lock();
        // The task drops an abandoned request that it collects.
        let is_collected = !state.inbox.contains(slot);
        let task = match state.slots.get_mut(slot.0) {
            Some(waiting @ Slot::Waiting(_)) => {
                *waiting = Slot::Abandoned;
                state.abandoned.push(slot);
                state.task.take()
            }
            _ => {
                state.free_slot(slot);
                None
            }
        };
        drop(state);
        wake(task);
        is_collected
    }

    /// Requests the task to close the connection.
    pub(super) fn request_close(&self) {
        let mut state = self.lock();
        state.close_requested = true;
        let task = state.task.take();
        drop(state);
        wake(task);
    }

    /// Moves new requests to `queue` and notices to `notices`. Registers the task to be woken by later
    /// requests and notices.
    pub(super) fn collect(&self, queue: &mut Queue, notices: &mut Notices, cx: &TaskContext<'_>) {
        let mut state = self.lock();
        queue.append(&mut state.inbox);
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
            state.free_slot(slot);
        }
    }

    /// Moves outcomes into their slots, and the wakers of their callers into `wakers`. Outcomes of
    /// abandoned requests are dropped.
    pub(super) fn deliver(&self, outcomes: &mut Vec<(SlotId, Outcome)>, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        for (slot, outcome) in outcomes.drain(..) {
            if let Some(waiting @ Slot::Waiting(_)) = state.slots.get_mut(slot.0)
                && let Slot::Waiting(waker) = mem::replace(waiting, Slot::Ready(outcome))
            {
                wakers.push(waker);
            }
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
        queue.append(&mut state.inbox);
    }

    /// Fails all requests that still wait for an outcome. Called when the task is dropped.
    pub(super) fn fail_all(&self) {
        self.close(CloseReason::Local, &mut Queue::default());
        let mut wakers = Vec::new();
        for slot in &mut self.lock().slots {
            if let Slot::Waiting(_) = slot {
                let failed = Box::new(FailedRequest::closed(CloseReason::Local, true));
                if let Slot::Waiting(waker) = mem::replace(slot, Slot::Ready(Err(failed))) {
                    wakers.push(waker);
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Records whether the server answers. If it does not, moves the wakers of all waiting callers into
    /// `wakers`. Their next poll registers them again.
    pub(super) fn set_responsive(&self, is_responsive: bool, wakers: &mut Vec<Waker>) {
        self.is_unresponsive.store(!is_responsive, Ordering::Release);
        self.responsiveness.notify_waiters();
        if !is_responsive {
            let state = self.lock();
            let waiting = state.slots.iter().filter_map(|slot| match slot {
                Slot::Waiting(waker) => Some(waker.clone()),
                _ => None,
            });
            wakers.extend(waiting);
        }
    }

    /// Returns true if the server answers.
    #[inline]
    pub(super) fn is_responsive(&self) -> bool {
        !self.is_unresponsive.load(Ordering::Acquire)
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

    pub(super) fn count_sent(&self, bytes: usize) {
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_received(&self, bytes: usize) {
        self.bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts an ERROR of the server that names no request.
    pub(super) fn count_unattributed_error(&self) {
        self.unattributed_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of errors that named no request since the last call.
    pub(super) fn take_unattributed_errors(&self) -> u64 {
        self.unattributed_errors.swap(0, Ordering::Relaxed)
    }

    /// Records the number of streams in use, and how many of these are orphaned. Only the task calls
    /// this.
    pub(super) fn record_streams(&self, in_use: usize, orphans: usize) {
        self.streams_in_use.store(in_use, Ordering::Relaxed);
        let before = self.orphans.load(Ordering::Relaxed);
        if before != orphans {
            self.orphans.store(orphans, Ordering::Relaxed);
            if let Some(total) = self.node_orphans.get() {
                let counted = self.counted_orphans.swap(orphans, Ordering::Relaxed);
                total.fetch_add(orphans.wrapping_sub(counted), Ordering::Relaxed);
            }
        }
    }

    /// Counts the orphaned requests of this connection in `total` from the next change on.
    pub(super) fn count_orphans_in(&self, total: &Arc<AtomicUsize>) {
        let _first = self.node_orphans.set(Arc::clone(total));
    }

    /// Returns the number of streams in use when the task last ran, and how many of these were
    /// orphaned.
    pub(super) fn streams(&self) -> (usize, usize) {
        let read = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        (read(&self.streams_in_use), read(&self.orphans))
    }

    /// Returns the number of bytes sent, and the number of bytes received.
    pub(super) fn traffic(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.bytes_sent), read(&self.bytes_received))
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
    /// Stores a slot at a free index, and returns the index.
    fn allocate_slot(&mut self, slot: Slot) -> SlotId {
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
    fn free_slot(&mut self, id: SlotId) -> Slot {
        let slot = self.slots.get_mut(id.0);
        let before = slot.map_or(Slot::Free, |slot| mem::replace(slot, Slot::Free));
        if !matches!(before, Slot::Free) {
            self.free.push(id);
        }
        before
    }
}

impl FailedRequest {
    /// Creates the failure of a request whose connection ended.
    pub(super) const fn closed(reason: CloseReason, written: bool) -> Self {
        Self { kind: RequestErrorKind::Closed(reason), written }
    }
}

/// Wakes the task. Call it without holding the lock.
fn wake(task: Option<Waker>) {
    if let Some(task) = task {
        task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;
    use crate::wire::{FrameFlags, Header, Opcode, Stream, Version};

    /// A waker that counts its wake-ups.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn frame(number: u8) -> RawFrame {
        let (version, flags) = (Version::V4, FrameFlags::NONE);
        let (stream, opcode) = (Stream(0), Opcode::Result);
        let header = Header { version, is_response: true, flags, stream, opcode };
        RawFrame { header, body: vec![number].into() }
    }

    #[test]
    fn reuses_slots_freed_by_the_caller_or_by_the_task() {
        let exchange = Handle::default();
        let waker = Waker::noop();
        let mut cx = TaskContext::from_waker(waker);
        let mut notices = Notices::default();
        for round in 0..3 {
            let [answered, abandoned, ignored] =
                [1, 2, 3].map(|n| exchange.submit(&[n], None, waker.clone()).unwrap());
            assert!(exchange.poll_outcome(answered, &mut cx).is_pending());
            exchange.abandon(abandoned);
            let mut queue = Queue::default();
            exchange.collect(&mut queue, &mut notices, &cx);
            assert_eq!(notices.abandoned, [abandoned]);
            let mut outcomes: Vec<_> =
                [answered, abandoned, ignored].map(|slot| (slot, Ok(frame(round)))).into();
            let mut wakers = Vec::new();
            exchange.deliver(&mut outcomes, &mut wakers);
            assert_eq!(wakers.len(), 2, "the caller of an abandoned request was woken");
            exchange.release(&mut notices.abandoned);
            let Poll::Ready(outcome) = exchange.poll_outcome(answered, &mut cx) else { panic!() };
            assert_eq!(outcome.unwrap(), frame(round));
            // The outcome is ready, but the caller does not take it.
            exchange.abandon(ignored);
            let state = exchange.lock();
            assert_eq!((state.slots.len(), state.free.len()), (3, 3));
        }
    }

    #[test]
    fn wakes_the_task_once_per_batch() {
        let exchange = Handle::default();
        let task = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&task));
        let (mut queue, mut notices) = (Queue::default(), Notices::default());
        for round in 1..=3 {
            exchange.collect(&mut queue, &mut notices, &TaskContext::from_waker(&waker));
            let slots = [1, 2].map(|n| exchange.submit(&[n], None, Waker::noop().clone()).unwrap());
            slots.into_iter().for_each(|slot| {
                exchange.abandon(slot);
            });
            assert_eq!(task.0.load(Ordering::SeqCst), round);
        }
        exchange.collect(&mut queue, &mut notices, &TaskContext::from_waker(&waker));
        assert!(!notices.close_requested);
        let shared = exchange.share();
        drop(exchange);
        assert_eq!(task.0.load(Ordering::SeqCst), 4);
        shared.collect(&mut queue, &mut notices, &TaskContext::from_waker(&waker));
        assert!(notices.close_requested);
    }

    #[test]
    fn dropping_the_task_fails_all_waiting_requests() {
        let exchange = Handle::default();
        let waiting = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&waiting));
        let slot = exchange.submit(&[1], None, waker.clone()).unwrap();
        exchange.fail_all();
        assert_eq!(waiting.0.load(Ordering::SeqCst), 1);
        let mut cx = TaskContext::from_waker(&waker);
        let Poll::Ready(Err(failed)) = exchange.poll_outcome(slot, &mut cx) else { panic!() };
        assert_eq!(failed.kind, RequestErrorKind::Closed(CloseReason::Local));
        assert!(failed.written, "the request may have been written");
        assert_eq!(exchange.submit(&[1], None, waker), None);
        assert_eq!(exchange.close_reason(), Some(&CloseReason::Local));
    }
}
