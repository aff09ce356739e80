//! The one way of every request: statement, attempt, decide.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::cache::Cell;
use super::retry::{self, Decision};
use super::statement::{PreparedStatement, Text};
use super::{Error, ErrorKind, Inner, Prepared, QueryResult, Statement, StatementOptions};
use crate::message::{
    self, ErrorDetails, Execute, KnownColumns, Parameters, Prepare, Query, Request, RequestFrame,
    Response, ResponseFrame,
};
use crate::types::{ToValues, Values};
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
    /// Whether the statement is only being prepared, which applies nothing.
    pub(super) preparing: bool,
}

impl About<'_> {
    /// The frame of the request.
    pub(super) fn frame<'r>(&self, request: impl Into<Request<'r>>) -> RequestFrame<'r> {
        let tracing = self.options.tracing;
        RequestFrame { tracing, ..RequestFrame::new(Stream::default(), request) }
    }

    /// The columns that the rows of the statement had before.
    fn columns(&self) -> Option<&KnownColumns> {
        self.prepared.first().map(|prepared| &prepared.columns)
    }
}

// The futures of every request are those of the way that most take, and small: what is seldom is in
// a box.
impl Inner {
    /// Decides every option, prepares text that has values, and encodes the values.
    pub(super) async fn bind(
        &self,
        statement: &Statement,
        values: &(impl ToValues + ?Sized),
    ) -> Result<Bound, Error> {
        let options = statement.options.or(&self.defaults);
        let (text, values) = self.bind_text(&statement.text, values, &options).await?;
        Ok(Bound { text, values, options })
    }

    /// Prepares text that has values, and encodes the values.
    pub(super) async fn bind_text(
        &self,
        text: &Text,
        values: &(impl ToValues + ?Sized),
        options: &StatementOptions,
    ) -> Result<(Text, Values<'static>), Error> {
        let text = match text {
            Text::Plain(text) if !values.is_empty() => text,
            Text::Plain(_) => return Ok((text.clone(), Values::NONE)),
            Text::Prepared(prepared) => return Ok((text.clone(), prepared.encode(values)?)),
        };
        let mut prepared = self.prepare_cached(text, options).await?;
        let mut encoded = prepared.encode(values);
        if encoded.is_err() {
            // A type may have been altered since the statement was prepared, of which nobody tells.
            self.prepared.forget(text);
            let again = self.prepare_cached(text, options).await?;
            if again.variables != prepared.variables {
                encoded = again.encode(values);
                prepared = again;
            }
        }
        Ok((Text::Prepared(prepared), encoded?))
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
        let about = About { statement, options, prepared, preparing: false };
        self.run(&about, &about.frame(request)).await
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
        let cell = self.prepared.cell(text);
        match cell.get() {
            Some(prepared) => Ok(Arc::clone(prepared)),
            None => Box::pin(self.prepare_in(&cell, text, options)).await,
        }
    }

    async fn prepare_in(
        &self,
        cell: &Cell,
        text: &Arc<str>,
        options: &StatementOptions,
    ) -> Result<Arc<PreparedStatement>, Error> {
        let prepare = cell.get_or_try_init(|| self.prepare_now(text, options));
        match options.timeout {
            None => prepare.await.cloned(),
            // Somebody else may be preparing it, and have more time.
            Some(time) => tokio::time::timeout(time, prepare)
                .await
                .unwrap_or_else(|_| {
                    let error = Error::new(ErrorKind::Timeout, "it was not prepared in time");
                    Err(error.with_statement(text).with_history(true, false))
                })
                .cloned(),
        }
    }

    async fn prepare_now(
        &self,
        text: &Arc<str>,
        options: &StatementOptions,
    ) -> Result<Arc<PreparedStatement>, Error> {
        // Preparing twice does the same as preparing once.
        let options = &StatementOptions { idempotent: true, ..options.clone() };
        let about = About { statement: text, options, prepared: &[], preparing: true };
        let frame = about.frame(Prepare::new(&text[..]));
        let answer = self.answer(&about, &frame).await?;
        let prepared = prepared(answer.response).map_err(|error| error.with_statement(text))?;
        Ok(Arc::new(PreparedStatement {
            text: Arc::clone(text),
            id: prepared.id,
            result_metadata_id: prepared.result_metadata_id,
            variables: prepared.variables.columns,
            columns: KnownColumns::new(),
        }))
    }

    /// Makes a request that is answered with a RESULT.
    pub(super) async fn run(
        &self,
        about: &About<'_>,
        frame: &RequestFrame<'_>,
    ) -> Result<QueryResult, Error> {
        let answer = self.answer(about, frame).await?;
        if let Response::Result(message::QueryResult::SetKeyspace(keyspace)) = &answer.response {
            self.node.set_keyspace(keyspace.clone());
            self.prepared.clear();
        }
        QueryResult::new(answer).map_err(|error| error.with_statement(about.statement))
    }

    /// Makes a request until it is answered, or until making it again would do no good.
    async fn answer(
        &self,
        about: &About<'_>,
        frame: &RequestFrame<'_>,
    ) -> Result<Box<ResponseFrame>, Error> {
        let begin = Instant::now();
        let deadline = about.options.timeout.and_then(|timeout| begin.checked_add(timeout));
        let (mut attempts, mut reprepared) = (0, 0);
        let mut applied = false;
        let outcome = loop {
            attempts += 1;
            // Taken apart at once, so that no room for an answer is kept through what follows.
            let (error, decision) =
                match self.attempt(about, frame, deadline, attempts - reprepared).await {
                    Ok(answer) => break Ok(answer),
                    Err(failed) => failed,
                };
            applied |= error.may_have_been_applied();
            match decision {
                // A pause that takes all the time that is left is no use.
                Decision::Retry(pause) if left(deadline).is_some_and(|left| left <= pause) => {
                    break Err(error);
                }
                Decision::Retry(pause) => Box::pin(tokio::time::sleep(pause)).await,
                // Once for each statement: a server that forgets faster is of no use.
                Decision::Reprepare if reprepared < about.prepared.len() => {
                    reprepared += 1;
                    let again = Box::pin(self.reprepare(about, &error, deadline));
                    if let Err(error) = again.await {
                        break Err(error);
                    }
                }
                Decision::Reprepare | Decision::Fail => break Err(error),
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
                .with_history(about.preparing, applied)
        })
    }

    /// Makes a request once, and decides what follows if that fails.
    async fn attempt(
        &self,
        about: &About<'_>,
        frame: &RequestFrame<'_>,
        deadline: Option<Instant>,
        attempts: usize,
    ) -> Result<Box<ResponseFrame>, (Error, Decision)> {
        let connection = self.node.connection(deadline).await;
        let connection = connection.map_err(|error| (error, Decision::Fail))?;
        let idempotent = about.options.idempotent;
        match connection.request_until(frame, deadline, about.columns()).await {
            Ok(answer) => {
                if let Response::Error(error) = answer.response {
                    let decision = retry::after_server_error(&error, idempotent, attempts);
                    return Err((Error::server(error, connection.address()), decision));
                }
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

    /// Prepares again the statement whose id the server has forgotten.
    async fn reprepare(
        &self,
        about: &About<'_>,
        error: &Error,
        deadline: Option<Instant>,
    ) -> Result<(), Error> {
        let unprepared = error.server_error().map(|error| &error.details);
        let Some(ErrorDetails::Unprepared { id }) = unprepared else { return Err(error.clone()) };
        let forgotten = about.prepared.iter().find(|prepared| prepared.id == id);
        let Some(forgotten) = forgotten else { return Err(error.clone()) };
        let prepare = RequestFrame::new(Stream::default(), Prepare::new(&forgotten.text[..]));
        let connection = self.node.connection(deadline).await?;
        let answer = connection.request_until(&prepare, deadline, None).await?;
        if let Response::Error(error) = answer.response {
            self.prepared.forget(&forgotten.text);
            return Err(Error::server(error, connection.address()));
        }
        // The same text has the same id, unless the keyspace or the schema is another.
        if prepared(answer.response)?.id != id {
            self.prepared.forget(&forgotten.text);
            let text = "the server has forgotten the statement, and prepares its text as another \
                        one now, of another keyspace or schema; prepare it again";
            return Err(Error::new(ErrorKind::Read, text));
        }
        Ok(())
    }
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
