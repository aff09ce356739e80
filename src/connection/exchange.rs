//! What the handles of a connection and its task share: requests on their way to the task, and
//! answers on their way back.
//!
//! One lock holds both, and is never held for longer than it takes to copy a frame or to hand over
//! a list: a request takes it twice, the task a few times for all that has come together. Whoever
//! waits has a slot, which is used again; a request allocates nothing here.
//!
//! A slot is given back once: by the one who waits, with the answer; or by the task, when it has
//! seen that nobody waits any more.

use std::mem;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore};

use super::error::RequestErrorKind;
use super::queue::{Queue, Slot};
use crate::protocol::CloseReason;
use crate::wire::RawFrame;

/// What comes of a request.
pub(super) type Answer = Result<RawFrame, Box<Lost>>;

/// A request that will not be answered.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) kind: RequestErrorKind,
    pub(super) written: bool,
}

/// What the handles and the task both know.
#[derive(Debug)]
pub(super) struct Exchange {
    state: Mutex<State>,
    /// A permit for each request that may wait for the task; closed with the connection.
    pub(super) room: Semaphore,
    closed: OnceLock<CloseReason>,
    /// Told when it is closed.
    ended: Notify,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    streams_in_use: AtomicUsize,
    orphans: AtomicUsize,
}

/// The exchange as the handles have it: when the last one goes, the task is told.
#[derive(Debug, Default)]
pub(super) struct Handle(Arc<Exchange>);

#[derive(Debug, Default)]
struct State {
    /// Requests that the task has not seen.
    inbox: Queue,
    places: Vec<Place>,
    free: Vec<Slot>,
    /// The slots of those who have gone before they were answered.
    abandoned: Vec<Slot>,
    /// The task, unless it has been woken already.
    task: Option<Waker>,
    /// Whether nobody needs the connection any more.
    is_alone: bool,
    is_closed: bool,
}

/// What a slot holds.
#[derive(Debug)]
enum Place {
    Free,
    Waiting(Waker),
    Answered(Answer),
    Abandoned,
}

/// What the handles have said since the task asked.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Whoever waited in these slots has gone.
    pub(super) abandoned: Vec<Slot>,
    /// Whether nobody needs the connection any more.
    pub(super) is_alone: bool,
}

/// How many requests may wait for the task. More wait in their own tasks.
const QUEUE: usize = 1_024;

impl Default for Exchange {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            room: Semaphore::new(QUEUE),
            closed: OnceLock::new(),
            ended: Notify::new(),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            streams_in_use: AtomicUsize::new(0),
            orphans: AtomicUsize::new(0),
        }
    }
}

impl Exchange {
    /// Hands a request to the task; the slot in which its answer will be. `None` when the
    /// connection has ended.
    pub(super) fn submit(
        &self,
        frame: &[u8],
        deadline: Option<Instant>,
        waker: Waker,
    ) -> Option<Slot> {
        let mut state = self.lock();
        if state.is_closed {
            return None;
        }
        let slot = state.take_slot(Place::Waiting(waker));
        state.inbox.push(frame, slot, deadline);
        let task = state.task.take();
        drop(state);
        wake(task);
        Some(slot)
    }

    /// The answer in a slot, which is free then.
    pub(super) fn poll_answer(&self, slot: Slot, cx: &mut TaskContext<'_>) -> Poll<Answer> {
        let mut state = self.lock();
        match state.places.get_mut(slot.0) {
            Some(Place::Waiting(waker)) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            _ => match state.free_slot(slot) {
                Place::Answered(answer) => Poll::Ready(answer),
                _ => Poll::Ready(Err(Box::new(Lost::ended(CloseReason::Local, true)))),
            },
        }
    }

    /// Says that nobody waits for the answer in a slot any more.
    pub(super) fn abandon(&self, slot: Slot) {
        let mut state = self.lock();
        let task = match state.places.get_mut(slot.0) {
            Some(place @ Place::Waiting(_)) => {
                *place = Place::Abandoned;
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
    }

    /// Says that nobody needs the connection any more: no handle is left, or it is to end.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.is_alone = true;
        let task = state.task.take();
        drop(state);
        wake(task);
    }

    /// Moves what the handles have said to the task, which is woken when they say more.
    pub(super) fn collect(&self, queue: &mut Queue, news: &mut News, cx: &TaskContext<'_>) {
        let mut state = self.lock();
        queue.append(&mut state.inbox);
        mem::swap(&mut state.abandoned, &mut news.abandoned);
        news.is_alone = state.is_alone;
        match &mut state.task {
            Some(task) => task.clone_from(cx.waker()),
            None => state.task = Some(cx.waker().clone()),
        }
    }

    /// Gives the slots back of those who have gone.
    pub(super) fn release(&self, slots: &mut Vec<Slot>) {
        let mut state = self.lock();
        for slot in slots.drain(..) {
            state.free_slot(slot);
        }
    }

    /// Puts answers into their slots, and leaves in `wakers` who is to be woken. Who has gone is
    /// not told, and nothing is lost by that.
    pub(super) fn answer(&self, answers: &mut Vec<(Slot, Answer)>, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        for (slot, answer) in answers.drain(..) {
            if let Some(place @ Place::Waiting(_)) = state.places.get_mut(slot.0)
                && let Place::Waiting(waker) = mem::replace(place, Place::Answered(answer))
            {
                wakers.push(waker);
            }
        }
    }

    /// Ends it all: nobody can make a request from here on. The requests that the task has not seen
    /// go to `queue`.
    pub(super) fn close(&self, why: CloseReason, queue: &mut Queue) {
        let _first = self.closed.set(why);
        self.ended.notify_waiters();
        self.room.close();
        let mut state = self.lock();
        state.is_closed = true;
        queue.append(&mut state.inbox);
    }

    /// Tells everybody who still waits, when the task is no more.
    pub(super) fn end(&self) {
        self.close(CloseReason::Local, &mut Queue::default());
        let mut wakers = Vec::new();
        for place in &mut self.lock().places {
            if let Place::Waiting(_) = place {
                let lost = Box::new(Lost::ended(CloseReason::Local, true));
                if let Place::Waiting(waker) = mem::replace(place, Place::Answered(Err(lost))) {
                    wakers.push(waker);
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Why the connection has ended, if it has.
    pub(super) fn closed(&self) -> Option<&CloseReason> {
        self.closed.get()
    }

    /// Waits until the connection has ended, and says why.
    pub(super) async fn wait_closed(&self) -> CloseReason {
        let mut ended = std::pin::pin!(self.ended.notified());
        // From here on nothing is missed.
        ended.as_mut().enable();
        match self.closed() {
            Some(why) => return why.clone(),
            None => ended.await,
        }
        self.closed().cloned().unwrap_or(CloseReason::Local)
    }

    pub(super) fn count_sent(&self, bytes: usize) {
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_received(&self, bytes: usize) {
        self.bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Writes down how many streams are in use, and how many of them are orphans.
    pub(super) fn note_streams(&self, in_use: usize, orphans: usize) {
        self.streams_in_use.store(in_use, Ordering::Relaxed);
        self.orphans.store(orphans, Ordering::Relaxed);
    }

    /// How many streams were in use when the task slept last, and how many of them were orphans.
    pub(super) fn streams(&self) -> (usize, usize) {
        let read = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        (read(&self.streams_in_use), read(&self.orphans))
    }

    /// How many bytes have been sent and received.
    pub(super) fn traffic(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.bytes_sent), read(&self.bytes_received))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// The exchange as the task has it.
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
        self.0.leave();
    }
}

impl State {
    fn take_slot(&mut self, place: Place) -> Slot {
        match self.free.pop() {
            Some(slot) => {
                if let Some(free) = self.places.get_mut(slot.0) {
                    *free = place;
                }
                slot
            }
            None => {
                self.places.push(place);
                Slot(self.places.len() - 1)
            }
        }
    }

    /// Gives a slot back, and what it held.
    fn free_slot(&mut self, slot: Slot) -> Place {
        let place = self.places.get_mut(slot.0);
        let held = place.map_or(Place::Free, |place| mem::replace(place, Place::Free));
        if !matches!(held, Place::Free) {
            self.free.push(slot);
        }
        held
    }
}

impl Lost {
    /// A request that is lost because the connection ended.
    pub(super) const fn ended(why: CloseReason, written: bool) -> Self {
        Self { kind: RequestErrorKind::Closed(why), written }
    }
}

/// Wakes the task, outside of the lock.
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

    /// Counts how often it is woken.
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
    fn slots_are_used_again_whoever_gives_them_back() {
        let exchange = Handle::default();
        let waker = Waker::noop();
        let mut cx = TaskContext::from_waker(waker);
        let mut news = News::default();
        for round in 0..3 {
            let [answered, gone, late] =
                [1, 2, 3].map(|n| exchange.submit(&[n], None, waker.clone()).unwrap());
            assert!(exchange.poll_answer(answered, &mut cx).is_pending());
            exchange.abandon(gone);
            let mut queue = Queue::default();
            exchange.collect(&mut queue, &mut news, &cx);
            assert_eq!(news.abandoned, [gone]);
            let mut answers: Vec<_> =
                [answered, gone, late].map(|slot| (slot, Ok(frame(round)))).into();
            let mut wakers = Vec::new();
            exchange.answer(&mut answers, &mut wakers);
            assert_eq!(wakers.len(), 2, "who has gone is not woken");
            exchange.release(&mut news.abandoned);
            let Poll::Ready(answer) = exchange.poll_answer(answered, &mut cx) else { panic!() };
            assert_eq!(answer.unwrap(), frame(round));
            // It came, and was not looked at.
            exchange.abandon(late);
            let state = exchange.lock();
            assert_eq!((state.places.len(), state.free.len()), (3, 3));
        }
    }

    #[test]
    fn the_task_is_woken_once_for_all_that_comes_together() {
        let exchange = Handle::default();
        let task = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&task));
        let (mut queue, mut news) = (Queue::default(), News::default());
        for round in 1..=3 {
            exchange.collect(&mut queue, &mut news, &TaskContext::from_waker(&waker));
            let slots = [1, 2].map(|n| exchange.submit(&[n], None, Waker::noop().clone()).unwrap());
            slots.into_iter().for_each(|slot| exchange.abandon(slot));
            assert_eq!(task.0.load(Ordering::SeqCst), round);
        }
        exchange.collect(&mut queue, &mut news, &TaskContext::from_waker(&waker));
        assert!(!news.is_alone);
        let shared = exchange.share();
        drop(exchange);
        assert_eq!(task.0.load(Ordering::SeqCst), 4);
        shared.collect(&mut queue, &mut news, &TaskContext::from_waker(&waker));
        assert!(news.is_alone);
    }

    #[test]
    fn nobody_waits_for_a_task_that_is_no_more() {
        let exchange = Handle::default();
        let waiting = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&waiting));
        let slot = exchange.submit(&[1], None, waker.clone()).unwrap();
        exchange.end();
        assert_eq!(waiting.0.load(Ordering::SeqCst), 1);
        let mut cx = TaskContext::from_waker(&waker);
        let Poll::Ready(Err(lost)) = exchange.poll_answer(slot, &mut cx) else { panic!() };
        assert_eq!(lost.kind, RequestErrorKind::Closed(CloseReason::Local));
        assert!(lost.written, "nobody can say");
        assert_eq!(exchange.submit(&[1], None, waker), None);
        assert_eq!(exchange.closed(), Some(&CloseReason::Local));
    }
}
