//! The tokio runtime of a session, and waiting for a deadline inside and outside of that runtime.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::alarm::Alarm;

/// The tokio runtime on which connections and their cluster run.
///
/// Callers may be polled by another executor, which may be another runtime or none. Their tasks run
/// here nevertheless. Their deadlines do not depend on this runtime: it may be idle, blocked or have
/// ended.
#[derive(Debug, Clone)]
pub(crate) struct Runtime(Handle);

/// The deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

impl Runtime {
    /// Returns the runtime that polls the calling future.
    ///
    /// # Errors
    /// Returns an error text if another executor polls it.
    pub(crate) fn current() -> Result<Self, &'static str> {
        Handle::try_current().map(Self).map_err(|_| {
            "cannot connect outside a tokio runtime; connect in a task of a runtime, or in its \
             `block_on`"
        })
    }

    /// Returns true if this runtime polls the calling future.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() == self.0.id())
    }

    /// Starts a task on this runtime. If the runtime has ended, the task is cancelled at once.
    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(task)
    }

    /// Waits for `future` until `deadline`, or without a limit if `deadline` is `None`. The calling
    /// future may be polled by any executor.
    ///
    /// # Errors
    /// Returns an error if the deadline passes first.
    pub(crate) async fn timeout_at<F: Future>(
        &self,
        deadline: Option<Instant>,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let Some(deadline) = deadline else { return Ok(future.await) };
        if self.is_current() {
            return tokio::time::timeout_at(deadline, future).await.map_err(|_| Elapsed);
        }
        let (mut future, mut alarm) = (pin!(future), None);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            if has_passed(deadline) {
                return Poll::Ready(Err(Elapsed));
            }
            match &alarm {
                None => alarm = Some(Alarm::new(deadline.into_std(), cx.waker())),
                Some(alarm) => alarm.set_waker(cx.waker()),
            }
            Poll::Pending
        })
        .await
    }

    /// Waits for `duration`. The calling future may be polled by any executor.
    pub(crate) async fn sleep(&self, duration: Duration) {
        self.sleep_until(Instant::now().checked_add(duration)).await;
    }

    /// Waits until `time`, or for ever if `time` is `None`. The calling future may be polled by any
    /// executor.
    pub(crate) async fn sleep_until(&self, time: Option<Instant>) {
        let _elapsed = self.timeout_at(time, pending::<()>()).await;
    }
}

/// Returns true if `deadline` has passed on the system's clock. The clock of a runtime may be paused.
pub(super) fn has_passed(deadline: Instant) -> bool {
    deadline.into_std() <= std::time::Instant::now()
}
