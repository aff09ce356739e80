//! The number of rows a second.

use std::fmt;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::Instant;

use crate::session::Session;

/// Spaces rows evenly.
pub(super) struct RowRate {
    interval: Duration,
    /// The time at which the next row may be sent.
    next: Instant,
    timer: Option<BoxFuture<'static, ()>>,
}

/// Longest delay that a burst may catch up on. Timers are not exact, and rows may come in bursts.
const MAX_CATCH_UP: Duration = Duration::from_millis(100);

impl RowRate {
    /// Returns a rate of this many rows a second, at least one.
    pub(super) fn new(rows_per_second: u64) -> Self {
        let nanos = 1_000_000_000 / rows_per_second.clamp(1, 1_000_000_000);
        Self { interval: Duration::from_nanos(nanos), next: Instant::now(), timer: None }
    }

    /// Waits until the next row may be sent.
    pub(super) fn poll_ready(&mut self, session: &Session, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let left = self.next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.timer = None;
                return Poll::Ready(());
            }
            let session = session.clone();
            let timer =
                self.timer.get_or_insert_with(|| async move { session.wait(left).await }.boxed());
            ready!(timer.poll_unpin(context));
            self.timer = None;
        }
    }

    /// Counts a row that is sent now.
    pub(super) fn count_row(&mut self) {
        let now = Instant::now();
        let earliest = now.checked_sub(MAX_CATCH_UP).unwrap_or(now);
        self.next = self.next.max(earliest) + self.interval;
    }
}

impl fmt::Debug for RowRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowRate").field("interval", &self.interval).finish_non_exhaustive()
    }
}
