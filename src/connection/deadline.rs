//! Waiting with an optional deadline.

use std::future::Future;

use tokio::time::Instant;
use tokio::time::error::Elapsed;

/// Waits for `future` until `deadline`, or without a limit if `deadline` is `None`.
///
/// If `future` is [`std::future::pending`], the function sleeps until `deadline`, or for ever if
/// `deadline` is `None`.
///
/// # Errors
/// Returns an error if the deadline passes first.
pub(crate) async fn timeout_at<F: Future>(
    deadline: Option<Instant>,
    future: F,
) -> Result<F::Output, Elapsed> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, future).await,
        None => Ok(future.await),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_until_the_deadline_if_there_is_one() {
        let deadline = Instant::now() + Duration::from_secs(1);
        assert!(timeout_at(Some(deadline), pending::<()>()).await.is_err());
        assert_eq!(Instant::now(), deadline);
        assert_eq!(timeout_at(Some(deadline), ready(1)).await.ok(), Some(1));
        let endless = timeout_at(None, pending::<()>());
        let hour = Duration::from_secs(3_600);
        assert!(tokio::time::timeout(hour, endless).await.is_err(), "the wait ended by itself");
        assert_eq!(timeout_at(None, ready(2)).await.ok(), Some(2));
    }
}
