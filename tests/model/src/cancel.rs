//! Cancellation of requests at an await point.

use std::{future::poll_fn, pin::pin, task::Poll};

/// Polls a future at most `polls` times. Returns its output, or `None` if it was not ready after the
/// last poll; it is then dropped.
///
/// A future is polled once at first and after each wake-up, so that each number of polls cancels it at
/// another await point.
pub async fn limit_polls<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    if polls == 0 {
        return None;
    }
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
