//! How much the session asks of the cluster at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Error, ErrorKind};

/// Limits what a session asks of the cluster at a time. Requests beyond that wait in a queue, each no
/// longer than its own time-out; when the queue is full, they fail at once.
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
    /// So many requests may be under way, attempts to make them again included.
    pub const fn concurrent(requests: usize) -> Self {
        Self { concurrent: Some(requests), per_second: None, queue: DEFAULT_QUEUE }
    }

    /// So many requests may begin each second, evenly.
    pub const fn rate(requests: u32) -> Self {
        Self { concurrent: None, per_second: Some(requests), queue: DEFAULT_QUEUE }
    }

    /// And no more than so many begin each second, evenly.
    #[must_use]
    pub const fn per_second(mut self, requests: u32) -> Self {
        self.per_second = Some(requests);
        self
    }

    /// How many requests may wait. Default: 10,000.
    #[must_use]
    pub const fn queue(mut self, requests: usize) -> Self {
        self.queue = requests;
        self
    }
}

const DEFAULT_QUEUE: usize = 10_000;

/// Lets requests through.
#[derive(Debug)]
pub(super) struct Gate {
    running: Option<Semaphore>,
    rate: Option<Rate>,
    queue: usize,
    waiting: AtomicUsize,
}

/// When the next request may begin.
#[derive(Debug)]
struct Rate {
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

/// The place of a request among those that wait, until it is dropped.
struct Place<'g>(&'g AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(throttle: Throttle) -> Self {
        let interval = |per_second: u32| Duration::from_secs(1) / per_second.max(1);
        let running = throttle.concurrent.map(|most| most.clamp(1, Semaphore::MAX_PERMITS));
        Self {
            running: running.map(Semaphore::new),
            rate: throttle
                .per_second
                .map(|rate| Rate { interval: interval(rate), next: Mutex::default() }),
            queue: throttle.queue,
            waiting: AtomicUsize::new(0),
        }
    }

    /// How many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits until a request may begin. It is under way until what this gives is dropped.
    ///
    /// # Errors
    /// The queue is full, or `deadline` has come.
    pub(super) async fn enter(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Option<SemaphorePermit<'_>>, Error> {
        let permit = match self.running.as_ref().map(Semaphore::try_acquire) {
            None => None,
            Some(Ok(permit)) => Some(permit),
            Some(Err(_)) => {
                let _place = self.queue_up()?;
                let Some(running) = &self.running else { return Ok(None) };
                let wait = running.acquire();
                let permit = match deadline {
                    Some(deadline) => timeout_at(deadline, wait).await.map_err(|_| late())?,
                    None => wait.await,
                };
                Some(permit.map_err(|_| late())?)
            }
        };
        if let Some(rate) = &self.rate {
            let now = Instant::now();
            let begin = {
                let mut next = rate.next.lock().unwrap_or_else(PoisonError::into_inner);
                let begin = next.map_or(now, |next| next.max(now));
                if deadline.is_some_and(|deadline| begin > deadline) {
                    return Err(late());
                }
                // A request that waits has a place; whoever has none does not take a turn, either.
                let ahead = (begin - now).as_nanos() / rate.interval.as_nanos().max(1);
                if ahead > self.queue as u128 {
                    return Err(full(self.queue));
                }
                *next = Some(begin + rate.interval);
                begin
            };
            if begin > now {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let _place = Place(&self.waiting);
                sleep_until(begin).await;
            }
        }
        Ok(permit)
    }

    fn queue_up(&self) -> Result<Place<'_>, Error> {
        let is_free = |waiting: usize| (waiting < self.queue).then_some(waiting + 1);
        match self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_free) {
            Ok(_) => Ok(Place(&self.waiting)),
            Err(_) => Err(full(self.queue)),
        }
    }
}

fn full(queue: usize) -> Error {
    let text = format!(
        "{queue} requests wait for their turn already (a longer queue, a higher limit or fewer \
         requests at a time would help)"
    );
    Error::new(ErrorKind::Throttled, text)
}

fn late() -> Error {
    let text = "its turn did not come in time: more was asked of the session than its throttle lets \
                through";
    Error::new(ErrorKind::Throttled, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_ms(millis: u64) -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(millis))
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_at_a_time_and_so_many_behind_them() {
        let gate = Gate::new(Throttle::concurrent(1).queue(1));
        let first = gate.enter(None).await.unwrap();
        let mut second = Box::pin(gate.enter(None));
        tokio::select! {
            biased;
            _ = &mut second => panic!("two at a time"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(gate.waiting(), 1);
        assert_eq!(gate.enter(None).await.unwrap_err().kind(), ErrorKind::Throttled);
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(gate.waiting(), 0);
        let late = gate.enter(in_ms(10)).await.unwrap_err();
        assert!(late.to_string().contains("did not come in time"), "{late}");
        drop(second);
        gate.enter(in_ms(10)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_a_second_evenly() {
        let gate = Gate::new(Throttle::rate(100).queue(5));
        let begin = Instant::now();
        for _ in 0..5 {
            gate.enter(None).await.unwrap();
        }
        assert_eq!(begin.elapsed(), Duration::from_millis(40));
        let late = gate.enter(in_ms(5)).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Throttled);
    }
}
