//! Interleavings of the state that the requests of a session share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::thread;
use tokio::time::Instant;

use super::cache::PreparedCache;
use super::metadata::StatementMetadata;
use super::prepared::PreparedInner;
use super::throttle::{Gate, Throttle};
use super::timestamps::{MonotonicTimestamps, TimestampGenerator};
use crate::connection::Runtime;
use crate::connection::interleavings::in_runtime;
use crate::sync::{explore, poll_at_most, random_below};

/// Counts how many requests are in flight at once.
#[derive(Default)]
struct InFlight(AtomicUsize);

impl InFlight {
    fn run(&self, limit: usize) {
        let before = self.0.fetch_add(1, Ordering::SeqCst);
        assert!(before < limit, "{} requests are in flight", before + 1);
        thread::yield_now();
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_request_that_is_dropped_in_the_queue_of_the_throttle_leaves_its_permit_to_another() {
    in_runtime(|_| {
        explore(|| {
            let state = Arc::new((Gate::new(Throttle::concurrent(1)), InFlight::default()));
            let polls = [usize::MAX, 1 + random_below(2), 1 + random_below(2), usize::MAX];
            let requests = polls.map(|polls| {
                let state = Arc::clone(&state);
                thread::spawn(move || {
                    let (gate, in_flight) = &*state;
                    let runtime = Runtime::current().unwrap();
                    let entered = block_on(poll_at_most(polls, gate.enter(None, &runtime)));
                    assert!(polls != usize::MAX || entered.is_some());
                    if let Some(permit) = entered {
                        let _permit = permit.unwrap().expect("the requests in flight are limited");
                        in_flight.run(1);
                    }
                })
            });
            requests.into_iter().for_each(|request| request.join().unwrap());
            let (gate, _) = &*state;
            assert_eq!(gate.waiting(), 0);
            let runtime = Runtime::current().unwrap();
            let entered = block_on(poll_at_most(1, gate.enter(None, &runtime)));
            assert!(entered.is_some_and(|entered| entered.is_ok()), "the permit was not returned");
        });
    });
}

#[test]
fn requests_of_a_throttle_with_a_short_queue_begin_or_are_rejected() {
    in_runtime(|_| {
        explore(|| {
            let state =
                Arc::new((Gate::new(Throttle::concurrent(2).queue(1)), InFlight::default()));
            let requests = [(); 4].map(|()| {
                let state = Arc::clone(&state);
                thread::spawn(move || {
                    let (gate, in_flight) = &*state;
                    let runtime = Runtime::current().unwrap();
                    let entered = block_on(gate.enter(None, &runtime));
                    if entered.is_ok() {
                        in_flight.run(2);
                    }
                    entered.is_ok()
                })
            });
            let begun = requests.map(|request| request.join().unwrap());
            assert!(begun.iter().filter(|begun| **begun).count() >= 3, "the queue was not full");
            assert_eq!(state.0.waiting(), 0);
        });
    });
}

#[test]
fn requests_of_a_throttled_rate_begin_at_even_intervals() {
    in_runtime(|runtime| {
        explore(move || {
            let gate = Arc::new(Gate::new(Throttle::rate(100)));
            let (start, interval) = (Instant::now(), Duration::from_millis(10));
            let running = Arc::new(AtomicUsize::new(4));
            let requests = [usize::MAX, 1, usize::MAX, usize::MAX].map(|polls| {
                let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
                thread::spawn(move || {
                    let runtime = Runtime::current().unwrap();
                    let entered = block_on(poll_at_most(polls, gate.enter(None, &runtime)));
                    running.fetch_sub(1, Ordering::SeqCst);
                    entered.map(|entered| entered.map(|_| Instant::now()).unwrap())
                })
            });
            while running.load(Ordering::SeqCst) > 0 {
                runtime.block_on(tokio::time::advance(interval));
                thread::yield_now();
            }
            let requests = requests.map(|request| request.join().unwrap());
            let mut begun: Vec<_> = requests.into_iter().flatten().collect();
            begun.sort();
            assert!(begun.len() >= 3);
            let is_early = |(number, begun): (u32, &Instant)| *begun < start + interval * number;
            assert!(!(0..).zip(&begun).any(is_early), "two requests began in one interval");
            assert_eq!(gate.waiting(), 0);
        });
    });
}

fn prepared(text: &Arc<str>, number: u8) -> Arc<PreparedInner> {
    Arc::new(PreparedInner::new(text, &vec![number].into(), StatementMetadata::for_test()))
}

#[test]
fn callers_that_prepare_the_same_text_share_one_request_even_if_some_are_dropped() {
    explore(|| {
        let cache = Arc::new(PreparedCache::new(2));
        let (sent, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let callers = [usize::MAX, 1 + random_below(3), usize::MAX].map(|polls| {
            let (cache, text) = (Arc::clone(&cache), Arc::<str>::from("SELECT"));
            let (sent, answered) = (Arc::clone(&sent), Arc::clone(&answered));
            thread::spawn(move || {
                let slot = cache.slot(None, &text);
                let prepare = async {
                    sent.fetch_add(1, Ordering::SeqCst);
                    shuttle::future::yield_now().await;
                    answered.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, ()>(prepared(&text, 1))
                };
                let prepared = block_on(poll_at_most(polls, slot.get_or_try_init(|| prepare)));
                assert!(polls != usize::MAX || prepared.is_some());
                prepared.map(|prepared| Arc::clone(prepared.unwrap()))
            })
        });
        let prepared = callers.map(|caller| caller.join().unwrap());
        let first = prepared[0].as_ref().unwrap();
        assert!(prepared.iter().flatten().all(|other| Arc::ptr_eq(first, other)));
        assert_eq!(answered.load(Ordering::SeqCst), 1);
        assert!(sent.load(Ordering::SeqCst) <= 2, "only a dropped caller's request is sent again");
        assert_eq!(cache.len(), 1);
    });
}

#[test]
fn removing_an_outdated_statement_keeps_the_one_that_was_prepared_meanwhile() {
    explore(|| {
        let cache = Arc::new(PreparedCache::new(1));
        let text = Arc::<str>::from("SELECT");
        let old = prepared(&text, 1);
        cache.slot(None, &text).set(Arc::clone(&old)).unwrap();
        let next = Arc::new(AtomicUsize::new(2));
        let callers = [(); 3].map(|()| {
            let (cache, text, old) = (Arc::clone(&cache), Arc::clone(&text), Arc::clone(&old));
            let next = Arc::clone(&next);
            thread::spawn(move || {
                // Each caller finds the statement outdated, removes it, and prepares it again.
                cache.remove(None, &old);
                let slot = cache.slot(None, &text);
                let prepare = async {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    prepared(&text, u8::try_from(number).unwrap())
                };
                Arc::clone(block_on(slot.get_or_init(|| prepare)))
            })
        });
        let newer = callers.map(|caller| caller.join().unwrap());
        assert!(newer.iter().all(|statement| Arc::ptr_eq(statement, &newer[0])));
        assert!(!Arc::ptr_eq(&newer[0], &old));
    });
}

#[test]
fn timestamps_of_concurrent_writes_differ() {
    explore(|| {
        let timestamps = Arc::new(MonotonicTimestamps::default());
        let writers = [(); 3].map(|()| {
            let timestamps = Arc::clone(&timestamps);
            thread::spawn(move || [timestamps.next().unwrap(), timestamps.next().unwrap()])
        });
        let pairs = writers.map(|writer| writer.join().unwrap());
        assert!(pairs.iter().all(|[first, second]| first < second));
        let mut all = pairs.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6, "two writes have the same timestamp");
    });
}
