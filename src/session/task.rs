//! Tasks on the session's runtime, for requests that must make progress while their caller does not
//! poll them.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error::{Error, ErrorKind};
use super::executor::Executor;
use crate::cluster::RUNTIME_ENDED;

/// A request that runs in a task of its own, on the runtime on which the session was connected. The
/// caller may be polled by any executor.
pub(super) struct RequestTask<T> {
    handle: JoinHandle<Result<T, Error>>,
    /// True if dropping this cancels the request.
    is_cancellable: bool,
}

/// Time after the deadline within which the task may still report the timeout. Its error says more
/// than that of a task that does not run.
const GRACE: Duration = Duration::from_millis(50);

impl Executor {
    /// Starts a request in a task. Dropping the returned task cancels it.
    ///
    /// # Errors
    /// Returns an error if the session was closed, or if its runtime has ended.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<RequestTask<T>, Error> {
        if let Some(reason) = self.cluster.end_reason() {
            return Err(Error::new(ErrorKind::Closed, reason));
        }
        let handle = self.cluster.runtime().spawn(request);
        Ok(RequestTask { handle, is_cancellable: true })
    }
}

impl<T> RequestTask<T> {
    /// Makes the request continue if this is dropped.
    pub(super) fn detached(mut self) -> Self {
        self.is_cancellable = false;
        self
    }

    /// Waits for the result of the request, which itself ends at `deadline`, or later if it waits for
    /// schema agreement or switches the keyspace of all connections. If another executor polls this,
    /// the session's runtime may not run the task; the wait then ends shortly after the deadline.
    pub(super) async fn join(
        mut self,
        executor: &Executor,
        deadline: Option<Instant>,
        statement: &Arc<str>,
    ) -> Result<T, Error> {
        let runtime = executor.cluster.runtime();
        let deadline = match runtime.is_current() {
            true => None,
            false => deadline.and_then(|deadline| deadline.checked_add(GRACE)),
        };
        let error = match runtime.timeout_at(deadline, &mut self.handle).await {
            Ok(Ok(result)) => return result,
            Ok(Err(error)) => match executor.cluster.end_reason() {
                Some(reason) => Error::new(ErrorKind::Closed, reason),
                // Nothing else cancels a task that a caller awaits.
                None if error.is_cancelled() => Error::new(ErrorKind::Closed, RUNTIME_ENDED),
                None => {
                    let text = format!("the task of the request ended early: {error}");
                    Error::new(ErrorKind::Connection, text)
                }
            },
            Err(_) => {
                let text = "no result within the timeout; the request runs in a task of the \
                            runtime on which the session was created, and has not finished";
                Error::new(ErrorKind::Timeout, text)
            }
        };
        // The server may have executed the request.
        Err(error.after_execution().with_statement(statement))
    }
}

impl<T> Drop for RequestTask<T> {
    fn drop(&mut self) {
        if self.is_cancellable {
            self.handle.abort();
        }
    }
}
