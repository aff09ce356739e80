//! The one way of every request: statement, plan, attempt, decide.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, debug, warn};

use super::cache::Cell;
use super::error::Attempt;
use super::options::Decided;
use super::retry::{FailedAttempt, FailureReason, RetryDecision};
use super::statement::{PreparedStatement, ResultShape, Text};
use super::{Error, ErrorKind, Inner, Prepared, QueryResult, Statement, span};
use crate::cluster::{ClusterState, FailureKind, LoadBalancing, Node, Routing, Token};
use crate::connection::{Connection, RequestError};
use crate::message::{
    self, ErrorCode, ErrorDetails, Execute, Parameters, Prepare, Query, Request, RequestFrame,
    Response, ResponseFrame, ServerError,
};
use crate::types::{ToValues, Values};
use crate::wire::{Consistency, Context, FrameEncoder, Stream};

/// A statement with its values.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) statement: Statement,
    values: Values<'static>,
}

/// What is known of a request beside its message.
pub(super) struct About<'p> {
    /// What is shown of it when it fails.
    pub(super) statement: &'p Arc<str>,
    pub(super) options: Decided<'p>,
    /// The prepared statements that it names.
    pub(super) prepared: &'p [Arc<PreparedStatement>],
    /// The keyspace and the token of its partition, if they can be told.
    pub(super) keyspace: Option<&'p str>,
    pub(super) token: Option<Token>,
    /// The cluster when the request began.
    pub(super) state: &'p ClusterState,
    /// Whether it is known only to read, so that it needs no time.
    pub(super) reads: bool,
    /// Whether the statement is only being prepared, which applies nothing.
    pub(super) preparing: bool,
    /// The statements of a batch.
    pub(super) batch: Option<&'p [(Text, Values<'static>)]>,
}

/// Makes the message for a connection that has agreed on this, at this consistency.
pub(super) type Message<'p> = dyn Fn(&Context, Consistency, Option<i64>) -> (Request<'p>, Option<Arc<ResultShape>>)
    + Sync
    + 'p;

/// An answer, and what its rows are where it does not say so.
pub(super) struct Answer {
    pub(super) frame: Box<ResponseFrame>,
    shape: Option<Arc<ResultShape>>,
    pub(super) node: Arc<Node>,
    /// When it came.
    at: Instant,
}

/// A request on its way: what its executions share.
pub(super) struct Run<'r, 'p> {
    about: &'r About<'p>,
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
enum Failed {
    Server(Box<ServerError>),
    NoAnswer(Box<RequestError>),
}

impl From<Statement> for Bound {
    /// The statement without values.
    fn from(statement: Statement) -> Self {
        Self { statement, values: Values::NONE }
    }
}

impl Bound {
    /// Whether it is a `USE`, which all connections have to follow.
    pub(super) fn switches_keyspace(&self) -> bool {
        let Text::Plain(text) = &self.statement.text else { return false };
        let mut words = text.split_whitespace();
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("USE"))
    }
}

// The futures of a request are those of the way that most take, and small: what is seldom is in a
// box.
impl Inner {
    /// Prepares text that has values, and encodes the values; in place, so that the statement is
    /// not moved from future to future.
    pub(super) async fn bind(
        &self,
        bound: &mut Bound,
        values: &(impl ToValues + ?Sized),
    ) -> Result<(), Error> {
        let Statement { text, options, .. } = &mut bound.statement;
        let options = Decided::new(options, &self.defaults);
        bound.values = self.bind_text(text, values, options).await?;
        Ok(())
    }

    /// The same of a part of a batch.
    pub(super) async fn bind_text(
        &self,
        statement: &mut Text,
        values: &(impl ToValues + ?Sized),
        options: Decided<'_>,
    ) -> Result<Values<'static>, Error> {
        let text = match statement {
            Text::Plain(text) if !values.is_empty() => text,
            Text::Plain(_) => return Ok(Values::NONE),
            Text::Prepared(prepared) => return prepared.encode(values),
        };
        let mut prepared = self.prepare_cached(text, options).await?;
        let mut encoded = prepared.encode(values);
        if encoded.is_err() {
            // A type may have been altered since the statement was prepared, of which nobody tells.
            self.prepared.forget(options.keyspace(), text);
            let again = self.prepare_cached(text, options).await?;
            if again.variables != prepared.variables {
                encoded = again.encode(values);
                prepared = again;
            }
        }
        *statement = Text::Prepared(prepared);
        encoded
    }

    /// Runs a statement; of rows, the page that `paging_state` points to.
    pub(super) async fn execute(
        &self,
        bound: &Bound,
        paging_state: Option<&Bytes>,
    ) -> Result<QueryResult, Error> {
        let Bound { statement: Statement { text, options, .. }, values } = bound;
        let options = Decided::new(options, &self.defaults);
        let parameters = |consistency, timestamp, skip_metadata| Parameters {
            values: values.borrowed(),
            skip_metadata,
            paging_state: paging_state.map(|state| state[..].into()),
            page_size: options.page_size(),
            serial_consistency: options.serial_consistency(),
            timestamp,
            now_in_seconds: options.now_in_seconds(),
            ..Parameters::from(consistency)
        };
        let state = self.cluster.state();
        let about = self.about(text, values, options, &state);
        match text {
            Text::Plain(text) => {
                let message = |_: &Context, consistency, timestamp| {
                    let mut parameters = parameters(consistency, timestamp, false);
                    parameters.keyspace = options.keyspace().map(Cow::Borrowed);
                    (Query { text: text[..].into(), parameters }.into(), None)
                };
                self.run(&about, &message).await
            }
            Text::Prepared(prepared) => {
                let message = |context: &Context, consistency, timestamp| {
                    // Without its id, nobody knows when the description has become wrong.
                    let shape = context.has_metadata_ids().then(|| prepared.shape());
                    let columns = shape.as_ref().and_then(|shape| shape.columns.as_ref());
                    let skips = columns.is_some_and(|columns| !columns.is_empty());
                    let execute = Execute {
                        id: prepared.id[..].into(),
                        result_metadata_id: shape.as_ref().map(|shape| shape.id.to_vec().into()),
                        parameters: parameters(consistency, timestamp, skips),
                    };
                    (execute.into(), shape)
                };
                self.run(&about, &message).await
            }
        }
    }

    fn about<'p>(
        &self,
        text: &'p Text,
        values: &Values<'_>,
        options: Decided<'p>,
        state: &'p ClusterState,
    ) -> About<'p> {
        let (statement, prepared) = match text {
            Text::Plain(text) => (text, None),
            Text::Prepared(prepared) => (&prepared.text, Some(prepared)),
        };
        let keyspace = prepared.and_then(|prepared| prepared.keyspace());
        About {
            statement,
            options,
            prepared: prepared.map(std::slice::from_ref).unwrap_or_default(),
            keyspace: keyspace.or(options.keyspace()),
            token: token(prepared, values, options, state),
            state,
            reads: prepared.is_some_and(|prepared| prepared.reads),
            preparing: false,
            batch: None,
        }
    }

    /// Prepares a statement, and keeps it.
    pub(super) async fn prepare(&self, statement: Statement) -> Result<Prepared, Error> {
        let Statement { text, options, .. } = statement;
        let prepared = match text {
            Text::Plain(text) => {
                self.prepare_cached(&text, Decided::new(&options, &self.defaults)).await?
            }
            Text::Prepared(prepared) => prepared,
        };
        Ok(Prepared { prepared, options })
    }

    async fn prepare_cached(
        &self,
        text: &Arc<str>,
        options: Decided<'_>,
    ) -> Result<Arc<PreparedStatement>, Error> {
        let cell = self.prepared.cell(options.keyspace(), text);
        match cell.get() {
            Some(prepared) => Ok(Arc::clone(prepared)),
            None => Box::pin(self.prepare_in(&cell, text, options)).await,
        }
    }

    async fn prepare_in(
        &self,
        cell: &Cell,
        text: &Arc<str>,
        options: Decided<'_>,
    ) -> Result<Arc<PreparedStatement>, Error> {
        let prepare = cell.get_or_try_init(|| self.prepare_now(text, options));
        match options.timeout() {
            None => prepare.await.cloned(),
            // Somebody else may be preparing it, and have more time.
            Some(time) => tokio::time::timeout(time, prepare)
                .await
                .unwrap_or_else(|_| {
                    let error = Error::new(ErrorKind::Timeout, "it was not prepared in time");
                    Err(error.with_statement(text).while_preparing())
                })
                .cloned(),
        }
    }

    async fn prepare_now(
        &self,
        text: &Arc<str>,
        options: Decided<'_>,
    ) -> Result<Arc<PreparedStatement>, Error> {
        // The server keeps what it has prepared, so that preparing twice is as good as once.
        let about = About {
            statement: text,
            options,
            prepared: &[],
            keyspace: None,
            token: None,
            state: &self.cluster.state(),
            reads: true,
            preparing: true,
            batch: None,
        };
        let keyspace = options.keyspace();
        let message = |_: &Context, _, _| (prepare(text, keyspace).into(), None);
        let answer = self.answer(&about, &message).await?;
        let prepared =
            prepared(answer.frame.response).map_err(|error| error.with_statement(text))?;
        Ok(Arc::new(PreparedStatement::new(text, prepared)))
    }

    /// Makes a request that is answered with a RESULT.
    pub(super) async fn run<'p>(
        &self,
        about: &About<'p>,
        message: &Message<'p>,
    ) -> Result<QueryResult, Error> {
        let Answer { frame, shape, node, .. } = self.answer(about, message).await?;
        let mut known = shape.as_ref().and_then(|shape| shape.columns.clone());
        match &frame.response {
            Response::Result(message::QueryResult::SetKeyspace(keyspace)) => {
                Box::pin(self.cluster.use_keyspace(keyspace)).await;
                self.prepared.clear();
            }
            Response::Result(message::QueryResult::Rows(rows)) => {
                if let (Some(id), [prepared]) = (&rows.metadata.new_metadata_id, about.prepared) {
                    known = rows.metadata.columns.clone();
                    prepared.set_shape(ResultShape { id: id.clone(), columns: known.clone() });
                }
            }
            _ => {}
        }
        let result = QueryResult::new(frame, known, node)
            .map_err(|error| error.with_statement(about.statement))?;
        match result.schema_change() {
            Some(change) => {
                let node = result.coordinator();
                let agreed = Box::pin(self.cluster.after(change, node, self.agreement)).await;
                Ok(result.with_schema_agreed(agreed))
            }
            None => Ok(result),
        }
    }

    /// Makes a request until it is answered, or until making it again would do no good.
    pub(super) async fn answer<'p>(
        &self,
        about: &About<'p>,
        message: &Message<'p>,
    ) -> Result<Answer, Error> {
        let span = span::begin(about, &self.cluster);
        match span.is_disabled() {
            true => self.answer_within(about, message, &span).await,
            // In a box, so that it makes no future larger where nobody listens.
            false => {
                let answer = self.answer_within(about, message, &span);
                Box::pin(answer.instrument(span.clone())).await
            }
        }
    }

    async fn answer_within<'p>(
        &self,
        about: &About<'p>,
        message: &Message<'p>,
        span: &Span,
    ) -> Result<Answer, Error> {
        let begin = Instant::now();
        let options = about.options;
        let deadline = options.timeout().and_then(|timeout| begin.checked_add(timeout));
        let _permit = match &self.gate {
            Some(gate) => match Box::pin(gate.enter(deadline)).await {
                Ok(permit) => {
                    self.metrics.let_through(begin);
                    permit
                }
                Err(error) => {
                    self.metrics.throttled.add();
                    let outcome = Err(error.with_statement(about.statement));
                    span::end(span, &outcome, 0, &self.cluster);
                    return outcome;
                }
            },
            None => None,
        };
        let speculative = options.speculative().filter(|_| options.idempotent());
        let run = Run {
            about,
            message,
            // Once for all attempts, so that none is later than what was written meanwhile.
            timestamp: match about.reads {
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
            None => self.execution(&run).await,
            Some(speculative) => Box::pin(self.speculate(&run, speculative)).await,
        };
        let end = outcome.as_ref().map_or_else(|_| Instant::now(), |answer| answer.at);
        self.metrics.request(begin, end, outcome.as_ref().err());
        let outcome = outcome.map_err(|error| {
            let error = error
                .with_statement(about.statement)
                .with_consistency(options.consistency())
                .with_history(std::mem::take(&mut *run.history()));
            if about.preparing { error.while_preparing() } else { error }
        });
        span::end(span, &outcome, run.speculations.load(Ordering::Relaxed), &self.cluster);
        outcome
    }

    /// Whether there is a node that was not asked yet.
    pub(super) fn has_other(&self, run: &Run<'_, '_>) -> bool {
        let state = self.cluster.state();
        let tried = run.tried();
        self.balancing(run).pick(&run.routing(), &state, &tried).is_some()
    }

    /// Asks one node after the other.
    pub(super) async fn execution(&self, run: &Run<'_, '_>) -> Result<Answer, Error> {
        let mut consistency = run.about.options.consistency();
        let mut reprepared = 0;
        let mut same = None;
        let mut last = None;
        loop {
            let found = same.take().and_then(|node: Arc<Node>| {
                let connection = node.connection()?;
                Some((node, connection))
            });
            let found = found.or_else(|| match &last {
                None => self.pick(run, run.about.state),
                Some(_) => self.pick(run, &self.cluster.state()),
            });
            let next = match found {
                Some(next) => Ok(next),
                None => Box::pin(self.wait_for_next(run)).await,
            };
            let (node, connection) = match next {
                Ok(next) => next,
                // What came of the attempt before says more than that there is no other.
                Err(error) => return Err(last.unwrap_or(error)),
            };
            // The first attempt begins with the request, which spares a look at the clock.
            let begin = if last.is_none() { run.begin } else { Instant::now() };
            let attempt = self.attempt(run, &node, &connection, consistency, begin).await;
            let failed = match attempt {
                Ok((frame, shape, at)) => return Ok(Answer { frame, shape, node, at }),
                Err(failed) => failed,
            };
            let error = failed.error(connection.address());
            debug!(node = %connection.address(), %error, "an attempt has failed");
            run.history().push(error.attempt(connection.address(), begin.elapsed()));
            let decision = match &failed {
                Failed::Server(error) if failed.is_unprepared() => {
                    // A server that always forgets is of no use.
                    if reprepared >= run.about.prepared.len() * MOST_REPREPARES {
                        return Err(failed.error(connection.address()));
                    }
                    reprepared += 1;
                    Box::pin(self.reprepare(run, error, &connection, begin)).await?;
                    RetryDecision::SAME_NODE
                }
                failed => {
                    node.counts().errors.of(failed.kind()).add();
                    self.decide(run, failed, consistency, reprepared)
                }
            };
            match decision {
                // A pause that takes all the time that is left is no use.
                RetryDecision::Retry { after, .. }
                    if left(run.deadline).is_some_and(|left| left <= after) =>
                {
                    return Err(error);
                }
                RetryDecision::Retry { same_node, after, consistency: other } => {
                    self.metrics.retries.add();
                    if !after.is_zero() {
                        Box::pin(tokio::time::sleep(after)).await;
                    }
                    if !failed.is_unprepared() {
                        node.counts().retries.of(failed.kind()).add();
                    }
                    consistency = other.unwrap_or(consistency);
                    match same_node {
                        true => same = Some(node),
                        false => run.tried().push(node),
                    }
                    last = Some(error);
                }
                RetryDecision::Fail => return Err(error),
            }
        }
    }

    fn decide(
        &self,
        run: &Run<'_, '_>,
        failed: &Failed,
        consistency: Consistency,
        reprepared: usize,
    ) -> RetryDecision {
        let options = run.about.options;
        let failed = FailedAttempt {
            reason: match failed {
                Failed::Server(error) => FailureReason::Server(error),
                Failed::NoAnswer(error) => FailureReason::NoAnswer(error),
            },
            idempotent: options.idempotent() || run.about.preparing,
            attempts: run.attempts.load(Ordering::Relaxed).saturating_sub(reprepared),
            consistency,
        };
        options.retry().unwrap_or(&*self.retry).decide(&failed)
    }

    /// Waits for a node that can be asked, and a connection to it.
    async fn wait_for_next(
        &self,
        run: &Run<'_, '_>,
    ) -> Result<(Arc<Node>, Arc<Connection>), Error> {
        loop {
            // A new round: who has been asked may be asked again.
            run.tried().clear();
            self.cluster.wait_for_node(run.deadline).await.map_err(Error::unreachable)?;
            if let Some(next) = self.pick(run, &self.cluster.state()) {
                return Ok(next);
            }
            // A node may look connected and not be so any more: let its tasks notice.
            tokio::task::yield_now().await;
        }
    }

    /// The node that the policy wants, if it has a connection.
    fn pick(
        &self,
        run: &Run<'_, '_>,
        state: &ClusterState,
    ) -> Option<(Arc<Node>, Arc<Connection>)> {
        let (balancing, routing) = (self.balancing(run), run.routing());
        let mut tried = run.tried();
        loop {
            let node = balancing.pick(&routing, state, &tried)?;
            let connection = node.connection();
            match connection {
                Some(connection) => {
                    if run.speculates {
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

    fn balancing<'r>(&'r self, run: &Run<'r, '_>) -> &'r dyn LoadBalancing {
        run.about.options.balancing().unwrap_or(&*self.cluster.settings().balancing)
    }

    /// Makes a request once.
    async fn attempt(
        &self,
        run: &Run<'_, '_>,
        node: &Node,
        connection: &Connection,
        consistency: Consistency,
        begin: Instant,
    ) -> Result<(Box<ResponseFrame>, Option<Arc<ResultShape>>, Instant), Failed> {
        run.attempts.fetch_add(1, Ordering::Relaxed);
        let options = run.about.options;
        let mut shape = None;
        // It is made where it is encoded, so that it is no part of the future.
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| {
            let (request, of_rows) = (run.message)(encoder.context(), consistency, run.timestamp);
            shape = of_rows;
            let frame = RequestFrame {
                tracing: options.tracing(),
                custom_payload: options.custom_payload().cloned().unwrap_or_default(),
                ..RequestFrame::new(Stream::default(), request)
            };
            frame.encode(encoder, out)
        };
        let _in_flight = node.begin();
        let deadline = match options.attempt_timeout() {
            Some(time) => begin.checked_add(time).into_iter().chain(run.deadline).min(),
            None => run.deadline,
        };
        let known = run.about.prepared.first().map(|prepared| &prepared.columns);
        match connection.request_until(encode, deadline, known).await {
            Ok(answer) => {
                let at = Instant::now();
                let took = at.saturating_duration_since(begin);
                node.counts().message(took);
                if let Response::Error(error) = answer.response {
                    return Err(Failed::Server(Box::new(error)));
                }
                node.answered(took);
                for warning in &answer.warnings {
                    warn!(node = %connection.address(), %warning, "the server warns");
                }
                Ok((answer, shape, at))
            }
            Err(error) => Err(Failed::NoAnswer(error)),
        }
    }

    /// Prepares again, on this connection, the statement whose id its server has forgotten, as an
    /// attempt has found that began at `begin`.
    async fn reprepare(
        &self,
        run: &Run<'_, '_>,
        error: &ServerError,
        connection: &Connection,
        begin: Instant,
    ) -> Result<(), Error> {
        let unknown = || Error::server(error.clone(), connection.address());
        let ErrorDetails::Unprepared { id } = &error.details else { return Err(unknown()) };
        let forgotten = run.about.prepared.iter().find(|prepared| prepared.id == id);
        let Some(forgotten) = forgotten else { return Err(unknown()) };
        let told = forgotten.told(connection.address());
        let mut told = match run.deadline {
            Some(end) => timeout_at(end, told.lock()).await.map_err(|_| unknown())?,
            None => told.lock().await,
        };
        if told.is_some_and(|told| told > begin) {
            return Ok(());
        }
        let keyspace = run.about.options.keyspace();
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| {
            let prepare = prepare(&forgotten.text, keyspace);
            RequestFrame::encode_bare(Stream::default(), &prepare, encoder, out)
        };
        let answer = connection.request_until(encode, run.deadline, None).await?;
        if let Response::Error(error) = answer.response {
            self.prepared.forget(keyspace, &forgotten.text);
            return Err(Error::server(error, connection.address()));
        }
        let again = prepared(answer.response)?;
        // The same text has the same id, unless the keyspace or the schema is another.
        if again.id != id {
            self.prepared.forget(keyspace, &forgotten.text);
            let text = "the server has forgotten the statement, and prepares its text as another \
                        one now, of another keyspace or schema; prepare it again";
            return Err(Error::new(ErrorKind::Read, text));
        }
        *told = Some(Instant::now());
        Ok(())
    }
}

/// How often a statement is prepared again for one request. Once is not always enough: while several
/// clients prepare the same, Cassandra throws out for one what it has just kept for another.
const MOST_REPREPARES: usize = 3;

/// The token of the partition of a statement, if it can be told.
pub(super) fn token(
    prepared: Option<&Arc<PreparedStatement>>,
    values: &Values<'_>,
    options: Decided<'_>,
    state: &ClusterState,
) -> Option<Token> {
    let partitioner = state.partitioner()?;
    match options.routing_key() {
        Some(key) => Some(partitioner.token(key)),
        None => prepared?.token(values, partitioner),
    }
}

impl Run<'_, '_> {
    fn routing(&self) -> Routing<'_> {
        let About { options, keyspace, token, .. } = *self.about;
        Routing { keyspace, token, consistency: options.consistency() }
    }

    fn tried(&self) -> MutexGuard<'_, Vec<Arc<Node>>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another node is asked, because the one that was asked last takes its time.
    pub(super) fn speculated(&self) {
        self.speculations.fetch_add(1, Ordering::Relaxed);
        if let Some(slow) = self.tried().last() {
            debug!(node = %slow.address(), "another node is asked, since this one takes its time");
            slow.counts().speculations.add();
        }
    }

    fn history(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failed {
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

fn prepare<'p>(text: &'p str, keyspace: Option<&'p str>) -> Prepare<'p> {
    Prepare { keyspace: keyspace.map(Cow::Borrowed), ..Prepare::new(text) }
}

/// The statement that a PREPARE was answered with.
fn prepared(response: Response) -> Result<message::Prepared, Error> {
    match response {
        Response::Result(message::QueryResult::Prepared(prepared)) => Ok(prepared),
        _ => Err(Error::new(ErrorKind::Read, "PREPARE was answered with no statement")),
    }
}

/// How much time is left.
fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}
