//! Connecting to a cluster, and retrying while its servers may still be starting.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use super::error::Error;
use crate::cluster::{Cluster, ClusterError, Settings};

/// The delay before the first retry of connecting. It doubles with each retry.
const FIRST_DELAY: Duration = Duration::from_millis(50);

/// The maximum delay between two attempts. It is short so that the session connects soon after a
/// server has started.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// Time for which a refused login of Cassandra's [first user](FIRST_USER) is retried. A new cluster
/// creates this user 10 s after it has opened its port, and until then refuses it with the error of a
/// wrong password. Other users are created later, by this user.
const LOGIN_SETUP_TIME: Duration = Duration::from_secs(15);

/// Part of the message with which Cassandra refuses a login of the user `cassandra`.
const FIRST_USER: &str = "username cassandra and/or password";

/// Connects to the cluster. While the servers may still be starting, retries for up to `retry_for`.
///
/// # Errors
/// Returns the error of the last attempt.
pub(super) async fn connect(
    settings: Settings,
    keyspace: Option<String>,
    retry_for: Duration,
) -> Result<Cluster, Error> {
    let attempt = || Cluster::connect(settings.clone(), keyspace.clone());
    retry(attempt, retry_for).await.map_err(Error::unreachable)
}

/// Calls `attempt` until it succeeds or fails with an error that waiting cannot cure, for up to
/// `retry_for`.
async fn retry<T, F: Future<Output = Result<T, ClusterError>>>(
    mut attempt: impl FnMut() -> F,
    retry_for: Duration,
) -> Result<T, ClusterError> {
    // If the duration is too long for the clock, there is no deadline.
    let deadline = Instant::now().checked_add(retry_for);
    let mut delay = FIRST_DELAY;
    let mut refused_since = None;
    loop {
        let failure = match attempt().await {
            Ok(connected) => return Ok(connected),
            Err(failure) => failure,
        };
        let now = Instant::now();
        let error = match &failure {
            ClusterError::Unreachable { failures, is_starting: true } => {
                refused_since = None;
                failures.join("; ")
            }
            ClusterError::Fatal(error)
                if error.is_refused_login() && error.to_string().contains(FIRST_USER) =>
            {
                let since = *refused_since.get_or_insert(now);
                if now.duration_since(since) >= LOGIN_SETUP_TIME {
                    return Err(failure);
                }
                error.to_string()
            }
            _ => return Err(failure),
        };
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Err(failure);
        }
        info!(error, retry_in = ?delay, "no server could be used");
        let next = now + delay;
        tokio::time::sleep_until(deadline.map_or(next, |end| next.min(end))).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::NodeError;
    use crate::connection::ConnectionError;
    use crate::message::{ErrorCode, ServerError};
    use crate::protocol::CloseReason;

    const RETRY_FOR: Duration = Duration::from_secs(60);

    fn refused_login(message: &str) -> ClusterError {
        let reason = CloseReason::Refused(ServerError::new(ErrorCode::Authentication, message));
        fatal(reason)
    }

    fn fatal(reason: CloseReason) -> ClusterError {
        let address = "127.0.0.1:9042".parse().unwrap();
        ClusterError::Fatal(Box::new(NodeError::Connection(ConnectionError { address, reason })))
    }

    /// Returns the time after which connecting ended.
    async fn time_until_the_end(mut attempt: impl FnMut() -> Result<(), ClusterError>) -> Duration {
        let begin = Instant::now();
        let _ended = retry(|| std::future::ready(attempt()), RETRY_FOR).await;
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn retries_a_refused_login_of_the_first_user_until_it_must_exist() {
        let begin = Instant::now();
        let refused = "Provided username cassandra and/or password are incorrect";
        let attempt = || match begin.elapsed() < Duration::from_secs(10) {
            true => Err(refused_login(refused)),
            false => Ok(()),
        };
        assert!(retry(|| std::future::ready(attempt()), RETRY_FOR).await.is_ok());
        let time = time_until_the_end(|| Err(refused_login(refused))).await;
        assert!((LOGIN_SETUP_TIME..LOGIN_SETUP_TIME + LONGEST_DELAY).contains(&time), "{time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn retries_until_the_deadline_while_a_server_may_be_starting() {
        let starting =
            || Err(ClusterError::Unreachable { failures: Vec::new(), is_starting: true });
        assert_eq!(time_until_the_end(starting).await, RETRY_FOR);
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_retry_errors_that_waiting_cannot_cure() {
        for message in [
            "Provided username ada and/or password are incorrect",
            "Provided username and/or password are incorrect",
            "ada is not permitted to log in",
        ] {
            let time = time_until_the_end(|| Err(refused_login(message))).await;
            assert_eq!(time, Duration::ZERO, "{message}");
        }
        let needed = || CloseReason::CredentialsNeeded { authenticator: String::new() };
        assert_eq!(time_until_the_end(|| Err(fatal(needed()))).await, Duration::ZERO);
        let responded =
            || Err(ClusterError::Unreachable { failures: Vec::new(), is_starting: false });
        assert_eq!(time_until_the_end(responded).await, Duration::ZERO);
    }
}
