//! The one way of every request: statement, attempt, decide.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::retry::{self, Decision};
use super::statement::{PreparedStatement, Text};
use super::{Error, ErrorKind, Inner, Prepared, QueryResult, Statement, StatementOptions};
use crate::connection::Connection;
use crate::message::{
    self, ErrorDetails, Execute, Parameters, Prepare, Query, Request, RequestFrame, Response,
    ResponseFrame, ServerError,
};
use crate::types::{ToValues, Values, ValuesBuffer};
use crate::wire::{Consistency, Stream};

/// A statement with its values, and every option decided.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    text: Text,
    values: Values<'static>,
    options: StatementOptions,
}

/// What is known of a request beside its message.
pub(super) struct About<'p> {
    /// What is shown of it when it fails.
    pub(super) statement: &'p Arc<str>,
    pub(super) options: &'p StatementOptions,
    /// The prepared statements that it names.
    pub(super) prepared: &'p [Arc<PreparedStatement>],
}

impl Inner {
    /// Decides every option, prepares text that has values, and encodes the values.
    pub(super) async fn bind(
        &self,
        statement: &Statement,
        values: &(impl ToValues + ?Sized),
    ) -> Result<Bound, Error> {
        let options = statement.options.or(&self.defaults);
        let text = match &statement.text {
            Text::Plain(text) if !values.is_empty() => {
                Text::Prepared(self.prepare_cached(text, &options).await?)
            }
            text => text.clone(),
        };
        let values = match &text {
            Text::Plain(_) => Values::NONE,
            Text::Prepared(prepared) => {
                let mut buffer = ValuesBuffer::new();
                buffer
                    .bind(values, &prepared.variables)
                    .map_err(|error| Error::from(error).with_statement(&prepared.text))?;
                buffer.into_values()
            }
        };
        Ok(Bound { text, values, options })
    }

    /// Runs a statement; of rows, the page that `paging_state` points to.
    pub(super) async fn execute(
        &self,
        bound: &Bound,
        paging_state: Option<&Bytes>,
    ) -> Result<QueryResult, Error> {
        let Bound { text, values, options } = bound;
        let parameters = Parameters {
            values: values.borrowed(),
            paging_state: paging_state.map(|state| state[..].into()),
            page_size: options.page_size.filter(|rows| *rows > 0),
            serial_consistency: options.serial_consistency,
            timestamp: options.timestamp,
            ..options.consistency.unwrap_or(Consistency::LocalOne).into()
        };
        let (statement, request, prepared) = match text {
            Text::Plain(text) => {
                (text, Request::from(Query { text: text[..].into(), parameters }), [].as_slice())
            }
            Text::Prepared(prepared) => {
                let execute = Execute {
                    id: prepared.id[..].into(),
                    result_metadata_id: prepared.result_metadata_id.as_deref().map(Into::into),
                    parameters,
                };
                (&prepared.text, execute.into(), std::slice::from_ref(prepared))
            }
        };
        self.run(&About { statement, options, prepared }, request).await
    }

    /// Prepares a statement, and keeps it.
    pub(super) async fn prepare(&self, statement: Statement) -> Result<Prepared, Error> {
        let Statement { text, options } = statement;
        let prepared = match text {
            Text::Plain(text) => self.prepare_cached(&text, &options.or(&self.defaults)).await?,
            Text::Prepared(prepared) => prepared,
        };
        Ok(Prepared { prepared, options })
    }

    pub(super) async fn prepare_cached(
        &self,
        text: &Arc<str>,
        options: &StatementOptions,
    ) -> Result<Arc<PreparedStatement>, Error> {
        if let Some(prepared) = self.prepared.get(text) {
            return Ok(prepared);
        }
        // Preparing twice does the same as preparing once.
        let options = &StatementOptions { idempotent: true, ..options.clone() };
        let about = About { statement: text, options, prepared: &[] };
        let answer = self.answer(&about, Prepare::new(&text[..]).into()).await?;
        let Response::Result(message::QueryResult::Prepared(prepared)) = answer.response else {
            let error = Error::new(ErrorKind::Read, "PREPARE was answered with no statement");
            return Err(error.with_statement(text));
        };
        let prepared = Arc::new(PreparedStatement {
            text: Arc::clone(text),
            id: prepared.id,
            result_metadata_id: prepared.result_metadata_id,
            variables: prepared.variables.columns,
        });
        self.prepared.insert(Arc::clone(&prepared));
        Ok(prepared)
    }

    /// Makes a request that is answered with a RESULT.
    pub(super) async fn run(
        &self,
        about: &About<'_>,
        request: Request<'_>,
    ) -> Result<QueryResult, Error> {
        let answer = self.answer(about, request).await?;
        if let Response::Result(message::QueryResult::SetKeyspace(keyspace)) = &answer.response {
            self.node.set_keyspace(keyspace.clone());
        }
        QueryResult::new(answer).map_err(|error| error.with_statement(about.statement))
    }

    /// Makes a request until it is answered, or until making it again would do no good.
    async fn answer(
        &self,
        about: &About<'_>,
        request: Request<'_>,
    ) -> Result<ResponseFrame, Error> {
        let tracing = about.options.tracing;
        let frame = RequestFrame { tracing, ..RequestFrame::new(Stream::default(), request) };
        let begin = Instant::now();
        let deadline = about.options.timeout.and_then(|timeout| begin.checked_add(timeout));
        let mut attempts = 0;
        let outcome = loop {
            attempts += 1;
            let (error, decision) = match self.attempt(about, &frame, deadline, attempts).await {
                Ok(answer) => break Ok(answer),
                Err(failed) => failed,
            };
            if decision == Decision::Fail {
                break Err(error);
            }
            debug!(%error, attempts, "the request is made again");
            self.metrics.retry();
        };
        self.metrics.request(begin.elapsed(), outcome.is_ok());
        outcome.map_err(|error| {
            error
                .with_statement(about.statement)
                .with_consistency(about.options.consistency)
                .with_attempts(attempts)
        })
    }

    /// Makes a request once, and decides what follows if that fails.
    async fn attempt(
        &self,
        about: &About<'_>,
        frame: &RequestFrame<'_>,
        deadline: Option<Instant>,
        attempts: usize,
    ) -> Result<ResponseFrame, (Error, Decision)> {
        let connection = self.node.connection(deadline).await;
        let connection = connection.map_err(|error| (error, Decision::Fail))?;
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let idempotent = about.options.idempotent;
        match connection.request(frame, timeout).await {
            Ok(ResponseFrame { response: Response::Error(error), .. }) => {
                let decision = match retry::after_server_error(&error, idempotent, attempts) {
                    Decision::Reprepare => reprepare(&connection, about, &error, timeout).await,
                    decision => decision,
                };
                Err((Error::server(error, connection.address()), decision))
            }
            Ok(answer) => {
                for warning in &answer.warnings {
                    warn!(node = %connection.address(), %warning, "the server warns");
                }
                Ok(answer)
            }
            Err(error) => {
                let decision = retry::after_request_error(&error, idempotent, attempts);
                Err((error.into(), decision))
            }
        }
    }
}

/// Prepares again the statement whose id the server has forgotten.
async fn reprepare(
    connection: &Connection,
    about: &About<'_>,
    error: &ServerError,
    timeout: Option<Duration>,
) -> Decision {
    let ErrorDetails::Unprepared { id } = &error.details else { return Decision::Fail };
    let Some(forgotten) = about.prepared.iter().find(|prepared| prepared.id == id) else {
        return Decision::Fail;
    };
    let prepare = RequestFrame::new(Stream::default(), Prepare::new(&forgotten.text[..]));
    match connection.request(&prepare, timeout).await.map(|answer| answer.response) {
        // The same text has the same id, unless the schema has changed meanwhile.
        Ok(Response::Result(message::QueryResult::Prepared(again))) if again.id == id => {
            Decision::Retry
        }
        _ => Decision::Fail,
    }
}
