//! A server in the process that answers as Cassandra does: test your program without a cluster.
//!
//! A [`MockServer`] listens on a real socket and speaks the native protocol v3, v4 and v5. Your
//! program connects to it with its usual driver, in any language. The server executes CQL on a
//! database in memory:
//!
//! ```
//! use cqlwire::session::Session;
//! use cqlwire::testing::MockServer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockServer::bind("127.0.0.1:0").await?;
//! let address = server.address().to_string();
//! let session = Session::builder().contact_points([address]).connect().await?;
//! let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
//! session.execute(format!("CREATE KEYSPACE app WITH replication = {replication}"), ()).await?;
//! session.execute("CREATE TABLE app.users (name text PRIMARY KEY, age int)", ()).await?;
//!
//! session.execute("INSERT INTO app.users (name, age) VALUES (?, ?)", ("ada", 36)).await?;
//! let result = session.execute("SELECT age FROM app.users WHERE name = ?", ("ada",)).await?;
//! assert_eq!(result.one::<(i32,)>()?, (36,));
//! # Ok(())
//! # }
//! ```
//!
//! The database is a double for tests: it is not durable, and it ignores replication and consistency
//! levels. It refuses statements that it does not support with an INVALID error that names the part.
//!
//! # Scripted replies
//!
//! A test chooses a [`Reply`] for some statements, or adds a [`Fault`], and afterwards checks which
//! statements the server received. A scripted reply takes precedence over the database.
//!
//! ```
//! use cqlwire::message::ErrorCode;
//! use cqlwire::session::Session;
//! use cqlwire::testing::{MockServer, Reply};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockServer::bind("127.0.0.1:0")
//!     .await?
//!     .on("SELECT username FROM users", Reply::rows(["username"], [["ada"], ["bob"]]))
//!     .on_any(Reply::error(ErrorCode::Overloaded, "try again later"));
//!
//! let address = server.address().to_string();
//! let session = Session::builder().contact_points([address]).connect().await?;
//!
//! let users = session.execute("SELECT username FROM users", ()).await?;
//! assert_eq!(users.rows::<(&str,)>()?.count(), 2);
//! assert!(session.execute("DROP TABLE users", ()).await.is_err());
//!
//! assert_eq!(server.statements(), ["SELECT username FROM users", "DROP TABLE users"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Failures and several nodes
//!
//! Servers that report each other as [peers](MockServer::peers) form a cluster. Here one of two nodes
//! is overloaded, and the session retries the read on the other one:
//!
//! ```
//! use std::time::Duration;
//!
//! use cqlwire::message::ErrorCode;
//! use cqlwire::session::Session;
//! use cqlwire::testing::{MockServer, Reply};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (one, two) = (MockServer::bind("127.0.0.1:0").await?, MockServer::bind("127.0.0.1:0").await?);
//! let nodes = [one.address(), two.address()];
//! let overloaded = one.peers(nodes).on_any(Reply::error(ErrorCode::Overloaded, "too busy"));
//! let healthy = two.peers(nodes).on("SELECT now", Reply::rows(["time"], [["noon"]]));
//!
//! let address = overloaded.address().to_string();
//! let session = Session::builder().contact_points([address]).connect().await?;
//! // `connect` returns when the first node is connected.
//! while session.metrics().connected_nodes < 2 {
//!     tokio::time::sleep(Duration::from_millis(1)).await;
//! }
//! for _ in 0..2 {
//!     let result = session.execute("SELECT now", ()).await?;
//!     assert_eq!(result.coordinator().address(), healthy.address());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Recipes
//!
//! | to test | use |
//! |---|---|
//! | statements of any kind, with a real schema | no reply: the server executes them |
//! | state: a read returns what was written | no reply: the server executes both |
//! | a query without a schema | [`Reply::rows`] |
//! | a write | [`Reply::void`] |
//! | a prepared statement with typed values | [`Reply::variables`] |
//! | the values that the program bound | [`MockServer::received`] and [`ReceivedRequest::values`] |
//! | a reply that depends on the bound values | [`Reply::computed`] |
//! | an error of the server | [`Reply::error`], or [`Reply::response`] for all its fields |
//! | a retry that succeeds | `Reply::error(..)`[`.then(Reply::void())`](Reply::then) |
//! | a slow server | [`Reply::after`], or [`Reply::when`] to release the response |
//! | a timeout | [`Reply::silence`] |
//! | a connection that breaks | [`Reply::close`] |
//! | a malformed response | [`Reply::bytes`] |
//! | warnings, a custom payload, a tracing id | [`Reply::warning`], [`Reply::custom_payload`], [`Reply::tracing_id`] |
//! | all statements of a form | [`MockServer::on_pattern`] |
//! | faults that begin and end while the program runs | [`MockServer::add_fault`] and [`Fault`] |
//! | broken connections, forgotten prepared statements | [`MockServer::close_connections`], [`MockServer::forget_prepared`] |
//! | login | [`MockServer::credentials`] |
//! | an older server | [`MockServer::version`] |
//! | a cluster of several nodes, nodes that stop and start | [`MockCluster`] |
//! | TLS | [`MockServer::tls`] |
//! | events: a node that is down, a changed schema | [`MockServer::emit`] |
//! | anything else | [`MockServer::on_request`], with the decoded request |
//!
//! # Behavior
//!
//! - **Statements** get, in this order: the effect of a [`Fault`], the reply of a handler of
//!   [`on_request`](MockServer::on_request), a reply set with [`on`](MockServer::on) or
//!   [`on_pattern`](MockServer::on_pattern), the reply of [`on_any`](MockServer::on_any), or the result
//!   of the database.
//! - **The database** is shared by the nodes of a [`MockCluster`]. It executes statements that define
//!   keyspaces, tables, types and indexes, `USE`, INSERT, UPDATE, DELETE, BATCH, TRUNCATE, SELECT and
//!   DESCRIBE, with the results and errors of Cassandra 5.0. The server announces a change of the
//!   schema to the clients that have registered for it.
//! - **Prepared statements** need no setup. A statement is prepared as the server will reply to it.
//! - **Rows** are sent in pages of the size that the request asks for.
//! - **Batches** get the first scripted reply to their statements that is not a result, for example an
//!   error. If there is none, the database executes the other statements together.
//! - **`USE`** requires that the keyspace exists. A server with scripted replies accepts every keyspace,
//!   and lists the keyspace `test`, to which the columns of replies belong.
//! - **System tables** describe the server as Cassandra 5.0.6, and the keyspaces that clients create:
//!   `system`, `system_schema`, `system_virtual_schema`, and the other system keyspaces without rows.
//!   [`on_any`](MockServer::on_any) does not apply to SELECTs from `system` and from keyspaces whose
//!   names begin with `system_`.
//! - **Stream ids**: a reply has the stream id of its request, even if the body of the request is invalid.
//!   Bytes without a valid header, for example a damaged segment, get a `PROTOCOL_ERROR` on stream 0,
//!   and the server closes the connection.
//! - **Tracing**: a request that asks for tracing gets a tracing id, and `system_traces` has its trace.
//! - **Versions** above [`MockServer::version`] and unknown versions, with or without the flag for beta
//!   versions, get a [`VersionRefusal`](crate::message::VersionRefusal), so that clients try a lower
//!   version. As in Cassandra 4 and 5, the ERROR is on stream 0 and the connection stays open.
//! - **Compression** is used if the client asks for it: LZ4, and Snappy with the feature `snappy`.
//! - **Memory**: a server keeps the statements that it [received](MockServer::received), unless
//!   [`keep_received`](MockServer::keep_received) limits them, the latest 10,000 prepared statements (64 MiB
//!   of text), and the latest 1,000 traces. A connection registers for at most 64 event types. It buffers a
//!   request of up to 256 MiB, also before the client has logged in, and then refuses those that exceed
//!   [`max_frame_body`](MockServer::max_frame_body). A statement that nests too deeply is a syntax error.
//! - **TLS** needs the feature `tls`: see [`MockServer::tls`].

mod cluster;
mod connection;
mod connections;
mod describe;
mod engine;
mod error_reply;
mod error_version;
mod fault;
mod handler;
mod handshake;
mod journal;
mod node_info;
mod pattern;
mod prepared;
mod received_request;
mod recent;
mod registered;
mod reply;
mod rows_response;
mod script;
mod server;
mod shared;
mod state;
mod step;
mod system_tables;
mod table;
#[cfg(feature = "tls")]
mod tls;
mod traces;
mod tracing;

pub use cluster::{MockCluster, MockClusterBuilder};
pub use fault::{Fault, FaultId};
pub use received_request::ReceivedRequest;
pub use reply::Reply;
pub use server::MockServer;
pub use table::ReplyColumn;
#[cfg(feature = "tls")]
pub use tls::ServerTls;
