//! The throttle: limits on the requests of a session.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::{Error, ErrorKind};
use crate::connection::Runtime;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

/// Limits on the requests of a session: in flight, per second, or both.
///
/// A request over the limit waits in a queue. It fails with
/// [`ErrorKind::Throttled`](super::ErrorKind::Throttled) if the queue is full, or if it cannot begin
/// before its timeout.
///
/// ```
/// use cqlwire::session::Throttle;
///
/// let throttle = Throttle::concurrent(1_000).per_second(50_000).queue(10_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    concurrent: Option<usize>,
    per_second: Option<u32>,
    queue: usize,
}

impl Throttle {
    /// Limits the requests in flight. A request counts once, from its first attempt until it
    /// returns, however often it is retried. Zero counts as 1.
    pub const fn concurrent(requests: usize) -> Self {
        Self { concurrent: Some(requests), per_second: None, queue: DEFAULT_QUEUE }
    }

    /// Limits the requests that begin per second, at even intervals. Zero counts as 1.
    pub const fn rate(requests: u32) -> Self {
        Self { concurrent: None, per_second: Some(requests), queue: DEFAULT_QUEUE }
    }

    /// Also limits the requests that begin per second, at even intervals. Zero counts as 1.
    #[must_use]
    pub const fn per_second(mut self, requests: u32) -> Self {
        self.per_second = Some(requests);
        self
    }

    /// Sets how many requests may wait. Default: 10,000.
    #[must_use]
    pub const fn queue(mut self, requests: usize) -> Self {
        self.queue = requests;
        self
    }
}

const DEFAULT_QUEUE: usize = 10_000;

/// The throttle at work: admits requests within the limits.
#[derive(Debug)]
pub(super) struct Gate {
    /// One permit for each request that may be in flight; `None` if their number is not limited.
    in_flight: Option<Semaphore>,
    rate: Option<Rate>,
    queue: usize,
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Rate {
    interval: Duration,
    times: Mutex<Times>,
}

/// The times at which requests may begin.
#[derive(Debug, Default)]
struct Times {
    /// The earliest time that no request has taken yet; `None` before the first request.
    next: Option<Instant>,
    /// Earlier times, which requests have returned because they were dropped while they waited.
    returned: BTreeSet<Instant>,
}

/// The time at which a request may begin. It is returned if this is dropped before.
struct TakenTime<'g> {
    rate: &'g Rate,
    begin: Instant,
}

/// Counts a request as waiting until the guard is dropped.
struct WaitGuard<'g>(&'g AtomicUsize);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(throttle: Throttle) -> Self {
        let interval = |per_second: u32| Duration::from_secs(1) / per_second.max(1);
        let limit = throttle.concurrent.map(|limit| limit.clamp(1, Semaphore::MAX_PERMITS));
        Self {
            in_flight: limit.map(Semaphore::new),
            rate: throttle
                .per_second
                .map(|rate| Rate { interval: interval(rate), times: Mutex::default() }),
            queue: throttle.queue,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Returns the number of waiting requests.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits until a request may begin. The request counts as in flight until the returned permit is
    /// dropped; there is no permit if only the rate is limited.
    ///
    /// # Errors
    /// Returns an error if the queue is full, or if the request cannot begin before `deadline`.
    pub(super) async fn enter(
        &self,
        deadline: Option<Instant>,
        runtime: &Runtime,
    ) -> Result<Option<SemaphorePermit<'_>>, Error> {
        let permit = match self.in_flight.as_ref().map(Semaphore::try_acquire) {
            None => None,
            Some(Ok(permit)) => Some(permit),
            Some(Err(_)) => {
                let _waiting = self.queue_up()?;
                let Some(in_flight) = &self.in_flight else { return Ok(None) };
                let permit = runtime.timeout_at(deadline, in_flight.acquire()).await;
                Some(permit.map_err(|_| timed_out())?.map_err(|_| timed_out())?)
            }
        };
        if let Some(rate) = &self.rate {
            let now = Instant::now();
            let taken = rate.take_time(now, deadline, self.queue)?;
            if taken.begin > now {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let _waiting = WaitGuard(&self.waiting);
                runtime.sleep_until(Some(taken.begin)).await;
            }
        }
        Ok(permit)
    }

    /// Counts a request as waiting until the returned guard is dropped.
    ///
    /// # Errors
    /// Returns an error if the queue is full.
    fn queue_up(&self) -> Result<WaitGuard<'_>, Error> {
        let add_one = |waiting: usize| (waiting < self.queue).then_some(waiting + 1);
        match self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add_one) {
            Ok(_) => Ok(WaitGuard(&self.waiting)),
            Err(_) => Err(queue_full(self.queue)),
        }
    }
}

impl Rate {
    /// Takes the earliest time at which a request may begin.
    ///
    /// # Errors
    /// Returns an error, and takes no time, if more than `queue` intervals precede it, or if it is later
    /// than `deadline`.
    fn take_time(
        &self,
        now: Instant,
        deadline: Option<Instant>,
        queue: usize,
    ) -> Result<TakenTime<'_>, Error> {
        let mut times = self.times();
        times.returned = times.returned.split_off(&now);
        let returned = times.returned.first().copied();
        let begin = returned.unwrap_or_else(|| times.next.map_or(now, |next| next.max(now)));
        if deadline.is_some_and(|deadline| begin > deadline) {
            return Err(timed_out());
        }
        let ahead = (begin - now).as_nanos() / self.interval.as_nanos().max(1);
        if ahead > queue as u128 {
            return Err(queue_full(queue));
        }
        match returned {
            Some(_) => drop(times.returned.pop_first()),
            None => times.next = Some(begin + self.interval),
        }
        Ok(TakenTime { rate: self, begin })
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TakenTime<'_> {
    fn drop(&mut self) {
        if self.begin > Instant::now() {
            self.rate.times().returned.insert(self.begin);
        }
    }
}

fn queue_full(queue: usize) -> Error {
    let text = format!(
        "the throttle rejected the request because its queue of {queue} is full; send fewer \
         requests at a time, or raise the limit or the queue of the session's `Throttle`"
    );
    Error::new(ErrorKind::Throttled, text)
}

fn timed_out() -> Error {
    let text = "the request timed out in the queue of the throttle; send fewer requests at a time, \
                or raise the limit of the session's `Throttle`";
    Error::new(ErrorKind::Throttled, text)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn in_ms(millis: u64) -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(millis))
    }

    #[tokio::test(start_paused = true)]
    async fn limits_requests_in_flight_and_in_the_queue() {
        let runtime = Runtime::current().unwrap();
        let gate = Gate::new(Throttle::concurrent(1).queue(1));
        let first = gate.enter(None, &runtime).await.unwrap();
        let mut second = Box::pin(gate.enter(None, &runtime));
        tokio::select! {
            biased;
            _ = &mut second => panic!("two requests are in flight"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(gate.waiting(), 1);
        assert_eq!(gate.enter(None, &runtime).await.unwrap_err().kind(), ErrorKind::Throttled);
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(gate.waiting(), 0);
        let timed_out = gate.enter(in_ms(10), &runtime).await.unwrap_err();
        assert!(timed_out.to_string().contains("timed out in the queue"), "{timed_out}");
        drop(second);
        gate.enter(in_ms(10), &runtime).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn spaces_requests_evenly_within_a_second() {
        let runtime = Runtime::current().unwrap();
        let gate = Gate::new(Throttle::rate(100).queue(5));
        let begin = Instant::now();
        for _ in 0..5 {
            gate.enter(None, &runtime).await.unwrap();
        }
        assert_eq!(begin.elapsed(), Duration::from_millis(40));
        let timed_out = gate.enter(in_ms(5), &runtime).await.unwrap_err();
        assert_eq!(timed_out.kind(), ErrorKind::Throttled);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_are_dropped_while_they_wait_delay_no_later_ones() {
        let runtime = Runtime::current().unwrap();
        let gate = Gate::new(Throttle::rate(100));
        let begin = Instant::now();
        gate.enter(None, &runtime).await.unwrap();
        for drops in [1, 5] {
            let mut waiting: Vec<_> =
                (0..5).map(|_| Box::pin(gate.enter(None, &runtime))).collect();
            for entered in &mut waiting {
                assert!(entered.as_mut().now_or_never().is_none());
            }
            assert_eq!(gate.waiting(), 5);
            // The last ones keep their times.
            waiting.drain(..drops);
            gate.enter(None, &runtime).await.unwrap();
            let passed = begin.elapsed();
            futures_util::future::try_join_all(waiting).await.unwrap();
            assert!(
                passed <= Duration::from_millis(if drops == 1 { 10 } else { 60 }),
                "{passed:?}"
            );
        }
        assert_eq!(gate.waiting(), 0);
    }
}
