//! Turns a statement and its values into a request, and the response into a [`QueryResult`].

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::call::{Message, NodeResponse, RequestContext, routing_token};
use super::cql::has_bind_marker;
use super::error::{Error, ErrorKind};
use super::executor::Executor;
use super::options::EffectiveOptions;
use super::result::QueryResult;
use super::statement::{Statement, StatementKind};
use crate::cluster::ClusterState;
use crate::message::{Execute, Parameters, Query, Response, ResultMessage};
use crate::types::{ToValues, Values};
use crate::wire::Context;

/// A statement with its encoded values.
#[derive(Debug, Clone)]
pub(super) struct BoundStatement {
    pub(super) statement: Statement,
    values: Values<'static>,
}

impl From<Statement> for BoundStatement {
    /// Returns the statement without values; [`Executor::bind`] adds them.
    fn from(statement: Statement) -> Self {
        Self { statement, values: Values::NONE }
    }
}

impl BoundStatement {
    /// Returns true if the statement is a USE, after which all connections must switch to its
    /// keyspace.
    pub(super) fn switches_keyspace(&self) -> bool {
        self.statement.kind.switches_keyspace()
    }
}

// Rare branches are boxed so that the common path's future stays small.
impl Executor {
    /// Encodes the values. A text with values is prepared first, because encoding needs the types
    /// of its bind variables. The statement is changed in place, because moving it from future to
    /// future is slow.
    ///
    /// If the statement was prepared, returns the deadline of the request, because preparing counts
    /// towards the request timeout. Otherwise returns `None`: the request timeout has not started
    /// yet.
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

    /// Encodes the values of a statement, or of one statement of a batch, like
    /// [`bind`](Self::bind). If it prepares the statement and `deadline` is `None`, sets `deadline`
    /// to the deadline of the request.
    pub(super) async fn bind_kind(
        self: &Arc<Self>,
        statement: &mut StatementKind,
        values: &(impl ToValues + ?Sized),
        options: EffectiveOptions<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<Values<'static>, Error> {
        let text = match statement {
            StatementKind::Unprepared(text) if !values.is_empty() => text,
            StatementKind::Unprepared(text) => {
                // A request with a custom payload may be for a custom query handler, whose language
                // may not be CQL. Its text is therefore not checked for bind markers.
                return match options.custom_payload().is_none() && has_bind_marker(text) {
                    true => Err(missing_values(text)),
                    false => Ok(Values::NONE),
                };
            }
            StatementKind::Prepared(prepared) => {
                return prepared.encode(values).inspect_err(|error| {
                    // The types may have been altered. Removing the statement from the cache makes
                    // the caller's next `prepare` ask the server.
                    if error.may_be_outdated_types() {
                        self.prepared.remove(options.keyspace(), prepared);
                    }
                });
            }
        };
        let mut prepared = self.prepare_cached(text, options, deadline).await?;
        let mut encoded = prepared.encode(values);
        if encoded.as_ref().is_err_and(Error::may_be_outdated_types) {
            // A type may have been altered since the statement was prepared. The server does not
            // report such a change.
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

    /// Executes a bound statement. If the statement returns rows, the result is the page at
    /// `paging_state`, or the first page if `paging_state` is `None`.
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
        // A token without a keyspace comes from the routing key option. Only then is the session's
        // keyspace looked up, because the look-up acquires a lock.
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
                    // Without a result metadata id the server cannot tell the client that the
                    // columns have changed, so the columns are requested every time.
                    let shape = context.has_metadata_ids().then(|| prepared.shape());
                    let columns = shape.as_ref().and_then(|shape| shape.columns.as_ref());
                    let skip_metadata = columns.is_some_and(|columns| !columns.is_empty());
                    let execute = Execute {
                        id: prepared.id[..].into(),
                        result_metadata_id: shape.as_ref().map(|shape| shape.id.to_vec().into()),
                        parameters: parameters(consistency, timestamp, skip_metadata),
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
            token: routing_token(prepared, values, options, state),
            state,
            read_only: prepared.is_some_and(|prepared| prepared.read_only),
            preparing: false,
            deadline: None,
            batch: None,
        }
    }

    /// Sends a request whose response is a RESULT, and acts on the result: switches all connections
    /// after a USE, stores changed columns, and waits for schema agreement after a schema change.
    pub(super) async fn send_for_result<'p>(
        &self,
        request: &RequestContext<'p>,
        message: &Message<'p>,
    ) -> Result<QueryResult, Error> {
        let NodeResponse { frame, shape, node, .. } = self.send(request, message).await?;
        let mut columns = shape.as_ref().and_then(|shape| shape.columns.clone());
        match &frame.response {
            Response::Result(ResultMessage::SetKeyspace(keyspace)) => {
                Box::pin(self.cluster.use_keyspace(keyspace)).await;
                // In another keyspace, the same text is a different statement.
                self.prepared.clear();
            }
            Response::Result(ResultMessage::Rows(rows)) => {
                if let (Some(id), [prepared]) = (&rows.metadata.new_metadata_id, request.prepared) {
                    columns = rows.metadata.columns.clone();
                    prepared.set_shape(id, columns.clone());
                }
            }
            _ => {}
        }
        let result = QueryResult::new(frame, columns, node)
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

/// Returns the error of a statement that has bind markers and was given no values.
#[cold]
fn missing_values(statement: &Arc<str>) -> Error {
    let text = "the statement has bind markers, but no values were given";
    Error::new(ErrorKind::Bind, text).with_statement(statement)
}
