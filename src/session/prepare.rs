//! Preparing statements, once for all concurrent callers.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument;

use super::cache::CacheSlot;
use super::call::RequestContext;
use super::error::{Error, ErrorKind};
use super::executor::Executor;
use super::metadata::{EncodedValues, StatementMetadata};
use super::options::EffectiveOptions;
use super::prepared::{PreparedInner, prepare_request, prepared_result};
use super::statement::{PreparedStatement, Statement, StatementKind};
use crate::connection::timeout_at;
use crate::types::ToValues;
use crate::wire::Context;

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
        let schema_changes = self.prepared.schema_changes();
        if prepared.metadata().is_confirmed(schema_changes) {
            // Another request may have replaced the description meanwhile.
            return prepared.encode(values);
        }
        let again = Box::pin(self.prepare_again(prepared, options, deadline)).await?;
        match is_cached {
            true => *prepared = again,
            false if prepared.id == again.id => prepared.set_metadata(again.metadata()),
            // The session has switched to another keyspace, where the text is another statement.
            false => return Err(error),
        }
        let encoded = prepared.encode(values);
        if encoded.as_ref().is_err_and(Error::may_be_outdated_types) {
            prepared.metadata().confirm(schema_changes);
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
        let begin = std::time::Instant::now();
        let cached = self.prepare_cached(&outdated.text, options, deadline).await?;
        let metadata = cached.metadata();
        // Another request may be preparing it at the same time, for the same reason.
        if metadata.was_described_after(begin) || metadata.has_newer_variables(&outdated.metadata())
        {
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
        let message = |_: &Context, _, _| (prepare_request(text, keyspace).into(), None);
        let response = self.send(&request, &message).await?;
        let prepared = prepared_result(response.frame.response)
            .map_err(|error| error.with_statement(text).while_preparing())?;
        let id = prepared.id.clone();
        let metadata = StatementMetadata::new(prepared, response.version, &state);
        Ok(Arc::new(PreparedInner::new(text, &id, metadata)))
    }
}
