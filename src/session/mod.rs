//! Sessions: connect to a cluster, execute statements, read results.
//!
//! A [`Session`] has four methods for statements:
//!
//! | method | for |
//! |---|---|
//! | [`execute`](Session::execute) | one statement with one result: a write, or a SELECT whose rows fit a page |
//! | [`stream`](Session::stream) | a SELECT of any size; pages are fetched ahead |
//! | [`batch`](Session::batch) | several writes in one request |
//! | [`prepare`](Session::prepare) | a statement that is to be executed often |
//!
//! A statement is a string, a [`Statement`] with options, or a [`PreparedStatement`]. Its values are
//! a tuple, a slice, a map, or a struct that derives [`ToValues`]; `()` means no values. Rows are read
//! as tuples, or as structs that derive [`FromRow`](crate::types::FromRow).
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
//! // The driver prepares a text with values when it first executes it, and caches the statement.
//! session.execute("INSERT INTO users (username, password) VALUES (?, ?)", ("ada", "secret")).await?;
//!
//! let result = session.execute("SELECT username, password FROM users", ()).await?;
//! for user in result.rows::<(&str, Option<&str>)>()? { // checks the columns once
//!     let (username, _password) = user?; // decodes one row, which borrows from the response
//!     println!("{username}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Retries and errors
//!
//! Every request takes the same path: the load balancing policy chooses a node, and after a failure
//! the [`RetryPolicy`] decides whether another attempt follows. The default policy retries only
//! where a retry is safe: the failed attempt was certainly not applied, or the statement is
//! [idempotent](Statement::idempotent). An [`Error`] is one line that names the statement and the
//! node, and says whether the statement may have been applied.
//!
//! # Transactions
//!
//! A transaction of Cassandra 6.0 (`BEGIN TRANSACTION ... COMMIT TRANSACTION`) is one statement: it is
//! executed with or without values, or prepared, like any other. Its result has the rows of its
//! SELECT, or nothing. A transaction that writes is not idempotent unless it is marked so, and is
//! therefore not retried after an error that leaves open whether it was applied.
//!
//! The server commits a transaction at its own time, and ignores
//! [client timestamps](Statement::timestamp). It refuses some consistencies, such as LOCAL_ONE and
//! LOCAL_QUORUM. If no consistency is set, the driver sends QUORUM. A consistency that is set for the
//! statement, a profile or the session is sent unchanged; the error then says what to set.
//!
//! Other statements on a table whose `transactional_mode` is `full` are executed as transactions by
//! the server, with the same restrictions. Their default consistency is LOCAL_ONE, because the
//! driver does not know the mode of the table: set one of those that the error lists.
//!
//! # Nodes that stop answering
//!
//! A node may stop answering while its connections stay open: its process is paused, or the network
//! loses its packets. If requests wait on a connection and no response arrives for 500 ms, the driver
//! sends a heartbeat. If that is not answered either for another 500 ms, the connection is
//! unresponsive until the next response ([`ConnectionOptions::probe_after`] and
//! [`ConnectionOptions::probe_timeout`] change the times):
//!
//! - Requests that wait on it and are [idempotent](Statement::idempotent), and PREPARE, are also sent
//!   to another node. The first response wins. They count as
//!   [speculative executions](Metrics::speculative_executions).
//! - A request whose prepared statement the node has evicted, and which waits until the statement is
//!   prepared again, goes to another node: it was not executed.
//! - All other requests that wait on it keep waiting until they are answered or time out.
//! - New requests go to other nodes, if there is one ([`Node::is_responsive`]).
//!
//! A slow query does not make a connection unresponsive, because its node still answers heartbeats,
//! unless all of its request threads are busy and it sends nothing else.
//!
//! [`ConnectionOptions::probe_after`]: crate::protocol::ConnectionOptions::probe_after
//! [`ConnectionOptions::probe_timeout`]: crate::protocol::ConnectionOptions::probe_timeout
//! [`Node::is_responsive`]: crate::cluster::Node::is_responsive
//!
//! # Observability
//!
//! [`Session::metrics`] returns counters and latencies. They can also be published to the `metrics`
//! facade: see [`Metrics`].
//!
//! Each request is a `tracing` span of level DEBUG, and each failed attempt an event in it. If no
//! subscriber is interested in the span, the span costs nothing. Its attributes follow
//! OpenTelemetry's conventions for databases:
//!
//! | attribute | value |
//! |---|---|
//! | `db.system.name` | `cassandra` |
//! | `db.operation.name` | `PREPARE`, `BATCH`, or the first word of any other statement; the span's `otel.name` has the same value |
//! | `db.namespace` | the keyspace |
//! | `db.query.text` | the statement, or the different statements of a batch, with `?` in place of literals |
//! | `db.operation.batch.size` | the number of statements in a batch, unless it is 1 |
//! | `cassandra.consistency.level` | the consistency of the request |
//! | `cassandra.page.size` | the page size in rows |
//! | `cassandra.query.idempotent` | true if the statement is idempotent |
//! | `server.address`, `server.port`, `network.peer.address`, `network.peer.port` | the address of the node that responded, or of the node on which the last attempt failed |
//! | `cassandra.coordinator.id`, `cassandra.coordinator.dc` | the host id and the datacenter of the node in `server.address` |
//! | `cassandra.speculative_execution.count` | the number of speculative executions |
//! | `db.response.status_code` | the server's error code, such as `0x1200`; set only if the server responded with an error |
//! | `error.type` | set only on failure, together with `otel.status_code` = `ERROR`: the server's error code, or the kind of any other error, such as `timeout` |
//!
//! # Secrets
//!
//! Spans, events, errors and the `Debug` texts of statements contain no bound values, and the texts of
//! statements with `?` in place of literals and without comments. An error shows the first 60
//! characters. Events and the `Debug` text of a [`QueryResult`] show how many rows and
//! [warnings](QueryResult::warnings) it has, and not their contents.
//!
//! Of a text that may set a password, they show only the beginning, such as `CREATE ROLE ada ...`:
//! CREATE or ALTER of a role, of a user or of an unknown object, and unknown statements with the word
//! `PASSWORD`. Messages of the server about such a text are withheld, because they repeat parts of it.
//! [`Error::server_error`] and [`Error::cause`] return them.

#![allow(clippy::arithmetic_side_effects, reason = "counters and times of the client itself")]

mod attempt;
mod batch;
mod bound;
mod builder;
mod cache;
mod call;
mod concurrent;
mod connect;
mod downgrading;
mod effect;
mod encoded_batch;
mod encoded_row;
mod error;
mod events;
mod execution;
mod executor;
#[cfg(feature = "metrics-024")]
mod facade;
#[cfg(test)]
mod interleavings;
mod latencies;
mod metadata;
mod metric_list;
mod metrics;
mod options;
mod pick;
mod prepare;
mod prepared;
mod progress;
mod request;
mod result;
mod retry;
mod schema;
mod shown;
mod span;
mod speculative;
mod statement;
mod stream;
mod task;
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
use metadata::StatementMetadata;
use request::ExecuteRequest;

pub use batch::Batch;
pub use builder::SessionBuilder;
pub use downgrading::DowngradingRetry;
pub(crate) use encoded_row::{EncodedRow, RowsRequest};
pub use error::{Attempt, Error, ErrorKind};
pub use events::ClusterEvents;
pub use metrics::{FailureCounts, Metrics, NodeMetrics};
pub use options::ExecutionProfile;
pub use result::QueryResult;
pub use retry::{AttemptError, DefaultRetry, FailedAttempt, NoRetry, RetryDecision, RetryPolicy};
pub use speculative::SpeculativeExecution;
pub use statement::{PreparedStatement, Statement};
pub use stream::RowStream;
pub use throttle::Throttle;
pub use timestamps::{MonotonicTimestamps, ServerTimestamps, TimestampGenerator};
pub use trace::{Trace, TraceEvent};

/// A session with a Cassandra cluster: its nodes, and connections to them.
///
/// Each request goes to one node, if possible to a replica of the partition that it addresses.
/// Requests run concurrently; a connection carries many at a time. Requests that are in flight at the
/// same time have no order: await the first before the second if their order matters.
///
/// Cloning is cheap, and all clones are the same session. A program needs one session per cluster.
/// When the last clone is dropped, the connections close as soon as the requests in flight have
/// ended. [`close`](Self::close) closes them explicitly.
///
/// The connections run on the tokio runtime on which the session was connected, and close when that
/// runtime shuts down. [`connect`](SessionBuilder::connect) must be called in a runtime whose I/O and
/// time drivers are enabled. All other methods can be called anywhere: on this runtime, on another
/// one, or on an executor that is not of tokio. On another executor, requests end at their timeout
/// even if the session's runtime is idle, blocked, or was lost by a fork of the process
/// (fork while no other thread uses the driver: it could hold a lock for ever). A thread that
/// has entered the session's runtime without driving it (`Handle::block_on` or `Handle::enter` on an
/// idle current-thread runtime) waits until another thread drives the runtime.
#[derive(Clone)]
pub struct Session {
    executor: Arc<Executor>,
}

impl Session {
    /// Returns a builder, which configures and [connects](SessionBuilder::connect) a session.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// Executes a statement and returns its result.
    ///
    /// The result of a SELECT is one page: the first, or the one at the statement's [paging
    /// state](Statement::paging_state). [`stream`](Self::stream) returns all pages.
    ///
    /// A text with values is prepared first, unless it is in the session's cache of prepared
    /// statements. A text without values is sent as it is.
    ///
    /// After a statement that changes the schema, the method waits for the nodes to agree on the new
    /// schema: see [`QueryResult::schema_agreed`]. After `USE`, all connections of the session change
    /// their keyspace.
    ///
    /// The future may be dropped at any time. The server may still execute a statement that has
    /// been sent.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// let count: i64 = session.execute("SELECT count(*) FROM users", ()).await?.one()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error of kind
    /// - [`Bind`](ErrorKind::Bind) if the values do not fit the bind variables of the statement, or
    ///   are missing;
    /// - [`Server`](ErrorKind::Server) if the server responds with an error, and the retry policy
    ///   does not retry;
    /// - [`Timeout`](ErrorKind::Timeout) if no response arrives before the
    ///   [timeout](Statement::timeout);
    /// - [`Connection`](ErrorKind::Connection) if the connection closes while the request is in
    ///   flight, and a retry is not safe;
    /// - [`Unreachable`](ErrorKind::Unreachable) if no node can be reached;
    /// - [`Throttled`](ErrorKind::Throttled) if the session's [`Throttle`] rejects the request;
    /// - [`Closed`](ErrorKind::Closed) if the session is closed.
    ///
    /// [`ErrorKind`] lists the rarer kinds. [`Error::may_have_been_applied`] says whether the
    /// statement may have taken effect.
    pub fn execute<'v>(
        &'v self,
        statement: impl Into<Statement>,
        values: impl ToValues + Send + Sync + 'v,
    ) -> Pin<Box<dyn Future<Output = Result<QueryResult, Error>> + Send + 'v>> {
        let mut request = ExecuteRequest::from(statement.into());
        // Boxed once for the whole request. Unlike the opaque future of an `async fn`, the boxed
        // type does not depend on the type of the values. A type that cannot be bound therefore
        // causes only one compile error.
        Box::pin(async move {
            let deadline = self.executor.bind(&mut request, &values).await?;
            if request.bound.switches_keyspace() {
                return Box::pin(self.executor.switch_keyspace(request, deadline)).await;
            }
            let page = request.paging_state.as_ref();
            let encode_again = |metadata: &StatementMetadata| metadata.encode(&values);
            let result =
                self.executor.execute(&request, page, deadline, Some(&encode_again)).await?;
            Ok(result.with_statement(request.bound.kind))
        })
    }

    /// Executes a statement and returns a stream of its rows, over all pages.
    ///
    /// The stream fetches the next page while the caller reads the current one, and keeps at most
    /// two pages in memory. The first request is sent when the stream is first polled.
    ///
    /// [`RowStream::try_next`] returns one row after another. For rows that borrow from their page,
    /// such as `(&str,)`, [`RowStream::next_page`] returns the pages. Errors are returned by these
    /// methods.
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
        RowStream::new(Arc::clone(&self.executor), statement.into(), Arc::new(values))
    }

    /// Executes several statements in one request.
    ///
    /// Statements with values are prepared first, as in [`execute`](Self::execute).
    ///
    /// ```no_run
    /// use cqlwire::session::Batch;
    ///
    /// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// let batch = Batch::logged()
    ///     .statement("INSERT INTO users (username) VALUES (?)", ("ada",))
    ///     .statement("INSERT INTO users_by_city (city, username) VALUES (?, ?)", ("London", "ada"));
    /// session.batch(batch).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`execute`](Self::execute).
    pub async fn batch<'v>(&self, batch: impl Borrow<Batch<'v>>) -> Result<QueryResult, Error> {
        self.executor.batch(batch.borrow()).await
    }

    /// Prepares a statement for repeated execution.
    ///
    /// One node parses the text and returns the bind variables. The driver prepares the statement
    /// on another node when that node first executes it. If the text is in the session's cache, no
    /// request is sent. The options of `statement` become those of the prepared statement.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// let insert = session.prepare("INSERT INTO users (username) VALUES (?)").await?;
    /// for username in ["ada", "grace"] {
    ///     session.execute(&insert, (username,)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error of kind [`Server`](ErrorKind::Server) if the text has a syntax error or names
    /// an unknown table, and the errors of [`execute`](Self::execute) except
    /// [`Bind`](ErrorKind::Bind).
    pub async fn prepare(
        &self,
        statement: impl Into<Statement>,
    ) -> Result<PreparedStatement, Error> {
        self.executor.prepare(statement.into()).await
    }

    /// Returns the metrics of the session and its nodes: counters since the session connected, and
    /// current values of gauges.
    pub fn metrics(&self) -> Metrics {
        self.executor.metrics()
    }

    /// Returns the name of the session in metrics: see [`SessionBuilder::name`].
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

    /// Returns the schema. The first calls wait until the driver has read it, but no longer than
    /// the session's request timeout. Later calls return the latest schema at once.
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
    /// if its rows take more than 256 MiB of memory, or if the session is closed.
    pub async fn schema(&self) -> Result<Arc<Schema>, Error> {
        self.executor.schema().await
    }

    /// Subscribes to the cluster's events: nodes added, removed, up or down, and schema changes.
    /// The subscription starts now: it does not include earlier events. It also lacks those that happen
    /// while the control connection is being opened again.
    pub fn events(&self) -> ClusterEvents {
        ClusterEvents::new(self.executor.cluster.events())
    }

    /// Returns the session's keyspace, which applies to tables that a statement names without a
    /// keyspace. It is the keyspace of the last `USE`, or of the builder if there was no `USE`.
    /// Returns `None` if neither is set.
    pub fn keyspace(&self) -> Option<String> {
        self.executor.cluster.keyspace()
    }

    /// Returns the server's trace of a request that was executed with
    /// [`tracing`](Statement::tracing). `id` is the [`tracing_id`](QueryResult::tracing_id) of the
    /// request's result.
    ///
    /// The server writes the trace after it has responded. The method therefore polls for the
    /// trace, for up to 10 seconds. Parts that are still missing after this time are `None` or
    /// empty.
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
    /// Returns the errors of [`execute`](Self::execute).
    pub async fn trace(&self, id: Uuid) -> Result<Trace, Error> {
        self.executor.trace(id).await
    }

    /// Returns the page size of a statement with this profile in rows, or `None` if paging is off.
    pub(crate) fn page_size(&self, profile: &ExecutionProfile) -> Option<i32> {
        profile.page_size_in(&self.executor.defaults)
    }

    /// Waits for this time. Any executor may poll the future.
    pub(crate) async fn wait(&self, time: Duration) {
        let end = Instant::now().checked_add(time);
        let never = std::future::pending::<()>();
        let _elapsed = self.executor.cluster.runtime().timeout_at(end, never).await;
    }

    /// Closes the session and all its clones.
    ///
    /// The method waits until the requests in flight have been answered, but no longer than
    /// `timeout`, and then closes the connections. Later requests fail with an error of kind
    /// [`Closed`](ErrorKind::Closed).
    pub async fn close(&self, timeout: Duration) {
        self.executor.cluster.close(Instant::now().checked_add(timeout)).await;
        self.executor.publish();
    }
}

impl SessionBuilder {
    /// Connects to the cluster, and returns as soon as at least one node can serve requests.
    ///
    /// # Errors
    /// Returns an error if an option is invalid or no tokio runtime runs the future
    /// ([`ErrorKind::Config`]), no server can be reached
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
