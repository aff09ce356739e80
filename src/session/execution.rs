//! The second half of the one way of every request: plan, attempt, decide.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, debug, warn};

use super::cql::switches_keyspace;
use super::error::Attempt;
use super::request::{Message, RequestContext, prepare, prepared};
use super::retry::{AttemptError, FailedAttempt, RetryDecision};
use super::statement::ResultShape;
use super::{Error, ErrorKind, Executor, span};
use crate::cluster::{ClusterState, FailureKind, LoadBalancing, Node, Routing};
use crate::connection::{Connection, RequestError, RequestErrorKind};
use crate::message::{ErrorCode, ErrorDetails, RequestFrame, Response, ResponseFrame, ServerError};
use crate::wire::{Consistency, FrameEncoder, Stream, Version};

/// An answer, and what its rows are where it does not say so.
pub(super) struct NodeResponse {
    pub(super) frame: Box<ResponseFrame>,
    pub(super) shape: Option<Arc<ResultShape>>,
    pub(super) node: Arc<Node>,
    /// The version that it came in.
    pub(super) version: Version,
    /// When it came.
    at: Instant,
}

/// A request on its way: what its executions share.
pub(super) struct RequestProgress<'r, 'p> {
    request: &'r RequestContext<'p>,
    message: &'r Message<'p>,
    timestamp: Option<i64>,
    begin: Instant,
    deadline: Option<Instant>,
    /// Whether several executions may be under way, and must not ask the same nodes.
    speculates: bool,
    /// Nodes that need not be asked again, as long as there are others.
    tried: Mutex<Vec<Arc<Node>>>,
    attempts: AtomicUsize,
    speculations: AtomicUsize,
    history: Mutex<Vec<Attempt>>,
}

/// Why an attempt has failed.
enum AttemptFailure {
    Server(Box<ServerError>),
    NoAnswer(Box<RequestError>),
}

// The futures of a request are those of the way that most take, and small: what is seldom is in a
// box.
impl Executor {
    /// Makes a request until it is answered, or until making it again would do no good.
    pub(super) async fn send<'p>(
        &self,
        request: &RequestContext<'p>,
        message: &Message<'p>,
    ) -> Result<NodeResponse, Error> {
        let span = span::begin(request, &self.cluster);
        match span.is_disabled() {
            true => self.send_in_span(request, message, &span).await,
            // In a box, so that it makes no future larger where nobody listens.
            false => {
                let answer = self.send_in_span(request, message, &span);
                Box::pin(answer.instrument(span.clone())).await
            }
        }
    }

    async fn send_in_span<'p>(
        &self,
        request: &RequestContext<'p>,
        message: &Message<'p>,
        span: &Span,
    ) -> Result<NodeResponse, Error> {
        let begin = Instant::now();
        let options = request.options;
        let deadline = request.deadline.or_else(|| options.deadline(begin));
        let _permit = match &self.gate {
            Some(gate) => match Box::pin(gate.enter(deadline)).await {
                Ok(permit) => {
                    self.metrics.let_through(begin);
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
        let speculative = options.speculative().filter(|_| options.idempotent(request.statement));
        let progress = RequestProgress {
            request,
            message,
            // Once for all attempts, so that none is later than what was written meanwhile.
            timestamp: match request.read_only {
                true => options.timestamp(),
                false => options.timestamp().or_else(|| self.timestamps.next()),
            },
            // What was waited at the throttle is not the node's.
            begin: self.gate.as_ref().map_or(begin, |_| Instant::now()),
            deadline,
            speculates: speculative.is_some(),
            tried: Mutex::default(),
            attempts: AtomicUsize::new(0),
            speculations: AtomicUsize::new(0),
            history: Mutex::default(),
        };
        let outcome = match speculative {
            None => self.run_execution(&progress).await,
            Some(speculative) => Box::pin(self.run_speculatively(&progress, speculative)).await,
        };
        let end = outcome.as_ref().map_or_else(|_| Instant::now(), |answer| answer.at);
        self.metrics.request(begin, end, outcome.as_ref().err());
        let outcome = outcome.map_err(|error| {
            error
                .about(request)
                .with_statement(request.statement)
                .with_consistency(options.consistency())
                .with_history(std::mem::take(&mut *progress.history()))
        });
        span::end(span, &outcome, progress.speculations.load(Ordering::Relaxed), &self.cluster);
        outcome
    }

    /// Whether there is a node that was not asked yet.
    pub(super) fn has_untried_node(&self, progress: &RequestProgress<'_, '_>) -> bool {
        let state = self.cluster.state();
        let tried = progress.tried();
        self.balancing(progress).pick(&progress.routing(), &state, &tried).is_some()
    }

    /// Asks one node after the other.
    pub(super) async fn run_execution(
        &self,
        progress: &RequestProgress<'_, '_>,
    ) -> Result<NodeResponse, Error> {
        let mut consistency = progress.request.options.consistency();
        let mut reprepared = 0;
        let mut same = None;
        let mut last = None;
        loop {
            let found = same.take().and_then(|node: Arc<Node>| {
                let connection = node.connection()?;
                Some((node, connection))
            });
            let found = found.or_else(|| match &last {
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
                // What came of the attempt before says more than that there is no other.
                Err(error) => return Err(last.unwrap_or(error)),
            };
            // The first attempt begins with the request, which spares a look at the clock.
            let is_first = progress.attempts.load(Ordering::Relaxed) == 0 && !has_waited;
            let begin = if is_first { progress.begin } else { Instant::now() };
            let attempt = self.attempt(progress, &node, &connection, consistency, begin).await;
            let failed = match attempt {
                Ok((frame, shape, at)) => {
                    let version = connection.context().version;
                    return Ok(NodeResponse { frame, shape, node, version, at });
                }
                Err(failed) => failed,
            };
            let mut error = failed.error(connection.address()).about(progress.request);
            debug!(node = %connection.address(), %error, "an attempt has failed");
            progress.history().push(error.attempt(connection.address(), begin.elapsed()));
            let decision = match &failed {
                AttemptFailure::Server(unprepared) if failed.is_unprepared() => {
                    // A server that always forgets is of no use.
                    if reprepared >= progress.request.prepared.len() * MAX_REPREPARES {
                        return Err(error);
                    }
                    reprepared += 1;
                    let _in_flight = node.start_request();
                    match Box::pin(self.reprepare(progress, unprepared, &connection, begin)).await {
                        Ok(()) => RetryDecision::SAME_NODE,
                        // Another node may know the statement.
                        Err(unable) if unable.is_of_node() => {
                            error = unable;
                            RetryDecision::NEXT_NODE
                        }
                        Err(error) => return Err(error),
                    }
                }
                failed => {
                    node.counters().errors.of(failed.kind()).add();
                    self.retry_decision(progress, failed, consistency, reprepared)
                }
            };
            match decision {
                // A pause that takes all the time that is left is no use.
                RetryDecision::Retry { after, .. }
                    if time_left(progress.deadline).is_some_and(|left| left <= after) =>
                {
                    return Err(error);
                }
                RetryDecision::Retry { same_node, after, consistency: other } => {
                    self.metrics.retries.add();
                    if !after.is_zero() {
                        Box::pin(tokio::time::sleep(after)).await;
                    }
                    if !failed.is_unprepared() {
                        node.counters().retries.of(failed.kind()).add();
                    }
                    consistency = other.unwrap_or(consistency);
                    match same_node {
                        true => same = Some(node),
                        false => progress.tried().push(node),
                    }
                    last = Some(error);
                }
                RetryDecision::Fail => return Err(error),
            }
        }
    }

    fn retry_decision(
        &self,
        progress: &RequestProgress<'_, '_>,
        failed: &AttemptFailure,
        consistency: Consistency,
        reprepared: usize,
    ) -> RetryDecision {
        let options = progress.request.options;
        let failed = FailedAttempt {
            error: match failed {
                AttemptFailure::Server(error) => AttemptError::Server(error),
                AttemptFailure::NoAnswer(error) => AttemptError::NoAnswer(error),
            },
            idempotent: options.idempotent(progress.request.statement)
                || progress.request.preparing,
            attempts: progress.attempts.load(Ordering::Relaxed).saturating_sub(reprepared),
            consistency,
            statement: progress.request.statement,
        };
        options.retry().unwrap_or(&*self.retry).decide(&failed)
    }

    /// Waits for a node that can be asked, and a connection to it.
    async fn wait_for_connection(
        &self,
        progress: &RequestProgress<'_, '_>,
    ) -> Result<(Arc<Node>, Arc<Connection>), Error> {
        let find = || {
            // A new round: who has been asked may be asked again.
            progress.tried().clear();
            self.pick_node(progress, &self.cluster.state())
        };
        self.cluster.wait_for_node(progress.deadline, find).await.map_err(|failure| {
            let is_late = time_left(progress.deadline).is_some_and(|left| left.is_zero());
            let error = Error::unreachable(failure);
            if is_late { error.in_time() } else { error }
        })
    }

    /// The node that the policy wants, if it has a connection.
    fn pick_node(
        &self,
        progress: &RequestProgress<'_, '_>,
        state: &ClusterState,
    ) -> Option<(Arc<Node>, Arc<Connection>)> {
        let (balancing, routing) = (self.balancing(progress), progress.routing());
        let mut tried = progress.tried();
        loop {
            let node = balancing.pick(&routing, state, &tried)?;
            let connection = node.connection();
            match connection {
                Some(connection) => {
                    if progress.speculates {
                        tried.push(Arc::clone(&node));
                    }
                    return Some((node, connection));
                }
                // A policy that has no other node.
                None if tried.iter().any(|tried| Arc::ptr_eq(tried, &node)) => return None,
                None => tried.push(node),
            }
        }
    }

    fn balancing<'r>(&'r self, progress: &RequestProgress<'r, '_>) -> &'r dyn LoadBalancing {
        progress.request.options.balancing().unwrap_or(&*self.cluster.settings().load_balancing)
    }

    /// Makes a request once.
    async fn attempt(
        &self,
        progress: &RequestProgress<'_, '_>,
        node: &Node,
        connection: &Connection,
        consistency: Consistency,
        begin: Instant,
    ) -> Result<(Box<ResponseFrame>, Option<Arc<ResultShape>>, Instant), AttemptFailure> {
        progress.attempts.fetch_add(1, Ordering::Relaxed);
        let options = progress.request.options;
        let mut shape = None;
        // It is made where it is encoded, so that it is no part of the future.
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| {
            let (request, of_rows) =
                (progress.message)(encoder.context(), consistency, progress.timestamp);
            shape = of_rows;
            let frame = RequestFrame {
                tracing: options.tracing(),
                custom_payload: options.custom_payload().cloned().unwrap_or_default(),
                ..RequestFrame::new(Stream::default(), request)
            };
            frame.encode(encoder, out)
        };
        let _in_flight = node.start_request();
        let deadline = progress.attempt_deadline(begin);
        let known = progress.request.prepared.first().map(|prepared| &prepared.columns);
        match connection.request_until(encode, deadline, known).await {
            Ok(answer) => {
                let at = Instant::now();
                let took = at.saturating_duration_since(begin);
                node.counters().record_response(took);
                if let Response::Error(error) = answer.response {
                    return Err(AttemptFailure::Server(Box::new(error)));
                }
                node.record_latency(took);
                for warning in &answer.warnings {
                    warn!(node = %connection.address(), %warning, "the server warns");
                }
                Ok((answer, shape, at))
            }
            Err(error) => {
                let RequestContext { statement, preparing, .. } = *progress.request;
                let may_switch = !preparing && switches_keyspace(statement);
                if may_switch && error.may_have_been_applied() {
                    // Nobody knows which keyspace it uses now.
                    connection.close();
                }
                if error.kind == RequestErrorKind::TimedOut {
                    // A node that does not answer is slow, not as fast as it was before.
                    node.record_latency(begin.elapsed());
                }
                Err(AttemptFailure::NoAnswer(error))
            }
        }
    }

    /// Prepares again, on this connection, the statement whose id its server has forgotten, as an
    /// attempt has found that began at `begin`.
    async fn reprepare(
        &self,
        progress: &RequestProgress<'_, '_>,
        error: &ServerError,
        connection: &Connection,
        begin: Instant,
    ) -> Result<(), Error> {
        let unknown = || Error::server(error.clone(), connection.address());
        let ErrorDetails::Unprepared { id } = &error.details else { return Err(unknown()) };
        let forgotten = progress.request.prepared.iter().find(|prepared| prepared.id == id);
        let Some(forgotten) = forgotten else { return Err(unknown()) };
        let deadline = progress.attempt_deadline(Instant::now());
        let reprepared_at = forgotten.reprepared_at(connection.address(), &self.cluster.state());
        let mut reprepared_at = match deadline {
            Some(end) => timeout_at(end, reprepared_at.lock()).await.map_err(|_| {
                let text = "the node has forgotten the statement, and was not told it in time";
                Error::new(ErrorKind::Timeout, text)
            })?,
            None => reprepared_at.lock().await,
        };
        if reprepared_at.is_some_and(|at| at > begin) {
            return Ok(());
        }
        let keyspace = progress.request.options.keyspace();
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| {
            let prepare = prepare(&forgotten.text, keyspace);
            RequestFrame::encode_bare(Stream::default(), &prepare, encoder, out)
        };
        let answer = connection.request_until(encode, deadline, None).await;
        // What may have been written applies nothing.
        let answer = answer
            .map_err(|error| Box::new(RequestError::new(error.address, error.kind, false)))?;
        if let Response::Error(error) = answer.response {
            let error = Error::server(error, connection.address());
            if !error.is_of_node() {
                self.prepared.remove(keyspace, forgotten);
            }
            return Err(error);
        }
        // The same text is the same statement, unless the keyspace or the schema is another.
        if !forgotten.is_compatible_with(&prepared(answer.response)?) {
            self.prepared.remove(keyspace, forgotten);
            let text = "the server has forgotten the statement, and prepares its text as another \
                        one now, of another keyspace or schema; prepare it again";
            return Err(Error::new(ErrorKind::Bind, text));
        }
        *reprepared_at = Some(Instant::now());
        Ok(())
    }
}

/// How often a statement is prepared again for one request. Once is not always enough: while several
/// clients prepare the same, Cassandra throws out for one what it has just kept for another.
const MAX_REPREPARES: usize = 3;

impl RequestProgress<'_, '_> {
    /// By when an attempt must be answered that begins now.
    fn attempt_deadline(&self, begin: Instant) -> Option<Instant> {
        match self.request.options.attempt_deadline(begin) {
            Some(attempt) => Some(self.deadline.map_or(attempt, |all| all.min(attempt))),
            None => self.deadline,
        }
    }

    fn routing(&self) -> Routing<'_> {
        let RequestContext { options, keyspace, token, .. } = *self.request;
        Routing { keyspace, token, consistency: options.consistency() }
    }

    fn tried(&self) -> MutexGuard<'_, Vec<Arc<Node>>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another node is asked, because the one that was asked last takes its time.
    pub(super) fn record_speculation(&self) {
        self.speculations.fetch_add(1, Ordering::Relaxed);
        if let Some(slow) = self.tried().last() {
            debug!(node = %slow.address(), "another node is asked, since this one takes its time");
            slow.counters().speculative_executions.add();
        }
    }

    fn history(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AttemptFailure {
    /// Whether the node has forgotten the statement, which is nobody's fault.
    fn is_unprepared(&self) -> bool {
        matches!(self, Self::Server(error) if error.code == ErrorCode::Unprepared)
    }

    /// What it counts as.
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoAnswer(error) if error.may_have_been_applied() => FailureKind::Aborted,
            Self::NoAnswer(_) => FailureKind::Unsent,
            Self::Server(error) => match error.code {
                ErrorCode::WriteTimeout => FailureKind::WriteTimeout,
                ErrorCode::ReadTimeout => FailureKind::ReadTimeout,
                ErrorCode::Unavailable => FailureKind::Unavailable,
                _ => FailureKind::Other,
            },
        }
    }

    fn error(&self, address: std::net::SocketAddr) -> Error {
        match self {
            Self::Server(error) => Error::server((**error).clone(), address),
            Self::NoAnswer(error) => error.clone().into(),
        }
    }
}

/// How much time is left.
fn time_left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}
