//! Sending one request: which node to try, when to retry, and when to stop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use tracing::{Instrument, debug};

use super::attempt::AttemptFailure;
use super::call::{AttemptResponse, EncodeMessage, NodeResponse, RequestContext};
use super::effect::{self, Writes};
use super::error::Error;
use super::executor::Executor;
use super::pick::ConnectedNode;
use super::progress::RequestProgress;
use super::retry::{FailedAttempt, RetryDecision};
use super::span;
use super::throttle::Gate;
use crate::cluster::Node;
use crate::sync::SemaphorePermit;
use crate::wire::Consistency;

/// Maximum number of times that one request prepares evicted statements again, for each prepared
/// statement that it contains. Once is not always enough: while several clients prepare the same
/// statement, Cassandra may evict it again before the request is executed.
const MAX_REPREPARES: usize = 3;

/// A failed attempt, with its node and its start.
struct UnsuccessfulAttempt {
    target: ConnectedNode,
    begin: Instant,
    failure: AttemptFailure,
}

/// State that one attempt of an execution passes to the next.
struct RetryState {
    /// The consistency of the next attempt.
    consistency: Consistency,
    /// Number of times that an evicted statement was prepared again.
    reprepared: usize,
    /// The error of the last PREPARE of an evicted statement, if it failed.
    prepare_error: Option<Error>,
    /// The error of the last attempt; `None` before an attempt has failed.
    last_error: Option<Error>,
}

impl RetryState {
    const fn new(consistency: Consistency) -> Self {
        Self { consistency, reprepared: 0, prepare_error: None, last_error: None }
    }
}

/// Returns the response of an attempt, with its node.
fn node_response(
    response: AttemptResponse<'_>,
    (node, connection): ConnectedNode,
) -> NodeResponse<'_> {
    NodeResponse { response, node, version: connection.context().version }
}

// Rare branches are boxed so that the common path's future stays small.
impl Executor {
    /// Sends a request to one node after another, until a node answers, the retry policy gives up,
    /// or the deadline passes.
    pub(super) async fn send<'p>(
        &self,
        request: &RequestContext<'p>,
        message: &EncodeMessage<'p>,
    ) -> Result<NodeResponse<'p>, Error> {
        let begin = Instant::now();
        let span = span::begin(request, &self.cluster);
        let options = request.options;
        let deadline = request.deadline.or_else(|| options.deadline(begin));
        let _permit = match &self.gate {
            None => None,
            Some(gate) => {
                match Box::pin(self.wait_for_throttle(gate, request, begin, deadline)).await {
                    Ok(permit) => permit,
                    Err(error) => {
                        let outcome = Err(error);
                        span::end(&span, &outcome, 0, &self.cluster);
                        return outcome;
                    }
                }
            }
        };
        let is_idempotent = options.idempotent(request.read_only);
        let is_speculative = is_idempotent && options.speculative().is_some();
        let progress = RequestProgress {
            request,
            message,
            timestamp: match request.read_only {
                true => options.timestamp(),
                false => options.timestamp().or_else(|| self.timestamps.next()),
            },
            // The time spent in the throttle's queue does not count as the node's latency.
            begin: self.gate.as_ref().map_or(begin, |_| Instant::now()),
            deadline,
            may_run_twice: is_idempotent || request.preparing,
            concurrent: AtomicBool::new(is_speculative),
            unresponsive: AtomicUsize::new(0),
            tried: Mutex::default(),
            attempts: AtomicUsize::new(0),
            speculations: AtomicUsize::new(0),
            history: Mutex::default(),
        };
        let outcome = match is_speculative {
            false => self.run_watched(&progress, &span).await,
            true => Box::pin(self.run_speculatively(&progress).instrument(span.clone())).await,
        };
        let end = match &outcome {
            Ok(NodeResponse { response, .. }) => response.received_at,
            Err(_) => Instant::now(),
        };
        self.metrics.record_request(begin, end, outcome.as_ref().err());
        let outcome = outcome.map_err(|error| {
            request
                .without_password(error)
                .with_writes(request.writes(), request.preparing)
                .with_statement(request.statement)
                .with_consistency(request.consistency)
                .with_history(std::mem::take(&mut *progress.history()))
        });
        span::end(&span, &outcome, progress.speculations.load(Ordering::Relaxed), &self.cluster);
        outcome
    }

    /// Waits until the throttle admits a request, which began at `begin`.
    async fn wait_for_throttle<'g>(
        &self,
        gate: &'g Gate,
        request: &RequestContext<'_>,
        begin: Instant,
        deadline: Option<Instant>,
    ) -> Result<Option<SemaphorePermit<'g>>, Error> {
        match gate.enter(deadline, self.cluster.runtime()).await {
            Ok(permit) => {
                self.metrics.record_throttle_delay(begin);
                Ok(permit)
            }
            Err(error) => {
                self.metrics.throttled.add();
                Err(error.with_statement(request.statement))
            }
        }
    }

    /// Runs one execution: tries one node after another until a node answers or the retry policy
    /// gives up.
    pub(super) async fn run_execution<'p>(
        &self,
        progress: &RequestProgress<'_, 'p>,
    ) -> Result<NodeResponse<'p>, Error> {
        let Some(target) = self.pick_node(progress, progress.request.state) else {
            return Box::pin(self.continue_execution(progress, None)).await;
        };
        // The first attempt reuses the start time of the request, which saves one reading of the
        // clock.
        let begin = if progress.attempts() == 0 { progress.begin } else { Instant::now() };
        let consistency = progress.request.consistency;
        match self.attempt(progress, &target, consistency, begin).await {
            Ok(response) => Ok(node_response(response, target)),
            Err(failure) => {
                let failed = UnsuccessfulAttempt { target, begin, failure };
                Box::pin(self.continue_execution(progress, Some(failed))).await
            }
        }
    }

    /// Continues an execution after its first attempt has failed, or, if `failed` is `None`, because no
    /// node was connected.
    async fn continue_execution<'p>(
        &self,
        progress: &RequestProgress<'_, 'p>,
        mut failed: Option<UnsuccessfulAttempt>,
    ) -> Result<NodeResponse<'p>, Error> {
        let mut retries = RetryState::new(progress.request.consistency);
        loop {
            let retry_on = match failed.take() {
                Some(failed) => self.handle_failure(progress, failed, &mut retries).await?,
                None => None,
            };
            let found = retry_on.and_then(|node| {
                let connection = node.connection()?;
                Some((node, connection))
            });
            let found = found.or_else(|| match retries.last_error {
                None => None,
                Some(_) => self.pick_node(progress, &self.cluster.state()),
            });
            let target = match found {
                Some(target) => target,
                None => match Box::pin(self.wait_for_connection(progress)).await {
                    Ok(target) => target,
                    // The error of the last attempt is more informative than "no node is available".
                    Err(error) => return Err(retries.last_error.unwrap_or(error)),
                },
            };
            let begin = Instant::now();
            match self.attempt(progress, &target, retries.consistency, begin).await {
                Ok(response) => return Ok(node_response(response, target)),
                Err(failure) => failed = Some(UnsuccessfulAttempt { target, begin, failure }),
            }
        }
    }

    /// Decides what follows a failed attempt, and waits until the next attempt may begin. Returns the
    /// node to try again, or `None` to try another one.
    ///
    /// # Errors
    /// Returns the error of the request if it is not retried.
    async fn handle_failure(
        &self,
        progress: &RequestProgress<'_, '_>,
        UnsuccessfulAttempt { target: (node, connection), begin, failure }: UnsuccessfulAttempt,
        retries: &mut RetryState,
    ) -> Result<Option<Arc<Node>>, Error> {
        let writes = progress.request.writes();
        let error = failure.error(connection.address());
        let mut error = progress.request.without_password(error);
        error = error.with_writes(writes, progress.request.preparing);
        debug!(node = %connection.address(), %error, "attempt failed");
        progress.history().push(error.to_attempt(connection.address(), begin.elapsed()));
        let decision = match &failure {
            AttemptFailure::Server(unprepared) if failure.is_unprepared() => {
                if retries.reprepared >= progress.request.prepared().count() * MAX_REPREPARES {
                    // The error of the last PREPARE is more informative than the UNPREPARED that followed.
                    return Err(retries.prepare_error.take().unwrap_or(error));
                }
                retries.reprepared += 1;
                let _in_flight = node.start_request();
                match Box::pin(self.reprepare(progress, unprepared, &connection, begin)).await {
                    Ok(()) => {
                        retries.prepare_error = None;
                        RetryDecision::SAME_NODE
                    }
                    // Another node may still have the statement.
                    Err(unable) if unable.may_succeed_on_another_node() => {
                        if unable.server_error().is_some_and(effect::is_shutting_down) {
                            node.drain(&connection);
                        }
                        retries.prepare_error = Some(unable.clone());
                        error = unable;
                        RetryDecision::NEXT_NODE
                    }
                    Err(error) => return Err(error),
                }
            }
            failure => {
                if failure.is_shutting_down() {
                    node.drain(&connection);
                }
                node.counters().errors.of(failure.kind()).add();
                if failure.shows_overload() {
                    node.counters().overloads.add();
                }
                self.retry_decision(progress, failure, writes, retries)
            }
        };
        let RetryDecision::Retry { same_node, after, consistency } = decision else {
            return Err(error);
        };
        // Fail now rather than sleep past the deadline.
        if progress.time_left().is_some_and(|left| left <= after) {
            return Err(error);
        }
        self.metrics.retries.add();
        if !after.is_zero() {
            Box::pin(self.cluster.runtime().sleep(after)).await;
        }
        if !failure.is_unprepared() {
            node.counters().retries.of(failure.kind()).add();
        }
        retries.consistency = consistency.unwrap_or(retries.consistency);
        retries.last_error = Some(error);
        if same_node {
            return Ok(Some(node));
        }
        progress.tried().push(node);
        Ok(None)
    }

    /// Asks the retry policy what to do after a failed attempt.
    fn retry_decision(
        &self,
        progress: &RequestProgress<'_, '_>,
        failure: &AttemptFailure,
        writes: Writes,
        retries: &RetryState,
    ) -> RetryDecision {
        // A caller may mark a SELECT as not idempotent. It is then treated like a write.
        let writes = if writes == Writes::Nothing { Writes::AtOnce } else { writes };
        let failed = FailedAttempt {
            error: failure.as_attempt_error(),
            idempotent: progress.may_run_twice,
            attempts: progress.attempts().saturating_sub(retries.reprepared),
            consistency: retries.consistency,
            may_have_been_applied: failure.may_have_been_applied(writes),
            statement: progress.request.statement,
        };
        progress.request.options.retry().unwrap_or(&*self.retry).decide(&failed)
    }

    /// Waits for a node with an open connection.
    async fn wait_for_connection(
        &self,
        progress: &RequestProgress<'_, '_>,
    ) -> Result<ConnectedNode, Error> {
        let find = || {
            // A new round begins, in which the tried nodes may be tried again.
            progress.tried().clear();
            self.pick_node(progress, &self.cluster.state())
        };
        let routing = progress.routing();
        let found = self.cluster.wait_for_node(progress.deadline, Some(&routing), find).await;
        found.map_err(|failure| {
            let is_late = progress.time_left().is_some_and(|left| left.is_zero());
            let error = Error::no_node(failure);
            if is_late { error.into_timeout() } else { error }
        })
    }
}
