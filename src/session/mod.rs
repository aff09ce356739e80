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
//! Invariants: there is one request path, which every verb takes; a request is made
//! again only when that cannot do anything twice; an error names the node, the statement and what
//! may have happened.

mod batch;
mod builder;
mod cache;
mod contact;
mod error;
mod metrics;
mod node;
mod request;
mod result;
mod retry;
mod statement;
mod stream;

use std::sync::Arc;

use crate::types::ToValues;
use cache::PreparedCache;
use metrics::Recorder;
use node::Node;

pub use batch::Batch;
pub use builder::SessionBuilder;
pub use error::{Error, ErrorKind};
pub use metrics::Metrics;
pub use result::QueryResult;
pub use statement::{Prepared, Statement, StatementOptions};
pub use stream::RowStream;

/// A session with a Cassandra cluster.
///
/// It is cheap to clone; all clones are one session. When the last one is dropped, its connection
/// is closed.
#[derive(Debug, Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

/// What every clone of a session shares.
#[derive(Debug)]
struct Inner {
    node: Node,
    defaults: StatementOptions,
    prepared: PreparedCache,
    metrics: Recorder,
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
    pub async fn execute(
        &self,
        statement: impl Into<Statement>,
        values: impl ToValues,
    ) -> Result<QueryResult, Error> {
        let bound = {
            let statement = statement.into();
            self.inner.bind(&statement, &values).await?
        };
        Box::pin(self.inner.execute(&bound, None)).await
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
        RowStream::new(Arc::clone(&self.inner), statement.into(), Box::new(values))
    }

    /// Runs several statements as one.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn batch(&self, batch: &Batch<'_>) -> Result<QueryResult, Error> {
        self.inner.batch(batch).await
    }

    /// Has a statement parsed, so that it can be run many times.
    ///
    /// # Errors
    /// The server refused it, or there was no answer.
    pub async fn prepare(&self, statement: impl Into<Statement>) -> Result<Prepared, Error> {
        self.inner.prepare(statement.into()).await
    }

    /// What the session has done so far.
    pub fn metrics(&self) -> Metrics {
        self.inner.metrics.snapshot(self.inner.node.traffic())
    }
}
