//! Executions of one request that run at the same time: speculative executions, and those that start
//! because a connection has become unresponsive.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::call::NodeResponse;
use super::error::Error;
use super::executor::Executor;
use super::progress::RequestProgress;
use super::speculative::SpeculativeExecution;

/// The outcome of an execution.
type Outcome<'p> = Result<NodeResponse<'p>, Error>;

/// An event while executions run.
enum Progress<'p> {
    Finished(Outcome<'p>),
    /// This number of executions wait on connections that have become unresponsive.
    Unresponsive(usize),
}

impl Executor {
    /// Runs an execution in `span`. If its connection becomes unresponsive, and the request may be
    /// executed twice, starts another execution on the next node. The first response wins.
    ///
    /// While all connections are responsive, this costs a comparison each time the future is polled.
    pub(super) async fn run_watched<'p>(
        &self,
        progress: &RequestProgress<'_, 'p>,
        span: &Span,
    ) -> Outcome<'p> {
        let mut first = pin!(self.run_execution(progress));
        let next = poll_fn(|cx| {
            let polled = span.in_scope(|| first.as_mut().poll(cx));
            match (polled, progress.take_unresponsive()) {
                (Poll::Ready(outcome), _) => Poll::Ready(Progress::Finished(outcome)),
                (Poll::Pending, count) if count > 0 && progress.may_run_twice => {
                    Poll::Ready(Progress::Unresponsive(count))
                }
                (Poll::Pending, _) => Poll::Pending,
            }
        });
        match next.await {
            Progress::Finished(outcome) => outcome,
            Progress::Unresponsive(count) => {
                let run = self.run_concurrently(first.boxed(), progress, None, count);
                Box::pin(run.instrument(span.clone())).await
            }
        }
    }

    /// Runs an execution, and starts another each time the delay of the request's policy passes or a
    /// connection becomes unresponsive. The first response wins.
    pub(super) async fn run_speculatively<'p>(
        &self,
        progress: &RequestProgress<'_, 'p>,
    ) -> Outcome<'p> {
        let policy = progress.request.options.speculative();
        self.run_concurrently(self.run_execution(progress).boxed(), progress, policy, 0).await
    }

    /// Runs `first` and further executions. An error is returned only if no other execution is
    /// running, or if every node would return it.
    ///
    /// The policy starts up to `max_executions` executions. One more execution starts for each
    /// connection that has become unresponsive, once there is a responsive node that was not tried.
    /// `unresponsive` is the number of these connections so far.
    async fn run_concurrently<'f, 'p>(
        &'f self,
        first: BoxFuture<'f, Outcome<'p>>,
        progress: &'f RequestProgress<'_, 'p>,
        policy: Option<SpeculativeExecution>,
        mut unresponsive: usize,
    ) -> Outcome<'p> {
        progress.set_concurrent();
        let delay = policy.map(|SpeculativeExecution { delay, percentile, .. }| {
            let known =
                percentile.and_then(|percentile| self.metrics.recent_latency(percentile / 100.0));
            known.unwrap_or(delay)
        });
        let mut left = policy.map_or(0, |policy| policy.max_executions);
        let next_speculation = || delay.and_then(|delay| Instant::now().checked_add(delay));
        let mut speculate_at = next_speculation();
        let mut changes = self.cluster.changes();
        let mut executions = FuturesUnordered::from_iter([first]);
        loop {
            changes.mark_seen();
            if unresponsive > 0 && self.has_responsive_node(progress) {
                unresponsive -= 1;
                executions.push(self.start_speculation(progress));
            }
            let next = poll_fn(|cx| match executions.poll_next_unpin(cx) {
                Poll::Ready(Some(outcome)) => Poll::Ready(Progress::Finished(outcome)),
                _ => match progress.take_unresponsive() {
                    0 => Poll::Pending,
                    count => Poll::Ready(Progress::Unresponsive(count)),
                },
            });
            tokio::select! {
                biased;
                next = next => match next {
                    Progress::Finished(Err(error)) if !executions.is_empty() => {
                        if error.is_about_statement() {
                            // The other executions may still be applied.
                            return Err(error.after_execution());
                        }
                    }
                    Progress::Finished(outcome) => return outcome,
                    Progress::Unresponsive(count) => unresponsive += count,
                },
                () = self.cluster.runtime().sleep_until(speculate_at), if left > 0 => {
                    left -= 1;
                    speculate_at = next_speculation();
                    if self.has_untried_node(progress) {
                        executions.push(self.start_speculation(progress));
                    }
                }
                () = changes.changed(), if unresponsive > 0 => {}
            }
        }
    }

    fn start_speculation<'f, 'p>(
        &'f self,
        progress: &'f RequestProgress<'_, 'p>,
    ) -> BoxFuture<'f, Outcome<'p>> {
        self.metrics.speculations.add();
        progress.record_speculation();
        self.run_execution(progress).boxed()
    }
}
