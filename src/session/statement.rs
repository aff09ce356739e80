//! Statements and prepared statements, with their options.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::error::Error;
use super::options::{ExecutionProfile, Options, option_setters};
use super::prepared::PreparedInner;
use super::retry::RetryPolicy;
use super::shown::shown;
use super::speculative::SpeculativeExecution;
use crate::cluster::{ClusterState, LoadBalancing, Token};
use crate::cql::{redact, switches_keyspace};
use crate::types::{ColumnSpec, ToValues};
use crate::wire::{BytesMap, Consistency};

/// A CQL statement with its options: the text, or a [`PreparedStatement`].
///
/// Strings and prepared statements convert into a `Statement`. Creating one explicitly is only
/// necessary to set options. Options that are not set come from the statement's
/// [profile](Self::profile), and then from the session. Cloning is cheap.
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

/// The content of a statement: a text that is not prepared, or a prepared statement.
#[derive(Clone)]
pub(super) enum StatementKind {
    Unprepared(Arc<str>),
    Prepared(Arc<PreparedInner>),
}

/// A statement that was prepared by [`Session::prepare`](super::Session::prepare).
///
/// It can be executed on every node. If a node does not know the statement or has evicted it, the
/// driver prepares it there within the request. If the schema was altered since, the statement and
/// its clones take values of the new types. Cloning is cheap.
///
/// The session that prepared the statement must also execute it. A text that is executed with
/// values is prepared and cached automatically; preparing it explicitly saves the look-up, and
/// reports errors early.
#[derive(Debug, Clone)]
pub struct PreparedStatement {
    pub(super) prepared: Arc<PreparedInner>,
    pub(super) options: Options,
}

/// Shows the text without secrets.
impl fmt::Debug for StatementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprepared(text) => f.debug_tuple("Unprepared").field(&shown(text)).finish(),
            Self::Prepared(prepared) => prepared.fmt(f),
        }
    }
}

impl StatementKind {
    /// Returns the text of the statement.
    pub(super) fn text(&self) -> &Arc<str> {
        match self {
            Self::Unprepared(text) => text,
            Self::Prepared(prepared) => &prepared.text,
        }
    }

    /// Returns true if the statement is a USE.
    pub(super) fn switches_keyspace(&self) -> bool {
        match self {
            Self::Unprepared(text) => switches_keyspace(text),
            Self::Prepared(prepared) => prepared.switches_keyspace(),
        }
    }
}

option_setters!(Statement);
option_setters!(PreparedStatement);

impl Statement {
    /// Creates a statement from its text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self {
            kind: StatementKind::Unprepared(text.into()),
            options: Options::NONE,
            paging_state: None,
        }
    }

    /// Sets the page at which the result starts, by the [paging
    /// state](super::QueryResult::paging_state) that an earlier result returned. `None` means the
    /// first page. Default: `None`.
    ///
    /// A paging state can be stored, and used by another process. It is valid only for the same
    /// statement with the same values.
    #[must_use]
    pub fn paging_state(mut self, state: impl Into<Option<Bytes>>) -> Self {
        self.paging_state = state.into();
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Returns the text of the statement.
    pub fn text(&self) -> &str {
        self.kind.text()
    }
}

impl PreparedStatement {
    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Returns the text of the statement.
    pub fn text(&self) -> &str {
        &self.prepared.text
    }

    /// Sets the page at which the result starts: see [`Statement::paging_state`].
    #[must_use]
    pub fn paging_state(self, state: impl Into<Option<Bytes>>) -> Statement {
        Statement::from(self).paging_state(state)
    }

    /// Returns the bind variables, in the order in which they occur in the text. Their types are
    /// those that a server described last: they change if the driver notices that a type or a
    /// table was altered.
    pub fn variables(&self) -> Arc<[ColumnSpec]> {
        Arc::clone(&self.prepared.metadata().variables)
    }

    /// Returns the columns of the rows, or `None` if they are unknown or the statement returns no rows.
    pub(crate) fn result_columns(&self) -> Option<Arc<[ColumnSpec]>> {
        self.prepared.metadata().result_columns.clone()
    }

    /// Returns the token of the partition that `values` address, to whose replicas requests are sent. If the
    /// statement reads a [range of tokens](crate::cluster::TokenRange), as in
    /// `token(username) > ? AND token(username) <= ?`, it is the end of the range. The markers must have no
    /// names, because the server then names the variables.
    ///
    /// Returns `None` if the values include neither the whole partition key nor both ends of a range, or if the
    /// driver does not know the cluster's partitioner.
    ///
    /// Use it to find the replicas of a partition, or to group statements by node.
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
    /// Returns an error of kind [`Bind`](super::ErrorKind::Bind) if the values do not fit the bind
    /// variables.
    pub fn token(
        &self,
        values: impl ToValues,
        cluster: &ClusterState,
    ) -> Result<Option<Token>, Error> {
        let encoded = self.prepared.encode(&values)?;
        let metadata = self.prepared.metadata_of(&encoded);
        Ok(cluster.partitioner().and_then(|by| metadata.token(&encoded.values.values(), by)))
    }
}

/// Shows the text without [secrets](crate::session#secrets). Omits the paging state, because it may
/// contain values of the last row.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("text", &redact(self.text()))
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
