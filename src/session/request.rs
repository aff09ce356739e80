//! The first half of the one way of every request: a statement and its values become a request.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::cache::Cell;
use super::execution::Answer;
use super::options::Decided;
use super::statement::{PreparedInner, ResultShape, Text};
use super::{Error, ErrorKind, Inner, PreparedStatement, QueryResult, Statement};
use crate::cluster::{ClusterState, Token};
use crate::message::{self, Execute, Parameters, Prepare, Query, Request, Response, Variables};
use crate::types::{ColumnSpec, ToValues, Values};
use crate::wire::{Consistency, Context, Version};

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
    pub(super) prepared: &'p [Arc<PreparedInner>],
    /// The keyspace and the token of its partition, if they can be told.
    pub(super) keyspace: Option<&'p str>,
    pub(super) token: Option<Token>,
    /// The cluster when the request began.
    pub(super) state: &'p ClusterState,
    /// Whether it is known only to read, so that it needs no time.
    pub(super) reads: bool,
    /// Whether the statement is only being prepared, which applies nothing.
    pub(super) preparing: bool,
    /// By when it has to be answered, if its time had begun before.
    pub(super) deadline: Option<Instant>,
    /// The statements of a batch.
    pub(super) batch: Option<&'p [(Text, Values<'static>)]>,
}

/// Makes the message for a connection that has agreed on this, at this consistency.
pub(super) type Message<'p> = dyn Fn(&Context, Consistency, Option<i64>) -> (Request<'p>, Option<Arc<ResultShape>>)
    + Sync
    + 'p;

impl From<Statement> for Bound {
    /// The statement without values.
    fn from(statement: Statement) -> Self {
        Self { statement, values: Values::NONE }
    }
}

impl Bound {
    /// Whether it is a `USE`, which all connections have to follow.
    pub(super) fn switches_keyspace(&self) -> bool {
        self.statement.text.switches_keyspace()
    }
}

// The futures of a request are those of the way that most take, and small: what is seldom is in a
// box.
impl Inner {
    /// Prepares text that has values, and encodes the values; in place, so that the statement is
    /// not moved from future to future. By when it has to be answered, if it had to be prepared.
    pub(super) async fn bind(
        self: &Arc<Self>,
        bound: &mut Bound,
        values: &(impl ToValues + ?Sized),
    ) -> Result<Option<Instant>, Error> {
        let Statement { text, options, .. } = &mut bound.statement;
        let options = Decided::new(options, &self.defaults);
        let mut deadline = None;
        bound.values = self.bind_text(text, values, options, &mut deadline).await?;
        Ok(deadline)
    }

    /// The same of a part of a batch.
    pub(super) async fn bind_text(
        self: &Arc<Self>,
        statement: &mut Text,
        values: &(impl ToValues + ?Sized),
        options: Decided<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<Values<'static>, Error> {
        let text = match statement {
            Text::Plain(text) if !values.is_empty() => text,
            Text::Plain(_) => return Ok(Values::NONE),
            Text::Prepared(prepared) => {
                return prepared.encode(values).inspect_err(|error| {
                    // Who prepares it again gets a new one.
                    if error.is_of_type() {
                        self.prepared.forget(options.keyspace(), prepared);
                    }
                });
            }
        };
        let mut prepared = self.prepare_cached(text, options, deadline).await?;
        let mut encoded = prepared.encode(values);
        if encoded.as_ref().is_err_and(Error::is_of_type) {
            // A type may have been altered since the statement was prepared, of which nobody tells.
            self.prepared.forget(options.keyspace(), &prepared);
            let again = self.prepare_cached(text, options, deadline).await?;
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
        deadline: Option<Instant>,
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
        let mut about = About { deadline, ..self.about(text, values, options, &state) };
        // Only text that somebody else has read tells its partition without its keyspace.
        let current = match (about.keyspace, about.token) {
            (None, Some(_)) => self.cluster.keyspace(),
            _ => None,
        };
        about.keyspace = about.keyspace.or(current.as_deref());
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
            deadline: None,
            batch: None,
        }
    }

    /// Prepares a statement, and keeps it.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        statement: Statement,
    ) -> Result<PreparedStatement, Error> {
        let Statement { text, options, .. } = statement;
        let prepared = match text {
            Text::Plain(text) => {
                let decided = Decided::new(&options, &self.defaults);
                self.prepare_cached(&text, decided, &mut None).await?
            }
            Text::Prepared(prepared) => prepared,
        };
        Ok(PreparedStatement { prepared, options })
    }

    async fn prepare_cached(
        self: &Arc<Self>,
        text: &Arc<str>,
        options: Decided<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let cell = self.prepared.cell(options.keyspace(), text);
        match cell.get() {
            Some(prepared) => Ok(Arc::clone(prepared)),
            None => {
                *deadline = deadline.or_else(|| options.deadline(Instant::now()));
                Box::pin(self.prepare_in(cell, text, options, *deadline)).await
            }
        }
    }

    async fn prepare_in(
        self: &Arc<Self>,
        cell: Cell,
        text: &Arc<str>,
        options: Decided<'_>,
        deadline: Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let (inner, of, own) = (Arc::clone(self), Arc::clone(text), options.own());
        let prepare = async move {
            let options = Decided::new(&own, &inner.defaults);
            let prepare = cell.get_or_try_init(|| inner.prepare_now(&of, options, deadline));
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
        options: Decided<'_>,
        deadline: Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let state = self.cluster.state();
        // The server keeps what it has prepared, so that preparing twice is as good as once.
        let about = About {
            statement: text,
            options,
            prepared: &[],
            keyspace: None,
            token: None,
            state: &state,
            reads: true,
            preparing: true,
            deadline,
            batch: None,
        };
        let keyspace = options.keyspace();
        let message = |_: &Context, _, _| (prepare(text, keyspace).into(), None);
        let answer = self.answer(&about, &message).await?;
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
    pub(super) async fn run<'p>(
        &self,
        about: &About<'p>,
        message: &Message<'p>,
    ) -> Result<QueryResult, Error> {
        let Answer { frame, shape, node, .. } = self.answer(about, message).await?;
        let mut known = shape.as_ref().and_then(|shape| shape.columns.clone());
        match &frame.response {
            Response::Result(message::ResultMessage::SetKeyspace(keyspace)) => {
                Box::pin(self.cluster.use_keyspace(keyspace)).await;
                self.prepared.clear();
            }
            Response::Result(message::ResultMessage::Rows(rows)) => {
                if let (Some(id), [prepared]) = (&rows.metadata.new_metadata_id, about.prepared) {
                    known = rows.metadata.columns.clone();
                    prepared.set_shape(id, known.clone());
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
}

/// The token of the partition of a statement, if it can be told.
pub(super) fn token(
    prepared: Option<&Arc<PreparedInner>>,
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
