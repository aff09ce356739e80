//! Interleavings of callers and the task at the exchange, without a socket.

use std::future::poll_fn;
use std::pin::Pin;

use shuttle::future::block_on;
use shuttle::thread;

use super::super::error::RequestErrorKind;
use super::super::slots::ReceivedFrame;
use super::*;
use crate::sync::{explore, explore_all, poll_at_most, random_below};
use crate::wire::{FrameFlags, Header, Opcode, RawFrame, Stream, Version};

/// A request of one byte. It is submitted when it is first polled, and abandoned when it is dropped.
struct Call {
    exchange: Arc<Exchange>,
    number: u8,
    slot: Option<SlotId>,
}

/// The end of a call.
#[derive(Debug, PartialEq)]
enum End {
    /// The call got the response with this number.
    Response(u8),
    /// The connection ended. The flag is true if the server may apply the request.
    Closed(bool),
    /// The caller dropped the call, and was told whether the server may apply the request.
    Dropped,
}

impl Future for Call {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<End> {
        let Some(slot) = self.slot else {
            self.slot =
                self.exchange.submit(Frame::Small(&[self.number]), None, cx.waker().clone());
            return match self.slot {
                Some(_) => Poll::Pending,
                None => Poll::Ready(End::Closed(false)),
            };
        };
        self.exchange.poll_outcome(slot, cx).map(|outcome| {
            self.slot = None;
            match outcome {
                Ok(received) => End::Response(received.frame.body[0]),
                Err(failed) => {
                    assert_eq!(failed.kind, RequestErrorKind::Closed(CloseReason::Local));
                    End::Closed(failed.written)
                }
            }
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.exchange.abandon(slot);
        }
    }
}

/// Makes a call, and drops it if it is pending after `polls` polls.
fn call(exchange: &Arc<Exchange>, number: u8, polls: usize) -> End {
    let call = Call { exchange: Arc::clone(exchange), number, slot: None };
    block_on(poll_at_most(polls, call)).unwrap_or(End::Dropped)
}

fn response(number: u8) -> ReceivedFrame {
    let (version, flags) = (Version::V4, FrameFlags::NONE);
    let (stream, opcode) = (Stream(0), Opcode::Result);
    let header = Header { version, is_response: true, flags, stream, opcode };
    let frame = RawFrame { header, body: vec![number].into() };
    ReceivedFrame { frame, received_at: tokio::time::Instant::now() }
}

/// The task of a connection, without a socket: it collects requests, and responds to them when it is
/// polled again.
struct Task {
    exchange: Arc<Exchange>,
    queue: Queue,
    notices: Notices,
    /// Requests that were sent and have no response yet, with their slots unless they are orphaned.
    in_flight: Vec<(Option<SlotId>, u8)>,
    /// The numbers of all requests that were sent.
    sent: Vec<u8>,
}

impl Task {
    fn new(exchange: &Arc<Exchange>) -> Self {
        Self {
            exchange: Arc::clone(exchange),
            queue: Queue::default(),
            notices: Notices::default(),
            in_flight: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Runs until the handle requests to close the connection, and returns the numbers of the requests
    /// that were sent.
    async fn run(mut self) -> Vec<u8> {
        poll_fn(|cx| self.poll(cx)).await;
        std::mem::take(&mut self.sent)
    }

    fn poll(&mut self, cx: &TaskContext<'_>) -> Poll<()> {
        loop {
            let responses = self
                .in_flight
                .drain(..)
                .filter_map(|(slot, number)| Some((slot?, Ok(response(number)))));
            let responses: Vec<_> = responses.collect();
            self.deliver(responses);
            self.exchange.collect(&mut self.queue, &mut self.notices, cx);
            let abandoned = &mut self.notices.abandoned;
            self.queue.remove_if(|request| abandoned.contains(&request.slot));
            for (slot, _) in &mut self.in_flight {
                slot.take_if(|slot| abandoned.contains(slot));
            }
            self.exchange.release(abandoned);
            if self.notices.close_requested {
                self.close();
                return Poll::Ready(());
            }
            while let Some((request, frame)) = self.queue.pop() {
                let Frame::Small(&[number]) = frame else { panic!("the frame has one byte") };
                self.in_flight.push((Some(request.slot), number));
                self.sent.push(number);
            }
            if self.in_flight.is_empty() {
                return Poll::Pending;
            }
        }
    }

    fn deliver(&self, mut outcomes: Vec<(SlotId, Outcome)>) {
        let mut wakers = Vec::new();
        self.exchange.deliver(&mut outcomes, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn close(&mut self) {
        self.exchange.close(CloseReason::Local, &mut self.queue);
        let in_flight = self.in_flight.drain(..).filter_map(|(slot, _)| Some((slot?, true)));
        let mut failed: Vec<_> = in_flight.collect();
        failed.extend(std::iter::from_fn(|| Some((self.queue.pop()?.0.slot, false))));
        let closed = |written| Box::new(FailedRequest::closed(CloseReason::Local, written));
        self.deliver(
            failed.into_iter().map(|(slot, written)| (slot, Err(closed(written)))).collect(),
        );
    }
}

/// Fails the pending requests, as the task of a connection does.
impl Drop for Task {
    fn drop(&mut self) {
        self.exchange.fail_all();
    }
}

/// Lets `polls` callers, each dropped after a number of polls, meet the task, and then closes the
/// connection. Returns how the calls ended, in their order.
fn run(polls: &[usize], closes_early: bool) -> Vec<End> {
    let handle = Handle::default();
    let exchange = handle.share();
    let task = Task::new(&exchange);
    let task = thread::spawn(move || block_on(task.run()));
    let calls: Vec<_> = (1..)
        .zip(polls)
        .map(|(number, &polls)| {
            let exchange = Arc::clone(&exchange);
            thread::spawn(move || call(&exchange, number, polls))
        })
        .collect();
    let handle = if closes_early {
        drop(handle);
        None
    } else {
        Some(handle)
    };
    let ends: Vec<_> = calls.into_iter().map(|call| call.join().unwrap()).collect();
    drop(handle);
    let sent = task.join().unwrap();
    for (number, end) in (1..).zip(&ends) {
        match end {
            End::Response(response) => {
                assert_eq!(*response, number, "the response to another request");
            }
            End::Closed(false) => assert!(!sent.contains(&number), "the request was sent"),
            End::Closed(true) | End::Dropped => {}
        }
        let count = sent.iter().filter(|sent| **sent == number).count();
        assert!(count <= 1, "request {number} was sent {count} times");
    }
    let (slots, free) = exchange.slot_counts();
    let abandoned = exchange.lock().abandoned.len();
    assert_eq!(slots, free + abandoned, "a slot is neither free nor about to be");
    ends
}

/// Collects requests until there is one.
async fn collect(exchange: Arc<Exchange>) -> SlotId {
    let (mut queue, mut notices) = (Queue::default(), Notices::default());
    poll_fn(|cx| {
        exchange.collect(&mut queue, &mut notices, cx);
        queue.pop().map_or(Poll::Pending, |(request, _)| Poll::Ready(request.slot))
    })
    .await
}

fn deliver(exchange: &Exchange, slot: SlotId, outcome: Outcome) {
    let mut wakers = Vec::new();
    exchange.deliver(&mut vec![(slot, outcome)], &mut wakers);
    wakers.into_iter().for_each(Waker::wake);
}

#[test]
fn the_task_notices_a_request_in_every_interleaving() {
    explore_all(|| {
        let exchange = Handle::default().share();
        let task = Arc::clone(&exchange);
        let task = thread::spawn(move || block_on(collect(task)));
        let slot = exchange.submit(Frame::Small(&[1]), None, Waker::noop().clone());
        assert_eq!(slot, Some(task.join().unwrap()));
    });
}

#[test]
fn a_caller_notices_its_outcome_in_every_interleaving() {
    explore_all(|| {
        let exchange = Handle::default().share();
        let slot = exchange.submit(Frame::Small(&[1]), None, Waker::noop().clone()).unwrap();
        let task = Arc::clone(&exchange);
        let task = thread::spawn(move || deliver(&task, slot, Ok(response(1))));
        let outcome = block_on(poll_fn(|cx| exchange.poll_outcome(slot, cx)));
        assert_eq!(outcome.unwrap().frame, response(1).frame);
        task.join().unwrap();
        assert_eq!(exchange.slot_counts(), (1, 1));
    });
}

#[test]
fn an_abandoned_slot_is_freed_once_in_every_interleaving() {
    explore_all(|| {
        let exchange = Handle::default().share();
        let slot = exchange.submit(Frame::Small(&[1]), None, Waker::noop().clone()).unwrap();
        let task = Arc::clone(&exchange);
        let task = thread::spawn(move || {
            deliver(&task, slot, Ok(response(1)));
            let mut notices = Notices::default();
            let cx = TaskContext::from_waker(Waker::noop());
            task.collect(&mut Queue::default(), &mut notices, &cx);
            task.release(&mut notices.abandoned);
        });
        exchange.abandon(slot);
        task.join().unwrap();
        let mut abandoned = exchange.lock().abandoned.clone();
        exchange.release(&mut abandoned);
        assert_eq!(exchange.slot_counts(), (1, 1));
    });
}

#[test]
fn a_request_fails_in_every_interleaving_with_the_end_of_the_connection() {
    explore_all(|| {
        let exchange = Handle::default().share();
        let task = Arc::clone(&exchange);
        let task = thread::spawn(move || {
            let mut queue = Queue::default();
            task.close(CloseReason::Local, &mut queue);
            while let Some((request, _)) = queue.pop() {
                let failed = FailedRequest::closed(CloseReason::Local, false);
                deliver(&task, request.slot, Err(Box::new(failed)));
            }
        });
        assert_eq!(call(&exchange, 1, usize::MAX), End::Closed(false));
        task.join().unwrap();
        assert_eq!(block_on(exchange.wait_closed()), CloseReason::Local);
    });
}

#[test]
fn each_wait_for_a_state_of_the_connection_ends_in_every_interleaving() {
    type Wait = (fn(&Exchange), fn(&Exchange));
    let closes: Wait = (
        |exchange| exchange.close(CloseReason::Local, &mut Queue::default()),
        |exchange| assert_eq!(block_on(exchange.wait_closed()), CloseReason::Local),
    );
    let drains: Wait =
        (|exchange| exchange.draining.start(), |exchange| block_on(exchange.draining.wait()));
    let freezes: Wait = (
        |exchange| exchange.set_responsive(false, &mut Vec::new()),
        |exchange| block_on(exchange.wait_responsive(false)),
    );
    for (change, wait) in [closes, drains, freezes] {
        explore_all(move || {
            let exchange = Handle::default().share();
            let task = Arc::clone(&exchange);
            let task = thread::spawn(move || change(&task));
            wait(&exchange);
            task.join().unwrap();
        });
    }
}

/// A caller that looks at the connection only when it is polled, as an attempt of a session does.
#[test]
fn a_caller_notices_that_the_server_stops_answering_in_every_interleaving() {
    explore_all(|| {
        let exchange = Handle::default().share();
        let slot = exchange.submit(Frame::Small(&[1]), None, Waker::noop().clone()).unwrap();
        let task = Arc::clone(&exchange);
        let task = thread::spawn(move || {
            let mut wakers = Vec::new();
            task.set_responsive(false, &mut wakers);
            wakers.into_iter().for_each(Waker::wake);
        });
        block_on(poll_fn(|cx| {
            assert!(exchange.poll_outcome(slot, cx).is_pending());
            if exchange.is_responsive() { Poll::Pending } else { Poll::Ready(()) }
        }));
        task.join().unwrap();
    });
}

#[test]
fn each_call_gets_its_own_response() {
    explore(|| {
        let ends = run(&[usize::MAX; 3], false);
        assert_eq!(ends, [1, 2, 3].map(End::Response));
    });
}

#[test]
fn a_call_that_is_dropped_leaves_no_slot_behind() {
    explore(|| {
        let polls = [1 + random_below(3), 1 + random_below(3), usize::MAX];
        let ends = run(&polls, false);
        assert_eq!(ends[2], End::Response(3));
    });
}

#[test]
fn each_call_ends_when_the_connection_is_closed_at_any_time() {
    explore(|| {
        run(&[usize::MAX, usize::MAX, 1 + random_below(3)], true);
    });
}
