//! Preparing statements, once for all concurrent callers.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument;

use super::cache::CacheSlot;
use super::call::{AttemptEncoder, NodeResponse, RequestContext};
use super::error::{Error, ErrorKind};
use super::executor::Executor;
use super::metadata::{EncodedValues, PrepareSent, StatementMetadata};
use super::options::EffectiveOptions;
use super::prepared::{PreparedInner, prepare_request, prepared_result};
use super::statement::{PreparedStatement, Statement, StatementKind};
use crate::connection::timeout_at;
use crate::types::ToValues;

impl Executor {
    /// Returns the prepared statement from the cache. If the cache does not contain it, prepares
    /// the statement.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        statement: Statement,
    ) -> Result<PreparedStatement, Error> {
        let Statement { kind, options, .. } = statement;
        let prepared = match kind {
            StatementKind::Unprepared(text) => {
                let effective = EffectiveOptions::new(&options, &self.defaults);
                self.prepare_cached(&text, effective, &mut None).await?
            }
            StatementKind::Prepared(prepared) => prepared,
        };
        Ok(PreparedStatement { prepared, options })
    }

    /// Returns the statement from the cache. If the cache does not contain it, prepares the
    /// statement. Preparing counts towards the request timeout. If `deadline` is `None`, it is
    /// therefore set before preparing starts.
    pub(super) async fn prepare_cached(
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
                Box::pin(self.prepare_in_slot(slot, text, options, *deadline)).await
            }
        }
    }

    /// Encodes the values of a prepared statement. If they do not fit the bind variables that the
    /// driver knows, asks a server for the current ones first: a type may have been altered since the
    /// statement was prepared, and servers do not report such a change. Does not ask again if a server
    /// has [confirmed](StatementMetadata::is_confirmed) the variables.
    ///
    /// `is_cached` is true if the caller supplied a text, whose statement comes from the cache. The
    /// statement may then be replaced by another one. A statement that the caller has prepared keeps
    /// its id, and only its description changes.
    pub(super) async fn encode_prepared(
        self: &Arc<Self>,
        prepared: &mut Arc<PreparedInner>,
        is_cached: bool,
        values: &(impl ToValues + ?Sized),
        options: EffectiveOptions<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<EncodedValues, Error> {
        let error = match prepared.encode(values) {
            Err(error) if error.may_be_outdated_types() => error,
            encoded => return encoded,
        };
        // Another request may have replaced the description that refused the values.
        let current = prepared.metadata();
        if current.is_confirmed(self.schema_changes()) {
            return prepared.encode_for(current, values);
        }
        let again = Box::pin(self.prepare_again(prepared, options, deadline)).await?;
        let newer = again.metadata();
        match is_cached {
            true => *prepared = again,
            false if prepared.id == again.id => prepared.set_metadata(Arc::clone(&newer)),
            // The session has switched to another keyspace, where the text is another statement.
            false => return Err(error),
        }
        let current = prepared.metadata();
        let encoded = prepared.encode_for(Arc::clone(&current), values);
        if encoded.as_ref().is_err_and(Error::may_be_outdated_types) {
            current.confirm(&newer);
        }
        encoded
    }

    /// Returns the statement with the same text whose description is newer than that of `outdated`:
    /// from the cache, or by preparing it again.
    async fn prepare_again(
        self: &Arc<Self>,
        outdated: &PreparedInner,
        options: EffectiveOptions<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let begin = PrepareSent::now(self.schema_changes());
        // Another request may be preparing it at the same time, for the same reason. If its PREPARE was
        // sent before `begin`, the server may have described the old types.
        let cached = self.prepare_cached(&outdated.text, options, deadline).await?;
        if cached.metadata().is_newer_than(&outdated.metadata(), begin) {
            return Ok(cached);
        }
        self.prepared.remove(options.keyspace(), &cached);
        self.prepare_cached(&outdated.text, options, deadline).await
    }

    /// Prepares a statement, and stores it in its slot. If another caller is already preparing the
    /// statement, waits for that caller instead.
    async fn prepare_in_slot(
        self: &Arc<Self>,
        slot: CacheSlot,
        text: &Arc<str>,
        options: EffectiveOptions<'_>,
        deadline: Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let (executor, owned_text, own) =
            (Arc::clone(self), Arc::clone(text), options.to_statement_options());
        let prepare = async move {
            let options = EffectiveOptions::new(&own, &executor.defaults);
            let send = || executor.send_prepare(&owned_text, options, deadline);
            // The timeout applies here too, because another caller may be sending the request, with
            // a later deadline than this one.
            match timeout_at(deadline, slot.get_or_try_init(send)).await {
                Ok(prepared) => prepared.cloned(),
                Err(_) => {
                    let error = Error::new(ErrorKind::Timeout, "no response within the timeout");
                    Err(error.with_statement(&owned_text).while_preparing())
                }
            }
        };
        // A separate task makes progress even if this future is not polled for a while. Otherwise
        // the other callers that wait on the slot would hang.
        let task = self.spawn(prepare.in_current_span());
        let task = task.map_err(|error| error.with_statement(text).while_preparing())?;
        task.join(self, deadline, text).await.map_err(Error::while_preparing)
    }

    /// Returns the number of schema changes that the session knows of: those that its statements have
    /// made, and those that the control connection has reported. Counts a change of the session twice
    /// once its event has arrived.
    pub(super) fn schema_changes(&self) -> u64 {
        self.prepared.schema_changes().wrapping_add(self.cluster.schema_events())
    }

    async fn send_prepare(
        &self,
        text: &Arc<str>,
        options: EffectiveOptions<'_>,
        deadline: Option<Instant>,
    ) -> Result<Arc<PreparedInner>, Error> {
        let state = self.cluster.state();
        let request = RequestContext {
            statement: text,
            options,
            consistency: options.consistency(text),
            statements: &[],
            encode_again: None,
            keyspace: None,
            token: None,
            state: &state,
            read_only: true,
            preparing: true,
            batch: None,
            deadline,
        };
        let keyspace = options.keyspace();
        let message = |attempt: AttemptEncoder<'_>| {
            attempt.encode(prepare_request(text, keyspace))?;
            Ok(None)
        };
        let sent = PrepareSent::now(self.schema_changes());
        let NodeResponse { response, version, .. } = self.send(&request, &message).await?;
        let prepared = prepared_result(response.frame.response)
            .map_err(|error| error.with_statement(text).while_preparing())?;
        let id = prepared.id.clone();
        let metadata = StatementMetadata::new(prepared, version, &state, sent);
        Ok(Arc::new(PreparedInner::new(text, &id, metadata)))
    }
}
