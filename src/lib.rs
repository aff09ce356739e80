//! The Cassandra native protocol: a codec for both sides of the wire, and an async driver built on
//! it.
//!
//! | module | what it is | feature |
//! |---|---|---|
//! | [`wire`] | notations, frames, compression, codes | |
//! | [`types`] | CQL types and values, rows, and how Rust types go with them | |
//! | [`message`] | every message, both ways | |
//! | [`protocol`] | the connection as a state machine, without a socket or a clock | |
//! | [`codec`] | both sides for `tokio_util`'s `Framed` | `tokio-util-07` |
//! | [`connection`] | one connection on tokio | `driver` |
//! | [`cluster`] | its nodes, who has which token, its schema | `driver` |
//! | [`testing`] | a server for tests, which answers as it is told | `testing` |
//! | [`session`] | what users call | `driver` |
//!
//! A program begins with [`Session::builder`](session::Session::builder); a proxy, a server or a
//! test double with [`FrameDecoder`](wire::FrameDecoder) and [`RequestFrame`](message::RequestFrame).
//! Without the feature `driver`, which is on by default, there is only the codec.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "driver")]
pub mod cluster;
#[cfg(feature = "tokio-util-07")]
pub mod codec;
#[cfg(feature = "driver")]
pub mod connection;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod decode;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod message;
pub mod protocol;
#[cfg(feature = "driver")]
pub mod session;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod shell;
#[cfg(feature = "testing")]
pub mod testing;
pub mod types;
pub mod wire;
