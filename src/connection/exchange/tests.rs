//! Tests of the exchange without a task or a socket.

use std::sync::atomic::AtomicUsize;
use std::task::Wake;

use super::super::error::RequestErrorKind;
use super::super::slots::ReceivedFrame;
use super::*;
use crate::wire::{FrameFlags, Header, LargeFrame, Opcode, RawFrame, SharedBytes, Stream, Version};

/// A waker that counts its wake-ups.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn frame(number: u8, received_at: tokio::time::Instant) -> ReceivedFrame {
    let (version, flags) = (Version::V4, FrameFlags::NONE);
    let (stream, opcode) = (Stream(0), Opcode::Result);
    let header = Header { version, is_response: true, flags, stream, opcode };
    ReceivedFrame { frame: RawFrame { header, body: vec![number].into() }, received_at }
}

#[test]
fn reuses_slots_freed_by_the_caller_or_by_the_task() {
    let exchange = Handle::default();
    let waker = Waker::noop();
    let mut cx = TaskContext::from_waker(waker);
    let mut notices = Notices::default();
    let now = tokio::time::Instant::now();
    for round in 0..3 {
        let [answered, abandoned, ignored] =
            [1, 2, 3].map(|n| exchange.submit(Frame::Small(&[n]), None, waker.clone()).unwrap());
        assert!(exchange.poll_outcome(answered, &mut cx).is_pending());
        exchange.abandon(abandoned);
        let mut queue = Queue::default();
        exchange.collect(&mut queue, &mut notices, &cx);
        assert_eq!(notices.abandoned, [abandoned]);
        let mut outcomes: Vec<_> =
            [answered, abandoned, ignored].map(|slot| (slot, Ok(frame(round, now)))).into();
        let mut wakers = Vec::new();
        exchange.deliver(&mut outcomes, &mut wakers);
        assert_eq!(wakers.len(), 2, "the caller of an abandoned request was woken");
        exchange.release(&mut notices.abandoned);
        let Poll::Ready(outcome) = exchange.poll_outcome(answered, &mut cx) else { panic!() };
        assert_eq!(outcome.unwrap(), frame(round, now));
        // The outcome is ready, but the caller does not take it.
        exchange.abandon(ignored);
        assert_eq!(exchange.lock().slots.counts(), (3, 3));
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
        let slots = [1, 2]
            .map(|n| exchange.submit(Frame::Small(&[n]), None, Waker::noop().clone()).unwrap());
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

/// With a search for each request, this test would take minutes.
#[test]
fn knows_for_each_of_many_abandoned_requests_whether_the_task_has_collected_it() {
    let exchange = Handle::default();
    let cx = TaskContext::from_waker(Waker::noop());
    let (mut queue, mut notices) = (Queue::default(), Notices::default());
    let submit = || exchange.submit(Frame::Small(&[1]), None, Waker::noop().clone()).unwrap();
    let mut collected: Vec<_> = (0..100_000).map(|_| submit()).collect();
    exchange.collect(&mut queue, &mut notices, &cx);
    let waiting: Vec<_> = (0..100_000).map(|_| submit()).collect();
    let last = collected.split_off(1);
    assert!(collected.into_iter().all(|slot| exchange.abandon(slot)));
    assert!(!waiting.into_iter().any(|slot| exchange.abandon(slot)));
    exchange.close(CloseReason::Local, &mut queue);
    assert!(last.into_iter().all(|slot| exchange.abandon(slot)));
}

/// A task that is alive only because its waker waits for the outcome of another request.
struct Task(Handle, SlotId);

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abandon(self.1);
    }
}

#[test]
fn dropping_a_waker_may_abandon_another_request() {
    let exchange = Handle::default();
    let submit = |waker: Waker| exchange.submit(Frame::Small(&[1]), None, waker).unwrap();
    let task = || {
        let other = submit(Waker::noop().clone());
        Waker::from(Arc::new(Task(Handle(exchange.share()), other)))
    };
    let polled = submit(task());
    let mut cx = TaskContext::from_waker(Waker::noop());
    assert!(exchange.poll_outcome(polled, &mut cx).is_pending());
    let dropped = submit(task());
    assert!(!exchange.abandon(dropped));
    assert_eq!(exchange.lock().abandoned.len(), 3);
}

#[test]
fn dropping_the_task_fails_all_waiting_requests() {
    let exchange = Handle::default();
    let waiting = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&waiting));
    let slot = exchange.submit(Frame::Small(&[1]), None, waker.clone()).unwrap();
    exchange.fail_all();
    assert_eq!(waiting.0.load(Ordering::SeqCst), 1);
    let mut cx = TaskContext::from_waker(&waker);
    let Poll::Ready(Err(failed)) = exchange.poll_outcome(slot, &mut cx) else { panic!() };
    assert_eq!(failed.kind, RequestErrorKind::Closed(CloseReason::Local));
    assert!(failed.written, "the request may have been written");
    assert_eq!(exchange.submit(Frame::Small(&[1]), None, waker), None);
    assert_eq!(exchange.close_reason(), Some(&CloseReason::Local));
}

#[test]
fn a_request_joins_a_few_short_ones_that_wait_to_be_collected() {
    let mut cx = TaskContext::from_waker(Waker::noop());
    let collect = |exchange: &Exchange, cx: &mut TaskContext<'_>| {
        exchange.collect(&mut Queue::default(), &mut Notices::default(), cx);
    };
    let submit = |exchange: &Exchange, length: usize| {
        let frame = vec![0; length];
        exchange.submit(Frame::Small(&frame), None, Waker::noop().clone()).unwrap();
    };
    let exchange = Handle::default();
    assert!(!exchange.has_room_in_next_write(), "no request waits");
    submit(&exchange, 100);
    assert!(exchange.has_room_in_next_write());
    submit(&exchange, MAX_JOINED_LENGTH - 101);
    assert!(exchange.has_room_in_next_write());
    submit(&exchange, 1);
    assert!(!exchange.has_room_in_next_write(), "the write is long");
    collect(&exchange, &mut cx);
    assert!(!exchange.has_room_in_next_write(), "all requests were collected");

    submit(&exchange, 100);
    let mut buffer = vec![0; MAX_JOINED_LENGTH];
    let large = LargeFrame::take(&mut buffer, SharedBytes::NONE);
    exchange.submit(Frame::Large(Box::new(large)), None, Waker::noop().clone()).unwrap();
    assert!(!exchange.has_room_in_next_write(), "a large frame is before the next request");
    collect(&exchange, &mut cx);

    // Many requests were collected that cannot be sent yet.
    exchange.queue_permits.forget_permits(MAX_JOINED_QUEUE + 1);
    submit(&exchange, 100);
    assert!(!exchange.has_room_in_next_write(), "the queue is long");
    exchange.queue_permits.add_permits(1);
    assert!(exchange.has_room_in_next_write());
}
