//! A prepared statement as the session stores it, and its PREPARE request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use tokio::time::Instant;

use super::cql::{is_read_only, switches_keyspace};
use super::error::Error;
use crate::cluster::{ClusterState, Partitioner, Token, routing_key};
use crate::message::{self, KnownColumns, Prepare, Response};
use crate::types::{ColumnSpec, ToValues, Values, ValuesBuffer};

/// A statement that a server has prepared, shared by all uses of the statement.
#[derive(Debug)]
pub(super) struct PreparedInner {
    pub(super) text: Arc<str>,
    /// The statement id, which is the same on every node.
    pub(super) id: Bytes,
    pub(super) variables: Arc<[ColumnSpec]>,
    /// True if the statement is a SELECT.
    pub(super) read_only: bool,
    /// True if the statement is a USE.
    switches_keyspace: bool,
    /// The indices of the variables that form the partition key.
    partition_key: Vec<u16>,
    result: RwLock<Arc<ResultShape>>,
    /// The columns of the rows, as the first response described them. Decoding later responses
    /// reuses them.
    pub(super) columns: KnownColumns,
    /// For each node that has evicted the statement, the time at which the statement was last
    /// prepared again on that node.
    reprepared: Mutex<HashMap<SocketAddr, RepreparedAt>>,
}

/// The time at which a statement was last prepared again on a node that had evicted it; `None`
/// before the first time. A request holds the lock while it prepares the statement, so that
/// concurrent requests wait instead of preparing it too.
type RepreparedAt = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// The columns of a statement's rows (`None` if unknown), and the result metadata id of these
/// columns (v5).
#[derive(Debug, PartialEq)]
pub(super) struct ResultShape {
    pub(super) id: Bytes,
    pub(super) columns: Option<Arc<[ColumnSpec]>>,
}

impl PreparedInner {
    pub(super) fn new(text: &Arc<str>, prepared: message::PreparedResult) -> Self {
        let message::PreparedResult { id, result_metadata_id, variables, result } = prepared;
        let shape = ResultShape {
            // Empty if the statement was prepared in a version without result metadata ids. Another
            // node may speak v5, in which EXECUTE requires an id; the driver then sends the empty
            // one.
            id: result_metadata_id.as_ref().map(detached).unwrap_or_default(),
            columns: result.columns,
        };
        Self {
            text: Arc::clone(text),
            read_only: is_read_only(text),
            switches_keyspace: switches_keyspace(text),
            id: detached(&id),
            variables: variables.columns,
            partition_key: variables.partition_key,
            result: RwLock::new(Arc::new(shape)),
            columns: KnownColumns::new(),
            reprepared: Mutex::default(),
        }
    }

    /// Returns true if the statement is a USE.
    pub(super) const fn switches_keyspace(&self) -> bool {
        self.switches_keyspace
    }

    /// Returns the columns of the rows as last described by a server.
    pub(super) fn shape(&self) -> Arc<ResultShape> {
        Arc::clone(&self.result.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns true if `again`, the result of another PREPARE, has the same id and accepts values
    /// that were encoded for this statement.
    pub(super) fn is_compatible_with(&self, again: &message::PreparedResult) -> bool {
        let (before, now) = (&self.variables, &again.variables.columns);
        let accepts_values_of = |(now, before): (&ColumnSpec, &ColumnSpec)| {
            now.name == before.name && now.cql_type.has_grown_from(&before.cql_type)
        };
        self.id == again.id
            && before.len() == now.len()
            && now.iter().zip(before.iter()).all(accepts_values_of)
    }

    /// Returns the lock with the time at which the statement was last prepared again on `node`.
    pub(super) fn reprepared_at(&self, node: SocketAddr, cluster: &ClusterState) -> RepreparedAt {
        let mut nodes = self.reprepared.lock().unwrap_or_else(PoisonError::into_inner);
        if !nodes.contains_key(&node) {
            // Drop the entries of nodes that have left the cluster.
            nodes.retain(|known, _| cluster.nodes().iter().any(|node| node.address() == *known));
        }
        Arc::clone(nodes.entry(node).or_default())
    }

    /// Records that the server now describes the rows as `columns`, under the id `id`.
    pub(super) fn set_shape(&self, id: &Bytes, columns: Option<Arc<[ColumnSpec]>>) {
        let shape = ResultShape { id: detached(id), columns };
        *self.result.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shape);
    }

    /// Returns the keyspace of the statement's table, or `None` if the statement has no variables.
    pub(super) fn keyspace(&self) -> Option<&str> {
        self.variables.first().map(|column| &*column.table.keyspace)
    }

    /// Returns the token of the partition that `values` address, or `None` if the partition key is
    /// not fully bound.
    pub(super) fn token(&self, values: &Values<'_>, partitioner: Partitioner) -> Option<Token> {
        if self.partition_key.is_empty() {
            return None;
        }
        let mut scratch = Vec::new();
        let key = routing_key(values, &self.partition_key, &mut scratch)?;
        Some(partitioner.token(key))
    }

    /// Encodes the values of the bind variables.
    ///
    /// # Errors
    /// Returns an error if a value is missing, or does not fit the type of its variable.
    pub(super) fn encode(
        &self,
        values: &(impl ToValues + ?Sized),
    ) -> Result<Values<'static>, Error> {
        let mut buffer = ValuesBuffer::new();
        match buffer.bind(values, &self.variables) {
            Ok(_) => Ok(buffer.into_values()),
            Err(error) => Err(Error::from(error).with_statement(&self.text)),
        }
    }
}

/// Copies an id, so that it does not keep the whole response in memory.
fn detached(id: &Bytes) -> Bytes {
    Bytes::copy_from_slice(id)
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
