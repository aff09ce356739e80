//! Alarms that do not depend on a runtime: a thread wakes tasks at given times.
//!
//! The timers of a tokio runtime fire only while that runtime runs. A caller that is polled by another
//! executor must not wait for a runtime that is idle, blocked or has ended, so its deadline is watched
//! here. The thread is started by the first alarm. A process that was forked has no such thread. It forgets
//! the alarms of its parent, and starts its own thread. A request that was pending at the fork sets its
//! alarm again when it is polled. If another thread of the parent held the lock at the fork, the first
//! alarm of the new process blocks for ever.
//!
//! Most requests are answered long before their deadlines. The thread is therefore not woken for each
//! alarm, but only if the alarm is earlier than the time at which the thread wakes anyway.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::task::Waker;
use std::time::Instant;
use std::{process, thread};

use tracing::error;

use crate::sync::{Condvar, Mutex, MutexGuard};

/// An alarm, which wakes a task at a given time. Dropping it cancels it.
#[derive(Debug)]
pub(super) struct Alarm {
    key: Key,
    clock: &'static AlarmClock,
}

/// The alarms of the process, and the notification of their thread.
#[derive(Debug)]
struct AlarmClock {
    alarms: Mutex<Alarms>,
    /// Notified when an alarm is set that is earlier than the time at which the thread wakes.
    earlier: Condvar,
}

/// The time of an alarm, and a number that makes the key unique.
type Key = (Instant, u64);

#[derive(Debug)]
struct Alarms {
    wakers: BTreeMap<Key, Waker>,
    /// The number of the next alarm.
    next: u64,
    /// The id of the process in which the thread runs, or `None` before the thread is started.
    process: Option<u32>,
    /// The time at which the thread wakes, or `None` if it waits to be notified. The time may be that of
    /// an alarm that was cancelled, and is never later than the first alarm.
    wakes_at: Option<Instant>,
}

static CLOCK: AlarmClock = AlarmClock::new();

impl Alarm {
    /// Sets an alarm that wakes `waker` at `time`.
    pub(super) fn new(time: Instant, waker: &Waker) -> Self {
        Self::on(&CLOCK, time, waker)
    }

    fn on(clock: &'static AlarmClock, time: Instant, waker: &Waker) -> Self {
        let key = clock.lock().new_key(time);
        let alarm = Self { key, clock };
        alarm.set_waker(waker);
        alarm
    }

    /// Replaces the task to wake. If the alarm has fired, or belonged to the parent of a forked process,
    /// sets it again.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut alarms = self.clock.lock();
        alarms.start_thread(self.clock);
        let (replaced, is_earlier) = alarms.set(self.key, waker);
        // Dropping a waker may drop a task, and with it another alarm, which needs the lock.
        drop(alarms);
        drop(replaced);
        if is_earlier {
            self.clock.earlier.notify_one();
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let _waker = self.clock.lock().wakers.remove(&self.key);
    }
}

impl Alarms {
    const fn new() -> Self {
        Self { wakers: BTreeMap::new(), next: 0, process: None, wakes_at: None }
    }

    /// Returns the key of a new alarm.
    fn new_key(&mut self, time: Instant) -> Key {
        let key = (time, self.next);
        self.next = self.next.wrapping_add(1);
        key
    }

    /// Sets an alarm. Returns the waker that it replaces, and true if the thread has to be notified,
    /// because it would wake too late.
    fn set(&mut self, key: Key, waker: &Waker) -> (Option<Waker>, bool) {
        if let Some(kept) = self.wakers.get_mut(&key) {
            let is_other = !kept.will_wake(waker);
            return (is_other.then(|| std::mem::replace(kept, waker.clone())), false);
        }
        self.wakers.insert(key, waker.clone());
        let is_earlier = self.wakes_at.is_none_or(|wakes_at| key.0 < wakes_at);
        if is_earlier {
            // The notified thread sets the exact time. Later alarms need not notify it again.
            self.wakes_at = Some(key.0);
        }
        (None, is_earlier)
    }

    /// Sets and returns the time at which the thread wakes: that of the first alarm, or `None` if there
    /// are no alarms.
    fn plan_wake(&mut self) -> Option<Instant> {
        self.wakes_at = self.wakers.first_key_value().map(|((time, _), _)| *time);
        self.wakes_at
    }

    /// Starts the thread of `clock`, unless it runs in this process.
    fn start_thread(&mut self, clock: &'static AlarmClock) {
        let process = process::id();
        if self.process == Some(process) {
            return;
        }
        self.forget_parent();
        match thread::Builder::new().name("cqlwire-alarms".to_owned()).spawn(|| clock.run()) {
            Ok(_detached) => {
                self.process = Some(process);
                self.wakes_at = None;
            }
            // The next alarm tries again.
            Err(error) => error!(%error, "thread for timeouts could not be started"),
        }
    }

    /// After a fork, forgets the alarms of the parent process. Most of their wakers belong to runtimes
    /// whose threads do not run in this process. They are leaked, because dropping them may drop tasks.
    fn forget_parent(&mut self) {
        if self.process.take().is_some() {
            std::mem::forget(std::mem::take(&mut self.wakers));
            self.wakes_at = None;
        }
    }

    /// Removes and returns the alarms whose time has come.
    fn take_due(&mut self, now: Instant) -> Vec<Waker> {
        let later = self.wakers.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.wakers, later).into_values().collect()
    }
}

impl AlarmClock {
    const fn new() -> Self {
        Self { alarms: Mutex::new(Alarms::new()), earlier: Condvar::new() }
    }

    /// Wakes the task of each alarm at its time. Never returns.
    fn run(&self) {
        let mut alarms = self.lock();
        loop {
            alarms = self.wake_or_wait(alarms);
        }
    }

    /// Wakes the tasks of the alarms that are due. If there are none, waits for the next alarm, or for an
    /// earlier one to be set.
    fn wake_or_wait<'a>(&'a self, mut alarms: MutexGuard<'a, Alarms>) -> MutexGuard<'a, Alarms> {
        let now = Instant::now();
        let due = alarms.take_due(now);
        if !due.is_empty() {
            drop(alarms);
            for waker in due {
                // A panic of one waker must not silence the alarms of others.
                let _panicked = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
            return self.lock();
        }
        match alarms.plan_wake() {
            Some(time) => {
                let left = time.saturating_duration_since(now);
                self.earlier.wait_timeout(alarms, left).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.earlier.wait(alarms).unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::sync::{Arc, Mutex};
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    /// Sends its number when it is woken.
    struct Woken(u32, Mutex<Sender<u32>>);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().send(self.0).unwrap();
            assert_ne!(self.0, 1, "a waker that panics");
        }
    }

    #[test]
    fn alarms_fire_in_the_order_of_their_times() {
        let (sender, woken) = channel();
        let waker = |number| Waker::from(Arc::new(Woken(number, Mutex::new(sender.clone()))));
        let now = Instant::now();
        let after = |millis| now + Duration::from_millis(millis);
        let late = Alarm::new(after(60), &waker(0));
        let cancelled = Alarm::new(after(40), &waker(3));
        let _early = Alarm::new(after(20), &waker(1));
        let _past = Alarm::new(now, &waker(2));
        drop(cancelled);
        late.set_waker(&waker(4));
        assert_eq!([2, 1, 4].map(|_| woken.recv().unwrap()), [2, 1, 4]);
        assert!(Instant::now() >= after(60));
    }

    #[test]
    fn a_forked_process_neither_wakes_nor_drops_the_tasks_of_its_parent() {
        let (sender, woken) = channel();
        let task = Arc::new(Woken(0, Mutex::new(sender)));
        let mut alarms = Alarms::new();
        let now = Instant::now();
        let key = alarms.new_key(now);
        let _set = alarms.set(key, &Waker::from(Arc::clone(&task)));
        alarms.forget_parent();
        assert_eq!(alarms.wakers.len(), 1, "no thread has been started");
        alarms.process = Some(process::id().wrapping_add(1));
        alarms.forget_parent();
        assert!(alarms.take_due(now).is_empty());
        assert_eq!((woken.try_recv().ok(), Arc::strong_count(&task)), (None, 2));
        // The request of the alarm is polled in the new process, and sets its alarm again. The thread
        // could not be started, and the next alarm tries again.
        assert!(alarms.set(key, Waker::noop()).1, "the thread is notified");
        alarms.forget_parent();
        assert_eq!(alarms.wakers.len(), 1);
    }

    /// Each request is answered before the next one is sent, long before its deadline.
    #[test]
    fn the_thread_is_woken_only_for_alarms_that_are_earlier() {
        let now = Instant::now();
        let at = |millis| now + Duration::from_millis(millis);
        let mut alarms = Alarms::new();
        let mut notified = Vec::new();
        for millis in (1_000..1_100).chain([900]).chain(901..1_000) {
            let key = alarms.new_key(at(millis));
            if alarms.set(key, Waker::noop()).1 {
                notified.push(millis);
                assert_eq!(alarms.plan_wake(), Some(at(millis)));
            }
            alarms.wakers.remove(&key);
        }
        assert_eq!(notified, [1_000, 900]);
        // The thread wakes at 900 ms, and waits to be notified.
        assert_eq!((alarms.take_due(at(900)).len(), alarms.plan_wake()), (0, None));
        let key = alarms.new_key(at(2_000));
        assert!(alarms.set(key, Waker::noop()).1);
    }
}
