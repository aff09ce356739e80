//! The Cassandra native protocol.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "driver")]
pub mod connection;
pub mod message;
pub mod protocol;
#[cfg(feature = "driver")]
pub mod session;
pub mod types;
pub mod wire;
