//! Interleavings of callers and the thread of the alarms.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::thread;

use super::*;
use crate::sync::{explore, random_below};

/// Creates a clock whose thread the test runs.
fn clock() -> &'static AlarmClock {
    let clock = Box::leak(Box::new(AlarmClock::new()));
    clock.lock().process = Some(process::id());
    clock
}

/// Waits until an alarm at `time` fires, polled once more by another reason if `polls_again`.
fn wait(clock: &'static AlarmClock, time: Instant, polls_again: bool) {
    let (mut alarm, mut polls) = (None, 0);
    block_on(poll_fn(|cx| {
        polls += 1;
        let is_set = clock.lock().wakers.keys().any(|key| key.0 == time);
        match &alarm {
            None => alarm = Some(Alarm::on(clock, time, cx.waker())),
            Some(_) if !is_set => return Poll::Ready(()),
            Some(alarm) => alarm.set_waker(cx.waker()),
        }
        if polls_again && polls == 1 {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }));
}

#[test]
fn each_alarm_fires_although_others_are_set_and_cancelled() {
    explore(|| {
        let clock = clock();
        let (now, hour) = (Instant::now(), Duration::from_secs(3_600));
        let callers = [1, 2].map(|number| {
            let polls_again = random_below(2) == 0;
            thread::spawn(move || wait(clock, now - Duration::from_millis(number), polls_again))
        });
        // A request that is answered before its deadline.
        let answered = thread::spawn(move || drop(Alarm::on(clock, now + hour, Waker::noop())));
        let late = (random_below(2) == 0).then(|| Alarm::on(clock, now + 2 * hour, Waker::noop()));
        let has_ended = Arc::new(AtomicBool::new(false));
        let thread = {
            let has_ended = Arc::clone(&has_ended);
            thread::spawn(move || {
                let mut alarms = clock.lock();
                while !has_ended.load(Ordering::SeqCst) {
                    alarms = clock.wake_or_wait(alarms);
                }
            })
        };
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        answered.join().unwrap();
        has_ended.store(true, Ordering::SeqCst);
        let last = Alarm::on(clock, now, Waker::noop());
        thread.join().unwrap();
        drop((last, late));
        assert!(clock.lock().wakers.is_empty(), "an alarm was left behind");
    });
}
