//! Waiting for a condition, with a limit.

use std::time::Duration;

/// The longest wait. It is long, so that a test on a busy machine does not fail by chance.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Polls `condition` until it returns true.
///
/// # Panics
/// Panics after 30 s. The message names the `event`, such as "the node is connected".
pub(crate) async fn until(event: &str, mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    within_limit(event, wait).await;
}

/// Awaits a future.
///
/// # Panics
/// Panics after 30 s. The message names the `event`, such as "the node is connected".
pub(crate) async fn within_limit<T>(event: &str, future: impl Future<Output = T>) -> T {
    let output = tokio::time::timeout(LIMIT, future).await;
    output.unwrap_or_else(|_| panic!("timed out after {LIMIT:?}: {event}"))
}
