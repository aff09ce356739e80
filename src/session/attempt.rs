//! One attempt of a request on one connection.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;

use tokio::time::Instant;
use tracing::warn;

use super::bound::BoundStatement;
use super::call::{AttemptEncoder, AttemptResponse, RequestContext};
use super::effect::{self, Writes};
use super::error::{Error, ErrorKind};
use super::executor::Executor;
use super::metadata::{PrepareSent, StatementMetadata};
use super::pick::ConnectedNode;
use super::prepared::{prepare_request, prepared_result};
use super::progress::RequestProgress;
use super::retry::AttemptError;
use super::shown::shown;
use crate::cluster::{FailureKind, NodeError};
use crate::connection::{Connection, RequestError, RequestErrorKind};
use crate::cql::switches_keyspace;
use crate::message::{ErrorCode, ErrorDetails, RequestFrame, Response, ServerError};
use crate::protocol::CloseReason;
use crate::wire::{Consistency, FrameEncoder, Stream};

/// The reason why an attempt failed. [`AttemptError`] is the borrowed form, for retry policies.
pub(super) enum AttemptFailure {
    Server(Box<ServerError>),
    NoResponse(Box<RequestError>),
}

impl Executor {
    /// Sends the request once. `begin` is the start of the attempt.
    pub(super) async fn attempt<'p>(
        &self,
        progress: &RequestProgress<'_, 'p>,
        (node, connection): &ConnectedNode,
        consistency: Consistency,
        begin: Instant,
    ) -> Result<AttemptResponse<'p>, AttemptFailure> {
        progress.record_attempt();
        let options = progress.request.options;
        let mut metadata = None;
        // The message is built where it is encoded, so that it is not part of the future.
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| {
            let timestamp = progress.timestamp;
            let attempt = AttemptEncoder { encoder, out, options, consistency, timestamp };
            metadata = (progress.message)(attempt)?;
            Ok(())
        };
        let _in_flight = node.start_request();
        let deadline = progress.attempt_deadline(begin);
        let known = progress.request.statements.iter().find_map(BoundStatement::metadata);
        let columns = known.map(|metadata| &metadata.known_columns);
        let response = {
            let mut response = pin!(connection.request_until(encode, deadline, columns));
            let mut is_recorded = false;
            poll_fn(|cx| {
                let polled = response.as_mut().poll(cx);
                if polled.is_pending() && !connection.is_responsive() && !is_recorded {
                    is_recorded = true;
                    progress.record_unresponsive(node);
                }
                polled
            })
            .await
        };
        match response {
            Ok((frame, received_at)) => {
                let latency = received_at.saturating_duration_since(begin);
                node.counters().record_response(latency);
                if let Response::Error(error) = frame.response {
                    return Err(AttemptFailure::Server(Box::new(error)));
                }
                node.record_latency(latency);
                if !frame.warnings.is_empty() {
                    // Their texts may repeat the literals of the statement.
                    let (count, statement) = (frame.warnings.len(), progress.request.statement);
                    let statement = shown(statement);
                    warn!(node = %connection.address(), statement, count, "server sent warnings");
                }
                Ok(AttemptResponse { frame, metadata, received_at })
            }
            Err(error) => {
                let RequestContext { statement, preparing, .. } = *progress.request;
                let may_switch = !preparing && switches_keyspace(statement);
                if may_switch && error.may_have_been_applied() {
                    // The server may or may not have executed the USE, so the connection's keyspace
                    // is unknown.
                    node.release(connection, &NodeError::Request((*error).clone()));
                }
                if matches!(&error.kind, RequestErrorKind::Closed(reason) if *reason != CloseReason::Local)
                    && error.may_have_been_applied()
                {
                    node.counters().disconnected.add();
                }
                if error.kind == RequestErrorKind::TimedOut {
                    // The timeout counts as a latency. Otherwise a node that no longer answers
                    // would keep its earlier, low latency.
                    node.record_latency(begin.elapsed());
                }
                Err(AttemptFailure::NoResponse(error))
            }
        }
    }

    /// Prepares a statement again, on `connection`, after the node has evicted it. `error` is the
    /// UNPREPARED error of the node, and `begin` the start of the attempt that received this error.
    ///
    /// If the schema has changed, the statement gets the new description of its bind variables, and
    /// its values are encoded again.
    ///
    /// # Errors
    /// Returns an error if the statement cannot be prepared, if the server prepares its text as a
    /// different statement now, if the values do not fit the new bind variables, or as soon as the
    /// connection becomes unresponsive. In all cases, the statement was not executed.
    pub(super) async fn reprepare(
        &self,
        progress: &RequestProgress<'_, '_>,
        error: &ServerError,
        connection: &Connection,
        begin: Instant,
    ) -> Result<(), Error> {
        tokio::select! {
            biased;
            outcome = self.prepare_evicted(progress, error, connection, begin) => outcome,
            () = connection.wait_responsive(false) => {
                let text = "the node has evicted the prepared statement, and stopped answering \
                            before the statement was prepared again";
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    async fn prepare_evicted(
        &self,
        progress: &RequestProgress<'_, '_>,
        error: &ServerError,
        connection: &Connection,
        begin: Instant,
    ) -> Result<(), Error> {
        let unknown_id = || Error::server(error.clone(), connection.address()).before_execution();
        let ErrorDetails::Unprepared { id } = &error.details else { return Err(unknown_id()) };
        let evicted = progress.request.prepared().find(|prepared| prepared.id == id);
        let Some(evicted) = evicted else { return Err(unknown_id()) };
        let deadline = progress.attempt_deadline(Instant::now());
        let reprepared_at = evicted.reprepared_at(connection.address(), &self.cluster.state());
        let locked = self.cluster.runtime().timeout_at(deadline, reprepared_at.lock()).await;
        let mut reprepared_at = locked.map_err(|_| {
            let text = "the node has evicted the prepared statement, and preparing it again \
                            did not finish before the timeout";
            Error::new(ErrorKind::Timeout, text)
        })?;
        // Another request has prepared the statement again since this attempt began.
        if reprepared_at.is_some_and(|at| at > begin) {
            return progress.request.follow_changes();
        }
        let keyspace = progress.request.options.keyspace();
        let encode = |encoder: &mut FrameEncoder, out: &mut Vec<u8>| {
            let prepare = prepare_request(&evicted.text, keyspace);
            RequestFrame::encode_bare(Stream::default(), &prepare, encoder, out)
        };
        let sent = PrepareSent::now(self.schema_changes());
        // A failure is reported as not written: a PREPARE changes no data, even if the server
        // received it.
        let (frame, _) = connection
            .request_until(encode, deadline, None)
            .await
            .map_err(|error| Box::new(RequestError::new(error.address, error.kind, false)))?;
        if let Response::Error(error) = frame.response {
            // The error is about the PREPARE. The server has not executed the statement.
            let error = Error::server(error, connection.address()).before_execution();
            if !error.may_succeed_on_another_node() {
                self.prepared.remove(keyspace, evicted);
            }
            return Err(error);
        }
        let again = prepared_result(frame.response).map_err(Error::before_execution)?;
        // In another keyspace, the same text prepares as a different statement.
        if evicted.id != again.id {
            self.prepared.remove(keyspace, evicted);
            let text = "the server has evicted the prepared statement, and prepares its text as a \
                        different statement now, because the keyspace has changed; prepare it again";
            return Err(Error::new(ErrorKind::StatementChanged, text));
        }
        let (version, state) = (connection.context().version, self.cluster.state());
        evicted.set_metadata(StatementMetadata::new(again, version, &state, sent));
        *reprepared_at = Some(Instant::now());
        progress.request.follow_changes()
    }
}

impl AttemptFailure {
    /// Returns true if the node has evicted the statement. The metrics do not count this as an error.
    pub(super) fn is_unprepared(&self) -> bool {
        matches!(self, Self::Server(error) if error.code == ErrorCode::Unprepared)
    }

    /// Returns true if the node refused the request because it is shutting down.
    pub(super) fn is_shutting_down(&self) -> bool {
        matches!(self, Self::Server(error) if effect::is_shutting_down(error))
    }

    /// Returns true if the node has too much load, or did not respond in time.
    pub(super) fn shows_overload(&self) -> bool {
        match self {
            Self::Server(error) => {
                matches!(error.code, ErrorCode::Overloaded | ErrorCode::WriteTimeout)
            }
            Self::NoResponse(error) => matches!(error.kind, RequestErrorKind::TimedOut),
        }
    }

    /// Returns true if the server may have applied a request that changes data in this way.
    pub(super) fn may_have_been_applied(&self, writes: Writes) -> bool {
        match self {
            Self::Server(error) => effect::may_have_been_applied(error, writes),
            Self::NoResponse(error) => error.may_have_been_applied(),
        }
    }

    /// Returns the failure in the form that retry policies receive.
    pub(super) fn as_attempt_error(&self) -> AttemptError<'_> {
        match self {
            Self::Server(error) => AttemptError::Server(error),
            Self::NoResponse(error) => AttemptError::NoResponse(error),
        }
    }

    /// Returns the kind under which the metrics count the failure.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::NoResponse(error) if error.may_have_been_applied() => FailureKind::Aborted,
            Self::NoResponse(_) => FailureKind::Unsent,
            Self::Server(error) => match error.code {
                ErrorCode::WriteTimeout => FailureKind::WriteTimeout,
                ErrorCode::ReadTimeout => FailureKind::ReadTimeout,
                ErrorCode::Unavailable => FailureKind::Unavailable,
                _ => FailureKind::Other,
            },
        }
    }

    /// Returns the failure as an error of the node at `address`.
    pub(super) fn error(&self, address: SocketAddr) -> Error {
        match self {
            Self::Server(error) => Error::server((**error).clone(), address),
            Self::NoResponse(error) => error.clone().into(),
        }
    }
}
