//! The first half of the one way of every request: a statement and its values become a request.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::cache::CacheSlot;
use super::execution::NodeResponse;
use super::options::EffectiveOptions;
use super::statement::{PreparedInner, ResultShape, StatementKind};
use super::{Error, ErrorKind, Executor, PreparedStatement, QueryResult, Statement};
use crate::cluster::{ClusterState, Token};
use crate::message::{self, Execute, Parameters, Prepare, Query, Request, Response, Variables};
use crate::types::{ColumnSpec, ToValues, Values};
use crate::wire::{Consistency, Context, Version};

/// A statement with its values.
#[derive(Debug, Clone)]
pub(super) struct BoundStatement {
    pub(super) statement: Statement,
    values: Values<'static>,
}

/// What is known of a request beside its message.
pub(super) struct RequestContext<'p> {
    /// What is shown of it when it fails.
    pub(super) statement: &'p Arc<str>,
    pub(super) options: EffectiveOptions<'p>,
    /// The prepared statements that it names.
    pub(super) prepared: &'p [Arc<PreparedInner>],
    /// The keyspace and the token of its partition, if they can be told.
    pub(super) keyspace: Option<&'p str>,
    pub(super) token: Option<Token>,
    /// The cluster when the request began.
    pub(super) state: &'p ClusterState,
    /// Whether it is known only to read, so that it needs no time.
    pub(super) read_only: bool,
    /// Whether the statement is only being prepared, which applies nothing.
    pub(super) preparing: bool,
    /// By when it has to be answered, if its time had begun before.
    pub(super) deadline: Option<Instant>,
    /// The statements of a batch.
    pub(super) batch: Option<&'p [(StatementKind, Values<'static>)]>,
}

/// Makes the message for a connection that has agreed on this, at this consistency.
pub(super) type Message<'p> = dyn Fn(&Context, Consistency, Option<i64>) -> (Request<'p>, Option<Arc<ResultShape>>)
    + Sync
    + 'p;

impl From<Statement> for BoundStatement {
    /// The statement without values.
    fn from(statement: Statement) -> Self {
        Self { statement, values: Values::NONE }
    }
}

impl BoundStatement {
    /// Whether it is a `USE`, which all connections have to follow.
    pub(super) fn switches_keyspace(&self) -> bool {
        self.statement.kind.switches_keyspace()
    }
}

// The futures of a request are those of the way that most take, and small: what is seldom is in a
// box.
impl Executor {
    /// Prepares text that has values, and encodes the values; in place, so that the statement is
    /// not moved from future to future. By when it has to be answered, if it had to be prepared.
    pub(super) async fn bind(
        self: &Arc<Self>,
        bound: &mut BoundStatement,
        values: &(impl ToValues + ?Sized),
    ) -> Result<Option<Instant>, Error> {
        let Statement { kind, options, .. } = &mut bound.statement;
        let options = EffectiveOptions::new(options, &self.defaults);
        let mut deadline = None;
        bound.values = self.bind_kind(kind, values, options, &mut deadline).await?;
        Ok(deadline)
    }

    /// The same of a part of a batch.
    pub(super) async fn bind_kind(
        self: &Arc<Self>,
        statement: &mut StatementKind,
        values: &(impl ToValues + ?Sized),
        options: EffectiveOptions<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<Values<'static>, Error> {
        let text = match statement {
            StatementKind::Unprepared(text) if !values.is_empty() => text,
            StatementKind::Unprepared(_) => return Ok(Values::NONE),
            StatementKind::Prepared(prepared) => {
                return prepared.encode(values).inspect_err(|error| {
                    // Who prepares it again gets a new one.
                    if error.is_of_type() {
                        self.prepared.remove(options.keyspace(), prepared);
                    }
                });
            }
        };
        let mut prepared = self.prepare_cached(text, options, deadline).await?;
        let mut encoded = prepared.encode(values);
        if encoded.as_ref().is_err_and(Error::is_of_type) {
            // A type may have been altered since the statement was prepared, of which nobody tells.
            self.prepared.remove(options.keyspace(), &prepared);
            let again = self.prepare_cached(text, options, deadline).await?;
            if again.variables != prepared.variables {
                encoded = again.encode(values);
                prepared = again;
            }
        }
        *statement = StatementKind::Prepared(prepared);
        encoded
    }

    /// Runs a statement; of rows, the page that `paging_state` points to.
    pub(super) async fn execute(
        &self,
        bound: &BoundStatement,
        paging_state: Option<&Bytes>,
        deadline: Option<Instant>,
    ) -> Result<QueryResult, Error> {
        let BoundStatement { statement: Statement { kind, options, .. }, values } = bound;
        let options = EffectiveOptions::new(options, &self.defaults);
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
        let mut request =
            RequestContext { deadline, ..self.request_context(kind, values, options, &state) };
        // Only text that somebody else has read tells its partition without its keyspace.
        let current = match (request.keyspace, request.token) {
            (None, Some(_)) => self.cluster.keyspace(),
            _ => None,
        };
        request.keyspace = request.keyspace.or(current.as_deref());
        match kind {
            StatementKind::Unprepared(text) => {
                let message = |_: &Context, consistency, timestamp| {
                    let mut parameters = parameters(consistency, timestamp, false);
                    parameters.keyspace = options.keyspace().map(Cow::Borrowed);
                    (Query { text: text[..].into(), parameters }.into(), None)
                };
                self.send_for_result(&request, &message).await
            }
            StatementKind::Prepared(prepared) => {
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
                self.send_for_result(&request, &message).await
            }
        }
    }

    fn request_context<'p>(
        &self,
        kind: &'p StatementKind,
        values: &Values<'_>,
        options: EffectiveOptions<'p>,
        state: &'p ClusterState,
    ) -> RequestContext<'p> {
        let (statement, prepared) = match kind {
            StatementKind::Unprepared(text) => (text, None),
            StatementKind::Prepared(prepared) => (&prepared.text, Some(prepared)),
        };
        let keyspace = prepared.and_then(|prepared| prepared.keyspace());
        RequestContext {
            statement,
            options,
            prepared: prepared.map(std::slice::from_ref).unwrap_or_default(),
            keyspace: keyspace.or(options.keyspace()),
            token: token(prepared, values, options, state),
            state,
            read_only: prepared.is_some_and(|prepared| prepared.read_only),
            preparing: false,
            deadline: None,
            batch: None,
        }
    }

    /// Prepares a statement, and keeps it.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        statement: Statement,
    ) -> Result<PreparedStatement, Error> {
        let Statement { kind, options, .. } = statement;
        let prepared = match kind {
            StatementKind::Unprepared(text) => {
                let decided = EffectiveOptions::new(&options, &self.defaults);
                self.prepare_cached(&text, decided, &mut None).await?
            }
            StatementKind::Prepared(prepared) => prepared,
        };
        Ok(PreparedStatement { prepared, options })
    }

    async fn prepare_cached(
        self: &Arc<Self>,
        text: &Arc<str>,
        options: EffectiveOptions<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let slot = self.prepared.slot(options.keyspace(), text);
        match slot.get() {
            Some(prepared) => Ok(Arc::clone(prepared)),
            None => {
                *deadline = deadline.or_else(|| options.deadline(Instant::now()));
                Box::pin(self.prepare_in_task(slot, text, options, *deadline)).await
            }
        }
    }

    async fn prepare_in_task(
        self: &Arc<Self>,
        slot: CacheSlot,
        text: &Arc<str>,
        options: EffectiveOptions<'_>,
        deadline: Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let (inner, of, own) = (Arc::clone(self), Arc::clone(text), options.to_statement_options());
        let prepare = async move {
            let options = EffectiveOptions::new(&own, &inner.defaults);
            let prepare = slot.get_or_try_init(|| inner.prepare_now(&of, options, deadline));
            match deadline {
                None => prepare.await.cloned(),
                // Somebody else may be preparing it, and have more time.
                Some(deadline) => timeout_at(deadline, prepare)
                    .await
                    .unwrap_or_else(|_| {
                        let error = Error::new(ErrorKind::Timeout, "it was not prepared in time");
                        Err(error.with_statement(&of).while_preparing())
                    })
                    .cloned(),
            }
        };
        // In a task of its own: others wait for it, and who has begun it may forget to go on.
        let mut task = JoinSet::new();
        task.spawn(prepare.in_current_span());
        match task.join_next().await {
            Some(Ok(prepared)) => prepared,
            Some(Err(why)) => Err(Error::stopped(&why).with_statement(text)),
            None => Err(Error::stopped(&"nothing was begun").with_statement(text)),
        }
    }

    async fn prepare_now(
        &self,
        text: &Arc<str>,
        options: EffectiveOptions<'_>,
        deadline: Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let state = self.cluster.state();
        // The server keeps what it has prepared, so that preparing twice is as good as once.
        let request = RequestContext {
            statement: text,
            options,
            prepared: &[],
            keyspace: None,
            token: None,
            state: &state,
            read_only: true,
            preparing: true,
            deadline,
            batch: None,
        };
        let keyspace = options.keyspace();
        let message = |_: &Context, _, _| (prepare(text, keyspace).into(), None);
        let answer = self.send(&request, &message).await?;
        let mut prepared =
            prepared(answer.frame.response).map_err(|error| error.with_statement(text))?;
        let Variables { columns, partition_key, .. } = &mut prepared.variables;
        // Servers of v3 do not say it, but the schema may.
        if let Some(ColumnSpec { table, .. }) = columns.first()
            && answer.version == Version::V3
            && let Some(table) = state.schema().table(&table.keyspace, &table.table)
        {
            *partition_key = table.key_variables(columns);
        }
        Ok(Arc::new(PreparedInner::new(text, prepared)))
    }

    /// Makes a request that is answered with a RESULT.
    pub(super) async fn send_for_result<'p>(
        &self,
        request: &RequestContext<'p>,
        message: &Message<'p>,
    ) -> Result<QueryResult, Error> {
        let NodeResponse { frame, shape, node, .. } = self.send(request, message).await?;
        let mut known = shape.as_ref().and_then(|shape| shape.columns.clone());
        match &frame.response {
            Response::Result(message::ResultMessage::SetKeyspace(keyspace)) => {
                Box::pin(self.cluster.use_keyspace(keyspace)).await;
                self.prepared.clear();
            }
            Response::Result(message::ResultMessage::Rows(rows)) => {
                if let (Some(id), [prepared]) = (&rows.metadata.new_metadata_id, request.prepared) {
                    known = rows.metadata.columns.clone();
                    prepared.set_shape(id, known.clone());
                }
            }
            _ => {}
        }
        let result = QueryResult::new(frame, known, node)
            .map_err(|error| error.with_statement(request.statement))?;
        match result.schema_change() {
            Some(change) => {
                let node = result.coordinator();
                let agreed =
                    Box::pin(self.cluster.wait_for_schema_agreement(change, node, self.agreement))
                        .await;
                Ok(result.with_schema_agreed(agreed))
            }
            None => Ok(result),
        }
    }
}

/// The token of the partition of a statement, if it can be told.
pub(super) fn token(
    prepared: Option<&Arc<PreparedInner>>,
    values: &Values<'_>,
    options: EffectiveOptions<'_>,
    state: &ClusterState,
) -> Option<Token> {
    let partitioner = state.partitioner()?;
    match options.routing_key() {
        Some(key) => Some(partitioner.token(key)),
        None => prepared?.token(values, partitioner),
    }
}

/// A request to prepare a statement.
pub(super) fn prepare<'p>(text: &'p str, keyspace: Option<&'p str>) -> Prepare<'p> {
    Prepare { keyspace: keyspace.map(Cow::Borrowed), ..Prepare::new(text) }
}

/// The statement that a PREPARE was answered with.
pub(super) fn prepared(response: Response) -> Result<message::PreparedResult, Error> {
    match response {
        Response::Result(message::ResultMessage::Prepared(prepared)) => Ok(prepared),
        _ => Err(Error::new(ErrorKind::Read, "PREPARE was answered with no statement")),
    }
}
