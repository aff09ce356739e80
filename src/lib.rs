//! The Cassandra native protocol (v3, v4, v5): an async driver, and the codec below it for clients,
//! proxies, servers and test doubles.
//!
//! ```no_run
//! # #[cfg(all(feature = "driver", feature = "derive"))]
//! # mod program {
//! use cqlwire::{Compression, Error, FromRow, Session};
//!
//! #[derive(FromRow)]
//! struct User<'r> {
//!     username: &'r str, // borrowed from the response
//!     password: Option<&'r str>,
//! }
//!
//! # #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let session = Session::builder()
//!         .contact_points(["127.0.0.1"]) // names or addresses; the port is optional
//!         .keyspace("k8s_test")
//!         .compression(Compression::Lz4)
//!         .connect()
//!         .await?;
//!
//!     // A statement with values is prepared once, cached, and sent to a replica.
//!     let insert = "INSERT INTO users (username, password) VALUES (?, ?)";
//!     session.execute(insert, ("ada", "secret")).await?;
//!
//!     let result = session.execute("SELECT username, password FROM users", ()).await?;
//!     for user in result.rows::<User>()? { // column types are checked here, once
//!         let User { username, password } = user?; // each row is decoded here
//!         println!("{username}: {password:?}");
//!     }
//!     Ok(())
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! To query a cluster, start with [`Session::builder`]. To write a proxy or a server, start with
//! [`FrameDecoder`](wire::FrameDecoder) and [`RequestFrame`](message::RequestFrame). To test a program
//! without Cassandra, start with [`MockServer`](testing::MockServer).
//!
//! # Modules
//!
//! Each module is a layer, and uses only the layers above it in this table.
//!
//! | module | contents | feature |
//! |---|---|---|
//! | [`wire`] | frames, segments, compression, protocol notations and codes | |
//! | [`types`] | CQL types and values, rows, conversions from and to Rust types | |
//! | [`message`] | every request and response, encoded and decoded | |
//! | [`arrow`] | pages of rows as Arrow record batches | `arrow-60` |
//! | [`protocol`] | a connection as a state machine, without socket and clock | |
//! | [`partitioner`] | the tokens of partition keys | `driver` or `testing` |
//! | [`codec`] | encoders and decoders for `tokio_util`'s `Framed` | `tokio-util-07` |
//! | [`testing`] | [`MockServer`](testing::MockServer), for tests without Cassandra | `testing` |
//! | [`connection`] | one connection on tokio | `driver` |
//! | [`cluster`] | nodes, token ring, schema, load balancing | `driver` |
//! | [`session`] | sessions, statements, results | `driver` |
//! | [`table`] | whole tables, read from and written to all nodes at once | `driver` |
//!
//! # Features
//!
//! A feature only adds to the API. Without default features the crate is the codec alone: it
//! depends on `base16ct`, `bytes`, `crc32fast`, `lz4_flex`, `nom` and `uuid`, and needs no async runtime.
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `driver` | the driver on tokio | yes |
//! | `derive` | the derive macros [`FromRow`], [`ToValues`], [`FromCql`], [`ToCql`], `FromUdt`, `ToUdt` | yes |
//! | `tls` | TLS by rustls | |
//! | `rustls-023` | TLS with a `rustls::ClientConfig` of your own | |
//! | `snappy` | Snappy compression (v3 and v4) | |
//! | `futures-03` | `futures::Stream` for a session's streams of rows | |
//! | `metrics-024` | counters, gauges and histograms for the `metrics` facade | |
//! | `tokio-util-07` | the [`codec`] module | |
//! | `testing` | the [`testing`] module | |
//! | `arrow-60` | the [`arrow`] module |
//! | `chrono-04`, `time-03`, `jiff-02`, `jiff-1` | dates and times as types of these crates | |
//! | `bigdecimal-04`, `rust-decimal-1`, `num-bigint-04`, `num-bigint-05` | `decimal` and `varint` as types of these crates | |
//! | `serde-1` | `Serialize` for values | |
//! | `serde-json-1` | values from and to JSON | |
//! | `cli` | the programs `add_users`, `list_users` and `cqlwire` | |

#![cfg_attr(docsrs, feature(doc_cfg))]
// Input from the network must not cause a panic or a wrong length. A module that does no arithmetic
// with such input allows `arithmetic_side_effects` in its `mod.rs`.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

#[cfg(feature = "arrow-60")]
pub mod arrow;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod bulk;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "driver")]
pub mod cluster;
#[cfg(feature = "tokio-util-07")]
pub mod codec;
#[cfg(feature = "driver")]
pub mod connection;
#[cfg(any(feature = "driver", feature = "testing"))]
mod cql;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod decode;
#[cfg(any(feature = "driver", feature = "testing"))]
mod environment;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod message;
#[cfg(any(feature = "driver", feature = "testing"))]
pub mod partitioner;
pub mod protocol;
#[cfg(any(feature = "driver", feature = "testing"))]
#[cfg_attr(
    not(feature = "driver"),
    allow(dead_code, unused_imports, unreachable_pub, reason = "the driver exports the module")
)]
mod schema;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod serve;
#[cfg(feature = "driver")]
pub mod session;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod shell;
#[cfg(feature = "testing")]
mod store;
#[cfg(feature = "driver")]
mod sync;
#[cfg(feature = "driver")]
pub mod table;
#[cfg(feature = "testing")]
pub mod testing;
pub mod types;
pub mod wire;

#[cfg(feature = "simulation")]
#[doc(hidden)]
pub use environment::simulation;
#[cfg(feature = "driver")]
pub use session::{
    Batch, Error, ErrorKind, ExecutionProfile, PreparedStatement, QueryResult, RowStream, Session,
    SessionBuilder, Statement,
};
pub use types::{CqlType, FromCql, FromRow, ToCql, ToValues, Value};
#[cfg(feature = "derive")]
pub use types::{FromUdt, ToUdt};
pub use wire::{Compression, Consistency};

/// Compiles the examples of README.md.
#[cfg(all(doctest, feature = "driver", feature = "derive"))]
#[doc = include_str!("../README.md")]
struct Readme;
