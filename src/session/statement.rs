//! Statements and prepared statements, with their options.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::cql::switches_keyspace;
use super::error::Error;
use super::options::{ExecutionProfile, Options, option_setters};
use super::prepared::PreparedInner;
use super::retry::RetryPolicy;
use super::speculative::SpeculativeExecution;
use crate::cluster::{ClusterState, LoadBalancing, Token};
use crate::types::{ColumnSpec, ToValues};
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

impl StatementKind {
    /// Whether it is a `USE`.
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
