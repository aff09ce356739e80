//! Sending one request: which node to try, when to retry, and when to stop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use tracing::{Instrument, Span, debug};

use super::attempt::AttemptFailure;
use super::call::{Message, NodeResponse, RequestContext};
use super::effect::{self, Writes};
use super::error::Error;
use super::executor::Executor;
use super::progress::RequestProgress;
use super::retry::{FailedAttempt, RetryDecision};
use super::span;
use crate::cluster::Node;
use crate::connection::Connection;
use crate::wire::Consistency;

/// Maximum number of times that one request prepares evicted statements again, for each prepared
/// statement that it contains. Once is not always enough: while several clients prepare the same
/// statement, Cassandra may evict it again before the request is executed.
const MAX_REPREPARES: usize = 3;

// Rare branches are boxed so that the common path's future stays small.
impl Executor {
    /// Sends a request to one node after another, until a node answers, the retry policy gives up,
    /// or the deadline passes.
    pub(super) async fn send<'p>(
        &self,
        request: &RequestContext<'p>,
        message: &Message<'p>,
    ) -> Result<NodeResponse<'p>, Error> {
        let span = span::begin(request, &self.cluster);
        match span.is_disabled() {
            true => self.send_in_span(request, message, &span).await,
            // Boxed, so that the future stays small in the common case, without a subscriber.
            false => {
                let response = self.send_in_span(request, message, &span);
                Box::pin(response.instrument(span.clone())).await
            }
        }
    }

    async fn send_in_span<'p>(
        &self,
        request: &RequestContext<'p>,
        message: &Message<'p>,
        span: &Span,
    ) -> Result<NodeResponse<'p>, Error> {
        let begin = Instant::now();
        let options = request.options;
        let deadline = request.deadline.or_else(|| options.deadline(begin));
        let _permit = match &self.gate {
            Some(gate) => match Box::pin(gate.enter(deadline, self.cluster.runtime())).await {
                Ok(permit) => {
                    self.metrics.record_throttle_delay(begin);
                    permit
                }
                Err(error) => {
                    self.metrics.throttled.add();
                    let outcome = Err(error.with_statement(request.statement));
                    span::end(span, &outcome, 0, &self.cluster);
                    return outcome;
                }
            },
            None => None,
        };
        let is_idempotent = options.idempotent(request.read_only);
        let speculative = options.speculative().filter(|_| is_idempotent);
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
            concurrent: AtomicBool::new(speculative.is_some()),
            unresponsive: AtomicUsize::new(0),
            tried: Mutex::default(),
            attempts: AtomicUsize::new(0),
            speculations: AtomicUsize::new(0),
            history: Mutex::default(),
        };
        let outcome = match speculative {
            None if is_idempotent || request.preparing => self.run_watched(&progress).await,
            None => self.run_execution(&progress).await,
            Some(speculative) => Box::pin(self.run_speculatively(&progress, speculative)).await,
        };
        let end = outcome.as_ref().map_or_else(|_| Instant::now(), |response| response.received_at);
        self.metrics.record_request(begin, end, outcome.as_ref().err());
        let outcome = outcome.map_err(|error| {
            request
                .without_password(error)
                .with_writes(request.writes(), request.preparing)
                .with_statement(request.statement)
                .with_consistency(options.consistency(request.statement))
                .with_history(std::mem::take(&mut *progress.history()))
        });
        span::end(span, &outcome, progress.speculations.load(Ordering::Relaxed), &self.cluster);
        outcome
    }

    /// Runs one execution: tries one node after another until a node answers or the retry policy
    /// gives up.
    pub(super) async fn run_execution<'p>(
        &self,
        progress: &RequestProgress<'_, 'p>,
    ) -> Result<NodeResponse<'p>, Error> {
        let mut consistency = progress.request.options.consistency(progress.request.statement);
        let (mut reprepared, mut prepare_error) = (0, None);
        let mut retry_on = None;
        let mut last_error = None;
        loop {
            let found = retry_on.take().and_then(|node: Arc<Node>| {
                let connection = node.connection()?;
                Some((node, connection))
            });
            let found = found.or_else(|| match &last_error {
                None => self.pick_node(progress, progress.request.state),
                Some(_) => self.pick_node(progress, &self.cluster.state()),
            });
            let has_waited = found.is_none();
            let next = match found {
                Some(next) => Ok(next),
                None => Box::pin(self.wait_for_connection(progress)).await,
            };
            let (node, connection) = match next {
                Ok(next) => next,
                // The error of the last attempt is more informative than "no node is available".
                Err(error) => return Err(last_error.unwrap_or(error)),
            };
            // The first attempt reuses the start time of the request, which saves one reading of
            // the clock.
            let is_first = progress.attempts() == 0 && !has_waited;
            let begin = if is_first { progress.begin } else { Instant::now() };
            let attempt = self.attempt(progress, &node, &connection, consistency, begin).await;
            let failure = match attempt {
                Ok((frame, metadata, received_at)) => {
                    let version = connection.context().version;
                    return Ok(NodeResponse { frame, metadata, node, version, received_at });
                }
                Err(failure) => failure,
            };
            let writes = progress.request.writes();
            let error = failure.error(connection.address());
            let mut error = progress.request.without_password(error);
            error = error.with_writes(writes, progress.request.preparing);
            debug!(node = %connection.address(), %error, "attempt failed");
            progress.history().push(error.to_attempt(connection.address(), begin.elapsed()));
            let decision = match &failure {
                AttemptFailure::Server(unprepared) if failure.is_unprepared() => {
                    if reprepared >= progress.request.prepared().count() * MAX_REPREPARES {
                        // The error of the last PREPARE is more informative than the UNPREPARED that followed.
                        return Err(prepare_error.unwrap_or(error));
                    }
                    reprepared += 1;
                    let _in_flight = node.start_request();
                    match Box::pin(self.reprepare(progress, unprepared, &connection, begin)).await {
                        Ok(()) => {
                            prepare_error = None;
                            RetryDecision::SAME_NODE
                        }
                        // Another node may still have the statement.
                        Err(unable) if unable.may_succeed_on_another_node() => {
                            if unable.server_error().is_some_and(effect::is_shutting_down) {
                                node.drain(&connection);
                            }
                            prepare_error = Some(unable.clone());
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
                    self.retry_decision(progress, failure, writes, consistency, reprepared)
                }
            };
            match decision {
                // Fail now rather than sleep past the deadline.
                RetryDecision::Retry { after, .. }
                    if progress.time_left().is_some_and(|left| left <= after) =>
                {
                    return Err(error);
                }
                RetryDecision::Retry { same_node, after, consistency: other } => {
                    self.metrics.retries.add();
                    if !after.is_zero() {
                        Box::pin(self.cluster.runtime().sleep(after)).await;
                    }
                    if !failure.is_unprepared() {
                        node.counters().retries.of(failure.kind()).add();
                    }
                    consistency = other.unwrap_or(consistency);
                    match same_node {
                        true => retry_on = Some(node),
                        false => progress.tried().push(node),
                    }
                    last_error = Some(error);
                }
                RetryDecision::Fail => return Err(error),
            }
        }
    }

    /// Asks the retry policy what to do after a failed attempt.
    fn retry_decision(
        &self,
        progress: &RequestProgress<'_, '_>,
        failure: &AttemptFailure,
        writes: Writes,
        consistency: Consistency,
        reprepared: usize,
    ) -> RetryDecision {
        let options = progress.request.options;
        // A caller may mark a SELECT as not idempotent. It is then treated like a write.
        let writes = if writes == Writes::Nothing { Writes::AtOnce } else { writes };
        let failed = FailedAttempt {
            error: failure.as_attempt_error(),
            idempotent: options.idempotent(progress.request.read_only)
                || progress.request.preparing,
            attempts: progress.attempts().saturating_sub(reprepared),
            consistency,
            may_have_been_applied: failure.may_have_been_applied(writes),
            statement: progress.request.statement,
        };
        options.retry().unwrap_or(&*self.retry).decide(&failed)
    }

    /// Waits for a node with an open connection.
    async fn wait_for_connection(
        &self,
        progress: &RequestProgress<'_, '_>,
    ) -> Result<(Arc<Node>, Arc<Connection>), Error> {
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
