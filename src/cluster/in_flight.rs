//! Counts the requests in flight at a node.

use std::pin::pin;

use crate::sync::Notify;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A counter of the requests in flight. A task can wait until the count is zero.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// The count, and the flag [`DRAINING`] in the highest bit. Both are in one number, so that the
    /// end of a request needs only one atomic operation.
    count: AtomicUsize,
    drained: Notify,
}

/// The flag that is set once a task waits for the count to reach zero. It is never cleared.
const DRAINING: usize = 1 << (usize::BITS - 1);

impl InFlight {
    /// Returns the number of requests in flight.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed) & !DRAINING
    }

    /// Counts a request until the returned guard is dropped.
    #[inline]
    pub(super) fn start(&self) -> InFlightGuard<'_> {
        self.count.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(self)
    }

    /// Waits until no request is in flight.
    pub(super) async fn wait_drained(&self) {
        loop {
            let mut drained = pin!(self.drained.notified());
            // Registered before the count is read, so that no notification is missed.
            drained.as_mut().enable();
            if self.count.fetch_or(DRAINING, Ordering::AcqRel) & !DRAINING == 0 {
                return;
            }
            drained.await;
        }
    }
}

/// A request in flight, counted until this is dropped.
pub(crate) struct InFlightGuard<'a>(&'a InFlight);

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == DRAINING | 1 {
            self.0.drained.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn waiting_ends_when_the_last_request_ends() {
        let requests = InFlight::default();
        let (first, second) = (requests.start(), requests.start());
        let mut drained = pin!(requests.wait_drained());
        let mut also_drained = pin!(requests.wait_drained());
        assert!(drained.as_mut().now_or_never().is_none());
        assert!(also_drained.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(requests.count(), 1);
        assert!(drained.as_mut().now_or_never().is_none());
        drop(second);
        assert_eq!(requests.count(), 0);
        tokio::join!(drained, also_drained, requests.wait_drained());
    }
}
