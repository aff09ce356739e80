//! What users call: sessions, statements, results.
//!
//! Four verbs do everything: [`execute`](Session::execute) (one answer),
//! [`stream`](Session::stream) (every page), [`batch`](Session::batch) and
//! [`prepare`](Session::prepare). Each takes anything that is a statement and anything that is
//! values; what varies travels on the statement, not in the method's name.
//!
//! ```no_run
//! use cqlwire::session::Session;
//! use cqlwire::wire::Compression;
//!
//! # async fn example() -> Result<(), cqlwire::session::Error> {
//! let session = Session::builder()
//!     .contact_points(["127.0.0.1"])
//!     .keyspace("k8s_test")
//!     .compression(Compression::Lz4)
//!     .connect()
//!     .await?;
//!
//! // Text with values is prepared once behind the scenes, and cached.
//! session.execute("INSERT INTO users (username, password) VALUES (?, ?)", ("ada", "secret")).await?;
//!
//! let result = session.execute("SELECT username, password FROM users", ()).await?;
//! for user in result.rows::<(&str, Option<&str>)>()? { // columns checked here, once
//!     let (username, _password) = user?; // decoded here, borrowed from the response
//!     println!("{username}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What can be seen
//!
//! [`Session::metrics`] counts, and tells the `metrics` facade if it is asked to: see [`Metrics`].
//! Each request is a span of `tracing` at the level DEBUG, each attempt that fails an event in it.
//! The span has what OpenTelemetry's conventions for databases and Cassandra say:
//!
//! | attribute | what |
//! |---|---|
//! | `db.system.name` | `cassandra` |
//! | `db.operation.name` | the first word of the statement, `PREPARE` or `BATCH`; also the span's `otel.name` |
//! | `db.namespace` | the keyspace |
//! | `db.query.text` | the statement; without its literals, if it was not prepared |
//! | `db.operation.batch.size` | how many statements a batch has, if not one |
//! | `cassandra.consistency.level` | as it was asked for |
//! | `cassandra.page.size`, `cassandra.query.idempotent` | as they were decided |
//! | `server.address`, `server.port`, `network.peer.address`, `network.peer.port` | the node that was asked last |
//! | `cassandra.coordinator.id`, `cassandra.coordinator.dc` | the same node, as the cluster knows it |
//! | `cassandra.speculative_execution.count` | how often another node was asked before the first had answered |
//! | `db.response.status_code` | the code of the server's error, as `0x1200` |
//! | `error.type` | the same, or `timeout`, `connection` and so on; `otel.status_code` is `ERROR` then |
//!
//! No event, span or error shows bound values or a password. Where nobody listens nothing is done.
//!
//! Invariants: there is one request path, which every verb takes; a request is made
//! again only when that cannot do anything twice; an error names the node, the statement and what
//! may have happened.

#![allow(clippy::arithmetic_side_effects, reason = "counters and times of the client itself")]

mod attempt;
mod batch;
mod builder;
mod cache;
mod call;
pub(crate) mod cql;
mod error;
mod events;
mod execution;
mod executor;
#[cfg(feature = "metrics-024")]
mod facade;
mod latencies;
mod metric_list;
mod metrics;
mod options;
mod prepare;
mod prepared;
mod progress;
mod request;
mod result;
mod retry;
mod schema;
mod span;
mod speculative;
mod statement;
mod stream;
mod throttle;
mod timestamps;
mod trace;

use std::borrow::Borrow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::cluster::ClusterState;
use crate::cluster::schema::Schema;
use crate::types::ToValues;
use executor::Executor;
use request::BoundStatement;

pub use batch::Batch;
pub use builder::SessionBuilder;
pub use error::{Attempt, Error, ErrorKind};
pub use events::ClusterEvents;
pub use metrics::{FailureCounts, Metrics, NodeMetrics};
pub use options::ExecutionProfile;
pub use result::QueryResult;
pub use retry::{
    AttemptError, DefaultRetry, DowngradingRetry, FailedAttempt, NoRetry, RetryDecision,
    RetryPolicy,
};
pub use speculative::SpeculativeExecution;
pub use statement::{PreparedStatement, Statement};
pub use stream::RowStream;
pub use throttle::Throttle;
pub use timestamps::{MonotonicTimestamps, ServerTimestamps, TimestampGenerator};
pub use trace::{Trace, TraceEvent};

/// A session with a Cassandra cluster.
///
/// It knows the nodes and has connections to them; each request goes to one that has its row. It is
/// cheap to clone; all clones are one session. When the last one is dropped, its connections are
/// closed, once nobody waits on them. Its connections are of the runtime that it was made on, and end
/// with that.
#[derive(Clone)]
pub struct Session {
    executor: Arc<Executor>,
}

impl Session {
    /// Describes a session; its [`connect`](SessionBuilder::connect) makes it.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// Runs a statement, and gives its one answer: of rows, the first page.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// let count: i64 = session.execute("SELECT count(*) FROM users", ()).await?.one()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The values do not go with the statement, the server refused it, or there was no answer.
    pub fn execute<'v>(
        &'v self,
        statement: impl Into<Statement>,
        values: impl ToValues + Send + Sync + 'v,
    ) -> Pin<Box<dyn Future<Output = Result<QueryResult, Error>> + Send + 'v>> {
        let mut bound = BoundStatement::from(statement.into());
        // Boxed once for the whole request. Unlike the opaque future of an `async fn`, a box does not
        // depend on the type of the values, so a type that cannot be bound is one compile error.
        Box::pin(async move {
            let deadline = self.executor.bind(&mut bound, &values).await?;
            if bound.switches_keyspace() {
                // All connections must switch, even if the caller drops the future.
                let executor = Arc::clone(&self.executor);
                let switch =
                    tokio::spawn(async move { executor.execute(&bound, None, deadline).await });
                return switch.await.map_err(|error| Error::task_ended(&error))?;
            }
            let page = bound.statement.paging_state.as_ref();
            let result = self.executor.execute(&bound, page, deadline).await?;
            Ok(result.with_statement(bound.statement.kind))
        })
    }

    /// Runs a statement, and gives the rows of all its pages, one after the other.
    ///
    /// While a page is read the next one is fetched, so that a million rows take the memory of two
    /// pages.
    ///
    /// ```no_run
    /// # use cqlwire::session::Statement;
    /// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// let select = Statement::new("SELECT username FROM users").page_size(1_000);
    /// let mut users = session.stream::<String>(select, ());
    /// while let Some(username) = users.try_next().await? {
    ///     println!("{username}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<'v, T>(
        &self,
        statement: impl Into<Statement>,
        values: impl ToValues + Send + Sync + 'v,
    ) -> RowStream<'v, T> {
        RowStream::new(Arc::clone(&self.executor), statement.into(), Box::new(values))
    }

    /// Runs several statements as one.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn batch<'v>(&self, batch: impl Borrow<Batch<'v>>) -> Result<QueryResult, Error> {
        self.executor.batch(batch.borrow()).await
    }

    /// Has a statement parsed, so that it can be run many times.
    ///
    /// # Errors
    /// The server refused it, or there was no answer.
    pub async fn prepare(
        &self,
        statement: impl Into<Statement>,
    ) -> Result<PreparedStatement, Error> {
        self.executor.prepare(statement.into()).await
    }

    /// What the session has done so far.
    pub fn metrics(&self) -> Metrics {
        self.executor.metrics()
    }

    /// What the session is called in metrics: see [`SessionBuilder::name`].
    pub fn name(&self) -> &str {
        &self.executor.cluster.settings().name
    }

    /// Returns a snapshot of the cluster: its nodes, its ring and its schema.
    ///
    /// The schema is empty until the driver has read it: see [`schema`](Self::schema).
    ///
    /// ```no_run
    /// # fn example(session: &cqlwire::session::Session) {
    /// for node in session.cluster().nodes() {
    ///     println!("{} in {}: {} connections", node.address(), node.datacenter(), node.open_connections());
    /// }
    /// # }
    /// ```
    pub fn cluster(&self) -> Arc<ClusterState> {
        self.executor.cluster.state()
    }

    /// Returns the schema. Waits until the driver has read it, at most for the session's request
    /// timeout; later calls return the latest schema at once.
    ///
    /// ```no_run
    /// # async fn example(session: &cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// if let Some(users) = session.schema().await?.table("k8s_test", "users") {
    ///     println!("{}", users.ddl());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the session was built with
    /// [`fetch_schema(false)`](SessionBuilder::fetch_schema), if the schema could not be read in time,
    /// or if the session is closed.
    pub async fn schema(&self) -> Result<Arc<Schema>, Error> {
        self.executor.schema().await
    }

    /// What happens in the cluster from now on: nodes that come and go, changes of the schema.
    pub fn events(&self) -> ClusterEvents {
        ClusterEvents::new(self.executor.cluster.events())
    }

    /// The keyspace of statements that name none: of the builder, or of the last `USE`.
    pub fn keyspace(&self) -> Option<String> {
        self.executor.cluster.keyspace()
    }

    /// What the server has noted of a statement that was run with
    /// [`tracing`](Statement::tracing); `id` is its [`tracing_id`](QueryResult::tracing_id). What the
    /// server has not written a few seconds after the answer is left out.
    ///
    /// ```no_run
    /// # use cqlwire::session::Statement;
    /// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// let traced = Statement::new("SELECT * FROM users").tracing(true);
    /// if let Some(id) = session.execute(traced, ()).await?.tracing_id() {
    ///     for event in session.trace(id).await?.events {
    ///         println!("{:?} {:?}", event.elapsed, event.activity);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn trace(&self, id: Uuid) -> Result<Trace, Error> {
        self.executor.trace(id).await
    }

    /// Closes the session, and all its clones: waits until every request that is under way has been
    /// answered, but no longer than `time`, and ends the connections. Requests that are made from
    /// now on fail.
    pub async fn close(&self, time: Duration) {
        self.executor.cluster.close(Instant::now().checked_add(time)).await;
        self.executor.publish();
    }
}

impl SessionBuilder {
    /// Connects to the cluster, and returns when one node can serve requests.
    ///
    /// # Errors
    /// Returns an error if an option is invalid ([`ErrorKind::Config`]), no server can be reached
    /// ([`ErrorKind::Unreachable`]; see [`connect_retry_for`](Self::connect_retry_for)), a server
    /// refuses the credentials ([`ErrorKind::Authentication`]), or the keyspace does not exist
    /// ([`ErrorKind::Server`]).
    pub async fn connect(self) -> Result<Session, Error> {
        Ok(Session { executor: self.open().await? })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.name())
            .field("keyspace", &self.keyspace())
            .field("nodes", &self.cluster().nodes())
            .finish_non_exhaustive()
    }
}
