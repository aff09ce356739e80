//! A prepared statement as the session stores it, and its PREPARE request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use tokio::time::Instant;

use super::error::Error;
use super::metadata::{EncodedValues, StatementMetadata, detached};
use crate::cluster::ClusterState;
use crate::cql::{is_read_only, is_transaction, redact, switches_keyspace};
use crate::message::{self, Prepare, Response};
use crate::sync::{Mutex, OnceLock, RwLock};
use crate::types::{ColumnSpec, ToValues};

/// A statement that a server has prepared, shared by all uses of the statement.
pub(super) struct PreparedInner {
    pub(super) text: Arc<str>,
    /// The statement id, which is the same on every node.
    pub(super) id: Bytes,
    /// True if the statement changes nothing: a SELECT, or a transaction that only reads.
    pub(super) read_only: bool,
    /// True if the statement is a transaction of Accord.
    pub(super) is_transaction: bool,
    /// True if the statement is a USE.
    switches_keyspace: bool,
    /// The first description of the variables and the result columns. Few statements ever get
    /// another one, so that most requests borrow this one, without a lock and a reference count.
    first: Arc<StatementMetadata>,
    /// The latest description, for all holders of the statement at once. Empty until the schema
    /// changes.
    latest: OnceLock<RwLock<Arc<StatementMetadata>>>,
    /// For each node that has evicted the statement, the time at which the statement was last
    /// prepared again on that node.
    reprepared: Mutex<HashMap<SocketAddr, RepreparedAt>>,
}

/// The time at which a statement was last prepared again on a node that had evicted it; `None`
/// before the first time. A request holds the lock while it prepares the statement, so that
/// concurrent requests wait instead of preparing it too.
type RepreparedAt = Arc<tokio::sync::Mutex<Option<Instant>>>;

impl PreparedInner {
    pub(super) fn new(text: &Arc<str>, id: &Bytes, metadata: StatementMetadata) -> Self {
        Self {
            text: Arc::clone(text),
            id: detached(id),
            read_only: is_read_only(text),
            is_transaction: is_transaction(text),
            switches_keyspace: switches_keyspace(text),
            first: Arc::new(metadata),
            latest: OnceLock::new(),
            reprepared: Mutex::default(),
        }
    }

    /// Returns true if the statement is a USE.
    pub(super) const fn switches_keyspace(&self) -> bool {
        self.switches_keyspace
    }

    /// Returns the current description of the variables and the result columns.
    pub(super) fn metadata(&self) -> Arc<StatementMetadata> {
        self.replacement().unwrap_or_else(|| Arc::clone(&self.first))
    }

    /// Returns the first description.
    #[inline]
    pub(super) fn first(&self) -> &StatementMetadata {
        &self.first
    }

    /// Returns the current description, or `None` if it is the first one.
    #[inline]
    pub(super) fn replacement(&self) -> Option<Arc<StatementMetadata>> {
        let latest = self.latest.get()?;
        Some(Arc::clone(&latest.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Returns the description for which `encoded`, values of this statement, were encoded.
    #[inline]
    pub(super) fn metadata_of<'s>(&'s self, encoded: &'s EncodedValues) -> &'s StatementMetadata {
        encoded.replacement.as_deref().unwrap_or(&self.first)
    }

    /// Replaces the description, unless the new one is the same, or was requested earlier.
    pub(super) fn set_metadata(&self, metadata: impl Into<Arc<StatementMetadata>>) {
        let metadata = metadata.into();
        if self.latest.get().is_none() && self.first.is_same_as(&metadata) {
            return;
        }
        self.replace(|current| {
            let is_kept = current.is_same_as(&metadata) || metadata.is_older_than(current);
            (!is_kept).then_some(metadata)
        });
    }

    /// Records that the server now describes the rows as `columns`, under the id `id`.
    pub(super) fn set_result(&self, id: &Bytes, columns: Option<Arc<[ColumnSpec]>>) {
        self.replace(|current| Some(Arc::new(current.with_result(id, columns))));
    }

    /// Replaces the current description by the one that `other` returns.
    fn replace(&self, other: impl FnOnce(&StatementMetadata) -> Option<Arc<StatementMetadata>>) {
        let latest = self.latest.get_or_init(|| RwLock::new(Arc::clone(&self.first)));
        let mut current = latest.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = other(&current) {
            *current = other;
        }
    }

    /// Returns the lock with the time at which the statement was last prepared again on `node`.
    pub(super) fn reprepared_at(&self, node: SocketAddr, cluster: &ClusterState) -> RepreparedAt {
        let mut nodes = self.reprepared.lock().unwrap_or_else(PoisonError::into_inner);
        // Drop the entries of nodes that have left the cluster, if there are any.
        if !nodes.contains_key(&node) && nodes.len() >= cluster.nodes().len() {
            nodes.retain(|known, _| cluster.node_at(*known).is_some());
        }
        Arc::clone(nodes.entry(node).or_default())
    }

    /// Encodes the values of the bind variables.
    ///
    /// # Errors
    /// Returns an error if a value is missing, or does not fit the type of its variable.
    pub(super) fn encode(&self, values: &(impl ToValues + ?Sized)) -> Result<EncodedValues, Error> {
        self.encode_by(self.replacement(), values)
    }

    /// Encodes the values of the bind variables of `metadata`, a description of this statement.
    ///
    /// # Errors
    /// Returns an error if a value is missing, or does not fit the type of its variable.
    pub(super) fn encode_for(
        &self,
        metadata: Arc<StatementMetadata>,
        values: &(impl ToValues + ?Sized),
    ) -> Result<EncodedValues, Error> {
        self.encode_by(Some(metadata), values)
    }

    /// Encodes the values of the bind variables of `replacement`, or of the first description.
    #[inline]
    fn encode_by(
        &self,
        replacement: Option<Arc<StatementMetadata>>,
        values: &(impl ToValues + ?Sized),
    ) -> Result<EncodedValues, Error> {
        match replacement.as_deref().unwrap_or(&self.first).encode(values) {
            Ok(values) => Ok(EncodedValues { values, replacement }),
            Err(error) => Err(error.with_statement(&self.text)),
        }
    }
}

/// Shows the text without secrets.
impl fmt::Debug for PreparedInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("text", &redact(&self.text))
            .field("variables", &self.metadata().variables)
            .finish_non_exhaustive()
    }
}

/// Returns the PREPARE request for `text` in `keyspace`.
pub(super) fn prepare_request<'p>(text: &'p str, keyspace: Option<&'p str>) -> Prepare<'p> {
    Prepare { keyspace: keyspace.map(Cow::Borrowed), ..Prepare::new(text) }
}

/// Returns the prepared statement in the response to a PREPARE request.
///
/// # Errors
/// Returns an error if the response is of another kind.
pub(super) fn prepared_result(response: Response) -> Result<message::PreparedResult, Error> {
    match response {
        Response::Result(message::ResultMessage::Prepared(prepared)) => Ok(prepared),
        _ => Err(Error::protocol("the response to PREPARE has no prepared statement")),
    }
}
