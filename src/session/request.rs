//! Turns a statement and its values into a request, and the response into a [`QueryResult`].

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::bound::{BoundStatement, EncodeAgain};
use super::call::{
    AttemptEncoder, AttemptResponse, EncodeMessage, NodeResponse, RequestContext, routing_token,
};
use super::error::{Error, ErrorKind};
use super::executor::Executor;
use super::metadata::StatementMetadata;
use super::options::{EffectiveOptions, Options};
use super::prepared::PreparedInner;
use super::result::QueryResult;
use super::statement::{Statement, StatementKind};
use crate::cluster::ClusterState;
use crate::cql::{has_bind_marker, is_read_only};
use crate::message::{Execute, Parameters, Query, Response, ResultMessage};
use crate::types::ToValues;

/// A statement with its options and its encoded values.
#[derive(Debug, Clone)]
pub(super) struct ExecuteRequest {
    pub(super) bound: BoundStatement,
    pub(super) options: Options,
    pub(super) paging_state: Option<Bytes>,
}

impl From<Statement> for ExecuteRequest {
    /// Returns the statement without values; [`Executor::bind`] adds them.
    fn from(Statement { kind, options, paging_state }: Statement) -> Self {
        Self { bound: kind.into(), options, paging_state }
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
        request: &mut ExecuteRequest,
        values: &(impl ToValues + ?Sized),
    ) -> Result<Option<Instant>, Error> {
        let options = EffectiveOptions::new(&request.options, &self.defaults);
        let mut deadline = None;
        self.bind_statement(&mut request.bound, values, options, &mut deadline).await?;
        Ok(deadline)
    }

    /// Encodes the values of a statement, or of one statement of a batch, like
    /// [`bind`](Self::bind). If it prepares the statement and `deadline` is `None`, sets `deadline`
    /// to the deadline of the request.
    pub(super) async fn bind_statement(
        self: &Arc<Self>,
        bound: &mut BoundStatement,
        values: &(impl ToValues + ?Sized),
        options: EffectiveOptions<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<(), Error> {
        let is_text = match &bound.kind {
            StatementKind::Prepared(_) => false,
            StatementKind::Unprepared(text) if values.is_empty() => {
                // A request with a custom payload may be for a custom query handler, whose language
                // may not be CQL. Its text is therefore not checked for bind markers.
                return match options.custom_payload().is_none() && has_bind_marker(text) {
                    true => Err(missing_values(text)),
                    false => Ok(()),
                };
            }
            StatementKind::Unprepared(text) => {
                let prepared = self.prepare_cached(text, options, deadline).await?;
                bound.kind = StatementKind::Prepared(prepared);
                true
            }
        };
        if let StatementKind::Prepared(prepared) = &mut bound.kind {
            bound.encoded =
                self.encode_prepared(prepared, is_text, values, options, deadline).await?;
        }
        Ok(())
    }

    /// Returns the deadline of a request whose timeout starts now, or `None` if it has no timeout.
    pub(super) fn deadline(&self, request: &ExecuteRequest) -> Option<Instant> {
        EffectiveOptions::new(&request.options, &self.defaults).deadline(Instant::now())
    }

    /// Executes a USE in a task, which finishes even if the caller drops the future: all connections
    /// must switch to the same keyspace.
    pub(super) async fn switch_keyspace(
        self: &Arc<Self>,
        request: ExecuteRequest,
        deadline: Option<Instant>,
    ) -> Result<QueryResult, Error> {
        let deadline = deadline.or_else(|| self.deadline(&request));
        let (executor, text) = (Arc::clone(self), Arc::clone(request.bound.text()));
        let switch =
            self.spawn(async move { executor.execute(&request, None, deadline, None).await });
        let switch = switch.map_err(|error| error.with_statement(&text))?;
        switch.detached().join(self, deadline, &text).await
    }

    /// Executes a bound statement. If the statement returns rows, the result is the page at
    /// `paging_state`, or the first page if `paging_state` is `None`.
    ///
    /// `encode_again` encodes the values again if the bind variables change meanwhile. `None` means
    /// that the values are no longer available; the request then fails.
    pub(super) async fn execute(
        &self,
        ExecuteRequest { bound, options, .. }: &ExecuteRequest,
        paging_state: Option<&Bytes>,
        deadline: Option<Instant>,
        encode_again: Option<&EncodeAgain<'_>>,
    ) -> Result<QueryResult, Error> {
        let options = EffectiveOptions::new(options, &self.defaults);
        let parameters = |attempt: &AttemptEncoder<'_>, skip_metadata| Parameters {
            values: bound.values(),
            skip_metadata,
            paging_state: paging_state.map(|state| state[..].into()),
            page_size: options.page_size(),
            serial_consistency: options.serial_consistency(),
            timestamp: attempt.timestamp,
            now_in_seconds: options.now_in_seconds(),
            ..Parameters::from(attempt.consistency)
        };
        let state = self.cluster.state();
        let mut request =
            RequestContext { deadline, encode_again, ..request_context(bound, options, &state) };
        // A token without a keyspace comes from the routing key option. Only then is the session's
        // keyspace looked up, because the look-up acquires a lock.
        let current = match (request.keyspace, request.token) {
            (None, Some(_)) => self.cluster.keyspace(),
            _ => None,
        };
        request.keyspace = request.keyspace.or(current.as_deref());
        let query = |attempt: AttemptEncoder<'_>| {
            let mut parameters = parameters(&attempt, false);
            parameters.keyspace = options.keyspace().map(Cow::Borrowed);
            attempt.encode(Query { text: bound.text()[..].into(), parameters })?;
            Ok(None)
        };
        let execute = |attempt: AttemptEncoder<'_>, prepared: &PreparedInner| {
            // Without a result metadata id the server cannot tell the client that the columns have
            // changed, so the columns are requested every time.
            let has_metadata_ids = attempt.encoder.context().has_metadata_ids();
            let metadata = bound.metadata().filter(|_| has_metadata_ids);
            let columns = metadata.and_then(|known| known.result_columns.as_ref());
            let skip_metadata = columns.is_some_and(|columns| !columns.is_empty());
            let parameters = parameters(&attempt, skip_metadata);
            let result_metadata_id = metadata.map(|known| known.result_id[..].into());
            attempt.encode(Execute {
                id: prepared.id[..].into(),
                result_metadata_id,
                parameters,
            })?;
            Ok(metadata)
        };
        let message = |attempt: AttemptEncoder<'_>| match bound.prepared() {
            None => query(attempt),
            Some(prepared) => execute(attempt, prepared),
        };
        self.send_for_result(&request, &message).await
    }

    /// Sends a request whose response is a RESULT, and acts on the result: switches all connections
    /// after a USE, stores changed columns, and waits for schema agreement after a schema change.
    pub(super) async fn send_for_result<'p>(
        &self,
        request: &RequestContext<'p>,
        message: &EncodeMessage<'p>,
    ) -> Result<QueryResult, Error> {
        let NodeResponse { response, node, .. } = self.send(request, message).await?;
        let AttemptResponse { frame, metadata, .. } = response;
        let mut columns = metadata.and_then(|known| known.result_columns.clone());
        match &frame.response {
            Response::Result(ResultMessage::SetKeyspace(keyspace)) => {
                Box::pin(self.cluster.use_keyspace(keyspace)).await;
                // In another keyspace, the same text is a different statement.
                self.prepared.clear();
            }
            Response::Result(ResultMessage::Rows(rows)) if request.batch.is_none() => {
                if let (Some(id), [bound]) = (&rows.metadata.new_metadata_id, request.statements)
                    && let Some(prepared) = bound.prepared()
                {
                    columns = rows.metadata.columns.clone();
                    prepared.set_result(id, columns.clone());
                }
            }
            _ => {}
        }
        let result = QueryResult::new(frame, columns, node)
            .map_err(|error| error.with_statement(request.statement))?;
        match result.schema_change() {
            Some(change) => {
                self.prepared.record_schema_change();
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

fn request_context<'p>(
    bound: &'p BoundStatement,
    options: EffectiveOptions<'p>,
    state: &'p ClusterState,
) -> RequestContext<'p> {
    let keyspace = bound.metadata().and_then(StatementMetadata::keyspace);
    RequestContext {
        statement: bound.text(),
        options,
        consistency: match bound.prepared() {
            Some(prepared) => options.consistency_of(prepared.is_transaction),
            None => options.consistency(bound.text()),
        },
        statements: std::slice::from_ref(bound),
        encode_again: None,
        keyspace: keyspace.or(options.keyspace()),
        token: routing_token(Some(bound), options, state),
        state,
        read_only: match bound.prepared() {
            Some(prepared) => prepared.read_only,
            None => is_read_only(bound.text()),
        },
        preparing: false,
        batch: None,
        deadline: None,
    }
}

/// Returns the error of a statement that has bind markers and was given no values.
#[cold]
fn missing_values(statement: &Arc<str>) -> Error {
    let text = "the statement has bind markers, but no values were given";
    Error::new(ErrorKind::Bind, text).with_statement(statement)
}
