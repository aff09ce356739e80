//! Interleavings of callers, handles and the task of a connection, before a server in memory.

mod fixture;

pub(crate) use fixture::{Fixture, in_runtime};

use std::sync::Arc;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::thread;

use super::{RequestError, RequestErrorKind};
use crate::protocol::CloseReason;
use crate::sync::{explore, random_below};

/// A request that is never dropped.
const UNTIL_THE_END: usize = usize::MAX;

#[test]
fn each_request_gets_its_own_response_and_leaves_nothing_behind() {
    in_runtime(|runtime| {
        explore(move || {
            let fixture = Fixture::open(runtime);
            let requests: Vec<_> =
                (1..4).map(|number| fixture.start(number, UNTIL_THE_END)).collect();
            for request in requests {
                request.join().unwrap().unwrap().unwrap();
            }
            fixture.finish();
        });
    });
}

#[test]
fn a_request_that_is_dropped_at_any_poll_leaves_nothing_behind() {
    in_runtime(|runtime| {
        explore(move || {
            let fixture = Fixture::open(runtime);
            let requests = [1 + random_below(3), 1 + random_below(3), UNTIL_THE_END];
            let requests: Vec<_> =
                (1..).zip(requests).map(|(number, polls)| fixture.start(number, polls)).collect();
            let last = requests.into_iter().map(|request| request.join().unwrap()).last();
            last.flatten().unwrap().unwrap();
            fixture.finish();
        });
    });
}

#[test]
fn a_full_queue_admits_each_request_once_a_place_is_free() {
    in_runtime(|runtime| {
        explore(move || {
            let fixture = Fixture::open(runtime);
            fixture.leave_places(1);
            let polls = [UNTIL_THE_END, 1 + random_below(4), UNTIL_THE_END];
            let requests: Vec<_> =
                (1..).zip(polls).map(|(number, polls)| fixture.start(number, polls)).collect();
            for (request, polls) in requests.into_iter().zip(polls) {
                let end = request.join().unwrap();
                assert!(polls != UNTIL_THE_END || end.is_some_and(|end| end.is_ok()));
            }
            fixture.finish();
        });
    });
}

/// Checks that the connection was closed by the client, and that the error tells the truth about
/// whether the server has received the request.
fn check_closed(fixture: &Fixture, number: u8, error: &RequestError) {
    assert_eq!(error.kind, RequestErrorKind::Closed(CloseReason::Local));
    let is_received = fixture.received().contains(&number);
    assert!(error.may_have_been_applied() || !is_received, "request {number} was received");
}

#[test]
fn closing_ends_each_request_and_each_wait() {
    in_runtime(|runtime| {
        explore(move || {
            let fixture = Fixture::open(runtime);
            if random_below(2) == 0 {
                fixture.leave_places(1);
            }
            let requests: Vec<_> =
                (1..4).map(|number| fixture.start(number, UNTIL_THE_END)).collect();
            let watch = fixture.connection().watch();
            let waits = [(); 2].map(|()| {
                let watch = watch.clone();
                thread::spawn(move || block_on(watch.wait_closed()))
            });
            fixture.connection().close();
            let ends = requests.into_iter().map(|request| request.join().unwrap().unwrap());
            let ends: Vec<_> = ends.collect();
            for wait in waits {
                assert_eq!(wait.join().unwrap(), CloseReason::Local);
            }
            assert!(fixture.wait_ended());
            for (number, end) in (1..).zip(&ends) {
                if let Err(error) = end {
                    check_closed(&fixture, number, error);
                }
            }
            fixture.check_slots();
        });
    });
}

#[test]
fn a_released_connection_closes_after_its_last_response() {
    in_runtime(|runtime| {
        explore(move || {
            let mut fixture = Fixture::open(runtime);
            let requests: Vec<_> =
                (1..4).map(|number| fixture.start(number, UNTIL_THE_END)).collect();
            let watch = fixture.connection().watch();
            fixture.release();
            for request in requests {
                request.join().unwrap().unwrap().expect("the connection closed too early");
            }
            assert_eq!(block_on(watch.wait_closed()), CloseReason::Local);
            assert!(fixture.wait_ended());
            fixture.check_slots();
        });
    });
}

#[test]
fn the_end_of_the_runtime_ends_each_request() {
    in_runtime(|runtime| {
        explore(move || {
            let fixture = Fixture::open(runtime);
            let requests: Vec<_> =
                (1..4).map(|number| fixture.start(number, UNTIL_THE_END)).collect();
            let watch = fixture.connection().watch();
            fixture.abort();
            for (number, request) in (1..).zip(requests) {
                if let Err(error) = request.join().unwrap().unwrap() {
                    check_closed(&fixture, number, &error);
                }
            }
            assert_eq!(block_on(watch.wait_closed()), CloseReason::Local);
            assert!(!fixture.wait_ended());
            assert_eq!(fixture.connection().streams(), (0, 0));
        });
    });
}

#[test]
fn each_request_ends_at_its_deadline_or_with_its_response() {
    in_runtime(|runtime| {
        explore(move || {
            let fixture = Fixture::open(runtime);
            if random_below(2) == 0 {
                fixture.leave_places(1);
            }
            let timeout = Duration::from_millis(10);
            let requests: Vec<_> =
                (1..4).map(|number| fixture.start_with_timeout(number, timeout)).collect();
            fixture.pass(timeout);
            for request in requests {
                match request.join().unwrap() {
                    Ok(()) => {}
                    Err(error) => assert_eq!(error.kind, RequestErrorKind::TimedOut),
                }
            }
            fixture.finish();
        });
    });
}

#[test]
fn callers_of_a_connection_that_becomes_unresponsive_are_woken() {
    in_runtime(|runtime| {
        explore(move || {
            let fixture = Fixture::open(runtime);
            fixture.leave_places(1);
            fixture.freeze();
            let waiting: Vec<_> = (1..4)
                .map(|number| {
                    let connection = Arc::clone(fixture.connection());
                    thread::spawn(move || {
                        let request = Fixture::request(&connection, number, None);
                        let unresponsive = connection.wait_responsive(false);
                        block_on(poll_until_unresponsive(&connection, request));
                        block_on(unresponsive);
                    })
                })
                .collect();
            fixture.pass_until_unresponsive();
            for caller in waiting {
                caller.join().unwrap();
            }
        });
    });
}

/// Polls `request` until the connection is unresponsive, as an attempt of a session does. Only the
/// wakes of the request poll it.
async fn poll_until_unresponsive(connection: &super::Connection, request: impl Future) {
    let mut request = Box::pin(request);
    std::future::poll_fn(|cx| {
        let is_pending = request.as_mut().poll(cx).is_pending();
        assert!(is_pending, "the server does not answer");
        match connection.is_responsive() {
            true => std::task::Poll::Pending,
            false => std::task::Poll::Ready(()),
        }
    })
    .await;
}
