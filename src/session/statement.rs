//! Statements, and how they are to be run.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::cql::{is_read_only, switches_keyspace};
use super::options::{ExecutionProfile, Options, option_setters};
use super::{Error, RetryPolicy, SpeculativeExecution};
use crate::cluster::{ClusterState, LoadBalancing, Partitioner, Token, routing_key};
use crate::message::{self, KnownColumns};
use crate::types::{ColumnSpec, ToValues, Values, ValuesBuffer};
use crate::wire::{BytesMap, Consistency};

/// A statement: text, or a prepared statement, and how it is to be run.
///
/// What is not said here is as the session's builder said it.
///
/// ```
/// use cqlwire::session::Statement;
/// use cqlwire::wire::Consistency;
///
/// let select = Statement::new("SELECT * FROM users").consistency(Consistency::Quorum).page_size(100);
/// ```
#[derive(Clone)]
pub struct Statement {
    pub(super) kind: StatementKind,
    pub(super) options: Options,
    pub(super) paging_state: Option<Bytes>,
}

/// What a statement says.
#[derive(Debug, Clone)]
pub(super) enum StatementKind {
    Unprepared(Arc<str>),
    Prepared(Arc<PreparedInner>),
}

/// A statement that the server has parsed.
///
/// It belongs to the session, not to a connection: where a server does not know it any more, it is
/// prepared again.
#[derive(Debug, Clone)]
pub struct PreparedStatement {
    pub(super) prepared: Arc<PreparedInner>,
    pub(super) options: Options,
}

#[derive(Debug)]
pub(super) struct PreparedInner {
    pub(super) text: Arc<str>,
    pub(super) id: Bytes,
    pub(super) variables: Arc<[ColumnSpec]>,
    /// Whether it only reads.
    pub(super) read_only: bool,
    /// Whether it has its connection use another keyspace.
    switches_keyspace: bool,
    /// Which of the variables are the partition key.
    partition_key: Vec<u16>,
    result: RwLock<Arc<ResultShape>>,
    /// How its rows were described first.
    pub(super) columns: KnownColumns,
    /// The nodes that had forgotten it.
    reprepared: Mutex<HashMap<SocketAddr, RepreparedAt>>,
}

/// When a node was last told a statement that it had forgotten. Who tells it holds this, so that a
/// thousand requests tell it once.
type RepreparedAt = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// What the rows of a statement are known to be, and what the server calls that (v5).
#[derive(Debug, PartialEq)]
pub(super) struct ResultShape {
    pub(super) id: Bytes,
    pub(super) columns: Option<Arc<[ColumnSpec]>>,
}

impl StatementKind {
    /// Whether it is a `USE`.
    pub(super) fn switches_keyspace(&self) -> bool {
        match self {
            Self::Unprepared(text) => switches_keyspace(text),
            Self::Prepared(prepared) => prepared.switches_keyspace,
        }
    }
}

/// What is kept of an answer, without the memory of all of it.
fn detached(id: &Bytes) -> Bytes {
    Bytes::copy_from_slice(id)
}

impl PreparedInner {
    pub(super) fn new(text: &Arc<str>, prepared: message::PreparedResult) -> Self {
        let message::PreparedResult { id, result_metadata_id, variables, result } = prepared;
        let shape = ResultShape {
            // Where the server that prepared it has no such ids, another one may ask for one.
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

    /// What its rows are known to be.
    pub(super) fn shape(&self) -> Arc<ResultShape> {
        Arc::clone(&self.result.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this is how it was prepared: values that were encoded for it can be sent.
    pub(super) fn is_compatible_with(&self, again: &message::PreparedResult) -> bool {
        let (variables, now) = (&self.variables, &again.variables.columns);
        let takes = |(now, variable): (&ColumnSpec, &ColumnSpec)| {
            now.name == variable.name && now.cql_type.has_grown_from(&variable.cql_type)
        };
        self.id == again.id
            && variables.len() == now.len()
            && now.iter().zip(variables.iter()).all(takes)
    }

    /// When this node was last told.
    pub(super) fn reprepared_at(&self, node: SocketAddr, cluster: &ClusterState) -> RepreparedAt {
        let mut nodes = self.reprepared.lock().unwrap_or_else(PoisonError::into_inner);
        if !nodes.contains_key(&node) {
            // Those that have left the cluster are not asked again.
            nodes.retain(|known, _| cluster.nodes().iter().any(|node| node.address() == *known));
        }
        Arc::clone(nodes.entry(node).or_default())
    }

    /// Its rows are something else now.
    pub(super) fn set_shape(&self, id: &Bytes, columns: Option<Arc<[ColumnSpec]>>) {
        let shape = ResultShape { id: detached(id), columns };
        *self.result.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shape);
    }

    /// The keyspace of its table.
    pub(super) fn keyspace(&self) -> Option<&str> {
        self.variables.first().map(|column| &*column.table.keyspace)
    }

    /// The token of the partition that values are of, if that can be told.
    pub(super) fn token(&self, values: &Values<'_>, partitioner: Partitioner) -> Option<Token> {
        if self.partition_key.is_empty() {
            return None;
        }
        let mut scratch = Vec::new();
        let key = routing_key(values, &self.partition_key, &mut scratch)?;
        Some(partitioner.token(key))
    }

    /// Encodes the values of its variables.
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

option_setters!(Statement);
option_setters!(PreparedStatement);

impl Statement {
    /// The statement of this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self {
            kind: StatementKind::Unprepared(text.into()),
            options: Options::NONE,
            paging_state: None,
        }
    }

    /// Begins with the page that an earlier one ended at: its
    /// [`paging_state`](super::QueryResult::paging_state), which can be kept, and sent elsewhere.
    #[must_use]
    pub fn paging_state(mut self, state: impl Into<Option<Bytes>>) -> Self {
        self.paging_state = state.into();
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// The text of the statement.
    pub fn text(&self) -> &str {
        match &self.kind {
            StatementKind::Unprepared(text) => text,
            StatementKind::Prepared(prepared) => &prepared.text,
        }
    }
}

impl PreparedStatement {
    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// The text of the statement.
    pub fn text(&self) -> &str {
        &self.prepared.text
    }

    /// Begins with the page that an earlier one ended at: see [`Statement::paging_state`].
    #[must_use]
    pub fn paging_state(self, state: impl Into<Option<Bytes>>) -> Statement {
        Statement::from(self).paging_state(state)
    }

    /// The variables that values are bound to.
    pub fn variables(&self) -> &[ColumnSpec] {
        &self.prepared.variables
    }

    /// The token of the partition that these values name, to see who has it, or to group what goes
    /// to the same nodes; `None` if it cannot be told.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// let select = session.prepare("SELECT * FROM k8s_test.users WHERE username = ?").await?;
    /// let cluster = session.cluster();
    /// if let Some(token) = select.token(("ada",), &cluster)? {
    ///     for node in cluster.replicas("k8s_test", token) {
    ///         println!("{} has ada", node.address());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The values do not go with the statement.
    pub fn token(
        &self,
        values: impl ToValues,
        cluster: &ClusterState,
    ) -> Result<Option<Token>, Error> {
        let values = self.prepared.encode(&values)?;
        Ok(cluster.partitioner().and_then(|by| self.prepared.token(&values, by)))
    }
}

/// The paging state, which may have values in it, is not shown.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("text", &self.text())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl From<&str> for Statement {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Statement {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&Statement> for Statement {
    fn from(statement: &Statement) -> Self {
        statement.clone()
    }
}

impl From<PreparedStatement> for Statement {
    fn from(prepared: PreparedStatement) -> Self {
        Self {
            kind: StatementKind::Prepared(prepared.prepared),
            options: prepared.options,
            paging_state: None,
        }
    }
}

impl From<&PreparedStatement> for Statement {
    fn from(prepared: &PreparedStatement) -> Self {
        prepared.clone().into()
    }
}
